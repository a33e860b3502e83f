package ach_test

import (
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

// closed are the weekdays without settlement, as the Federal Reserve publishes
// them (frbservices.org, holiday schedules).
var closed = map[string]string{
	"2026-01-01": "New Year",
	"2026-01-19": "Martin Luther King",
	"2026-02-16": "Presidents",
	"2026-05-25": "Memorial",
	"2026-06-19": "Juneteenth",
	"2026-09-07": "Labor",
	"2026-10-12": "Columbus",
	"2026-11-11": "Veterans",
	"2026-11-26": "Thanksgiving",
	"2026-12-25": "Christmas",

	"2027-01-01": "New Year",
	"2027-01-18": "Martin Luther King",
	"2027-02-15": "Presidents",
	"2027-05-31": "Memorial",
	"2027-07-05": "Independence, on a Sunday",
	"2027-09-06": "Labor",
	"2027-10-11": "Columbus",
	"2027-11-11": "Veterans",
	"2027-11-25": "Thanksgiving",

	"2028-01-17": "Martin Luther King",
	"2028-02-21": "Presidents",
	"2028-05-29": "Memorial",
	"2028-06-19": "Juneteenth",
	"2028-07-04": "Independence",
	"2028-09-04": "Labor",
	"2028-10-09": "Columbus",
	"2028-11-23": "Thanksgiving",
	"2028-12-25": "Christmas",
}

// open are the Fridays before a holiday on a Saturday.
var open = []string{"2026-07-03", "2027-06-18", "2027-12-24", "2027-12-31", "2028-11-10"}

func TestIsBankingDay(t *testing.T) {
	seen := 0
	for d := (loan.Date{Year: 2026, Month: time.January, Day: 1}); d.Year < 2029; d = d.AddDays(1) {
		weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
		holiday := closed[d.String()]
		if holiday != "" {
			seen++
		}
		if got, want := ach.IsBankingDay(d), !weekend && holiday == ""; got != want {
			t.Errorf("%v %v %s: banking day %t, want %t", d.Weekday(), d, holiday, got, want)
		}
	}
	if seen != len(closed) {
		t.Errorf("%d of %d holidays seen", seen, len(closed))
	}
	for _, s := range open {
		d, err := loan.ParseDate(s)
		if err != nil || d.Weekday() != time.Friday || !ach.IsBankingDay(d) {
			t.Errorf("%s must be an open Friday (%v)", s, err)
		}
	}
}

func TestIsBankingDayConcurrently(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for year := 2040; year < 2050; year++ {
				if ach.IsBankingDay(loan.Date{Year: year, Month: time.December, Day: 25}) {
					t.Errorf("Christmas %d must be closed", year)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkIsBankingDay(b *testing.B) {
	b.ReportAllocs()
	d := loan.Date{Year: 2026, Month: time.November, Day: 18}
	for b.Loop() {
		ach.IsBankingDay(d)
	}
}

func TestEffectiveOn(t *testing.T) {
	eastern := func(day string, hour, minute, second int) time.Time {
		d := date(t, day)
		return time.Date(d.Year, d.Month, d.Day, hour, minute, second, 0, loan.Eastern)
	}
	for _, c := range []struct {
		on     string
		madeAt time.Time
		want   string
	}{
		{"2026-11-18", eastern("2026-11-18", 15, 1, 0), "2026-11-18"},
		{"2026-11-18", eastern("2026-11-18", 16, 44, 59), "2026-11-18"},
		{"2026-11-18", eastern("2026-11-18", 16, 45, 0), "2026-11-19"},
		{"2026-11-18", eastern("2026-11-18", 18, 1, 0), "2026-11-19"},
		{"2026-11-18", eastern("2026-11-18", 20, 0, 0), "2026-11-19"}, // the 15:00 run, five hours late
		{"2026-11-18", eastern("2026-11-23", 9, 0, 0), "2026-11-23"},
		{"2026-11-26", eastern("2026-11-26", 15, 1, 0), "2026-11-27"}, // Thanksgiving
		{"2026-11-21", eastern("2026-11-21", 15, 1, 0), "2026-11-23"}, // a Saturday
		{"2026-11-20", eastern("2026-11-20", 18, 1, 0), "2026-11-23"},
		{"2026-11-24", eastern("2026-11-20", 18, 1, 0), "2026-11-24"},
		{"2027-07-05", eastern("2027-07-01", 9, 0, 0), "2027-07-06"},
		{"2026-11-02", time.Date(2026, 11, 2, 21, 44, 0, 0, time.UTC), "2026-11-02"}, // EST since the day before
		{"2027-03-15", time.Date(2027, 3, 15, 20, 45, 0, 0, time.UTC), "2027-03-16"}, // EDT since the day before
		{"2026-11-18", time.Date(2026, 11, 19, 2, 0, 0, 0, time.UTC), "2026-11-19"},  // 21:00 Eastern
	} {
		if got := ach.EffectiveOn(date(t, c.on), c.madeAt); got.String() != c.want {
			t.Errorf("%s in a file of %v: %v, want %s", c.on, c.madeAt, got, c.want)
		}
	}
}

func TestAddBankingDays(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-11-18", 0, "2026-11-18"},
		{"2026-11-18", 3, "2026-11-23"},
		{"2026-11-24", 2, "2026-11-27"},
		{"2026-11-25", 5, "2026-12-03"},
		{"2026-11-21", 1, "2026-11-23"},
	} {
		if got := ach.AddBankingDays(date(t, c.from), c.n); got.String() != c.want {
			t.Errorf("%d banking days after %s: %v, want %s", c.n, c.from, got, c.want)
		}
	}
}
