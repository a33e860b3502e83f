package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const paymentAccountColumns = "id, customer_id, account_type, routing_number, last4, nickname, is_default, added_at, removed_at, blocked_at"

var (
	paymentAccountsOfOwner = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts WHERE customer_id = $1 ORDER BY id`)
	lockPaymentAccount     = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts
WHERE customer_id = $1 AND id = $2 AND removed_at IS NULL {{lock}}`)
	paymentAccountByFingerprint = prepare(`SELECT ` + paymentAccountColumns + ` FROM payment_accounts
WHERE customer_id = $1 AND fingerprint = $2 AND removed_at IS NULL`)
	insertPaymentAccount = prepare(`
INSERT INTO payment_accounts (customer_id, account_type, routing_number, last4, number_sealed, fingerprint, nickname, is_default, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`)
	clearDefaultPaymentAccount = prepare(`
UPDATE payment_accounts SET is_default = FALSE WHERE customer_id = $1 AND is_default AND removed_at IS NULL`)
	updatePaymentAccount = prepare(`
UPDATE payment_accounts SET nickname = $3, is_default = $4, removed_at = $5
WHERE customer_id = $1 AND id = $2 AND removed_at IS NULL`)
	paymentAccountInUse = prepare(`
SELECT EXISTS (SELECT 1 FROM payments WHERE payment_account_id = $1 AND status IN ('SCHEDULED', 'PROCESSING'))
    OR EXISTS (SELECT 1 FROM auto_pays WHERE payment_account_id = $1 AND status <> 'CANCELED')`)
)

// PaymentAccounts lists all bank accounts that a customer ever added, oldest
// first; those that were removed too, because payments still name them.
func (q *queries) PaymentAccounts(ctx context.Context, owner loan.CustomerID) ([]*loan.PaymentAccount, error) {
	var accounts []*loan.PaymentAccount
	err := q.list(ctx, &accounts, paymentAccountsOfOwner, owner)
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

// PaymentAccountByFingerprint gets the account with this keyed hash of its
// numbers; [ErrNotFound].
func (q *queries) PaymentAccountByFingerprint(ctx context.Context, owner loan.CustomerID, fingerprint []byte) (*loan.PaymentAccount, error) {
	a := new(loan.PaymentAccount)
	if err := q.get(ctx, a, paymentAccountByFingerprint, owner, fingerprint); err != nil {
		return nil, err
	}
	return a, nil
}

// InsertPaymentAccount adds a with its sealed number and gives it its id;
// [ErrConflict] where the customer has it already.
func (tx *Tx) InsertPaymentAccount(ctx context.Context, a *loan.PaymentAccount, sealed, fingerprint []byte) error {
	return tx.get(ctx, &a.ID, insertPaymentAccount, a.CustomerID, a.Type, a.RoutingNumber, a.Last4, sealed, fingerprint,
		a.Nickname, a.IsDefault, utc(a.AddedAt))
}

// ClearDefaultPaymentAccount leaves a customer without a default account.
func (tx *Tx) ClearDefaultPaymentAccount(ctx context.Context, owner loan.CustomerID) error {
	_, err := tx.exec(ctx, clearDefaultPaymentAccount, owner)
	return err
}

// UpdatePaymentAccount writes the nickname of a, whether it is the default, and
// when it was removed; [ErrNotFound] where it has been removed before, which is
// for good.
func (tx *Tx) UpdatePaymentAccount(ctx context.Context, a *loan.PaymentAccount) error {
	return tx.execOne(ctx, updatePaymentAccount, a.CustomerID, a.ID, a.Nickname, a.IsDefault, utcOrNull(a.RemovedAt))
}

func utcOrNull(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := utc(*t)
	return &at
}

// PaymentAccountInUse tells whether a pending payment or Auto Pay draws on an
// account.
func (tx *Tx) PaymentAccountInUse(ctx context.Context, id loan.PaymentAccountID) (bool, error) {
	var inUse bool
	err := tx.get(ctx, &inUse, paymentAccountInUse, id)
	return inUse, err
}
