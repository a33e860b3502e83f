package store

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	secondFactorOf = prepare(`
SELECT f.turned_on_at, (SELECT count(*) FROM recovery_codes r WHERE r.customer_id = f.customer_id AND r.used_at IS NULL) AS recovery_codes_left
FROM second_factors f WHERE f.customer_id = $1 AND f.turned_on_at IS NOT NULL`)
	lockSecret = prepare(`SELECT secret_sealed, turned_on_at, last_step FROM second_factors WHERE customer_id = $1 {{lock}}`)
	putSecret  = prepare(`
INSERT INTO second_factors (customer_id, secret_sealed) VALUES ($1, $2)
ON CONFLICT (customer_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0 WHERE second_factors.turned_on_at IS NULL`)
	updateSecret       = prepare(`UPDATE second_factors SET turned_on_at = $2, last_step = $3 WHERE customer_id = $1`)
	deleteSecret       = prepare(`DELETE FROM second_factors WHERE customer_id = $1`)
	deleteRecoveryCode = prepare(`DELETE FROM recovery_codes WHERE customer_id = $1`)
	insertRecoveryCode = prepare(`
INSERT INTO recovery_codes (customer_id, code_hash) SELECT CAST($2 AS BIGINT), code_hash FROM {{rows $1: code_hash text}}`)
	useRecoveryCode = prepare(`UPDATE recovery_codes SET used_at = $3 WHERE customer_id = $1 AND code_hash = $2 AND used_at IS NULL`)
)

// Secret is the sealed secret of a second factor.
type Secret struct {
	Sealed     []byte     `db:"secret_sealed"`
	TurnedOnAt *time.Time `db:"turned_on_at"` // nil until the first code is confirmed
	LastStep   int64      `db:"last_step"`    // of the code used last
}

// SecondFactor gets a customer's second factor; nil where it is off.
func (q *queries) SecondFactor(ctx context.Context, owner loan.CustomerID) (*loan.SecondFactor, error) {
	f := new(loan.SecondFactor)
	err := q.get(ctx, f, secondFactorOf, owner)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return f, err
}

// LockSecret gets the secret of a customer's second factor, on or not yet, and holds
// it until the transaction ends; [ErrNotFound].
func (tx *Tx) LockSecret(ctx context.Context, owner loan.CustomerID) (Secret, error) {
	var s Secret
	err := tx.get(ctx, &s, lockSecret, owner)
	return s, err
}

// PutSecret keeps a sealed secret that is not in use yet, in place of another such.
// [ErrNotFound] where one is in use.
func (tx *Tx) PutSecret(ctx context.Context, owner loan.CustomerID, sealed []byte) error {
	return tx.execOne(ctx, putSecret, owner, sealed)
}

// UpdateSecret writes since when the second factor is on, and the step of the code
// that was used.
func (tx *Tx) UpdateSecret(ctx context.Context, owner loan.CustomerID, s Secret) error {
	return tx.execOne(ctx, updateSecret, owner, utcOrNull(s.TurnedOnAt), s.LastStep)
}

// DeleteSecondFactor forgets a customer's secret and recovery codes.
func (tx *Tx) DeleteSecondFactor(ctx context.Context, owner loan.CustomerID) error {
	if _, err := tx.exec(ctx, deleteRecoveryCode, owner); err != nil {
		return err
	}
	return tx.execOne(ctx, deleteSecret, owner)
}

// ReplaceRecoveryCodes keeps the hashes of new recovery codes, and forgets the
// earlier ones.
func (tx *Tx) ReplaceRecoveryCodes(ctx context.Context, owner loan.CustomerID, hashes []string) error {
	if _, err := tx.exec(ctx, deleteRecoveryCode, owner); err != nil {
		return err
	}
	type row struct {
		Hash string `json:"code_hash"`
	}
	list := make([]row, len(hashes))
	for i, hash := range hashes {
		list[i] = row{hash}
	}
	return tx.execRows(ctx, insertRecoveryCode, list, owner)
}

// UseRecoveryCode uses up a recovery code; [ErrNotFound] where there is none like it
// left.
func (tx *Tx) UseRecoveryCode(ctx context.Context, owner loan.CustomerID, hash string, at time.Time) error {
	return tx.execOne(ctx, useRecoveryCode, owner, hash, utc(at))
}
