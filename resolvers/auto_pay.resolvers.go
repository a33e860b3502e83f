package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *autoPayResolver) PaymentAccount(ctx context.Context, obj *loan.AutoPay) (*loan.PaymentAccount, error) {
	return ofViewer(ctx, obj.PaymentAccountID, paymentAccount)
}

func (r *autoPayResolver) Vehicle(ctx context.Context, obj *loan.AutoPay) (*loan.Vehicle, error) {
	return ofViewer(ctx, obj.VehicleID, vehicle)
}

func (r *autoPayResolver) NextRun(ctx context.Context, obj *loan.AutoPay) (*loan.Run, error) {
	v, err := ofViewer(ctx, obj.VehicleID, vehicle)
	if err != nil || v == nil {
		return nil, err
	}
	run, ok := obj.NextRun(auth.RequestFrom(ctx).At, r.Servicing.Timing, v)
	if !ok {
		return nil, nil
	}
	return &run, nil
}

func (r *autoPayResolver) NextRuns(ctx context.Context, obj *loan.AutoPay, first int) ([]*loan.Run, error) {
	if first < 1 || first > mostRuns {
		return nil, graph.BadInput("1 to 24 runs can be asked for")
	}
	v, err := ofViewer(ctx, obj.VehicleID, vehicle)
	if err != nil || v == nil {
		return nil, err
	}
	return pointers(obj.NextRuns(auth.RequestFrom(ctx).At, r.Servicing.Timing, v, first)), nil
}

func (r *mutationResolver) SetUpAutoPay(ctx context.Context, input servicing.SetUpAutoPayInput) (*graph.SetUpAutoPayPayload, error) {
	autoPay, replayed, refusals, err := callOnce(ctx, func(viewer auth.Viewer) (*loan.AutoPay, bool, error) {
		return r.Servicing.SetUpAutoPay(ctx, viewer, input)
	})
	return &graph.SetUpAutoPayPayload{AutoPay: autoPay, Replayed: replayed, UserErrors: refusals}, err
}

func (r *mutationResolver) UpdateAutoPay(ctx context.Context, input servicing.UpdateAutoPayInput) (*graph.UpdateAutoPayPayload, error) {
	autoPay, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.AutoPay, error) {
		return r.Servicing.UpdateAutoPay(ctx, viewer, input)
	})
	return &graph.UpdateAutoPayPayload{AutoPay: autoPay, UserErrors: refusals}, err
}

func (r *mutationResolver) PauseAutoPay(ctx context.Context, input servicing.PauseAutoPayInput) (*graph.PauseAutoPayPayload, error) {
	autoPay, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.AutoPay, error) {
		return r.Servicing.PauseAutoPay(ctx, viewer, input)
	})
	return &graph.PauseAutoPayPayload{AutoPay: autoPay, UserErrors: refusals}, err
}

func (r *mutationResolver) ResumeAutoPay(ctx context.Context, input servicing.ResumeAutoPayInput) (*graph.ResumeAutoPayPayload, error) {
	autoPay, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.AutoPay, error) {
		return r.Servicing.ResumeAutoPay(ctx, viewer, input)
	})
	return &graph.ResumeAutoPayPayload{AutoPay: autoPay, UserErrors: refusals}, err
}

func (r *mutationResolver) CancelAutoPay(ctx context.Context, input servicing.CancelAutoPayInput) (*graph.CancelAutoPayPayload, error) {
	autoPay, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.AutoPay, error) {
		return r.Servicing.CancelAutoPay(ctx, viewer, input)
	})
	return &graph.CancelAutoPayPayload{AutoPay: autoPay, UserErrors: refusals}, err
}

func (r *Resolver) AutoPay() graph.AutoPayResolver { return &autoPayResolver{r} }

type autoPayResolver struct{ *Resolver }
