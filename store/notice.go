package store

import (
	"context"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// addressedNotice reads notices with where they go; what goes to nobody, nowhere.
const addressedNotice = `
SELECT n.id, n.customer_id, n.kind, n.channel, n.address, n.subject, n.detail, n.sealed, n.created_at, n.tries,
    COALESCE(c.first_name, '') AS first_name, COALESCE(c.language, 'en') AS language, ` + noticeGoesTo + ` AS goes_to
FROM notices n LEFT JOIN customers c ON c.id = n.customer_id`

const noticeGoesTo = `CASE WHEN n.kind = 'WEBHOOK_DISABLED' THEN n.address WHEN c.id IS NULL THEN '' WHEN n.address <> '' THEN n.address WHEN n.channel = 'TEXT' THEN c.phone ELSE c.email END`

var (
	insertNotice = prepare(`
INSERT INTO notices (customer_id, kind, channel, address, subject, detail, sealed, created_at, next_try_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`)
	insertNotices = prepare(`
INSERT INTO notices (customer_id, kind, channel, address, subject, detail, created_at, next_try_at)
SELECT customer_id, kind, channel, address, subject, detail, $2, $2
FROM {{rows $1: customer_id bigint, kind text, channel text, address text, subject text, detail text}}`)
	noticesOfCustomer = prepare(`
SELECT customer_id, kind, channel, address, subject, detail, sealed, created_at FROM notices WHERE customer_id = $1 ORDER BY id`)
	noticeWaits     = prepare(`SELECT EXISTS (SELECT 1 FROM notices WHERE next_try_at IS NOT NULL AND next_try_at <= $1)`)
	lockFreeNotice  = prepare(addressedNotice + ` WHERE n.next_try_at <= $1 ORDER BY n.sealed IS NULL, n.next_try_at, n.id LIMIT 1 {{lock a free notice}}`)
	claimNotice     = prepare(`UPDATE notices SET tries = tries + 1, next_try_at = $2 WHERE id = $1`)
	postponeNotice  = prepare(`UPDATE notices SET next_try_at = $3 WHERE id = $1 AND tries = $2 AND next_try_at IS NOT NULL`)
	noticeSent      = prepare(`UPDATE notices SET sent_at = $2, next_try_at = NULL, sealed = NULL WHERE id = $1 AND next_try_at IS NOT NULL`)
	noticeGivenUp   = prepare(`UPDATE notices SET failed_at = $2, next_try_at = NULL, sealed = NULL WHERE id = $1 AND next_try_at IS NOT NULL`)
	latestAddressed = prepare(addressedNotice + ` WHERE (c.id IS NOT NULL OR n.kind = 'WEBHOOK_DISABLED') AND CAST($1 AS TEXT) IN ('', ` + noticeGoesTo + `) ORDER BY n.id DESC LIMIT $2`)
)

// Notice is something that a customer has to be told.
type Notice struct {
	// CustomerID is who is told; 0 is nobody, for whom a notice is written where a
	// customer is not known, so that it takes the same as where one is.
	CustomerID loan.CustomerID `db:"customer_id" json:"customer_id"`
	Kind       loan.NoticeKind `db:"kind" json:"kind"`
	Channel    loan.Channel    `db:"channel" json:"channel"`
	// Address is where it goes; empty for the address that the customer has when it
	// is sent.
	Address   string    `db:"address" json:"address"`
	Subject   string    `db:"subject" json:"subject"` // what it is about
	Detail    string    `db:"detail" json:"detail"`   // JSON, without secrets
	Sealed    []byte    `db:"sealed" json:"-"`        // the one-time code, until it is sent or given up
	CreatedAt time.Time `db:"created_at" json:"-"`
}

// noticeWay is [Notice.Way] in SQL.
const noticeWay = "kind || ':' || channel || ':' || address"

// Way is what a notice is and where it goes: to this its code is bound.
func (n Notice) Way() string { return fmt.Sprintf("%s:%s:%s", n.Kind, n.Channel, n.Address) }

// InsertNotice adds a notice, in the transaction of what it tells of.
func (tx *Tx) InsertNotice(ctx context.Context, n Notice) error {
	_, err := tx.exec(ctx, insertNotice, n.CustomerID, n.Kind, n.Channel, n.Address, n.Subject, n.Detail, n.Sealed, utc(n.CreatedAt))
	return err
}

// InsertNotices adds notices without codes, in the transaction of what they tell of.
func (tx *Tx) InsertNotices(ctx context.Context, notices []Notice, at time.Time) error {
	if len(notices) == 0 {
		return nil
	}
	return tx.execRows(ctx, insertNotices, notices, utc(at))
}

// Notices lists the notices of a customer, in order.
func (q *queries) Notices(ctx context.Context, customer loan.CustomerID) ([]Notice, error) {
	var notices []Notice
	err := q.list(ctx, &notices, noticesOfCustomer, customer)
	return notices, err
}

// AddressedNotice is a notice on its way.
type AddressedNotice struct {
	Notice
	ID        int64         `db:"id"`
	Tries     int           `db:"tries"` // this one included
	FirstName string        `db:"first_name"`
	Language  loan.Language `db:"language"`
	GoesTo    string        `db:"goes_to"` // empty where there is nobody, or no address
}

// NoticeWaits tells whether a notice is to be sent by now. It only reads.
func (b Books) NoticeWaits(ctx context.Context, now time.Time) (bool, error) {
	var waits bool
	err := b.q.get(ctx, &waits, noticeWaits, utc(now))
	return waits, err
}

// ClaimNotice takes a notice that is to be sent by now, and keeps it from others
// until an instant: codes first, and then what has waited longest. [ErrNotFound]
// where there is none.
func (tx *BooksTx) ClaimNotice(ctx context.Context, now, until time.Time) (*AddressedNotice, error) {
	n := new(AddressedNotice)
	if err := tx.get(ctx, n, lockFreeNotice, utc(now)); err != nil {
		return nil, err
	}
	n.Tries++
	return n, tx.execOne(ctx, claimNotice, n.ID, utc(until))
}

// PostponeNotice lets a notice that could not be sent wait until an instant;
// [ErrNotFound] where somebody else has taken it since.
func (tx *BooksTx) PostponeNotice(ctx context.Context, n *AddressedNotice, until time.Time) error {
	return tx.execOne(ctx, postponeNotice, n.ID, n.Tries, utc(until))
}

// NoticeSent writes that a notice is sent, and forgets its code; [ErrNotFound]
// where it has been written before.
func (tx *BooksTx) NoticeSent(ctx context.Context, n *AddressedNotice, at time.Time) error {
	return tx.execOne(ctx, noticeSent, n.ID, utc(at))
}

// NoticeGivenUp writes that a notice will not be sent, and forgets its code;
// [ErrNotFound] where it was sent or given up before.
func (tx *BooksTx) NoticeGivenUp(ctx context.Context, n *AddressedNotice, at time.Time) error {
	return tx.execOne(ctx, noticeGivenUp, n.ID, utc(at))
}

// LatestNotices lists up to limit notices to an address, or to all where it is
// empty, latest first. Those to nobody are not among them.
func (b Books) LatestNotices(ctx context.Context, to string, limit int) ([]AddressedNotice, error) {
	var notices []AddressedNotice
	err := b.q.list(ctx, &notices, latestAddressed, to, limit)
	return notices, err
}
