package resolvers

import (
	"context"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// ForPartners refuses the operations of partners, before anything of them is done, that
// have a root field which the schema does not open to them. @authenticated would refuse
// most of these, too, but not those for which nobody has to be known.
func ForPartners(present graphql.ErrorPresenterFunc) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		if _, partner := auth.PartnerFrom(ctx); !partner {
			return next(ctx)
		}
		operation := graphql.GetOperationContext(ctx)
		for _, field := range graphql.CollectFields(operation, operation.Operation.SelectionSet, rootTypes) {
			if !isOpen(field.Definition) {
				err := &gqlerror.Error{Err: &auth.Forbidden{}, Path: ast.Path{ast.PathName(field.Alias)}}
				return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{present(ctx, err)}})
			}
		}
		return next(ctx)
	}
}

// rootTypes are what a fragment at the root of an operation can be on.
var rootTypes = []string{"Query", "Mutation", "Subscription"}

// isOpen tells whether the schema opens a root field to partners.
func isOpen(field *ast.FieldDefinition) bool {
	return field.Directives.ForName("scope") != nil || strings.HasPrefix(field.Name, "__")
}

// Scope is @scope: a partner without the scope is refused. For whoever else the field
// is as if it were not marked.
func Scope(ctx context.Context, _ any, next graphql.Resolver, requires *string) (any, error) {
	if requires != nil {
		if err := inScope(ctx, loan.Scope(*requires)); err != nil {
			return nil, err
		}
	}
	return next(ctx)
}

// required is the scope that the field needs which is resolved; empty for none.
func required(ctx context.Context) loan.Scope {
	field := graphql.GetFieldContext(ctx).Field.Definition
	if requires := field.Directives.ForName("scope").Arguments.ForName("requires"); requires != nil {
		return loan.Scope(requires.Value.Raw)
	}
	return ""
}

// inScope refuses a partner that lacks a scope; an empty one nobody lacks.
func inScope(ctx context.Context, scope loan.Scope) error {
	if scopes, limited := auth.ScopesFrom(ctx); limited && scope != "" && !scopes.Has(scope) {
		return &auth.Forbidden{Scope: scope}
	}
	return nil
}

// scopeOfNode is what a partner needs to see the object with an id; empty where there is
// none that it could see.
func scopeOfNode(id string) loan.Scope {
	switch graph.DecodeNodeID(id).(type) {
	case loan.VehicleID:
		return loan.ScopeVehiclesRead
	case loan.PaymentID, loan.PaymentAccountID, loan.AutoPayID:
		return loan.ScopePaymentsRead
	case loan.StatementID:
		return loan.ScopeStatementsRead
	}
	return ""
}

// actFor is who makes a request for a customer: a partner for one that it names, or the
// customer, who need not.
func (r *Resolver) actFor(ctx context.Context, customer *loan.CustomerID) (auth.Viewer, error) {
	partner, is := auth.PartnerFrom(ctx)
	if !is {
		viewer, err := auth.FromContext(ctx)
		if err == nil && customer != nil && *customer != viewer.CustomerID {
			err = loan.NotFound("customerId")
		}
		return viewer, err
	}
	if customer == nil {
		return auth.Viewer{}, loan.Refuse(loan.CodeInvalidInput, "Say for which customer this is.", "customerId")
	}
	viewer, err := r.Servicing.ActFor(ctx, partner, *customer)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return auth.Viewer{}, loan.NotFound("customerId")
	case err != nil:
		return auth.Viewer{}, err
	case !auth.ActFor(ctx, viewer):
		return auth.Viewer{}, graph.BadInput("an operation is for one customer")
	}
	// What was granted may be less than what the token is for.
	return viewer, inScope(ctx, required(ctx))
}

// callFor is call for what a partner does, too, for the customer that it names.
func callFor[T any](ctx context.Context, r *Resolver, customer *loan.CustomerID, do func(auth.Viewer) (T, error)) (answer T, refusals []loan.UserError, err error) {
	viewer, err := r.actFor(ctx, customer)
	if err == nil {
		answer, err = do(viewer)
	}
	refusals, err = refused(err)
	return answer, refusals, err
}

// callOnceFor is callFor for a mutation with an idempotency key.
func callOnceFor[T any](ctx context.Context, r *Resolver, customer *loan.CustomerID, do func(auth.Viewer) (T, bool, error)) (T, bool, []loan.UserError, error) {
	once, refusals, err := callFor(ctx, r, customer, replays(do))
	return once.answer, once.replayed, refusals, err
}
