// Package ach is the bank side of a payment, by the NACHA rules: the days on
// which banks settle ([IsBankingDay], [EffectiveOn]), the files that ask them to
// ([Build]), what they answer ([Parse]) and what follows from an answer
// ([ActionFor]), and which bank a routing number is ([Directory]). The sandbox's
// bank answers with [BuildReturn] and [BuildNotification].
//
// It is pure: bytes in, bytes out, the instant an argument. No full account
// number is in an error or in what a value prints; it is in [File.Content] and
// in an [AccountNumber], and nowhere else.
package ach

import (
	"sync"
	"time"

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

// AddBankingDays is the n-th banking day after a day. A prenote is taken for good
// after three, a debit can be reversed within five of its settlement.
func AddBankingDays(d loan.Date, n int) loan.Date {
	for ; n > 0; n-- {
		d = firstBankingDay(d.AddDays(1))
	}
	return d
}

func firstBankingDay(d loan.Date) loan.Date {
	for !IsBankingDay(d) {
		d = d.AddDays(1)
	}
	return d
}

// EffectiveOn is the effective entry date of an entry wanted on a day, in a file
// made at an instant: the first banking day, not before that one, that the file
// can still make. A run that is late moves the bank's date, never the credit's.
//
// The file makes its own day until 16:45 Eastern, when the third and last same-day
// window of FedACH closes; so the 15:00 run does and the 18:00 run does not.
func EffectiveOn(on loan.Date, madeAt time.Time) loan.Date {
	earliest := loan.DateOf(madeAt)
	if !madeAt.Before(earliest.At(16).Add(45 * time.Minute)) {
		earliest = earliest.AddDays(1)
	}
	if on.Before(earliest) {
		on = earliest
	}
	return firstBankingDay(on)
}
