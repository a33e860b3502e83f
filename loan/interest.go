package loan

import (
	"fmt"
	"math/bits"
	"time"
)

// Rate is a yearly rate in thousandths of a percent: 5.75 % is 5750.
type Rate int64

// Percent is the rate in percent: "5.75".
func (r Rate) Percent() Decimal {
	whole, fraction := r/1000, fmt.Sprintf("%03d", r%1000)
	for len(fraction) > 2 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	return Decimal(fmt.Sprintf("%d.%s", whole, fraction))
}

// PerDiem is an amount a day in ten-thousandths of a dollar.
type PerDiem int64

// Amount is the amount a day in dollars with four decimals: "3.1507".
func (p PerDiem) Amount() Decimal { return Decimal(fmt.Sprintf("%d.%04d", p/10_000, p%10_000)) }

// rateUnit divides a Rate: 100 percent in thousandths of a percent.
const rateUnit = 100_000

// Interest is the simple interest on principal from one day to a later one,
// accrued daily on the actual days of each calendar year (365, or 366 in a leap
// year), rounded half up to the cent once at the end. It is zero where to is not
// after from, or either is no day.
//
// The days after from, up to and including to, are those that accrue: from itself
// was paid through.
func Interest(principal Cents, rate Rate, from, to Date) Cents {
	if principal <= 0 || rate <= 0 || from.IsZero() || to.IsZero() {
		return 0
	}
	var common, leap int // days in years of 365 and of 366 days
	for year := from.Year; year <= to.Year; year++ {
		start, end := from, to
		if year > from.Year {
			start = Date{year - 1, time.December, 31}
		}
		if year < to.Year {
			end = Date{year, time.December, 31}
		}
		if days := start.DaysUntil(end); days > 0 && yearDays(year) == 366 {
			leap += days
		} else if days > 0 {
			common += days
		}
	}
	// principal * rate * (common/365 + leap/366), over one denominator.
	weight := uint64(common)*366 + uint64(leap)*365                                  // #nosec G115 -- both are positive
	return Cents(divRound(uint64(principal), uint64(rate)*weight, rateUnit*365*366)) // #nosec G115 -- far below, see divRound
}

// PerDiemOf is the interest that one day adds, in the year of that day.
func PerDiemOf(principal Cents, rate Rate, on Date) PerDiem {
	if principal <= 0 || rate <= 0 {
		return 0
	}
	days := uint64(yearDays(on.Year))                                            // #nosec G115 -- 365 or 366
	return PerDiem(divRound(uint64(principal), uint64(rate)*100, rateUnit*days)) // #nosec G115 -- far below, see divRound
}

// divRound is a*b/by, rounded half up, exact in 128 bits. It panics where the
// result does not fit 64 bits, rather than be wrong; nothing comes near it:
// MaxCents at 1,000 % for ten thousand years is less than 2^50.
func divRound(a, b, by uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, by/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, by)
	return quotient
}

func yearDays(year int) int {
	return Date{year, time.January, 1}.DaysUntil(Date{year + 1, time.January, 1})
}

// PerDiemAmount is what each day more adds, in dollars with four decimals.
func (p Payoff) PerDiemAmount() Decimal { return p.PerDiem.Amount() }
