package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) AddPaymentAccount(ctx context.Context, input servicing.AddPaymentAccountInput) (*graph.AddPaymentAccountPayload, error) {
	paymentAccount, replayed, refusals, err := callOnce(ctx, func(viewer auth.Viewer) (*loan.PaymentAccount, bool, error) {
		return r.Servicing.AddPaymentAccount(ctx, viewer, input)
	})
	return &graph.AddPaymentAccountPayload{PaymentAccount: paymentAccount, Replayed: replayed, UserErrors: refusals}, err
}

func (r *mutationResolver) UpdatePaymentAccount(ctx context.Context, input servicing.UpdatePaymentAccountInput) (*graph.UpdatePaymentAccountPayload, error) {
	paymentAccount, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.PaymentAccount, error) {
		return r.Servicing.UpdatePaymentAccount(ctx, viewer, input)
	})
	return &graph.UpdatePaymentAccountPayload{PaymentAccount: paymentAccount, UserErrors: refusals}, err
}

func (r *mutationResolver) ConfirmMicroEntries(ctx context.Context, input servicing.ConfirmMicroEntriesInput) (*graph.ConfirmMicroEntriesPayload, error) {
	paymentAccount, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.PaymentAccount, error) {
		return r.Servicing.ConfirmMicroEntries(ctx, viewer, input)
	})
	return &graph.ConfirmMicroEntriesPayload{PaymentAccount: paymentAccount, UserErrors: refusals}, err
}

func (r *mutationResolver) RemovePaymentAccount(ctx context.Context, input servicing.RemovePaymentAccountInput) (*graph.RemovePaymentAccountPayload, error) {
	paymentAccount, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.PaymentAccount, error) {
		return r.Servicing.RemovePaymentAccount(ctx, viewer, input)
	})
	return &graph.RemovePaymentAccountPayload{PaymentAccount: paymentAccount, UserErrors: refusals}, err
}

func (r *paymentAccountResolver) BankName(ctx context.Context, obj *loan.PaymentAccount) (*string, error) {
	name, ok := r.Directory.Lookup(obj.RoutingNumber)
	if !ok {
		return nil, nil
	}
	return &name, nil
}

func (r *Resolver) PaymentAccount() graph.PaymentAccountResolver { return &paymentAccountResolver{r} }

type paymentAccountResolver struct{ *Resolver }
