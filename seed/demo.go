package seed

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// The customers to try the product with.
const (
	demoUsername  = "demo"
	jointUsername = "joint"
)

// Demo adds the customer demo with a loan that is past due and a lease that Auto
// Pay keeps current, the customer joint, who owns the loan's vehicle with them, and
// Alex Kim, who has a loan and is not enrolled. Where demo exists it does nothing.
func Demo(ctx context.Context, d Deps, now time.Time) error {
	if there, err := exists(ctx, d.Store, demoUsername); there || err != nil {
		return err
	}
	hash, err := d.Hasher.Hash(ctx, Password)
	if err != nil {
		return err
	}
	return d.Store.Bulk(ctx, func(b *store.Bulk) error {
		// Another instance may have come first.
		if there, err := exists(ctx, b, demoUsername); there || err != nil {
			return err
		}
		dice := diceOf(0)
		demo, joint := demoHousehold(d, dice, now, hash), jointHousehold(dice, now, hash)
		if err := insert(ctx, d, b, []*household{demo, joint, newHousehold(d, diceOf(0), now)}); err != nil {
			return err
		}
		shared := demo.lives[0].vehicle
		if err := b.InsertOwner(ctx, joint.customer.ID, shared.ID); err != nil {
			return err
		}
		// A payment that demo sees and only joint can cancel.
		t := &teller{timing: d.Timing, life: &life{}, number: func() string { return confirmationNumber(jointNumber) }}
		p := t.submit(now, loan.DateOf(now).AddDays(min(4, d.Timing.FurthestDays)), 60_00)
		p.CustomerID, p.ScheduledBy = shared.CustomerID, joint.customer.ID
		p.VehicleID, p.PaymentAccountID = shared.ID, joint.accounts[0].ID
		return b.InsertPayments(ctx, t.life.payments)
	})
}

// RefuseDemo fails where a customer can log in with the password that the README
// publishes. A real customer may be called demo, too.
func RefuseDemo(ctx context.Context, d Deps) error {
	for _, username := range []string{demoUsername, jointUsername} {
		c, err := d.Store.CredentialsOf(ctx, username, "", time.Time{})
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if known, err := d.Hasher.Verify(ctx, c.PasswordHash, Password); known || err != nil {
			return errors.Join(err, errors.New("the database holds the sandbox's demo data: production needs one of its own"))
		}
	}
	return nil
}

type credentials interface {
	CredentialsOf(ctx context.Context, username, deviceHash string, seenAfter time.Time) (store.Credentials, error)
}

func exists(ctx context.Context, in credentials, username string) (bool, error) {
	_, err := in.CredentialsOf(ctx, username, "", time.Time{})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func demoHousehold(d Deps, dice *dice, now time.Time, hash string) *household {
	today, number := loan.DateOf(now), numbers(0)
	h := &household{
		customer: newCustomer(demoUsername, hash, "Dana", "Reyes", loan.Date{Year: 1984, Month: 7, Day: 19}, "dana.reyes@example.com", "+17045550142", loan.Address{
			Line1: "4180 Providence Road", Line2: "Apt 12", City: "Charlotte", State: "NC", PostalCode: "28211",
		}),
		accounts: bankAccounts(dice, "Everyday checking", now.AddDate(-2, -1, 0)),
	}
	// The loan's last payment came back, so an instalment and a fee are past due.
	dueOn := dayBefore29(today.AddDays(10))
	car := &loan.Loan{
		Terms: loan.Terms{TermMonths: 72}, AmountFinanced: 28_450_00, AnnualRate: 5_750, AllowsPrincipalOnly: true,
	}
	h.lives = append(h.lives, tell(story{
		vehicle:  loan.Vehicle{Year: today.Year - 3, Make: "Chevrolet", Model: "Equinox", VIN: dice.vin()},
		contract: car, now: now, dueOn: dueOn, past: 29, missed: true,
		payments: 25,
		pending: []pending{
			{today.DaysUntil(dueOn), instalment(car.AmountFinanced, car.AnnualRate, car.TermMonths), loan.KindRegular},
			{today.DaysUntil(dueOn) + 9, 75_00, loan.KindPrincipalOnly},
		},
	}, d.Timing, dice, number))
	// Auto Pay paid the lease yesterday.
	since, leaseDueOn := now.AddDate(0, -9, 0), dayBefore29(today.AddDays(4))
	daysBefore := today.AddDays(-1).DaysUntil(leaseDueOn)
	h.lives = append(h.lives, tell(story{
		vehicle:  loan.Vehicle{Year: today.Year - 1, Make: "GMC", Model: "Terrain", VIN: dice.vin(), PaperlessSince: &since},
		contract: &loan.Lease{Terms: loan.Terms{TermMonths: 36, Instalment: 339_00}, PurchaseOption: 17_250_00, MilesAllowed: 36_000},
		now:      now, dueOn: leaseDueOn, past: 16, early: true,
		payments: 17,
		autoPay: &loan.AutoPay{
			Status: loan.AutoPayActive, AmountKind: loan.AutoPayAmountDue, DaysBeforeDue: &daysBefore, SetUpAt: since, ChangedAt: since,
		},
		pending: []pending{{16, 100_00, loan.KindRegular}},
	}, d.Timing, dice, number))
	return h
}

// newHousehold is somebody who has an account with the lender and no username yet:
// account number 5500-1477, last name Kim, born on 1990-04-12, ZIP 28203.
func newHousehold(d Deps, dice *dice, now time.Time) *household {
	n := newNumber - 1
	number := func() string {
		n++
		return confirmationNumber(n)
	}
	return &household{
		customer: newCustomer("", "", "Alex", "Kim", loan.Date{Year: 1990, Month: 4, Day: 12}, "alex.kim@example.com", "+17045550144", loan.Address{
			Line1: "212 East Boulevard", City: "Charlotte", State: "NC", PostalCode: "28203",
		}),
		lives: []*life{tell(story{
			vehicle:        loan.Vehicle{Year: loan.DateOf(now).Year - 1, Make: "Buick", Model: "Envista", VIN: dice.vin()},
			contractNumber: "55001477",
			contract:       &loan.Loan{Terms: loan.Terms{TermMonths: 60}, AmountFinanced: 24_100_00, AnnualRate: 4_900},
			now:            now, dueOn: dayBefore29(loan.DateOf(now).AddDays(12)), past: 2,
		}, d.Timing, dice, number)},
	}
}

func jointHousehold(dice *dice, now time.Time, hash string) *household {
	return &household{
		customer: newCustomer(jointUsername, hash, "Sam", "Reyes", loan.Date{Year: 1986, Month: 2, Day: 3}, "sam.reyes@example.com", "+17045550143", loan.Address{
			Line1: "4180 Providence Road", Line2: "Apt 12", City: "Charlotte", State: "NC", PostalCode: "28211",
		}),
		accounts: bankAccounts(dice, "", now.AddDate(-1, -2, 0))[:1],
	}
}

// dayBefore29 is the first day from a day on that every month has: due dates
// keep their day.
func dayBefore29(day loan.Date) loan.Date {
	for day.Day > 28 {
		day = day.AddDays(1)
	}
	return day
}

func newCustomer(username, hash, first, last string, born loan.Date, email, phone string, address loan.Address) *store.NewCustomer {
	return &store.NewCustomer{PasswordHash: hash, Customer: loan.Customer{
		Username: username, FirstName: first, LastName: last, BornOn: born, Email: email, Phone: phone, Address: address,
		Notifications: loan.Notifications{ByEmail: true},
	}}
}

// perCustomer is how many confirmation numbers an index has.
const perCustomer = 64

// jointNumber is the last number of index 0, which demo does not reach.
const jointNumber = perCustomer - 1

// newNumber is the first of the few that newHousehold has.
const newNumber = perCustomer - 12

// numbers gives out the confirmation numbers of an index.
func numbers(index int) func() string {
	n := index*perCustomer - 1
	return func() string {
		n++
		return confirmationNumber(n)
	}
}
