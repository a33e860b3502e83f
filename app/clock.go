package app

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// moveClock sets the clock forward, stopping at each midnight and each cut-off in
// the business zone on the way to do what falls due there.
func (a *App) moveClock(ctx context.Context, to time.Time) error {
	set, ok := a.Clock.(*clock.Set)
	if !ok {
		return errors.New("this clock cannot be set")
	}
	a.moving.Lock()
	defer a.moving.Unlock()
	if err := a.Servicing.RunDue(ctx, set.Now()); err != nil {
		return err
	}
	for now := set.Now(); now.Before(to); now = set.Now() {
		stop := nextStop(now)
		if stop.After(to) {
			stop = to
		}
		if err := set.SetTo(stop); err != nil {
			return err
		}
		if err := a.Servicing.RunDue(ctx, stop); err != nil {
			return err
		}
	}
	return nil
}

func nextStop(now time.Time) time.Time {
	midnight := loan.DateOf(now).AddDays(1).At(0)
	if cutoffs := loan.CutoffsBetween(now, midnight); len(cutoffs) > 0 {
		return cutoffs[0]
	}
	return midnight
}

// returnPayment lets the sandbox's bank return a payment.
func (a *App) returnPayment(ctx context.Context, payment, code string) error {
	id, ok := graph.DecodeNodeID(payment).(loan.PaymentID)
	if !ok {
		found, err := a.Store.Books().PaymentByConfirmation(ctx, payment)
		if errors.Is(err, store.ErrNotFound) {
			return loan.NotFound("payment")
		}
		if err != nil {
			return err
		}
		id = found
	}
	return a.Servicing.SimulateReturn(ctx, id, code, a.Clock.Now())
}
