package store

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

// Position is a place in a list that is ordered by a day and then by id.
type Position struct {
	On loan.Date
	ID int64
}

// Page asks for a part of a list that is ordered by day and id. It is comparable:
// two fields that ask for the same page share one statement.
type Page struct {
	// Over and Under bound the page, both exclusive; nil where it is open.
	Over, Under Position
	// Descending reads from the latest row down.
	Descending bool
	// Limit is how many rows of each vehicle are read at the most.
	Limit int
	// Statuses and Origin choose payments, where not empty; the statuses are separated by
	// commas. Other lists do not look at them.
	Statuses string
	Origin   loan.PaymentOrigin
}

// Of is the page of those payments alone that f chooses, but for the vehicles, which
// are asked for beside it. The list is ordered by the day that f bounds: it costs no
// more to look at a part of it.
func (p Page) Of(f loan.PaymentFilter) Page {
	if f.Statuses != nil {
		statuses := []string{none} // which an empty list is, too
		for _, status := range f.Statuses {
			statuses = append(statuses, string(status))
		}
		slices.Sort(statuses)
		p.Statuses = strings.Join(slices.Compact(statuses), ",")
	}
	if f.Origin != nil {
		p.Origin = *f.Origin
	}
	if f.From != nil {
		if first := (Position{*f.From, 0}); p.Over.On.IsZero() || p.Over.Compare(first) < 0 {
			p.Over = first
		}
	}
	if f.To != nil {
		if last := (Position{*f.To, math.MaxInt64}); p.Under.On.IsZero() || p.Under.Compare(last) > 0 {
			p.Under = last
		}
	}
	return p
}

// none is a status that no payment has.
const none = "-"

// pager reads the pages of one list, for any number of vehicles at a time, with
// one statement: for each vehicle that the customer owns, the index gives the
// first rows past the bound, and no more is read.
type pager struct{ ascending, descending statement }

// newPager declares the two statements of a list. columns are those of table;
// filter is what else a row of it (q) must satisfy.
func newPager(table, columns, day, filter string) pager {
	text := func(direction string) string {
		return strings.NewReplacer("$table", table, "$columns", "t."+strings.ReplaceAll(columns, ", ", ", t."),
			"$day", day, "$filter", filter, "$direction", direction).Replace(`
SELECT $columns
FROM owners o
JOIN $table t ON t.id {{one of}}
    SELECT q.id FROM $table q
    WHERE q.vehicle_id = o.vehicle_id AND $filter
      AND (q.$day, q.id) > ($3, $4) AND (q.$day, q.id) < ($5, $6)
    ORDER BY q.$day $direction, q.id $direction
    LIMIT $7
{{end}}
WHERE o.customer_id = $1 AND o.vehicle_id {{in $2}}
ORDER BY t.vehicle_id, t.$day $direction, t.id $direction`)
	}
	return pager{ascending: prepare(text("ASC")), descending: prepare(text("DESC"))}
}

// read runs the statement. more is what the filter takes, from $8 on. What is another
// customer's is left out.
func (p pager) read(ctx context.Context, q *queries, owner loan.CustomerID, vehicles []loan.VehicleID, page Page, scan func(*sql.Rows) error, more ...any) error {
	if page.Over.On.IsZero() {
		page.Over = Position{loan.Date{Year: 1, Month: 1, Day: 1}, 0}
	}
	if page.Under.On.IsZero() {
		page.Under = Position{loan.Date{Year: 9999, Month: 12, Day: 31}, math.MaxInt64}
	}
	s := p.ascending
	if page.Descending {
		s = p.descending
	}
	args := []any{owner, keys(q.dialect, vehicles), page.Over.On, page.Over.ID, page.Under.On, page.Under.ID, page.Limit}
	return q.query(ctx, s, scan, append(args, more...)...)
}

// Compare orders places: by day, then by id.
func (p Position) Compare(other Position) int {
	switch {
	case p.On.Before(other.On):
		return -1
	case p.On.After(other.On):
		return 1
	}
	return cmp.Compare(p.ID, other.ID)
}
