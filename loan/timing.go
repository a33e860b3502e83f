package loan

import "time"

// The cut-off hours of a business day in Eastern time. A payment for today made
// before the first can be cancelled until then and is applied after it; one made
// between the two belongs to the second.
const (
	FirstCutoffHour  = 15
	SecondCutoffHour = 18
)

// HolidayPosting says what a payment dated on a bank holiday does.
type HolidayPosting string

const (
	// PostOnDate credits the payment on its date, as on any other day.
	PostOnDate HolidayPosting = "POST_ON_DATE"
	// PostNextBankingDay credits it on the next banking day.
	PostNextBankingDay HolidayPosting = "NEXT_BANKING_DAY"
	// RejectHolidays refuses the date and offers the next banking day.
	RejectHolidays HolidayPosting = "REJECT"
)

// Timing is the servicer's policy about dates, with the calendar it needs.
type Timing struct {
	// IsBankingDay tells whether the Federal Reserve settles on a day.
	IsBankingDay func(Date) bool
	// Holidays says what happens to payments dated on a bank holiday; a weekend
	// is none, and a payment is credited on it.
	Holidays HolidayPosting
	// FurthestDays is how many days ahead a payment may be dated.
	FurthestDays int
}

// Slot is when a payment happens: what follows from the instant it is submitted
// and the date it is for. It is stored with the payment and never recomputed.
type Slot struct {
	// SubmittedAt is the instant of receipt.
	SubmittedAt time.Time
	// ScheduledOn is the day that the customer chose.
	ScheduledOn Date
	// CancelBy is the cut-off that the payment belongs to: it can be cancelled
	// strictly before, and is applied by the run at or after.
	CancelBy time.Time
	// CreditedOn is the effective date of the credit.
	CreditedOn Date
	// DebitedOn is the effective entry date of the bank debit.
	DebitedOn Date
}

// Schedule finds the slot of a payment submitted now and dated on.
//
// The cut-off is the first of 15:00 and 18:00 Eastern on that day that is
// strictly after now, so a future date always gets 15:00. Where there is none,
// the payment is refused: the customer authorised a date, and it is never moved
// silently. All refusals are [*DateNotAllowed]: DATE_IN_PAST, CUTOFF_PASSED,
// DATE_TOO_FAR or DATE_IS_HOLIDAY.
func (t Timing) Schedule(now time.Time, on Date) (Slot, error) {
	today := DateOf(now)
	switch {
	case on.Before(today):
		return Slot{}, t.refuseDate(now, CodeDateInPast, "The date is in the past.")
	case on.After(today.AddDays(t.FurthestDays)):
		return Slot{}, t.refuseDate(now, CodeDateTooFar, "The date is too far in the future.")
	case t.Holidays == RejectHolidays && t.isHoliday(on):
		return Slot{}, t.refuseDate(now, CodeDateIsHoliday, "Payments cannot be dated on a bank holiday.")
	}
	cancelBy, ok := cutoff(now, on)
	if !ok {
		return Slot{}, t.refuseDate(now, CodeCutoffPassed, "The last cut-off of this day, 6 pm Eastern, has passed.")
	}
	return t.slot(now, on, cancelBy), nil
}

func (t Timing) slot(now time.Time, on Date, cancelBy time.Time) Slot {
	s := Slot{SubmittedAt: now, ScheduledOn: on, CancelBy: cancelBy, CreditedOn: on, DebitedOn: t.nextBankingDay(on)}
	if t.Holidays == PostNextBankingDay && t.isHoliday(on) {
		s.CreditedOn = s.DebitedOn
	}
	// The 18:00 run comes after the last same-day window of the ACH network.
	if cancelBy.Equal(on.At(SecondCutoffHour)) {
		s.DebitedOn = t.nextBankingDay(on.AddDays(1))
	}
	return s
}

// cutoff is the first cut-off on a day strictly after now.
func cutoff(now time.Time, on Date) (time.Time, bool) {
	for _, hour := range [...]int{FirstCutoffHour, SecondCutoffHour} {
		if at := on.At(hour); at.After(now) {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// NextSlot is the earliest slot that a payment submitted now can have.
func (t Timing) NextSlot(now time.Time) Slot {
	for on := DateOf(now); ; on = on.AddDays(1) {
		if t.Holidays == RejectHolidays && t.isHoliday(on) {
			continue
		}
		if cancelBy, ok := cutoff(now, on); ok {
			return t.slot(now, on, cancelBy)
		}
	}
}

// Slots lists the slots of the days from first to last on which a payment
// submitted now may be dated, in order.
func (t Timing) Slots(now time.Time, first, last Date) []Slot {
	earliest, furthest := t.NextSlot(now).ScheduledOn, DateOf(now).AddDays(t.FurthestDays)
	if first.Before(earliest) {
		first = earliest
	}
	if last.After(furthest) {
		last = furthest
	}
	var slots []Slot
	for on := first; !on.After(last); on = on.AddDays(1) {
		if slot, err := t.Schedule(now, on); err == nil {
			slots = append(slots, slot)
		}
	}
	return slots
}

// MayCancel tells whether a payment with this deadline can be cancelled now.
// The window is half-open: at the deadline itself it is closed.
func MayCancel(now, cancelBy time.Time) bool { return now.Before(cancelBy) }

func (t Timing) refuseDate(now time.Time, code Code, message Phrase) error {
	return &DateNotAllowed{
		Refusal:    Refusal{Code: code, Message: message, Path: []string{"scheduledOn"}},
		EarliestOn: t.NextSlot(now).ScheduledOn,
	}
}

func (t Timing) isHoliday(d Date) bool {
	weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
	return !weekend && !t.IsBankingDay(d)
}

func (t Timing) nextBankingDay(d Date) Date {
	for !t.IsBankingDay(d) {
		d = d.AddDays(1)
	}
	return d
}

// SettlementDays is how many banking days after a debit the bank returns it in the
// ordinary case.
const SettlementDays = 2

// CutoffsBetween lists the cut-offs after one instant and not after another, in
// order.
func CutoffsBetween(after, until time.Time) []time.Time {
	var cutoffs []time.Time
	for on := DateOf(after); !on.After(DateOf(until)); on = on.AddDays(1) {
		for _, hour := range [...]int{FirstCutoffHour, SecondCutoffHour} {
			if at := on.At(hour); at.After(after) && !at.After(until) {
				cutoffs = append(cutoffs, at.UTC())
			}
		}
	}
	return cutoffs
}
