package app_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

// balanced checks the books after a day.
func balanced(t *testing.T, e *testenv.Env) {
	t.Helper()
	if list, err := e.App.Servicing.Reconcile(t.Context()); err != nil {
		t.Fatalf("%v: %+v", err, list)
	}
}

// A payment is applied by the run of its cut-off, as it was previewed, is in one
// file, and settles two banking days after its debit.
func TestPaymentIsApplied(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		pay := func(key, amount, on string) string {
			return e.Post(c.Token, schedule, order(c, key, testenv.Vars{"amount": testenv.Vars{"fixed": amount}, "scheduledOn": on})).Text("schedulePayment", "payment", "id")
		}
		today, saturday := pay("1", "425.00", "2026-11-18"), pay("2", "100.00", "2026-11-21")
		canceled := pay("3", "75.00", "2026-11-18")
		e.Post(c.Token, cancel, testenv.Vars{"id": canceled, "yes": true})

		status := func(id string) string {
			token := e.OpenSession(c.ID)
			return e.Post(token, `query($id: ID!) { node(id: $id) { ... on Payment { status } } }`, testenv.Vars{"id": id}).Text("node", "status")
		}
		e.MoveTo("2026-11-18 14:59:59.999999")
		if got := status(today); got != "SCHEDULED" {
			t.Errorf("before its cut-off it is %s", got)
		}
		e.MoveTo("2026-11-18 15:00:00")
		if a, b, x := status(today), status(saturday), status(canceled); a != "APPLIED" || b != "SCHEDULED" || x != "CANCELED" {
			t.Errorf("after the cut-off they are %s, %s, %s", a, b, x)
		}
		balanced(t, e)
		// The golden case: 94.52 of 425.00 is interest.
		postings, err := e.App.Store.Postings(t.Context(), c.ID, c.LoanID)
		if err != nil || len(postings) != 3 {
			t.Fatalf("the ledger has %+v, %v", postings, err)
		}
		if p := postings[2]; p.Kind != loan.PostPayment || p.Interest != -94_52 || p.Principal != -330_48 || p.EffectiveOn != loan.DateOf(testenv.Noon) {
			t.Errorf("posted %+v", p)
		}
		e.MoveTo("2026-11-24 00:00:00")
		if a, b := status(today), status(saturday); a != "SETTLED" || b != "APPLIED" {
			t.Errorf("two banking days later they are %s, %s", a, b)
		}
		balanced(t, e)
		files := e.Outbox()
		if len(files) != 2 {
			t.Errorf("the outbox holds %d files, want 2", len(files))
		}
		if f := files["20261118-1500-A.ach"]; !strings.Contains(f, "0000042500") || strings.Contains(f, "0000007500") {
			t.Errorf("the file of the first run:\n%s", f)
		}
		want := "payment.scheduled payment.scheduled payment.scheduled payment.canceled payment.applied payment.applied"
		if actions := strings.Join(e.Actions(c.ID), " "); actions != want {
			t.Errorf("the audit tells of %s", actions)
		}
	})
}

// A run that is hours or days late gives the same books as one in time, but for
// the bank's dates.
func TestLateRun(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		books := func(late bool) []loan.Cents {
			e := testenv.New(t, engine)
			c := e.AddCustomer()
			for i, on := range []string{"2026-11-18", "2026-11-19", "2026-11-21"} {
				e.Post(c.Token, schedule, order(c, on, testenv.Vars{"scheduledOn": on, "amount": testenv.Vars{"fixed": []string{"425.00", "300.00", "12.34"}[i]}}))
			}
			if late {
				e.At("2026-11-23 20:00:00") // nothing has run since noon
				if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			} else {
				e.MoveTo("2026-11-23 20:00:00")
			}
			balanced(t, e)
			postings, err := e.App.Store.Postings(t.Context(), c.ID, c.LoanID)
			if err != nil {
				t.Fatal(err)
			}
			var amounts []loan.Cents
			for _, p := range postings {
				amounts = append(amounts, p.Cash, p.Interest, p.Principal, p.Fees, loan.Cents(p.EffectiveOn.Day))
			}
			return amounts
		}
		inTime, late := books(false), books(true)
		if len(inTime) != len(late) || len(inTime) < 20 {
			t.Fatalf("in time %v\nlate %v", inTime, late)
		}
		for i := range inTime {
			if inTime[i] != late[i] {
				t.Fatalf("in time %v\nlate %v", inTime, late)
			}
		}
	})
}

func TestSandboxClock(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	post := func(body string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/sandbox/clock", bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for _, test := range []struct {
		body   string
		status int
		now    string
	}{
		{`{"advance": "26h"}`, 200, "2026-11-19T19:00:00Z"},
		{`{"now": "2026-12-01T12:00:00-05:00"}`, 200, "2026-12-01T17:00:00Z"},
		{`{"now": "2026-11-30T12:00:00-05:00"}`, 409, "2026-12-01T17:00:00Z"},
		{`{"advance": "-1h"}`, 409, "2026-12-01T17:00:00Z"},
		{`{"advance": "soon"}`, 400, "2026-12-01T17:00:00Z"},
		{`{}`, 400, "2026-12-01T17:00:00Z"},
		{`{"then": 1}`, 400, "2026-12-01T17:00:00Z"},
	} {
		if got := post(test.body); got != test.status || e.Clock.Now().Format(time.RFC3339) != test.now {
			t.Errorf("%s answers %d, and it is %v", test.body, got, e.Clock.Now())
		}
	}
	if _, err := os.Stat(filepath.Join(e.App.Config.Outbox)); err == nil {
		t.Error("runs without payments made files")
	}
}

// play is a customer whose contracts are played to their end.
type play struct {
	*testenv.Env
	t *testing.T
	c testenv.Customer
}

// ask sends an operation in a session of its own: the last one has expired.
func (p play) ask(query string, vars testenv.Vars) testenv.Answer {
	p.t.Helper()
	got := p.Post(p.OpenSession(p.c.ID), query, vars)
	if len(got.Errors) > 0 || got.Code() != "" {
		p.t.Fatalf("%v: %s", p.Clock.Now(), got.Raw)
	}
	return got
}

func (p play) setUpAutoPay(vehicle string) {
	p.t.Helper()
	p.ask(`mutation($v: ID!, $a: ID!) { setUpAutoPay(input: {idempotencyKey: "auto-`+vehicle+`", vehicleId: $v, paymentAccountId: $a,
		amount: {amountDue: true}, day: {daysBeforeDue: 2}, authorized: true}) { userErrors { code } } }`,
		testenv.Vars{"v": vehicle, "a": p.c.Account})
}

// A 36-month loan is played from its first day to its payoff, and a 24-month lease
// to its last instalment, through the public API and the sandbox's clock: Auto Pay
// pays both; one month is missed, because the customer cancels; one debit comes
// back for want of money and is tried again; the loan is paid off early. The books
// balance after every day, and nothing is left.
func TestContractsPlayedToTheEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("plays three years")
	}
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := play{testenv.New(t, engine), t, testenv.Customer{}}
		p.c = p.AddContracts(
			&loan.Loan{
				Terms: loan.Terms{AccountNumberLast4: "3636", OpenedOn: day("2026-11-15"), MaturesOn: day("2029-11-15"), TermMonths: 36,
					Instalment: 606_17, CurrentDue: 606_17, DueOn: day("2026-12-15"), DueDay: 15},
				AmountFinanced: 20_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: day("2026-11-15"),
			},
			&loan.Lease{
				Terms: loan.Terms{AccountNumberLast4: "2424", OpenedOn: day("2026-10-31"), MaturesOn: day("2028-10-31"), TermMonths: 24,
					Instalment: 389_00, CurrentDue: 389_00, DueOn: day("2026-11-30"), DueDay: 31},
				PurchaseOption: 16_500_00, InstalmentsRemaining: 23,
			},
		)
		p.setUpAutoPay(p.c.Loan)
		p.setUpAutoPay(p.c.Lease)
		pending := func(vehicle string) (id, on string) {
			got := p.ask(`query($id: ID!) { node(id: $id) { ... on Vehicle { pendingPayments { edges { node { id scheduledOn origin } } } } } }`, testenv.Vars{"id": vehicle})
			return got.Text("node", "pendingPayments", "edges", 0, "node", "id"), got.Text("node", "pendingPayments", "edges", 0, "node", "scheduledOn")
		}
		var returned string
		for on := day("2026-11-19"); on.Before(day("2028-12-31")); on = on.AddDays(1) {
			p.MoveTo(on.String() + " 19:00:00")
			balanced(t, p.Env)
			switch on.String() {
			case "2027-03-08": // the payment of March is planned for the 13th, and cancelled
				id, planned := pending(p.c.Loan)
				if planned != "2027-03-13" {
					t.Fatalf("Auto Pay planned %s", planned)
				}
				p.ask(cancel, testenv.Vars{"id": id, "yes": true})
			case "2027-03-17": // and not planned again
				if got := p.ask(`query($id: ID!) { node(id: $id) { ... on Vehicle { pastDue { amount } dueOn } } }`, testenv.Vars{"id": p.c.Loan}); got.Text("node", "pastDue", "amount") != "606.17" {
					t.Errorf("after the missed month: %s", got.Raw)
				}
			case "2027-06-15": // the debit of June 13 comes back
				got := p.ask(`query($id: ID!) { node(id: $id) { ... on Vehicle { payments(first: 1) { edges { node { id status } } } } } }`, testenv.Vars{"id": p.c.Loan})
				returned = got.Text("node", "payments", "edges", 0, "node", "id")
				if code := p.Return(returned, "R01"); code != 200 {
					t.Fatalf("returning answers %d: %s", code, p.Log)
				}
				again := p.Return(returned, "R01") // the same return once more changes nothing
				if _, on := pending(p.c.Loan); again != 200 || on != "2027-06-16" {
					t.Errorf("it is tried again on %q", on)
				}
			case "2028-06-20": // the loan is paid off before its time
				p.ask(schedule, order(p.c, "payoff", testenv.Vars{"scheduledOn": "2028-06-21", "amount": testenv.Vars{"due": "PAYOFF"}}))
			}
		}
		got := p.ask(`query($id: ID!) { node(id: $id) { ... on Payment { status returnCode } } }`, testenv.Vars{"id": returned})
		if got.Text("node", "status") != "RETURNED" || got.Text("node", "returnCode") != "R01" {
			t.Errorf("the returned payment: %s", got.Raw)
		}
		end := p.ask(`{ viewer { vehicles { amountDue { amount } pastDue { amount } autoPay { nextRuns { on } } pendingPayments { edges { node { id } } }
			contract { payoff(on: "2029-12-31") { amount { amount } } } } } }`, nil)
		for i, payoff := range []string{"0.00", "16500.00"} { // what is left of the lease is the option to buy
			v := []any{"viewer", "vehicles", i}
			if end.Text(append(v, "amountDue", "amount")...) != "0.00" || end.Text(append(v, "contract", "payoff", "amount", "amount")...) != payoff ||
				end.Get(append(v, "pendingPayments", "edges", 0)...) != nil || end.Get(append(v, "autoPay", "nextRuns", 0)...) != nil {
				t.Errorf("at the end of vehicle %d: %s", i, end.Raw)
			}
		}
		// Cash in is what the customer paid; one return took one payment back.
		counts := map[loan.PaymentStatus]int{}
		var paid loan.Cents
		for _, payment := range p.Payments(p.c.ID) {
			counts[payment.Status]++
			if payment.Status == loan.Settled || payment.Status == loan.Applied {
				paid += payment.Applied
			}
		}
		var cash loan.Cents
		for _, id := range []loan.VehicleID{p.c.LoanID, p.c.LeaseID} {
			postings, err := p.App.Store.Postings(t.Context(), p.c.ID, id)
			if err != nil {
				t.Fatal(err)
			}
			for _, posting := range postings {
				cash += posting.Cash
			}
		}
		if cash != paid || counts[loan.Returned] != 1 || counts[loan.Canceled] != 1 || counts[loan.Scheduled] != 0 {
			t.Errorf("paid %v, cash %v, payments %v", paid, cash, counts)
		}
	})
}

func day(s string) loan.Date {
	d, err := loan.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}
