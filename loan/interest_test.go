package loan_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func TestInterest(t *testing.T) {
	const principal, rate = 20_000_00, 5750 // $20,000 at 5.75 %
	tests := map[string]struct {
		principal loan.Cents
		rate      loan.Rate
		from, to  string
		want      loan.Cents
	}{
		"30 days":                       {principal, rate, "2026-11-18", "2026-12-18", 94_52},
		"30 days of a leap year":        {principal, rate, "2028-01-31", "2028-03-01", 94_26},
		"20 days of them in a leap one": {principal, rate, "2027-12-21", "2028-01-20", 94_35}, // 31.5068 + 62.8415
		"10 days of them in a leap one": {principal, rate, "2028-12-21", "2029-01-20", 94_43}, // 31.4208 + 63.0137
		"two common years":              {principal, rate, "2026-12-21", "2027-01-20", 94_52},
		"a common year":                 {principal, rate, "2026-06-30", "2027-06-30", 1150_00},
		"all of a leap year":            {principal, rate, "2027-12-31", "2028-12-31", 1150_00},
		"four years":                    {principal, rate, "2025-12-31", "2029-12-31", 4600_00},
		"no day":                        {principal, rate, "2026-11-18", "2026-11-18", 0},
		"backwards":                     {principal, rate, "2026-12-18", "2026-11-18", 0},
		"backwards by years":            {principal, rate, "2030-12-18", "2026-11-18", 0},
		"no principal":                  {0, rate, "2026-11-18", "2026-12-18", 0},
		"credit balance":                {-100, rate, "2026-11-18", "2026-12-18", 0},
		"no rate":                       {principal, 0, "2026-11-18", "2026-12-18", 0},
		// The last day of the year belongs to it, the first to the next.
		"last day of a common year": {loan.MaxCents, rate, "2027-12-30", "2027-12-31", 15753_42},
		"first day of a leap year":  {loan.MaxCents, rate, "2027-12-31", "2028-01-01", 15710_38},
		"last day of a leap year":   {loan.MaxCents, rate, "2028-12-30", "2028-12-31", 15710_38},
		"half a cent":               {365, 50_000, "2026-11-18", "2026-11-19", 1}, // 0.50 rounds up
		"less than half a cent":     {364, 50_000, "2026-11-18", "2026-11-19", 0},
		// Far more than any contract, and no overflow.
		"a century at 30 %":    {loan.MaxCents, 30_000, "2026-12-31", "2126-12-31", loan.MaxCents * 30},
		"9,998 years, 1,000 %": {loan.MaxCents, 1_000_000, "0001-12-31", "9999-12-31", loan.MaxCents * 10 * 9998},
		// The product is just below 2^64, and the rounding carries over it.
		"a carry": {8_765_380_885, rate, "2024-12-31", "2027-09-27", 1_380_847_674},
	}
	for name, test := range tests {
		if got := loan.Interest(test.principal, test.rate, day(test.from), day(test.to)); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	if got := loan.Interest(principal, rate, loan.Date{}, day("2026-11-18")); got != 0 {
		t.Errorf("since no day: %v", got)
	}
	if got := loan.Interest(principal, rate, day("2026-11-18"), loan.Date{}); got != 0 {
		t.Errorf("until no day: %v", got)
	}
}

func TestPerDiemOf(t *testing.T) {
	tests := []struct {
		principal loan.Cents
		rate      loan.Rate
		on        string
		want      loan.Decimal
	}{
		{20_000_00, 5750, "2026-11-18", "3.1507"},
		{20_000_00, 5750, "2028-01-01", "3.1421"},
		{20_000_00, 5750, "2028-12-31", "3.1421"},
		{20_000_00, 5750, "2029-01-01", "3.1507"},
		{100, 1000, "2026-11-18", "0.0000"},
		{0, 5750, "2026-11-18", "0.0000"},
		{-1, 5750, "2026-11-18", "0.0000"},
		{20_000_00, 0, "2026-11-18", "0.0000"},
		{loan.MaxCents, 30_000, "2026-11-18", "82191.7808"},
	}
	for _, test := range tests {
		if got := loan.PerDiemOf(test.principal, test.rate, day(test.on)).Amount(); got != test.want {
			t.Errorf("%v at %v %% on %s: %s, want %s", test.principal, test.rate.Percent(), test.on, got, test.want)
		}
	}
}

func TestRatePercent(t *testing.T) {
	for rate, want := range map[loan.Rate]loan.Decimal{
		5750: "5.75", 5500: "5.50", 5125: "5.125", 5000: "5.00", 0: "0.00", 1: "0.001", 30_000: "30.00", 29_990: "29.99",
	} {
		if got := rate.Percent(); got != want {
			t.Errorf("%d is %s, want %s", rate, got, want)
		}
	}
}

func drawPrincipal(t *rapid.T) loan.Cents {
	return loan.Cents(rapid.Int64Range(0, int64(loan.MaxCents)).Draw(t, "principal"))
}

func drawRate(t *rapid.T) loan.Rate { return loan.Rate(rapid.Int64Range(0, 30_000).Draw(t, "rate")) }

// TestInterestIsExact walks day by day in rational numbers, and rounds once.
func TestInterestIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		principal, rate := drawPrincipal(t), drawRate(t)
		from := day("2020-01-01").AddDays(rapid.IntRange(0, 4000).Draw(t, "from"))
		to := from.AddDays(rapid.IntRange(0, 1500).Draw(t, "days"))

		days := map[int64]int64{} // by the length of their year
		for d := from.AddDays(1); !d.After(to); d = d.AddDays(1) {
			if d.Year%4 == 0 { // no century among them
				days[366]++
			} else {
				days[365]++
			}
		}
		years := new(big.Rat).Add(big.NewRat(days[365], 365), big.NewRat(days[366], 366))
		exact := new(big.Rat).Mul(years, new(big.Rat).Mul(big.NewRat(int64(principal), 1), big.NewRat(int64(rate), 100_000)))
		if got, want := loan.Interest(principal, rate, from, to), roundHalfUp(exact); int64(got) != want {
			t.Fatalf("%d, want %d (%s)", got, want, exact.FloatString(4))
		}
		perDiem := new(big.Rat).Mul(big.NewRat(int64(principal), 1), big.NewRat(int64(rate)*100, 100_000*365))
		if got, want := loan.PerDiemOf(principal, rate, day("2026-06-01")), roundHalfUp(perDiem); int64(got) != want {
			t.Fatalf("per diem %d, want %d", got, want)
		}
	})
}

func roundHalfUp(x *big.Rat) int64 {
	x = new(big.Rat).Add(x, big.NewRat(1, 2))
	return new(big.Int).Div(x.Num(), x.Denom()).Int64()
}

// TestInterestAddsUp: a statement in the middle moves the sum by no more than the
// rounding of it, a cent.
func TestInterestAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		principal, rate := drawPrincipal(t), drawRate(t)
		from := day("2026-01-01").AddDays(rapid.IntRange(0, 2000).Draw(t, "from"))
		middle := from.AddDays(rapid.IntRange(0, 1000).Draw(t, "days"))
		to := middle.AddDays(rapid.IntRange(0, 1000).Draw(t, "more days"))
		first, second := loan.Interest(principal, rate, from, middle), loan.Interest(principal, rate, middle, to)
		whole := loan.Interest(principal, rate, from, to)
		if off := whole - first - second; off < -1 || off > 1 {
			t.Fatalf("%d and %d make %d", first, second, whole)
		}
		if whole < first || whole < second || first < 0 || second < 0 {
			t.Fatalf("%d and %d, but %d: more days cost less", first, second, whole)
		}
	})
}
