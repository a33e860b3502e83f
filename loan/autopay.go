package loan

import "time"

// AutoPayStatus is whether Auto Pay makes payments.
type AutoPayStatus string

// The states of Auto Pay.
const (
	AutoPayActive   AutoPayStatus = "ACTIVE"
	AutoPayPaused   AutoPayStatus = "PAUSED"
	AutoPayCanceled AutoPayStatus = "CANCELED"
)

// AutoPayAmountKind is how Auto Pay finds the amount of a payment.
type AutoPayAmountKind string

// The ways to find an amount.
const (
	AutoPayAmountDue     AutoPayAmountKind = "AMOUNT_DUE"
	AutoPayFixed         AutoPayAmountKind = "FIXED"
	AutoPayAmountDuePlus AutoPayAmountKind = "AMOUNT_DUE_PLUS"
)

// AutoPay pays for a vehicle every month. Exactly one of DayOfMonth and
// DaysBeforeDue says when.
type AutoPay struct {
	ID               AutoPayID         `db:"id"`
	CustomerID       CustomerID        `db:"customer_id"` // the primary borrower
	SetUpBy          CustomerID        `db:"set_up_by"`
	VehicleID        VehicleID         `db:"vehicle_id"`
	PaymentAccountID PaymentAccountID  `db:"payment_account_id"`
	Status           AutoPayStatus     `db:"status"`
	AmountKind       AutoPayAmountKind `db:"amount_kind"`
	Amount           Cents             `db:"amount_cents"` // the fixed amount or the extra; else zero
	DayOfMonth       *int              `db:"day_of_month"`
	DaysBeforeDue    *int              `db:"days_before_due"`
	SetUpAt          time.Time         `db:"set_up_at"`
	ChangedAt        time.Time         `db:"changed_at"`
}

// MaxDaysPastDue is how long after the due date Auto Pay may pay at the latest.
const MaxDaysPastDue = 10

// MaxDaysBeforeDue is how long before the due date Auto Pay may pay.
const MaxDaysBeforeDue = 25

// Run is one payment that Auto Pay would make.
type Run struct {
	On     Date
	DueOn  Date
	Amount Cents
}

// PaysOn is the day on which the instalment due on a date is paid: that many
// days before it, or the chosen day of the month nearest to it that is at most
// [MaxDaysPastDue] days late. Days 29 to 31 fall back to a short month's last
// day. With neither chosen it is the due date.
//
// Whether the chosen day is taken from the month of the due date, the one before
// or the one after must not depend on how long the month is: else two
// instalments of one contract would be paid on the same day and a month be left
// out. So every month counts as 31 days, and due days 28 to 31, which a short
// month makes one, count as 28.
func (a *AutoPay) PaysOn(dueOn Date) Date {
	switch {
	case a.DaysBeforeDue != nil:
		return dueOn.AddDays(-*a.DaysBeforeDue)
	case a.DayOfMonth == nil:
		return dueOn
	}
	month := dueOn.Month
	switch late := *a.DayOfMonth - min(dueOn.Day, 28); {
	case late > MaxDaysPastDue:
		month--
	case late+31 <= MaxDaysPastDue:
		month++
	}
	return DayOfMonth(dueOn.Year, month, *a.DayOfMonth)
}

// amountFor is what is paid where so much is due.
func (a *AutoPay) amountFor(due Cents) Cents {
	switch a.AmountKind {
	case AutoPayFixed:
		return a.Amount
	case AutoPayAmountDuePlus:
		return due + a.Amount
	case AutoPayAmountDue:
	}
	return due
}

// NextRun is the next payment that Auto Pay would make, seen now; false where
// there is none (paused, cancelled, or nothing is owed any more). The amount is
// an estimate: it is fixed when the payment is planned. It is never more than
// the payoff, so that the final, smaller payment is made too.
func (a *AutoPay) NextRun(now time.Time, timing Timing, v *Vehicle) (Run, bool) {
	if a.Status != AutoPayActive || v.OnHold() {
		return Run{}, false
	}
	terms := v.Contract.Common()
	earliest := timing.NextSlot(now).ScheduledOn
	for i, dueOn := 0, terms.DueOn; i <= terms.TermMonths; i, dueOn = i+1, terms.DueOn.AddMonths(i+1) {
		on := a.PaysOn(dueOn)
		if on.Before(earliest) {
			continue
		}
		due := terms.AmountDue()
		if i > 0 {
			due = terms.Instalment
		}
		// An instalment that has been paid ahead needs no run, but the next may.
		if amount := min(a.amountFor(due), v.Contract.PayoffOn(on).Amount); amount > 0 {
			return Run{On: on, DueOn: dueOn, Amount: amount}, true
		}
	}
	return Run{}, false
}

// AmountOrExtra is the fixed amount or the extra; nil where the amount is what
// is due and no more.
func (a *AutoPay) AmountOrExtra() *Cents {
	if a.AmountKind == AutoPayAmountDue {
		return nil
	}
	return &a.Amount
}

// AmountOn is what Auto Pay pays on a day for the next due date: never more than
// the payoff.
func (a *AutoPay) AmountOn(c Contract, on Date) Cents {
	return min(a.amountFor(c.Common().AmountDue()), c.PayoffOn(on).Amount)
}

// MostFor is the most that a payment planned for a due date may still be: what the
// customer has paid meanwhile is not debited a second time. A fixed amount stays.
func (a *AutoPay) MostFor(dueOn Date, c Contract) Cents {
	if a.AmountKind == AutoPayFixed {
		return MaxCents
	}
	t := c.Common()
	due := t.AmountDue()
	if t.DueOn.After(dueOn) {
		due = t.PastDue + t.Fees // the next instalment has its own payment
	}
	if due <= 0 {
		return 0
	}
	return a.amountFor(due)
}

// NextRuns lists the next payments that Auto Pay would make if nothing else is
// paid, n at the most: the contract is played forward, to the final, smaller
// payment.
func (a *AutoPay) NextRuns(now time.Time, timing Timing, v *Vehicle, n int) []Run {
	if a.Status != AutoPayActive || v.OnHold() {
		return nil
	}
	contract, earliest := v.Contract.Clone(), timing.NextSlot(now).ScheduledOn
	terms := contract.Common()
	var runs []Run
	for i := 0; len(runs) < n && i <= n+terms.TermMonths; i++ {
		dueOn := terms.DueOn
		on := a.PaysOn(dueOn)
		if !on.Before(earliest) {
			amount := a.AmountOn(contract, on)
			if amount > 0 {
				if _, err := contract.Post(amount, KindRegular, on); err != nil {
					break
				}
				runs = append(runs, Run{On: on, DueOn: dueOn, Amount: amount})
			}
		}
		if !contract.Bill(dueOn.AddDays(1)) {
			break
		}
	}
	return runs
}
