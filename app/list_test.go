package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const home = `{ viewer { firstName lastName
	vehicles { year make model vin accountNumberLast4 amountDue { formatted } dueOn pastDue { amount }
		contract { accountNumberLast4 payoff(on: "2026-11-18") { amount { amount } perDiem } ... on Loan { principal { amount } annualPercentageRate } ... on Lease { instalmentsRemaining } }
		autoPay { status amount { amount } paymentAccount { last4 } nextRun { on amount { amount } } }
		pendingPayments(first: 10) { edges { node { confirmationNumber amount { formatted } scheduledOn cancelBy canCancel status paymentAccount { last4 nickname } } } }
		statements(first: 3) { edges { node { issuedOn amountDue { formatted } } } } }
	paymentAccounts { last4 nickname isDefault } } }`

// addVehicles adds n loans, each with pending payments, Auto Pay and statements.
func addVehicles(t *testing.T, e *testenv.Env, c testenv.Customer, n int) {
	t.Helper()
	now := e.Clock.Now()
	today := loan.DateOf(now)
	account := e.Accounts(c.ID)[0].ID
	days := 5
	err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
		for i := range n {
			v := &loan.Vehicle{CustomerID: c.ID, Year: 2020, Make: "Buick", Model: "Encore", VIN: "V", Contract: &loan.Loan{
				Terms:     loan.Terms{AccountNumberLast4: fmt.Sprintf("%04d", i), OpenedOn: today, MaturesOn: today.AddMonths(60), TermMonths: 60, Instalment: 100_00, DueOn: today.AddDays(9)},
				Principal: 5_000_00, AnnualRate: 4000, InterestPaidThrough: today}}
			if err := tx.InsertVehicle(t.Context(), v); err != nil {
				return err
			}
			if err := tx.InsertAutoPay(t.Context(), &loan.AutoPay{CustomerID: c.ID, SetUpBy: c.ID, VehicleID: v.ID, PaymentAccountID: account, Status: loan.AutoPayActive,
				AmountKind: loan.AutoPayAmountDue, DaysBeforeDue: &days, SetUpAt: now, ChangedAt: now}); err != nil {
				return err
			}
			for j := range 5 {
				slot, err := e.App.Servicing.Timing.Schedule(now, today.AddDays(1+j/2)) // two on a day
				if err != nil {
					return err
				}
				if err := tx.InsertPayment(t.Context(), &loan.Payment{CustomerID: c.ID, ScheduledBy: c.ID, VehicleID: v.ID, PaymentAccountID: account,
					ConfirmationNumber: fmt.Sprintf("MP-%d-%d-%d", c.ID, v.ID, j), Amount: 100, Kind: loan.KindRegular, Origin: loan.OriginCustomer, Status: loan.Scheduled,
					ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn, SubmittedAt: slot.SubmittedAt, CancelBy: slot.CancelBy}); err != nil {
					return err
				}
				on := today.AddMonths(-j)
				if err := tx.InsertStatements(t.Context(), []*loan.Statement{{CustomerID: c.ID, VehicleID: v.ID, Kind: loan.ContractLoan, IssuedOn: on, PeriodFrom: on, PeriodTo: on, DueOn: on}}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The home screen takes as many statements for 50 vehicles as for one, and at
// most 7. So does whatever else goes from payments back to vehicles.
func TestStatementsPerOperation(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		few, many := e.AddCustomer(), e.AddCustomer()
		addVehicles(t, e, few, 1)
		addVehicles(t, e, many, 50)
		for name, test := range map[string]struct {
			query string
			most  int64
		}{
			"home":                    {home, 7},
			"lists of the viewer":     {`{ viewer { pendingPayments { edges { node { id vehicle { vin } } } } payments { edges { node { id } } } statements { edges { node { id vehicle { vin } } } } } }`, 5},
			"back to the vehicles":    {`{ viewer { payments(first: 100) { edges { node { vehicle { pendingPayments { edges { node { id } } } autoPay { status } statements { edges { node { id } } } } } } } } }`, 6},
			"statements in full":      {`{ viewer { vehicles { statements(first: 2) { edges { node { lines { on } messages { kind } servicer { name } recipient { name } corrects { id lines { on } } correctedBy { id } } } } } } }`, 5},
			"the same list in pages":  {`{ viewer { vehicles { a: payments(first: 1) { edges { node { id } } } b: payments(last: 2) { edges { node { id } } } } } }`, 4},
			"a list that is filtered": {`{ viewer { payments(filter: {statuses: [SCHEDULED], from: "2026-11-01"}) { edges { node { id } } } vehicles { payments(filter: {statuses: [SCHEDULED], from: "2026-11-01"}) { edges { node { id } } } } } }`, 4},
			"years and consents":      {`{ viewer { vehicles { yearlyTotals { year paid { amount } } onlineStatements { since consent { version } } } } }`, 4},
		} {
			one, fifty := e.Statements(few.Token, test.query), e.Statements(many.Token, test.query)
			if one != fifty || fifty > test.most {
				t.Errorf("%s: %d statements for 3 vehicles and %d for 52, want at most %d", name, one, fifty, test.most)
			}
		}
	})
}

// Going through a list page by page, either way, meets each entry once, in order.
func TestPages(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		addVehicles(t, e, c, 3)
		for _, list := range []string{"pendingPayments", "payments", "statements"} {
			query := `query($first: Int, $after: String, $last: Int, $before: String) { viewer { list: ` + list +
				`(first: $first, after: $after, last: $last, before: $before) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
			all := ids(e.Post(c.Token, query, testenv.Vars{"first": 100}))
			if len(all) != 15 {
				t.Fatalf("%s has %d entries, want 15", list, len(all))
			}
			var forward, backward []string
			for vars := (testenv.Vars{"first": 4}); ; {
				got := e.Post(c.Token, query, vars)
				forward = append(forward, ids(got)...)
				if got.Get("viewer", "list", "pageInfo", "hasNextPage") != true {
					break
				}
				vars["after"] = got.Text("viewer", "list", "pageInfo", "endCursor")
			}
			for vars := (testenv.Vars{"last": 4}); ; {
				got := e.Post(c.Token, query, vars)
				backward = append(ids(got), backward...)
				if got.Get("viewer", "list", "pageInfo", "hasPreviousPage") != true {
					break
				}
				vars["before"] = got.Text("viewer", "list", "pageInfo", "startCursor")
			}
			if !slices.Equal(forward, all) || !slices.Equal(backward, all) {
				t.Errorf("%s: all %v\nforward %v\nbackward %v", list, all, forward, backward)
			}
			for _, vars := range []testenv.Vars{{"first": 0}, {"first": -1}, {"first": 101}, {"last": 101}, {"first": 1, "last": 1}, {"after": "x"}, {"before": c.Loan}} {
				if got := e.Post(c.Token, query, vars); got.Code() != "BAD_USER_INPUT" {
					t.Errorf("%s with %v: %s", list, vars, got.Raw)
				}
			}
		}
	})
}

func ids(a testenv.Answer) (list []string) {
	edges, _ := a.Get("viewer", "list", "edges").([]any)
	for _, edge := range edges {
		node, _ := edge.(map[string]any)["node"].(map[string]any)
		list = append(list, node["id"].(string))
	}
	return list
}

func TestNodes(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		o := ownAll(t, e)
		asked := []any{o.payment, "x", o.Loan, o.autoPay, o.statement, o.Account, o.viewer, o.Lease, o.payment}
		got := e.Post(o.Token, `query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }`, testenv.Vars{"ids": asked})
		for i, id := range asked {
			if found := got.Get("nodes", i, "id"); found != id && !(id == "x" && found == nil) {
				t.Errorf("node %d is %v, want %v", i, found, id)
			}
		}
		tooMany := make([]string, 51)
		if got := e.Post(o.Token, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, testenv.Vars{"ids": tooMany}); got.Code() != "BAD_USER_INPUT" {
			t.Errorf("51 ids: %s", got.Raw)
		}
	})
}

func TestPaymentDates(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	e.At("2026-11-25 16:00:00")
	c.Token = e.OpenSession(c.ID)
	got := e.Post(c.Token, `{ viewer { vehicles { paymentDates(from: "2026-11-20", to: "2026-11-28") { on cancelBy creditedOn debitedOn } } } nextCutoff { now today at scheduledOn } }`, nil)
	dates, _ := got.Get("viewer", "vehicles", 0, "paymentDates").([]any)
	want := []string{
		"2026-11-25 2026-11-25T23:00:00Z 2026-11-25 2026-11-27", // the 18:00 run; Thanksgiving follows
		"2026-11-26 2026-11-26T20:00:00Z 2026-11-26 2026-11-27",
		"2026-11-27 2026-11-27T20:00:00Z 2026-11-27 2026-11-27",
		"2026-11-28 2026-11-28T20:00:00Z 2026-11-28 2026-11-30",
	}
	if len(dates) != len(want) {
		t.Fatalf("the dates are %s", got.Raw)
	}
	for i, date := range dates {
		d, _ := date.(map[string]any)
		if line := fmt.Sprint(d["on"], " ", d["cancelBy"], " ", d["creditedOn"], " ", d["debitedOn"]); line != want[i] {
			t.Errorf("date %d is %s, want %s", i, line, want[i])
		}
	}
	if got.Text("nextCutoff", "at") != "2026-11-25T23:00:00Z" || got.Text("nextCutoff", "now") != e.Clock.Now().Format(time.RFC3339) {
		t.Errorf("the next cut-off: %s", got.Raw)
	}
}
