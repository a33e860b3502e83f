package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

func (r *vehicleResolver) AutoPay(ctx context.Context, objs []*loan.Vehicle) ([]*loan.AutoPay, error) {
	found := make([]*loan.AutoPay, len(objs))
	for i, v := range objs {
		auto, err := ofViewer(ctx, func(a *loan.AutoPay) bool { return a.VehicleID == v.ID }, autoPay)
		if err != nil {
			return nil, err
		}
		found[i] = auto
	}
	return found, nil
}

func (r *vehicleResolver) PendingPayments(ctx context.Context, objs []*loan.Vehicle, first *int, after *string, last *int, before *string) ([]*graph.PaymentConnection, error) {
	return pendingPayments.ofVehicles(ctx, objs, arguments{first, after, last, before})
}

func (r *vehicleResolver) Payments(ctx context.Context, objs []*loan.Vehicle, first *int, after *string, last *int, before *string) ([]*graph.PaymentConnection, error) {
	return payments.ofVehicles(ctx, objs, arguments{first, after, last, before})
}

func (r *vehicleResolver) Statements(ctx context.Context, objs []*loan.Vehicle, first *int, after *string, last *int, before *string) ([]*graph.StatementConnection, error) {
	return statements.ofVehicles(ctx, objs, arguments{first, after, last, before})
}

func (r *vehicleResolver) PaymentDates(ctx context.Context, obj *loan.Vehicle, from loan.Date, to loan.Date) ([]*loan.Slot, error) {
	return pointers(r.Servicing.Timing.Slots(auth.RequestFrom(ctx).At, from, to)), nil
}

func (r *Resolver) Vehicle() graph.VehicleResolver { return &vehicleResolver{r} }

type vehicleResolver struct{ *Resolver }
