package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

func eventsOf(t *testing.T, e *testenv.Env, customer loan.CustomerID) []store.Event {
	t.Helper()
	events, err := e.App.Store.EventsAfter(t.Context(), customer, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// Whatever becomes of a payment, of Auto Pay or of a contract is told, whoever does it:
// as often as the audit says that it was done.
func TestEverythingIsTold(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		for _, code := range []string{"R01", "R02"} { // the first is tried again, the second closes the account
			e := testenv.New(t, engine)
			c := e.AddCustomer()
			p := play{e, t, c}
			p.setUpAutoPay(c.Lease)
			first := p.ask(schedule, order(c, "1", testenv.Vars{"amount": testenv.Vars{"fixed": "425.00"}})).Text("schedulePayment", "payment", "id")
			second := p.ask(schedule, order(c, "2", testenv.Vars{"scheduledOn": "2026-12-15"})).Text("schedulePayment", "payment", "id")
			third := p.ask(schedule, order(c, "3", testenv.Vars{"scheduledOn": "2026-12-16"})).Text("schedulePayment", "payment", "id")
			p.ask(cancel, testenv.Vars{"id": third, "yes": true})
			p.c.Token = e.OpenSession(c.ID) // the first one has had to go
			p.ask(goOnline, consent(e, p.c, c.Loan))
			e.MoveTo("2026-11-19 12:00:00")
			if status := e.Return(first, code); status != 200 {
				t.Fatalf("%s answers %d: %s", code, status, e.Log)
			}
			e.MoveTo("2026-12-31 12:00:00")
			_ = second

			told, last := map[string]int{}, map[int64]loan.EventKind{}
			for _, event := range eventsOf(t, e, c.ID) {
				told[string(event.Kind)]++
				if event.Kind.OfPayment() {
					last[event.SubjectID] = event.Kind
				}
				if event.CustomerID != c.ID || event.At.Before(testenv.Noon) || event.At.After(e.Clock.Now()) {
					t.Errorf("%s: %+v", code, event)
				}
			}
			done := map[string]int{"payment.settled": told["payment.settled"]}
			for _, action := range e.Actions(c.ID) {
				switch kind, _, _ := strings.Cut(action, "."); {
				case action == "payment.represented":
					done["payment.scheduled"]++
				case kind == "payment":
					done[action]++
				case kind == "auto_pay":
					done["auto_pay.changed"]++
				}
			}
			for kind, n := range done {
				if told[kind] != n {
					t.Errorf("%s: %s was done %d times, and told %d times", code, kind, n, told[kind])
				}
			}
			for _, payment := range e.Payments(c.ID) {
				if want := loan.EventKind("payment." + strings.ToLower(string(payment.Status))); last[int64(payment.ID)] != want {
					t.Errorf("%s: payment %d is %s, and the last event %s", code, payment.ID, payment.Status, last[int64(payment.ID)])
				}
			}
			if code == "R01" && told["payment.settled"] == 0 || told["vehicle.updated"] == 0 || told["payment.returned"] != 1 {
				t.Errorf("%s: told %v", code, told)
			}
		}
	})
}

// Events are kept for as long as a cursor is good, and a little longer.
func TestEventsAreForgotten(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		for i := range 3 {
			e.Post(c.Token, schedule, order(c, fmt.Sprint(i), testenv.Vars{"scheduledOn": fmt.Sprintf("2026-11-%d", 25+i)}))
		}
		cursor := cursorNow(e, c.Token)
		e.Clock.Advance(6 * 24 * time.Hour)
		forget := func() int64 {
			n, err := e.App.Servicing.ForgetEvents(t.Context(), e.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := forget(); n != 0 {
			t.Errorf("%d were forgotten too soon", n)
		}
		s := connect(t, e, e.OpenSession(c.ID))
		s.follow("1", cursor)
		s.subscribe("2", `{ viewer { id } }`, nil)
		if got := s.answer(); got.Text("viewer", "id") == "" {
			t.Errorf("a cursor of six days: %s", got.Raw)
		}
		e.Clock.Advance(24*time.Hour + time.Microsecond)
		if n := forget(); n != 3 || len(eventsOf(t, e, c.ID)) != 0 {
			t.Errorf("%d were forgotten", n)
		}
		next := e.Post(e.OpenSession(c.ID), schedule, order(c, "new", testenv.Vars{"scheduledOn": "2026-11-29"}))
		if events := eventsOf(t, e, c.ID); next.Code() != "" || !slices.ContainsFunc(events, func(e store.Event) bool { return e.ID > 3 }) {
			t.Errorf("after that: %s, %+v", next.Raw, events)
		}
	})
}
