package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	insertPaymentTrace = prepare(`INSERT INTO payment_traces (payment_id, traceparent) VALUES ($1, $2)`)
	tracesOfRun        = prepare(`
SELECT t.payment_id, t.traceparent FROM ach_entries e JOIN payment_traces t ON t.payment_id = e.payment_id
WHERE e.cutoff_at = $1 ORDER BY t.payment_id LIMIT $2`)
)

// PaymentTrace is the trace of the request that made a payment.
type PaymentTrace struct {
	PaymentID   loan.PaymentID `db:"payment_id"`
	Traceparent string         `db:"traceparent"`
}

// InsertPaymentTrace keeps the trace of the request that makes a payment, in the
// transaction that adds the payment.
func (tx *Tx) InsertPaymentTrace(ctx context.Context, t PaymentTrace) error {
	_, err := tx.exec(ctx, insertPaymentTrace, t.PaymentID, t.Traceparent)
	return err
}

// TracesOfRun lists up to limit traces of payments that a run has debited.
func (b Books) TracesOfRun(ctx context.Context, cutoff time.Time, limit int) ([]PaymentTrace, error) {
	var traces []PaymentTrace
	err := b.q.list(ctx, &traces, tracesOfRun, utc(cutoff), limit)
	return traces, err
}
