package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

func (r *paymentEventResolver) Payment(ctx context.Context, obj *graph.PaymentEvent) (*loan.Payment, error) {
	return ofViewer(ctx, loan.PaymentID(obj.SubjectID), payment)
}

func (r *queryResolver) EventCursor(ctx context.Context) (string, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return "", err
	}
	last, err := r.Servicing.LastEvent(ctx, viewer)
	return graph.EventCursor(auth.RequestFrom(ctx).At, last), err
}

func (r *subscriptionResolver) PaymentUpdated(ctx context.Context, after *string) (<-chan *graph.PaymentEvent, error) {
	return follow(ctx, r.Servicing, after, func(e graph.Happened) *graph.PaymentEvent {
		if !e.Event.OfPayment() {
			return nil
		}
		return &graph.PaymentEvent{Happened: e}
	})
}

func (r *subscriptionResolver) VehicleUpdated(ctx context.Context, after *string) (<-chan *graph.VehicleEvent, error) {
	return follow(ctx, r.Servicing, after, func(e graph.Happened) *graph.VehicleEvent {
		if !e.Event.OfVehicle() {
			return nil
		}
		return &graph.VehicleEvent{Happened: e}
	})
}

func (r *subscriptionResolver) SessionRevoked(ctx context.Context) (<-chan *graph.SessionRevokedEvent, error) {
	events := make(chan *graph.SessionRevokedEvent)
	go func() {
		defer close(events)
		reason, err := auth.Ending(ctx)
		if err != nil {
			return
		}
		select {
		case events <- &graph.SessionRevokedEvent{Reason: graph.SessionRevokedReason(reason)}:
		case <-ctx.Done():
		}
	}()
	return events, nil
}

func (r *vehicleEventResolver) Vehicle(ctx context.Context, obj *graph.VehicleEvent) (*loan.Vehicle, error) {
	return ofViewer(ctx, obj.VehicleID, vehicle)
}

func (r *Resolver) PaymentEvent() graph.PaymentEventResolver { return &paymentEventResolver{r} }

func (r *Resolver) Subscription() graph.SubscriptionResolver { return &subscriptionResolver{r} }

func (r *Resolver) VehicleEvent() graph.VehicleEventResolver { return &vehicleEventResolver{r} }

type (
	paymentEventResolver struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
	vehicleEventResolver struct{ *Resolver }
)
