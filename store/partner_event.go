package store

import (
	"context"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// mayBeTold is that the grant g has events:read and what else the event r needs.
const mayBeTold = `' ' || g.scopes || ' ' LIKE '% events:read %' AND ' ' || g.scopes || ' ' LIKE '% ' || r.scope || ' %'`

const partnerEventColumns = "e.id, e.place, e.partner_id, e.customer_id, e.vehicle_id, e.at, e.kind, e.subject_id"

var (
	// Each owner of the vehicle is asked, and the customer whose books it is in is told
	// of: a partner of two owners has it twice, once for each.
	tellPartners = prepare(`
INSERT INTO partner_events (partner_id, customer_id, vehicle_id, at, kind, subject_id)
SELECT g.partner_id, o.customer_id, r.vehicle_id, r.at, r.kind, r.subject_id
FROM {{rows $1: n bigint, vehicle_id bigint, at timestamptz, kind text, subject_id bigint, scope text}}
JOIN owners o ON o.vehicle_id = r.vehicle_id
JOIN partner_grants g ON g.customer_id = o.customer_id AND g.revoked_at IS NULL
JOIN partners p ON p.id = g.partner_id AND p.revoked_at IS NULL
WHERE ` + mayBeTold + `
ORDER BY r.n, g.partner_id, o.customer_id`)
	tellPartner = prepare(`
INSERT INTO partner_events (partner_id, customer_id, vehicle_id, at, kind, subject_id) VALUES ($1, $2, 0, $3, $4, $5)`)

	newPartnerEvents = prepare(`SELECT EXISTS (SELECT 1 FROM partner_events WHERE place IS NULL)`)
	lockPlaces       = prepare(`SELECT last FROM partner_event_places {{lock}}`)
	givePlaces       = prepare(`
UPDATE partner_events SET place = $1 + r.n
FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM partner_events WHERE place IS NULL ORDER BY id LIMIT $2) r
WHERE partner_events.id = r.id`)
	placesGiven = prepare(`UPDATE partner_event_places SET last = $1`)
	// What the endpoints of the partners are to be sent.
	insertDeliveries = prepare(`
INSERT INTO webhook_deliveries (endpoint_id, event_id, place, subject, next_try_at)
SELECT w.id, e.id, e.place, ` + subjectOfEvent + `, $3
FROM webhook_endpoints w JOIN partner_events e ON e.partner_id = w.partner_id AND e.place > $1 AND e.place <= $2
WHERE w.deleted_at IS NULL`)

	partnerEventsAfter = prepare(`
SELECT ` + partnerEventColumns + ` FROM partner_events e WHERE e.partner_id = $1 AND e.place > $2 ORDER BY e.place LIMIT $3`)
	// The oldest have the lowest ids, if not to the row.
	forgetPartnerEvents = prepare(`DELETE FROM partner_events WHERE at < $1 AND id {{one of}} SELECT id FROM partner_events ORDER BY id LIMIT $2 {{end}}`)
)

// subjectOfEvent is payment:7 and its like: the noun of the kind, and the id.
const subjectOfEvent = `CASE WHEN e.kind LIKE 'payment.%' THEN 'payment:' WHEN e.kind LIKE 'grant.%' THEN 'customer:' ELSE e.kind || ':' END
    || CAST(CASE WHEN e.kind LIKE 'grant.%' THEN e.customer_id ELSE e.subject_id END AS TEXT)`

type partnerEventRow struct {
	ID         loan.PartnerEventID `db:"id"`
	Place      int64               `db:"place"`
	PartnerID  loan.PartnerID      `db:"partner_id"`
	CustomerID loan.CustomerID     `db:"customer_id"`
	VehicleID  loan.VehicleID      `db:"vehicle_id"`
	At         time.Time           `db:"at"`
	Kind       loan.EventKind      `db:"kind"`
	SubjectID  int64               `db:"subject_id"`
}

func (r partnerEventRow) event() loan.PartnerEvent { return loan.PartnerEvent(r) }

// InsertPartnerEvent tells a partner of its own grant, whatever that says. Like other events it
// is written as the last thing before the commit, behind what the customer's owners were
// told before; the transaction must write to the customer's audit.
func (tx *Tx) InsertPartnerEvent(e loan.PartnerEvent) { tx.told = append(tx.told, e) }

// writePartnerEvents writes the events of a transaction for each partner that may be
// told.
//
// A partner is told in one order, though transactions of different customers do not
// commit in the order of any number that they could take. So an event has no place at
// first. Whoever gives places ([BooksTx.PlacePartnerEvents], one at a time) gives them to
// what is committed, and what commits later gets a later one: nothing turns up behind
// somebody's cursor, whichever transaction was slow. Of one customer the ids are in the
// order of the commits, because each transaction holds the end of their audit chain
// when it takes them (see writeEvents): where a later event is seen, all earlier ones
// are, and those seen together are placed by id.
//
// The lock is also why nothing comes after a revocation, which holds it, too: an
// event is written before it, or sees that the grant is gone.
func (tx *Tx) writePartnerEvents(ctx context.Context) error {
	type row struct {
		N         int            `json:"n"`
		VehicleID loan.VehicleID `json:"vehicle_id"`
		At        string         `json:"at"`
		Kind      loan.EventKind `json:"kind"`
		SubjectID int64          `json:"subject_id"`
		Scope     loan.Scope     `json:"scope"`
	}
	for some := range slices.Chunk(tx.events, atOnce) {
		rows := make([]row, len(some))
		for i, e := range some {
			rows[i] = row{i, e.VehicleID, text(e.At), e.Kind, e.SubjectID, e.Kind.Scope()}
		}
		if err := tx.execRows(ctx, tellPartners, rows); err != nil {
			return err
		}
	}
	for _, e := range tx.told { // at the most one
		if _, err := tx.exec(ctx, tellPartner, e.PartnerID, e.CustomerID, utc(e.At), e.Kind, e.SubjectID); err != nil {
			return err
		}
	}
	return nil
}

// NewPartnerEvents tells whether an event has no place yet. It only reads.
func (b Books) NewPartnerEvents(ctx context.Context) (bool, error) {
	var there bool
	err := b.q.get(ctx, &there, newPartnerEvents)
	return there, err
}

// PlacePartnerEvents gives up to limit events their places, and adds their deliveries to
// the endpoints that there are, due at an instant. It tells how many there were.
func (tx *BooksTx) PlacePartnerEvents(ctx context.Context, now time.Time, limit int) (int64, error) {
	var last int64
	if err := tx.get(ctx, &last, lockPlaces); err != nil {
		return 0, err
	}
	placed, err := tx.exec(ctx, givePlaces, last, limit)
	if err != nil || placed == 0 {
		return 0, err
	}
	if err := tx.execOne(ctx, placesGiven, last+placed); err != nil {
		return 0, err
	}
	_, err = tx.exec(ctx, insertDeliveries, last, last+placed, utc(now))
	return placed, err
}

// PartnerEventsAfter lists up to limit events of a partner behind a place, in order.
func (q *queries) PartnerEventsAfter(ctx context.Context, partner loan.PartnerID, place int64, limit int) ([]loan.PartnerEvent, error) {
	var rows []partnerEventRow
	err := q.list(ctx, &rows, partnerEventsAfter, partner, place, limit)
	events := make([]loan.PartnerEvent, len(rows))
	for i, row := range rows {
		events[i] = row.event()
	}
	return events, err
}

// ForgetPartnerEvents removes those of the first 20,000 events that are from before an
// instant, with their deliveries, and tells how many.
func (tx *BooksTx) ForgetPartnerEvents(ctx context.Context, before time.Time) (int64, error) {
	return tx.exec(ctx, forgetPartnerEvents, utc(before), atOnce)
}
