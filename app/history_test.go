package app_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const history = `query($filter: PaymentFilter, $first: Int, $after: String, $last: Int, $before: String) {
	viewer { list: payments(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
		edges { cursor node { id status origin scheduledOn vehicle { id } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`

// addHistory adds payments of all states and origins to both vehicles, some on each of
// a few days.
func addHistory(t *testing.T, e *testenv.Env, c testenv.Customer) {
	t.Helper()
	account := e.Accounts(c.ID)[0].ID
	today := loan.DateOf(e.Clock.Now())
	err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
		for i := range 36 {
			on := today.AddDays(-i / 6)
			vehicle := []loan.VehicleID{c.LoanID, c.LeaseID}[i%5%2]
			if err := tx.InsertPayment(t.Context(), &loan.Payment{
				CustomerID: c.ID, ScheduledBy: c.ID, VehicleID: vehicle, PaymentAccountID: account, ConfirmationNumber: fmt.Sprintf("MP-%d-%d", c.ID, i),
				Amount: loan.Cents(100 + i), Kind: loan.KindRegular, Origin: loan.PaymentOrigins()[i%7%2], Status: loan.PaymentStatuses()[i%6],
				ScheduledOn: on, CreditedOn: on, DebitedOn: on, SubmittedAt: on.At(9), CancelBy: on.At(15),
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

type entry struct{ id, vehicle, status, origin, on string }

func entries(a testenv.Answer) (list []entry) {
	edges, _ := a.Get("viewer", "list", "edges").([]any)
	for i := range edges {
		text := func(path ...any) string {
			return a.Text(append([]any{"viewer", "list", "edges", i, "node"}, path...)...)
		}
		list = append(list, entry{text("id"), text("vehicle", "id"), text("status"), text("origin"), text("scheduledOn")})
	}
	return list
}

// Each filter gives, page by page and either way, what a look at all payments gives.
func TestPaymentFilter(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, stranger := e.AddCustomer(), e.AddCustomer()
		addHistory(t, e, c)
		addHistory(t, e, stranger)
		all := entries(e.Post(c.Token, history, testenv.Vars{"first": 100}))
		if len(all) != 36 {
			t.Fatalf("%d payments", len(all))
		}
		is := func(e entry, field string, values ...string) bool {
			return slices.Contains(values, map[string]string{"vehicle": e.vehicle, "status": e.status, "origin": e.origin}[field])
		}
		for name, test := range map[string]struct {
			filter testenv.Vars
			want   func(entry) bool
		}{
			"nothing chosen":      {testenv.Vars{}, func(entry) bool { return true }},
			"nulls":               {testenv.Vars{"vehicleIds": nil, "statuses": nil, "origin": nil, "from": nil, "to": nil}, func(entry) bool { return true }},
			"one vehicle":         {testenv.Vars{"vehicleIds": []string{c.Lease}}, func(e entry) bool { return is(e, "vehicle", c.Lease) }},
			"both":                {testenv.Vars{"vehicleIds": []string{c.Lease, c.Loan, c.Lease}}, func(entry) bool { return true }},
			"no vehicle":          {testenv.Vars{"vehicleIds": []string{}}, func(entry) bool { return false }},
			"another's vehicle":   {testenv.Vars{"vehicleIds": []string{stranger.Loan}}, func(entry) bool { return false }},
			"another's and one":   {testenv.Vars{"vehicleIds": []string{stranger.Loan, c.Loan, "x"}}, func(e entry) bool { return is(e, "vehicle", c.Loan) }},
			"an id of no vehicle": {testenv.Vars{"vehicleIds": []string{c.Account}}, func(entry) bool { return false }},
			"a state":             {testenv.Vars{"statuses": []string{"RETURNED"}}, func(e entry) bool { return is(e, "status", "RETURNED") }},
			"states":              {testenv.Vars{"statuses": []string{"SETTLED", "APPLIED", "SETTLED"}}, func(e entry) bool { return is(e, "status", "SETTLED", "APPLIED") }},
			"no state":            {testenv.Vars{"statuses": []string{}}, func(entry) bool { return false }},
			"Auto Pay":            {testenv.Vars{"origin": "AUTO_PAY"}, func(e entry) bool { return is(e, "origin", "AUTO_PAY") }},
			"from a day on":       {testenv.Vars{"from": "2026-11-16"}, func(e entry) bool { return e.on >= "2026-11-16" }},
			"to a day":            {testenv.Vars{"to": "2026-11-15"}, func(e entry) bool { return e.on <= "2026-11-15" }},
			"one day":             {testenv.Vars{"from": "2026-11-15", "to": "2026-11-15"}, func(e entry) bool { return e.on == "2026-11-15" }},
			"before all":          {testenv.Vars{"to": "1999-01-01"}, func(entry) bool { return false }},
			"everything chosen": {testenv.Vars{"vehicleIds": []string{c.Loan}, "statuses": []string{"CANCELED", "SCHEDULED", "SETTLED"}, "origin": "CUSTOMER", "from": "2026-11-14", "to": "2026-11-17"},
				func(e entry) bool {
					return is(e, "vehicle", c.Loan) && is(e, "status", "CANCELED", "SCHEDULED", "SETTLED") && is(e, "origin", "CUSTOMER") && e.on >= "2026-11-14" && e.on <= "2026-11-17"
				}},
		} {
			var want []entry
			for _, entry := range all {
				if test.want(entry) {
					want = append(want, entry)
				}
			}
			var forward, backward []entry
			for vars := (testenv.Vars{"filter": test.filter, "first": 4}); ; {
				got := e.Post(c.Token, history, vars)
				forward = append(forward, entries(got)...)
				if got.Get("viewer", "list", "pageInfo", "hasNextPage") != true {
					break
				}
				vars["after"] = got.Text("viewer", "list", "pageInfo", "endCursor")
			}
			for vars := (testenv.Vars{"filter": test.filter, "last": 3}); ; {
				got := e.Post(c.Token, history, vars)
				backward = append(entries(got), backward...)
				if got.Get("viewer", "list", "pageInfo", "hasPreviousPage") != true {
					break
				}
				vars["before"] = got.Text("viewer", "list", "pageInfo", "startCursor")
			}
			if !slices.Equal(forward, want) || !slices.Equal(backward, want) {
				t.Errorf("%s: want %v\nforward %v\nbackward %v", name, want, forward, backward)
			}
			// A vehicle has its part of it.
			of := e.Post(c.Token, `query($id: ID!, $filter: PaymentFilter) { node(id: $id) { ... on Vehicle { payments(filter: $filter, first: 100) { edges { node { id } } } } } }`,
				testenv.Vars{"id": c.Loan, "filter": test.filter})
			edges, _ := of.Get("node", "payments", "edges").([]any)
			n := 0
			for _, entry := range want {
				if entry.vehicle == c.Loan {
					n++
				}
			}
			if len(edges) != n {
				t.Errorf("%s: the loan has %d, want %d", name, len(edges), n)
			}
		}
		for name, filter := range map[string]testenv.Vars{
			"from after to":     {"from": "2026-11-16", "to": "2026-11-15"},
			"too many vehicles": {"vehicleIds": slices.Repeat([]string{c.Loan}, 51)},
			"too many states":   {"statuses": slices.Repeat([]string{"APPLIED"}, 21)},
			"no date":           {"from": "2026-02-30"},
		} {
			if got := e.Post(c.Token, history, testenv.Vars{"filter": filter}); got.Code() != "BAD_USER_INPUT" {
				t.Errorf("%s: %s", name, got.Raw)
			}
			if got := e.Post(c.Token, `query($filter: PaymentFilter) { viewer { paymentsExportUrl(filter: $filter) } }`, testenv.Vars{"filter": filter}); got.Code() != "BAD_USER_INPUT" {
				t.Errorf("an export, %s: %s", name, got.Raw)
			}
		}
	})
}

// What is paid counts in the year of its credit, to a joint owner too. What comes back
// is taken off there, even in the next year.
func TestYearlyTotals(t *testing.T) {
	const totals = `{ viewer { vehicles { id yearlyTotals { year paid { amount } interestPaid { amount } principalPaid { amount } feesPaid { amount } instalmentsPaid { amount } } } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, partner := e.AddCustomer(), e.AddCustomer()
		if err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, c.LoanID) }); err != nil {
			t.Fatal(err)
		}
		years := func(token string, vehicle int) (lines []string) {
			got := e.Post(token, totals, nil)
			all, _ := got.Get("viewer", "vehicles", vehicle, "yearlyTotals").([]any)
			for i := range all {
				amount := func(name string) string {
					return got.Text("viewer", "vehicles", vehicle, "yearlyTotals", i, name, "amount")
				}
				lines = append(lines, fmt.Sprint(got.Get("viewer", "vehicles", vehicle, "yearlyTotals", i, "year"), " ", amount("paid"), " ",
					amount("interestPaid"), " ", amount("principalPaid"), " ", amount("feesPaid"), " ", amount("instalmentsPaid")))
			}
			return lines
		}
		if got := years(c.Token, 0); len(got) != 0 {
			t.Errorf("before any payment: %v", got)
		}
		pay := func(key, vehicle, amount, on string) string {
			t.Helper()
			paid := e.Post(c.Token, schedule, order(c, key, testenv.Vars{"vehicleId": vehicle, "amount": testenv.Vars{"fixed": amount}, "scheduledOn": on}))
			if paid.Code() != "" {
				t.Fatal(paid.Raw)
			}
			return paid.Text("schedulePayment", "payment", "confirmationNumber")
		}
		// $20,000 at 5.75 % for 30 days: $94.52 of interest, the golden case of the rules.
		pay("golden", c.Loan, "425.00", "2026-11-18")
		pay("lease", c.Lease, "389.00", "2026-11-18")
		last := pay("December", c.Loan, "100.00", "2026-12-31")
		e.MoveTo("2026-11-18 15:00:00")
		c.Token, partner.Token = e.OpenSession(c.ID), e.OpenSession(partner.ID)
		if got := years(c.Token, 0); !slices.Equal(got, []string{"2026 425.00 94.52 330.48 0.00 0.00"}) {
			t.Errorf("the loan: %v", got)
		}
		if got := years(c.Token, 1); !slices.Equal(got, []string{"2026 389.00 0.00 0.00 0.00 389.00"}) {
			t.Errorf("the lease: %v", got)
		}
		e.MoveTo("2026-12-31 15:00:00")
		c.Token = e.OpenSession(c.ID)
		// 43 days of interest are more than $100.
		if got := years(c.Token, 0); !slices.Equal(got, []string{"2026 525.00 194.52 330.48 0.00 0.00"}) {
			t.Errorf("at the end of the year: %v", got)
		}
		// Of the interest of 43 days $33.24 were left, and two days added $6.20.
		pay("January", c.Loan, "50.00", "2027-01-02")
		e.MoveTo("2027-01-02 15:00:00")
		if code := e.Return(last, "R01"); code != http.StatusOK {
			t.Fatalf("the return: %d", code)
		}
		c.Token, partner.Token = e.OpenSession(c.ID), e.OpenSession(partner.ID)
		want := []string{"2027 50.00 39.44 10.56 0.00 0.00", "2026 425.00 94.52 330.48 0.00 0.00"}
		if got := years(c.Token, 0); !slices.Equal(got, want) {
			t.Errorf("after the return: %v", got)
		}
		if got := years(partner.Token, 0); !slices.Equal(got, want) {
			t.Errorf("a joint owner sees %v", got)
		}
	})
}

// An export is what the list has, with where each payment went, for a spreadsheet that
// does not calculate with what is only text.
func TestPaymentsExport(t *testing.T) {
	const link = `query($filter: PaymentFilter) { viewer { paymentsExportUrl(filter: $filter) } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, partner := e.AddCustomer(), e.AddCustomer()
		if err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, c.LoanID) }); err != nil {
			t.Fatal(err)
		}
		alter(t, e, "UPDATE vehicles SET make = $2, model = $3 WHERE id = $1", int64(c.LeaseID), `Ford, Inc. "Söhne"`, "A\nB")
		first := e.Post(c.Token, schedule, order(c, "first", testenv.Vars{"amount": testenv.Vars{"fixed": "425.00"}})).Text("schedulePayment", "payment", "confirmationNumber")
		second := e.Post(c.Token, schedule, order(c, "second", testenv.Vars{"vehicleId": c.Lease, "scheduledOn": "2026-12-01"})).Text("schedulePayment", "payment", "confirmationNumber")
		third := e.Post(partner.Token, schedule, order(partner, "third", testenv.Vars{"vehicleId": c.Loan, "amount": testenv.Vars{"fixed": "1234.56"}})).Text("schedulePayment", "payment", "confirmationNumber")
		e.MoveTo("2026-11-18 15:00:00")
		if code := e.Return(third, "R02"); code != http.StatusOK {
			t.Fatalf("the return: %d", code)
		}
		c.Token, partner.Token = e.OpenSession(c.ID), e.OpenSession(partner.ID)
		alter(t, e, "UPDATE payments SET confirmation_number = '=1+' || confirmation_number WHERE confirmation_number = $1", third)
		export := func(token, language string, filter testenv.Vars) [][]string {
			t.Helper()
			code, _, content := e.Download(token, e.PostIn(language, token, link, testenv.Vars{"filter": filter}).Text("viewer", "paymentsExportUrl"))
			if code != http.StatusOK || strings.Count(content, "\n") < strings.Count(content, "\r\n") || !strings.HasSuffix(content, "\r\n") {
				t.Fatalf("the export: %d %s", code, content)
			}
			records, err := csv.NewReader(strings.NewReader(content)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			return records
		}
		account := e.Accounts(c.ID)[0].Last4
		rows := map[string][]string{
			second: {"2026-12-01", "2025 Ford, Inc. \"Söhne\" A\nB", "7730", second, "50.00", "SCHEDULED", "", "", "", "", account},
			third:  {"2026-11-18", "2022 Chevrolet Equinox", "4821", "'=1+" + third, "1234.56", "RETURNED", "0.00", "0.00", "0.00", "0.00", ""},
			first:  {"2026-11-18", "2022 Chevrolet Equinox", "4821", first, "425.00", "APPLIED", "330.48", "94.52", "0.00", "0.00", account},
		}
		english := []string{"Date", "Vehicle", "Account ending", "Confirmation number", "Amount", "Status", "Principal", "Interest", "Fees", "Lease instalments", "Paid from account ending"}
		for name, test := range map[string]struct {
			filter testenv.Vars
			want   []string
		}{
			"all":               {nil, []string{second, third, first}},
			"of the lease":      {testenv.Vars{"vehicleIds": []string{c.Lease}}, []string{second}},
			"of none":           {testenv.Vars{"vehicleIds": []string{}}, nil},
			"another's":         {testenv.Vars{"vehicleIds": []string{partner.Lease}}, nil},
			"applied, returned": {testenv.Vars{"statuses": []string{"APPLIED", "RETURNED"}}, []string{third, first}},
			"of some days":      {testenv.Vars{"from": "2026-11-18", "to": "2026-11-30", "origin": "CUSTOMER"}, []string{third, first}},
			"by Auto Pay":       {testenv.Vars{"origin": "AUTO_PAY"}, nil},
		} {
			got := export(c.Token, "", test.filter)
			want := [][]string{english}
			for _, number := range test.want {
				want = append(want, rows[number])
			}
			if !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s:\n%q\nwant\n%q", name, got, want)
			}
		}
		if head := export(c.Token, "es", nil)[0]; !slices.Equal(head, []string{"Fecha", "Vehículo", "Cuenta terminada en", "Número de confirmación", "Importe", "Estado",
			"Capital", "Intereses", "Cargos", "Cuotas de arrendamiento", "Pagado desde la cuenta terminada en"}) {
			t.Errorf("in Spanish: %q", head)
		}
		// Of the joint owner's own account they see the number, of the other's not.
		seen := map[string]string{}
		for _, row := range export(partner.Token, "", nil)[1:] {
			seen[row[3]] = row[10]
		}
		if want := map[string]string{first: "", "'=1+" + third: e.Accounts(partner.ID)[0].Last4}; !maps.Equal(seen, want) {
			t.Errorf("a joint owner sees %v, want %v", seen, want)
		}
	})
}

// Too much to export is refused, and not cut short in silence.
func TestPaymentsExportIsBounded(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		account := int64(e.Accounts(c.ID)[0].ID)
		numbers := "SELECT * FROM generate_series(1, 10001) AS s(i)"
		if engine == testenv.Embedded {
			numbers = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 10001) SELECT * FROM s"
		}
		alter(t, e, `INSERT INTO payments (customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents, kind, origin, status,
			scheduled_on, credited_on, debited_on, submitted_at, cancel_by)
			SELECT $1, $1, $2, $3, 'X-' || i, 1, 'REGULAR', 'CUSTOMER', CASE i WHEN 1 THEN 'CANCELED' ELSE 'SETTLED' END,
			'2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01 00:00:00+00:00', '2026-01-02 00:00:00+00:00' FROM (`+numbers+`) r`, int64(c.ID), int64(c.LoanID), account)
		got := e.Post(c.Token, `{ viewer { all: paymentsExportUrl, some: paymentsExportUrl(filter: {statuses: [SETTLED]}) } }`, nil)
		code, _, content := e.Download(c.Token, got.Text("viewer", "all"))
		if code != http.StatusUnprocessableEntity || content != "{\"status\":\"These are more than 10,000 payments. Export fewer at a time.\"}\n" {
			t.Errorf("10,001 payments: %d %s", code, content)
		}
		code, _, content = e.Download(c.Token, got.Text("viewer", "some"))
		if code != http.StatusOK || strings.Count(content, "\r\n") != 10_001 {
			t.Errorf("10,000 payments: %d, %d lines", code, strings.Count(content, "\r\n"))
		}
	})
}
