// Package resolvers translates between the schema and the use cases: a query
// field asks a loader, a mutation calls one use case. Rules and SQL are elsewhere.
package resolvers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	Servicing *servicing.Service
	// Directory knows the banks by their routing numbers.
	Directory Directory
	// AppRequirements are what the app needs of phones.
	AppRequirements loan.AppRequirements
}

// Directory knows the banks by their routing numbers.
type Directory interface {
	Lookup(routingNumber string) (name string, ok bool)
}

// call runs a mutation for the viewer. Refusals come back apart, as the answer;
// any other error is a fault.
func call[T any](ctx context.Context, do func(auth.Viewer) (T, error)) (answer T, refusals []loan.UserError, err error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return answer, nil, err
	}
	answer, err = do(viewer)
	refusals, err = refused(err)
	return answer, refusals, err
}

// atTheDoor takes the refusals out of what a use case answers to somebody who has no
// session.
func atTheDoor[T any](answer T, err error) (T, []loan.UserError, error) {
	refusals, err := refused(err)
	return answer, refusals, err
}

// token is an opened session as the schema has it; nil where there is none.
func token(s *servicing.OpenedSession) *graph.Session {
	if s == nil {
		return nil
	}
	return &graph.Session{Token: s.Token, ExpiresAt: s.ExpiresAt}
}

// orNull makes an empty string no string.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// replayable is what a mutation with an idempotency key answers.
type replayable[T any] struct {
	answer   T
	replayed bool
}

// replays makes one answer of what a use case with an idempotency key returns.
func replays[T any](do func(auth.Viewer) (T, bool, error)) func(auth.Viewer) (replayable[T], error) {
	return func(viewer auth.Viewer) (r replayable[T], err error) {
		r.answer, r.replayed, err = do(viewer)
		return r, err
	}
}

// callOnce is call for a mutation with an idempotency key.
func callOnce[T any](ctx context.Context, do func(auth.Viewer) (T, bool, error)) (T, bool, []loan.UserError, error) {
	r, refusals, err := call(ctx, replays(do))
	return r.answer, r.replayed, refusals, err
}

// refused takes the refusals out of an error that may join several. Where there
// is anything else in it, all of it is a fault.
func refused(err error) ([]loan.UserError, error) {
	if err == nil {
		return []loan.UserError{}, nil
	}
	var all []loan.UserError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			refusals, fault := refused(part)
			if fault != nil {
				return nil, err
			}
			all = append(all, refusals...)
		}
		return all, nil
	}
	var refusal loan.UserError
	if !errors.As(err, &refusal) {
		return nil, err
	}
	return []loan.UserError{refusal}, nil
}

// vehicle is one of the vehicles that a viewer owns; nil where it is not.
func vehicle(ctx context.Context, owner loan.CustomerID, id loan.VehicleID) (*loan.Vehicle, error) {
	vehicles, err := dataloaders.From(ctx).Vehicles.Load(ctx, owner)
	return first(vehicles, func(v *loan.Vehicle) bool { return v.ID == id }), err
}

// paymentAccount is one of the accounts that a viewer ever added; nil where it
// is not.
func paymentAccount(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID) (*loan.PaymentAccount, error) {
	accounts, err := dataloaders.From(ctx).PaymentAccounts.Load(ctx, owner)
	return first(accounts, func(a *loan.PaymentAccount) bool { return a.ID == id }), err
}

// usableAccounts are the accounts that a viewer can pay from.
func usableAccounts(ctx context.Context, owner loan.CustomerID) ([]*loan.PaymentAccount, error) {
	accounts, err := dataloaders.From(ctx).PaymentAccounts.Load(ctx, owner)
	usable := make([]*loan.PaymentAccount, 0, len(accounts))
	for _, a := range accounts {
		if a.RemovedAt == nil {
			usable = append(usable, a)
		}
	}
	return usable, err
}

// autoPay is one of the Auto Pays of a viewer's vehicles; nil where there is none
// that is wanted.
func autoPay(ctx context.Context, owner loan.CustomerID, wanted func(*loan.AutoPay) bool) (*loan.AutoPay, error) {
	autoPays, err := dataloaders.From(ctx).AutoPays.Load(ctx, owner)
	return first(autoPays, wanted), err
}

func first[T any](list []*T, wanted func(*T) bool) *T {
	if i := slices.IndexFunc(list, wanted); i >= 0 {
		return list[i]
	}
	return nil
}

// ofViewer resolves a field that depends on who looks.
func ofViewer[ID, T any](ctx context.Context, id ID, read func(context.Context, loan.CustomerID, ID) (T, error)) (none T, err error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return none, err
	}
	return read(ctx, viewer.CustomerID, id)
}

// inFull is a statement with what lists leave out.
func inFull(ctx context.Context, s *loan.Statement) (*loan.Statement, error) {
	full, err := ofViewer(ctx, s.ID, dataloaders.From(ctx).StatementInFull)
	if err == nil && full == nil {
		err = fmt.Errorf("statement %d has gone", s.ID)
	}
	return full, err
}

// listOfViewer is a list that is read whole, of what is the viewer's.
func listOfViewer[T any](ctx context.Context, loader *dataloaders.Lists[T]) ([]*T, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	return loader.Load(ctx, viewer.CustomerID)
}

// pointers is the elements of a slice by reference, as the schema's lists want
// them.
func pointers[T any](values []T) []*T {
	list := make([]*T, len(values))
	for i := range values {
		list[i] = &values[i]
	}
	return list
}
