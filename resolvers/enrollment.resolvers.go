package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) Enroll(ctx context.Context, input servicing.EnrollInput) (*graph.EnrollPayload, error) {
	in, refusals, err := atTheDoor(r.Servicing.Enroll(ctx, input))
	if in == nil {
		return &graph.EnrollPayload{UserErrors: refusals}, err
	}
	return &graph.EnrollPayload{Session: token(&in.OpenedSession), Viewer: in.Customer, UserErrors: refusals}, nil
}

func (r *mutationResolver) RequestUsername(ctx context.Context, input servicing.RequestUsernameInput) (*graph.RequestUsernamePayload, error) {
	id, refusals, err := atTheDoor(r.Servicing.RequestUsername(ctx, input))
	return &graph.RequestUsernamePayload{ChallengeID: orNull(id), UserErrors: refusals}, err
}

func (r *mutationResolver) RevealUsername(ctx context.Context, input servicing.RevealUsernameInput) (*graph.RevealUsernamePayload, error) {
	username, refusals, err := atTheDoor(r.Servicing.RevealUsername(ctx, input))
	return &graph.RevealUsernamePayload{Username: orNull(username), UserErrors: refusals}, err
}

func (r *mutationResolver) RequestPasswordReset(ctx context.Context, input servicing.RequestPasswordResetInput) (*graph.RequestPasswordResetPayload, error) {
	id, refusals, err := atTheDoor(r.Servicing.RequestPasswordReset(ctx, input))
	return &graph.RequestPasswordResetPayload{ChallengeID: orNull(id), UserErrors: refusals}, err
}

func (r *mutationResolver) ResetPassword(ctx context.Context, input servicing.ResetPasswordInput) (*graph.ResetPasswordPayload, error) {
	_, refusals, err := atTheDoor(struct{}{}, r.Servicing.ResetPassword(ctx, input))
	return &graph.ResetPasswordPayload{PasswordChanged: err == nil && len(refusals) == 0, UserErrors: refusals}, err
}

func (r *mutationResolver) ChangePassword(ctx context.Context, input servicing.ChangePasswordInput) (*graph.ChangePasswordPayload, error) {
	session, refusals, err := call(ctx, func(viewer auth.Viewer) (*servicing.OpenedSession, error) {
		return r.Servicing.ChangePassword(ctx, viewer, input)
	})
	return &graph.ChangePasswordPayload{Session: token(session), UserErrors: refusals}, err
}
