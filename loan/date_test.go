package loan_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func day(s string) loan.Date {
	d, err := loan.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestParseDate(t *testing.T) {
	for _, s := range []string{"2026-11-18", "2028-02-29", "2000-02-29", "0001-01-01", "9999-12-31"} {
		d, err := loan.ParseDate(s)
		if err != nil || d.String() != s {
			t.Errorf("%s: got %v, %v", s, d, err)
		}
	}
	for _, s := range []string{
		"", "2027-02-29", "1900-02-29", "2026-02-30", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "0000-00-00",
		"2026-1-8", "2026-11-18T00:00:00Z", "2026-11-18 ", " 2026-11-18", "20261118", "11/18/2026", "26-11-18", "-2026-11-18", "２026-11-18",
	} {
		if d, err := loan.ParseDate(s); err == nil {
			t.Errorf("%q must be refused, got %v", s, d)
		}
	}
}

func TestDateOf(t *testing.T) {
	for instant, want := range map[string]string{
		"2026-11-18T04:59:59.999999999Z": "2026-11-17",
		"2026-11-18T05:00:00Z":           "2026-11-18", // midnight EST
		"2026-07-15T03:59:59Z":           "2026-07-14",
		"2026-07-15T04:00:00Z":           "2026-07-15", // midnight EDT
		"2026-11-18T21:30:00-08:00":      "2026-11-19",
	} {
		if got := loan.DateOf(utc(instant)); got != day(want) {
			t.Errorf("%s falls on %v, want %s", instant, got, want)
		}
	}
}

// TestAtIsTheWallClock: 15:00 is fifteen hours after midnight on all days but
// two a year, and those two are why it is not computed so.
func TestAtIsTheWallClock(t *testing.T) {
	hours := map[time.Duration]int{}
	for d := day("2026-01-01"); d.Year < 2029; d = d.AddDays(1) {
		for _, hour := range []int{loan.FirstCutoffHour, loan.SecondCutoffHour} {
			at := d.At(hour)
			if want := d.String() + time.Date(0, 1, 1, hour, 0, 0, 0, time.UTC).Format(" 15:04:05"); at.Format(time.DateTime) != want {
				t.Errorf("%v at %d is %v", d, hour, at)
			}
			if loan.DateOf(at) != d {
				t.Errorf("%v is not on %v", at, d)
			}
		}
		hours[d.AddDays(1).At(0).Sub(d.At(0))]++
	}
	if hours[23*time.Hour] != 3 || hours[25*time.Hour] != 3 || hours[24*time.Hour] != 1096-6 {
		t.Errorf("lengths of the days of three years: %v", hours)
	}
}

func TestAddMonths(t *testing.T) {
	tests := []struct {
		from   string
		months int
		want   string
	}{
		{"2026-11-18", 0, "2026-11-18"},
		{"2026-11-18", 1, "2026-12-18"},
		{"2026-11-18", 2, "2027-01-18"},
		{"2026-11-18", -11, "2025-12-18"},
		{"2026-11-18", 72, "2032-11-18"},
		{"2027-01-31", 1, "2027-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2028-02-29", 48, "2032-02-29"},
		{"2027-03-31", -1, "2027-02-28"},
		{"2026-12-31", 2, "2027-02-28"},
		{"2026-12-31", 6, "2027-06-30"},
		{"2027-01-30", 1, "2027-02-28"},
		{"2027-01-28", 1, "2027-02-28"},
	}
	for _, test := range tests {
		if got := day(test.from).AddMonths(test.months); got != day(test.want) {
			t.Errorf("%s and %d months is %v, want %s", test.from, test.months, got, test.want)
		}
	}
}

func TestDayOfMonth(t *testing.T) {
	tests := []struct {
		year  int
		month time.Month
		day   int
		want  string
	}{
		{2027, time.February, 31, "2027-02-28"},
		{2028, time.February, 31, "2028-02-29"},
		{2028, time.February, 28, "2028-02-28"},
		{2027, time.April, 31, "2027-04-30"},
		{2027, time.December, 31, "2027-12-31"},
		{2027, 13, 31, "2028-01-31"}, // months count on into the next year
		{2027, 0, 31, "2026-12-31"},
	}
	for _, test := range tests {
		if got := loan.DayOfMonth(test.year, test.month, test.day); got != day(test.want) {
			t.Errorf("day %d of %d-%d is %v, want %s", test.day, test.year, test.month, got, test.want)
		}
	}
}

func TestDaysUntil(t *testing.T) {
	tests := []struct {
		from, to string
		want     int
	}{
		{"2026-11-18", "2026-11-18", 0},
		{"2026-11-18", "2026-12-18", 30},
		{"2026-12-18", "2026-11-18", -30},
		{"2026-03-07", "2026-03-09", 2}, // 47 hours
		{"2026-10-31", "2026-11-02", 2}, // 49 hours
		{"2028-02-01", "2028-03-01", 29},
		{"2026-01-01", "2027-01-01", 365},
		{"2028-01-01", "2029-01-01", 366},
		{"0001-01-01", "2001-01-01", 730485}, // five times 400 years, more than a time.Duration holds
	}
	for _, test := range tests {
		if got := day(test.from).DaysUntil(day(test.to)); got != test.want {
			t.Errorf("from %s to %s: %d days, want %d", test.from, test.to, got, test.want)
		}
	}
}

func TestDateArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := day("2026-01-01").AddDays(rapid.IntRange(-100_000, 100_000).Draw(t, "d"))
		n := rapid.IntRange(-100_000, 100_000).Draw(t, "n")
		later := d.AddDays(n)
		if got := d.DaysUntil(later); got != n {
			t.Fatalf("%v is %d days from %v, want %d", later, got, d, n)
		}
		if later.After(d) != (n > 0) || later.Before(d) != (n < 0) {
			t.Fatalf("order of %v and %v", d, later)
		}
		if parsed, err := loan.ParseDate(d.String()); err != nil || parsed != d {
			t.Fatalf("%v reads back as %v, %v", d, parsed, err)
		}
		if want := time.Weekday((int(d.Weekday()) + n%7 + 7) % 7); later.Weekday() != want {
			t.Fatalf("%v is a %v, want %v", later, later.Weekday(), want)
		}
	})
}

func TestDateString(t *testing.T) {
	for want, d := range map[string]loan.Date{
		"0000-00-00":  {},
		"0087-06-05":  {Year: 87, Month: 6, Day: 5},
		"2026-11-18":  {Year: 2026, Month: 11, Day: 18},
		"10000-01-02": {Year: 10000, Month: 1, Day: 2},
	} {
		if d.String() != want {
			t.Errorf("got %s, want %s", d, want)
		}
	}
	if !(loan.Date{}).IsZero() || day("0001-01-01").IsZero() {
		t.Error("only the zero Date is zero")
	}
}

func TestDateInDatabase(t *testing.T) {
	d := day("2026-11-18")
	if value, err := d.Value(); err != nil || value != "2026-11-18" {
		t.Errorf("stored as %v, %v", value, err)
	}
	if value, err := (loan.Date{}).Value(); err != nil || value != nil {
		t.Errorf("the zero Date is stored as %v, %v", value, err)
	}
	for _, src := range []any{"2026-11-18", []byte("2026-11-18"), time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)} {
		var got loan.Date
		if err := got.Scan(src); err != nil || got != d {
			t.Errorf("%T %v reads as %v, %v", src, src, got, err)
		}
	}
	got := d
	if err := got.Scan(nil); err != nil || !got.IsZero() {
		t.Errorf("NULL reads as %v, %v", got, err)
	}
	for _, src := range []any{"yesterday", []byte(""), 20261118, int64(0)} {
		if err := got.Scan(src); err == nil {
			t.Errorf("%T %v must be refused", src, src)
		}
	}
}

func TestDateInJSON(t *testing.T) {
	b, err := json.Marshal(map[string]loan.Date{"on": day("2026-11-18")})
	if err != nil || string(b) != `{"on":"2026-11-18"}` {
		t.Errorf("written as %s, %v", b, err)
	}
	var back map[string]loan.Date
	if err := json.Unmarshal(b, &back); err != nil || back["on"] != day("2026-11-18") {
		t.Errorf("read as %v, %v", back, err)
	}
	none, err := json.Marshal(loan.Date{})
	if err == nil {
		back["on"] = day("2026-11-18")
		err = json.Unmarshal([]byte(`{"on":`+string(none)+`}`), &back)
	}
	if err != nil || !back["on"].IsZero() {
		t.Errorf("no day is written as %s and read as %v, %v", none, back, err)
	}
	for _, s := range []string{`"2026-02-30"`, `"0000-00-00"`, `20261118`} {
		var d loan.Date
		if err := json.Unmarshal([]byte(s), &d); err == nil {
			t.Errorf("%s must be refused, got %v", s, d)
		}
	}
}
