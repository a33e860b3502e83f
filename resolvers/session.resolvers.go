package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) LogIn(ctx context.Context, input servicing.LogInInput) (*graph.LogInPayload, error) {
	in, err := r.Servicing.LogIn(ctx, input)
	refusals, err := refused(err)
	if err != nil || len(refusals) > 0 {
		return &graph.LogInPayload{UserErrors: refusals}, err
	}
	return &graph.LogInPayload{
		Session: &graph.Session{Token: in.Token, ExpiresAt: in.ExpiresAt}, Viewer: in.Customer, UserErrors: refusals,
	}, nil
}

func (r *mutationResolver) LogOut(ctx context.Context) (*graph.LogOutPayload, error) {
	_, refusals, err := call(ctx, func(viewer auth.Viewer) (struct{}, error) {
		return struct{}{}, r.Servicing.LogOut(ctx, viewer)
	})
	return &graph.LogOutPayload{LoggedOut: err == nil, UserErrors: refusals}, err
}
