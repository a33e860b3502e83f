package seed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// batch is how many customers are made before they are written: what is held in
// memory does not grow with their number.
const batch = 500

// What each vehicle of a customer has.
const (
	PendingPayments = 3
	PastPayments    = 20
)

// Customers adds the customers customer-1 to customer-n, each with a loan, a
// lease and two bank accounts, and each vehicle with Auto Pay, payments and
// statements. It writes the token of an open session of each, in order, a line
// each. It is refused where customer-1 exists.
//
// All customers are there in the end, or none. Tokens are written last: where
// that fails, the customers stay and their sessions are lost.
func Customers(ctx context.Context, d Deps, n int, now time.Time, tokens io.Writer) error {
	hash, err := d.Hasher.Hash(ctx, Password)
	if err != nil {
		return err
	}
	var opened []string
	err = d.Store.Bulk(ctx, func(b *store.Bulk) error {
		switch there, err := exists(ctx, b, username(1)); {
		case err != nil:
			return err
		case there:
			return errors.New("the database has customer-1 already: seed another one")
		}
		sessions := make([]session.Session, 0, n)
		for first := 1; first <= n; first += batch {
			var households []*household
			for index := first; index < first+batch && index <= n; index++ {
				households = append(households, householdOf(d, index, now, hash))
			}
			if err := insert(ctx, d, b, households); err != nil {
				return err
			}
			for _, h := range households {
				sessions = append(sessions, session.Session{CustomerID: h.customer.ID, DeviceName: "seed"})
			}
		}
		// Before the commit, so that there are no customers without sessions.
		opened, err = d.Sessions.CreateMany(ctx, now, sessions)
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(tokens, strings.Join(opened, "\n")+"\n")
	return err
}

func username(index int) string { return fmt.Sprintf("customer-%d", index) }

// householdOf makes the customer with an index, from 1 on.
func householdOf(d Deps, index int, now time.Time, hash string) *household {
	dice, number, today := diceOf(index), numbers(index), loan.DateOf(now)
	place := pick(dice, places)
	place.Line1 = fmt.Sprintf("%d %s", dice.between(100, 9999), pick(dice, streets))
	h := &household{
		customer: newCustomer(username(index), hash, pick(dice, firstNames), pick(dice, lastNames),
			loan.Date{Year: 1950 + index%50, Month: time.Month(1 + index%12), Day: 1 + index%28}, username(index)+"@example.com",
			fmt.Sprintf("+1704555%04d", dice.between(100, 199)), place),
		accounts: bankAccounts(dice, "Checking", now.AddDate(-2, 0, -dice.roll(300))),
	}
	for _, contract := range []loan.Contract{aLoan(dice), aLease(dice)} {
		car, past := pick(dice, cars), dice.between(25, 33)
		s := story{
			vehicle: loan.Vehicle{
				Year: today.AddMonths(-past).Year, Make: car.make, Model: car.model, VIN: dice.vin(),
			},
			contract: contract, now: now, dueOn: nextDay(today, dice.between(1, 28)), past: past, missed: dice.roll(8) == 0,
			payments: PastPayments, autoPay: anAutoPay(dice, now),
		}
		if dice.roll(2) == 0 {
			since := now.AddDate(0, -dice.between(1, 20), 0)
			s.vehicle.PaperlessSince = &since
		}
		for i := range PendingPayments {
			s.pending = append(s.pending, pending{1 + 7*i + dice.roll(7), loan.Cents(dice.between(25, 400)) * 100, loan.KindRegular})
		}
		h.lives = append(h.lives, tell(s, d.Timing, dice, number))
	}
	return h
}

// nextDay is the next day with this number, today or later.
func nextDay(today loan.Date, day int) loan.Date {
	for today.Day != day {
		today = today.AddDays(1)
	}
	return today
}

func aLoan(d *dice) loan.Contract {
	return &loan.Loan{
		Terms:          loan.Terms{TermMonths: pick(d, []int{60, 72, 84})},
		AmountFinanced: loan.Cents(d.between(180, 520)) * 100_00, AnnualRate: loan.Rate(d.between(29, 99)) * 100,
		AllowsPrincipalOnly: d.roll(4) > 0,
	}
}

func aLease(d *dice) loan.Contract {
	months := pick(d, []int{36, 39, 48})
	return &loan.Lease{
		Terms:          loan.Terms{TermMonths: months, Instalment: loan.Cents(d.between(249, 689)) * 100},
		PurchaseOption: loan.Cents(d.between(140, 310)) * 100_00, MilesAllowed: months * 1000,
	}
}

func anAutoPay(d *dice, now time.Time) *loan.AutoPay {
	since := now.AddDate(0, -d.between(1, 12), -d.roll(28))
	before := usualDays
	a := &loan.AutoPay{Status: loan.AutoPayActive, AmountKind: loan.AutoPayAmountDue, DaysBeforeDue: &before, SetUpAt: since, ChangedAt: since}
	if d.roll(4) == 0 {
		a.AmountKind = loan.AutoPayFixed // the instalment
	}
	return a
}

// testIndexes are those of customers that are added one by one: beyond all that
// [Customers] makes.
const testIndexes = 1_000_000_000

// Customer adds a customer like those of [Customers], with an index that nobody has, and
// tells who it is.
func Customer(ctx context.Context, d Deps, now time.Time) (*loan.Customer, error) {
	hash, err := d.Hasher.Hash(ctx, Password)
	if err != nil {
		return nil, err
	}
	var added *loan.Customer
	err = d.Store.Bulk(ctx, func(b *store.Bulk) error {
		for {
			index := testIndexes + rand.N(testIndexes) // #nosec G404 -- any will do that is free
			there, err := exists(ctx, b, username(index))
			if err != nil {
				return err
			}
			if there {
				continue
			}
			h := householdOf(d, index, now, hash)
			added = &h.customer.Customer
			return insert(ctx, d, b, []*household{h})
		}
	})
	return added, err
}
