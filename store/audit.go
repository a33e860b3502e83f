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
	insertAudits = prepare(`
INSERT INTO audit (customer_id, at, actor, session_id, address, request_id, action, subject, detail)
SELECT customer_id, $2, actor, '', '', '', action, subject, detail
FROM {{rows $1: customer_id bigint, actor text, action text, subject text, detail text, n bigint}} ORDER BY n`)
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

// InsertAudits adds entries of a process, which have no session, address or
// request, in their order.
func (tx *BooksTx) InsertAudits(ctx context.Context, entries []AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	type row struct {
		N          int             `json:"n"`
		CustomerID loan.CustomerID `json:"customer_id"`
		Actor      string          `json:"actor"`
		Action     string          `json:"action"`
		Subject    string          `json:"subject"`
		Detail     string          `json:"detail"`
	}
	list := make([]row, len(entries))
	for i, e := range entries {
		list[i] = row{i, e.CustomerID, e.Actor, e.Action, e.Subject, e.Detail}
	}
	return tx.execRows(ctx, insertAudits, list, utc(entries[0].At))
}

// Audit lists the entries of a customer's books, oldest first.
func (q *queries) Audit(ctx context.Context, customer loan.CustomerID) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := q.list(ctx, &entries, auditOfCustomer, customer)
	return entries, err
}
