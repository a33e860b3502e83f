package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const (
	endpointColumns = "w.id, w.partner_id, w.url, w.created_at, w.failing_since, w.disabled_at, w.disabled_why"
	deliveryColumns = `d.id AS delivery_id, d.tries, d.first_try_at, d.last_try_at, d.next_try_at, d.delivered_at, d.last_status, d.last_failure`
	// isTaking is that events are pushed to an endpoint.
	isTaking = "w.deleted_at IS NULL AND w.disabled_at IS NULL AND p.revoked_at IS NULL"
	// deliverAnew is of deliveries that there are, deliverMissing of events from before there
	// was the endpoint.
	deliverAnew    = `UPDATE webhook_deliveries SET tries = 0, first_try_at = NULL, next_try_at = $2, delivered_at = NULL WHERE endpoint_id = $1 AND `
	deliverMissing = `
INSERT INTO webhook_deliveries (endpoint_id, event_id, place, subject, next_try_at)
SELECT w.id, e.id, e.place, ` + subjectOfEvent + `, $2 FROM webhook_endpoints w JOIN partner_events e ON e.partner_id = w.partner_id
WHERE w.id = $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.place = e.place) AND `
)

var (
	endpointsOfPartner = prepare(`SELECT ` + endpointColumns + ` FROM webhook_endpoints w WHERE w.partner_id = $1 AND w.deleted_at IS NULL ORDER BY w.id`)
	allEndpoints       = prepare(`SELECT ` + endpointColumns + ` FROM webhook_endpoints w WHERE w.deleted_at IS NULL ORDER BY w.id`)
	lockEndpoint       = prepare(`
SELECT ` + endpointColumns + ` FROM webhook_endpoints w WHERE w.partner_id = $1 AND w.id = $2 AND w.deleted_at IS NULL {{lock}}`)
	ownerOfEndpoint = prepare(`SELECT partner_id FROM webhook_endpoints WHERE id = $1`)
	insertEndpoint  = prepare(`INSERT INTO webhook_endpoints (partner_id, url, created_at) VALUES ($1, $2, $3) RETURNING id`)
	disableEndpoint = prepare(`UPDATE webhook_endpoints SET disabled_at = $2, disabled_why = $3 WHERE id = $1 AND disabled_at IS NULL AND deleted_at IS NULL`)
	enableEndpoint  = prepare(`UPDATE webhook_endpoints SET disabled_at = NULL, disabled_why = '', failing_since = NULL WHERE id = $1`)
	endpointWorks   = prepare(`UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL`)
	endpointFails   = prepare(`UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failing_since`)
	deleteEndpoint  = prepare(`UPDATE webhook_endpoints SET deleted_at = $2 WHERE id = $1`)
	dropSecrets     = prepare(`DELETE FROM webhook_secrets WHERE endpoint_id = $1`)
	dropDeliveries  = prepare(`DELETE FROM webhook_deliveries WHERE endpoint_id = $1`)

	insertWebhookSecret = prepare(`INSERT INTO webhook_secrets (endpoint_id, partner_id, sealed, created_at) VALUES ($1, $2, $3, $4)`)
	// Of those that are live the latest stays until then; the others end now.
	dropOtherSecrets  = prepare(`DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND ends_at IS NOT NULL`)
	endWebhookSecret  = prepare(`UPDATE webhook_secrets SET ends_at = $2 WHERE endpoint_id = $1 AND ends_at IS NULL`)
	secretsOfEndpoint = prepare(`SELECT sealed FROM webhook_secrets WHERE endpoint_id = $1 AND (ends_at IS NULL OR ends_at > $2) ORDER BY id DESC`)

	setPartnerContact = prepare(`UPDATE partners SET contact = $2 WHERE id = $1 AND revoked_at IS NULL`)

	endpointsDue = prepare(`
SELECT w.id FROM webhook_endpoints w JOIN partners p ON p.id = w.partner_id
WHERE ` + isTaking + ` AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.next_try_at <= $1)
ORDER BY w.id`)
	// Whoever takes a delivery to an endpoint holds the endpoint, so that what is under way
	// is counted by one at a time.
	lockSending = prepare(`SELECT id FROM webhook_endpoints WHERE id = $1 {{lock}}`)
	// The table is the queue, as that of the notices is. Of one subject nothing is taken
	// before what is earlier has ended.
	lockFreeDelivery = prepare(`
SELECT ` + endpointColumns + `, p.contact, p.name AS partner_name, ` + deliveryColumns + `,
    e.id AS event_id, e.place, e.customer_id, e.vehicle_id, e.at, e.kind, e.subject_id
FROM webhook_deliveries d
JOIN webhook_endpoints w ON w.id = d.endpoint_id JOIN partners p ON p.id = w.partner_id JOIN partner_events e ON e.id = d.event_id
WHERE d.endpoint_id = $1 AND d.next_try_at <= $2 AND ` + isTaking + ` AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries b
    WHERE b.endpoint_id = d.endpoint_id AND b.subject = d.subject AND b.place < d.place AND b.next_try_at IS NOT NULL)
    AND (SELECT COUNT(*) FROM webhook_deliveries f WHERE f.endpoint_id = $1 AND f.claimed_until > $2) < $3
ORDER BY d.next_try_at, d.place LIMIT 1 {{lock a free delivery}}`)
	claimDelivery = prepare(`
UPDATE webhook_deliveries SET tries = tries + 1, first_try_at = COALESCE(first_try_at, $2), last_try_at = $2, next_try_at = $3, claimed_until = $3
WHERE id = $1`)
	// Only who has it: another one may have taken it when the lease was over.
	postponeDelivery = prepare(`
UPDATE webhook_deliveries SET next_try_at = $3, claimed_until = NULL, last_status = $4, last_failure = $5
WHERE id = $1 AND tries = $2 AND next_try_at IS NOT NULL`)
	deliveryMade = prepare(`
UPDATE webhook_deliveries SET next_try_at = NULL, claimed_until = NULL, delivered_at = $2, last_status = $3, last_failure = ''
WHERE id = $1 AND next_try_at IS NOT NULL`)
	deliveryGivenUp = prepare(`
UPDATE webhook_deliveries SET next_try_at = NULL, claimed_until = NULL, last_status = $3, last_failure = $4
WHERE id = $1 AND tries = $2 AND next_try_at IS NOT NULL`)
	hurryDeliveries = prepare(`
UPDATE webhook_deliveries SET tries = 0, first_try_at = NULL, next_try_at = $2 WHERE endpoint_id = $1 AND next_try_at IS NOT NULL`)
	replayDeliveries = prepare(deliverAnew + `place > $3`)
	replayMissing    = prepare(deliverMissing + `e.place > $3`)
	resendDeliveries = prepare(deliverAnew + `event_id {{in $3}}`)
	resendMissing    = prepare(deliverMissing + `e.place IS NOT NULL AND e.id {{in $3}}`)
	resendFailed     = prepare(deliverAnew + `delivered_at IS NULL AND last_failure <> '' AND last_try_at >= $3`)
	deliveriesBefore = prepare(`
SELECT ` + deliveryColumns + `, e.id AS event_id, e.place, e.partner_id, e.customer_id, e.vehicle_id, e.at, e.kind, e.subject_id
FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint_id = w.id JOIN partner_events e ON e.id = d.event_id
WHERE w.partner_id = $1 AND w.id = $2 AND w.deleted_at IS NULL AND d.place < $3
ORDER BY d.place DESC LIMIT $4`)
)

type endpointRow struct {
	ID           loan.WebhookID       `db:"id"`
	PartnerID    loan.PartnerID       `db:"partner_id"`
	URL          string               `db:"url"`
	CreatedAt    time.Time            `db:"created_at"`
	FailingSince *time.Time           `db:"failing_since"`
	DisabledAt   *time.Time           `db:"disabled_at"`
	DisabledWhy  loan.WebhookDisabled `db:"disabled_why"`
}

func endpoints(rows []endpointRow) []*loan.WebhookEndpoint {
	list := make([]*loan.WebhookEndpoint, len(rows))
	for i := range rows {
		list[i] = (*loan.WebhookEndpoint)(&rows[i])
	}
	return list
}

type deliveryRow struct {
	ID          loan.DeliveryID     `db:"delivery_id"`
	Tries       int                 `db:"tries"`
	FirstTryAt  *time.Time          `db:"first_try_at"`
	LastTryAt   *time.Time          `db:"last_try_at"`
	NextTryAt   *time.Time          `db:"next_try_at"`
	DeliveredAt *time.Time          `db:"delivered_at"`
	LastStatus  *int                `db:"last_status"`
	LastFailure loan.WebhookFailure `db:"last_failure"`
	EventID     loan.PartnerEventID `db:"event_id"`
	Place       int64               `db:"place"`
	CustomerID  loan.CustomerID     `db:"customer_id"`
	VehicleID   loan.VehicleID      `db:"vehicle_id"`
	At          time.Time           `db:"at"`
	Kind        loan.EventKind      `db:"kind"`
	SubjectID   int64               `db:"subject_id"`
}

func (r deliveryRow) delivery(partner loan.PartnerID) loan.WebhookDelivery {
	return loan.WebhookDelivery{
		ID: r.ID, Tries: r.Tries, FirstTryAt: r.FirstTryAt, LastTryAt: r.LastTryAt, NextTryAt: r.NextTryAt, DeliveredAt: r.DeliveredAt,
		LastStatus: r.LastStatus, LastFailure: r.LastFailure,
		Event: loan.PartnerEvent{
			ID: r.EventID, Place: r.Place, PartnerID: partner, CustomerID: r.CustomerID, VehicleID: r.VehicleID, At: r.At, Kind: r.Kind, SubjectID: r.SubjectID,
		},
	}
}

// WebhookEndpoints lists the endpoints of a partner, oldest first.
func (q *queries) WebhookEndpoints(ctx context.Context, partner loan.PartnerID) ([]*loan.WebhookEndpoint, error) {
	var rows []endpointRow
	err := q.list(ctx, &rows, endpointsOfPartner, partner)
	return endpoints(rows), err
}

// WebhookEndpoints lists the endpoints of all partners, oldest first.
func (b Books) WebhookEndpoints(ctx context.Context) ([]*loan.WebhookEndpoint, error) {
	var rows []endpointRow
	err := b.q.list(ctx, &rows, allEndpoints)
	return endpoints(rows), err
}

// PartnerOfWebhook is whose an endpoint is; [ErrNotFound].
func (b Books) PartnerOfWebhook(ctx context.Context, id loan.WebhookID) (partner loan.PartnerID, err error) {
	err = b.q.get(ctx, &partner, ownerOfEndpoint, id)
	return partner, err
}

// LockWebhookEndpoint gets an endpoint of a partner and holds it until the transaction
// ends; [ErrNotFound].
func (tx *Tx) LockWebhookEndpoint(ctx context.Context, partner loan.PartnerID, id loan.WebhookID) (*loan.WebhookEndpoint, error) {
	var row endpointRow
	if err := tx.get(ctx, &row, lockEndpoint, partner, id); err != nil {
		return nil, err
	}
	return (*loan.WebhookEndpoint)(&row), nil
}

// InsertWebhookEndpoint adds an endpoint and gives it its id; [ErrConflict] where the
// partner has one with its URL.
func (tx *Tx) InsertWebhookEndpoint(ctx context.Context, w *loan.WebhookEndpoint) error {
	return tx.get(ctx, &w.ID, insertEndpoint, w.PartnerID, w.URL, utc(w.CreatedAt))
}

// DisableWebhookEndpoint lets events wait for an endpoint; [ErrNotFound] where they do.
func (tx *Tx) DisableWebhookEndpoint(ctx context.Context, id loan.WebhookID, why loan.WebhookDisabled, at time.Time) error {
	return tx.execOne(ctx, disableEndpoint, id, utc(at), why)
}

// EnableWebhookEndpoint lets what waits for an endpoint be tried anew.
func (tx *Tx) EnableWebhookEndpoint(ctx context.Context, id loan.WebhookID, at time.Time) error {
	if err := tx.execOne(ctx, enableEndpoint, id); err != nil {
		return err
	}
	_, err := tx.exec(ctx, hurryDeliveries, id, utc(at))
	return err
}

// DeleteWebhookEndpoint ends an endpoint, with its secrets and deliveries.
func (tx *Tx) DeleteWebhookEndpoint(ctx context.Context, id loan.WebhookID, at time.Time) error {
	for _, drop := range []statement{dropDeliveries, dropSecrets} {
		if _, err := tx.exec(ctx, drop, id); err != nil {
			return err
		}
	}
	return tx.execOne(ctx, deleteEndpoint, id, utc(at))
}

// ReplaceWebhookSecret gives an endpoint a secret. The one before is used, too, until
// an instant, and any before it no longer. The endpoint must be locked.
func (tx *Tx) ReplaceWebhookSecret(ctx context.Context, w *loan.WebhookEndpoint, sealed []byte, now, until time.Time) error {
	if _, err := tx.exec(ctx, dropOtherSecrets, w.ID); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, endWebhookSecret, w.ID, utc(until)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, insertWebhookSecret, w.ID, w.PartnerID, sealed, utc(now))
	return err
}

// SetPartnerContact says who looks after the endpoints of a partner; [ErrNotFound].
func (tx *Tx) SetPartnerContact(ctx context.Context, id loan.PartnerID, address string) error {
	return tx.execOne(ctx, setPartnerContact, id, address)
}

// WebhooksDue lists the endpoints to which something is to be sent by now.
func (b Books) WebhooksDue(ctx context.Context, now time.Time) (due []loan.WebhookID, err error) {
	err = b.q.list(ctx, &due, endpointsDue, utc(now))
	return due, err
}

// ClaimedDelivery is a delivery with what it takes to make it.
type ClaimedDelivery struct {
	loan.WebhookDelivery
	Endpoint loan.WebhookEndpoint
	Partner  string   // its name
	Contact  string   // its e-mail address; may be empty
	Secrets  [][]byte // sealed, the latest first
}

// ClaimDelivery takes a delivery to an endpoint that is to be made by now, and keeps it
// from others until an instant; [ErrNotFound] where there is none, or where as many as most
// are taken.
func (tx *BooksTx) ClaimDelivery(ctx context.Context, id loan.WebhookID, now, until time.Time, most int) (*ClaimedDelivery, error) {
	var held loan.WebhookID
	if err := tx.get(ctx, &held, lockSending, id); err != nil {
		return nil, err
	}
	var row struct {
		endpointRow
		deliveryRow
		Partner string `db:"partner_name"`
		Contact string `db:"contact"`
	}
	if err := tx.get(ctx, &row, lockFreeDelivery, id, utc(now), most); err != nil {
		return nil, err
	}
	c := &ClaimedDelivery{
		WebhookDelivery: row.delivery(row.PartnerID), Endpoint: loan.WebhookEndpoint(row.endpointRow), Partner: row.Partner, Contact: row.Contact,
	}
	c.Tries++
	if c.FirstTryAt == nil {
		c.FirstTryAt = &now
	}
	if err := tx.list(ctx, &c.Secrets, secretsOfEndpoint, id, utc(now)); err != nil {
		return nil, err
	}
	return c, tx.execOne(ctx, claimDelivery, c.ID, utc(now), utc(until))
}

// DeliveryMade writes that an endpoint has taken an event; [ErrNotFound] where it was
// written before.
func (tx *BooksTx) DeliveryMade(ctx context.Context, d *ClaimedDelivery, at time.Time, status int) error {
	if _, err := tx.exec(ctx, endpointWorks, d.Endpoint.ID); err != nil {
		return err
	}
	return tx.execOne(ctx, deliveryMade, d.ID, utc(at), status)
}

// WebhookFails writes that an endpoint fails, and tells since when.
func (tx *BooksTx) WebhookFails(ctx context.Context, id loan.WebhookID, at time.Time) (since time.Time, err error) {
	err = tx.get(ctx, &since, endpointFails, id, utc(at))
	return since, err
}

// PostponeDelivery lets a delivery that has failed wait until an instant; [ErrNotFound]
// where somebody else has taken it since.
func (tx *BooksTx) PostponeDelivery(ctx context.Context, d *ClaimedDelivery, until time.Time, status *int, why loan.WebhookFailure) error {
	return tx.execOne(ctx, postponeDelivery, d.ID, d.Tries, utc(until), status, why)
}

// DeliveryGivenUp writes that a delivery will not be made; [ErrNotFound] where somebody
// else has taken it since.
func (tx *BooksTx) DeliveryGivenUp(ctx context.Context, d *ClaimedDelivery, status *int, why loan.WebhookFailure) error {
	return tx.execOne(ctx, deliveryGivenUp, d.ID, d.Tries, status, why)
}

// ReplayDeliveries lets all events behind a place be sent to an endpoint, again or for
// the first time, and tells how many.
func (tx *Tx) ReplayDeliveries(ctx context.Context, id loan.WebhookID, place int64, at time.Time) (int64, error) {
	again, err := tx.exec(ctx, replayDeliveries, id, utc(at), place)
	if err != nil {
		return 0, err
	}
	missing, err := tx.exec(ctx, replayMissing, id, utc(at), place)
	return again + missing, err
}

// ResendDeliveries lets events be sent to an endpoint, again or for the first time, and
// tells how many: those that its partner was not told are left out.
func (tx *Tx) ResendDeliveries(ctx context.Context, id loan.WebhookID, events []loan.PartnerEventID, at time.Time) (int64, error) {
	again, err := tx.exec(ctx, resendDeliveries, id, utc(at), keys(tx.dialect, events))
	if err != nil {
		return 0, err
	}
	missing, err := tx.exec(ctx, resendMissing, id, utc(at), keys(tx.dialect, events))
	return again + missing, err
}

// ResendFailed lets all deliveries to an endpoint whose last try failed at an instant or
// later be made anew, and tells how many.
func (tx *Tx) ResendFailed(ctx context.Context, id loan.WebhookID, since, at time.Time) (int64, error) {
	return tx.exec(ctx, resendFailed, id, utc(at), utc(since))
}

// Deliveries lists up to limit deliveries to an endpoint of a partner before a place,
// the latest event first; none where it is another's.
func (q *queries) Deliveries(ctx context.Context, partner loan.PartnerID, id loan.WebhookID, before int64, limit int) ([]*loan.WebhookDelivery, error) {
	var rows []struct {
		deliveryRow
		PartnerID loan.PartnerID `db:"partner_id"`
	}
	err := q.list(ctx, &rows, deliveriesBefore, partner, id, before, limit)
	deliveries := make([]*loan.WebhookDelivery, len(rows))
	for i, row := range rows {
		d := row.delivery(row.PartnerID)
		deliveries[i] = &d
	}
	return deliveries, err
}
