package loan_test

import (
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

func onDayOfMonth(day int) *loan.AutoPay {
	return &loan.AutoPay{Status: loan.AutoPayActive, AmountKind: loan.AutoPayAmountDue, DayOfMonth: &day}
}

func onDaysBeforeDue(days int) *loan.AutoPay {
	return &loan.AutoPay{Status: loan.AutoPayActive, AmountKind: loan.AutoPayAmountDue, DaysBeforeDue: &days}
}

func TestPaysOn(t *testing.T) {
	tests := []struct {
		day         int
		dueOn, want string
	}{
		// Ten days late at most, else the month before.
		{1, "2027-02-15", "2027-02-01"},
		{15, "2027-02-15", "2027-02-15"},
		{25, "2027-02-15", "2027-02-25"},
		{26, "2027-02-15", "2027-01-26"},
		{31, "2027-02-15", "2027-01-31"},
		{11, "2027-02-01", "2027-02-11"},
		{12, "2027-02-01", "2027-01-12"},
		// Late in the next month, over the end of the year too.
		{4, "2026-12-25", "2027-01-04"},
		{5, "2026-12-25", "2026-12-05"},
		{31, "2027-01-05", "2026-12-31"},
		// Short months.
		{31, "2027-02-28", "2027-02-28"},
		{30, "2027-03-15", "2027-02-28"},
		{30, "2028-03-15", "2028-02-29"},
		{29, "2028-02-20", "2028-02-29"},
		{31, "2027-04-21", "2027-04-30"},
		// The end of a short month is treated like that of a long one: March's
		// instalment is paid on March 8, so February's is on February 8.
		{8, "2027-02-28", "2027-02-08"},
		{8, "2027-03-31", "2027-03-08"},
		{1, "2027-02-21", "2027-02-01"},
		{1, "2027-03-21", "2027-03-01"},
	}
	for _, test := range tests {
		if got := onDayOfMonth(test.day).PaysOn(day(test.dueOn)); got != day(test.want) {
			t.Errorf("day %d, due on %s: %v, want %s", test.day, test.dueOn, got, test.want)
		}
	}
	for days, want := range map[int]string{0: "2027-03-01", 1: "2027-02-28", 10: "2027-02-19", 25: "2027-02-04"} {
		if got := onDaysBeforeDue(days).PaysOn(day("2027-03-01")); got != day(want) {
			t.Errorf("%d days before: %v, want %s", days, got, want)
		}
	}
	if got := (&loan.AutoPay{}).PaysOn(day("2027-03-01")); got != day("2027-03-01") {
		t.Errorf("with no day chosen: %v, want the due date", got)
	}
}

// TestPaysOnEveryMonth goes through every chosen day and due day over a leap
// year: once a calendar month, never too late, never a month early.
func TestPaysOnEveryMonth(t *testing.T) {
	for chosen := 1; chosen <= 31; chosen++ {
		autoPay := onDayOfMonth(chosen)
		for dueDay := 1; dueDay <= 31; dueDay++ {
			var last loan.Date
			for month := range 48 {
				first := loan.Date{Year: 2026, Month: 1, Day: 1}.AddMonths(month)
				dueOn := loan.DayOfMonth(first.Year, first.Month, dueDay)
				on := autoPay.PaysOn(dueOn)
				if late := dueOn.DaysUntil(on); late > loan.MaxDaysPastDue || !on.After(dueOn.AddMonths(-1)) {
					t.Errorf("day %d, due on %v: paid on %v, %d days late", chosen, dueOn, on, late)
				}
				if on != loan.DayOfMonth(on.Year, on.Month, chosen) {
					t.Errorf("day %d, due on %v: paid on %v", chosen, dueOn, on)
				}
				if month > 0 && (on.Year-last.Year)*12+int(on.Month-last.Month) != 1 {
					t.Errorf("day %d, due on %v: paid on %v, the one before on %v", chosen, dueOn, on, last)
				}
				last = on
			}
		}
	}
}

func TestNextRun(t *testing.T) {
	type change func(*loan.AutoPay, *loan.Loan)
	tests := map[string]struct {
		now    time.Time
		day    int
		change change
		want   loan.Run // the zero Run for none
	}{
		"the instalment": {
			now: et("2026-11-20 10:00:00"), day: 18,
			want: loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 425_00},
		},
		"past due and fees are due too": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(_ *loan.AutoPay, l *loan.Loan) { l.PastDue, l.Fees = 100_00, 25_00 },
			want:   loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 550_00},
		},
		"today, before the last cut-off": {
			now: et("2026-12-18 17:59:59.999"), day: 18,
			want: loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 425_00},
		},
		"today, after the last cut-off": {
			now: et("2026-12-18 18:00:00"), day: 18,
			want: loan.Run{On: day("2027-01-18"), DueOn: day("2027-01-18"), Amount: 425_00},
		},
		"the day is over": {
			now: et("2026-12-17 10:00:00"), day: 16,
			want: loan.Run{On: day("2027-01-16"), DueOn: day("2027-01-18"), Amount: 425_00},
		},
		"the instalment is paid ahead": {
			now: et("2026-12-01 10:00:00"), day: 18,
			change: func(_ *loan.AutoPay, l *loan.Loan) { l.CurrentDue = 0 },
			want:   loan.Run{On: day("2027-01-18"), DueOn: day("2027-01-18"), Amount: 425_00},
		},
		"a fixed amount": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(a *loan.AutoPay, _ *loan.Loan) { a.AmountKind, a.Amount = loan.AutoPayFixed, 600_00 },
			want:   loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 600_00},
		},
		"an extra": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(a *loan.AutoPay, _ *loan.Loan) { a.AmountKind, a.Amount = loan.AutoPayAmountDuePlus, 50_00 },
			want:   loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 475_00},
		},
		"the final, smaller payment": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(_ *loan.AutoPay, l *loan.Loan) { l.Principal = 300_00 },
			want:   loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 301_42}, // 30 days of interest
		},
		"the final payment of a fixed amount": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(a *loan.AutoPay, l *loan.Loan) {
				a.AmountKind, a.Amount, l.Principal = loan.AutoPayFixed, 600_00, 300_00
			},
			want: loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 301_42},
		},
		"the last cent": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(_ *loan.AutoPay, l *loan.Loan) { l.Principal = 1 },
			want:   loan.Run{On: day("2026-12-18"), DueOn: day("2026-12-18"), Amount: 1},
		},
		"nothing is owed": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(_ *loan.AutoPay, l *loan.Loan) { l.Principal = 0 },
		},
		"paused": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(a *loan.AutoPay, _ *loan.Loan) { a.Status = loan.AutoPayPaused },
		},
		"cancelled": {
			now: et("2026-11-20 10:00:00"), day: 18,
			change: func(a *loan.AutoPay, _ *loan.Loan) { a.Status = loan.AutoPayCanceled },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			autoPay, l := onDayOfMonth(test.day), goldenLoan()
			if test.change != nil {
				test.change(autoPay, l)
			}
			got, ok := autoPay.NextRun(test.now, policy(), &loan.Vehicle{Contract: l})
			if got != test.want || ok != (test.want != loan.Run{}) {
				t.Errorf("got %+v, %t; want %+v", got, ok, test.want)
			}
		})
	}
}

func TestNextRunOfLease(t *testing.T) {
	vehicle := &loan.Vehicle{Contract: goldenLease()}
	got, ok := onDaysBeforeDue(3).NextRun(et("2026-11-20 10:00:00"), policy(), vehicle)
	want := loan.Run{On: day("2026-12-15"), DueOn: day("2026-12-18"), Amount: 475_00}
	if !ok || got != want {
		t.Errorf("got %+v, %t; want %+v", got, ok, want)
	}
	if vehicle.AmountDue() != 475_00 || vehicle.PastDue() != 150_00 || vehicle.DueOn() != day("2026-12-18") {
		t.Errorf("amount due %v, past due %v, due on %v", vehicle.AmountDue(), vehicle.PastDue(), vehicle.DueOn())
	}
}

func TestAmountOrExtra(t *testing.T) {
	for kind, shown := range map[loan.AutoPayAmountKind]bool{
		loan.AutoPayAmountDue: false, loan.AutoPayFixed: true, loan.AutoPayAmountDuePlus: true,
	} {
		got := (&loan.AutoPay{AmountKind: kind, Amount: 50_00}).AmountOrExtra()
		if (got != nil) != shown || shown && *got != 50_00 {
			t.Errorf("%s: %v", kind, got)
		}
	}
}
