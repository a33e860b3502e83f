package app

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/web"
)

// moveClock sets the clock forward, stopping at each midnight and each cut-off in
// the business zone on the way to do what falls due there. What has happened is then in
// what partners are told.
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
	return a.Servicing.PlacePartnerEvents(ctx, set.Now())
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

// addTestCustomer adds a customer of the sandbox, who grants a partner what its token is
// for.
func (a *App) addTestCustomer(ctx context.Context, partner auth.Partner) (web.TestCustomer, error) {
	customer, err := seed.Customer(ctx, a.seedDeps(), a.Clock.Now())
	if err != nil {
		return web.TestCustomer{}, err
	}
	viewer := auth.Viewer{CustomerID: customer.ID, SteppedUpAt: auth.RequestFrom(ctx).At}
	_, err = a.Servicing.GrantPartnerAccess(ctx, viewer, servicing.GrantPartnerAccessInput{PartnerID: partner.ID, Scopes: partner.Scopes, Consent: true})
	id := graph.PartnerEvent{PartnerEvent: loan.PartnerEvent{CustomerID: customer.ID}}.CustomerGlobalID()
	return web.TestCustomer{CustomerID: id, Username: customer.Username, Password: string(seed.Password)}, err
}
