package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/auth"
)

// Authenticated is @authenticated: without a viewer the field is refused, and to a
// partner, whether it acts for a customer or not, unless the field is marked @scope.
func Authenticated(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
	if _, partner := auth.PartnerFrom(ctx); partner {
		if !isOpen(graphql.GetFieldContext(ctx).Field.Definition) {
			return nil, &auth.Forbidden{}
		}
		return next(ctx)
	}
	if _, err := auth.FromContext(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}
