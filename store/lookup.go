package store

import (
	"context"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// mostFound is how many customers a search finds at the most.
const mostFound = 20

var (
	customersByUsername = prepare(`SELECT ` + customerColumns + ` FROM customers WHERE username = $1 AND username <> ''`)
	customersByEmail    = prepare(`SELECT ` + customerColumns + ` FROM customers WHERE LOWER(email) = LOWER(CAST($1 AS TEXT)) AND email <> '' ORDER BY id LIMIT $2`)
	customersByName     = prepare(`
SELECT ` + customerColumns + ` FROM customers
WHERE LOWER(last_name) = LOWER(CAST($1 AS TEXT)) AND id IN (
    SELECT o.customer_id FROM owners o JOIN contracts c ON c.vehicle_id = o.vehicle_id WHERE c.account_number_last4 = $2)
ORDER BY id LIMIT $3`)
	vehiclesByContract = prepare(`
SELECT c.vehicle_id FROM contracts c
WHERE c.account_number_last4 = $2 AND c.vehicle_id IN (
    SELECT o.vehicle_id FROM owners o JOIN customers p ON p.id = o.customer_id WHERE LOWER(p.last_name) = LOWER(CAST($1 AS TEXT)))
ORDER BY c.vehicle_id LIMIT $3`)
	vehicleOwner   = prepare(`SELECT customer_id FROM vehicles WHERE id = $1`)
	seenPayment    = prepare(`SELECT ` + paymentColumns + ` FROM payments WHERE id = $1`)
	representedBy  = prepare(`SELECT id FROM payments WHERE represents = $1`)
	auditOfSubject = prepare(`
SELECT customer_id, at, actor, session_id, address, request_id, action, subject, detail
FROM audit WHERE customer_id = $1 AND subject = $2 ORDER BY seq`)
	sentAs = prepare(`
SELECT e.cutoff_at, COALESCE(e.trace, '') AS trace, e.effective_on, a.id AS account_id, a.account_type, a.last4,
    (SELECT COUNT(*) FROM ach_entries b WHERE b.cutoff_at = e.cutoff_at AND b.id < e.id) AS before
FROM payments p JOIN payment_accounts a ON a.id = p.payment_account_id LEFT JOIN ach_entries e ON e.payment_id = p.id
WHERE p.id = $1`)
	returnsOfPayment = prepare(`
SELECT r.code, r.received_at FROM ach_returns r JOIN ach_entries e ON e.id = r.entry_id WHERE e.payment_id = $1 ORDER BY r.received_at, r.code`)
	fileByName  = prepare(`SELECT ` + fileColumns + ` FROM ach_files WHERE name = $1`)
	latestFiles = prepare(`SELECT ` + fileColumns + ` FROM ach_files ORDER BY cutoff_at DESC, id_modifier < 'A', id_modifier LIMIT $1`)
	runOf       = prepare(`SELECT cutoff_at, applied_at, filed_at, delivered_at, reconciled_at FROM cutoff_runs WHERE cutoff_at = $1`)
)

// CustomersByUsername finds the customer with a username, if any.
func (b Books) CustomersByUsername(ctx context.Context, username string) ([]loan.Customer, error) {
	var list []loan.Customer
	err := b.q.list(ctx, &list, customersByUsername, strings.ToLower(username))
	return list, err
}

// CustomersByEmail finds up to 20 customers with an e-mail address.
func (b Books) CustomersByEmail(ctx context.Context, email string) ([]loan.Customer, error) {
	var list []loan.Customer
	err := b.q.list(ctx, &list, customersByEmail, email, mostFound)
	return list, err
}

// CustomersByContract finds up to 20 customers by their last name and the last four
// digits of the number of a contract of theirs.
func (b Books) CustomersByContract(ctx context.Context, lastName, last4 string) ([]loan.Customer, error) {
	var list []loan.Customer
	err := b.q.list(ctx, &list, customersByName, lastName, last4, mostFound)
	return list, err
}

// VehiclesByContract finds up to 20 vehicles by the last name of an owner and the last
// four digits of the contract's number.
func (b Books) VehiclesByContract(ctx context.Context, lastName, last4 string) ([]loan.VehicleID, error) {
	var ids []loan.VehicleID
	err := b.q.list(ctx, &ids, vehiclesByContract, lastName, last4, mostFound)
	return ids, err
}

// VehicleOwner is the primary borrower of a vehicle; [ErrNotFound].
func (b Books) VehicleOwner(ctx context.Context, id loan.VehicleID) (loan.CustomerID, error) {
	var customer loan.CustomerID
	err := b.q.get(ctx, &customer, vehicleOwner, id)
	return customer, err
}

// SeePayment gets a payment whoever's it is, and holds nothing; [ErrNotFound].
func (b Books) SeePayment(ctx context.Context, id loan.PaymentID) (*loan.Payment, error) {
	p := new(loan.Payment)
	return p, b.q.get(ctx, p, seenPayment, id)
}

// RepresentedBy is the payment that tries a returned one again; [ErrNotFound].
func (b Books) RepresentedBy(ctx context.Context, id loan.PaymentID) (loan.PaymentID, error) {
	var again loan.PaymentID
	err := b.q.get(ctx, &again, representedBy, id)
	return again, err
}

// AuditOf lists the entries about a subject in a customer's books, oldest first.
func (b Books) AuditOf(ctx context.Context, books loan.CustomerID, subject string) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := b.q.list(ctx, &entries, auditOfSubject, books, subject)
	return entries, err
}

// SentAs is from which account a payment is taken, and as which entry it went out.
type SentAs struct {
	AccountID   loan.PaymentAccountID `db:"account_id"`
	AccountType loan.AccountType      `db:"account_type"`
	Last4       string                `db:"last4"`
	CutoffAt    *time.Time            `db:"cutoff_at"` // nil where it has not gone out
	Trace       string                `db:"trace"`     // empty until it is in a file
	EffectiveOn loan.Date             `db:"effective_on"`
	Before      *int                  `db:"before"` // how many entries of the run come before it
}

// SentAs gets how a payment goes out; [ErrNotFound].
func (b Books) SentAs(ctx context.Context, id loan.PaymentID) (SentAs, error) {
	var s SentAs
	err := b.q.get(ctx, &s, sentAs, id)
	return s, err
}

// Returned is what the bank sent back of a payment.
type Returned struct {
	Code       string    `db:"code" json:"code"`
	ReceivedAt time.Time `db:"received_at" json:"receivedAt"`
}

// ReturnsOfPayment lists what the bank sent back of a payment, in order.
func (b Books) ReturnsOfPayment(ctx context.Context, id loan.PaymentID) ([]Returned, error) {
	var list []Returned
	err := b.q.list(ctx, &list, returnsOfPayment, id)
	return list, err
}

// FileByName gets what is known of a file for the bank; [ErrNotFound].
func (b Books) FileByName(ctx context.Context, name string) (File, error) {
	var f File
	err := b.q.get(ctx, &f, fileByName, name)
	return f, err
}

// LatestFiles lists files for the bank, those of the latest run first.
func (b Books) LatestFiles(ctx context.Context, limit int) ([]File, error) {
	var files []File
	err := b.q.list(ctx, &files, latestFiles, limit)
	return files, err
}

// RunOf is how far the run of a cut-off has got; [ErrNotFound] where it was not begun.
func (b Books) RunOf(ctx context.Context, cutoff time.Time) (Run, error) {
	var r Run
	err := b.q.get(ctx, &r, runOf, utc(cutoff))
	return r, err
}
