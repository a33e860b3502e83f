package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const paymentAccountColumns = "id, customer_id, account_type, routing_number, last4, nickname, is_default, added_at, removed_at, blocked_at, debitable_from"

var (
	paymentAccountsOfOwner = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts WHERE customer_id = $1 ORDER BY id`)
	lockPaymentAccount     = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts
WHERE customer_id = $1 AND id = $2 AND removed_at IS NULL {{lock}}`)
	paymentAccountByFingerprint = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts
WHERE customer_id = $1 AND fingerprint {{in bytes $2}} AND removed_at IS NULL`)
	insertPaymentAccount = prepare(`
INSERT INTO payment_accounts (customer_id, account_type, routing_number, last4, number_sealed, fingerprint, nickname, is_default, added_at, debitable_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`)
	clearDefaultPaymentAccount = prepare(`
UPDATE payment_accounts SET is_default = FALSE WHERE customer_id = $1 AND is_default AND removed_at IS NULL`)
	updatePaymentAccount = prepare(`
UPDATE payment_accounts SET nickname = $3, is_default = $4, removed_at = $5
WHERE customer_id = $1 AND id = $2 AND removed_at IS NULL`)
	setDebitable   = prepare(`UPDATE payment_accounts SET debitable_from = $3 WHERE customer_id = $1 AND id = $2`)
	correctAccount = prepare(`
UPDATE payment_accounts SET account_type = $2, routing_number = $3, last4 = $4, number_sealed = $5, fingerprint = $6 WHERE id = $1`)
	sealedAccount      = prepare(`SELECT ` + paymentAccountColumns + `, number_sealed, fingerprint FROM payment_accounts WHERE id = $1 {{lock}}`)
	insertMicroEntries = prepare(`
INSERT INTO micro_entries (payment_account_id, customer_id, first_cents, second_cents)
SELECT id, customer_id, $3, $4 FROM payment_accounts WHERE customer_id = $1 AND id = $2`)
	lockMicroEntries = prepare(`
SELECT payment_account_id, first_cents, second_cents, tries, confirmed_at FROM micro_entries
WHERE customer_id = $1 AND payment_account_id = $2 {{lock}}`)
	updateMicroEntries  = prepare(`UPDATE micro_entries SET tries = $3, confirmed_at = $4 WHERE customer_id = $1 AND payment_account_id = $2`)
	paymentAccountInUse = prepare(`
SELECT EXISTS (SELECT 1 FROM payments WHERE payment_account_id = a.id AND status IN ('SCHEDULED', 'PROCESSING'))
    OR EXISTS (SELECT 1 FROM auto_pays WHERE payment_account_id = a.id AND status <> 'CANCELED')
FROM payment_accounts a WHERE a.customer_id = $1 AND a.id = $2`)
)

// PaymentAccounts lists all bank accounts that a customer ever added, oldest
// first; those that were removed too, because payments still name them.
func (q *queries) PaymentAccounts(ctx context.Context, owner loan.CustomerID) ([]*loan.PaymentAccount, error) {
	var accounts []*loan.PaymentAccount
	err := q.query(ctx, paymentAccountsOfOwner, func(rows *sql.Rows) error {
		a := new(loan.PaymentAccount)
		accounts = append(accounts, a)
		return scan(rows, &a.ID, &a.CustomerID, &a.Type, &a.RoutingNumber, &a.Last4, &a.Nickname, &a.IsDefault, &a.AddedAt, &a.RemovedAt,
			&a.BlockedAt, &a.DebitableFrom)
	}, owner)
	return accounts, err
}

// LockPaymentAccount gets an account that has not been removed and holds it
// until the transaction ends; [ErrNotFound].
func (tx *Tx) LockPaymentAccount(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID) (*loan.PaymentAccount, error) {
	a := new(loan.PaymentAccount)
	if err := tx.get(ctx, a, lockPaymentAccount, owner, id); err != nil {
		return nil, err
	}
	return a, nil
}

// PaymentAccountByFingerprint gets the account with one of these keyed hashes of its
// numbers; [ErrNotFound].
func (q *queries) PaymentAccountByFingerprint(ctx context.Context, owner loan.CustomerID, fingerprints ...[]byte) (*loan.PaymentAccount, error) {
	a := new(loan.PaymentAccount)
	if err := q.get(ctx, a, paymentAccountByFingerprint, owner, byteKeys(q.dialect, fingerprints)); err != nil {
		return nil, err
	}
	return a, nil
}

// InsertPaymentAccount adds a with its sealed number and gives it its id;
// [ErrConflict] where the customer has it already.
func (tx *Tx) InsertPaymentAccount(ctx context.Context, a *loan.PaymentAccount, sealed, fingerprint []byte) error {
	return tx.get(ctx, &a.ID, insertPaymentAccount, a.CustomerID, a.Type, a.RoutingNumber, a.Last4, sealed, fingerprint,
		a.Nickname, a.IsDefault, utc(a.AddedAt), a.DebitableFrom)
}

// ClearDefaultPaymentAccount leaves a customer without a default account.
func (tx *Tx) ClearDefaultPaymentAccount(ctx context.Context, owner loan.CustomerID) error {
	_, err := tx.exec(ctx, clearDefaultPaymentAccount, owner)
	return err
}

// UpdatePaymentAccount writes the nickname of a, whether it is the default, and
// when it was removed; [ErrNotFound] where it has been removed before, which is
// for good.
func (tx *Tx) UpdatePaymentAccount(ctx context.Context, owner loan.CustomerID, a *loan.PaymentAccount) error {
	return tx.execOne(ctx, updatePaymentAccount, owner, a.ID, a.Nickname, a.IsDefault, utcOrNull(a.RemovedAt))
}

func utcOrNull(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := utc(*t)
	return &at
}

// PaymentAccountInUse tells whether a pending payment or Auto Pay draws on an
// account; [ErrNotFound].
func (tx *Tx) PaymentAccountInUse(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID) (bool, error) {
	var inUse bool
	err := tx.get(ctx, &inUse, paymentAccountInUse, owner, id)
	return inUse, err
}

// SetDebitable writes from which day on an account can be debited.
func (tx *Tx) SetDebitable(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID, from loan.Date) error {
	return tx.execOne(ctx, setDebitable, owner, id, from)
}

// SealedAccount is a bank account with its sealed number.
type SealedAccount struct {
	loan.PaymentAccount
	Sealed      []byte `db:"number_sealed"`
	Fingerprint []byte `db:"fingerprint"`
}

// SealedAccount gets an account whoever's it is, and holds it until the
// transaction ends; [ErrNotFound].
func (tx *BooksTx) SealedAccount(ctx context.Context, id loan.PaymentAccountID) (*SealedAccount, error) {
	a := new(SealedAccount)
	return a, tx.get(ctx, a, sealedAccount, id)
}

// CorrectAccount writes the numbers and the kind of an account; [ErrConflict]
// where its owner has another one with these.
func (tx *BooksTx) CorrectAccount(ctx context.Context, a *SealedAccount) error {
	return tx.execOne(ctx, correctAccount, a.ID, a.Type, a.RoutingNumber, a.Last4, a.Sealed, a.Fingerprint)
}

// MicroEntries are the amounts that an account's holder has to tell.
type MicroEntries struct {
	PaymentAccountID loan.PaymentAccountID `db:"payment_account_id"`
	First            loan.Cents            `db:"first_cents"`
	Second           loan.Cents            `db:"second_cents"`
	Tries            int                   `db:"tries"`
	ConfirmedAt      *time.Time            `db:"confirmed_at"`
}

// InsertMicroEntries adds the amounts for an account; [ErrNotFound].
func (tx *Tx) InsertMicroEntries(ctx context.Context, owner loan.CustomerID, m MicroEntries) error {
	return tx.execOne(ctx, insertMicroEntries, owner, m.PaymentAccountID, m.First, m.Second)
}

// LockMicroEntries gets the amounts for an account and holds them until the
// transaction ends; [ErrNotFound].
func (tx *Tx) LockMicroEntries(ctx context.Context, owner loan.CustomerID, id loan.PaymentAccountID) (*MicroEntries, error) {
	m := new(MicroEntries)
	return m, tx.get(ctx, m, lockMicroEntries, owner, id)
}

// UpdateMicroEntries writes the tries, and when the amounts were told.
func (tx *Tx) UpdateMicroEntries(ctx context.Context, owner loan.CustomerID, m *MicroEntries) error {
	return tx.execOne(ctx, updateMicroEntries, owner, m.PaymentAccountID, m.Tries, instant(m.ConfirmedAt))
}
