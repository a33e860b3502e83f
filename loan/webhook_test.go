package loan_test

import (
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// A delivery that never succeeds is tried for exactly three days, ever less often.
func TestRetryWebhook(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	now, before, tries := first, time.Duration(0), 0
	for {
		tries++
		next, again := loan.RetryWebhook(now, first, tries)
		if !again {
			break
		}
		pause := next.Sub(now)
		if pause < before && !next.Equal(first.Add(loan.WebhookPatience)) {
			t.Errorf("try %d waits %v, after %v", tries, pause, before)
		}
		now, before = next, pause
	}
	if !now.Equal(first.Add(72*time.Hour)) || tries != 17 {
		t.Errorf("the last of %d tries is after %v", tries, now.Sub(first))
	}
	for _, late := range []time.Duration{72 * time.Hour, 100 * time.Hour} { // the clock was moved
		if next, again := loan.RetryWebhook(first.Add(late), first, 2); again {
			t.Errorf("after %v it is tried at %v", late, next)
		}
	}
	if next, again := loan.RetryWebhook(first.Add(71*time.Hour), first, 9); !again || !next.Equal(first.Add(72*time.Hour)) {
		t.Errorf("an hour before the end the next try is at %v, %t", next, again)
	}
}

func TestDeliveryStatus(t *testing.T) {
	t.Parallel()
	at := time.Now()
	for want, d := range map[loan.DeliveryStatus]loan.WebhookDelivery{
		loan.DeliveryWaiting: {NextTryAt: &at, DeliveredAt: &at}, loan.DeliveryDelivered: {DeliveredAt: &at}, loan.DeliveryFailed: {},
	} {
		if got := d.Status(); got != want {
			t.Errorf("%+v is %s, want %s", d, got, want)
		}
	}
}
