package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// The figures count what waits, and tell since when; of empty books there are none.
func TestFigures(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		got, err := b.Books().Figures(t.Context())
		must(t, err)
		same(t, got, store.Figures{})

		b.raw(`INSERT INTO cutoff_runs (cutoff_at, applied_at, filed_at, delivered_at, reconciled_at) VALUES
    ('2026-11-17 20:00:00+00:00', '2026-11-17 20:00:01+00:00', '2026-11-17 20:00:01+00:00', '2026-11-17 20:00:01+00:00', '2026-11-17 20:00:01+00:00'),
    ('2026-11-17 23:00:00+00:00', NULL, NULL, NULL, NULL)`)
		b.raw(`INSERT INTO ach_files (cutoff_at, id_modifier, name, sha256, entries, total_cents, created_at, delivered_at) VALUES
    ('2026-11-17 20:00:00+00:00', 'A', 'a', '', 1, 1, '2026-11-17 20:00:01.5+00:00', NULL),
    ('2026-11-17 20:00:00+00:00', 'B', 'b', '', 1, 1, '2026-11-17 19:00:00+00:00', '2026-11-17 20:00:02+00:00')`)
		b.raw(`INSERT INTO exceptions (source, kind, detail, created_at, resolved_at) VALUES
    ('f', 'k', '1', '2026-11-16 20:00:00+00:00', '2026-11-16 21:00:00+00:00'), ('f', 'k', '2', '2026-11-16 22:00:00+00:00', NULL)`)
		got, err = b.Books().Figures(t.Context())
		must(t, err)
		if got.UnfinishedRuns != 1 || got.UnsentFiles != 1 || got.Exceptions != 1 || got.NoticesWaiting != 0 || got.NoticesSince != nil || got.FirstDueAt != nil {
			t.Errorf("got %+v", got)
		}
		for _, at := range []struct {
			got  *store.Instant
			want string
		}{
			{got.LastRunAt, "2026-11-17 20:00:00 +0000 UTC"}, {got.UnfinishedAt, "2026-11-17 23:00:00 +0000 UTC"},
			{got.UnsentSince, "2026-11-17 20:00:01.5 +0000 UTC"}, {got.ExceptionsSince, "2026-11-16 22:00:00 +0000 UTC"},
		} {
			if at.got == nil || at.got.String() != at.want {
				t.Errorf("got %v, want %s", at.got, at.want)
			}
		}
		counts, err := b.Books().CountPayments(t.Context())
		must(t, err)
		same(t, counts, map[loan.PaymentStatus]int{})
	})
}

// Whoever watches is told of each statement by a name that has no values in it, and of
// failures: that a row is not there is none.
func TestObserver(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var mu sync.Mutex
		told := map[string][]error{}
		watched := openURL(t, b.url, store.Options{Observe: func(ctx context.Context, name, text string) (context.Context, func(error)) {
			if text == "" || strings.ContainsAny(name, "'0123456789") {
				t.Errorf("told of %q: %q", name, text)
			}
			return ctx, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				told[name] = append(told[name], err)
			}
		}})
		_, err := watched.Customer(t.Context(), 4711)
		wantError(t, err, store.ErrNotFound)
		must(t, watched.InTx(t.Context(), func(*store.Tx) error { return nil }))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := watched.Books().Figures(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if got := told["SELECT customers"]; len(got) != 1 || got[0] != nil {
			t.Errorf("of a customer who is not there: %v", got)
		}
		if len(told["BEGIN"]) != 1 || len(told["COMMIT"]) != 1 {
			t.Errorf("of a transaction: %v", told)
		}
		if got := told["SELECT payments"]; len(got) != 1 || got[0] == nil {
			t.Errorf("of a failure: %v", got)
		}
	})
}
