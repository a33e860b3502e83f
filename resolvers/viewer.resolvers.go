package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) UpdateProfile(ctx context.Context, input servicing.UpdateProfileInput) (*graph.UpdateProfilePayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.UpdateProfile(ctx, viewer, input)
	})
	return &graph.UpdateProfilePayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *mutationResolver) ConfirmContact(ctx context.Context, input servicing.ConfirmContactInput) (*graph.ConfirmContactPayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.ConfirmContact(ctx, viewer, input)
	})
	return &graph.ConfirmContactPayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *viewerResolver) PendingContacts(ctx context.Context, obj *loan.Customer) ([]*loan.PendingContact, error) {
	return dataloaders.From(ctx).PendingContacts(ctx, obj.ID)
}

func (r *viewerResolver) Vehicles(ctx context.Context, obj *loan.Customer) ([]*loan.Vehicle, error) {
	return dataloaders.From(ctx).Vehicles.Load(ctx, obj.ID)
}

func (r *viewerResolver) PaymentAccounts(ctx context.Context, obj *loan.Customer) ([]*loan.PaymentAccount, error) {
	return usableAccounts(ctx, obj.ID)
}

func (r *viewerResolver) PendingPayments(ctx context.Context, obj *loan.Customer, first *int, after *string, last *int, before *string) (*graph.PaymentConnection, error) {
	return pendingPayments.ofOwner(ctx, obj.ID, arguments{first, after, last, before, nil})
}

func (r *viewerResolver) Payments(ctx context.Context, obj *loan.Customer, filter *loan.PaymentFilter, first *int, after *string, last *int, before *string) (*graph.PaymentConnection, error) {
	return payments.ofOwner(ctx, obj.ID, arguments{first, after, last, before, filter})
}

func (r *viewerResolver) PaymentsExportURL(ctx context.Context, obj *loan.Customer, filter *loan.PaymentFilter) (string, error) {
	f, err := checked(filter)
	if err != nil {
		return "", err
	}
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return "", err
	}
	return r.Servicing.PaymentsExportLink(ctx, viewer, f)
}

func (r *viewerResolver) OnlineStatementsDisclosure(ctx context.Context, obj *loan.Customer) (*loan.Disclosure, error) {
	return r.Servicing.Disclosure(ctx)
}

func (r *viewerResolver) Statements(ctx context.Context, obj *loan.Customer, first *int, after *string, last *int, before *string) (*graph.StatementConnection, error) {
	return statements.ofOwner(ctx, obj.ID, arguments{first, after, last, before, nil})
}

func (r *Resolver) Viewer() graph.ViewerResolver { return &viewerResolver{r} }

type viewerResolver struct{ *Resolver }
