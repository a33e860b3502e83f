package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) LogIn(ctx context.Context, input servicing.LogInInput) (*graph.LogInPayload, error) {
	in, refusals, err := atTheDoor(r.Servicing.LogIn(ctx, input))
	if in == nil {
		return &graph.LogInPayload{UserErrors: refusals}, err
	}
	p := &graph.LogInPayload{Session: token(&in.OpenedSession), Viewer: in.Customer, UserErrors: refusals}
	if in.DeviceToken != "" {
		p.DeviceToken = &in.DeviceToken
	}
	return p, nil
}

func (r *mutationResolver) LogOut(ctx context.Context) (*graph.LogOutPayload, error) {
	_, refusals, err := call(ctx, func(viewer auth.Viewer) (struct{}, error) {
		return struct{}{}, r.Servicing.LogOut(ctx, viewer)
	})
	return &graph.LogOutPayload{LoggedOut: err == nil, UserErrors: refusals}, err
}

func (r *mutationResolver) RevokeSession(ctx context.Context, input servicing.RevokeSessionInput) (*graph.RevokeSessionPayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.RevokeSession(ctx, viewer, input)
	})
	return &graph.RevokeSessionPayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *mutationResolver) RevokeOtherSessions(ctx context.Context) (*graph.RevokeOtherSessionsPayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.RevokeOtherSessions(ctx, viewer)
	})
	return &graph.RevokeOtherSessionsPayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *mutationResolver) RequestIdentityCode(ctx context.Context) (*graph.RequestIdentityCodePayload, error) {
	sent, refusals, err := call(ctx, func(viewer auth.Viewer) (*servicing.SentCode, error) {
		return r.Servicing.RequestIdentityCode(ctx, viewer)
	})
	if sent == nil {
		return &graph.RequestIdentityCodePayload{UserErrors: refusals}, err
	}
	return &graph.RequestIdentityCodePayload{SentTo: &sent.SentTo, ExpiresAt: &sent.ExpiresAt, UserErrors: refusals}, err
}

func (r *mutationResolver) ConfirmIdentity(ctx context.Context, input servicing.ConfirmIdentityInput) (*graph.ConfirmIdentityPayload, error) {
	confirmed, refusals, err := call(ctx, func(viewer auth.Viewer) (*servicing.ConfirmedIdentity, error) {
		return r.Servicing.ConfirmIdentity(ctx, viewer, input)
	})
	if confirmed == nil {
		return &graph.ConfirmIdentityPayload{UserErrors: refusals}, err
	}
	return &graph.ConfirmIdentityPayload{Session: token(&confirmed.OpenedSession), ConfirmedUntil: &confirmed.Until, UserErrors: refusals}, err
}

func (r *viewerResolver) Sessions(ctx context.Context, obj *loan.Customer) ([]*servicing.ActiveSession, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.Servicing.ActiveSessions(ctx, viewer)
}
