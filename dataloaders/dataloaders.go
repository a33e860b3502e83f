// Package dataloaders reads what the fields of one request need, each thing
// once. However many vehicles there are and wherever a field stands in the query,
// a kind of thing costs one statement: what belongs to a customer is read for all
// their vehicles together, so no loader has to wait for keys.
package dataloaders

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// PageOf asks for a page of payments or statements as an owner sees them: of one
// vehicle, or, with no vehicle, of each that they own.
type PageOf struct {
	Owner   loan.CustomerID
	Vehicle loan.VehicleID
	Page    store.Page
}

type (
	// Lists loads a list that is short by nature, whole.
	Lists[T any] = Loader[loan.CustomerID, []*T]
	// Pages loads a page of each vehicle asked for.
	Pages[T any] = Loader[PageOf, map[loan.VehicleID][]*T]
)

// MessagesOf asks for a page of the messages of each of some conversations, which stand
// beside each other in an answer.
type MessagesOf struct {
	Owner         loan.CustomerID
	Conversations *[]loan.ConversationID
	Page          store.Page
}

// Loaders read for one request. What is not the owner's is missing.
type Loaders struct {
	Vehicles        *Lists[loan.Vehicle]
	PaymentAccounts *Lists[loan.PaymentAccount]
	AutoPays        *Lists[loan.AutoPay]
	Consents        *Lists[loan.Consent]
	YearlyTotals    *Lists[loan.YearlyTotals]

	Payments        *Pages[loan.Payment]
	PendingPayments *Pages[loan.Payment]
	Statements      *Pages[loan.Statement]

	Messages *Loader[MessagesOf, map[loan.ConversationID][]*loan.SecureMessage]
	partners *Loader[struct{}, []*loan.Partner]

	statements statements
	store      *store.Store
	mayLag     atomic.Bool
	now        time.Time
}

// MayLag lets what is read from now on come from a replica, which may be behind.
func (l *Loaders) MayLag() { l.mayLag.Store(true) }

// read reads with a function of the store.
func read[T any](l *Loaders, ask func(*store.Reader) (T, error)) (T, error) {
	if l.mayLag.Load() {
		return store.MayLag(l.store, ask)
	}
	return ask(&l.store.Reader)
}

// of is read for what belongs to an owner.
func of[T any](ctx context.Context, l *Loaders, owner loan.CustomerID, ask func(*store.Reader, context.Context, loan.CustomerID) (T, error)) (T, error) {
	return read(l, func(r *store.Reader) (T, error) { return ask(r, ctx, owner) })
}

// byID is read for what belongs to an owner and has some ids.
func byID[T, ID any](ctx context.Context, l *Loaders, owner loan.CustomerID, ids []ID, ask func(*store.Reader, context.Context, loan.CustomerID, []ID) ([]T, error)) ([]T, error) {
	return read(l, func(r *store.Reader) ([]T, error) { return ask(r, ctx, owner, ids) })
}

// list is a loader of what belongs to an owner.
func list[T any](l *Loaders, ask func(*store.Reader, context.Context, loan.CustomerID) ([]*T, error)) *Lists[T] {
	return once(func(ctx context.Context, owner loan.CustomerID) ([]*T, error) { return of(ctx, l, owner, ask) })
}

// page reads a page of what belongs to vehicles.
func page[T any](l *Loaders, ask func(*store.Reader, context.Context, loan.CustomerID, []loan.VehicleID, store.Page) ([]T, error)) readPage[T] {
	return func(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page store.Page) ([]T, error) {
		return read(l, func(r *store.Reader) ([]T, error) { return ask(r, ctx, owner, vehicles, page) })
	}
}

// New makes the loaders of a request that was received at now.
func New(s *store.Store, now time.Time) *Loaders {
	l := &Loaders{store: s, now: now}
	l.Vehicles = list(l, (*store.Reader).Vehicles)
	l.PaymentAccounts = list(l, (*store.Reader).PaymentAccounts)
	l.AutoPays = list(l, (*store.Reader).AutoPays)
	l.Consents = list(l, (*store.Reader).Consents)
	l.YearlyTotals = list(l, (*store.Reader).YearlyTotals)
	l.partners = once(func(ctx context.Context, _ struct{}) ([]*loan.Partner, error) {
		return read(l, func(r *store.Reader) ([]*loan.Partner, error) { return r.Partners(ctx) })
	})
	l.Payments = pages(l, l.seenBy(page(l, (*store.Reader).Payments)), vehicleOfPayment)
	l.PendingPayments = pages(l, l.seenBy(page(l, (*store.Reader).PendingPayments)), vehicleOfPayment)
	l.Statements = pages(l, l.noted(page(l, (*store.Reader).Statements)), func(s *loan.Statement) loan.VehicleID { return s.VehicleID })
	l.Messages = once(func(ctx context.Context, ask MessagesOf) (map[loan.ConversationID][]*loan.SecureMessage, error) {
		rows, err := read(l, func(r *store.Reader) ([]loan.SecureMessage, error) {
			return r.Messages(ctx, ask.Owner, *ask.Conversations, ask.Page)
		})
		byConversation := make(map[loan.ConversationID][]*loan.SecureMessage, len(*ask.Conversations))
		for i := range rows {
			id := rows[i].ConversationID
			byConversation[id] = append(byConversation[id], &rows[i])
		}
		return byConversation, err
	})
	return l
}

func vehicleOfPayment(p *loan.Payment) loan.VehicleID { return p.VehicleID }

type readPage[T any] func(context.Context, loan.CustomerID, []loan.VehicleID, store.Page) ([]T, error)

func pages[T any](l *Loaders, read readPage[T], vehicleOf func(*T) loan.VehicleID) *Pages[T] {
	return once(func(ctx context.Context, ask PageOf) (map[loan.VehicleID][]*T, error) {
		ids := []loan.VehicleID{ask.Vehicle}
		if ask.Vehicle == 0 {
			vehicles, err := l.Vehicles.Load(ctx, ask.Owner)
			if err != nil {
				return nil, err
			}
			ids = ids[:0]
			for _, v := range vehicles {
				ids = append(ids, v.ID)
			}
		}
		rows, err := read(ctx, ask.Owner, ids, ask.Page)
		byVehicle := make(map[loan.VehicleID][]*T, len(ids))
		for i := range rows {
			id := vehicleOf(&rows[i])
			byVehicle[id] = append(byVehicle[id], &rows[i])
		}
		return byVehicle, err
	})
}

// seenBy fills in what of payments depends on who looks and when.
func (l *Loaders) seenBy(read readPage[loan.Payment]) readPage[loan.Payment] {
	return func(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page store.Page) ([]loan.Payment, error) {
		payments, err := read(ctx, owner, vehicles, page)
		l.stamp(ctx, owner, payments)
		return payments, err
	}
}

func (l *Loaders) stamp(ctx context.Context, owner loan.CustomerID, payments []loan.Payment) {
	partner, _ := auth.PartnerFrom(ctx)
	who := loan.Agent{Customer: owner, Partner: partner.ID}
	for i := range payments {
		payments[i].CanCancel = payments[i].MayBeCanceledBy(who, l.now)
	}
}

// PaymentsByID reads those of the payments that are the owner's to see.
func (l *Loaders) PaymentsByID(ctx context.Context, owner loan.CustomerID, ids []loan.PaymentID) ([]loan.Payment, error) {
	payments, err := byID(ctx, l, owner, ids, (*store.Reader).PaymentsByID)
	l.stamp(ctx, owner, payments)
	return payments, err
}

// StatementsByID reads those of the statements that are the owner's to see.
func (l *Loaders) StatementsByID(ctx context.Context, owner loan.CustomerID, ids []loan.StatementID) ([]loan.Statement, error) {
	found, err := byID(ctx, l, owner, ids, (*store.Reader).StatementsByID)
	l.statements.note(found)
	return found, err
}

// Conversations reads a page of a customer's conversations.
func (l *Loaders) Conversations(ctx context.Context, owner loan.CustomerID, page store.Page) ([]loan.Conversation, error) {
	return read(l, func(r *store.Reader) ([]loan.Conversation, error) { return r.Conversations(ctx, owner, page) })
}

// ConversationsByID reads those of the conversations that are the owner's to see.
func (l *Loaders) ConversationsByID(ctx context.Context, owner loan.CustomerID, ids []loan.ConversationID) ([]loan.Conversation, error) {
	return byID(ctx, l, owner, ids, (*store.Reader).ConversationsByID)
}

// MessagesByID reads those of the messages that are the owner's to see.
func (l *Loaders) MessagesByID(ctx context.Context, owner loan.CustomerID, ids []loan.MessageID) ([]loan.SecureMessage, error) {
	return byID(ctx, l, owner, ids, (*store.Reader).MessagesByID)
}

// UnreadMessages is how many answers a customer has not read.
func (l *Loaders) UnreadMessages(ctx context.Context, owner loan.CustomerID) (int, error) {
	return of(ctx, l, owner, (*store.Reader).UnreadMessages)
}

// Customer gets a customer.
func (l *Loaders) Customer(ctx context.Context, id loan.CustomerID) (*loan.Customer, error) {
	return of(ctx, l, id, (*store.Reader).Customer)
}

// Partners lists all partners by name, with those that were revoked.
func (l *Loaders) Partners(ctx context.Context) ([]*loan.Partner, error) {
	return l.partners.Load(ctx, struct{}{})
}

// PartnerGrants lists what a customer lets partners do, the latest first.
func (l *Loaders) PartnerGrants(ctx context.Context, owner loan.CustomerID) ([]*loan.PartnerGrant, error) {
	return of(ctx, l, owner, (*store.Reader).PartnerGrants)
}

// SecondFactor gets a customer's second factor; nil where it is off.
func (l *Loaders) SecondFactor(ctx context.Context, owner loan.CustomerID) (*loan.SecondFactor, error) {
	return of(ctx, l, owner, (*store.Reader).SecondFactor)
}

// PendingContacts lists the contacts of a customer that wait for their code.
func (l *Loaders) PendingContacts(ctx context.Context, owner loan.CustomerID) ([]*loan.PendingContact, error) {
	return of(ctx, l, owner, (*store.Reader).PendingContacts)
}

// OfOwner reads one page over vehicles of a customer, all where only is nil: a page of
// each, merged in the page's order, which place gives.
func OfOwner[T any](ctx context.Context, loader *Pages[T], owner loan.CustomerID, only []loan.VehicleID, page store.Page, place func(*T) store.Position) ([]*T, error) {
	ask := PageOf{Owner: owner, Page: page}
	if len(only) == 1 {
		ask.Vehicle = only[0]
	}
	byVehicle, err := loader.Load(ctx, ask)
	if err != nil {
		return nil, err
	}
	var all []*T
	for vehicle, rows := range byVehicle {
		if only == nil || slices.Contains(only, vehicle) {
			all = append(all, rows...)
		}
	}
	slices.SortFunc(all, func(a, b *T) int {
		if page.Descending {
			a, b = b, a
		}
		return place(a).Compare(place(b))
	})
	return all[:min(len(all), page.Limit)], nil
}

type contextKey struct{}

// With is ctx with the loaders of a request.
func With(ctx context.Context, l *Loaders) context.Context {
	return context.WithValue(ctx, contextKey{}, l)
}

// WithLater is ctx with loaders that are made when somebody first asks for them.
func WithLater(ctx context.Context, load func() *Loaders) context.Context {
	return context.WithValue(ctx, contextKey{}, load)
}

// From is the loaders of ctx.
func From(ctx context.Context) *Loaders {
	switch l := ctx.Value(contextKey{}).(type) {
	case *Loaders:
		return l
	case func() *Loaders:
		return l()
	}
	return nil
}
