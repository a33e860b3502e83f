// Package ach is the bank side of a payment, by the NACHA rules: the days on
// which banks settle, and later the files that ask them to.
package ach

import (
	"sync"

	"github.com/moov-io/base"

	"github.com/automobilepay/mobilepay/loan"
)

// bankingDays remembers a year's answers by the day of the year. The library
// works out every holiday anew for each question (2.5 µs, and a list of payment
// dates asks a hundred); a year of answers takes 367 bytes.
var bankingDays sync.Map // year -> *[367]bool

// IsBankingDay tells whether the Federal Reserve settles on a day. Weekends and
// its holidays are none. A holiday on a Sunday closes the Monday after it; one on
// a Saturday leaves the Friday open (frbservices.org, holiday schedules).
func IsBankingDay(d loan.Date) bool {
	noon := d.At(12)
	year, ok := bankingDays.Load(noon.Year())
	if !ok {
		year, _ = bankingDays.LoadOrStore(noon.Year(), bankingDaysOf(noon.Year()))
	}
	return year.(*[367]bool)[noon.YearDay()]
}

func bankingDaysOf(year int) *[367]bool {
	var days [367]bool
	for d := (loan.Date{Year: year, Month: 1, Day: 1}); d.Year == year; d = d.AddDays(1) {
		// Its IsBusinessDay would miss the Monday after a Sunday holiday.
		noon := d.At(12)
		days[noon.YearDay()] = base.NewTime(noon).IsBankingDay()
	}
	return &days
}
