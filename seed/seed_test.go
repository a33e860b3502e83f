package seed_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

func deps(e *testenv.Env) seed.Deps {
	return seed.Deps{
		Store: e.App.Store, Sessions: e.App.Sessions, Vault: e.App.Vault,
		Hasher: e.App.Servicing.Hasher, Timing: e.App.Servicing.Timing, Servicer: e.App.Servicing.Servicer,
	}
}

// books is all that a customer has.
type books struct {
	customer   *loan.Customer
	vehicles   []*loan.Vehicle
	accounts   []*loan.PaymentAccount
	autoPays   []*loan.AutoPay
	payments   []loan.Payment
	statements []loan.Statement
	ledgers    map[loan.VehicleID][]loan.LedgerEntry
}

func read(t *testing.T, e *testenv.Env, username string) (b books) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(username, err)
		}
	}
	credentials, err := e.App.Store.CredentialsOf(ctx, username, "", time.Time{})
	must(err)
	id := credentials.CustomerID
	b.customer, err = e.App.Store.Customer(ctx, id)
	must(err)
	b.vehicles, err = e.App.Store.Vehicles(ctx, id)
	must(err)
	b.accounts, err = e.App.Store.PaymentAccounts(ctx, id)
	must(err)
	b.autoPays, err = e.App.Store.AutoPays(ctx, id)
	must(err)
	b.payments = e.Payments(id)
	ids := make([]loan.VehicleID, len(b.vehicles))
	for i, v := range b.vehicles {
		ids[i] = v.ID
	}
	listed, err := e.App.Store.Statements(ctx, id, ids, store.Page{Limit: 1000})
	must(err)
	var named []loan.StatementID
	for _, s := range listed {
		named = append(named, s.ID)
	}
	b.statements, err = e.App.Store.StatementsInFull(ctx, id, named)
	must(err)
	slices.SortFunc(b.statements, func(a, b loan.Statement) int { return int(a.ID - b.ID) })
	b.ledgers, err = e.App.Store.Books().Ledgers(ctx, ids)
	must(err)
	return b
}

// check holds what is true of every customer that is made here.
func check(t *testing.T, e *testenv.Env, b books) {
	t.Helper()
	now := e.Clock.Now()
	name := b.customer.Username
	defaults := 0
	for _, a := range b.accounts {
		if a.IsDefault {
			defaults++
		}
		if err := loan.CheckRoutingNumber(a.RoutingNumber); err != nil {
			t.Errorf("%s: routing number %s: %v", name, a.RoutingNumber, err)
		}
	}
	if defaults != 1 {
		t.Errorf("%s has %d default accounts, want 1", name, defaults)
	}
	for _, p := range b.payments {
		checkPayment(t, now, e.App.Servicing.Timing, p)
	}
	for _, v := range b.vehicles {
		checkContract(t, now, v, b)
	}
}

func checkPayment(t *testing.T, now time.Time, timing loan.Timing, p loan.Payment) {
	t.Helper()
	slot, err := timing.Schedule(p.SubmittedAt, p.ScheduledOn)
	got := loan.Slot{SubmittedAt: p.SubmittedAt, ScheduledOn: p.ScheduledOn, CancelBy: p.CancelBy, CreditedOn: p.CreditedOn, DebitedOn: p.DebitedOn}
	if err != nil || !got.CancelBy.Equal(slot.CancelBy) || got.CreditedOn != slot.CreditedOn || got.DebitedOn != slot.DebitedOn {
		t.Errorf("payment %d has the slot %+v, the rule gives %+v, %v", p.ID, got, slot, err)
	}
	if p.SubmittedAt.After(now) || !p.CancelBy.After(p.SubmittedAt) {
		t.Errorf("payment %d was submitted at %v for the cut-off %v", p.ID, p.SubmittedAt, p.CancelBy)
	}
	if pending := p.Status == loan.Scheduled; pending != p.ScheduledOn.After(loan.DateOf(now)) {
		t.Errorf("payment %d is %s and its cut-off is %v", p.ID, p.Status, p.CancelBy)
	}
	if canceled := p.Status == loan.Canceled; canceled != (p.CanceledAt != nil) ||
		canceled && (p.CanceledAt.Before(p.SubmittedAt) || !loan.MayCancel(*p.CanceledAt, p.CancelBy)) {
		t.Errorf("payment %d is %s, cancelled at %v", p.ID, p.Status, p.CanceledAt)
	}
	ran := p.Status == loan.Applied || p.Status == loan.Settled || p.Status == loan.Returned
	if ran != (p.Applied == p.Amount) || ran != (p.AppliedAt != nil) || ran && p.AppliedAt.Before(p.CancelBy) {
		t.Errorf("payment %d is %s, %s of %s applied at %v", p.ID, p.Status, p.Applied, p.Amount, p.AppliedAt)
	}
	if returned := p.Status == loan.Returned; returned != (p.ReturnCode != "") || returned && (p.ReturnedAt == nil || p.ReturnedAt.After(now)) {
		t.Errorf("payment %d is %s, returned with %q at %v", p.ID, p.Status, p.ReturnCode, p.ReturnedAt)
	}
	if automatic := p.Origin == loan.OriginAutoPay; automatic != (p.AutoPayID != nil) || automatic == p.DueOn.IsZero() {
		t.Errorf("payment %d is of %s, for Auto Pay %v and the due date %s", p.ID, p.Origin, p.AutoPayID, p.DueOn)
	}
}

// checkContract holds the statements of a vehicle against its contract and its
// payments.
func checkContract(t *testing.T, now time.Time, v *loan.Vehicle, b books) {
	t.Helper()
	terms, today := v.Contract.Common(), loan.DateOf(now)
	if terms.DueOn.Before(today) || today.AddMonths(1).Before(terms.DueOn) {
		t.Errorf("vehicle %d is due on %s", v.ID, terms.DueOn)
	}
	if terms.OpenedOn.AddMonths(terms.TermMonths) != terms.MaturesOn {
		t.Errorf("vehicle %d: %d months from %s to %s", v.ID, terms.TermMonths, terms.OpenedOn, terms.MaturesOn)
	}
	// The ledger is whole: it begins with the opening, has each payment that was applied,
	// and adds up to what is owed.
	ledger := b.ledgers[v.ID]
	if ledger[0].Kind != loan.PostOpening {
		t.Errorf("the ledger of vehicle %d begins with %+v", v.ID, ledger[0])
	}
	cash := loan.Cents(0)
	owed := map[string]loan.Cents{}
	for _, e := range ledger {
		cash += e.Cash
		owed["principal"] += e.Principal
		owed["instalments"] += e.Instalments
	}
	for _, p := range b.payments {
		if p.VehicleID == v.ID && (p.Status == loan.Settled || p.Status == loan.Applied) {
			cash -= p.Applied
		}
	}
	balance := owed["principal"]
	if l, ok := v.Contract.(*loan.Loan); ok && balance != l.Principal {
		t.Errorf("the ledger of vehicle %d has the principal %s, the contract %s", v.ID, balance, l.Principal)
	} else if !ok {
		balance = owed["instalments"]
	}
	if cash != 0 {
		t.Errorf("the ledger and the payments of vehicle %d differ by %s", v.ID, cash)
	}
	// The statements are those that the rule makes of it: a chain, in which each posting
	// is once, up to the day.
	opening, from, on := loan.Cents(0), ledger[0].EffectiveOn, map[loan.StatementID]int{}
	for _, e := range ledger {
		if e.StatementID != nil {
			on[*e.StatementID]++
		} else {
			balance -= e.Principal + e.Instalments
		}
	}
	for _, s := range b.statements {
		if s.VehicleID != v.ID {
			continue
		}
		if s.OpeningBalance != opening || s.PeriodFrom != from || s.IssuedOn != s.PeriodTo.AddDays(1) || s.IssuedOn != s.DueOn.AddDays(-loan.StatementDays) || s.IssuedOn.After(today) || len(s.Lines) != on[s.ID] {
			t.Errorf("statement %d of %s for %s..%s has %d lines, opens with %s; want %d, %s", s.ID, s.IssuedOn, s.PeriodFrom, s.PeriodTo, len(s.Lines), s.OpeningBalance, on[s.ID], opening)
		}
		if last := s.Balances[len(s.Balances)-1]; s.Name != b.customer.FirstName+" "+b.customer.LastName || s.Servicer.Name == "" || last.Amount != s.ClosingBalance || len(s.Balances) > 13 {
			t.Errorf("the paper of statement %d is %+v", s.ID, s.Paper)
		}
		for _, l := range s.Lines {
			opening -= l.Principal + l.Instalments
		}
		if s.ClosingBalance != opening {
			t.Errorf("statement %d closes with %s, its lines make %s", s.ID, s.ClosingBalance, opening)
		}
		from = s.IssuedOn
	}
	if balance != opening {
		t.Errorf("the last statement of vehicle %d closed with %s, the ledger says %s", v.ID, opening, balance)
	}
	if _, due := loan.NextCycle(v.Contract, ledger, from.AddDays(-1), today); due && len(b.statements) > 0 {
		t.Errorf("a statement of vehicle %d is due, and not there", v.ID)
	}
}

// checkNumbers opens every sealed account number, and looks for it in clear.
func checkNumbers(t *testing.T, e *testenv.Env, want int) {
	t.Helper()
	engine, source := "postgres", e.App.Config.DatabaseURL
	if path, embedded := strings.CutPrefix(source, "sqlite:"); embedded {
		engine, source = "sqlite", path
	}
	db, err := sql.Open(engine, source)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT customer_id, last4, number_sealed, fingerprint FROM payment_accounts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	dump, opened := e.Dump(), 0
	for rows.Next() {
		var owner loan.CustomerID
		var last4 string
		var sealed, fingerprint []byte
		if err := rows.Scan(&owner, &last4, &sealed, &fingerprint); err != nil {
			t.Fatal(err)
		}
		number, err := e.App.Vault.Unseal(sealed, servicing.AccountBinding(owner, fingerprint))
		if err != nil || !strings.HasSuffix(number, last4) || loan.CheckAccountNumber(number) != nil {
			t.Errorf("customer %d: a number of %d digits ends in %s, %v", owner, len(number), last4, err)
		}
		if number == "" || strings.Contains(dump, number) {
			t.Errorf("customer %d: the account number is in the database in clear", owner)
		}
		opened++
	}
	if err := rows.Err(); err != nil || opened != want {
		t.Errorf("%d numbers opened, %v; want %d", opened, err, want)
	}
}

func TestDemo(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		for range 2 {
			if err := seed.Demo(t.Context(), deps(e), e.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		demo, joint := read(t, e, "demo"), read(t, e, "joint")
		check(t, e, demo)
		car, lease := demo.vehicles[0], demo.vehicles[1]
		if consents, err := e.App.Store.Consents(t.Context(), demo.customer.ID); err != nil || len(consents) != 1 || consents[0].VehicleID != lease.ID ||
			!consents[0].AgreedAt.Equal(*lease.PaperlessSince) || consents[0].CustomerID != demo.customer.ID {
			t.Errorf("what demo agreed to is %v, %v", consents, err)
		}
		if len(demo.vehicles) != 2 || len(demo.accounts) != 2 || len(joint.vehicles) != 1 || joint.vehicles[0].ID != car.ID {
			t.Errorf("demo has %d vehicles and %d accounts, joint %d vehicles", len(demo.vehicles), len(demo.accounts), len(joint.vehicles))
		}
		terms := car.Contract.Common()
		if terms.PastDue != terms.Instalment || terms.Fees == 0 || terms.AmountDue() != 2*terms.Instalment+terms.Fees {
			t.Errorf("the loan owes %+v", terms)
		}
		if len(demo.autoPays) != 1 || demo.autoPays[0].VehicleID != lease.ID || lease.AmountDue() != 0 {
			t.Errorf("Auto Pay is %+v, and the lease owes %s", demo.autoPays, lease.AmountDue())
		}
		// What is past due and its fee are on the last statement of the loan.
		var last loan.Statement
		for _, s := range demo.statements {
			if s.VehicleID == car.ID {
				last = s
			}
		}
		if last.PastDue != terms.Instalment || last.FeesDue != terms.Fees || last.FeesCharged != terms.Fees || last.Messages[0].Kind != loan.MessagePastDue || len(last.Balances) != 13 {
			t.Errorf("the last statement of the loan is %+v", last)
		}
		if wrong, err := e.App.Servicing.Reconcile(t.Context()); err != nil {
			t.Errorf("reconcile finds %+v, %v", wrong, err)
		}
		states := map[loan.PaymentStatus]int{}
		for _, p := range demo.payments {
			states[p.Status]++
		}
		// No statement of theirs is due: the rule has been at work. Alex has none yet.
		if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
			t.Error(err)
		}
		if again := read(t, e, "demo"); len(again.statements) != len(demo.statements) {
			t.Errorf("%d statements, and %d once the job has run", len(demo.statements), len(again.statements))
		}
		// What was applied settles by itself.
		err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
			settled, err := tx.SettlePayments(t.Context(), loan.DateOf(e.Clock.Now()).AddDays(7), 1_000_000)
			if len(settled) != 1 {
				t.Errorf("%d payments settle within a week, want 1", len(settled))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if states[loan.Scheduled] != 4 || states[loan.Settled] < 30 || states[loan.Applied] != 1 || states[loan.Returned] != 2 || states[loan.Canceled] != 2 {
			t.Errorf("the payments are %v", states)
		}

		for _, username := range []string{"demo", "joint"} {
			got := e.Post("", `mutation($name: String!, $password: String!) { logIn(input: {username: $name, password: $password}) {
				viewer { pendingPayments { edges { node { canCancel } } } } userErrors { code } } }`,
				testenv.Vars{"name": username, "password": string(seed.Password)})
			theirs := strings.Count(got.Raw, `"canCancel":true`)
			if want := map[string]int{"demo": 3, "joint": 1}[username]; got.Code() != "" || theirs != want {
				t.Errorf("%s can cancel %d payments, want %d: %s", username, theirs, want, got.Raw)
			}
		}
	})
}

// The demo's figures hold whenever it is made.
func TestDemoOnAnyDay(t *testing.T) {
	for day := range 12 {
		t.Run(fmt.Sprint(day), func(t *testing.T) {
			t.Parallel()
			e := testenv.New(t, testenv.Embedded)
			// Over two years, at every other hour, the hours of a changed clock among them.
			e.Clock.Advance(time.Duration(day) * (2*29*24*time.Hour + 2*time.Hour))
			if err := seed.Demo(t.Context(), deps(e), e.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			demo := read(t, e, "demo")
			check(t, e, demo)
			if !slices.ContainsFunc(demo.payments, func(p loan.Payment) bool { return p.Status == loan.Applied }) {
				t.Error("no payment is applied and not yet settled")
			}
		})
	}
}

func TestCustomers(t *testing.T) {
	const n = 20
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		// Beside the demo and a customer who came by themselves.
		if err := seed.Demo(t.Context(), deps(e), e.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		before := e.AddCustomer()
		var tokens bytes.Buffer
		if err := seed.Customers(t.Context(), deps(e), n, e.Clock.Now(), &tokens); err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(tokens.String())
		if len(lines) != n {
			t.Fatalf("%d tokens, want %d", len(lines), n)
		}
		for i := range n {
			b := read(t, e, fmt.Sprintf("customer-%d", i+1))
			check(t, e, b)
			if len(b.vehicles) != 2 || len(b.accounts) != 2 || len(b.autoPays) != 2 || len(b.payments) != 2*(seed.PastPayments+seed.PendingPayments) || len(b.statements) < 2*seed.PastPayments-4 || len(b.statements) > 2*seed.PastPayments {
				t.Errorf("%s has %d vehicles, %d accounts, %d Auto Pays, %d payments and %d statements", b.customer.Username,
					len(b.vehicles), len(b.accounts), len(b.autoPays), len(b.payments), len(b.statements))
			}
			perVehicle := map[loan.VehicleID]map[loan.PaymentStatus]int{}
			for _, p := range b.payments {
				if perVehicle[p.VehicleID] == nil {
					perVehicle[p.VehicleID] = map[loan.PaymentStatus]int{}
				}
				perVehicle[p.VehicleID][p.Status]++
			}
			for id, states := range perVehicle {
				if states[loan.Scheduled] != seed.PendingPayments || states[loan.Returned] != 1 || states[loan.Canceled] != 1 {
					t.Errorf("vehicle %d has payments %v", id, states)
				}
			}
			session, _, err := e.App.Sessions.Touch(t.Context(), e.Clock.Now(), lines[i], "")
			if err != nil || session.CustomerID != b.customer.ID {
				t.Errorf("token %d opens a session of %d, %v; want %d", i, session.CustomerID, err, b.customer.ID)
			}
		}
		checkNumbers(t, e, 2+1+1+2*n) // demo, joint, before, these
		// Ids go on from where the load ended.
		if after := e.AddCustomer(); after.ID != before.ID+n+1 {
			t.Errorf("the next customer is %d, want %d", after.ID, before.ID+n+1)
		}

		err := seed.Customers(t.Context(), deps(e), n, e.Clock.Now(), &tokens)
		if err == nil || !strings.Contains(err.Error(), "customer-1") {
			t.Errorf("a second time: %v", err)
		}
	})
}

// The same index is the same customer, whoever came before.
func TestCustomersAreTheSame(t *testing.T) {
	var texts [2]string
	for i, n := range []int{3, 7} {
		e := testenv.New(t, testenv.Embedded)
		if err := seed.Customers(t.Context(), deps(e), n, e.Clock.Now(), new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
		b := read(t, e, "customer-3")
		var text strings.Builder
		for _, v := range b.vehicles {
			fmt.Fprintf(&text, "%d %s %s %+v\n", v.Year, v.Model, v.VIN, *v.Contract.Common())
		}
		for _, p := range b.payments {
			fmt.Fprintf(&text, "%s %s %s %s %s\n", p.ConfirmationNumber, p.Amount, p.Status, p.ScheduledOn, p.SubmittedAt)
		}
		texts[i] = b.customer.FirstName + b.accounts[0].Last4 + text.String()
	}
	if texts[0] != texts[1] {
		t.Errorf("one time %s\nanother %s", texts[0], texts[1])
	}
}
