package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
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
	return pendingPayments.ofVehicles(ctx, objs, arguments{first, after, last, before, nil})
}

func (r *vehicleResolver) Payments(ctx context.Context, objs []*loan.Vehicle, filter *loan.PaymentFilter, first *int, after *string, last *int, before *string) ([]*graph.PaymentConnection, error) {
	return payments.ofVehicles(ctx, objs, arguments{first, after, last, before, filter})
}

func (r *vehicleResolver) Statements(ctx context.Context, objs []*loan.Vehicle, first *int, after *string, last *int, before *string) ([]*graph.StatementConnection, error) {
	return statements.ofVehicles(ctx, objs, arguments{first, after, last, before, nil})
}

func (r *vehicleResolver) PaymentDates(ctx context.Context, obj *loan.Vehicle, from loan.Date, to loan.Date) ([]*loan.Slot, error) {
	return pointers(r.Servicing.Timing.Slots(auth.RequestFrom(ctx).At, from, to)), nil
}

func (r *vehicleResolver) YearlyTotals(ctx context.Context, objs []*loan.Vehicle) ([][]*loan.YearlyTotals, error) {
	all, err := listOfViewer(ctx, dataloaders.From(ctx).YearlyTotals)
	if err != nil {
		return nil, err
	}
	found := make([][]*loan.YearlyTotals, len(objs))
	for i, v := range objs {
		found[i] = []*loan.YearlyTotals{}
		for _, totals := range all {
			if totals.VehicleID == v.ID {
				found[i] = append(found[i], totals)
			}
		}
	}
	return found, nil
}

func (r *vehicleResolver) OnlineStatements(ctx context.Context, objs []*loan.Vehicle) ([]*loan.OnlineStatements, error) {
	consents, err := listOfViewer(ctx, dataloaders.From(ctx).Consents)
	if err != nil {
		return nil, err
	}
	found := make([]*loan.OnlineStatements, len(objs))
	for i, v := range objs {
		if v.PaperlessSince != nil {
			consent := first(consents, func(c *loan.Consent) bool { return c.VehicleID == v.ID })
			found[i] = &loan.OnlineStatements{Since: *v.PaperlessSince, Consent: consent}
		}
	}
	return found, nil
}

func (r *Resolver) Vehicle() graph.VehicleResolver { return &vehicleResolver{r} }

type vehicleResolver struct{ *Resolver }
