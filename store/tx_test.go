package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// noted counts the notices of the owner: what a transaction left behind.
func (b *books) noted() int {
	b.t.Helper()
	return b.count("SELECT COUNT(*) FROM notices WHERE customer_id = $1", b.owner)
}

func (b *books) note(ctx context.Context, tx *store.BooksTx) error {
	return tx.InsertNotices(ctx, []store.Notice{{CustomerID: b.owner, Kind: loan.NoticeEnrolled, Channel: loan.ByEmail}}, noon)
}

// works checks that a transaction still goes through, and at once.
func (b *books) works() {
	b.t.Helper()
	before := b.noted()
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	must(b.t, b.InBooks(ctx, func(tx *store.BooksTx) error { return b.note(ctx, tx) }))
	if n := b.noted(); n != before+1 {
		b.t.Errorf("%d rows, want %d", n, before+1)
	}
	if !b.IdleWriter() {
		b.t.Error("the room of SQLite's writer is not free")
	}
	b.noConnectionInUse()
}

// noConnectionInUse checks that every connection came back. database/sql gives
// one back a moment after its context ended.
func (b *books) noConnectionInUse() {
	b.t.Helper()
	b.until(func() bool { return b.DB().Stats().InUse == 0 })
}

func TestRollback(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			must(t, b.note(t.Context(), tx))
			if seen, err := tx.Notices(t.Context(), b.owner); err != nil || len(seen) != 1 {
				t.Errorf("a transaction sees what it wrote: %v, %v", seen, err)
			}
			if seen, err := b.Notices(t.Context(), b.owner); err != nil || len(seen) != 0 {
				t.Errorf("nobody else does: %v, %v", seen, err)
			}
			return fmt.Errorf("a use case says: %w", errUndo)
		})
		wantError(t, err, errUndo)
		if err.Error() != "a use case says: undo this" {
			t.Errorf("the error is not passed on as it is: %q", err)
		}
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

func TestPanic(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for range 20 { // more often than there are connections
			func() {
				defer func() {
					if got := recover(); got != "boom" {
						t.Errorf("recovered %v", got)
					}
				}()
				_ = b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					must(t, b.note(t.Context(), tx))
					panic("boom")
				})
			}()
		}
		done := make(chan struct{})
		go func() { // as t.FailNow ends one
			defer close(done)
			_ = b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				must(t, b.note(t.Context(), tx))
				runtime.Goexit()
				return nil
			})
		}()
		<-done
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

// What the database finds out when it commits is not lost.
func TestCommitError(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		if b.Embedded() {
			b.raw(`CREATE TABLE later (id BIGINT REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED)`)
			b.raw(`CREATE TRIGGER later AFTER INSERT ON notices BEGIN INSERT INTO later VALUES (NEW.customer_id); END`)
		} else {
			b.raw(`ALTER TABLE notices ADD FOREIGN KEY (customer_id) REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED`)
		}
		tries := 0
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			tries++
			must(t, b.note(t.Context(), tx))
			must(t, tx.InsertNotices(t.Context(), []store.Notice{{CustomerID: 4711, Kind: loan.NoticeEnrolled, Channel: loan.ByEmail}}, noon))
			return nil
		})
		if err == nil || tries != 1 {
			t.Errorf("after %d tries: %v", tries, err)
		}
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

// A context that ends between the last statement and the commit undoes all, and
// says that it was the context.
func TestCommitAfterTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for want, end := range map[error]func() (context.Context, context.CancelFunc){
			context.Canceled: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
			context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 200*time.Millisecond)
			},
		} {
			for _, rolledBack := range []bool{false, true} { // whether database/sql was quicker
				ctx, cancel := end()
				err := b.InBooks(ctx, func(tx *store.BooksTx) error {
					if err := b.note(ctx, tx); err != nil {
						return err
					}
					if errors.Is(want, context.Canceled) {
						cancel()
					}
					<-ctx.Done()
					if rolledBack {
						b.until(func() bool {
							_, err := tx.Raw().ExecContext(t.Context(), "SELECT 1")
							return errors.Is(err, sql.ErrTxDone)
						})
					}
					return nil
				})
				cancel()
				wantError(t, err, want)
				if n := b.noted(); n != 0 {
					t.Fatalf("%d rows were kept", n)
				}
			}
		}
		b.works()
	})
}

// A transaction is tried anew where another one was in its way, three times, and
// for nothing else.
func TestRetry(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for name, test := range map[string]struct {
			fails []error // what each try ends with
			tries int
			want  error
		}{
			"conflict, then none":        {[]error{store.ErrConflict, nil}, 2, nil},
			"conflicts":                  {[]error{store.ErrConflict, fmt.Errorf("wrapped: %w", store.ErrConflict), nil}, 3, nil},
			"a conflict that stays":      {[]error{store.ErrConflict, store.ErrConflict, store.ErrConflict, nil}, 3, store.ErrConflict},
			"serialization":              {[]error{store.ErrRetry, store.ErrRetry, nil}, 3, nil},
			"serialization, forever":     {[]error{store.ErrRetry, store.ErrRetry, store.ErrRetry, nil}, 3, store.ErrUnavailable},
			"not found":                  {[]error{store.ErrNotFound}, 1, store.ErrNotFound},
			"unavailable":                {[]error{store.ErrUnavailable}, 1, store.ErrUnavailable},
			"a refusal":                  {[]error{errUndo}, 1, errUndo},
			"a conflict, then a refusal": {[]error{store.ErrConflict, errUndo}, 2, errUndo},
			"none":                       {[]error{nil}, 1, nil},
		} {
			before, tries := b.noted(), 0
			err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				tries++
				must(t, b.note(t.Context(), tx))
				return test.fails[tries-1]
			})
			if tries != test.tries || !errors.Is(err, test.want) {
				t.Errorf("%s: %d tries, %v", name, tries, err)
			}
			kept := 0
			if test.want == nil {
				kept = 1
			}
			if n := b.noted() - before; n != kept {
				t.Errorf("%s: %d rows were kept, want %d", name, n, kept)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		err := b.InBooks(ctx, func(*store.BooksTx) error { tries++; cancel(); return store.ErrConflict })
		if tries != 1 || err == nil {
			t.Errorf("it was tried %d times when nobody waited any more: %v", tries, err)
		}
	})
}

// Two who add the same thing at the same time: the second is tried anew and then
// sees the first's.
func TestRetrySeesTheOther(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const racers = 4
		var inserted atomic.Int64
		results := make(chan error, racers)
		for range racers {
			go func() {
				results <- b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					present, err := tx.AutoPays(t.Context(), b.owner)
					if err != nil || len(present) > 0 {
						return err
					}
					a := b.sampleAutoPay()
					if err := tx.InsertAutoPay(t.Context(), a); err != nil {
						return err
					}
					inserted.Add(1)
					return nil
				})
			}()
		}
		for range racers {
			must(t, <-results)
		}
		if n := b.count("SELECT COUNT(*) FROM auto_pays"); n != 1 || inserted.Load() != 1 {
			t.Errorf("%d rows, %d inserts", n, inserted.Load())
		}
	})
}

// Two who take the same locks in opposite order: the database ends one, which is
// tried anew, and both get through.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	base := testenv.AsAdmin(databaseURL(t, testenv.Real)) // who alone may set the timeout
	b := &books{t: t, url: base, Store: openURL(t, withParam(t, base, "deadlock_timeout", "20ms"), store.Options{})}
	b.tx(func(tx *store.BooksTx) {
		b.owner = b.addCustomer(tx)
		b.vehicle, b.theirs = b.addVehicle(tx, b.owner), b.addVehicle(tx, b.owner)
	})
	var tries atomic.Int64
	var both sync.WaitGroup // until each has its first lock
	both.Add(2)
	results := make(chan error, 2)
	for _, order := range [][2]loan.VehicleID{{b.vehicle, b.theirs}, {b.theirs, b.vehicle}} {
		go func() {
			first := true
			results <- b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				tries.Add(1)
				if _, err := tx.LockVehicle(t.Context(), b.owner, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					both.Done()
					both.Wait()
				}
				if _, err := tx.LockVehicle(t.Context(), b.owner, order[1]); err != nil {
					return err
				}
				return b.note(t.Context(), tx)
			})
		}()
	}
	for range 2 {
		must(t, <-results)
	}
	if tries.Load() < 3 || b.noted() != 2 {
		t.Errorf("%d tries, %d rows", tries.Load(), b.noted())
	}
}

// Who locks a vehicle sees what the one before them did to it.
func TestLockVehicleInTurn(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const payers, most = 8, 3
		results := make(chan error, payers)
		for i := range payers {
			go func() {
				results <- b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					if _, err := tx.LockVehicle(t.Context(), b.owner, b.vehicle); err != nil {
						return err
					}
					rivals, err := tx.RivalPayments(t.Context(), b.owner, b.vehicle, day("2026-11-18"))
					if err != nil || len(rivals) == most {
						return err
					}
					p := &loan.Payment{
						CustomerID: b.owner, ScheduledBy: b.owner, VehicleID: b.vehicle, PaymentAccountID: b.account,
						ConfirmationNumber: fmt.Sprint("MP-racer-", i), Amount: 1, Kind: loan.KindRegular, Origin: loan.OriginCustomer, Status: loan.Scheduled,
						ScheduledOn: day("2026-11-18"), CreditedOn: day("2026-11-18"), DebitedOn: day("2026-11-18"), SubmittedAt: noon, CancelBy: noon.Add(1e9),
					}
					return tx.InsertPayment(t.Context(), p)
				})
			}()
		}
		for range payers {
			must(t, <-results)
		}
		if n := b.count("SELECT COUNT(*) FROM payments"); n != most {
			t.Errorf("%d payments, want %d", n, most)
		}
	})
}

// Who locks a customer writes over nobody's change.
func TestLockCustomer(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		before, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		const writers = 6
		results := make(chan error, writers)
		for range writers {
			go func() {
				results <- b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					c, err := tx.LockCustomer(t.Context(), b.owner)
					if err != nil {
						return err
					}
					c.Line2 += "."
					return tx.UpdateContact(t.Context(), c)
				})
			}()
		}
		for range writers {
			must(t, <-results)
		}
		before.Line2 += strings.Repeat(".", writers)
		after, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		same(t, after, before)
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.LockCustomer(t.Context(), 1<<40)
			return err
		}), store.ErrNotFound)
	})
}

// A store call inside a transaction, on the store itself, is another's: it sees
// nothing of it. A nested InTx is a transaction of its own on Postgres; SQLite
// has no room for it, and it ends with its context.
func TestNested(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		must(t, b.InBooks(t.Context(), func(outer *store.BooksTx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err := b.InBooks(ctx, func(inner *store.BooksTx) error { return b.note(ctx, inner) })
			if b.Embedded() {
				wantError(t, err, context.DeadlineExceeded)
			} else {
				must(t, err)
			}
			return b.note(t.Context(), outer)
		}))
		want := 2
		if b.Embedded() {
			want = 1
		}
		if n := b.noted(); n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
		b.works()
	})
}

func TestContext(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancelLate := context.WithTimeout(t.Context(), -1)
		defer cancelLate()
		for want, ctx := range map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: late} {
			_, err := b.Customer(ctx, b.owner)
			wantError(t, err, want)
			_, err = b.Vehicles(ctx, b.owner)
			wantError(t, err, want)
			_, err = b.PaymentAccounts(ctx, b.owner)
			wantError(t, err, want)
			wantError(t, b.Ping(ctx), want)
			wantError(t, b.InBooks(ctx, func(*store.BooksTx) error { t.Error("it ran"); return nil }), want)
			wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error { return b.note(ctx, tx) }), want)
		}
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

// ended checks the error of a statement that was under way when its context
// ended: on Postgres it is the server that says so, and it does not say why.
func (b *books) ended(got, want error) {
	b.t.Helper()
	if !errors.Is(got, want) && (b.Embedded() || !errors.Is(got, store.ErrUnavailable)) {
		b.t.Errorf("got %v, want %v", got, want)
	}
}

// A statement that waits ends with its context, and its transaction with it.
func TestContextWhileWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.hold(func() {
			for want, end := range map[error]func() (context.Context, context.CancelFunc){
				context.Canceled: func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					go func() {
						if b.waitForWaiters(1); b.Embedded() {
							time.Sleep(20 * time.Millisecond)
						}
						cancel()
					}()
					return ctx, cancel
				},
				context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(t.Context(), 100*time.Millisecond)
				},
			} {
				ctx, cancel := end()
				err := b.InBooks(ctx, func(tx *store.BooksTx) error {
					if err := b.note(ctx, tx); err != nil {
						return err
					}
					_, err := tx.LockVehicle(ctx, b.owner, b.vehicle)
					return err
				})
				cancel()
				b.ended(err, want)
			}
		})
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

// hold runs do while another transaction holds the vehicle.
func (b *books) hold(do func()) {
	b.t.Helper()
	held, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- b.InBooks(b.t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.LockVehicle(b.t.Context(), b.owner, b.vehicle)
			close(held)
			<-goOn
			return err
		})
	}()
	<-held
	do()
	close(goOn)
	must(b.t, <-done)
}

// A query that computes for long ends with its context.
func TestContextWhileRunning(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		long := "SELECT pg_sleep(30)"
		if b.Embedded() {
			long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT COUNT(*) FROM n"
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := b.InBooks(ctx, func(tx *store.BooksTx) error {
			if err := b.note(ctx, tx); err != nil {
				return err
			}
			_, err := tx.Raw().ExecContext(ctx, long)
			return store.Translate(err)
		})
		b.ended(err, context.DeadlineExceeded)
		if n := b.noted(); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		b.works()
	})
}

func TestCountStatements(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx, count := store.CountStatements(t.Context())
		_, err := b.Customer(ctx, b.owner)
		must(t, err)
		_, err = b.Payments(ctx, b.owner, []loan.VehicleID{b.vehicle, b.theirs}, store.Page{Limit: 1})
		must(t, err)
		if n := count.Load(); n != 2 {
			t.Errorf("two reads counted %d", n)
		}
		must(t, b.InBooks(ctx, func(tx *store.BooksTx) error {
			if _, err := tx.ClaimKey(ctx, b.owner, "key", "hash", noon); err != nil {
				return err
			}
			return b.note(ctx, tx)
		}))
		if n := count.Load(); n != 4 {
			t.Errorf("two reads and two writes counted %d", n)
		}
		_, err = b.Customer(t.Context(), b.owner)
		must(t, err)
		other, another := store.CountStatements(ctx)
		_, err = b.Customer(other, b.owner)
		must(t, err)
		if count.Load() != 4 || another.Load() != 1 {
			t.Errorf("what another context runs was counted: %d, %d", count.Load(), another.Load())
		}
	})
}

// However many transactions run, the statements are prepared once a connection
// and the pool does not run dry.
func TestPreparedOnce(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		before := b.prepared()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 40 {
					err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
						if _, err := tx.Customer(t.Context(), b.owner); err != nil {
							return err
						}
						return b.note(t.Context(), tx)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if after := b.prepared(); after > before+3 { // the two of the transaction, and the question itself
			t.Errorf("one connection holds %d prepared statements, %d before", after, before)
		}
		b.noConnectionInUse()
	})
}

// prepared is the most that any of the idle connections has prepared.
func (b *books) prepared() (most int) {
	b.t.Helper()
	var connections []*sql.Conn
	for range b.DB().Stats().Idle {
		c, err := b.DB().Conn(b.t.Context())
		must(b.t, err)
		connections = append(connections, c)
	}
	for _, c := range connections {
		var n int
		must(b.t, c.QueryRowContext(b.t.Context(), "SELECT COUNT(*) FROM pg_prepared_statements").Scan(&n))
		must(b.t, c.Close())
		most = max(most, n)
	}
	return most
}
