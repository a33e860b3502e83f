package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

// pushLater sends what is due after a while.
func pushLater(t *testing.T, e *testenv.Env, after time.Duration) {
	t.Helper()
	if err := e.Clock.SetTo(e.Clock.Now().Add(after)); err != nil {
		t.Fatal(err)
	}
	push(t, e)
}

// An operator has deliveries made anew: what waits after it has failed, what was given up,
// and what was delivered.
func TestOpsWebhook(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p, other, ops := e.AddCustomer(), e.AddPartner(everything), e.AddPartner(everything), console{e, t}
		rec := newReceiver(t)
		global := rec.endpoint(t, e, p)
		endpoint := graph.DecodeNodeID(global).(loan.WebhookID)
		id := fmt.Sprint(int64(endpoint))
		e.Grant(c, p, allGranted...)
		e.Grant(c, other, allGranted...)
		e.Post(p.Token, schedule, partnerOrder(c, "1"))
		rec.answers(http.StatusInternalServerError)
		push(t, e)
		for range 2 { // the third try is five minutes before the fourth
			pushLater(t, e, time.Minute)
		}
		events := toldTo(t, e, p)
		if all, _ := rec.hooks(); len(events) != 2 || len(all) != 6 {
			t.Fatalf("%d events were sent %d times", len(events), len(all))
		}
		given, scheduled := events[0].id, events[1].id
		taken := func(want ...string) {
			t.Helper()
			_, taken := rec.hooks()
			var got []string
			for _, h := range taken {
				got = append(got, h.id)
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("taken %v, want %v", got, want)
			}
		}
		status := func(event string) (found struct{ EventID, Type, Status, LastFailure string }) {
			t.Helper()
			var list []struct{ EventID, Type, Status, LastFailure string }
			if err := json.Unmarshal([]byte(ops.must([]string{"ops", "webhook", "deliveries", global, "--json"})), &list); err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				if d.EventID == event {
					return d
				}
			}
			return found
		}
		ops.must([]string{"ops", "webhook", "deliveries", id}, given, "payment.scheduled", "WAITING", "500", "STATUS")

		// What the command line and the rules refuse sends nothing.
		for _, args := range [][]string{{}, {"--event", given, "--failed-since", "2026-11-18T12:00"}, {"--failed-since", "noon"}} {
			if _, err := ops.run(append(by("ada", "ops", "webhook", "resend", id), args...)...); !errors.Is(err, app.ErrUsage) {
				t.Errorf("%v: %v", args, err)
			}
		}
		theirs := toldTo(t, e, other)[0].id
		ops.refused(loan.CodeInvalidInput, "ops", "webhook", "resend", id, "--event", given, "--operator", "ada")
		ops.refused(loan.CodeNotFound, by("ada", "ops", "webhook", "resend", "4711", "--event", given)...)
		ops.refused(loan.CodeNotFound, by("ada", "ops", "webhook", "resend", id, "--event", given, "--event", theirs)...)
		ops.refused(loan.CodeNotFound, by("ada", "ops", "webhook", "resend", id, "--event", "no-event")...)
		ops.refused(loan.CodeNotFound, "ops", "webhook", "deliveries", "4711")
		rec.answersBy(func(_ http.ResponseWriter, r *http.Request) int {
			if r.Header.Get("webhook-id") == given {
				return http.StatusInternalServerError
			}
			return http.StatusOK
		})
		pushLater(t, e, time.Minute)
		taken()

		ops.must(by("ada", "ops", "webhook", "resend", id, "--failed-since", "2026-11-18T12:00"), "2 deliveries to endpoint "+id)
		pushLater(t, e, time.Minute)
		taken(scheduled)
		pushLater(t, e, loan.WebhookPatience)
		if got := status(given); got.Status != "FAILED" || got.LastFailure != "STATUS" || got.Type != "grant.given" {
			t.Fatalf("the one that fails is %+v", got)
		}

		// Given up, it is sent once more, and what was delivered is, too, under its id.
		rec.answers(http.StatusOK)
		pushLater(t, e, time.Minute)
		taken(scheduled)
		ops.must(by("ben", "ops", "webhook", "resend", global, "--failed-since", "2026-11-18T12:00", "--json"), `"deliveries": 1`)
		pushLater(t, e, time.Minute)
		taken(scheduled, given)
		ops.must(by("ben", "ops", "webhook", "resend", id, "--failed-since", "2026-11-18T12:00"), "0 deliveries")
		number := fmt.Sprint(int64(graph.DecodeNodeID(scheduled).(loan.PartnerEventID)))
		ops.must(by("ben", "ops", "webhook", "resend", id, "--event", number, "--event", scheduled), "1 deliveries")
		pushLater(t, e, time.Minute)
		taken(scheduled, given, scheduled)
		if got := status(scheduled); got.Status != "DELIVERED" {
			t.Errorf("it is %+v", got)
		}

		// To an endpoint that is disabled nothing is sent.
		ops.must([]string{"webhook", "disable", id, "--operator", "ada"})
		ops.refused(loan.CodeWebhookDisabled, by("ada", "ops", "webhook", "resend", id, "--event", given)...)
		ops.must([]string{"webhook", "enable", id, "--operator", "ada"})
		ops.must([]string{"partner", "revoke", fmt.Sprint(int64(p.PartnerID)), "--operator", "ada"})
		ops.refused(loan.CodeWebhookDisabled, by("ada", "ops", "webhook", "resend", id, "--event", given)...)
		pushLater(t, e, time.Minute)
		taken(scheduled, given, scheduled)

		var resent []string
		audit, err := e.App.Store.Audit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range audit {
			if entry.Action == "webhook.replayed" {
				resent = append(resent, entry.Actor+" "+entry.Subject+" "+entry.Detail)
			}
		}
		since := `{"failedSince":"2026-11-18T17:00:00Z","reason":"the customer called, case 4711"}`
		want := []string{
			"operator:ada webhook:" + id + " " + since, "operator:ben webhook:" + id + " " + since, "operator:ben webhook:" + id + " " + since,
			"operator:ben webhook:" + id + ` {"events":[` + number + `],"reason":"the customer called, case 4711"}`,
		}
		if got := strings.Join(resent, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("the audit has\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
		ops.must([]string{"audit", "verify"})
	})
}
