package graph

import "github.com/automobilepay/mobilepay/loan"

// PaymentConnection is a page of payments.
type PaymentConnection struct {
	Edges    []PaymentEdge
	PageInfo PageInfo
}

// PaymentEdge is a payment in a list.
type PaymentEdge struct{ Node *loan.Payment }

// Cursor is the place of the payment in any list of payments.
func (e PaymentEdge) Cursor() string { return encodeCursor(e.Node.ScheduledOn, int64(e.Node.ID)) }

// StatementConnection is a page of statements.
type StatementConnection struct {
	Edges    []StatementEdge
	PageInfo PageInfo
}

// StatementEdge is a statement in a list.
type StatementEdge struct{ Node *loan.Statement }

// Cursor is the place of the statement in any list of statements.
func (e StatementEdge) Cursor() string { return encodeCursor(e.Node.IssuedOn, int64(e.Node.ID)) }

// NewPaymentConnection makes a page of payments.
func NewPaymentConnection(payments []*loan.Payment, hasNext, hasPrevious bool) *PaymentConnection {
	c := &PaymentConnection{Edges: make([]PaymentEdge, len(payments))}
	for i, p := range payments {
		c.Edges[i] = PaymentEdge{p}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}

// NewStatementConnection makes a page of statements.
func NewStatementConnection(statements []*loan.Statement, hasNext, hasPrevious bool) *StatementConnection {
	c := &StatementConnection{Edges: make([]StatementEdge, len(statements))}
	for i, s := range statements {
		c.Edges[i] = StatementEdge{s}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}

func newPageInfo[E interface{ Cursor() string }](edges []E, hasNext, hasPrevious bool) PageInfo {
	info := PageInfo{HasNextPage: hasNext, HasPreviousPage: hasPrevious}
	if len(edges) > 0 {
		start, end := edges[0].Cursor(), edges[len(edges)-1].Cursor()
		info.StartCursor, info.EndCursor = &start, &end
	}
	return info
}

// A cursor is the row's place, its day and id, spelled like an id.
func encodeCursor(on loan.Date, id int64) string { return encodeID(on.String(), id) }

// DecodeCursor reads a cursor; false where it is none.
func DecodeCursor(cursor string) (on loan.Date, id int64, ok bool) {
	day, id := decodeID(cursor)
	on, err := loan.ParseDate(day)
	return on, id, err == nil
}
