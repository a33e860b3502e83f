package loan_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

// holidays are the weekdays on which the Federal Reserve is closed, from 2026 to
// 2028 and as far into 2029 as a payment can be dated, each with the banking day
// that follows. Written out by hand, so that no calendar is tested against itself.
var holidays = map[loan.Date]loan.Date{
	day("2026-01-01"): day("2026-01-02"), // New Year
	day("2026-01-19"): day("2026-01-20"), // Martin Luther King
	day("2026-02-16"): day("2026-02-17"), // Presidents
	day("2026-05-25"): day("2026-05-26"), // Memorial
	day("2026-06-19"): day("2026-06-22"), // Juneteenth; Independence is on a Saturday
	day("2026-09-07"): day("2026-09-08"), // Labor
	day("2026-10-12"): day("2026-10-13"), // Columbus
	day("2026-11-11"): day("2026-11-12"), // Veterans
	day("2026-11-26"): day("2026-11-27"), // Thanksgiving
	day("2026-12-25"): day("2026-12-28"), // Christmas
	day("2027-01-01"): day("2027-01-04"),
	day("2027-01-18"): day("2027-01-19"),
	day("2027-02-15"): day("2027-02-16"),
	day("2027-05-31"): day("2027-06-01"), // Juneteenth is on a Saturday
	day("2027-07-05"): day("2027-07-06"), // Independence, on a Sunday
	day("2027-09-06"): day("2027-09-07"),
	day("2027-10-11"): day("2027-10-12"),
	day("2027-11-11"): day("2027-11-12"),
	day("2027-11-25"): day("2027-11-26"), // Christmas and New Year are on Saturdays
	day("2028-01-17"): day("2028-01-18"),
	day("2028-02-21"): day("2028-02-22"),
	day("2028-05-29"): day("2028-05-30"),
	day("2028-06-19"): day("2028-06-20"),
	day("2028-07-04"): day("2028-07-05"),
	day("2028-09-04"): day("2028-09-05"),
	day("2028-10-09"): day("2028-10-10"), // Veterans is on a Saturday
	day("2028-11-23"): day("2028-11-24"),
	day("2028-12-25"): day("2028-12-26"),
	day("2029-01-01"): day("2029-01-02"),
	day("2029-01-15"): day("2029-01-16"),
	day("2029-02-19"): day("2029-02-20"),
}

func isWeekend(d loan.Date) bool {
	return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
}

func isBankingDay(d loan.Date) bool {
	_, holiday := holidays[d]
	return !holiday && !isWeekend(d)
}

// policy is the default one: 60 days, credited on the date.
func policy() loan.Timing {
	return loan.Timing{IsBankingDay: isBankingDay, Holidays: loan.PostOnDate, FurthestDays: 60}
}

// et is an instant by the clock on a wall in New York: "2026-11-18 14:59:59.999".
func et(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, loan.Eastern)
	if err != nil {
		panic(err)
	}
	return t
}

func utc(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// codeOf is the code of a refusal, or "" where there is none.
func codeOf(err error) loan.Code {
	if refusal, ok := errors.AsType[loan.UserError](err); ok {
		return refusal.ErrorCode()
	}
	return ""
}

// TestScheduleRules is the table of the product's rules, row by row.
func TestScheduleRules(t *testing.T) {
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		now      time.Time
		on       string
		cancelBy time.Time
		debited  string
		refused  loan.Code
		earliest string
	}{
		"today, first window":       {now: et("2026-11-18 14:59:59.999"), on: "2026-11-18", cancelBy: utc("2026-11-18T20:00:00Z"), debited: "2026-11-18"},
		"today, at the cut-off":     {now: et("2026-11-18 15:00:00"), on: "2026-11-18", cancelBy: utc("2026-11-18T23:00:00Z"), debited: "2026-11-19"},
		"today, second window":      {now: et("2026-11-18 17:59:59.999"), on: "2026-11-18", cancelBy: utc("2026-11-18T23:00:00Z"), debited: "2026-11-19"},
		"today, after the last":     {now: et("2026-11-18 18:00:00"), on: "2026-11-18", refused: loan.CodeCutoffPassed, earliest: "2026-11-19"},
		"today, last instant":       {now: et("2026-11-18 23:59:59.999999999"), on: "2026-11-18", refused: loan.CodeCutoffPassed, earliest: "2026-11-19"},
		"today, first instant":      {now: et("2026-11-18 00:00:00"), on: "2026-11-18", cancelBy: utc("2026-11-18T20:00:00Z"), debited: "2026-11-18"},
		"tomorrow, in the morning":  {now: et("2026-11-18 09:00:00"), on: "2026-11-19", cancelBy: utc("2026-11-19T20:00:00Z"), debited: "2026-11-19"},
		"tomorrow, after 3 pm":      {now: et("2026-11-18 15:00:00"), on: "2026-11-19", cancelBy: utc("2026-11-19T20:00:00Z"), debited: "2026-11-19"},
		"tomorrow, after 6 pm":      {now: et("2026-11-18 18:00:00"), on: "2026-11-19", cancelBy: utc("2026-11-19T20:00:00Z"), debited: "2026-11-19"},
		"tomorrow, before midnight": {now: et("2026-11-18 23:59:59.999999999"), on: "2026-11-19", cancelBy: utc("2026-11-19T20:00:00Z"), debited: "2026-11-19"},
		"a future Saturday":         {now: et("2026-11-18 16:00:00"), on: "2026-11-21", cancelBy: utc("2026-11-21T20:00:00Z"), debited: "2026-11-23"},
		"a future Sunday":           {now: et("2026-11-18 20:00:00"), on: "2026-11-22", cancelBy: utc("2026-11-22T20:00:00Z"), debited: "2026-11-23"},
		"on Saturday, morning":      {now: et("2026-11-21 10:00:00"), on: "2026-11-21", cancelBy: utc("2026-11-21T20:00:00Z"), debited: "2026-11-23"},
		"on Saturday, afternoon":    {now: et("2026-11-21 16:00:00"), on: "2026-11-21", cancelBy: utc("2026-11-21T23:00:00Z"), debited: "2026-11-23"},
		"on Saturday, evening":      {now: et("2026-11-21 18:00:00"), on: "2026-11-21", refused: loan.CodeCutoffPassed, earliest: "2026-11-22"},
		"Friday's second window":    {now: et("2026-11-20 16:00:00"), on: "2026-11-20", cancelBy: utc("2026-11-20T23:00:00Z"), debited: "2026-11-23"},
		"before a closed Monday":    {now: et("2027-07-02 16:00:00"), on: "2027-07-02", cancelBy: utc("2027-07-02T22:00:00Z"), debited: "2027-07-06"},
		"before an open Friday":     {now: et("2026-07-02 16:00:00"), on: "2026-07-02", cancelBy: utc("2026-07-02T22:00:00Z"), debited: "2026-07-03"},
		"EST began today":           {now: utc("2026-11-01T19:30:00Z"), on: "2026-11-01", cancelBy: utc("2026-11-01T20:00:00Z"), debited: "2026-11-02"},
		"EDT began today":           {now: utc("2026-03-08T19:00:00Z"), on: "2026-03-08", cancelBy: utc("2026-03-08T22:00:00Z"), debited: "2026-03-09"},
		"Pacific evening":           {now: time.Date(2026, 11, 18, 21, 30, 0, 0, pacific), on: "2026-11-18", refused: loan.CodeDateInPast, earliest: "2026-11-19"},
		"Pacific evening, next day": {now: time.Date(2026, 11, 18, 21, 30, 0, 0, pacific), on: "2026-11-19", cancelBy: utc("2026-11-19T20:00:00Z"), debited: "2026-11-19"},
		"Thanksgiving":              {now: et("2026-11-20 10:00:00"), on: "2026-11-26", cancelBy: utc("2026-11-26T20:00:00Z"), debited: "2026-11-27"},
		"yesterday":                 {now: et("2026-11-18 10:00:00"), on: "2026-11-17", refused: loan.CodeDateInPast, earliest: "2026-11-18"},
		"yesterday, in the evening": {now: et("2026-11-18 19:00:00"), on: "2026-11-17", refused: loan.CodeDateInPast, earliest: "2026-11-19"},
		"60 days ahead":             {now: et("2026-11-18 10:00:00"), on: "2027-01-17", cancelBy: utc("2027-01-17T20:00:00Z"), debited: "2027-01-19"},
		"61 days ahead":             {now: et("2026-11-18 10:00:00"), on: "2027-01-18", refused: loan.CodeDateTooFar, earliest: "2026-11-18"},
		"60 days, at the last hour": {now: et("2026-11-18 23:59:59.999"), on: "2027-01-17", cancelBy: utc("2027-01-17T20:00:00Z"), debited: "2027-01-19"},
		"61 days, at the last hour": {now: et("2026-11-18 23:59:59.999"), on: "2027-01-18", refused: loan.CodeDateTooFar, earliest: "2026-11-19"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			slot, err := policy().Schedule(test.now, day(test.on))
			if test.refused != "" {
				refusal, ok := errors.AsType[*loan.DateNotAllowed](err)
				if !ok {
					t.Fatalf("want a *DateNotAllowed, got %+v, %v", slot, err)
				}
				if refusal.Code != test.refused || refusal.EarliestOn != day(test.earliest) {
					t.Errorf("refused with %s and earliest %v, want %s and %s", refusal.Code, refusal.EarliestOn, test.refused, test.earliest)
				}
				if slot != (loan.Slot{}) || !slices.Equal(refusal.Path, []string{"scheduledOn"}) {
					t.Errorf("slot %+v, path %v", slot, refusal.Path)
				}
				return
			}
			want := loan.Slot{SubmittedAt: test.now, ScheduledOn: day(test.on), CancelBy: test.cancelBy, CreditedOn: day(test.on), DebitedOn: day(test.debited)}
			if err != nil || slot != want {
				t.Errorf("got  %+v, %v\nwant %+v", slot, err, want)
			}
		})
	}
}

// TestScheduleAroundCutoffs goes down to the nanosecond, on ordinary days and on
// those that have 23 and 25 hours.
func TestScheduleAroundCutoffs(t *testing.T) {
	days := map[string]struct{ first, second string }{
		"2026-11-18": {"2026-11-18T20:00:00Z", "2026-11-18T23:00:00Z"},
		"2026-07-15": {"2026-07-15T19:00:00Z", "2026-07-15T22:00:00Z"},
		"2026-03-07": {"2026-03-07T20:00:00Z", "2026-03-07T23:00:00Z"}, // the day before 23 hours
		"2026-03-08": {"2026-03-08T19:00:00Z", "2026-03-08T22:00:00Z"},
		"2026-11-01": {"2026-11-01T20:00:00Z", "2026-11-01T23:00:00Z"},
		"2026-10-31": {"2026-10-31T19:00:00Z", "2026-10-31T22:00:00Z"}, // the day before 25 hours
		"2027-03-14": {"2027-03-14T19:00:00Z", "2027-03-14T22:00:00Z"},
		"2027-11-07": {"2027-11-07T20:00:00Z", "2027-11-07T23:00:00Z"},
		"2028-03-12": {"2028-03-12T19:00:00Z", "2028-03-12T22:00:00Z"},
		"2028-11-05": {"2028-11-05T20:00:00Z", "2028-11-05T23:00:00Z"},
	}
	for date, cutoffs := range days {
		first, second := utc(cutoffs.first), utc(cutoffs.second)
		for _, by := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Hour} {
			for now, want := range map[time.Time]time.Time{
				first.Add(-by):  first,
				first:           second,
				first.Add(by):   second,
				second.Add(-by): second,
				second:          {},
				second.Add(by):  {},
			} {
				slot, err := policy().Schedule(now, day(date))
				if slot.CancelBy != want || want.IsZero() != (codeOf(err) == loan.CodeCutoffPassed) {
					t.Errorf("at %v: cancel by %v, %v; want %v", now, slot.CancelBy, err, want)
				}
				// A future date has 15:00, whenever today it is submitted.
				slot, err = policy().Schedule(now.AddDate(0, 0, -2), day(date))
				if err != nil || slot.CancelBy != first {
					t.Errorf("two days before %v: cancel by %v, %v; want %v", now, slot.CancelBy, err, first)
				}
			}
		}
	}
}

func TestHolidayPosting(t *testing.T) {
	for holiday, next := range holidays {
		for _, hour := range []int{10, 16} { // for the first cut-off and for the second
			now := holiday.At(hour)
			for posting, credited := range map[loan.HolidayPosting]loan.Date{
				loan.PostOnDate:         holiday,
				loan.PostNextBankingDay: next,
			} {
				timing := policy()
				timing.Holidays = posting
				slot, err := timing.Schedule(now, holiday)
				if err != nil || slot.CreditedOn != credited || slot.DebitedOn != next || slot.ScheduledOn != holiday {
					t.Errorf("%s on %v at %d: got %+v, %v; want credit %v, debit %v", posting, holiday, hour, slot, err, credited, next)
				}
			}
			timing := policy()
			timing.Holidays = loan.RejectHolidays
			_, err := timing.Schedule(now, holiday)
			refusal, ok := errors.AsType[*loan.DateNotAllowed](err)
			// The day after a holiday on a Friday is a weekend, and may be chosen.
			if !ok || refusal.Code != loan.CodeDateIsHoliday || refusal.EarliestOn != holiday.AddDays(1) {
				t.Errorf("REJECT on %v at %d: got %v", holiday, hour, err)
			}
		}
	}
	// A weekend is no holiday: whatever the policy, it is credited on its date.
	for _, posting := range []loan.HolidayPosting{loan.PostOnDate, loan.PostNextBankingDay, loan.RejectHolidays} {
		timing := policy()
		timing.Holidays = posting
		slot, err := timing.Schedule(et("2026-11-18 10:00:00"), day("2026-11-21"))
		if err != nil || slot.CreditedOn != day("2026-11-21") || slot.DebitedOn != day("2026-11-23") {
			t.Errorf("%s on a Saturday: got %+v, %v", posting, slot, err)
		}
	}
}

// TestDebitedOnEveryDay checks the effective entry date of both cut-offs on every
// day of three years: the 15:00 run makes the day itself, the 18:00 run does not.
func TestDebitedOnEveryDay(t *testing.T) {
	firstBankingDay := func(d loan.Date) loan.Date {
		for isWeekend(d) || holidays[d] != (loan.Date{}) {
			d = d.AddDays(1)
		}
		return d
	}
	for d := day("2026-01-01"); d.Year < 2029; d = d.AddDays(1) {
		first, err1 := policy().Schedule(d.At(14), d)
		second, err2 := policy().Schedule(d.At(17), d)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if want := firstBankingDay(d); first.DebitedOn != want {
			t.Errorf("15:00 on %v: debited on %v, want %v", d, first.DebitedOn, want)
		}
		if want := firstBankingDay(d.AddDays(1)); second.DebitedOn != want {
			t.Errorf("18:00 on %v: debited on %v, want %v", d, second.DebitedOn, want)
		}
	}
}

func TestMayCancel(t *testing.T) {
	for _, deadline := range []time.Time{et("2026-11-18 15:00:00"), et("2026-11-18 18:00:00"), utc("2026-11-01T20:00:00Z")} {
		for _, by := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Hour} {
			if !loan.MayCancel(deadline.Add(-by), deadline) {
				t.Errorf("%v before %v must be in time", by, deadline)
			}
			if loan.MayCancel(deadline.Add(by), deadline) {
				t.Errorf("%v after %v must be too late", by, deadline)
			}
		}
		if loan.MayCancel(deadline, deadline) {
			t.Errorf("%v itself must be too late", deadline)
		}
	}
}

// drawTiming, drawNow and drawDate favour what is near an edge.
func drawTiming(t *rapid.T) loan.Timing {
	timing := policy()
	timing.Holidays = rapid.SampledFrom([]loan.HolidayPosting{loan.PostOnDate, loan.PostNextBankingDay, loan.RejectHolidays}).Draw(t, "holidays")
	return timing
}

func drawNow(t *rapid.T, label string) time.Time {
	first, last := et("2026-01-01 00:00:00"), et("2028-12-31 23:59:59")
	if rapid.Bool().Draw(t, label+" anywhere") {
		return first.Add(time.Duration(rapid.Int64Range(0, int64(last.Sub(first))).Draw(t, label)))
	}
	on := loan.DateOf(first).AddDays(rapid.IntRange(1, 1094).Draw(t, label+" on"))
	hour := rapid.SampledFrom([]int{0, 15, 18, 24}).Draw(t, label+" hour")
	return on.At(hour).Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, label+" ns")))
}

func drawDate(t *rapid.T, now time.Time, label string) loan.Date {
	return loan.DateOf(now).AddDays(rapid.OneOf(
		rapid.IntRange(-2, 5), rapid.IntRange(0, 60), rapid.IntRange(58, 63), rapid.IntRange(-4000, 4000),
	).Draw(t, label))
}

func TestScheduleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timing, now := drawTiming(t), drawNow(t, "now")
		on := drawDate(t, now, "days")
		today := loan.DateOf(now)
		slot, err := timing.Schedule(now, on)
		if err != nil {
			refusal, ok := errors.AsType[*loan.DateNotAllowed](err)
			if !ok {
				t.Fatalf("%T is no *DateNotAllowed", err)
			}
			if _, err := timing.Schedule(now, refusal.EarliestOn); err != nil {
				t.Fatalf("%v is offered but refused: %v", refusal.EarliestOn, err)
			}
			for d := today.AddDays(-2); d.Before(refusal.EarliestOn); d = d.AddDays(1) {
				if _, err := timing.Schedule(now, d); err == nil {
					t.Fatalf("%v is offered, but %v would do", refusal.EarliestOn, d)
				}
			}
			return
		}
		if on.Before(today) || on.After(today.AddDays(60)) {
			t.Fatalf("%v is accepted on %v", on, today)
		}
		if !slot.CancelBy.After(slot.SubmittedAt) || !slot.SubmittedAt.Equal(now) || slot.ScheduledOn != on {
			t.Fatalf("%+v", slot)
		}
		wall := slot.CancelBy.In(loan.Eastern).Format("2006-01-02 15:04:05.999999999")
		if first, second := on.String()+" 15:00:00", on.String()+" 18:00:00"; wall != first && (wall != second || on != today) {
			t.Fatalf("cut-off is %s by the clock in New York", wall)
		}
		if !isBankingDay(slot.DebitedOn) || slot.DebitedOn.Before(on) || slot.CreditedOn.Before(on) {
			t.Fatalf("%+v", slot)
		}
	})
}

// TestScheduleIsMonotonic: a later date or a later instant never has an earlier
// outcome, and waiting never makes a date possible, other than by coming nearer.
func TestScheduleIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timing, now := drawTiming(t), drawNow(t, "now")
		on := drawDate(t, now, "days")
		slot, err := timing.Schedule(now, on)

		laterOn := on.AddDays(rapid.IntRange(1, 10).Draw(t, "days later"))
		if later, laterErr := timing.Schedule(now, laterOn); err == nil && laterErr == nil {
			// A holiday's credit may move past that of the weekend after it.
			overtaken := later.CreditedOn.Before(slot.CreditedOn) && timing.Holidays != loan.PostNextBankingDay
			if !later.CancelBy.After(slot.CancelBy) || overtaken || later.DebitedOn.Before(slot.DebitedOn) {
				t.Fatalf("%+v\nis before\n%+v", later, slot)
			}
		}
		laterNow := now.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "wait")))
		if later, laterErr := timing.Schedule(laterNow, on); laterErr == nil {
			if err != nil && codeOf(err) != loan.CodeDateTooFar {
				t.Fatalf("refused now (%v), accepted at %v", err, laterNow)
			}
			if later.CancelBy.Before(slot.CancelBy) || later.DebitedOn.Before(slot.DebitedOn) {
				t.Fatalf("%+v\nis before\n%+v", later, slot)
			}
		}
	})
}

func TestSlotsAgreeWithSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timing, now := drawTiming(t), drawNow(t, "now")
		first, last := drawDate(t, now, "first"), drawDate(t, now, "last")
		var want []loan.Slot
		for d := loan.DateOf(now).AddDays(-5); !d.After(loan.DateOf(now).AddDays(70)); d = d.AddDays(1) {
			if slot, err := timing.Schedule(now, d); err == nil && !d.Before(first) && !d.After(last) {
				want = append(want, slot)
			}
		}
		if got := timing.Slots(now, first, last); !slices.Equal(got, want) {
			t.Fatalf("from %v to %v: got %v, want %v", first, last, got, want)
		}
		all := timing.Slots(now, loan.Date{}, day("9999-12-31"))
		if next := timing.NextSlot(now); next != all[0] {
			t.Fatalf("next slot is %+v, the first of all is %+v", next, all[0])
		}
	})
}
