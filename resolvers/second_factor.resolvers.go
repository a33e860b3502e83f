package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) SetUpTotp(ctx context.Context) (*graph.SetUpTotpPayload, error) {
	secret, refusals, err := call(ctx, func(viewer auth.Viewer) (*servicing.NewSecret, error) {
		return r.Servicing.SetUpTOTP(ctx, viewer)
	})
	if secret == nil {
		return &graph.SetUpTotpPayload{UserErrors: refusals}, err
	}
	return &graph.SetUpTotpPayload{Secret: &secret.Secret, URI: &secret.URI, UserErrors: refusals}, err
}

func (r *mutationResolver) ConfirmTotp(ctx context.Context, input servicing.ConfirmTotpInput) (*graph.ConfirmTotpPayload, error) {
	on, refusals, err := call(ctx, func(viewer auth.Viewer) (*servicing.TurnedOn, error) {
		return r.Servicing.ConfirmTOTP(ctx, viewer, input)
	})
	if on == nil {
		return &graph.ConfirmTotpPayload{UserErrors: refusals}, err
	}
	return &graph.ConfirmTotpPayload{RecoveryCodes: on.RecoveryCodes, Viewer: on.Customer, UserErrors: refusals}, err
}

func (r *mutationResolver) TurnOffTotp(ctx context.Context, input servicing.TurnOffTotpInput) (*graph.TurnOffTotpPayload, error) {
	viewer, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Customer, error) {
		return r.Servicing.TurnOffTOTP(ctx, viewer, input)
	})
	return &graph.TurnOffTotpPayload{Viewer: viewer, UserErrors: refusals}, err
}

func (r *mutationResolver) RenewRecoveryCodes(ctx context.Context) (*graph.RenewRecoveryCodesPayload, error) {
	codes, refusals, err := call(ctx, func(viewer auth.Viewer) ([]string, error) {
		return r.Servicing.RenewRecoveryCodes(ctx, viewer)
	})
	return &graph.RenewRecoveryCodesPayload{RecoveryCodes: codes, UserErrors: refusals}, err
}

func (r *viewerResolver) SecondFactor(ctx context.Context, obj *loan.Customer) (*loan.SecondFactor, error) {
	return dataloaders.From(ctx).SecondFactor(ctx, obj.ID)
}
