package loan

import (
	"database/sql/driver"
	"fmt"
	"time"
	_ "time/tzdata" // the business zone must exist on every machine
)

// Eastern is the business zone. Every calendar day and cut-off is in it.
var Eastern = mustLoad("America/New_York")

func mustLoad(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // cannot happen: the zone data is compiled in
	}
	return zone
}

// Date is a calendar day in the business zone. The zero Date is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the business day on which t falls.
func DateOf(t time.Time) Date {
	year, month, day := t.In(Eastern).Date()
	return Date{year, month, day}
}

// ParseDate reads "2026-11-18". Days that do not exist are refused.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a calendar date like 2026-11-18", s)
	}
	return fromUTC(t), nil
}

func fromUTC(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// String is the day as "2026-11-18".
func (d Date) String() string {
	if d.Year < 0 || d.Year > 9999 {
		return d.utc().Format(time.DateOnly)
	}
	b := []byte("0000-00-00")
	put := func(at, n int) {
		for ; n > 0; n, at = n/10, at-1 {
			b[at] += byte(n % 10)
		}
	}
	put(3, d.Year)
	put(6, int(d.Month))
	put(9, d.Day)
	return string(b)
}

// MarshalText makes a Date "2026-11-18" in JSON, and no day the empty string.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText is the inverse of MarshalText.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}

// IsZero tells whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

// At is the instant of the local time hour:00 on d in the business zone. It is
// built on the calendar day, never as midnight plus a duration, so it is right on
// the two days a year that do not have 24 hours.
func (d Date) At(hour int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, Eastern)
}

// AddDays is the day n days later (earlier where n is negative).
func (d Date) AddDays(n int) Date { return fromUTC(d.utc().AddDate(0, 0, n)) }

// AddMonths is the same day of the month n months later, or that month's last
// day where it is shorter.
func (d Date) AddMonths(n int) Date {
	first := Date{d.Year, d.Month, 1}.utc().AddDate(0, n, 0)
	return DayOfMonth(first.Year(), first.Month(), d.Day)
}

// DayOfMonth is the given day of a month, or its last day where it is shorter.
func DayOfMonth(year int, month time.Month, day int) Date {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC)
	return Date{last.Year(), last.Month(), min(day, last.Day())}
}

// DaysUntil counts the days from d to other; negative where other is earlier.
func (d Date) DaysUntil(other Date) int {
	// In seconds: a time.Duration holds no more than 292 years.
	return int((other.utc().Unix() - d.utc().Unix()) / (24 * 60 * 60))
}

// Before tells whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.compare(other) < 0 }

// After tells whether d is a later day than other.
func (d Date) After(other Date) bool { return d.compare(other) > 0 }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

func (d Date) compare(other Date) int {
	if n := d.Year - other.Year; n != 0 {
		return n
	}
	if n := int(d.Month) - int(other.Month); n != 0 {
		return n
	}
	return d.Day - other.Day
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Value stores d as text; the zero Date is NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads a date column: Postgres's driver hands over a time, SQLite's a time
// or text.
func (d *Date) Scan(src any) (err error) {
	switch src := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		*d = fromUTC(src)
	case string:
		*d, err = ParseDate(src)
	case []byte:
		*d, err = ParseDate(string(src))
	default:
		err = fmt.Errorf("a date cannot be read from %T", src)
	}
	return err
}
