package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

const (
	defaultPage = 20
	largestPage = 100
)

// pageRequest is the arguments of a connection, checked.
type pageRequest struct {
	store.Page
	size             int
	backward         bool
	hasAfter, hasEnd bool
}

// newPage reads the arguments of a connection. descending is the list's natural
// order. One row more than wanted is read, which tells whether there are more.
func newPage(descending bool, first *int, after *string, last *int, before *string) (pageRequest, error) {
	p := pageRequest{size: defaultPage, backward: last != nil, hasAfter: after != nil, hasEnd: before != nil}
	switch {
	case first != nil && last != nil:
		return p, graph.BadInput("give first or last, not both")
	case first != nil:
		p.size = *first
	case last != nil:
		p.size = *last
	}
	if p.size < 1 || p.size > largestPage {
		return p, graph.BadInput("a page has 1 to 100 entries")
	}
	start, end := &p.Over, &p.Under
	if descending {
		start, end = end, start
	}
	for cursor, place := range map[*string]*store.Position{after: start, before: end} {
		if cursor == nil {
			continue
		}
		on, id, ok := graph.DecodeCursor(*cursor)
		if !ok {
			return p, graph.BadInput("this is not a cursor of this list")
		}
		*place = store.Position{On: on, ID: id}
	}
	p.Descending = descending != p.backward
	p.Limit = p.size + 1
	return p, nil
}

// cut takes the rows of the page, in the list's natural order, from what was
// read, and tells whether there are more on either side.
func cut[T any](p pageRequest, rows []*T) (page []*T, hasNext, hasPrevious bool) {
	more := len(rows) > p.size
	page = slices.Clone(rows[:min(len(rows), p.size)])
	if p.backward {
		slices.Reverse(page)
		return page, p.hasEnd, more
	}
	return page, more, p.hasAfter
}

type arguments struct {
	first  *int
	after  *string
	last   *int
	before *string
	filter *loan.PaymentFilter // of payments
}

// page reads the arguments. descending is the list's natural order.
func (a arguments) page(descending bool) (pageRequest, loan.PaymentFilter, error) {
	f, err := checked(a.filter)
	if err != nil {
		return pageRequest{}, f, err
	}
	p, err := newPage(descending, a.first, a.after, a.last, a.before)
	p.Page = p.Of(f)
	return p, f, err
}

// The longest lists of a filter. There are few states, which may come twice.
const (
	mostVehicles = 50
	mostStatuses = 20
)

// checked is a filter that can be used; one that chooses all where there is none.
func checked(f *loan.PaymentFilter) (loan.PaymentFilter, error) {
	switch {
	case f == nil:
		return loan.PaymentFilter{}, nil
	case len(f.VehicleIDs) > mostVehicles || len(f.Statuses) > mostStatuses:
		return *f, graph.BadInput("a filter has at most 50 vehicles and 20 states")
	case f.From != nil && f.To != nil && f.From.After(*f.To):
		return *f, graph.BadInput("from is after to")
	}
	return *f, nil
}

// list is one of the connections: where it reads, and how it is ordered.
type list[T, C any] struct {
	descending bool
	loader     func(*dataloaders.Loaders) *dataloaders.Pages[T]
	place      func(*T) store.Position
	connection func(rows []*T, hasNext, hasPrevious bool) *C
}

var (
	payments = list[loan.Payment, graph.PaymentConnection]{
		descending: true,
		loader:     func(l *dataloaders.Loaders) *dataloaders.Pages[loan.Payment] { return l.Payments },
		place:      placeOfPayment,
		connection: graph.NewPaymentConnection,
	}
	pendingPayments = list[loan.Payment, graph.PaymentConnection]{
		loader:     func(l *dataloaders.Loaders) *dataloaders.Pages[loan.Payment] { return l.PendingPayments },
		place:      placeOfPayment,
		connection: graph.NewPaymentConnection,
	}
	statements = list[loan.Statement, graph.StatementConnection]{
		descending: true,
		loader:     func(l *dataloaders.Loaders) *dataloaders.Pages[loan.Statement] { return l.Statements },
		place:      func(s *loan.Statement) store.Position { return store.Position{On: s.IssuedOn, ID: int64(s.ID)} },
		connection: graph.NewStatementConnection,
	}
)

func placeOfPayment(p *loan.Payment) store.Position {
	return store.Position{On: p.ScheduledOn, ID: int64(p.ID)}
}

// ofVehicles reads the connection for vehicles that stand side by side in the
// answer.
func (l list[T, C]) ofVehicles(ctx context.Context, vehicles []*loan.Vehicle, a arguments) ([]*C, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	p, f, err := a.page(l.descending)
	if err != nil {
		return nil, err
	}
	ask := dataloaders.PageOf{Owner: viewer.CustomerID, Page: p.Page}
	if len(vehicles) == 1 && !inList(ctx) {
		ask.Vehicle = vehicles[0].ID
	}
	byVehicle, err := l.loader(dataloaders.From(ctx)).Load(ctx, ask)
	if err != nil {
		return nil, err
	}
	connections := make([]*C, len(vehicles))
	for i, v := range vehicles {
		rows := byVehicle[v.ID]
		if f.VehicleIDs != nil && !slices.Contains(f.VehicleIDs, v.ID) {
			rows = nil
		}
		connections[i] = l.connection(cut(p, rows))
	}
	return connections, nil
}

// inList tells whether the field stands below a list, where there may be others
// of its kind: then one statement reads for all of them.
func inList(ctx context.Context) bool {
	for _, step := range graphql.GetPath(ctx) {
		if _, index := step.(ast.PathIndex); index {
			return true
		}
	}
	return false
}

// ofOwner reads the connection over all vehicles of a customer.
func (l list[T, C]) ofOwner(ctx context.Context, owner loan.CustomerID, a arguments) (*C, error) {
	p, f, err := a.page(l.descending)
	if err != nil {
		return nil, err
	}
	rows, err := dataloaders.OfOwner(ctx, l.loader(dataloaders.From(ctx)), owner, f.VehicleIDs, p.Page, l.place)
	if err != nil {
		return nil, err
	}
	return l.connection(cut(p, rows)), nil
}
