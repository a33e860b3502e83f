package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
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

func (r *statementResolver) Corrects(ctx context.Context, obj *loan.Statement) (*loan.Statement, error) {
	return ofViewer(ctx, obj, dataloaders.From(ctx).Corrected)
}

func (r *statementResolver) CorrectedBy(ctx context.Context, obj *loan.Statement) (*loan.Statement, error) {
	return ofViewer(ctx, obj, dataloaders.From(ctx).Correction)
}

func (r *statementResolver) DownloadURL(ctx context.Context, obj *loan.Statement) (string, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return "", err
	}
	return r.Servicing.StatementLink(ctx, viewer, obj.ID)
}

func (r *statementResolver) Lines(ctx context.Context, obj *loan.Statement) ([]*loan.StatementLine, error) {
	full, err := inFull(ctx, obj)
	if err != nil {
		return nil, err
	}
	return pointers(full.Lines), nil
}

func (r *statementResolver) Messages(ctx context.Context, obj *loan.Statement) ([]*loan.StatementMessage, error) {
	full, err := inFull(ctx, obj)
	if err != nil {
		return nil, err
	}
	return pointers(full.Messages), nil
}

func (r *statementResolver) Servicer(ctx context.Context, obj *loan.Statement) (*loan.Servicer, error) {
	full, err := inFull(ctx, obj)
	if err != nil {
		return nil, err
	}
	return &full.Servicer, nil
}

func (r *statementResolver) Recipient(ctx context.Context, obj *loan.Statement) (*graph.StatementRecipient, error) {
	full, err := inFull(ctx, obj)
	if err != nil {
		return nil, err
	}
	return &graph.StatementRecipient{Name: full.Name, Address: &full.Address}, nil
}

func (r *Resolver) Statement() graph.StatementResolver { return &statementResolver{r} }

type statementResolver struct{ *Resolver }
