package app_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/paper"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const statementFields = `id kind issuedOn periodFrom periodTo dueOn openingBalance { amount } closingBalance { amount } interestCharged { amount } feesCharged { amount }
	received { amount } principalPaid { amount } interestPaid { amount } feesPaid { amount } instalmentsPaid { amount } amountDue { amount } currentDue { amount }
	pastDue { amount } feesDue { amount } interestUnpaid { amount } payoff { amount { amount } goodThroughOn perDiem } instalmentsRemaining yearInterestPaid { amount } yearFeesPaid { amount }
	lines { on kind confirmationNumber amount { amount } principal { amount } interest { amount } fees { amount } instalments { amount } balance { amount } }
	messages { kind on amount { amount } } servicer { name address phone website } recipient { name address { line1 city } }
	corrects { id } correctedBy { id issuedOn }`

// inFull reads all statements of a vehicle as they are kept, oldest first.
func inFull(t *testing.T, e *testenv.Env, owner loan.CustomerID, vehicle loan.VehicleID) []loan.Statement {
	t.Helper()
	listed, err := e.App.Store.Statements(t.Context(), owner, []loan.VehicleID{vehicle}, store.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var ids []loan.StatementID
	for _, s := range listed {
		ids = append(ids, s.ID)
	}
	full, err := e.App.Store.StatementsInFull(t.Context(), owner, ids)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(full, func(a, b loan.Statement) int { return int(a.ID - b.ID) })
	return full
}

// A loan and a lease of 36 months are played to their end through the API and the sandbox's
// clock: Auto Pay pays them; a month is paid late, a payment comes back after the statement
// that it is on, some goes to the principal alone, and the loan is paid off early. Each
// statement says to the cent what the ledger does, as the API and the paper say it; they
// chain, and the last is zero.
func TestStatementsPlayed(t *testing.T) {
	if testing.Short() {
		t.Skip("plays three years")
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("needs pdftotext, of Debian's poppler-utils")
	}
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := play{testenv.New(t, engine), t, testenv.Customer{}}
		p.c = p.AddContracts(
			&loan.Loan{
				Terms: loan.Terms{AccountNumberLast4: "3636", OpenedOn: day("2026-11-15"), MaturesOn: day("2029-11-15"), TermMonths: 36,
					Instalment: 606_17, CurrentDue: 606_17, DueOn: day("2026-12-15"), DueDay: 15},
				AmountFinanced: 20_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: day("2026-11-15"), AllowsPrincipalOnly: true,
			},
			&loan.Lease{
				Terms: loan.Terms{AccountNumberLast4: "2424", OpenedOn: day("2026-10-31"), MaturesOn: day("2029-10-31"), TermMonths: 36,
					Instalment: 389_00, CurrentDue: 389_00, DueOn: day("2026-11-30"), DueDay: 31},
				PurchaseOption: 16_500_00, InstalmentsRemaining: 35,
			},
		)
		p.setUpAutoPay(p.c.Loan)
		p.setUpAutoPay(p.c.Lease)
		latest := func() string {
			got := p.ask(`query($id: ID!) { node(id: $id) { ... on Vehicle { payments(first: 1) { edges { node { id } } } } } }`, testenv.Vars{"id": p.c.Loan})
			return got.Text("node", "payments", "edges", 0, "node", "id")
		}
		checked := map[loan.StatementID]bool{}
		for on := day("2026-11-19"); on.Before(day("2029-12-31")); on = on.AddDays(1) {
			p.MoveTo(on.String() + " 00:01:00")
			p.checkIssued(checked, on)
			switch on.String() {
			case "2027-03-08": // the payment of March is cancelled, and paid late
				p.ask(cancel, testenv.Vars{"id": latest(), "yes": true})
			case "2027-03-26":
				p.ask(schedule, order(p.c, "late", testenv.Vars{"scheduledOn": "2027-03-26", "amount": testenv.Vars{"due": "PAST_DUE"}}))
			case "2027-06-26": // the debit of June 13 comes back, after the statement of June 24
				if code := p.Return(latest(), "R01"); code != 200 {
					t.Fatalf("returning answers %d: %s", code, p.Log)
				}
			case "2027-09-20":
				p.ask(schedule, order(p.c, "principal", testenv.Vars{"scheduledOn": "2027-09-20", "amount": testenv.Vars{"fixed": "250.00"}, "principalOnly": true}))
			case "2029-06-20":
				p.ask(schedule, order(p.c, "payoff", testenv.Vars{"scheduledOn": "2029-06-20", "amount": testenv.Vars{"due": "PAYOFF"}}))
			}
		}
		balanced(t, p.Env)
		told := map[loan.StatementMessageKind]int{}
		for vehicle, want := range map[loan.VehicleID]int{p.c.LoanID: 32, p.c.LeaseID: 37} {
			list := inFull(t, p.Env, p.c.ID, vehicle)
			p.checkChain(vehicle, list)
			if len(list) != want {
				t.Errorf("vehicle %d has %d statements, want %d", vehicle, len(list), want)
			}
			for i := range list {
				p.checkAPI(&list[i])
				p.checkPaper(&list[i])
				for _, m := range list[i].Messages {
					told[m.Kind]++
				}
			}
			last := list[len(list)-1]
			if last.ClosingBalance != 0 || last.AmountDue != 0 || !slices.Contains(last.Messages, loan.StatementMessage{Kind: loan.MessagePaidOff}) {
				t.Errorf("the last statement of vehicle %d is %+v", vehicle, last)
			}
		}
		if told[loan.MessagePaidOff] != 2 || told[loan.MessageReturned] != 1 || told[loan.MessagePastDue] != 1 || told[loan.MessageAutoPay] < 60 {
			t.Errorf("the messages are %v", told)
		}
		issued := 0
		entries, err := p.App.Store.Audit(t.Context(), p.c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Action == "statement.issued" {
				issued++
			}
		}
		if issued != 32+37 {
			t.Errorf("%d statements are in the audit", issued)
		}
	})
}

// checkIssued holds what statements of this day say is owed against the contract as it is
// as the day starts.
func (p play) checkIssued(checked map[loan.StatementID]bool, today loan.Date) {
	p.t.Helper()
	vehicles, err := p.App.Store.Vehicles(p.t.Context(), p.c.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, v := range vehicles {
		latest, err := p.App.Store.Statements(p.t.Context(), p.c.ID, []loan.VehicleID{v.ID}, store.Page{Limit: 1, Descending: true})
		if err != nil {
			p.t.Fatal(err)
		}
		if len(latest) == 0 || checked[latest[0].ID] {
			continue
		}
		s := latest[0]
		checked[s.ID] = true
		terms, payoff := v.Contract.Common(), v.Contract.PayoffOn(s.PeriodTo)
		if s.IssuedOn != today && today != day("2026-11-19") || s.DueOn != terms.DueOn || s.AmountDue != terms.AmountDue() || s.PastDue != terms.PastDue || s.CurrentDue != terms.CurrentDue ||
			s.FeesDue != terms.Fees || s.PayoffAmount != payoff.Amount || s.PayoffPerDiem != payoff.PerDiem {
			p.t.Errorf("on %s statement %d of %s says %+v, the contract %+v and %+v", today, s.ID, s.IssuedOn, s, terms, payoff)
		}
		if l, ok := v.Contract.(*loan.Loan); ok && (s.ClosingBalance != l.Principal || s.InterestUnpaid != l.InterestOn(s.PeriodTo)) {
			p.t.Errorf("on %s statement %d closes with %s and %s, the loan has %+v", today, s.ID, s.ClosingBalance, s.InterestUnpaid, l)
		}
	}
}

// checkChain holds statements against each other and against the ledger, posting by posting.
func (p play) checkChain(vehicle loan.VehicleID, list []loan.Statement) {
	p.t.Helper()
	ledgers, err := p.App.Store.Books().Ledgers(p.t.Context(), []loan.VehicleID{vehicle})
	if err != nil {
		p.t.Fatal(err)
	}
	on := map[loan.StatementID][]loan.LedgerEntry{}
	for _, e := range ledgers[vehicle] {
		if e.StatementID == nil {
			p.t.Errorf("on no statement: %+v", e)
			continue
		}
		on[*e.StatementID] = append(on[*e.StatementID], e)
	}
	var balance loan.Cents
	from := ledgers[vehicle][0].EffectiveOn
	for _, s := range list {
		if s.OpeningBalance != balance || s.PeriodFrom != from || s.IssuedOn != s.PeriodTo.AddDays(1) || len(s.Lines) != len(on[s.ID]) {
			p.t.Errorf("statement %d opens with %s on %s and has %d lines, want %s on %s and %d", s.ID, s.OpeningBalance, s.PeriodFrom, len(s.Lines), balance, from, len(on[s.ID]))
		}
		late := false
		for _, e := range on[s.ID] {
			balance += e.Principal + e.Instalments
			late = late || e.EffectiveOn.Before(s.PeriodFrom)
			same := func(l loan.StatementLine) bool {
				return l.On == e.EffectiveOn && l.Kind == e.Kind && l.Principal == -e.Principal && l.Interest == -e.Interest && l.Fees == -e.Fees && l.Instalments == -e.Instalments
			}
			if !slices.ContainsFunc(s.Lines, same) {
				p.t.Errorf("statement %d has no line for %+v", s.ID, e)
			}
		}
		asOf := loan.Cents(0)
		for _, e := range ledgers[vehicle] {
			if !e.EffectiveOn.After(s.PeriodTo) && *e.StatementID <= s.ID {
				asOf += e.Principal + e.Instalments
			}
		}
		if s.ClosingBalance != balance || asOf != balance {
			p.t.Errorf("statement %d closes with %s, the ledger with %s, as of %s with %s", s.ID, s.ClosingBalance, balance, s.PeriodTo, asOf)
		}
		if late != (s.Kind == loan.ContractLoan && s.DueOn == day("2027-08-15")) {
			p.t.Errorf("statement %d due on %s has a posting that came late: %t", s.ID, s.DueOn, late)
		}
		from = s.IssuedOn
	}
}

// checkAPI holds what the API says of a statement against what is kept.
func (p play) checkAPI(s *loan.Statement) {
	p.t.Helper()
	if s.ID%6 != 0 {
		return // some of them, as each takes a session
	}
	var id bytes.Buffer
	graph.MarshalStatementID(s.ID).MarshalGQL(&id)
	got := p.ask(`query($id: ID!) { node(id: $id) { ... on Statement { `+statementFields+` } } }`, testenv.Vars{"id": strings.Trim(id.String(), `"`)})
	node, _ := got.Get("node").(map[string]any)
	if node["issuedOn"] != s.IssuedOn.String() || node["periodFrom"] != s.PeriodFrom.String() || node["periodTo"] != s.PeriodTo.String() || node["dueOn"] != s.DueOn.String() || node["kind"] != string(s.Kind) {
		p.t.Fatalf("statement %d: %s", s.ID, got.Raw)
	}
	for field, want := range map[string]loan.Cents{
		"openingBalance": s.OpeningBalance, "closingBalance": s.ClosingBalance, "interestCharged": s.InterestCharged, "feesCharged": s.FeesCharged, "received": s.Received,
		"principalPaid": s.PrincipalPaid, "interestPaid": s.InterestPaid, "feesPaid": s.FeesPaid, "instalmentsPaid": s.InstalmentsPaid, "amountDue": s.AmountDue,
		"currentDue": s.CurrentDue, "pastDue": s.PastDue, "feesDue": s.FeesDue, "interestUnpaid": s.InterestUnpaid, "yearInterestPaid": s.YearInterestPaid, "yearFeesPaid": s.YearFeesPaid,
	} {
		if money := node[field].(map[string]any)["amount"]; money != string(want.Amount()) {
			p.t.Errorf("%s of statement %d is %v, want %s", field, s.ID, money, want)
		}
	}
	payoff := node["payoff"].(map[string]any)
	if fmt.Sprint(node["instalmentsRemaining"]) != fmt.Sprint(s.InstalmentsRemaining) || payoff["perDiem"] != string(s.PayoffPerDiem.Amount()) ||
		payoff["amount"].(map[string]any)["amount"] != string(s.PayoffAmount.Amount()) {
		p.t.Errorf("statement %d: %v", s.ID, node)
	}
	lines := node["lines"].([]any)
	if len(lines) != len(s.Lines) || len(node["messages"].([]any)) != len(s.Messages) {
		p.t.Errorf("statement %d has %d lines and %v", s.ID, len(lines), node["messages"])
		return
	}
	for i, l := range s.Lines {
		line := lines[i].(map[string]any)
		if line["on"] != l.On.String() || line["kind"] != string(l.Kind) || line["balance"].(map[string]any)["amount"] != string(l.Balance.Amount()) ||
			line["amount"].(map[string]any)["amount"] != string(l.Amount.Amount()) || (line["confirmationNumber"] == nil) != (l.Confirmation == "") {
			p.t.Errorf("line %d of statement %d: %v", i, s.ID, line)
		}
	}
}

var manySpaces = regexp.MustCompile(`[ ]+`)

// checkPaper reads the printed statement back.
func (p play) checkPaper(s *loan.Statement) {
	p.t.Helper()
	pdf, err := paper.Statement(s)
	if err != nil {
		p.t.Fatal(err)
	}
	read := exec.CommandContext(p.t.Context(), "pdftotext", "-layout", "-", "-")
	read.Stdin = bytes.NewReader(pdf)
	out, err := read.Output()
	if err != nil {
		p.t.Fatal(err)
	}
	text := manySpaces.ReplaceAllString(string(out), " ")
	short := func(d loan.Date) string { return d.At(12).Format("Jan 2, 2006") }
	want := []string{
		"Opening balance " + s.OpeningBalance.Formatted(), "Closing balance " + s.ClosingBalance.Formatted(), "Payments received " + s.Received.Formatted(),
		"Current payment " + s.CurrentDue.Formatted(), "Period " + short(s.PeriodFrom) + " – " + short(s.PeriodTo), s.PayoffAmount.Formatted(),
	}
	if s.AmountDue > 0 {
		want = append(want, "Amount due "+s.AmountDue.Formatted(), "Due date "+short(s.DueOn))
	}
	if s.Kind == loan.ContractLoan {
		want = append(want, "Interest charged "+s.InterestCharged.Formatted(), "Interest not yet paid "+s.InterestUnpaid.Formatted(),
			fmt.Sprintf("Interest paid in %d %s", s.PeriodTo.Year, s.YearInterestPaid.Formatted()), "Principal paid "+s.PrincipalPaid.Formatted())
	}
	for _, part := range want {
		if !strings.Contains(text, part) {
			p.t.Errorf("statement %d does not say %q:\n%s", s.ID, part, text)
		}
	}
	for _, l := range s.Lines {
		row := regexp.MustCompile(`(?m)^ ?` + regexp.QuoteMeta(short(l.On)) + ` .*` + regexp.QuoteMeta(l.Balance.Formatted()) + `$`)
		if !row.MatchString(text) {
			p.t.Errorf("statement %d has no row for %+v:\n%s", s.ID, l, text)
		}
	}
}

// A statement that is made days late says what it would have said in time.
func TestStatementsOfALateRun(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		said := func(late bool) (text string) {
			e := testenv.New(t, engine)
			c := e.AddCustomer()
			for _, on := range []string{"2026-11-20", "2026-12-01", "2026-12-05"} {
				e.Post(c.Token, schedule, order(c, on, testenv.Vars{"scheduledOn": on, "amount": testenv.Vars{"fixed": "425.00"}}))
			}
			if late {
				e.At("2026-12-10 20:00:00")
				if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			} else {
				e.MoveTo("2026-12-10 20:00:00")
			}
			for _, s := range inFull(t, e, c.ID, c.LoanID) {
				for i := range s.Lines {
					s.Lines[i].Confirmation = ""
				}
				s.Vehicle = ""
				text += fmt.Sprintf("%+v\n", s)
			}
			return text
		}
		inTime, late := said(false), said(true)
		if inTime != late || strings.Count(inTime, "\n") != 2 {
			t.Errorf("in time\n%s\nlate\n%s", inTime, late)
		}
	})
}

// A payment comes back after the statement that it is on: the operator corrects it by
// command. The old one stays and names the new one.
func TestCorrectStatement(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := play{testenv.New(t, engine), t, testenv.Customer{}}
		p.c = p.AddCustomer()
		p.ask(goOnline, consent(p.Env, p.c, p.c.Loan))
		payment := p.ask(schedule, order(p.c, "1", testenv.Vars{"scheduledOn": "2026-12-02", "amount": testenv.Vars{"fixed": "875.00"}})).Text("schedulePayment", "payment", "id")
		p.MoveTo("2026-12-04 09:00:00")
		if code := p.Return(payment, "R01"); code != 200 {
			t.Fatalf("returning answers %d", code)
		}
		list := inFull(t, p.Env, p.c.ID, p.c.LoanID)
		if len(list) != 2 {
			t.Fatalf("%d statements", len(list))
		}
		first, old := list[0], list[1]
		run := func(args ...string) (string, error) {
			var out bytes.Buffer
			environ := []string{"DATABASE_URL=" + p.App.Config.DatabaseURL, "MOBILEPAY_KEYSET=" + p.App.Config.Keyset, "MOBILEPAY_NOW=" + p.Clock.Now().Format(time.RFC3339)}
			err := app.Run(t.Context(), append([]string{"statement", "correct"}, args...), environ, &out, &out)
			return out.String(), err
		}
		number := fmt.Sprint(int64(old.ID))
		for name, args := range map[string][]string{
			"an older one": {fmt.Sprint(int64(first.ID)), "--reason", "x"}, "no reason": {number, "--reason", " "}, "none": {"4711", "--reason", "x"}, "no number": {"x", "--reason", "x"},
			"nothing": {}, "too long": {number, "--reason", strings.Repeat("x", 201)},
		} {
			if out, err := run(args...); err == nil {
				t.Errorf("%s: %s", name, out)
			}
		}
		before := len(eventsOf(t, p.Env, p.c.ID))
		out, err := run(number, "--reason", "the payment of December 2 came back")
		if err != nil || !strings.Contains(out, "takes the place of statement "+number) {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := run(number, "--reason", "once more"); err == nil {
			t.Error("it was corrected twice")
		}
		list = inFull(t, p.Env, p.c.ID, p.c.LoanID)
		if len(list) != 3 {
			t.Fatalf("%d statements", len(list))
		}
		now, kept := list[2], list[1]
		if now.PeriodFrom != old.PeriodFrom || now.PeriodTo != old.PeriodTo || now.DueOn != old.DueOn || now.IssuedOn != day("2026-12-04") || now.OpeningBalance != old.OpeningBalance ||
			now.Received != 0 || now.PastDue != 850_00 || now.AmountDue != old.AmountDue+875_00 || len(now.Lines) != len(old.Lines)+1 || len(now.Balances) != 2 ||
			!slices.Contains(now.Messages, loan.StatementMessage{Kind: loan.MessageCorrection, On: old.IssuedOn}) || fmt.Sprintf("%+v", kept) != fmt.Sprintf("%+v", old) {
			t.Errorf("old %+v\nnew %+v", old, now)
		}
		got := p.ask(`query($id: ID!) { node(id: $id) { ... on Vehicle { statements(first: 5) { edges { node { id corrects { id } correctedBy { id lines { kind } } } } } } } }`, testenv.Vars{"id": p.c.Loan})
		at := func(i int) []any { return []any{"node", "statements", "edges", i, "node"} }
		if got.Text(append(at(0), "corrects", "id")...) != got.Text(append(at(1), "id")...) || got.Text(append(at(1), "correctedBy", "id")...) != got.Text(append(at(0), "id")...) ||
			got.Get(append(at(2), "correctedBy")...) != nil || got.Get(append(at(1), "corrects")...) != nil || got.Text(append(at(1), "correctedBy", "lines", 0, "kind")...) == "" {
			t.Errorf("the API says %s", got.Raw)
		}
		entries, err := p.App.Store.Audit(t.Context(), p.c.ID)
		last := entries[len(entries)-1]
		if err != nil || last.Action != "statement.corrected" || last.Actor != "operator" || !strings.Contains(last.Detail, "came back") || !strings.Contains(last.Detail, `"corrects":`+number) {
			t.Errorf("the audit says %+v, %v", last, err)
		}
		events := eventsOf(t, p.Env, p.c.ID)
		if len(events) != before+1 || events[before].Kind != loan.StatementIssued || events[before].SubjectID != int64(now.ID) {
			t.Errorf("told %+v", events[before:])
		}
		ready := 0
		for _, kind := range p.NoticesTo("robin@example.com") {
			if kind == "STATEMENT_READY" {
				ready++
			}
		}
		if ready != 3 { // two of the loan, and the correction; the lease's come on paper
			t.Errorf("%d notices that a statement is ready", ready)
		}
		// The return is on the correction, so it is not on the next statement.
		p.MoveTo("2027-01-06 09:00:00")
		list = inFull(t, p.Env, p.c.ID, p.c.LoanID)
		next := list[len(list)-1]
		if next.PeriodFrom != now.PeriodTo.AddDays(1) || next.OpeningBalance != now.ClosingBalance || slices.ContainsFunc(next.Lines, func(l loan.StatementLine) bool { return l.Kind == loan.PostReversal }) {
			t.Errorf("the next statement is %+v", next)
		}
	})
}

const manyStatements = 1000

// Two workers issue a thousand statements, and one of them is killed in between: each is
// issued once, with its audit row, its event and its notice.
func TestStatementsOfKilledWorkers(t *testing.T) {
	e := testenv.New(t, testenv.Real, withInbox(t))
	const seed = 20261104
	k := &killing{Env: e, t: t, binary: builtProgram(t), dice: rand.New(rand.NewPCG(seed, seed))}
	var err error
	if k.db, err = sql.Open("postgres", testenv.AsAdmin(e.App.Config.DatabaseURL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.db.Close() })
	addBorrowers(t, e, manyStatements)
	if err := e.App.Store.MigrateJobs(t.Context(), e.App.Log); err != nil {
		t.Fatal(err)
	}
	count := func(query string) (n int) {
		t.Helper()
		if err := k.db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	workers := []*process{k.start(testenv.Noon), k.start(testenv.Noon)}
	began := time.Now()
	eventually(t, "some statements are issued", func() bool { return count("SELECT COUNT(*) FROM statements") > 0 })
	victim := k.dice.IntN(2)
	k.kill(workers[victim])
	at := count("SELECT COUNT(*) FROM statements")
	eventually(t, "all are", func() bool { return count("SELECT COUNT(*) FROM statements") >= manyStatements })
	t.Logf("%d were issued when one worker was killed, and all after %v", at, time.Since(began).Round(time.Millisecond))
	k.stop(workers[1-victim])
	if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
		t.Error(err)
	}
	for what, query := range map[string]string{
		"statements": "SELECT COUNT(*) FROM statements", "vehicles with one": "SELECT COUNT(DISTINCT vehicle_id) FROM statements",
		"postings on them": "SELECT COUNT(DISTINCT ledger_id) FROM statement_postings", "audit rows": "SELECT COUNT(DISTINCT subject) FROM audit WHERE action = 'statement.issued'",
		"audit rows in all": "SELECT COUNT(*) FROM audit", "events": "SELECT COUNT(*) FROM events WHERE kind = 'statement.issued'", "notices": "SELECT COUNT(*) FROM notices WHERE kind = 'STATEMENT_READY'",
	} {
		if n := count(query); n != manyStatements {
			t.Errorf("%d %s, want %d", n, what, manyStatements)
		}
	}
	balanced(t, e)
}

// addBorrowers adds customers with a loan each whose statement is due.
func addBorrowers(t testing.TB, e *testenv.Env, n int) {
	t.Helper()
	err := e.App.Store.Bulk(t.Context(), func(b *store.Bulk) error {
		customers := make([]*store.NewCustomer, n)
		for i := range customers {
			customers[i] = &store.NewCustomer{Customer: loan.Customer{Username: fmt.Sprintf("borrower-%d", i), FirstName: "Kim", LastName: "Test", Email: "kim@example.com"}}
		}
		if err := b.InsertCustomers(t.Context(), customers); err != nil {
			return err
		}
		vehicles := make([]*loan.Vehicle, n)
		for i, c := range customers {
			vehicles[i] = &loan.Vehicle{CustomerID: c.ID, Year: 2024, Make: "GMC", Model: "Acadia", VIN: fmt.Sprint(i), PaperlessSince: &testenv.Noon, Contract: &loan.Loan{
				Terms: loan.Terms{AccountNumberLast4: "5151", OpenedOn: day("2025-11-15"), MaturesOn: day("2030-11-15"), TermMonths: 60,
					Instalment: 425_00, CurrentDue: 425_00, DueOn: day("2026-11-25"), DueDay: 25},
				AmountFinanced: 24_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: day("2026-10-25"),
			}}
		}
		return b.InsertVehicles(t.Context(), vehicles)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// How long a thousand statements take, from nothing to the bytes that are printed:
// scripts/with-services go test ./app -run '^$' -bench ThousandStatements -benchtime 3x
func BenchmarkThousandStatements(b *testing.B) {
	for _, engine := range []testenv.Engine{testenv.Embedded, testenv.Real} {
		b.Run(string(engine), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				e := testenv.New(b, engine)
				addBorrowers(b, e, manyStatements)
				b.StartTimer()
				if err := e.App.Servicing.RunDue(b.Context(), e.Clock.Now()); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				var ids []loan.StatementID
				for id := range manyStatements {
					ids = append(ids, loan.StatementID(id+1))
				}
				b.StartTimer()
				for _, id := range ids {
					s, err := e.App.Store.Books().AnyStatement(b.Context(), id)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := paper.Statement(s); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
