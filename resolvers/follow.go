package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

// follow answers a subscription with the events that the viewer sees after a cursor, or
// from now on. event makes one; nil where it is for another subscription.
func follow[T any](ctx context.Context, s *servicing.Service, cursor *string, event func(graph.Happened) *T) (<-chan *T, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	after, err := place(ctx, s, viewer, cursor)
	if err != nil {
		return nil, err
	}
	events := make(chan *T)
	go func() {
		defer close(events)
		s.FollowEvents(ctx, viewer, after, func(e store.Event) {
			made := event(graph.Happened{ID: e.ID, At: e.At, Event: e.Kind, SubjectID: e.SubjectID, VehicleID: e.VehicleID})
			if made == nil {
				return
			}
			select {
			case events <- made:
			case <-ctx.Done():
			}
		})
	}()
	return events, nil
}

// place is the id of the event behind which a subscription begins.
func place(ctx context.Context, s *servicing.Service, viewer auth.Viewer, cursor *string) (int64, error) {
	if cursor == nil {
		return s.LastEvent(ctx, viewer)
	}
	on, id, ok := graph.DecodeEventCursor(*cursor)
	switch {
	case !ok:
		return 0, graph.BadInput("after is not a cursor of an event")
	case on.Before(servicing.EventsFrom(auth.RequestFrom(ctx).At)):
		return 0, graph.BadInput("after is too old: read what you show again, and begin at eventCursor")
	}
	return id, nil
}

// payment is one of the payments for a viewer's vehicles.
func payment(ctx context.Context, owner loan.CustomerID, id loan.PaymentID) (*loan.Payment, error) {
	payments, err := dataloaders.From(ctx).PaymentsByID(ctx, owner, []loan.PaymentID{id})
	if err != nil || len(payments) == 0 {
		return nil, err
	}
	return &payments[0], nil
}
