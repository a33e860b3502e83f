package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const fileColumns = "cutoff_at, id_modifier, name, sha256, entries, total_cents, created_at, delivered_at"

var (
	lastCutoff = prepare(`SELECT cutoff_at FROM cutoff_runs WHERE reconciled_at IS NOT NULL ORDER BY cutoff_at DESC LIMIT 1`)
	firstDue   = prepare(`SELECT cancel_by FROM payments WHERE status = 'SCHEDULED' ORDER BY cancel_by LIMIT 1`)
	startRun   = prepare(`INSERT INTO cutoff_runs (cutoff_at) VALUES ($1) ON CONFLICT DO NOTHING`)
	lockRun    = prepare(`SELECT cutoff_at, applied_at, filed_at, delivered_at, reconciled_at FROM cutoff_runs WHERE cutoff_at = $1 {{lock}}`)
	updateRun  = prepare(`UPDATE cutoff_runs SET applied_at = $2, filed_at = $3, delivered_at = $4, reconciled_at = $5 WHERE cutoff_at = $1`)

	duePayments = prepare(`SELECT ` + paymentColumns + ` FROM payments
WHERE status = 'SCHEDULED' AND cancel_by <= $1 ORDER BY cancel_by, vehicle_id, id LIMIT $2 {{lock}}`)
	applyPayments = prepare(`
UPDATE payments SET status = r.status, applied_cents = r.applied_cents, settles_on = r.settles_on,
    applied_at = CASE r.status WHEN 'APPLIED' THEN $2 ELSE applied_at END,
    canceled_at = CASE r.status WHEN 'CANCELED' THEN $2 ELSE canceled_at END
FROM {{rows $1: id bigint, status text, applied_cents bigint, settles_on date}}
WHERE payments.id = r.id AND payments.status = 'SCHEDULED'`)
	settlePayments = prepare(`
UPDATE payments SET status = 'SETTLED'
WHERE status = 'APPLIED' AND id IN (SELECT id FROM payments WHERE status = 'APPLIED' AND settles_on <= $1 LIMIT $2)
RETURNING id, customer_id, vehicle_id`)

	insertEntries = prepare(`
INSERT INTO ach_entries (customer_id, kind, payment_id, payment_account_id, amount_cents, recurring, cutoff_at, effective_on,
    account_type, routing_number, number_sealed, fingerprint, account_owner, name)
SELECT r.customer_id, 'DEBIT', r.payment_id, r.payment_account_id, r.amount_cents, r.recurring, $2, r.effective_on,
    a.account_type, a.routing_number, a.number_sealed, a.fingerprint, a.customer_id, c.first_name || ' ' || c.last_name
FROM {{rows $1: customer_id bigint, payment_id bigint, payment_account_id bigint, amount_cents bigint, recurring boolean, effective_on date, n bigint}}
JOIN payment_accounts a ON a.id = r.payment_account_id
JOIN customers c ON c.id = a.customer_id
ORDER BY r.n`)
	insertAccountEntry = prepare(`
INSERT INTO ach_entries (customer_id, kind, payment_account_id, amount_cents, recurring,
    account_type, routing_number, number_sealed, fingerprint, account_owner, name)
SELECT a.customer_id, $3, a.id, $4, FALSE, a.account_type, a.routing_number, a.number_sealed, a.fingerprint, a.customer_id, c.first_name || ' ' || c.last_name
FROM payment_accounts a JOIN customers c ON c.id = a.customer_id
WHERE a.customer_id = $1 AND a.id = $2`)
	takeWaitingEntries = prepare(`UPDATE ach_entries SET cutoff_at = $1, effective_on = $2 WHERE cutoff_at IS NULL`)
	delayDebits        = prepare(`
UPDATE payment_accounts SET debitable_from = $2
WHERE debitable_from < $2 AND id IN (SELECT payment_account_id FROM ach_entries WHERE cutoff_at = $1 AND kind = 'PRENOTE')`)
	entriesOfRun = prepare(`
SELECT id, kind, payment_id, amount_cents, recurring, effective_on, account_type, routing_number, number_sealed, fingerprint, account_owner, name
FROM ach_entries WHERE cutoff_at = $1 AND id > $2 ORDER BY id LIMIT $3`)
	traceEntries = prepare(`
UPDATE ach_entries SET trace = r.trace FROM {{rows $1: id bigint, trace text}} WHERE ach_entries.id = r.id`)
	insertFile = prepare(`
INSERT INTO ach_files (cutoff_at, id_modifier, name, sha256, entries, total_cents, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	filesOfRun = prepare(`
SELECT ` + fileColumns + ` FROM ach_files
WHERE cutoff_at = $1 ORDER BY id_modifier < 'A', id_modifier`)  // letters first, as they are given out
	filesMade    = prepare(`SELECT COUNT(*) FROM ach_files WHERE created_at >= $1 AND created_at < $2`)
	deliverFiles = prepare(`UPDATE ach_files SET delivered_at = $2 WHERE cutoff_at = $1 AND delivered_at IS NULL`)
	runTotals    = prepare(`
SELECT
  (SELECT CAST(COALESCE(SUM(amount_cents), 0) AS BIGINT) FROM ach_entries WHERE cutoff_at = $1 AND kind = 'DEBIT') AS entries_cents,
  (SELECT COUNT(*) FROM ach_entries WHERE cutoff_at = $1) AS entries,
  (SELECT CAST(COALESCE(SUM(p.applied_cents), 0) AS BIGINT) FROM ach_entries e JOIN payments p ON p.id = e.payment_id WHERE e.cutoff_at = $1) AS payments_cents,
  (SELECT CAST(COALESCE(SUM(l.cash_cents), 0) AS BIGINT) FROM ach_entries e JOIN ledger l ON l.payment_id = e.payment_id AND l.kind = 'PAYMENT'
   WHERE e.cutoff_at = $1) AS ledger_cents,
  (SELECT CAST(COALESCE(SUM(total_cents), 0) AS BIGINT) FROM ach_files WHERE cutoff_at = $1) AS file_cents,
  (SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM ach_files WHERE cutoff_at = $1) AS file_entries`)
)

// Run is a cut-off and how far its run has got; a step that is not done is nil.
type Run struct {
	CutoffAt     time.Time  `db:"cutoff_at"`
	AppliedAt    *time.Time `db:"applied_at"`
	FiledAt      *time.Time `db:"filed_at"`
	DeliveredAt  *time.Time `db:"delivered_at"`
	ReconciledAt *time.Time `db:"reconciled_at"`
}

// LastCutoff is the latest cut-off whose run is complete; [ErrNotFound] where
// there was none yet.
func (b Books) LastCutoff(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := b.q.get(ctx, &at, lastCutoff)
	return at, err
}

// FirstDue is the earliest cut-off of a payment that is scheduled; [ErrNotFound]
// where none is.
func (b Books) FirstDue(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := b.q.get(ctx, &at, firstDue)
	return at, err
}

// LockRun gets the run of a cut-off, begun now where it was not, and holds it
// until the transaction ends: of two processes only one is in a run at a time.
func (tx *BooksTx) LockRun(ctx context.Context, cutoff time.Time) (*Run, error) {
	if _, err := tx.exec(ctx, startRun, utc(cutoff)); err != nil {
		return nil, err
	}
	run := new(Run)
	return run, tx.get(ctx, run, lockRun, utc(cutoff))
}

// UpdateRun writes how far a run has got.
func (tx *BooksTx) UpdateRun(ctx context.Context, r *Run) error {
	return tx.execOne(ctx, updateRun, utc(r.CutoffAt), instant(r.AppliedAt), instant(r.FiledAt), instant(r.DeliveredAt), instant(r.ReconciledAt))
}

// instant is an optional instant as it enters the database.
func instant(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	u := utc(*at)
	return &u
}

// DuePayments lists up to limit payments that are scheduled and whose cut-off has
// come, earliest first, and holds them until the transaction ends.
func (tx *BooksTx) DuePayments(ctx context.Context, cutoff time.Time, limit int) ([]loan.Payment, error) {
	return tx.payments(ctx, duePayments, utc(cutoff), limit)
}

// AppliedPayment is what a run makes of a payment.
type AppliedPayment struct {
	ID        loan.PaymentID     `json:"id"`
	Status    loan.PaymentStatus `json:"status"` // APPLIED, or CANCELED where nothing was owed
	Applied   loan.Cents         `json:"applied_cents"`
	SettlesOn *loan.Date         `json:"settles_on"`
}

// ApplyPayments writes what a run made of payments that it holds.
func (tx *BooksTx) ApplyPayments(ctx context.Context, payments []AppliedPayment, at time.Time) error {
	return tx.execRows(ctx, applyPayments, payments, utc(at))
}

// atOnce is how many rows a statement changes where a run has many more: what it
// takes stays far from the time that a statement has.
const atOnce = 20_000

// SettlePayments settles up to limit payments whose time of ordinary returns is over.
func (tx *BooksTx) SettlePayments(ctx context.Context, today loan.Date, limit int) ([]Changed[loan.PaymentID], error) {
	var settled []Changed[loan.PaymentID]
	err := tx.list(ctx, &settled, settlePayments, today, limit)
	return settled, err
}

// NewEntry is a debit that the bank is to be asked for.
type NewEntry struct {
	N                int                   `json:"n"`
	CustomerID       loan.CustomerID       `json:"customer_id"`
	PaymentID        loan.PaymentID        `json:"payment_id"`
	PaymentAccountID loan.PaymentAccountID `json:"payment_account_id"`
	Amount           loan.Cents            `json:"amount_cents"`
	Recurring        bool                  `json:"recurring"`
	EffectiveOn      loan.Date             `json:"effective_on"`
}

// InsertEntries adds the debits of a run, in their order.
func (tx *BooksTx) InsertEntries(ctx context.Context, cutoff time.Time, entries []NewEntry) error {
	return tx.execRows(ctx, insertEntries, entries, utc(cutoff))
}

// EntryKind is what an entry does.
type EntryKind string

// The kinds of entries.
const (
	DebitEntry   EntryKind = "DEBIT"
	PrenoteEntry EntryKind = "PRENOTE"
	MicroEntry   EntryKind = "MICRO_ENTRY"
)

// InsertAccountEntry adds an entry that validates an account; the next run takes
// it. [ErrNotFound].
func (tx *Tx) InsertAccountEntry(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID, kind EntryKind, amount loan.Cents) error {
	return tx.execOne(ctx, insertAccountEntry, owner, id, kind, amount)
}

// TakeWaitingEntries puts the entries that wait for a run into one. An account
// whose prenote goes out later than was thought can be debited later.
func (tx *BooksTx) TakeWaitingEntries(ctx context.Context, cutoff time.Time, effectiveOn, debitableFrom loan.Date) error {
	taken, err := tx.exec(ctx, takeWaitingEntries, utc(cutoff), effectiveOn)
	if err != nil || taken == 0 {
		return err
	}
	_, err = tx.exec(ctx, delayDebits, utc(cutoff), debitableFrom)
	return err
}

// Entry is what the bank is asked for, with the account as it is sent.
type Entry struct {
	ID            int64
	Kind          EntryKind
	PaymentID     *loan.PaymentID
	Amount        loan.Cents
	Recurring     bool
	EffectiveOn   loan.Date
	AccountType   loan.AccountType
	RoutingNumber string
	Sealed        []byte
	Fingerprint   []byte
	AccountOwner  loan.CustomerID
	Name          string
}

// EntriesOfRun lists up to limit entries of a run after one, by id.
func (b Books) EntriesOfRun(ctx context.Context, cutoff time.Time, after int64, limit int) ([]Entry, error) {
	var entries []Entry
	err := b.q.query(ctx, entriesOfRun, func(rows *sql.Rows) error {
		var e Entry
		err := scan(rows, &e.ID, &e.Kind, &e.PaymentID, &e.Amount, &e.Recurring, &e.EffectiveOn, &e.AccountType, &e.RoutingNumber,
			&e.Sealed, &e.Fingerprint, &e.AccountOwner, &e.Name)
		entries = append(entries, e)
		return err
	}, utc(cutoff), after, limit)
	return entries, err
}

// Traced is the trace number of an entry.
type Traced struct {
	ID    int64  `json:"id"`
	Trace string `json:"trace"`
}

// TraceEntries writes the trace numbers under which entries are in a file.
func (tx *BooksTx) TraceEntries(ctx context.Context, traced []Traced) error {
	for some := range slices.Chunk(traced, atOnce) {
		if err := tx.execRows(ctx, traceEntries, some); err != nil {
			return err
		}
	}
	return nil
}

// File is what is known of a file for the bank. Its bytes are made anew from the
// entries whenever they are needed, because they hold full account numbers.
type File struct {
	CutoffAt    time.Time  `db:"cutoff_at"`
	IDModifier  string     `db:"id_modifier"`
	Name        string     `db:"name"`
	SHA256      string     `db:"sha256"`
	Entries     int        `db:"entries"`
	Total       loan.Cents `db:"total_cents"`
	CreatedAt   time.Time  `db:"created_at"`
	DeliveredAt *time.Time `db:"delivered_at"`
}

// InsertFile adds a file of a run.
func (tx *BooksTx) InsertFile(ctx context.Context, f File) error {
	_, err := tx.exec(ctx, insertFile, utc(f.CutoffAt), f.IDModifier, f.Name, f.SHA256, f.Entries, f.Total, utc(f.CreatedAt))
	return err
}

// FilesMade counts the files that were made from one instant on and before another.
func (b Books) FilesMade(ctx context.Context, from, until time.Time) (int, error) {
	var n int
	err := b.q.get(ctx, &n, filesMade, utc(from), utc(until))
	return n, err
}

// FilesOfRun lists the files of a run; none where nothing was to be debited.
func (b Books) FilesOfRun(ctx context.Context, cutoff time.Time) ([]File, error) {
	var files []File
	err := b.q.list(ctx, &files, filesOfRun, utc(cutoff))
	return files, err
}

// DeliverFiles writes that the files of a run are safely out.
func (tx *BooksTx) DeliverFiles(ctx context.Context, cutoff, at time.Time) error {
	_, err := tx.exec(ctx, deliverFiles, utc(cutoff), utc(at))
	return err
}

// Totals are what the books say of a run, from each side.
type Totals struct {
	Entries       int        `db:"entries"`
	EntriesCents  loan.Cents `db:"entries_cents"`
	PaymentsCents loan.Cents `db:"payments_cents"`
	LedgerCents   loan.Cents `db:"ledger_cents"`
	FileCents     loan.Cents `db:"file_cents"`
	FileEntries   int        `db:"file_entries"`
}

// Agree tells whether all sides say the same.
func (t Totals) Agree() bool {
	return t.EntriesCents == t.PaymentsCents && t.EntriesCents == t.LedgerCents && t.EntriesCents == t.FileCents && t.Entries == t.FileEntries
}

// TotalsOfRun adds up what a run has done.
func (b Books) TotalsOfRun(ctx context.Context, cutoff time.Time) (Totals, error) {
	var t Totals
	err := b.q.get(ctx, &t, runTotals, utc(cutoff))
	return t, err
}
