package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// asPartner is the partner who makes a request for itself, and not for a customer.
func asPartner(ctx context.Context) (auth.Partner, error) {
	partner, is := auth.PartnerFrom(ctx)
	if !is {
		return partner, &auth.Forbidden{Partners: true}
	}
	return partner, nil
}

// callAsPartner is call for what a partner does for itself.
func callAsPartner[T any](ctx context.Context, do func(auth.Partner) (T, error)) (answer T, refusals []loan.UserError, err error) {
	partner, err := asPartner(ctx)
	if err != nil {
		return answer, nil, err
	}
	answer, err = do(partner)
	refusals, err = refused(err)
	return answer, refusals, err
}

// sizeOfPage is first, checked.
func sizeOfPage(first *int) (int, error) {
	p, err := newPage(false, first, nil, nil, nil)
	return p.size, err
}

// placeAmongPartnerEvents is the place that a cursor names; 0 of none.
func placeAmongPartnerEvents(ctx context.Context, cursor *string) (int64, error) {
	if cursor == nil {
		return 0, nil
	}
	on, place, ok := graph.DecodeEventCursor(*cursor)
	switch {
	case !ok:
		return 0, graph.BadInput("after is not a cursor of an event")
	case on.Before(servicing.PartnerEventsFrom(auth.RequestFrom(ctx).At)):
		return 0, graph.BadInput("after is too old: read what you keep again, and begin without after")
	}
	return place, nil
}
