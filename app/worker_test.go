package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/bank"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
	"github.com/automobilepay/mobilepay/worker"
)

// withInbox gives an app an inbox of its own.
func withInbox(t *testing.T) func(*config.Config) {
	inbox := filepath.Join(t.TempDir(), "inbox")
	return func(c *config.Config) { c.Inbox = inbox }
}

// startWorker runs a worker that looks every second, until the function that it
// returns is called, at the latest when the test ends.
func startWorker(t *testing.T, e *testenv.Env) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Run(ctx, worker.Options{
			Servicing: e.App.Servicing, Store: e.App.Store, Clock: e.Clock, Inbox: bank.Inbox(e.App.Config.Inbox), Log: e.App.Log,
			Every: time.Second, Observe: e.App.Telemetry.Job, Noticed: e.App.Telemetry.Notice,
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the worker ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the worker did not end within 10 s")
		}
	})
	t.Cleanup(stop)
	return stop
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never was so that %s", what)
		}
	}
}

// alter changes the books behind the program's back.
func alter(t *testing.T, e *testenv.Env, statement string, args ...any) {
	t.Helper()
	engine, name := "postgres", testenv.AsAdmin(e.App.Config.DatabaseURL)
	if path := e.App.Config.SQLitePath(); path != "" {
		engine, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(engine, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func statuses(e *testenv.Env, c testenv.Customer) string {
	var list []string
	for _, p := range e.Payments(c.ID) {
		list = append(list, string(p.Status))
	}
	return strings.Join(list, " ")
}

// Once the clock passes a cut-off, its payments are applied and their file is out,
// and what the bank sends back is taken, without anybody asking.
func TestWorker(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, withInbox(t))
		c := e.AddCustomer()
		stop := startWorker(t, e)
		e.Post(c.Token, schedule, order(c, "1"))
		e.At("2026-11-18 14:59:59.999999")
		e.At("2026-11-18 15:00:00")
		const name = "20261118-1500-A.ach"
		eventually(t, "the payment is applied, and in a file", func() bool { return statuses(e, c) == "APPLIED" && e.Outbox()[name] != "" })

		_, trace, err := e.App.Store.Books().EntryOfPayment(t.Context(), e.Payments(c.ID)[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		returned, err := ach.BuildReturn([]byte(e.Outbox()[name]), e.Clock.Now(), ach.Rejection{Trace: trace, Code: "R02"})
		if err != nil {
			t.Fatal(err)
		}
		inbox := e.App.Config.Inbox
		for file, content := range map[string][]byte{"returns.ach": returned, "noise.ach": []byte("no file of the bank")} {
			err := errors.Join(os.MkdirAll(inbox, 0o700), os.WriteFile(filepath.Join(inbox, "."+file), content, 0o600),
				os.Rename(filepath.Join(inbox, "."+file), filepath.Join(inbox, file)))
			if err != nil {
				t.Fatal(err)
			}
		}
		there := func(path string) bool {
			_, err := os.Stat(filepath.Join(inbox, path))
			return err == nil
		}
		eventually(t, "the inbox is empty", func() bool { return there("done/returns.ach") && there("failed/noise.ach") })
		if got := statuses(e, c); got != "RETURNED" {
			t.Errorf("the payment is %s", got)
		}
		stop()
		balanced(t, e)
		if log := e.Log.String(); !strings.Contains(log, "job=take_inbox") || strings.Contains(log, "river") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// The worker leaves the moving of the clock alone, and lets customers write: on the
// embedded engine, too, where one writes at a time.
func TestWorkerBesideOthers(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, withInbox(t))
		customers := make([]testenv.Customer, 8)
		for i := range customers {
			customers[i] = e.AddCustomer()
		}
		stop := startWorker(t, e)
		for _, on := range []string{"2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"} {
			var group sync.WaitGroup
			for _, c := range customers {
				group.Go(func() {
					token := e.OpenSession(c.ID)
					for i := range 5 {
						key := fmt.Sprintf("%s-%d", on, i)
						in := order(c, key, testenv.Vars{"scheduledOn": on, "amount": testenv.Vars{"fixed": fmt.Sprintf("1%d.00", i)}})
						if got := e.Post(token, schedule, in); len(got.Errors) > 0 || got.Code() != "" {
							t.Errorf("%s: %s", key, got.Raw)
						}
					}
				})
			}
			group.Wait()
			e.MoveTo(on + " 20:00:00")
		}
		stop()
		balanced(t, e)
		for _, c := range customers {
			if got := statuses(e, c); strings.Count(got, "APPLIED")+strings.Count(got, "SETTLED") != 20 {
				t.Errorf("payments are %s", got)
			}
		}
		if traces := tracesIn(e.Outbox()); len(traces) != 160 {
			t.Errorf("the files have %d entries", len(traces))
		}
		if log := e.Log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// noOutbox is one that is away.
type noOutbox struct{}

func (noOutbox) Put(context.Context, string, []byte) error { return errors.New("the outbox is away") }

// slowOutbox counts what it is given.
type slowOutbox struct{ puts atomic.Int64 }

func (o *slowOutbox) Put(context.Context, string, []byte) error {
	o.puts.Add(1)
	time.Sleep(20 * time.Millisecond)
	return nil
}

// Of several processes that come to a run's end together one sends its file: the
// bank may have fetched it before the others look.
func TestFileIsSentOnce(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		e.At("2026-11-18 15:00:00")
		outbox := new(slowOutbox)
		var group sync.WaitGroup
		for i := range 4 {
			process := *e.App.Servicing
			process.Outbox = outbox
			if engine != testenv.Embedded && i > 1 {
				var err error
				if process.Store, err = store.Open(t.Context(), e.App.Config.DatabaseURL, store.Options{Connections: 2, AuditKeys: e.App.Vault}); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = process.Store.Close() }()
			}
			group.Go(func() {
				if err := process.RunDue(t.Context(), e.Clock.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := outbox.puts.Load(); n != 1 || statuses(e, c) != "APPLIED" {
			t.Errorf("the file was sent %d times, and the payment is %s", n, statuses(e, c))
		}
	})
}

// The very first run is cut short once its payments are applied: the next call
// takes it up, although no payment is due any more.
func TestFirstRunIsTakenUp(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		e.At("2026-11-18 15:00:00")
		outbox := e.App.Servicing.Outbox
		e.App.Servicing.Outbox = noOutbox{}
		if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err == nil || statuses(e, c) != "APPLIED" {
			t.Fatalf("%v, and the payment is %s", err, statuses(e, c))
		}
		e.App.Servicing.Outbox = outbox
		if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil || len(e.Outbox()) != 1 {
			t.Errorf("%v, and %d files", err, len(e.Outbox()))
		}
	})
}

// A cut-off at which nothing is owed any more debits nothing, and comes to its end.
func TestNothingIsOwed(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddContracts(
			&loan.Loan{
				Terms: loan.Terms{AccountNumberLast4: "3636", OpenedOn: day("2026-10-15"), MaturesOn: day("2029-11-15"), TermMonths: 36,
					Instalment: 606_17, CurrentDue: 100_00, DueOn: day("2026-12-15"), DueDay: 15},
				AmountFinanced: 20_000_00, Principal: 100_00, AnnualRate: 5750, InterestPaidThrough: day("2026-11-15"),
			},
			&loan.Lease{Terms: loan.Terms{AccountNumberLast4: "2424", OpenedOn: day("2026-10-31"), MaturesOn: day("2028-10-31"), TermMonths: 24,
				Instalment: 389_00, CurrentDue: 389_00, DueOn: day("2026-11-30")}, InstalmentsRemaining: 23},
		)
		for _, on := range []string{"2026-11-18", "2026-11-19"} {
			e.Post(c.Token, schedule, order(c, on, testenv.Vars{"scheduledOn": on}))
		}
		// What the customer could not have said: each is more than all that is owed.
		alter(t, e, "UPDATE payments SET amount_cents = 20000")
		e.MoveTo("2026-11-19 20:00:00")
		if got := statuses(e, c); got != "APPLIED CANCELED" {
			t.Errorf("the payments are %s", got)
		}
		balanced(t, e)
	})
}

// Where files, ledger and payments differ, no run goes on until they agree, and an
// operator is told.
func TestDifferenceStopsRuns(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		for name, cut := range map[string]bool{"in a run": true, "after it": false} {
			t.Run(name, func(t *testing.T) {
				e := testenv.New(t, engine, withInbox(t))
				c := e.AddCustomer()
				e.Post(c.Token, schedule, order(c, "1"))
				e.At("2026-11-18 15:00:00")
				outbox := e.App.Servicing.Outbox
				if cut {
					e.App.Servicing.Outbox = noOutbox{}
				}
				if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); (err != nil) != cut {
					t.Fatal(err)
				}
				e.App.Servicing.Outbox = outbox
				first := e.Payments(c.ID)[0]
				e.Post(e.OpenSession(c.ID), schedule, order(c, "2", testenv.Vars{"amount": testenv.Vars{"fixed": "60.00"}}))
				alter(t, e, "UPDATE payments SET applied_cents = applied_cents + 1 WHERE id = $1", first.ID)

				e.At("2026-11-18 18:00:00")
				if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); !errors.Is(err, servicing.ErrOutOfBalance) {
					t.Fatalf("the run says %v", err)
				}
				stop := startWorker(t, e)
				eventually(t, "the log tells", func() bool { return strings.Contains(e.Log.String(), worker.Alarm) })
				stop()
				if got := statuses(e, c); got != "APPLIED SCHEDULED" {
					t.Errorf("the payments are %s", got)
				}
				environ := []string{"DATABASE_URL=" + e.App.Config.DatabaseURL}
				var report bytes.Buffer
				if err := app.Run(t.Context(), []string{"reconcile"}, environ, &report, &report); !errors.Is(err, servicing.ErrOutOfBalance) ||
					!strings.Contains(report.String(), "2026-11-18 15:00  1        $50.00  $50.00  $50.01    ") {
					t.Errorf("reconcile says %v\n%s", err, &report)
				}

				alter(t, e, "UPDATE payments SET applied_cents = applied_cents - 1 WHERE id = $1", first.ID)
				if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil || statuses(e, c) != "APPLIED APPLIED" {
					t.Errorf("the run says %v, and the payments are %s", err, statuses(e, c))
				}
				report.Reset()
				if err := app.Run(t.Context(), []string{"reconcile", "--runs", "2"}, environ, &report, &report); err != nil ||
					strings.Count(report.String(), "complete") != 2 || strings.Contains(report.String(), "not complete") {
					t.Errorf("reconcile says %v\n%s", err, &report)
				}
			})
		}
	})
}

// What operators ask for needs the database only, in production, too.
func TestOperatorsCommands(t *testing.T) {
	database := testenv.Services(t, testenv.Real)[0]
	run := func(command string) string {
		t.Helper()
		var out bytes.Buffer
		if err := app.Run(t.Context(), []string{command}, []string{"MOBILEPAY_MODE=production", database, "REDIS_URL="}, &out, &out); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		return out.String()
	}
	if got := run("migrate"); !strings.Contains(got, "the schema is up to date") {
		t.Errorf("migrate says %s", got)
	}
	if got := run("reconcile"); !strings.Contains(got, "No run and no contract differs.") {
		t.Errorf("reconcile says %s", got)
	}
	s, err := store.Open(t.Context(), strings.TrimPrefix(database, "DATABASE_URL="), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	err = s.InBooks(t.Context(), func(tx *store.BooksTx) error {
		return tx.InsertException(t.Context(), store.Exception{Source: "file", Kind: "return to look at", Detail: "R10", CreatedAt: testenv.Noon})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := run("exceptions"); !strings.Contains(got, "2026-11-18T17:00:00Z  return to look at  R10     file") {
		t.Errorf("exceptions says %s", got)
	}
}
