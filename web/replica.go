package web

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
)

// fromReplica lets the queries of customers read from a replica, unless they have changed
// something, or were told of a change, a moment ago: what they did they see. That they
// change something is noted before they do, so that no end of the process comes between,
// and where it cannot be noted nothing is changed. Partners always read what is current: a
// webhook tells their servers of changes, which then ask without a session.
func (o Options) fromReplica(present graphql.ErrorPresenterFunc) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		_, partner := auth.PartnerFrom(ctx)
		viewer, err := auth.FromContext(ctx)
		if err != nil || partner {
			return next(ctx)
		}
		switch graphql.GetOperationContext(ctx).Operation.Operation {
		case ast.Query:
			if !viewer.Current {
				dataloaders.From(ctx).MayLag()
			}
		case ast.Mutation:
			if err := o.Sessions.KeepCurrent(ctx, viewer.SessionID); err != nil {
				err = fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
				return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{present(ctx, err)}})
			}
		case ast.Subscription:
			return o.keepCurrent(viewer, next(ctx))
		}
		return next(ctx)
	}
}

// keepCurrent notes, before a customer is told of a change, that they will ask for more.
func (o Options) keepCurrent(viewer auth.Viewer, respond graphql.ResponseHandler) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		response := respond(ctx)
		if response != nil {
			if err := o.Sessions.KeepCurrent(ctx, viewer.SessionID); err != nil {
				o.Log.WarnContext(ctx, "what is read after an event may lag", "error", err)
			}
		}
		return response
	}
}
