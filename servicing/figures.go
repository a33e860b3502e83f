package servicing

import (
	"context"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// Figures are what an operator has to know of the books at any time. An age is zero
// where there is nothing that waits.
type Figures struct {
	Scheduled, Applied int
	// OldestDue is for how long a payment has been due that is not applied.
	OldestDue time.Duration
	// Overdue is for how long a cut-off has been over whose run is not complete,
	// whether it was begun or not.
	Overdue                       time.Duration
	UnfinishedRuns                int
	UnsentFiles, Exceptions       int
	OldestUnsent, OldestException time.Duration
	NoticesWaiting                int
	OldestNotice                  time.Duration
}

// Figures reads them, in one short statement.
func (s *Service) Figures(ctx context.Context, now time.Time) (Figures, error) {
	f, err := s.Store.Books().Figures(ctx)
	if err != nil {
		return Figures{}, err
	}
	age := func(since *store.Instant) time.Duration {
		if since == nil {
			return 0
		}
		return max(now.Sub(since.Time), 0)
	}
	figures := Figures{
		Scheduled: f.Scheduled, Applied: f.Applied, OldestDue: age(f.FirstDueAt), Overdue: age(f.UnfinishedAt), UnfinishedRuns: f.UnfinishedRuns,
		UnsentFiles: f.UnsentFiles, OldestUnsent: age(f.UnsentSince), Exceptions: f.Exceptions, OldestException: age(f.ExceptionsSince),
		NoticesWaiting: f.NoticesWaiting, OldestNotice: age(f.NoticesSince),
	}
	if f.LastRunAt != nil {
		if missed := loan.CutoffsBetween(f.LastRunAt.Time, now); len(missed) > 0 {
			figures.Overdue = max(figures.Overdue, now.Sub(missed[0]))
		}
	}
	return figures, nil
}

// returnDays is over how many days returns are counted: NACHA looks at two months.
const returnDays = 60

// Rate is how many of the debits came back, of those that count in one way.
type Rate struct {
	Returns int
	Limit   int // in basis points of the debits
}

// Check is what is found by going through the whole of the books.
type Check struct {
	Payments map[loan.PaymentStatus]int
	// Debits is how many were sent to the bank in the last 60 days, Returns what came
	// back in these days, by code, and Rates how that counts, by category or OVERALL.
	Debits  int
	Returns map[string]int
	Rates   map[string]Rate
	// Contracts is how many are not what their ledger adds up to (100 are counted at
	// the most), Difference by how many cents in all, and Runs how many of the last 10
	// runs differ from files, ledger or payments.
	Contracts, Runs int
	Difference      loan.Cents
}

const checkedRuns = 10

// CheckBooks goes through the whole of the books. It changes nothing.
func (s *Service) CheckBooks(ctx context.Context, now time.Time) (c Check, err error) {
	books := s.Store.Books()
	if c.Payments, err = books.CountPayments(ctx); err != nil {
		return c, err
	}
	since := loan.DateOf(now).AddDays(-returnDays).At(0)
	var returns map[string]int
	if c.Debits, returns, err = books.CountReturns(ctx, since); err != nil {
		return c, err
	}
	c.countReturns(returns)
	contracts, err := books.OutOfBalance(ctx)
	if err != nil {
		return c, err
	}
	c.Contracts = len(contracts)
	for _, i := range contracts {
		for _, difference := range []loan.Cents{i.Principal, i.Interest, i.Fees, i.Instalments, i.Sum} {
			c.Difference += max(difference, -difference)
		}
	}
	runs, err := s.ReportRuns(ctx, checkedRuns)
	for _, run := range runs {
		if run.Differs() {
			c.Runs++
		}
	}
	return c, err
}

// countReturns sorts returns by how they count. A notice of change is none.
func (c *Check) countReturns(returns map[string]int) {
	const overall = "OVERALL"
	c.Returns = map[string]int{}
	c.Rates = map[string]Rate{
		string(ach.Unauthorized):   {Limit: ach.UnauthorizedLimit},
		string(ach.Administrative): {Limit: ach.AdministrativeLimit},
		overall:                    {Limit: ach.OverallLimit},
	}
	for code, n := range returns {
		if !strings.HasPrefix(code, "R") {
			continue
		}
		c.Returns[code] = n
		action, _ := ach.ActionFor(code)
		for _, category := range []string{string(action.Category), overall} {
			if rate, counts := c.Rates[category]; counts {
				rate.Returns += n
				c.Rates[category] = rate
			}
		}
	}
}
