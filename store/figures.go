package store

import (
	"context"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	// Each part is a count of few rows, or the first of an index: it is read every few
	// seconds, however long the books are.
	figures = prepare(`
SELECT (SELECT COUNT(*) FROM payments WHERE status = 'SCHEDULED') AS scheduled,
    (SELECT COUNT(*) FROM payments WHERE status = 'APPLIED') AS applied,
    (SELECT MIN(cancel_by) FROM payments WHERE status = 'SCHEDULED') AS first_due_at,
    (SELECT MAX(cutoff_at) FROM cutoff_runs WHERE reconciled_at IS NOT NULL) AS last_run_at,
    (SELECT COUNT(*) FROM cutoff_runs WHERE reconciled_at IS NULL) AS unfinished_runs,
    (SELECT MIN(cutoff_at) FROM cutoff_runs WHERE reconciled_at IS NULL) AS unfinished_at,
    (SELECT COUNT(*) FROM ach_files WHERE delivered_at IS NULL) AS unsent_files,
    (SELECT MIN(created_at) FROM ach_files WHERE delivered_at IS NULL) AS unsent_since,
    (SELECT COUNT(*) FROM exceptions WHERE resolved_at IS NULL) AS exceptions,
    (SELECT MIN(created_at) FROM exceptions WHERE resolved_at IS NULL) AS exceptions_since,
    (SELECT COUNT(*) FROM notices WHERE next_try_at IS NOT NULL) AS notices_waiting,
    (SELECT MIN(created_at) FROM notices WHERE next_try_at IS NOT NULL) AS notices_since`)
	// These go through long lists.
	paymentsByStatus = prepare(`SELECT status AS key, COUNT(*) AS n FROM payments GROUP BY status`)
	returnsSince     = prepare(`
SELECT r.code AS key, COUNT(*) AS n FROM ach_returns r JOIN ach_entries e ON e.id = r.entry_id
WHERE r.received_at >= $1 AND e.kind = 'DEBIT' GROUP BY r.code`)
	debitsSince = prepare(`SELECT COUNT(*) FROM ach_entries WHERE cutoff_at >= $1 AND kind = 'DEBIT' AND trace IS NOT NULL`)
)

// Figures are what an operator has to know of the books at any time. An instant is that
// of the earliest, nil where there is none.
type Figures struct {
	Scheduled       int      `db:"scheduled"`
	Applied         int      `db:"applied"`
	FirstDueAt      *Instant `db:"first_due_at"` // when the first scheduled payment is to be applied
	LastRunAt       *Instant `db:"last_run_at"`  // the latest cut-off whose run is complete
	UnfinishedRuns  int      `db:"unfinished_runs"`
	UnfinishedAt    *Instant `db:"unfinished_at"`
	UnsentFiles     int      `db:"unsent_files"`
	UnsentSince     *Instant `db:"unsent_since"`
	Exceptions      int      `db:"exceptions"`
	ExceptionsSince *Instant `db:"exceptions_since"`
	NoticesWaiting  int      `db:"notices_waiting"`
	NoticesSince    *Instant `db:"notices_since"`
}

// Instant is one that SQL has worked out: SQLite answers it as text.
type Instant struct{ time.Time }

// Scan implements sql.Scanner.
func (i *Instant) Scan(value any) (err error) {
	switch value := value.(type) {
	case time.Time:
		i.Time = value.UTC()
	case string:
		i.Time, err = time.Parse("2006-01-02 15:04:05.999999999-07:00", value)
		i.Time = i.UTC()
	default:
		err = fmt.Errorf("an instant is no %T", value)
	}
	return err
}

// Figures reads them.
func (b Books) Figures(ctx context.Context) (Figures, error) {
	var f Figures
	err := b.q.get(ctx, &f, figures)
	return f, err
}

// counted is how many there are of something.
type counted struct {
	Key string `db:"key"`
	N   int    `db:"n"`
}

func (b Books) counts(ctx context.Context, s statement, args ...any) (map[string]int, error) {
	var list []counted
	err := b.q.list(ctx, &list, s, args...)
	counts := make(map[string]int, len(list))
	for _, c := range list {
		counts[c.Key] = c.N
	}
	return counts, err
}

// CountPayments counts all payments by their status. It reads them all.
func (b Books) CountPayments(ctx context.Context) (map[loan.PaymentStatus]int, error) {
	counts, err := b.counts(ctx, paymentsByStatus)
	byStatus := make(map[loan.PaymentStatus]int, len(counts))
	for status, n := range counts {
		byStatus[loan.PaymentStatus(status)] = n
	}
	return byStatus, err
}

// CountReturns counts the debits that were sent to the bank since an instant, and, by
// code, what came back of debits since then.
func (b Books) CountReturns(ctx context.Context, since time.Time) (debits int, returns map[string]int, err error) {
	if err = b.q.get(ctx, &debits, debitsSince, utc(since)); err != nil {
		return 0, nil, err
	}
	returns, err = b.counts(ctx, returnsSince, utc(since))
	return debits, returns, err
}
