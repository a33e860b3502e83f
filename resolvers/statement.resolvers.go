package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) EnrollInOnlineStatements(ctx context.Context, input servicing.EnrollInOnlineStatementsInput) (*graph.EnrollInOnlineStatementsPayload, error) {
	vehicle, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Vehicle, error) {
		return r.Servicing.EnrollInOnlineStatements(ctx, viewer, input)
	})
	return &graph.EnrollInOnlineStatementsPayload{Vehicle: vehicle, UserErrors: refusals}, err
}

func (r *mutationResolver) WithdrawFromOnlineStatements(ctx context.Context, input servicing.WithdrawFromOnlineStatementsInput) (*graph.WithdrawFromOnlineStatementsPayload, error) {
	vehicle, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Vehicle, error) {
		return r.Servicing.WithdrawFromOnlineStatements(ctx, viewer, input)
	})
	return &graph.WithdrawFromOnlineStatementsPayload{Vehicle: vehicle, UserErrors: refusals}, err
}

func (r *statementResolver) Vehicle(ctx context.Context, obj *loan.Statement) (*loan.Vehicle, error) {
	return ofViewer(ctx, obj.VehicleID, vehicle)
}

func (r *Resolver) Statement() graph.StatementResolver { return &statementResolver{r} }

type statementResolver struct{ *Resolver }
