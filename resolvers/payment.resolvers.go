package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) SchedulePayment(ctx context.Context, input servicing.SchedulePaymentInput) (*graph.SchedulePaymentPayload, error) {
	payment, replayed, refusals, err := callOnceFor(ctx, r.Resolver, input.CustomerID, func(viewer auth.Viewer) (*loan.Payment, bool, error) {
		return r.Servicing.SchedulePayment(ctx, viewer, input)
	})
	return &graph.SchedulePaymentPayload{Payment: payment, Replayed: replayed, UserErrors: refusals}, err
}

func (r *mutationResolver) CancelPayment(ctx context.Context, input servicing.CancelPaymentInput) (*graph.CancelPaymentPayload, error) {
	payment, refusals, err := callFor(ctx, r.Resolver, input.CustomerID, func(viewer auth.Viewer) (*loan.Payment, error) {
		return r.Servicing.CancelPayment(ctx, viewer, input)
	})
	return &graph.CancelPaymentPayload{Payment: payment, UserErrors: refusals}, err
}

func (r *mutationResolver) ReschedulePayment(ctx context.Context, input servicing.ReschedulePaymentInput) (*graph.ReschedulePaymentPayload, error) {
	both, replayed, refusals, err := callOnceFor(ctx, r.Resolver, input.CustomerID, func(viewer auth.Viewer) (servicing.Rescheduled, bool, error) {
		return r.Servicing.ReschedulePayment(ctx, viewer, input)
	})
	return &graph.ReschedulePaymentPayload{
		Payment: both.Payment, CanceledPayment: both.Canceled, Replayed: replayed, UserErrors: refusals,
	}, err
}

func (r *paymentResolver) PaymentAccount(ctx context.Context, obj *loan.Payment) (*loan.PaymentAccount, error) {
	return ofViewer(ctx, obj.PaymentAccountID, paymentAccount)
}

func (r *paymentResolver) Vehicle(ctx context.Context, obj *loan.Payment) (*loan.Vehicle, error) {
	return ofViewer(ctx, obj.VehicleID, vehicle)
}

func (r *paymentResolver) Partner(ctx context.Context, obj *loan.Payment) (*loan.Partner, error) {
	if obj.PartnerID == nil {
		return nil, nil
	}
	if viewer, is := auth.PartnerFrom(ctx); is && viewer.ID != *obj.PartnerID {
		return nil, nil
	}
	partners, err := dataloaders.From(ctx).Partners(ctx)
	return first(partners, func(p *loan.Partner) bool { return p.ID == *obj.PartnerID }), err
}

func (r *queryResolver) NextCutoff(ctx context.Context) (*servicing.Cutoff, error) {
	return r.Servicing.NextCutoff(auth.RequestFrom(ctx).At), nil
}

func (r *queryResolver) PreviewPayment(ctx context.Context, input servicing.PreviewPaymentInput) (*graph.PreviewPaymentPayload, error) {
	preview, refusals, err := callFor(ctx, r.Resolver, input.CustomerID, func(viewer auth.Viewer) (*servicing.PaymentPreview, error) {
		return r.Servicing.PreviewPayment(ctx, viewer, input)
	})
	return &graph.PreviewPaymentPayload{Preview: preview, UserErrors: refusals}, err
}

func (r *Resolver) Payment() graph.PaymentResolver { return &paymentResolver{r} }

type paymentResolver struct{ *Resolver }
