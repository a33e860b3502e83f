package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	entryByTrace = prepare(`
SELECT e.id, e.kind, e.payment_id, e.payment_account_id, e.amount_cents, COALESCE(p.vehicle_id, 0) AS vehicle_id, e.customer_id, e.effective_on,
    e.account_owner, e.fingerprint, COALESCE(a.last4, '') AS account_last4
FROM ach_entries e LEFT JOIN payments p ON p.id = e.payment_id LEFT JOIN payment_accounts a ON a.id = e.payment_account_id
WHERE e.trace = $1 ORDER BY e.id DESC LIMIT 1`)
	entryOfPayment  = prepare(`SELECT cutoff_at, trace FROM ach_entries WHERE payment_id = $1 AND trace IS NOT NULL`)
	paymentByNumber = prepare(`SELECT id FROM payments WHERE confirmation_number = $1`)
	claimReturn     = prepare(`
INSERT INTO ach_returns (entry_id, trace, code, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`)
	returnPayment = prepare(`
UPDATE payments SET status = 'RETURNED', returned_at = $2, return_code = $3 WHERE id = $1 AND status IN ('APPLIED', 'SETTLED')`)
	paymentByID     = prepare(`SELECT ` + paymentColumns + ` FROM payments WHERE id = $1 {{lock}}`)
	blockAccount    = prepare(`UPDATE payment_accounts SET blocked_at = $3, block_code = $4 WHERE customer_id = $1 AND id = $2 AND blocked_at IS NULL`)
	cancelOnAccount = prepare(`
UPDATE payments SET status = 'CANCELED', canceled_at = $2 WHERE payment_account_id = $1 AND status = 'SCHEDULED'
RETURNING id, customer_id, vehicle_id`)
	autoPaysOnAccount = prepare(`
UPDATE auto_pays SET status = $3, changed_at = $2 WHERE payment_account_id = $1 AND status IN ('ACTIVE', 'PAUSED') AND status <> $3
RETURNING id, customer_id, vehicle_id`)
)

// SentEntry is an entry that was sent, with the payment that it is for.
type SentEntry struct {
	ID               int64                 `db:"id"`
	Kind             EntryKind             `db:"kind"`
	PaymentID        *loan.PaymentID       `db:"payment_id"` // of a debit
	PaymentAccountID loan.PaymentAccountID `db:"payment_account_id"`
	Amount           loan.Cents            `db:"amount_cents"`
	VehicleID        loan.VehicleID        `db:"vehicle_id"` // of a debit
	AccountOwner     loan.CustomerID       `db:"account_owner"`
	AccountLast4     string                `db:"account_last4"`
	Fingerprint      []byte                `db:"fingerprint"`
	CustomerID       loan.CustomerID       `db:"customer_id"`
	EffectiveOn      loan.Date             `db:"effective_on"`
}

// EntryByTrace gets the latest entry with a trace number; [ErrNotFound].
func (b Books) EntryByTrace(ctx context.Context, trace string) (SentEntry, error) {
	var e SentEntry
	err := b.q.get(ctx, &e, entryByTrace, trace)
	return e, err
}

// EntryOfPayment is the run and the trace number with which a payment was sent;
// [ErrNotFound] where it was not.
func (b Books) EntryOfPayment(ctx context.Context, id loan.PaymentID) (cutoff time.Time, trace string, err error) {
	var e struct {
		CutoffAt time.Time `db:"cutoff_at"`
		Trace    string    `db:"trace"`
	}
	err = b.q.get(ctx, &e, entryOfPayment, id)
	return e.CutoffAt, e.Trace, err
}

// PaymentByConfirmation is the payment with a confirmation number; [ErrNotFound].
func (b Books) PaymentByConfirmation(ctx context.Context, number string) (loan.PaymentID, error) {
	var id loan.PaymentID
	err := b.q.get(ctx, &id, paymentByNumber, number)
	return id, err
}

// ClaimReturn takes a return of a debit for this transaction; false where it has
// been taken before.
func (tx *BooksTx) ClaimReturn(ctx context.Context, e SentEntry, trace, code string, at time.Time) (bool, error) {
	claimed, err := tx.exec(ctx, claimReturn, e.ID, trace, code, utc(at))
	return claimed == 1, err
}

// AnyPayment gets a payment whoever's it is, and holds it until the transaction
// ends; [ErrNotFound].
func (tx *BooksTx) AnyPayment(ctx context.Context, id loan.PaymentID) (*loan.Payment, error) {
	p := new(loan.Payment)
	return p, tx.get(ctx, p, paymentByID, id)
}

// ReturnPayment makes an applied payment a returned one; [ErrNotFound] where it is
// in another state.
func (tx *BooksTx) ReturnPayment(ctx context.Context, id loan.PaymentID, code string, at time.Time) error {
	return tx.execOne(ctx, returnPayment, id, utc(at), code)
}

// BlockAccount ends debits from an account; false where they had ended before.
func (tx *Tx) BlockAccount(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID, code string, at time.Time) (bool, error) {
	blocked, err := tx.exec(ctx, blockAccount, owner, id, utc(at), code)
	return blocked == 1, err
}

// Changed is a row that a statement changed, and whose books it is in.
type Changed[ID ~int64] struct {
	ID         ID              `db:"id"`
	CustomerID loan.CustomerID `db:"customer_id"`
	VehicleID  loan.VehicleID  `db:"vehicle_id"`
}

// Event is what has happened to the row.
func (c Changed[ID]) Event(kind loan.EventKind, at time.Time) Event {
	return Event{CustomerID: c.CustomerID, VehicleID: c.VehicleID, At: at, Kind: kind, SubjectID: int64(c.ID)}
}

// CancelOnAccount cancels what is scheduled on an account.
func (tx *BooksTx) CancelOnAccount(ctx context.Context, id loan.PaymentAccountID, at time.Time) ([]Changed[loan.PaymentID], error) {
	var changed []Changed[loan.PaymentID]
	err := tx.list(ctx, &changed, cancelOnAccount, id, utc(at))
	return changed, err
}

// AutoPaysOnAccount pauses or ends the Auto Pays that draw on an account.
func (tx *BooksTx) AutoPaysOnAccount(ctx context.Context, id loan.PaymentAccountID, status loan.AutoPayStatus, at time.Time) ([]Changed[loan.AutoPayID], error) {
	var changed []Changed[loan.AutoPayID]
	err := tx.list(ctx, &changed, autoPaysOnAccount, id, utc(at), status)
	return changed, err
}
