package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

func (r *queryResolver) Viewer(ctx context.Context) (*loan.Customer, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	return dataloaders.From(ctx).Customer(ctx, viewer.CustomerID)
}

func (r *queryResolver) Node(ctx context.Context, id string) (graph.Node, error) {
	found, err := ofViewer(ctx, []string{id}, nodes)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

func (r *queryResolver) Nodes(ctx context.Context, ids []string) ([]graph.Node, error) {
	if len(ids) > mostNodes {
		return nil, graph.BadInput("at most 50 ids can be asked for at once")
	}
	return ofViewer(ctx, ids, nodes)
}

func (r *Resolver) Mutation() graph.MutationResolver { return &mutationResolver{r} }

func (r *Resolver) Query() graph.QueryResolver { return &queryResolver{r} }

type (
	mutationResolver struct{ *Resolver }
	queryResolver    struct{ *Resolver }
)
