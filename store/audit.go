package store

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const auditColumns = "customer_id, seq, at, actor, session_id, address, request_id, action, subject, detail, hash"

var (
	lockAuditHeads = prepare(`SELECT customer_id, seq, hash FROM {{locked audit heads of $1 and the owners of $2}}`)
	insertAudits   = prepare(`
INSERT INTO audit (` + auditColumns + `)
SELECT ` + auditColumns + `
FROM {{rows $1: customer_id bigint, seq bigint, at timestamptz, actor text, session_id text, address text, request_id text, action text, subject text, detail text, hash text}}
ORDER BY customer_id, seq`)
	auditOfCustomer = prepare(`
SELECT customer_id, at, actor, session_id, address, request_id, action, subject, detail
FROM audit WHERE customer_id = $1 ORDER BY seq`)
)

// AuditKeys are the keys under which the rows of the audit are chained. They are
// not in the database: who can write there only cannot make a row that fits.
//
// Fingerprints MUST give the hash of parts under each key, the present one first,
// and the same hash for the same parts only. A key MUST stay as long as the rows
// that were written under it.
type AuditKeys interface {
	Fingerprints(parts ...string) [][]byte
}

// errNoAuditKeys is what a store says that was opened to read.
var errNoAuditKeys = errors.New("the store has no key for the audit")

// AuditEntry says who did what, when and from where.
type AuditEntry struct {
	CustomerID loan.CustomerID `db:"customer_id" json:"customer_id"` // whose books; 0 for nobody's
	At         time.Time       `db:"at" json:"at"`
	Actor      string          `db:"actor" json:"actor"`
	SessionID  string          `db:"session_id" json:"session_id"`
	Address    string          `db:"address" json:"address"`
	RequestID  string          `db:"request_id" json:"request_id"`
	Action     string          `db:"action" json:"action"`
	Subject    string          `db:"subject" json:"subject"`
	Detail     string          `db:"detail" json:"detail"` // JSON; never an account number or a secret
}

// AuditHead is the end of a customer's chain: the number of its last row, and the
// hash that goes into the next one.
type AuditHead struct {
	CustomerID loan.CustomerID `db:"customer_id" json:"customer_id"`
	Seq        int64           `db:"seq" json:"seq"`
	Hash       string          `db:"hash" json:"hash"`
}

// hashes are the hash of an entry that comes after a head, under each key.
func (e *AuditEntry) hashes(keys AuditKeys, before AuditHead) []string {
	list := keys.Fingerprints("audit", before.Hash, strconv.FormatInt(before.Seq+1, 10), strconv.FormatInt(int64(e.CustomerID), 10),
		strconv.FormatInt(utc(e.At).UnixMicro(), 10), e.Actor, e.SessionID, e.Address, e.RequestID, e.Action, e.Subject, e.Detail)
	hashes := make([]string, len(list))
	for i, hash := range list {
		hashes[i] = base64.RawStdEncoding.EncodeToString(hash)
	}
	return hashes
}

// InsertAudit adds an entry, in the transaction of what it tells of: it is written
// as the last thing before the commit, and not seen before. See [Store.InTx].
func (tx *Tx) InsertAudit(ctx context.Context, e AuditEntry) error {
	return tx.insertAudits(ctx, []AuditEntry{e})
}

// InsertAudits is InsertAudit for the entries of a process, in their order.
func (tx *BooksTx) InsertAudits(ctx context.Context, entries []AuditEntry) error {
	return tx.insertAudits(ctx, entries)
}

func (tx *Tx) insertAudits(ctx context.Context, entries []AuditEntry) error {
	if tx.auditKeys == nil {
		return errNoAuditKeys
	}
	tx.audits = append(tx.audits, entries...)
	return ctx.Err()
}

// storable makes text one that both engines keep as it is: the hash is of what is
// read back.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// writeLogs writes what a transaction adds to the audit and to the events. The ends
// of the customers' chains are locked last, all at once and in the order of
// customers, so that whoever waits for one holds nothing that its holder still wants.
func (tx *Tx) writeLogs(ctx context.Context) error {
	if len(tx.audits) == 0 && len(tx.events) == 0 { // who tells a partner writes to the audit, too
		return nil
	}
	customers, vehicles := make([]loan.CustomerID, len(tx.audits)), make([]loan.VehicleID, len(tx.events))
	for i, e := range tx.audits {
		customers[i] = e.CustomerID
	}
	for i, e := range tx.events {
		vehicles[i] = e.VehicleID
	}
	var locked []AuditHead
	err := tx.list(ctx, &locked, lockAuditHeads, keys(tx.dialect, distinct(customers)), keys(tx.dialect, distinct(vehicles)))
	if err != nil {
		return err
	}
	tx.locked = locked
	if err := tx.writeAudits(ctx); err != nil {
		return err
	}
	if err := tx.writeEvents(ctx); err != nil {
		return err
	}
	return tx.writePartnerEvents(ctx)
}

func distinct[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// writeAudits writes the entries of a transaction behind those that are there.
func (tx *Tx) writeAudits(ctx context.Context) error {
	heads := make(map[loan.CustomerID]AuditHead, len(tx.locked))
	for _, head := range tx.locked {
		heads[head.CustomerID] = head
	}
	type row struct {
		AuditEntry
		At   string `json:"at"`
		Seq  int64  `json:"seq"`
		Hash string `json:"hash"`
	}
	rows := make([]row, len(tx.audits))
	for i, e := range tx.audits {
		for _, s := range []*string{&e.Actor, &e.SessionID, &e.Address, &e.RequestID, &e.Action, &e.Subject, &e.Detail} {
			*s = storable(*s)
		}
		before := heads[e.CustomerID]
		head := AuditHead{e.CustomerID, before.Seq + 1, e.hashes(tx.auditKeys, before)[0]}
		rows[i] = row{e, text(e.At), head.Seq, head.Hash}
		heads[e.CustomerID] = head
	}
	for some := range slices.Chunk(rows, atOnce) {
		if err := tx.execRows(ctx, insertAudits, some); err != nil {
			return err
		}
	}
	return nil
}

// Audit lists the entries of a customer's books, oldest first.
func (q *queries) Audit(ctx context.Context, customer loan.CustomerID) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := q.list(ctx, &entries, auditOfCustomer, customer)
	return entries, err
}

// fits tells whether a stored hash is one of these.
func fits(hash string, hashes []string) bool {
	return slices.ContainsFunc(hashes, func(h string) bool { return subtle.ConstantTimeCompare([]byte(h), []byte(hash)) == 1 })
}
