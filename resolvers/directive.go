package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/auth"
)

// Authenticated is @authenticated: without a viewer the field is refused.
func Authenticated(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
	if _, err := auth.FromContext(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}
