package servicing

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/store"
)

// keyLife is how long an idempotency key is remembered.
const keyLife = 7 * 24 * time.Hour

// ForgetKeys drops the idempotency keys whose time is over, and tells how many.
func (s *Service) ForgetKeys(ctx context.Context, now time.Time) (dropped int64, err error) {
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		dropped, err = tx.ForgetKeys(ctx, now.Add(-keyLife))
		return err
	})
	return dropped, err
}

// eventLife is how long what has happened can be followed from.
const eventLife = 7 * 24 * time.Hour

// ForgetEvents drops the events whose time is over, some in each transaction, and
// tells how many.
func (s *Service) ForgetEvents(ctx context.Context, now time.Time) (dropped int64, err error) {
	for {
		var some int64
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) (err error) {
			some, err = tx.ForgetEvents(ctx, now.Add(-eventLife))
			return err
		})
		dropped += some
		if err != nil || some == 0 {
			return dropped, err
		}
	}
}

// RunReport is a run with what the books say of it from each side.
type RunReport struct {
	store.Run
	store.Totals
}

// Differs tells whether the sides disagree, as far as the run has got.
func (r RunReport) Differs() bool {
	if r.FiledAt == nil {
		return r.EntriesCents != r.PaymentsCents || r.EntriesCents != r.LedgerCents
	}
	return !r.Agree()
}

// ReportRuns tells of the latest runs, at most limit, latest first.
func (s *Service) ReportRuns(ctx context.Context, limit int) ([]RunReport, error) {
	runs, err := s.Store.Books().LatestRuns(ctx, limit)
	if err != nil {
		return nil, err
	}
	reports := make([]RunReport, len(runs))
	for i, run := range runs {
		reports[i].Run = run
		if reports[i].Totals, err = s.Store.Books().TotalsOfRun(ctx, run.CutoffAt); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// Exceptions lists what waits for an operator, oldest first, at most 1,000.
func (s *Service) Exceptions(ctx context.Context) ([]store.Exception, error) {
	return s.Store.Books().OpenExceptions(ctx)
}
