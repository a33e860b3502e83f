package servicing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/store"
)

// overdueAfter is how long after a cut-off its run is complete, unless something is
// wrong: workers look each 30 seconds, and 100,000 payments take 15.
const overdueAfter = 15 * time.Minute

// ErrOverdue says that payments wait which should have been applied, or files that
// should be with the bank.
var ErrOverdue = errors.New("a cut-off run is overdue")

// CheckRuns is [ErrOverdue] where a run should be complete by now and is not, or has
// not even begun.
func (s *Service) CheckRuns(ctx context.Context, now time.Time) error {
	books := s.Store.Books()
	for _, first := range []func(context.Context) (time.Time, error){books.FirstUnfinished, books.FirstDue} {
		cutoff, err := first(ctx)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case now.Sub(cutoff) > overdueAfter:
			return fmt.Errorf("%w: that of %s", ErrOverdue, cutoff.Format(time.RFC3339))
		}
	}
	return nil
}
