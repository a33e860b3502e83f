package loan_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

// account is a vehicle with the ledger that its contract has made, and its statements.
type account struct {
	vehicle    loan.Vehicle
	ledger     []loan.LedgerEntry
	statements []*loan.Statement
	through    loan.Date
	payments   loan.PaymentID
}

func newAccount(c loan.Contract) *account {
	a := &account{vehicle: loan.Vehicle{ID: 7, CustomerID: 3, Year: 2024, Make: "GMC", Model: "Acadia", Contract: c}}
	a.add(nil, loan.Opening(c, c.Common().OpenedOn))
	return a
}

func (a *account) add(id *loan.PaymentID, postings ...loan.Posting) {
	for _, p := range postings {
		a.ledger = append(a.ledger, loan.LedgerEntry{ID: int64(len(a.ledger) + 1), PaymentID: id, Posting: p})
	}
}

func (a *account) pay(t rapid.TB, amount loan.Cents, kind loan.PaymentKind, on loan.Date) {
	t.Helper()
	postings, err := a.vehicle.Contract.Post(amount, kind, on)
	if err != nil {
		t.Fatalf("%s on %s: %v", amount, on, err)
	}
	a.payments++
	id := a.payments
	a.add(&id, postings...)
}

// back returns a payment, of those that are not back yet, counted from the latest.
func (a *account) back(n int) bool {
	returned := map[loan.PaymentID]bool{}
	for i := len(a.ledger) - 1; i >= 0; i-- {
		e := a.ledger[i]
		switch {
		case e.Kind == loan.PostReversal:
			returned[*e.PaymentID] = true
		case e.Kind == loan.PostPayment && !returned[*e.PaymentID]:
			if n--; n < 0 {
				a.add(e.PaymentID, a.vehicle.Contract.Reverse(e.Posting)...)
				return true
			}
		}
	}
	return false
}

// startDay does what the start of a day does, and returns the statement that it issues.
func (a *account) startDay(today loan.Date, auto *loan.Run) *loan.Statement {
	a.vehicle.Contract.Bill(today)
	cycle, due := loan.NextCycle(a.vehicle.Contract, a.ledger, a.through, today)
	if !due {
		return nil
	}
	s, taken := cycle.Statement(&a.vehicle, a.ledger, auto, nil)
	s.ID = loan.StatementID(len(a.statements) + 1)
	var before []loan.StatementBalance
	for i := len(a.statements) - 1; i >= 0; i-- {
		before = append(before, loan.StatementBalance{On: a.statements[i].PeriodTo, Amount: a.statements[i].ClosingBalance})
	}
	s.Head(loan.Servicer{Name: "Lender"}, &loan.Customer{FirstName: "Robin", LastName: "Test"}, before)
	a.put(s, taken)
	a.statements, a.through = append(a.statements, s), s.PeriodTo
	return s
}

// put writes on which statement entries are.
func (a *account) put(s *loan.Statement, taken []loan.LedgerEntry) {
	for _, e := range taken {
		a.ledger[e.ID-1].StatementID = &s.ID
	}
}

// figures is a statement in one line, with its lines.
func figures(s *loan.Statement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s for %s..%s due %s: %s+%s+%s-%s=%s; due %s=%s+%s+%s; payoff %s, per diem %s, unpaid %s; left %d; year %s %s;", s.IssuedOn, s.PeriodFrom, s.PeriodTo, s.DueOn,
		s.OpeningBalance, s.InterestCharged, s.FeesCharged, s.Received, s.ClosingBalance, s.AmountDue, s.PastDue, s.CurrentDue, s.FeesDue,
		s.PayoffAmount, s.PayoffPerDiem.Amount(), s.InterestUnpaid, s.InstalmentsRemaining, s.YearInterestPaid, s.YearFeesPaid)
	for _, m := range s.Messages {
		fmt.Fprintf(&b, " %s %s %s", m.Kind, m.On, m.Amount)
	}
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "\n  %s %s %s: %s %s %s %s, %s", l.On, l.Kind, l.Amount, l.Principal, l.Interest, l.Fees, l.Instalments, l.Balance)
	}
	return b.String()
}

// until starts each day up to one, and returns the statements that are issued.
func (a *account) until(from, to string) (issued []*loan.Statement) {
	for on := day(from); !on.After(day(to)); on = on.AddDays(1) {
		if s := a.startDay(on, nil); s != nil {
			issued = append(issued, s)
		}
	}
	return issued
}

// Three cycles of the golden loan: paid, late with a fee, and returned; then the payoff.
func TestStatementsOfALoan(t *testing.T) {
	t.Parallel()
	a := newAccount(carLoan())
	check := func(got []*loan.Statement, want ...string) {
		t.Helper()
		for i, s := range got {
			if i >= len(want) || figures(s) != want[i] {
				t.Errorf("got\n%s", figures(s))
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d statements, want %d", len(got), len(want))
		}
	}
	// Opened on January 15; due on February 15, so issued on January 25.
	check(a.until("2026-01-15", "2026-02-10"),
		`2026-01-25 for 2026-01-15..2026-01-24 due 2026-02-15: $0.00+$0.00+$0.00-$0.00=$20,000.00; due $606.17=$0.00+$606.17+$0.00; payoff $20,028.36, per diem 3.1507, unpaid $28.36; left 0; year $0.00 $0.00;
  2026-01-15 OPENING $0.00: -$20,000.00 $0.00 $0.00 $0.00, $20,000.00`)
	a.pay(t, 606_17, loan.KindRegular, day("2026-02-10"))
	check(a.until("2026-02-11", "2026-03-15"),
		`2026-02-22 for 2026-01-25..2026-02-21 due 2026-03-15: $20,000.00+$81.92+$0.00-$606.17=$19,475.75; due $606.17=$0.00+$606.17+$0.00; payoff $19,509.50, per diem 3.0681, unpaid $33.75; left 0; year $81.92 $0.00;
  2026-02-10 INTEREST $0.00: $0.00 -$81.92 $0.00 $0.00, $20,000.00
  2026-02-10 PAYMENT $606.17: $524.25 $81.92 $0.00 $0.00, $19,475.75`)
	// March is missed and has a fee; the money comes on the 28th, after the statement.
	check(a.until("2026-03-16", "2026-03-24"))
	a.add(nil, a.vehicle.Contract.Common().PostFee(25_00, day("2026-03-24")))
	check(a.until("2026-03-25", "2026-03-28"),
		`2026-03-25 for 2026-02-22..2026-03-24 due 2026-04-15: $19,475.75+$0.00+$25.00-$0.00=$19,475.75; due $1,237.34=$606.17+$606.17+$25.00; payoff $19,629.61, per diem 3.0681, unpaid $128.86; left 0; year $81.92 $0.00; PAST_DUE 0000-00-00 $606.17
  2026-03-24 FEE $0.00: $0.00 $0.00 -$25.00 $0.00, $19,475.75`)
	a.pay(t, 1237_34, loan.KindRegular, day("2026-03-28"))
	check(a.until("2026-03-29", "2026-04-24"), april)
	// It is returned after the statement on which it was: the next one tells of it, with
	// its day. A correction tells of it, too, as of then.
	a.back(0)
	old := a.statements[len(a.statements)-1]
	corrected, taken := loan.Correction(old, &a.vehicle, a.ledger, day("2026-04-27"))
	if len(taken) != 3 || corrected.Corrects == nil || *corrected.Corrects != old.ID {
		t.Errorf("the correction has %d entries and is of %v", len(taken), corrected.Corrects)
	}
	check([]*loan.Statement{corrected}, aprilCorrected)
	check(a.until("2026-04-25", "2026-05-25"), may)
	// The payoff is on a last statement, on the next day.
	a.pay(t, a.vehicle.Contract.PayoffOn(day("2026-05-29")).Amount, loan.KindPayoff, day("2026-05-29"))
	check(a.until("2026-05-29", "2027-05-29"), last)
}

const (
	april = `2026-04-24 for 2026-03-25..2026-04-23 due 2026-05-15: $19,475.75+$141.13+$0.00-$1,237.34=$18,404.54; due $606.17=$0.00+$606.17+$0.00; payoff $18,479.92, per diem 2.8993, unpaid $75.38; left 0; year $223.05 $25.00;
  2026-03-28 INTEREST $0.00: $0.00 -$141.13 $0.00 $0.00, $19,475.75
  2026-03-28 PAYMENT $1,237.34: $1,071.21 $141.13 $25.00 $0.00, $18,404.54`
	aprilCorrected = `2026-04-27 for 2026-03-25..2026-04-23 due 2026-05-15: $19,475.75+$141.13+$0.00-$0.00=$19,475.75; due $1,843.51=$1,212.34+$606.17+$25.00; payoff $19,721.65, per diem 3.0681, unpaid $220.90; left 0; year $81.92 $0.00; PAST_DUE 0000-00-00 $1,212.34 RETURNED 2026-03-28 $1,237.34 CORRECTION 2026-04-24 $0.00
  2026-03-28 INTEREST $0.00: $0.00 -$141.13 $0.00 $0.00, $19,475.75
  2026-03-28 PAYMENT $1,237.34: $1,071.21 $141.13 $25.00 $0.00, $18,404.54
  2026-03-28 REVERSAL -$1,237.34: -$1,071.21 -$141.13 -$25.00 $0.00, $19,475.75`
	may = `2026-05-25 for 2026-04-24..2026-05-24 due 2026-06-15: $18,404.54+$0.00+$0.00--$1,237.34=$19,475.75; due $2,449.68=$1,818.51+$606.17+$25.00; payoff $19,816.76, per diem 3.0681, unpaid $316.01; left 0; year $81.92 $0.00; PAST_DUE 0000-00-00 $1,818.51 RETURNED 2026-03-28 $1,237.34
  2026-03-28 REVERSAL -$1,237.34: -$1,071.21 -$141.13 -$25.00 $0.00, $19,475.75`
	last = `2026-05-30 for 2026-05-25..2026-05-29 due 2026-06-15: $19,475.75+$190.22+$0.00-$19,832.10=$0.00; due $0.00=$0.00+$0.00+$0.00; payoff $0.00, per diem 0.0000, unpaid $0.00; left 0; year $413.27 $25.00; PAID_OFF 0000-00-00 $0.00
  2026-05-29 INTEREST $0.00: $0.00 -$190.22 $0.00 $0.00, $19,475.75
  2026-05-29 PAYMENT $19,832.10: $19,475.75 $331.35 $25.00 $0.00, $0.00`
)

// A lease that is paid ahead, returned, and paid with its purchase option.
func TestStatementsOfALease(t *testing.T) {
	t.Parallel()
	a := newAccount(carLease())
	text := func(list []*loan.Statement) string {
		var lines []string
		for _, s := range list {
			lines = append(lines, figures(s))
		}
		return strings.Join(lines, "\n")
	}
	a.until("2026-01-31", "2026-02-20")
	a.pay(t, 900_00, loan.KindRegular, day("2026-02-20"))
	got := a.until("2026-02-21", "2026-04-08")
	a.back(0) // the bank returns it when 389 of what was ahead has fallen due
	got = append(got, a.until("2026-04-09", "2026-05-10")...)
	a.pay(t, a.vehicle.Contract.PayoffOn(day("2026-05-11")).Amount, loan.KindPayoff, day("2026-05-11"))
	got = append(got, a.until("2026-05-11", "2026-07-31")...)
	const want = `2026-03-10 for 2026-02-07..2026-03-09 due 2026-03-31: $9,336.00+$0.00+$0.00-$900.00=$8,436.00; due $0.00=$0.00+$0.00+$0.00; payoff $24,936.00, per diem 0.0000, unpaid $0.00; left 22; year $0.00 $0.00;
  2026-02-20 PAYMENT $900.00: $0.00 $0.00 $0.00 $900.00, $8,436.00
2026-04-09 for 2026-03-10..2026-04-08 due 2026-04-30: $8,436.00+$0.00+$0.00--$900.00=$9,336.00; due $1,167.00=$900.00+$267.00+$0.00; payoff $25,836.00, per diem 0.0000, unpaid $0.00; left 21; year $0.00 $0.00; PAST_DUE 0000-00-00 $900.00 RETURNED 2026-02-20 $900.00
  2026-02-20 REVERSAL -$900.00: $0.00 $0.00 $0.00 -$900.00, $9,336.00
2026-05-10 for 2026-04-09..2026-05-09 due 2026-05-31: $9,336.00+$0.00+$0.00-$0.00=$9,336.00; due $1,556.00=$1,167.00+$389.00+$0.00; payoff $25,836.00, per diem 0.0000, unpaid $0.00; left 20; year $0.00 $0.00; PAST_DUE 0000-00-00 $1,167.00
2026-05-12 for 2026-05-10..2026-05-11 due 2026-05-31: $9,336.00+$0.00+$0.00-$25,836.00=$0.00; due $0.00=$0.00+$0.00+$0.00; payoff $0.00, per diem 0.0000, unpaid $0.00; left 0; year $0.00 $0.00; PAID_OFF 0000-00-00 $0.00
  2026-05-11 PAYMENT $25,836.00: $0.00 $0.00 $0.00 $25,836.00, $0.00`
	if text(got) != want {
		t.Errorf("got\n%s", text(got))
	}
}

// correct draws a correction, which is posted where the contract allows it.
func (a *account) correct(t *rapid.T, on loan.Date) {
	c := loan.LedgerCorrection{Against: rapid.SampledFrom([]loan.LedgerAccount{loan.AgainstCash, loan.AgainstFunding, loan.AgainstIncome}).Draw(t, "against")}
	drawn := []*loan.Cents{&c.Fees, &c.PastDue, &c.CurrentDue, &c.Principal, &c.Interest}
	if _, lease := a.vehicle.Contract.(*loan.Lease); lease {
		drawn = []*loan.Cents{&c.Fees, &c.PastDue, &c.CurrentDue, &c.Instalments}
	}
	for i, amount := range drawn {
		if rapid.Bool().Draw(t, fmt.Sprint("corrected ", i)) {
			*amount = loan.Cents(rapid.Int64Range(-400_00, 400_00).Draw(t, fmt.Sprint("by ", i)))
		}
	}
	if postings, err := a.vehicle.Contract.Correct(c, on); err == nil {
		a.add(nil, postings...)
	}
}

// Whatever is paid, returned and corrected: each posting is on one statement, statements chain
// without a gap, and each says what the ledger adds up to. What is said does not depend
// on when the statement is made.
func TestStatementsEqualTheLedger(t *testing.T) {
	t.Parallel()
	printed := map[string]int{} // corrections on statements
	rapid.Check(t, func(t *rapid.T) {
		a := newAccount(rapid.SampledFrom([]func() loan.Contract{
			func() loan.Contract { return carLoan() }, func() loan.Contract { return carLease() },
		}).Draw(t, "contract")())
		contract := a.vehicle.Contract
		on := contract.Common().OpenedOn
		for range rapid.IntRange(1, 120).Draw(t, "days") {
			on = on.AddDays(rapid.IntRange(1, 3).Draw(t, "later"))
			if s := a.startDay(on, nil); s != nil {
				a.checkLate(t, s, on)
				a.checkCorrection(t, s, on)
			}
			switch payoff := contract.PayoffOn(on).Amount; rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				a.back(rapid.IntRange(0, 3).Draw(t, "which"))
			case 1:
				if payoff > 0 {
					amount := min(payoff, loan.Cents(rapid.Int64Range(1, 200_000).Draw(t, "cents")))
					if rapid.IntRange(0, 9).Draw(t, "in full") == 0 {
						amount = payoff
					}
					a.pay(t, amount, loan.KindRegular, on)
				}
			case 2:
				if l, ok := contract.(*loan.Loan); ok && l.Principal > 0 {
					a.pay(t, min(l.Principal, 50_00), loan.KindPrincipalOnly, on)
				}
			case 3:
				if payoff > 0 {
					a.add(nil, contract.Common().PostFee(25_00, on))
				}
			case 4:
				if payoff > 0 {
					a.correct(t, on)
				}
			}
		}
		a.checkChain(t)
		for _, s := range a.statements {
			for _, l := range s.Lines {
				if l.Kind == loan.PostCorrection {
					printed[fmt.Sprint(s.Kind, ", of money ", l.Amount != 0)]++
				}
			}
		}
	})
	if len(printed) != 4 {
		t.Errorf("printed were %v", printed)
	}
}

// checkChain holds the statements against each other and against the ledger.
func (a *account) checkChain(t rapid.TB) {
	t.Helper()
	var opening loan.Cents
	from := a.ledger[0].EffectiveOn
	for i, s := range a.statements {
		sum, interest, fees := opening, loan.Cents(0), loan.Cents(0)
		for _, l := range s.Lines {
			sum -= l.Principal + l.Instalments
			corrects := l.Kind == loan.PostCorrection
			ofPayment := l.Kind == loan.PostReversal || l.Kind == loan.PostPayment
			if (ofPayment || corrects && l.Amount != 0) && l.Amount != l.Principal+l.Interest+l.Fees+l.Instalments {
				t.Fatalf("a line of %+v", l)
			}
			if ofPayment && s.Kind == loan.ContractLease {
				sum = l.Balance // the purchase option is no part of the balance
			}
			charges := corrects && l.Amount == 0 // or takes back what was charged
			if l.Balance != sum || l.On.After(s.PeriodTo) {
				t.Fatalf("a line of %+v after %s", l, sum)
			}
			interest -= map[bool]loan.Cents{true: l.Interest}[l.Kind == loan.PostInterest || charges]
			fees -= map[bool]loan.Cents{true: l.Fees}[l.Kind == loan.PostFee || charges]
		}
		if s.OpeningBalance != opening || s.ClosingBalance != sum || s.PeriodFrom != from || s.PeriodTo.Before(from) || s.InterestCharged != interest || s.FeesCharged != fees ||
			s.Received != s.PrincipalPaid+s.InterestPaid+s.FeesPaid+s.InstalmentsPaid || s.AmountDue != s.PastDue+s.CurrentDue+s.FeesDue || s.PastDue < 0 || s.CurrentDue < 0 {
			t.Fatalf("statement %d after %s at %s:\n%s", i, opening, from, figures(s))
		}
		if b := s.Balances; b[len(b)-1].Amount != sum || len(b) > 13 || len(b) > 1 && b[len(b)-2].Amount != opening {
			t.Fatalf("the balances are %v", b)
		}
		opening, from = sum, s.PeriodTo.AddDays(1)
	}
	for _, s := range a.statements {
		var balance, owedInterest, owedFees loan.Cents
		for _, e := range a.ledger {
			if e.StatementID != nil && *e.StatementID <= s.ID {
				balance += e.Principal + e.Instalments
				owedInterest += e.Interest
				owedFees += e.Fees
			}
		}
		if s.ClosingBalance != balance || s.FeesDue != owedFees || s.InterestUnpaid < owedInterest {
			t.Fatalf("the ledger says %s, %s and %s of\n%s", balance, owedInterest, owedFees, figures(s))
		}
	}
	for _, e := range a.ledger {
		if e.StatementID == nil && e.EffectiveOn.Before(from) && e.Kind != loan.PostReversal && e.Kind != loan.PostInterest {
			t.Fatalf("on no statement: %+v", e)
		}
	}
}

// unstated is the account as it was before a statement.
func (a *account) unstated(s *loan.Statement) *account {
	before := &account{vehicle: a.vehicle, payments: 1000}
	before.vehicle.Contract = a.vehicle.Contract.Clone()
	for _, e := range a.ledger {
		if e.StatementID != nil && *e.StatementID == s.ID {
			e.StatementID = nil
		}
		before.ledger = append(before.ledger, e)
	}
	return before
}

// checkCorrection returns a payment after a statement, once before and once after the
// due date: the correction is what would have been said if it had come before.
func (a *account) checkCorrection(t rapid.TB, s *loan.Statement, on loan.Date) {
	t.Helper()
	for _, moved := range []bool{false, true} {
		inTime, since := a.unstated(s), &account{vehicle: a.vehicle, ledger: append([]loan.LedgerEntry{}, a.ledger...)}
		since.vehicle.Contract = a.vehicle.Contract.Clone()
		if moved {
			since.vehicle.Contract.Bill(s.DueOn.AddDays(1))
		}
		if !inTime.back(0) || !since.back(0) {
			return
		}
		want, _ := loan.Cycle{From: s.PeriodFrom, To: s.PeriodTo, DueOn: s.DueOn}.Statement(&inTime.vehicle, inTime.ledger, nil, nil)
		got, _ := loan.Correction(s, &since.vehicle, since.ledger, on)
		got.Messages, got.IssuedOn = got.Messages[:len(got.Messages)-1], want.IssuedOn
		if figures(got) != figures(want) {
			t.Fatalf("moved %t\ninstead of\n%s\nthe correction is\n%s\nif it had come in time\n%s", moved, figures(s), figures(got), figures(want))
		}
	}
}

// checkLate makes a statement again, later in its cycle and after a payment and a
// correction, as a job does that runs late.
func (a *account) checkLate(t *rapid.T, s *loan.Statement, on loan.Date) {
	t.Helper()
	later := a.unstated(s)
	if payoff := later.vehicle.Contract.PayoffOn(on).Amount; payoff > 100 {
		later.pay(t, payoff/2, loan.KindRegular, on)
		later.pay(t, payoff/4, loan.KindRegular, on)
		later.back(1)
		later.correct(t, on)
	}
	again, taken := loan.Cycle{From: s.PeriodFrom, To: s.PeriodTo, DueOn: s.DueOn}.Statement(&later.vehicle, later.ledger, nil, nil)
	if figures(again) != figures(s) || len(taken) != len(s.Lines) {
		t.Fatalf("in time\n%s\nlate\n%s", figures(s), figures(again))
	}
}
