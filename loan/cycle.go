package loan

import (
	"cmp"
	"fmt"
	"slices"
)

// StatementDays is how long before its due date the statement of a cycle is issued.
const StatementDays = 21

// Layout is the number of the layout in which statements are printed that are issued
// now.
const Layout = 1

// LedgerEntry is a posting as it stands in the ledger.
type LedgerEntry struct {
	ID        int64      `db:"id"` // in the order of posting
	PaymentID *PaymentID `db:"payment_id"`
	Posting
	Confirmation string       `db:"confirmation_number"` // of the payment; empty where there is none
	StatementID  *StatementID `db:"statement_id"`        // the latest that it is on; nil while it is on none
}

// Cycle is what a statement covers. It is issued on the day after To.
type Cycle struct {
	From  Date
	To    Date
	DueOn Date
}

// IssuedOn is the day on which the statement of the cycle is issued.
func (c Cycle) IssuedOn() Date { return c.To.AddDays(1) }

// NextCycle is what the next statement covers, where one has fallen due by a day.
// through is the last day that a statement covers already; no day where there is none,
// and the period begins as the contract's books do.
//
// While something is owed, the statement of a due date is issued 21 days before it.
// Once nothing is, what is not yet on a statement is put on a last one, on the day
// after it was posted. The contract must be billed up to the day.
func NextCycle(c Contract, ledger []LedgerEntry, through, today Date) (Cycle, bool) {
	if len(ledger) == 0 {
		return Cycle{}, false
	}
	cycle := Cycle{From: firstDay(ledger, through), DueOn: c.Common().DueOn}
	cycle.To = cycle.DueOn.AddDays(-StatementDays - 1)
	if IsOver(c) {
		last, posted := lastUnstated(ledger)
		if !posted {
			return Cycle{}, false
		}
		cycle.To = later(last, cycle.From)
	}
	return cycle, !cycle.To.Before(cycle.From) && cycle.IssuedOn().DaysUntil(today) >= 0
}

// firstDay is the first day that no statement covers yet.
func firstDay(ledger []LedgerEntry, through Date) Date {
	if through.IsZero() {
		return ledger[0].EffectiveOn
	}
	return through.AddDays(1)
}

// Never is a day that does not come.
var Never = Date{9999, 12, 31}

// StatementOn is the first day after today on which the next statement can fall due,
// if nothing is posted meanwhile; [Never] where nothing is owed any more.
func StatementOn(c Contract, ledger []LedgerEntry, through, today Date) Date {
	on := c.Common().DueOn.AddDays(-StatementDays)
	switch last, posted := lastUnstated(ledger); {
	case IsOver(c) && posted:
		on = last.AddDays(1)
	case IsOver(c), len(ledger) == 0:
		return Never
	case !firstDay(ledger, through).Before(on):
		on = c.Common().nextDue().AddDays(-StatementDays)
	}
	return later(on, today.AddDays(1))
}

// IsOver tells whether nothing is owed, now or later, but for a lease's purchase
// option, which need not be bought.
func IsOver(c Contract) bool {
	if c.Common().AmountDue() != 0 {
		return false
	}
	switch c := c.(type) {
	case *Loan:
		return c.Principal == 0 && c.InterestUnpaid == 0
	case *Lease:
		return c.ahead() == 0
	}
	return false
}

// lastUnstated is the latest day of what is posted and on no statement, beside the
// opening.
func lastUnstated(ledger []LedgerEntry) (last Date, posted bool) {
	for _, e := range ledger {
		if e.StatementID == nil && e.Kind != PostOpening {
			last, posted = later(last, e.EffectiveOn), true
		}
	}
	return last, posted
}

func later(a, b Date) Date {
	if a.Before(b) {
		return b
	}
	return a
}

// Statement makes the statement of a cycle that [NextCycle] gave, and lists the
// postings that are on it: all as of its period that are on no statement yet. One that
// comes late, as a return does, is on the next statement, with its day.
//
// All of it is as of the end of the period, whenever it is made. Balances are sums of
// the ledger. What is due of the instalments is what the contract says, less what was
// posted as of a later day: the due date has not moved on since, as the cycle is that
// of the present one.
//
// planned is the payment that Auto Pay makes for the due date, or, where none is planned
// yet, auto is what will plan it; nil where there is none.
func (c Cycle) Statement(v *Vehicle, ledger []LedgerEntry, planned *Run, auto *AutoPay) (*Statement, []LedgerEntry) {
	then := v.Contract.Clone()
	for _, e := range ledger {
		if !e.EffectiveOn.After(c.To) {
			continue
		}
		shift(then, e.Posting, -1)
	}
	s := newStatement(v, c)
	taken := s.book(ledger, 0)
	s.stand(then, ledger)
	if planned == nil && auto != nil {
		if on := auto.PaysOn(c.DueOn); !on.Before(s.IssuedOn) {
			planned = &Run{On: on, DueOn: c.DueOn, Amount: auto.AmountOn(then, on)}
		}
	}
	s.tell(taken, planned)
	return s, taken
}

// Correction makes the statement that takes the place of the latest one of a vehicle: of
// the same period, by what the ledger says of it by now. What is due of the instalments
// is what it was, and what has come since: a return brings back what its payment had
// settled then. What Auto Pay pays is as it was said.
func Correction(old *Statement, v *Vehicle, ledger []LedgerEntry, today Date) (*Statement, []LedgerEntry) {
	s := newStatement(v, Cycle{old.PeriodFrom, old.PeriodTo, old.DueOn})
	s.Corrects, s.IssuedOn = &old.ID, today
	taken := s.book(ledger, old.ID)
	then := old.contract(v.Contract)
	for _, e := range taken {
		if e.StatementID != nil {
			continue
		}
		if paid := paymentOf(ledger, e); paid != nil {
			then.Reverse(paid.Posting)
		} else {
			shift(then, e.Posting, 1)
		}
	}
	s.stand(then, ledger)
	var auto *Run
	for _, m := range old.Messages {
		if m.Kind == MessageAutoPay {
			auto = &Run{On: m.On, DueOn: old.DueOn, Amount: m.Amount}
		}
	}
	s.tell(taken, auto)
	s.Messages = append(s.Messages, StatementMessage{Kind: MessageCorrection, On: old.IssuedOn})
	return s, taken
}

// contract is what the statement says of a contract: what was due, and of a lease what
// was ahead, at the end of the period.
func (s *Statement) contract(now Contract) Contract {
	then := now.Clone()
	t := then.Common()
	if lease, ok := then.(*Lease); ok {
		switch {
		case s.ClosingBalance != 0:
			lease.InstalmentsRemaining = s.InstalmentsRemaining
		case t.DueOn != s.DueOn: // it says none, as all were paid; one has been billed since
			lease.InstalmentsRemaining++
		}
		ahead := s.ClosingBalance - s.PastDue - s.CurrentDue
		lease.Prepaid = Cents(lease.InstalmentsRemaining)*lease.Instalment - ahead
		lease.PurchaseOption = s.PayoffAmount - s.ClosingBalance - s.FeesDue
	}
	t.PastDue, t.CurrentDue, t.DueOn = s.PastDue, s.CurrentDue, s.DueOn
	return then
}

// shift does to what is due, and of a lease to what is ahead, what a posting did, or
// with a sign of -1 takes it back.
func shift(c Contract, p Posting, sign Cents) {
	t := c.Common()
	t.PastDue += sign * p.PastDue
	t.CurrentDue += sign * p.CurrentDue
	if lease, ok := c.(*Lease); ok && p.ofPayment() {
		lease.Prepaid -= sign * (p.Instalments - p.PastDue - p.CurrentDue)
		lease.PurchaseOption += sign * p.Income
	} else if ok && p.Kind == PostCorrection {
		lease.Prepaid -= sign * (p.Instalments - p.PastDue - p.CurrentDue)
	}
}

// paymentOf is the posting of the payment that an entry takes back; nil where it takes
// none.
func paymentOf(ledger []LedgerEntry, e LedgerEntry) *LedgerEntry {
	if e.Kind != PostReversal {
		return nil
	}
	for i := range ledger {
		if p := &ledger[i]; p.Kind == PostPayment && p.PaymentID != nil && e.PaymentID != nil && *p.PaymentID == *e.PaymentID {
			return p
		}
	}
	return nil
}

// received tells whether an entry is of money that came from the customer or went back:
// a payment, or a correction for what came beside the files.
func (p Posting) received() bool { return p.ofPayment() || p.Kind == PostCorrection && p.Cash != 0 }

// ofPayment tells whether an entry is for a payment or against one.
func (p Posting) ofPayment() bool { return p.Kind == PostPayment || p.Kind == PostReversal }

func newStatement(v *Vehicle, c Cycle) *Statement {
	s := &Statement{
		CustomerID: v.CustomerID, VehicleID: v.ID, Kind: ContractLoan,
		IssuedOn: c.IssuedOn(), PeriodFrom: c.From, PeriodTo: c.To, DueOn: c.DueOn,
		Paper: Paper{
			Layout: Layout, Vehicle: fmt.Sprintf("%d %s %s", v.Year, v.Make, v.Model),
			AccountNumberLast4: v.AccountNumberLast4(), MaturesOn: v.Contract.Common().MaturesOn,
		},
	}
	switch contract := v.Contract.(type) {
	case *Loan:
		s.Rate = contract.AnnualRate
	case *Lease:
		s.Kind = ContractLease
	}
	return s
}

// book puts what is on the statement on its lines, and adds it up: what is on none yet,
// and what is on the one with an id, in whose place this one is.
func (s *Statement) book(ledger []LedgerEntry, old StatementID) (taken []LedgerEntry) {
	for _, e := range ledger {
		switch {
		case e.StatementID == nil && !e.EffectiveOn.After(s.PeriodTo), e.StatementID != nil && *e.StatementID == old:
			taken = append(taken, e)
		case e.StatementID != nil:
			s.OpeningBalance += s.owed(e.Posting)
		}
	}
	slices.SortStableFunc(taken, func(a, b LedgerEntry) int {
		return cmp.Or(a.EffectiveOn.compare(b.EffectiveOn), cmp.Compare(a.ID, b.ID))
	})
	s.ClosingBalance = s.OpeningBalance
	for _, e := range taken {
		s.ClosingBalance += s.owed(e.Posting)
		line := StatementLine{
			On: e.EffectiveOn, Kind: e.Kind,
			Principal: -e.Principal, Interest: -e.Interest, Fees: -e.Fees, Instalments: -e.Instalments, Balance: s.ClosingBalance,
		}
		switch {
		case e.received():
			if s.Kind == ContractLease {
				line.Instalments -= e.Income // its purchase option
			}
			line.Amount, line.Confirmation = e.Cash, e.Confirmation
			s.Received += line.Amount
			s.PrincipalPaid += line.Principal
			s.InterestPaid += line.Interest
			s.FeesPaid += line.Fees
			s.InstalmentsPaid += line.Instalments
		case e.Kind == PostOpening:
		default: // a correction charges interest and fees, or takes them back
			s.InterestCharged += e.Interest
			s.FeesCharged += e.Fees
		}
		s.Lines = append(s.Lines, line)
	}
	return taken
}

// owed is what a posting adds to the balance.
func (s *Statement) owed(p Posting) Cents {
	if s.Kind == ContractLease {
		return p.Instalments
	}
	return p.Principal
}

// stand fills in what the ledger and the contract's rules say of the end of the period.
// Of then, what is due and a lease's are as they were; the accounts are summed up here.
func (s *Statement) stand(then Contract, ledger []LedgerEntry) {
	var interest Cents
	var through Date // up to which interest had been worked out
	t := then.Common()
	t.Fees, t.DueOn = 0, s.DueOn
	for _, e := range ledger {
		if e.EffectiveOn.After(s.PeriodTo) {
			continue
		}
		interest += e.Interest
		t.Fees += e.Fees
		if e.Kind != PostFee {
			through = later(through, e.EffectiveOn)
		}
		if e.received() && e.EffectiveOn.Year == s.PeriodTo.Year {
			s.YearInterestPaid -= e.Interest
			s.YearFeesPaid -= e.Fees
		}
	}
	switch c := then.(type) {
	case *Loan:
		c.Principal, c.InterestUnpaid, c.InterestPaidThrough = s.ClosingBalance, interest, through
		s.InterestUnpaid = c.InterestOn(s.PeriodTo)
	case *Lease:
		if !IsOver(c) { // those that are left then are paid
			s.InstalmentsRemaining = c.InstalmentsRemaining
		}
	}
	s.CurrentDue, s.PastDue, s.FeesDue, s.AmountDue = t.CurrentDue, t.PastDue, t.Fees, t.AmountDue()
	payoff := then.PayoffOn(s.PeriodTo)
	s.PayoffAmount, s.PayoffPerDiem = payoff.Amount, payoff.PerDiem
	if IsOver(then) {
		s.Messages = append(s.Messages, StatementMessage{Kind: MessagePaidOff})
	}
}

// tell adds the messages that come before the others.
func (s *Statement) tell(taken []LedgerEntry, auto *Run) {
	messages := []StatementMessage{}
	if s.PastDue > 0 {
		messages = append(messages, StatementMessage{Kind: MessagePastDue, Amount: s.PastDue})
	}
	if auto != nil && auto.Amount > 0 {
		messages = append(messages, StatementMessage{Kind: MessageAutoPay, On: auto.On, Amount: auto.Amount})
	}
	for _, e := range taken {
		if e.Kind == PostReversal {
			messages = append(messages, StatementMessage{Kind: MessageReturned, On: e.EffectiveOn, Amount: -e.Cash})
		}
	}
	s.Messages = append(messages, s.Messages...)
}

// mostBalances is how many balances a statement shows.
const mostBalances = 13

// Head says whom the statement is for and from, and what the ones before it closed
// with, latest first.
func (s *Statement) Head(from Servicer, to *Customer, before []StatementBalance) {
	s.Servicer, s.Name, s.Address = from, to.FirstName+" "+to.LastName, to.Address
	s.Balances = []StatementBalance{{s.PeriodTo, s.ClosingBalance}}
	s.Balances = append(s.Balances, before[:min(len(before), mostBalances-1)]...)
	slices.Reverse(s.Balances)
}
