package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// races is how cancels meet the run: each customer has one payment a day, and the
// run starts once some of the day's cancels are through, others each day.
type races struct {
	*testenv.Env
	customers []testenv.Customer
	days      int
	won, lost atomic.Int64 // cancels in time, against the run
}

// race is one payment that is cancelled while the run takes it.
type race struct {
	customer testenv.Customer
	payment  loan.PaymentID
	at       time.Time // when the cancel is received
	token    string    // of a session, where it comes over HTTP
	canceled bool      // as the client is told
}

// A cancel that races the run: exactly one of them wins, and the client is told
// which. From the cut-off on it is the run.
func TestCancelAgainstRun(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		r, customers := &races{Env: testenv.New(t, engine), days: 10}, 100
		if engine == testenv.Embedded || testing.Short() {
			r.days, customers = 4, 40
		}
		for range customers {
			r.customers = append(r.customers, r.AddCustomer())
		}
		var all []*race
		for day := range r.days {
			all = append(all, r.day(t, day)...)
		}
		r.check(t, all)
		balanced(t, r.Env)
		// Who comes first is the scheduler's affair: it is told, not demanded.
		t.Logf("of the cancels in time %d won and %d lost", r.won.Load(), r.lost.Load())
	})
}

// day makes a payment of each customer and lets cancels and the run at them.
func (r *races) day(t *testing.T, day int) []*race {
	on := loan.DateOf(testenv.Noon).AddDays(day)
	cutoff := on.At(loan.FirstCutoffHour)
	instants := []time.Time{cutoff.Add(-time.Millisecond), cutoff, cutoff.Add(time.Millisecond)}
	all := make([]*race, len(r.customers))
	for i, c := range r.customers {
		all[i] = &race{customer: c, payment: r.schedule(t, c, on), at: instants[i%3]}
	}
	// The clock stands at one of the instants for those that come over HTTP.
	if err := r.Clock.SetTo(instants[day%3]); err != nil {
		t.Fatal(err)
	}
	for i := day % 3; i < len(all); i += 15 {
		all[i].token = r.OpenSession(all[i].customer.ID)
	}

	var through atomic.Int64
	start := make(chan struct{})
	before := int64(len(all) * day / r.days)
	var group sync.WaitGroup
	group.Go(func() {
		<-start
		if err := r.App.Servicing.RunDue(t.Context(), cutoff); err != nil {
			t.Errorf("the run: %v", err)
		}
	})
	if before == 0 {
		close(start)
	}
	next := make(chan *race)
	for range len(all) / 10 {
		group.Go(func() {
			for one := range next {
				r.cancel(t, one)
				if through.Add(1) == before {
					close(start)
				}
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	group.Wait()
	return all
}

func (r *races) schedule(t *testing.T, c testenv.Customer, on loan.Date) loan.PaymentID {
	t.Helper()
	amount := loan.Cents(50_00).Amount()
	account, _ := graph.DecodeNodeID(c.Account).(loan.PaymentAccountID)
	payment, _, err := r.App.Servicing.SchedulePayment(received(t.Context(), on.At(12)), auth.Viewer{CustomerID: c.ID}, servicing.SchedulePaymentInput{
		IdempotencyKey: "race-" + on.String(), VehicleID: c.LoanID, ScheduledOn: on,
		Amount:         servicing.PaymentAmountInput{Fixed: &amount},
		PaymentAccount: servicing.PaymentSourceInput{Saved: &account},
	})
	if err != nil {
		t.Fatal(err)
	}
	return payment.ID
}

// received is the context of a request that was received at an instant.
func received(ctx context.Context, at time.Time) context.Context {
	return auth.WithRequest(ctx, auth.Request{ID: "race", Address: "127.0.0.1", At: at})
}

// paymentID is the global id of a payment.
func paymentID(id loan.PaymentID) string {
	var b strings.Builder
	graph.MarshalPaymentID(id).MarshalGQL(&b)
	return strings.Trim(b.String(), `"`)
}

// cancel notes what the client is told.
func (r *races) cancel(t *testing.T, one *race) {
	if one.token != "" {
		got := r.Post(one.token, cancel, testenv.Vars{"id": paymentID(one.payment), "yes": true})
		one.canceled = got.Text("cancelPayment", "payment", "status") == "CANCELED"
		if !one.canceled && got.Code() != "CANCEL_WINDOW_CLOSED" {
			t.Errorf("a cancel of payment %d answers %s", one.payment, got.Raw)
		}
	} else {
		payment, err := r.App.Servicing.CancelPayment(received(t.Context(), one.at), auth.Viewer{CustomerID: one.customer.ID},
			servicing.CancelPaymentInput{PaymentID: one.payment, Confirm: true})
		one.canceled = err == nil
		switch closed := (*loan.CancelWindowClosed)(nil); {
		case err == nil && payment.Status != loan.Canceled:
			t.Errorf("a cancel leaves payment %d %s", one.payment, payment.Status)
		case err != nil && !errors.As(err, &closed):
			t.Errorf("a cancel of payment %d: %v", one.payment, err)
		}
	}
	inTime := one.at.Before(loan.DateOf(one.at).At(loan.FirstCutoffHour))
	switch {
	case one.canceled && !inTime:
		t.Errorf("payment %d was cancelled at %v, after its cut-off", one.payment, one.at)
	case one.canceled:
		r.won.Add(1)
	case inTime:
		r.lost.Add(1)
	}
}

// check compares what clients were told with the books and with the files.
func (r *races) check(t *testing.T, all []*race) {
	t.Helper()
	told := map[loan.PaymentID]*race{}
	for _, one := range all {
		told[one.payment] = one
	}
	traces := tracesIn(r.Outbox())
	for _, c := range r.customers {
		posted := map[loan.PaymentID]int{}
		postings, err := r.App.Store.Postings(t.Context(), c.ID, c.LoanID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range postings {
			if p.Kind == loan.PostPayment {
				posted[*p.PaymentID]++
			}
		}
		var want []string
		payments := r.Payments(c.ID)
		for _, p := range payments {
			_, trace, err := r.App.Store.Books().EntryOfPayment(t.Context(), p.ID)
			switch one := told[p.ID]; {
			case one == nil:
				t.Errorf("nobody scheduled payment %d", p.ID)
			case one.canceled:
				if p.Status != loan.Canceled || p.CanceledAt == nil || !p.CanceledAt.Equal(one.at) || posted[p.ID] != 0 || !errors.Is(err, store.ErrNotFound) {
					t.Errorf("payment %d was cancelled at %v: it is %s, canceled at %v, with %d postings and entry %q (%v)",
						p.ID, one.at, p.Status, p.CanceledAt, posted[p.ID], trace, err)
				}
				want = append(want, "payment.canceled")
			default:
				// In ten days the first ones settle.
				if p.Status != loan.Applied && p.Status != loan.Settled || posted[p.ID] != 1 || err != nil || traces[trace] != 1 {
					t.Errorf("payment %d was not cancelled: it is %s, with %d postings and %d lines of entry %q in files (%v)",
						p.ID, p.Status, posted[p.ID], traces[trace], trace, err)
				}
				want = append(want, "payment.applied")
			}
			want = append(want, "payment.scheduled")
		}
		actions := r.Actions(c.ID)
		slices.Sort(actions)
		slices.Sort(want)
		if len(payments) != r.days || !slices.Equal(actions, want) {
			t.Errorf("customer %d has %d payments, and the audit tells of %v", c.ID, len(payments), actions)
		}
	}
}

// tracesIn counts the entries of files by their trace numbers.
func tracesIn(files map[string]string) map[string]int {
	traces := map[string]int{}
	for name, file := range files {
		for line := range strings.Lines(file) {
			if line[0] == '6' && len(line) >= 94 {
				traces[line[79:94]]++
			}
		}
		if !strings.HasSuffix(name, ".ach") {
			traces[fmt.Sprintf("of no file: %s", name)]++
		}
	}
	return traces
}
