package store

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	claimKey = prepare(`
INSERT INTO idempotency_keys (customer_id, idempotency_key, request_hash, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING`)
	answeredKey = prepare(`SELECT request_hash, answer FROM idempotency_keys WHERE customer_id = $1 AND idempotency_key = $2`)
	answerKey   = prepare(`UPDATE idempotency_keys SET answer = $3 WHERE customer_id = $1 AND idempotency_key = $2`)
	forgetKeys  = prepare(`DELETE FROM idempotency_keys WHERE created_at < $1`)
)

// Answered is what was stored under an idempotency key.
type Answered struct {
	RequestHash string `db:"request_hash"`
	Answer      string `db:"answer"`
}

// ClaimKey takes an idempotency key for this transaction and returns nil, or
// returns what was answered when it was used before. A transaction that uses the
// same key at the same time is waited for.
func (tx *Tx) ClaimKey(ctx context.Context, owner loan.CustomerID, key, requestHash string, at time.Time) (*Answered, error) {
	claimed, err := tx.exec(ctx, claimKey, owner, key, requestHash, utc(at))
	if err != nil || claimed == 1 {
		return nil, err
	}
	answered := new(Answered)
	err = tx.get(ctx, answered, answeredKey, owner, key)
	if errors.Is(err, ErrNotFound) {
		return nil, errRetry // forgotten just now: next time it is free
	}
	if err != nil {
		return nil, err
	}
	return answered, nil
}

// AnswerKey stores the answer under a key that this transaction claimed.
func (tx *Tx) AnswerKey(ctx context.Context, owner loan.CustomerID, key, answer string) error {
	return tx.execOne(ctx, answerKey, owner, key, answer)
}

// ForgetKeys drops the keys that are older than an instant.
func (tx *BooksTx) ForgetKeys(ctx context.Context, before time.Time) (int64, error) {
	return tx.exec(ctx, forgetKeys, utc(before))
}
