package store

import (
	"context"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	insertEvents = prepare(`
INSERT INTO events (customer_id, vehicle_id, at, kind, subject_id)
SELECT customer_id, vehicle_id, at, kind, subject_id
FROM {{rows $1: n bigint, customer_id bigint, vehicle_id bigint, at timestamptz, kind text, subject_id bigint}}
ORDER BY r.n`)
	eventsAfter = prepare(`
SELECT e.id, e.customer_id, e.vehicle_id, e.at, e.kind, e.subject_id
FROM owners o
JOIN events e ON e.id {{one of}}
    SELECT q.id FROM events q WHERE q.vehicle_id = o.vehicle_id AND q.id > $2 ORDER BY q.id LIMIT $3
{{end}}
WHERE o.customer_id = $1 ORDER BY e.id LIMIT $3`)
	lastEvent = prepare(`
SELECT COALESCE(MAX((SELECT MAX(e.id) FROM events e WHERE e.vehicle_id = o.vehicle_id)), 0)
FROM owners o WHERE o.customer_id = $1`)
	// Without an index by time, which each new row would have to pay for: the oldest
	// have the lowest ids, if not to the row.
	forgetEvents = prepare(`DELETE FROM events WHERE at < $1 AND id {{one of}} SELECT id FROM events ORDER BY id LIMIT $2 {{end}}`)
)

// Event is something that has happened in a customer's books. It holds no data but
// names the object, which is read as whoever follows may see it.
type Event struct {
	ID         int64           `db:"id"`
	CustomerID loan.CustomerID `db:"customer_id"` // whose books
	VehicleID  loan.VehicleID  `db:"vehicle_id"`  // whose owners see it
	At         time.Time       `db:"at"`
	Kind       loan.EventKind  `db:"kind"`
	SubjectID  int64           `db:"subject_id"`
}

// PaymentEvent is what has happened to a payment.
func PaymentEvent(kind loan.EventKind, p *loan.Payment, at time.Time) Event {
	return Event{CustomerID: p.CustomerID, VehicleID: p.VehicleID, At: at, Kind: kind, SubjectID: int64(p.ID)}
}

// VehicleEvent is that a vehicle's contract has changed.
func VehicleEvent(v *loan.Vehicle, at time.Time) Event {
	return Event{CustomerID: v.CustomerID, VehicleID: v.ID, At: at, Kind: loan.VehicleUpdated, SubjectID: int64(v.ID)}
}

// StatementEvent is that a statement was issued.
func StatementEvent(s *loan.Statement, at time.Time) Event {
	return Event{CustomerID: s.CustomerID, VehicleID: s.VehicleID, At: at, Kind: loan.StatementIssued, SubjectID: int64(s.ID)}
}

// AutoPayEvent is that Auto Pay has changed.
func AutoPayEvent(a *loan.AutoPay, at time.Time) Event {
	return Event{CustomerID: a.CustomerID, VehicleID: a.VehicleID, At: at, Kind: loan.AutoPayChanged, SubjectID: int64(a.ID)}
}

// InsertEvents tells what this transaction does, in its order. Like the audit, it is
// written as the last thing before the commit.
func (tx *Tx) InsertEvents(events ...Event) { tx.events = append(tx.events, events...) }

// writeEvents writes the events of a transaction.
//
// Ids are given out in the order in which transactions commit, as far as anybody can
// see: every owner of an event's vehicle has a lock, the end of their audit chain,
// which is held until the commit and taken before an id is. So two events that one
// customer sees are never committed against the order of their ids, and whoever reads
// up to an id has read all before it. SQLite has one writer at a time anyway.
func (tx *Tx) writeEvents(ctx context.Context) error {
	type row struct {
		N          int             `json:"n"`
		CustomerID loan.CustomerID `json:"customer_id"`
		VehicleID  loan.VehicleID  `json:"vehicle_id"`
		At         string          `json:"at"`
		Kind       loan.EventKind  `json:"kind"`
		SubjectID  int64           `json:"subject_id"`
	}
	for some := range slices.Chunk(tx.events, atOnce) {
		rows := make([]row, len(some))
		for i, e := range some {
			rows[i] = row{i, e.CustomerID, e.VehicleID, text(e.At), e.Kind, e.SubjectID}
		}
		if err := tx.execRows(ctx, insertEvents, rows); err != nil {
			return err
		}
	}
	return nil
}

// owners are who sees what was told, and maybe others.
func (tx *Tx) owners() []loan.CustomerID {
	customers := make([]loan.CustomerID, len(tx.locked))
	for i, head := range tx.locked {
		customers[i] = head.CustomerID
	}
	return customers
}

// EventsAfter reads up to limit events of the vehicles that a customer owns, oldest
// first, after the one with an id. What comes later has a higher id.
func (q *queries) EventsAfter(ctx context.Context, owner loan.CustomerID, id int64, limit int) ([]Event, error) {
	var events []Event
	err := q.list(ctx, &events, eventsAfter, owner, id, limit)
	return events, err
}

// LastEvent is the id of the latest event that a customer sees; 0 where there is none.
func (q *queries) LastEvent(ctx context.Context, owner loan.CustomerID) (int64, error) {
	var id int64
	err := q.get(ctx, &id, lastEvent, owner)
	return id, err
}

// ForgetEvents removes those of the first 20,000 events that are from before an instant,
// and tells how many.
func (tx *BooksTx) ForgetEvents(ctx context.Context, before time.Time) (int64, error) {
	return tx.exec(ctx, forgetEvents, utc(before), atOnce)
}
