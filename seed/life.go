package seed

import (
	"math/bits"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// life is a vehicle with what has happened to its contract.
type life struct {
	vehicle    *loan.Vehicle
	number     string // of the contract
	payments   []*loan.Payment
	autoPay    *loan.AutoPay
	statements []*loan.Statement
}

// story says how a contract went; the rest follows from it.
type story struct {
	vehicle loan.Vehicle
	// contractNumber has eight digits; empty for one that the dice choose.
	contractNumber string
	contract       loan.Contract // what was agreed: of a loan the amount and the rate, of a lease the instalment and the option
	now            time.Time
	dueOn          loan.Date // the next due date, today or later
	past           int       // due dates before it
	missed         bool      // whether the last of them was not paid: the bank returned the payment
	early          bool      // whether the instalment of dueOn was paid before it
	autoPay        *loan.AutoPay

	payments   int // how many past payments are kept, one returned and one cancelled among them
	statements int // how many statements are kept
	pending    []pending
}

// pending is a payment to come.
type pending struct {
	inDays int // from today on
	amount loan.Cents
	kind   loan.PaymentKind
}

const (
	billedDays  = 21                // a statement is issued so long before its due date
	usualDays   = 5                 // the customer pays so long before the due date at the least
	usualSpread = 4                 // and at the most so many days earlier
	graceDays   = 10                // after the due date comes a late fee
	lateFee     = loan.Cents(25_00) // in cents
)

const notSufficientFunds = "R01"

// teller writes a story down.
type teller struct {
	story
	timing loan.Timing
	dice   *dice
	number func() string // the next confirmation number
	terms  *loan.Terms
	today  loan.Date
	owed   []loan.Cents // what is owed after each due date's payment; [0] is at the start
	life   *life
}

// tell makes the life of a contract.
func tell(s story, timing loan.Timing, d *dice, number func() string) *life {
	t := &teller{
		story: s, timing: timing, dice: d, number: number,
		terms: s.contract.Common(), today: loan.DateOf(s.now),
		life: &life{vehicle: &loan.Vehicle{}, autoPay: s.autoPay},
	}
	*t.life.vehicle = s.vehicle
	t.life.vehicle.Contract = s.contract
	t.agree()
	t.pay()
	t.bill()
	t.standing()
	t.schedule()
	return t.life
}

// due is the n-th due date; the 0-th is the day of the contract.
func (t *teller) due(n int) loan.Date { return t.dueOn.AddMonths(n - t.past - 1) }

// agree fills in what of a contract follows from its story.
func (t *teller) agree() {
	if t.life.number = t.contractNumber; t.life.number == "" {
		t.life.number = t.dice.digits(8)
	}
	t.terms.AccountNumberLast4 = t.life.number[4:]
	t.terms.OpenedOn, t.terms.MaturesOn, t.terms.DueDay = t.due(0), t.due(t.terms.TermMonths), t.dueOn.Day
	switch c := t.contract.(type) {
	case *loan.Loan:
		c.Instalment = instalment(c.AmountFinanced, c.AnnualRate, c.TermMonths)
		c.Principal, c.InterestPaidThrough = c.AmountFinanced, c.OpenedOn
		t.owed = []loan.Cents{c.Principal}
	case *loan.Lease:
		t.owed = []loan.Cents{c.Instalment * loan.Cents(c.TermMonths)}
	}
}

// instalment is what repays an amount in so many months, with a twelfth of the
// year's interest each month: amount * r * g / (g-1), where g = (1+r)^months.
func instalment(amount loan.Cents, rate loan.Rate, months int) loan.Cents {
	const one = 1_000_000_000
	r := uint64(rate) * one / 1_200_000 // #nosec G115 -- a rate is more than zero
	g := uint64(one)
	for range months {
		g += g * r / one
	}
	high, low := bits.Mul64(uint64(amount)*r, g) // #nosec G115 -- an amount is more than zero
	quotient, _ := bits.Div64(high, low, g-one)
	return loan.Cents(quotient/one) + 1 // #nosec G115 -- less than the amount
}

// pay makes the past payments, a month at a time, and what they leave owed.
func (t *teller) pay() {
	last := t.past
	if t.early {
		last++
	}
	kept := last - t.story.payments + 3 // the month with which the payments that are kept begin
	if t.missed {
		kept--
	}
	canceled, returned := kept+2+t.dice.roll(5), kept+8+t.dice.roll(5)
	if t.missed {
		returned = t.past
	}
	for n := 1; n <= last; n++ {
		on := t.due(n).AddDays(-usualDays - t.dice.roll(usualSpread+1))
		var automatic loan.Date // the due date, where Auto Pay paid it
		if t.autoPay != nil && t.autoPay.SetUpAt.Before(t.due(n-1).At(0)) {
			on, automatic = t.autoPay.PaysOn(t.due(n)), t.due(n)
		}
		if n == canceled {
			t.payment(on.AddDays(-1), loan.Canceled, loan.Date{})
		}
		if n == returned {
			t.payment(on, loan.Returned, automatic)
			on, automatic = t.due(n).AddDays(-2), loan.Date{} // and paid again
		}
		owed := t.owed[n-1]
		if !t.missed || n < t.past {
			credited := on
			if n >= kept {
				credited = t.payment(on, loan.Settled, automatic).CreditedOn
			}
			owed -= t.credit(credited)
		}
		t.owed = append(t.owed, owed)
	}
}

// credit books an instalment on a day and returns by how much less is owed then.
func (t *teller) credit(on loan.Date) loan.Cents {
	l, ok := t.contract.(*loan.Loan)
	if !ok {
		return t.terms.Instalment
	}
	principal := l.Instalment - l.InterestOn(on)
	l.Principal -= principal
	l.InterestPaidThrough = on
	return principal
}

// payment adds a past payment of an instalment for a day, or the next one that
// the rules allow. automatic is the due date that Auto Pay paid with it.
func (t *teller) payment(on loan.Date, status loan.PaymentStatus, automatic loan.Date) *loan.Payment {
	ahead, hour := t.dice.roll(4), t.dice.between(8, 17)
	switch {
	case !automatic.IsZero():
		ahead, hour = 3, 6
	case status == loan.Canceled:
		ahead = 3 // a day or two pass until it is
	}
	submitted := on.AddDays(-min(ahead, t.timing.FurthestDays)).At(hour).Add(time.Duration(t.dice.roll(3_600_000)) * time.Millisecond)
	p := t.submit(submitted.UTC(), on, t.terms.Instalment)
	p.Status = status
	if !automatic.IsZero() {
		p.Origin, p.DueOn = loan.OriginAutoPay, automatic
	}
	if status == loan.Canceled {
		p.CanceledAt = at(p.SubmittedAt.Add(p.CancelBy.Sub(p.SubmittedAt) / 2))
		return p
	}
	p.Applied, p.AppliedAt = p.Amount, at(p.CancelBy.Add(time.Minute))
	settlesOn := settlesOn(t.timing, p)
	switch {
	case status == loan.Returned:
		p.ReturnCode, p.ReturnedAt = notSufficientFunds, at(settlesOn.At(8))
	case settlesOn.After(t.today):
		p.Status = loan.Applied
	}
	return p
}

// settlesOn is when the bank's ordinary time to return a payment is over.
func settlesOn(timing loan.Timing, p *loan.Payment) loan.Date {
	on := p.DebitedOn
	for range loan.SettlementDays {
		for on = on.AddDays(1); !timing.IsBankingDay(on); {
			on = on.AddDays(1)
		}
	}
	return on
}

func at(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// submit adds a scheduled payment with the slot that it gets.
func (t *teller) submit(at time.Time, on loan.Date, amount loan.Cents) *loan.Payment {
	slot, err := t.timing.Schedule(at, on)
	for tries := 0; err != nil && tries < 10; tries++ { // a holiday that is not taken
		on = on.AddDays(1)
		slot, err = t.timing.Schedule(at, on)
	}
	if err != nil {
		slot = t.timing.NextSlot(at)
	}
	p := &loan.Payment{
		ConfirmationNumber: t.number(), Amount: amount, Kind: loan.KindRegular, Origin: loan.OriginCustomer, Status: loan.Scheduled,
		ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn,
		SubmittedAt: slot.SubmittedAt, CancelBy: slot.CancelBy,
	}
	t.life.payments = append(t.life.payments, p)
	return p
}

// bill makes the statements that have been issued. The payment of one due date
// falls into the period of the next one's statement.
func (t *teller) bill() {
	last := t.past + 1
	if t.due(last).AddDays(-billedDays).After(t.today) {
		last--
	}
	for n := max(2, last-t.story.statements+1); n <= last; n++ {
		issued := t.due(n).AddDays(-billedDays)
		s := &loan.Statement{
			IssuedOn: issued, PeriodFrom: t.due(n - 1).AddDays(-billedDays), PeriodTo: issued.AddDays(-1), DueOn: t.due(n),
			OpeningBalance: t.owed[n-2], ClosingBalance: t.owed[n-1], AmountDue: t.terms.Instalment,
		}
		if t.missed && n == t.past+1 {
			s.PastDue = t.terms.Instalment
			s.AmountDue += s.PastDue + t.feeOn(issued)
		}
		t.life.statements = append(t.life.statements, s)
	}
}

func (t *teller) feeOn(day loan.Date) loan.Cents {
	if !t.missed || day.Before(t.due(t.past).AddDays(graceDays)) {
		return 0
	}
	return lateFee
}

// standing fills in where the contract is now.
func (t *teller) standing() {
	t.terms.DueOn, t.terms.Fees = t.dueOn, t.feeOn(t.today)
	if !t.early {
		t.terms.CurrentDue = t.terms.Instalment
	}
	if t.missed {
		t.terms.PastDue = t.terms.Instalment
	}
	if t.autoPay != nil && t.autoPay.AmountKind == loan.AutoPayFixed {
		t.autoPay.Amount = t.terms.Instalment
	}
	if lease, ok := t.contract.(*loan.Lease); ok {
		lease.InstalmentsRemaining = lease.TermMonths - t.past - 1
	}
}

// schedule adds the payments to come. They are submitted now and for a later day,
// so that their windows are open whatever the hour.
func (t *teller) schedule() {
	for _, p := range t.pending {
		on := t.today.AddDays(min(max(p.inDays, 1), t.timing.FurthestDays))
		made := t.submit(t.now, on, p.amount)
		made.Kind = p.kind
	}
}
