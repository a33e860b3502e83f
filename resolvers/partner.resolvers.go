package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *customerResolver) Scopes(ctx context.Context, obj *auth.Viewer) ([]loan.Scope, error) {
	return obj.Scopes, nil
}

func (r *customerResolver) Vehicles(ctx context.Context, obj *auth.Viewer) ([]*loan.Vehicle, error) {
	return dataloaders.From(ctx).Vehicles.Load(ctx, obj.CustomerID)
}

func (r *customerResolver) PaymentAccounts(ctx context.Context, obj *auth.Viewer) ([]*loan.PaymentAccount, error) {
	return usableAccounts(ctx, obj.CustomerID)
}

func (r *customerResolver) PendingPayments(ctx context.Context, obj *auth.Viewer, first *int, after *string, last *int, before *string) (*graph.PaymentConnection, error) {
	return pendingPayments.ofOwner(ctx, obj.CustomerID, arguments{first, after, last, before, nil})
}

func (r *customerResolver) Payments(ctx context.Context, obj *auth.Viewer, filter *loan.PaymentFilter, first *int, after *string, last *int, before *string) (*graph.PaymentConnection, error) {
	return payments.ofOwner(ctx, obj.CustomerID, arguments{first, after, last, before, filter})
}

func (r *customerResolver) Statements(ctx context.Context, obj *auth.Viewer, first *int, after *string, last *int, before *string) (*graph.StatementConnection, error) {
	return statements.ofOwner(ctx, obj.CustomerID, arguments{first, after, last, before, nil})
}

func (r *customerResolver) Node(ctx context.Context, obj *auth.Viewer, id string) (graph.Node, error) {
	scope := scopeOfNode(id)
	if scope == "" {
		return nil, nil
	}
	if err := inScope(ctx, scope); err != nil {
		return nil, err
	}
	found, err := nodes(ctx, obj.CustomerID, []string{id})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

func (r *mutationResolver) GrantPartnerAccess(ctx context.Context, input servicing.GrantPartnerAccessInput) (*graph.GrantPartnerAccessPayload, error) {
	grant, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.PartnerGrant, error) {
		return r.Servicing.GrantPartnerAccess(ctx, viewer, input)
	})
	return &graph.GrantPartnerAccessPayload{Grant: grant, UserErrors: refusals}, err
}

func (r *mutationResolver) RevokePartnerAccess(ctx context.Context, input servicing.RevokePartnerAccessInput) (*graph.RevokePartnerAccessPayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.RevokePartnerAccess(ctx, viewer, input)
	})
	return &graph.RevokePartnerAccessPayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *partnerResolver) Scopes(ctx context.Context, obj *loan.Partner) ([]loan.Scope, error) {
	return obj.Scopes, nil
}

func (r *partnerGrantResolver) Scopes(ctx context.Context, obj *loan.PartnerGrant) ([]loan.Scope, error) {
	return obj.Scopes, nil
}

func (r *queryResolver) Partners(ctx context.Context) ([]*loan.Partner, error) {
	partners, err := dataloaders.From(ctx).Partners(ctx)
	open := make([]*loan.Partner, 0, len(partners))
	for _, p := range partners {
		if p.RevokedAt == nil {
			open = append(open, p)
		}
	}
	return open, err
}

func (r *queryResolver) Customer(ctx context.Context, id string) (*auth.Viewer, error) {
	if _, partner := auth.PartnerFrom(ctx); !partner {
		return nil, nil // a customer has let nobody act but partners
	}
	customer, _ := graph.DecodeNodeID(id).(loan.CustomerID)
	viewer, err := r.actFor(ctx, &customer)
	if refusals, fault := refused(err); fault != nil || len(refusals) > 0 {
		return nil, fault
	}
	return &viewer, nil
}

func (r *viewerResolver) PartnerGrants(ctx context.Context, obj *loan.Customer) ([]*loan.PartnerGrant, error) {
	return dataloaders.From(ctx).PartnerGrants(ctx, obj.ID)
}

func (r *Resolver) Customer() graph.CustomerResolver { return &customerResolver{r} }

func (r *Resolver) Partner() graph.PartnerResolver { return &partnerResolver{r} }

func (r *Resolver) PartnerGrant() graph.PartnerGrantResolver { return &partnerGrantResolver{r} }

type (
	customerResolver     struct{ *Resolver }
	partnerResolver      struct{ *Resolver }
	partnerGrantResolver struct{ *Resolver }
)
