package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// wire is between a store and its Postgres, and can be cut.
type wire struct {
	t        *testing.T
	to, addr string
	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

// newWire returns a wire, and the URL of the database at its other end.
func newWire(t *testing.T, databaseURL string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	w := &wire{t: t, to: u.Host, addr: "127.0.0.1:0", open: map[net.Conn]bool{}}
	w.mend()
	t.Cleanup(w.cut)
	u.Host = w.addr
	return w, u.String()
}

// mend lets connections through again.
func (w *wire) mend() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.addr)
	must(w.t, err)
	w.listener, w.addr = listener, listener.Addr().String()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", w.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			w.mu.Lock()
			w.open[in], w.open[out] = true, true
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				}()
			}
		}
	}()
}

// cut ends all connections and refuses new ones.
func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
	clear(w.open)
}

func TestConnectionRefused(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		w, through := newWire(t, b.url)
		far := &books{Store: openURL(t, through, store.Options{}), t: t, owner: b.owner}
		far.works()
		w.cut()
		for range 2 {
			_, err := far.Customer(t.Context(), b.owner)
			wantError(t, err, store.ErrUnavailable)
			_, err = far.Vehicles(t.Context(), b.owner)
			wantError(t, err, store.ErrUnavailable)
			wantError(t, far.Ping(t.Context()), store.ErrUnavailable)
			tries := 0
			wantError(t, far.InBooks(t.Context(), func(*store.BooksTx) error { tries++; return nil }), store.ErrUnavailable)
			if tries != 0 {
				t.Error("it ran")
			}
		}
		w.mend()
		far.works()

		// cut in the middle, and before the commit
		for _, wantStatement := range []bool{true, false} {
			kept := b.noted()
			err := far.InBooks(t.Context(), func(tx *store.BooksTx) error {
				must(t, b.note(t.Context(), tx))
				w.cut()
				if wantStatement {
					err := b.note(t.Context(), tx)
					wantError(t, err, store.ErrUnavailable)
					return err
				}
				return nil
			})
			wantError(t, err, store.ErrUnavailable)
			if n := b.noted(); n != kept {
				t.Errorf("%d rows were kept", n-kept)
			}
			w.mend()
			far.works()
		}

		w.cut()
		if _, err := store.Open(t.Context(), through, store.Options{}); err == nil {
			t.Error("it opened")
		}
		w.mend()
	})
}

// kill ends the connections of the store's pool, as an administrator or a
// fail-over does.
func (b *books) kill() {
	b.t.Helper()
	other, err := store.Open(b.t.Context(), withParam(b.t, b.url, "application_name", "killer"), store.Options{Connections: 1})
	must(b.t, err)
	defer func() { must(b.t, other.Close()) }()
	must(b.t, other.InBooks(b.t.Context(), func(tx *store.BooksTx) error {
		_, err := tx.Raw().ExecContext(b.t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND application_name <> 'killer'`)
		return err
	}))
}

func TestKilledConnection(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		for _, inTheMiddle := range []bool{true, false} {
			kept, tries := b.noted(), 0
			err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				tries++
				must(t, b.note(t.Context(), tx))
				b.kill()
				if !inTheMiddle {
					return nil
				}
				err := b.note(t.Context(), tx)
				wantError(t, err, store.ErrUnavailable)
				wantError(t, b.note(t.Context(), tx), store.ErrUnavailable)
				return err
			})
			wantError(t, err, store.ErrUnavailable)
			if tries != 1 {
				t.Errorf("%d tries", tries)
			}
			if n := b.noted(); n != kept {
				t.Errorf("%d rows were kept", n-kept)
			}
			b.works() // without help, on the connections that are dead
		}
	})
}

// A database that takes no changes, as after a fail-over to a copy.
func TestReadOnly(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		for what, do := range map[string]func(*store.BooksTx) error{
			"insert": func(tx *store.BooksTx) error { return b.note(t.Context(), tx) },
			"lock": func(tx *store.BooksTx) error {
				_, err := tx.LockVehicle(t.Context(), b.owner, b.vehicle)
				return err
			},
			"claim": func(tx *store.BooksTx) error {
				_, err := tx.ClaimKey(t.Context(), b.owner, "key", "hash", noon)
				return err
			},
		} {
			err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				if _, err := tx.Raw().ExecContext(t.Context(), "SET TRANSACTION READ ONLY"); err != nil {
					return err
				}
				if _, err := tx.Customer(t.Context(), b.owner); err != nil {
					t.Errorf("what only reads goes on: %v", err)
				}
				return do(tx)
			})
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
		b.works()
	})
}

// Nobody waits for a lock, runs, or idles in a transaction for longer than the
// time of a statement.
func TestStatementTimeout(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		const limit = 200 * time.Millisecond
		short := &books{Store: openURL(t, b.url, store.Options{StatementTimeout: limit}), t: t, owner: b.owner, vehicle: b.vehicle}
		var settings []string
		must(t, short.DB().SelectContext(t.Context(), &settings, `SELECT name || '=' || setting FROM pg_settings WHERE name IN
('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'TimeZone', 'application_name') ORDER BY lower(name)`))
		same(t, settings, []string{"application_name=mobilepay", "idle_in_transaction_session_timeout=200", "lock_timeout=200", "statement_timeout=200", "TimeZone=UTC"})

		b.hold(func() {
			wantError(t, short.InBooks(t.Context(), func(tx *store.BooksTx) error {
				must(t, b.note(t.Context(), tx))
				_, err := tx.LockVehicle(t.Context(), b.owner, b.vehicle)
				return err
			}), store.ErrUnavailable)
		})
		wantError(t, short.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.Raw().ExecContext(t.Context(), "SELECT pg_sleep(10)")
			return store.Translate(err)
		}), store.ErrUnavailable)
		wantError(t, short.InBooks(t.Context(), func(tx *store.BooksTx) error {
			must(t, b.note(t.Context(), tx))
			b.until(func() bool {
				return b.count("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'") == 0
			})
			return b.note(t.Context(), tx)
		}), store.ErrUnavailable)
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		short.works()

		// what the URL says itself counts more
		own := openURL(t, withParam(t, b.url, "statement_timeout", "1234"), store.Options{})
		var setting string
		must(t, own.DB().GetContext(t.Context(), &setting, "SHOW statement_timeout"))
		same(t, setting, "1234ms")
	})
}

// A pool that others have emptied: who waits for a connection ends with their
// context, and the others go on.
func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		base := open(t, engine)
		b := &books{Store: openURL(t, base.url, store.Options{Connections: 1}), t: t, owner: base.owner}
		must(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := b.Customer(ctx, b.owner)
			wantError(t, err, context.DeadlineExceeded)
			wantError(t, b.Ping(ctx), context.DeadlineExceeded)
			return b.note(t.Context(), tx)
		}))
		b.works()
	})
}

// Two processes with one SQLite file: the second writer waits for the first.
func TestTwoProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	b := open(t, testenv.Embedded)
	other := &books{Store: openURL(t, b.url, store.Options{}), t: t, owner: b.owner}
	const each = 50
	results := make(chan error, 2)
	for _, s := range []*books{b, other} {
		go func() {
			var failed error
			for range each {
				failed = errors.Join(failed, s.InBooks(t.Context(), func(tx *store.BooksTx) error {
					if _, err := tx.LockVehicle(t.Context(), b.owner, b.vehicle); err != nil {
						return err
					}
					return b.note(t.Context(), tx)
				}))
			}
			results <- failed
		}()
	}
	for range 2 {
		must(t, <-results)
	}
	if n := b.noted(); n != 2*each {
		t.Errorf("%d rows, want %d", n, 2*each)
	}
}

// Each connection of the pool has the settings, not the first one only.
func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	b := open(t, testenv.Embedded)
	for range 6 {
		c, err := b.DB().Conn(t.Context())
		must(t, err)
		defer func() { must(t, c.Close()) }()
		for pragma, want := range map[string]string{"journal_mode": "wal", "busy_timeout": "10000", "foreign_keys": "1", "synchronous": "1"} {
			var got string
			must(t, c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
	}
}
