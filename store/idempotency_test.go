package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/store"
)

var errUndo = errors.New("undo this")

func TestClaimKey(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		claim := func(tx *store.BooksTx, key, hash string) *store.Answered {
			t.Helper()
			before, err := tx.ClaimKey(t.Context(), b.owner, key, hash, noon)
			must(t, err)
			return before
		}
		answer := text(t, map[string]string{"name": awkward})
		b.tx(func(tx *store.BooksTx) {
			same(t, claim(tx, awkward, "hash"), nil)
			same(t, claim(tx, awkward, "hash"), store.Answered{RequestHash: "hash"}) // by this transaction itself
			must(t, tx.AnswerKey(t.Context(), b.owner, awkward, answer))
		})
		for range 2 { // replayed, byte for byte; whether the hash is the same is for who calls
			b.tx(func(tx *store.BooksTx) {
				same(t, claim(tx, awkward, "another hash"), store.Answered{RequestHash: "hash", Answer: answer})
			})
		}
		b.tx(func(tx *store.BooksTx) {
			same(t, claim(tx, awkward+" ", "hash"), nil)
			before, err := tx.ClaimKey(t.Context(), b.stranger, awkward, "hash", noon)
			must(t, err)
			same(t, before, nil) // a key is one customer's
			wantError(t, tx.AnswerKey(t.Context(), b.owner, "never claimed", answer), store.ErrNotFound)
		})

		// a transaction that is undone gives the key back
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			same(t, claim(tx, "undone", "hash"), nil)
			must(t, tx.AnswerKey(t.Context(), b.owner, "undone", answer))
			return errUndo
		}), errUndo)
		b.tx(func(tx *store.BooksTx) { same(t, claim(tx, "undone", "hash"), nil) })
	})
}

// Who comes second waits for the first, and then finds its answer, or the key
// free where the first was undone.
func TestClaimKeyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for _, undone := range []bool{false, true} {
			key := map[bool]string{false: "kept", true: "undone"}[undone]
			claimed, goOn, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				first <- b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					_, err := tx.ClaimKey(t.Context(), b.owner, key, "hash", noon)
					close(claimed)
					<-goOn
					if err != nil {
						return err
					}
					if undone {
						return errUndo
					}
					return tx.AnswerKey(t.Context(), b.owner, key, "the first's")
				})
			}()
			<-claimed
			const others = 3
			type result struct {
				before *store.Answered
				err    error
			}
			results := make(chan result, others)
			for range others {
				go func() {
					var r result
					r.err = b.InBooks(t.Context(), func(tx *store.BooksTx) (err error) {
						if r.before, err = tx.ClaimKey(t.Context(), b.owner, key, "hash", noon); err == nil && r.before == nil {
							err = tx.AnswerKey(t.Context(), b.owner, key, "a later one's")
						}
						return err
					})
					results <- r
				}()
			}
			b.waitForWaiters(others)
			select {
			case r := <-results:
				t.Errorf("it did not wait: %+v", r)
			default:
			}
			close(goOn)
			if err := <-first; undone != errors.Is(err, errUndo) || !undone && err != nil {
				t.Errorf("the first: %v", err)
			}
			claims := 0
			for range others {
				r := <-results
				must(t, r.err)
				switch want := map[bool]string{false: "the first's", true: "a later one's"}[undone]; {
				case r.before == nil:
					claims++
				case r.before.Answer != want:
					t.Errorf("got answer %q, want %q", r.before.Answer, want)
				}
			}
			if want := map[bool]int{false: 0, true: 1}[undone]; claims != want {
				t.Errorf("undone %t: %d later ones claimed the key, want %d", undone, claims, want)
			}
		}
	})
}

// waitForWaiters waits until so many transactions wait for another one. On
// SQLite they queue in this process, where nobody can be seen waiting.
func (b *books) waitForWaiters(n int) {
	b.t.Helper()
	if b.Embedded() {
		return
	}
	b.until(func() bool {
		return b.count("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") >= n
	})
}

// until asks again and again until it is so.
func (b *books) until(so func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			b.t.Fatal("it never came to that")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestForgetKeys(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		claimAt := func(key string, at time.Time) (before *store.Answered) {
			b.tx(func(tx *store.BooksTx) {
				var err error
				before, err = tx.ClaimKey(t.Context(), b.owner, key, "hash", at)
				must(t, err)
			})
			return before
		}
		claimAt("old", noon.Add(-time.Microsecond))
		claimAt("new", noon)
		b.tx(func(tx *store.BooksTx) {
			n, err := tx.ForgetKeys(t.Context(), noon)
			must(t, err)
			same(t, n, 1)
		})
		if claimAt("new", noon) == nil {
			t.Error("a key was forgotten too early")
		}
		if claimAt("old", noon) != nil {
			t.Error("a key was not forgotten")
		}
	})
}
