package resolvers

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

const mostNodes = 50

// nodes reads objects by their global ids, side by side so that the loaders see
// all of them at once.
func (r *Resolver) nodes(ctx context.Context, owner loan.CustomerID, ids []string) ([]graph.Node, error) {
	found := make([]graph.Node, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = r.node(ctx, owner, id)
			return err
		})
	}
	return found, group.Wait()
}

// node reads an object by its global id; nil where it does not exist or is not
// the owner's.
func (r *Resolver) node(ctx context.Context, owner loan.CustomerID, id string) (graph.Node, error) {
	loaders := dataloaders.From(ctx)
	switch id := graph.DecodeNodeID(id).(type) {
	case loan.CustomerID:
		if id == owner {
			return r.Servicing.Store.Customer(ctx, id)
		}
	case loan.VehicleID:
		return some(vehicle(ctx, owner, id))
	case loan.PaymentAccountID:
		return some(paymentAccount(ctx, owner, id))
	case loan.AutoPayID:
		autoPays, err := loaders.AutoPays.Load(ctx, owner)
		for _, a := range autoPays {
			if a.ID == id {
				return a, err
			}
		}
		return nil, err
	case loan.PaymentID:
		return some(loaders.Payment.Load(ctx, dataloaders.Owned[loan.PaymentID]{Owner: owner, ID: id}))
	case loan.StatementID:
		return some(loaders.Statement.Load(ctx, dataloaders.Owned[loan.StatementID]{Owner: owner, ID: id}))
	}
	return nil, nil
}

// some makes a nil pointer no node at all.
func some[T any](object *T, err error) (graph.Node, error) {
	if object == nil {
		return nil, err
	}
	return object, err
}
