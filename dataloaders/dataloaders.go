// Package dataloaders reads what the fields of one request need, each thing
// once. However many vehicles there are and wherever a field stands in the query,
// a kind of thing costs one statement.
package dataloaders

import (
	"context"
	"slices"
	"time"

	"github.com/vikstrous/dataloadgen"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// wait is how long a loader gathers keys. Fields of one level ask within
// microseconds of each other.
const wait = 300 * time.Microsecond

// PageOf asks for a page of a vehicle's payments or statements, as its owner
// sees it.
type PageOf struct {
	Owner   loan.CustomerID
	Vehicle loan.VehicleID
	Page    store.Page
}

// Owned is the id of something as its owner asks for it.
type Owned[ID comparable] struct {
	Owner loan.CustomerID
	ID    ID
}

// Loaders read for one request. What is not the owner's is nil, and missing from
// a page.
type Loaders struct {
	// The lists that are short by nature are read whole, once a customer.
	Vehicles        *dataloadgen.Loader[loan.CustomerID, []*loan.Vehicle]
	PaymentAccounts *dataloadgen.Loader[loan.CustomerID, []*loan.PaymentAccount]
	AutoPays        *dataloadgen.Loader[loan.CustomerID, []*loan.AutoPay]

	Payments        *dataloadgen.Loader[PageOf, []*loan.Payment]
	PendingPayments *dataloadgen.Loader[PageOf, []*loan.Payment]
	Statements      *dataloadgen.Loader[PageOf, []*loan.Statement]

	Payment   *dataloadgen.Loader[Owned[loan.PaymentID], *loan.Payment]
	Statement *dataloadgen.Loader[Owned[loan.StatementID], *loan.Statement]
}

// New makes the loaders of a request that was received at now.
func New(s *store.Store, now time.Time) *Loaders {
	payments := func(read readPage[loan.Payment]) *dataloadgen.Loader[PageOf, []*loan.Payment] {
		return pages(func(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page store.Page) ([]loan.Payment, error) {
			list, err := read(ctx, owner, vehicles, page)
			return seenBy(owner, now, list), err
		}, func(p *loan.Payment) loan.VehicleID { return p.VehicleID })
	}
	return &Loaders{
		Vehicles:        whole(s.Vehicles),
		PaymentAccounts: whole(s.PaymentAccounts),
		AutoPays:        whole(s.AutoPays),
		Payments:        payments(s.Payments),
		PendingPayments: payments(s.PendingPayments),
		Statements:      pages(s.Statements, func(s *loan.Statement) loan.VehicleID { return s.VehicleID }),
		Payment: byID(func(ctx context.Context, owner loan.CustomerID, ids []loan.PaymentID) ([]loan.Payment, error) {
			list, err := s.PaymentsByID(ctx, owner, ids)
			return seenBy(owner, now, list), err
		}, func(p *loan.Payment) loan.PaymentID { return p.ID }),
		Statement: byID(s.StatementsByID, func(s *loan.Statement) loan.StatementID { return s.ID }),
	}
}

// seenBy fills in what of payments depends on who looks and when.
func seenBy(owner loan.CustomerID, now time.Time, payments []loan.Payment) []loan.Payment {
	for i := range payments {
		payments[i].CanCancel = payments[i].MayBeCanceledBy(owner, now)
	}
	return payments
}

// whole is a loader of a customer's whole list. It does not wait: one customer
// is all that a request is about.
func whole[T any](read func(context.Context, loan.CustomerID) ([]*T, error)) *dataloadgen.Loader[loan.CustomerID, []*T] {
	return dataloadgen.NewMappedLoader(func(ctx context.Context, owners []loan.CustomerID) (map[loan.CustomerID][]*T, error) {
		lists := make(map[loan.CustomerID][]*T, len(owners))
		for _, owner := range owners {
			list, err := read(ctx, owner)
			if err != nil {
				return nil, err
			}
			lists[owner] = list
		}
		return lists, nil
	}, dataloadgen.WithBatchCapacity(1))
}

type readPage[T any] func(context.Context, loan.CustomerID, []loan.VehicleID, store.Page) ([]T, error)

// pages is a loader of pages: one statement for all vehicles of which the same
// page is wanted.
func pages[T any](read readPage[T], vehicleOf func(*T) loan.VehicleID) *dataloadgen.Loader[PageOf, []*T] {
	type ask struct {
		owner loan.CustomerID
		page  store.Page
	}
	return dataloadgen.NewMappedLoader(func(ctx context.Context, keys []PageOf) (map[PageOf][]*T, error) {
		asks := map[ask][]loan.VehicleID{}
		found := make(map[PageOf][]*T, len(keys))
		for _, key := range keys {
			found[key] = nil // a page may be empty
			asks[ask{key.Owner, key.Page}] = append(asks[ask{key.Owner, key.Page}], key.Vehicle)
		}
		for a, vehicles := range asks {
			rows, err := read(ctx, a.owner, vehicles, a.page)
			if err != nil {
				return nil, err
			}
			for i := range rows {
				key := PageOf{a.owner, vehicleOf(&rows[i]), a.page}
				found[key] = append(found[key], &rows[i])
			}
		}
		return found, nil
	}, dataloadgen.WithWait(wait))
}

// byID is a loader of single objects: one statement for all of an owner's.
func byID[ID comparable, T any](read func(context.Context, loan.CustomerID, []ID) ([]T, error), idOf func(*T) ID) *dataloadgen.Loader[Owned[ID], *T] {
	return dataloadgen.NewMappedLoader(func(ctx context.Context, keys []Owned[ID]) (map[Owned[ID]]*T, error) {
		byOwner := map[loan.CustomerID][]ID{}
		found := make(map[Owned[ID]]*T, len(keys))
		for _, key := range keys {
			found[key] = nil // it may be somebody else's
			byOwner[key.Owner] = append(byOwner[key.Owner], key.ID)
		}
		for owner, ids := range byOwner {
			rows, err := read(ctx, owner, ids)
			if err != nil {
				return nil, err
			}
			for i := range rows {
				found[Owned[ID]{owner, idOf(&rows[i])}] = &rows[i]
			}
		}
		return found, nil
	}, dataloadgen.WithWait(wait))
}

// OfOwner reads one page over all vehicles of a customer: a page of each, merged.
// day and id give the order, which is the page's.
func OfOwner[T any](ctx context.Context, l *Loaders, loader *dataloadgen.Loader[PageOf, []*T], owner loan.CustomerID, page store.Page, place func(*T) store.Position) ([]*T, error) {
	vehicles, err := l.Vehicles.Load(ctx, owner)
	if err != nil || len(vehicles) == 0 {
		return nil, err
	}
	keys := make([]PageOf, len(vehicles))
	for i, v := range vehicles {
		keys[i] = PageOf{owner, v.ID, page}
	}
	lists, err := loader.LoadAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b *T) int {
		order := place(a).Compare(place(b))
		if page.Descending {
			return -order
		}
		return order
	})
	return all[:min(len(all), page.Limit)], nil
}

type contextKey struct{}

// With is ctx with the loaders of a request.
func With(ctx context.Context, l *Loaders) context.Context {
	return context.WithValue(ctx, contextKey{}, l)
}

// From is the loaders of ctx.
func From(ctx context.Context) *Loaders {
	l, _ := ctx.Value(contextKey{}).(*Loaders)
	return l
}
