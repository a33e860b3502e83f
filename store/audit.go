package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	insertAudit = prepare(`
INSERT INTO audit (customer_id, at, actor, session_id, address, request_id, action, subject, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	auditOfCustomer = prepare(`
SELECT customer_id, at, actor, session_id, address, request_id, action, subject, detail
FROM audit WHERE customer_id = $1 ORDER BY id`)
)

// AuditEntry says who did what, when and from where.
type AuditEntry struct {
	CustomerID loan.CustomerID `db:"customer_id"` // whose books
	At         time.Time       `db:"at"`
	Actor      string          `db:"actor"`
	SessionID  string          `db:"session_id"`
	Address    string          `db:"address"`
	RequestID  string          `db:"request_id"`
	Action     string          `db:"action"`
	Subject    string          `db:"subject"`
	Detail     string          `db:"detail"` // JSON; never an account number or a secret
}

// InsertAudit adds an entry, in the transaction of what it tells of.
func (tx *Tx) InsertAudit(ctx context.Context, e AuditEntry) error {
	_, err := tx.exec(ctx, insertAudit, e.CustomerID, utc(e.At), e.Actor, e.SessionID, e.Address, e.RequestID, e.Action, e.Subject, e.Detail)
	return err
}

// Audit lists the entries of a customer's books, oldest first.
func (q *queries) Audit(ctx context.Context, customer loan.CustomerID) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := q.list(ctx, &entries, auditOfCustomer, customer)
	return entries, err
}
