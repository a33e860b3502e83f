package seed

import (
	"math/bits"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// life is a vehicle with what has happened to its contract.
type life struct {
	vehicle    *loan.Vehicle
	number     string // of the contract
	payments   []*loan.Payment
	autoPay    *loan.AutoPay
	ledger     []*posted
	statements []*statement
	looksOn    loan.Date // the first day on which the next statement can fall due
}

// posted is an entry of the ledger and when it was made.
type posted struct {
	loan.LedgerEntry
	at time.Time
}

// statement is a statement with the entries that are on it.
type statement struct {
	*loan.Statement
	entries  []*posted
	balances []loan.StatementBalance // of those before, latest first
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

	payments int // how many past payments are kept, one returned and one cancelled among them
	pending  []pending
}

// pending is a payment to come.
type pending struct {
	inDays int // from today on
	amount loan.Cents
	kind   loan.PaymentKind
}

const (
	usualDays   = 5                 // the customer pays so long before the due date at the least
	usualSpread = 4                 // and at the most so many days earlier
	graceDays   = 6                 // after the due date comes a late fee
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
	events []event
	life   *life
}

// event is what happens on a day, after its start.
type event struct {
	on loan.Date
	do func(on loan.Date)
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
	t.play()
	t.schedule()
	return t.life
}

// due is the n-th due date; the 0-th is the day of the contract.
func (t *teller) due(n int) loan.Date { return t.dueOn.AddMonths(n - t.past - 1) }

// agree fills in what of a contract follows from its story, as it was on the day of the
// contract.
func (t *teller) agree() {
	if t.life.number = t.contractNumber; t.life.number == "" {
		t.life.number = t.dice.digits(8)
	}
	t.terms.AccountNumberLast4 = t.life.number[4:]
	t.terms.OpenedOn, t.terms.MaturesOn = t.due(0), t.due(t.terms.TermMonths)
	t.terms.DueOn, t.terms.DueDay = t.due(1), t.dueOn.Day
	switch c := t.contract.(type) {
	case *loan.Loan:
		c.Instalment = instalment(c.AmountFinanced, c.AnnualRate, c.TermMonths)
		c.Principal, c.InterestPaidThrough = c.AmountFinanced, c.OpenedOn
	case *loan.Lease:
		c.InstalmentsRemaining = c.TermMonths - 1
	}
	t.terms.CurrentDue = t.terms.Instalment
	if t.autoPay != nil && t.autoPay.AmountKind == loan.AutoPayFixed {
		t.autoPay.Amount = t.terms.Instalment
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

// pay makes the past payments, a month at a time, and what comes of them. The ledger
// begins with the first of those that are kept.
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
	begins := t.terms.OpenedOn
	for n := 1; n <= last; n++ {
		on := t.due(n).AddDays(-usualDays - t.dice.roll(usualSpread+1))
		if n < kept {
			t.on(on, func(on loan.Date) { t.credit(nil, on) })
			begins = on
			continue
		}
		var automatic loan.Date // the due date, where Auto Pay paid it
		if t.isAutomatic(n) {
			on, automatic = t.autoPay.PaysOn(t.due(n)), t.due(n)
		}
		if n == canceled {
			t.payment(on.AddDays(-1), loan.Canceled, loan.Date{})
		}
		if n == returned {
			back := t.giveBack(t.payment(on, loan.Returned, automatic))
			on, automatic = t.due(n).AddDays(-2), loan.Date{} // and paid again
			if !back.Before(on) {
				on = back.AddDays(1)
			}
		}
		if t.missed && n == t.past {
			t.on(t.due(n).AddDays(graceDays), t.chargeFee)
			continue
		}
		p := t.payment(on, loan.Settled, automatic)
		t.on(p.CreditedOn, func(on loan.Date) { t.credit(p, on) })
	}
	t.on(begins, t.open)
	for n := 1; n <= t.past+1; n++ {
		t.on(t.due(n).AddDays(-loan.StatementDays), func(loan.Date) {}) // statements are issued as a day starts
	}
}

// isAutomatic tells whether Auto Pay paid the n-th due date, or will.
func (t *teller) isAutomatic(n int) bool {
	return t.autoPay != nil && t.autoPay.SetUpAt.Before(t.due(n-1).At(0))
}

func (t *teller) on(day loan.Date, do func(loan.Date)) { t.events = append(t.events, event{day, do}) }

// giveBack lets the bank return a payment, and tells on which day.
func (t *teller) giveBack(p *loan.Payment) loan.Date {
	var credited loan.Posting
	t.on(p.CreditedOn, func(on loan.Date) { credited = t.credit(p, on) })
	back := loan.DateOf(*p.ReturnedAt)
	t.on(back, func(loan.Date) { t.post(p, *p.ReturnedAt, t.contract.Reverse(credited)...) })
	return back
}

// play lets everything happen in the order of days, as it does in the product: what a
// day brings comes first.
func (t *teller) play() {
	slices.SortStableFunc(t.events, func(a, b event) int { return b.on.DaysUntil(a.on) })
	for _, e := range t.events {
		if e.on.After(t.today) {
			break
		}
		t.startDay(e.on)
		e.do(e.on)
	}
	t.startDay(t.today)
	entries, through, _ := t.books()
	t.life.looksOn = loan.StatementOn(t.contract, entries, through, t.today)
}

// books are the ledger, the last day that a statement covers, and what the statements
// closed with, latest first.
func (t *teller) books() (entries []loan.LedgerEntry, through loan.Date, balances []loan.StatementBalance) {
	for _, s := range slices.Backward(t.life.statements) {
		balances = append(balances, loan.StatementBalance{On: s.PeriodTo, Amount: s.ClosingBalance})
	}
	if len(balances) > 0 {
		through = balances[0].On
	}
	entries = make([]loan.LedgerEntry, len(t.life.ledger))
	for i, e := range t.life.ledger {
		entries[i] = e.LedgerEntry
	}
	return entries, through, balances
}

// startDay bills, and issues the statement that is due.
func (t *teller) startDay(today loan.Date) {
	t.contract.Bill(today)
	entries, through, balances := t.books()
	cycle, due := loan.NextCycle(t.contract, entries, through, today)
	if !due {
		return
	}
	var auto *loan.AutoPay
	if t.autoPay != nil && t.autoPay.SetUpAt.Before(cycle.IssuedOn().At(0)) {
		auto = t.autoPay
	}
	s, taken := cycle.Statement(t.life.vehicle, entries, nil, auto)
	s.ID = loan.StatementID(len(t.life.statements) + 1) // until it has its own
	kept := &statement{Statement: s, balances: balances}
	for _, e := range taken {
		entry := t.life.ledger[e.ID-1]
		entry.StatementID = &s.ID
		kept.entries = append(kept.entries, entry)
	}
	t.life.statements = append(t.life.statements, kept)
}

// open begins the ledger.
func (t *teller) open(on loan.Date) {
	t.life.ledger = []*posted{}
	t.post(nil, on.At(0), loan.Opening(t.contract, on))
}

// post adds to the ledger, once it is open.
func (t *teller) post(p *loan.Payment, at time.Time, postings ...loan.Posting) {
	if t.life.ledger == nil {
		return
	}
	for _, posting := range postings {
		e := &posted{loan.LedgerEntry{ID: int64(len(t.life.ledger) + 1), Posting: posting}, at.UTC()}
		if p != nil {
			e.PaymentID, e.Confirmation = &p.ID, p.ConfirmationNumber
		}
		t.life.ledger = append(t.life.ledger, e)
	}
}

// credit books an instalment on a day, for a payment that is kept or for none.
func (t *teller) credit(p *loan.Payment, on loan.Date) loan.Posting {
	postings, err := t.contract.Post(t.terms.Instalment, loan.KindRegular, on)
	if err != nil {
		panic(err) // a contract of a story owes more than an instalment
	}
	if p != nil {
		t.post(p, *p.AppliedAt, postings...)
	}
	return postings[len(postings)-1]
}

func (t *teller) chargeFee(on loan.Date) { t.post(nil, on.At(0), t.terms.PostFee(lateFee, on)) }

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

// schedule adds the payments to come. They are submitted now and for a later day,
// so that their windows are open whatever the hour.
func (t *teller) schedule() {
	for _, p := range t.pending {
		on := t.today.AddDays(min(max(p.inDays, 1), t.timing.FurthestDays))
		made := t.submit(t.now, on, p.amount)
		made.Kind = p.kind
	}
}
