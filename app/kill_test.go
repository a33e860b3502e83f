package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	killRounds   = 20
	killPayments = 500 // a round
	killBothEach = 4   // every so many rounds both workers are killed
)

// killing is workers that are killed, and the books that they leave.
type killing struct {
	*testenv.Env
	t        *testing.T
	db       *sql.DB
	binary   string
	vehicles []*loan.Vehicle
	accounts []*store.NewPaymentAccount
	dice     *rand.Rand
	run      time.Duration // how long a run takes that nobody kills
	stages   map[string]int
	lasted   []time.Duration // from the kill to the end of the run
	inFiles  map[int64]int   // in how many lines of files each payment is
	read     map[string]bool // the files that have been read
}

// Two workers share a run, and one or both are killed at any moment of it. Whoever
// is left, or comes next, brings it to its end, and each payment is posted once,
// debited once and in one file once.
func TestKilledWorkers(t *testing.T) {
	e := testenv.New(t, testenv.Real, withInbox(t))
	rounds := killRounds
	if testing.Short() {
		rounds = 3
	}
	const seed = 20261118
	k := &killing{Env: e, t: t, binary: builtProgram(t), dice: rand.New(rand.NewPCG(seed, seed)),
		stages: map[string]int{}, inFiles: map[int64]int{}, read: map[string]bool{}}
	var err error
	if k.db, err = sql.Open("postgres", testenv.AsAdmin(e.App.Config.DatabaseURL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.db.Close() })
	k.addCustomers()
	if err := e.App.Store.MigrateJobs(t.Context(), e.App.Log); err != nil {
		t.Fatal(err)
	}
	cutoffs := loan.CutoffsBetween(testenv.Noon, testenv.Noon.AddDate(0, 0, rounds))[:rounds+1]
	for round, cutoff := range cutoffs {
		k.addPayments(cutoff)
		switch {
		case round == 0:
			k.measure(cutoff)
		case round%killBothEach == 0 || testing.Short() && round == rounds:
			k.killBoth(cutoff)
		default:
			k.killOne(cutoff)
		}
		k.check(cutoff)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	for id, n := range k.inFiles {
		if n != 1 {
			t.Errorf("payment %d is in files %d times", id, n)
		}
	}
	if len(k.inFiles) != len(cutoffs)*killPayments {
		t.Errorf("the files have %d payments", len(k.inFiles))
	}
	t.Logf("a run takes %v; how far it was at the kill: %v; from the kill to its end: %v", k.run, k.stages, k.lasted)
}

func (k *killing) addCustomers() {
	k.t.Helper()
	err := k.App.Store.Bulk(k.t.Context(), func(b *store.Bulk) error {
		customers := make([]*store.NewCustomer, killPayments)
		for i := range customers {
			customers[i] = &store.NewCustomer{Customer: loan.Customer{Username: fmt.Sprintf("killed-%d", i), FirstName: "Kim", LastName: "Test"}}
		}
		if err := b.InsertCustomers(k.t.Context(), customers); err != nil {
			return err
		}
		k.vehicles, k.accounts = nil, nil
		for i, c := range customers {
			number := fmt.Sprintf("88%08d", i)
			fingerprint := servicing.AccountFingerprint(k.App.Vault, "122105155", number)
			sealed, err := k.App.Vault.Seal(number, servicing.AccountBinding(c.ID, fingerprint))
			if err != nil {
				return err
			}
			k.accounts = append(k.accounts, &store.NewPaymentAccount{
				PaymentAccount: loan.PaymentAccount{CustomerID: c.ID, Type: loan.Checking, RoutingNumber: "122105155", Last4: number[6:],
					IsDefault: true, AddedAt: testenv.Noon, DebitableFrom: loan.DateOf(testenv.Noon)},
				Sealed: sealed, Fingerprint: fingerprint,
			})
			k.vehicles = append(k.vehicles, &loan.Vehicle{CustomerID: c.ID, Year: 2024, Make: "GMC", Model: "Acadia", VIN: strconv.Itoa(i), Contract: &loan.Loan{
				Terms: loan.Terms{AccountNumberLast4: "5151", OpenedOn: day("2025-11-15"), MaturesOn: day("2030-11-15"), TermMonths: 60,
					Instalment: 425_00, CurrentDue: 425_00, DueOn: day("2026-11-25"), DueDay: 25},
				AmountFinanced: 24_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: day("2026-10-25"),
			}})
		}
		if err := b.InsertVehicles(k.t.Context(), k.vehicles); err != nil {
			return err
		}
		return b.InsertPaymentAccounts(k.t.Context(), k.accounts)
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// addPayments schedules a payment of each customer for a cut-off.
func (k *killing) addPayments(cutoff time.Time) {
	k.t.Helper()
	submitted := cutoff.Add(-time.Hour)
	slot, err := k.App.Servicing.Timing.Schedule(submitted, loan.DateOf(cutoff))
	if err != nil || !slot.CancelBy.Equal(cutoff) {
		k.t.Fatal(slot, err)
	}
	payments := make([]*loan.Payment, len(k.vehicles))
	for i, v := range k.vehicles {
		payments[i] = &loan.Payment{
			CustomerID: v.CustomerID, ScheduledBy: v.CustomerID, VehicleID: v.ID, PaymentAccountID: k.accounts[i].ID,
			ConfirmationNumber: fmt.Sprintf("K%d-%d", cutoff.Unix(), i), Amount: loan.Cents(10_00 + k.dice.IntN(90_00)), Kind: loan.KindRegular,
			Origin: loan.OriginCustomer, Status: loan.Scheduled, ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn,
			SubmittedAt: submitted, CancelBy: slot.CancelBy,
		}
	}
	err = k.App.Store.Bulk(k.t.Context(), func(b *store.Bulk) error { return b.InsertPayments(k.t.Context(), payments) })
	if err != nil {
		k.t.Fatal(err)
	}
}

// process is a worker.
type process struct {
	*exec.Cmd
	log   *testenv.Log
	ended chan error
}

// start starts a worker whose clock stands just after a cut-off.
func (k *killing) start(cutoff time.Time) *process {
	k.t.Helper()
	p := &process{Cmd: exec.Command(k.binary, "worker"), log: new(testenv.Log), ended: make(chan error, 1)}
	p.Dir = k.t.TempDir()
	cfg := k.App.Config
	p.Env = []string{"DATABASE_URL=" + cfg.DatabaseURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_OUTBOX=" + cfg.Outbox,
		"MOBILEPAY_INBOX=" + cfg.Inbox, "MOBILEPAY_NOW=" + cutoff.Add(time.Second).Format(time.RFC3339), "MOBILEPAY_DATABASE_CONNECTIONS=4"}
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		k.t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	k.t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

func (k *killing) working(p *process) {
	k.t.Helper()
	eventually(k.t, "a worker works", func() bool { return strings.Contains(p.log.String(), "msg=working") })
}

func (k *killing) kill(p *process) {
	k.t.Helper()
	if err := p.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	if err := <-p.ended; err == nil {
		k.t.Errorf("a worker ended before it was killed\n%s", p.log)
	}
}

// stop ends a worker in the way that it should be ended.
func (k *killing) stop(p *process) {
	k.t.Helper()
	k.working(p) // before, it may not listen yet
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		k.t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			k.t.Errorf("SIGTERM ended a worker with %v\n%s", err, p.log)
		}
	case <-time.After(10 * time.Second):
		k.t.Errorf("SIGTERM did not end a worker within 10 s\n%s", p.log)
	}
}

// stage is how far a run has got.
func (k *killing) stage(cutoff time.Time) string {
	k.t.Helper()
	stage := "not begun"
	err := k.db.QueryRowContext(k.t.Context(), `SELECT CASE
		WHEN reconciled_at IS NOT NULL THEN 'complete' WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN filed_at IS NOT NULL THEN 'filed'
		WHEN applied_at IS NOT NULL THEN 'applied' ELSE 'begun' END FROM cutoff_runs WHERE cutoff_at = $1`, cutoff).Scan(&stage)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		k.t.Fatal(err)
	}
	return stage
}

func (k *killing) complete(cutoff time.Time) {
	k.t.Helper()
	eventually(k.t, "the run is complete", func() bool { return k.stage(cutoff) == "complete" })
}

// measure times a run that nobody kills, from the moment at which a worker works.
func (k *killing) measure(cutoff time.Time) {
	k.t.Helper()
	p := k.start(cutoff)
	k.working(p)
	began := time.Now()
	k.complete(cutoff)
	k.run = time.Since(began)
	k.stop(p)
}

// killTime waits for a moment of the run: of its first step, which is the longest,
// or soon after it has got to another one.
func (k *killing) killTime(p *process, cutoff time.Time) {
	k.t.Helper()
	k.working(p)
	stages := []string{"not begun", "begun", "applied", "filed", "delivered", "complete"}
	after := max(k.dice.IntN(len(stages)+1)-2, 0) // the first step as often as the three last ones
	longest := k.run
	if after > 0 {
		longest /= 16
	}
	eventually(k.t, "the run gets on", func() bool { return slices.Index(stages, k.stage(cutoff)) >= after })
	time.Sleep(time.Duration(k.dice.Int64N(int64(longest))))
}

func (k *killing) killOne(cutoff time.Time) {
	k.t.Helper()
	workers := []*process{k.start(cutoff), k.start(cutoff)}
	victim := k.dice.IntN(2)
	k.killTime(workers[0], cutoff)
	k.kill(workers[victim])
	killed := time.Now()
	k.stages[k.stage(cutoff)]++
	k.complete(cutoff)
	k.lasted = append(k.lasted, time.Since(killed).Round(time.Millisecond))
	k.stop(workers[1-victim])
}

func (k *killing) killBoth(cutoff time.Time) {
	k.t.Helper()
	workers := []*process{k.start(cutoff), k.start(cutoff)}
	k.killTime(workers[0], cutoff)
	k.kill(workers[0])
	k.kill(workers[1])
	k.stages[k.stage(cutoff)+", both"]++
	third := k.start(cutoff)
	k.complete(cutoff)
	k.stop(third)
}

// check looks at the books and at the files after a run.
func (k *killing) check(cutoff time.Time) {
	k.t.Helper()
	ctx := context.WithoutCancel(k.t.Context())
	var all, wrong int
	err := k.db.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE status NOT IN ('APPLIED', 'SETTLED') OR applied_cents <> amount_cents
		OR (SELECT COUNT(*) FROM ledger l WHERE l.payment_id = p.id AND l.kind = 'PAYMENT' AND l.cash_cents = p.amount_cents) <> 1
		OR (SELECT COUNT(*) FROM ach_entries e WHERE e.payment_id = p.id AND e.cutoff_at = p.cancel_by AND e.amount_cents = p.amount_cents) <> 1
		OR (SELECT COUNT(*) FROM audit a WHERE a.subject = 'payment:' || p.id) <> 1)
		FROM payments p WHERE cancel_by = $1`, cutoff).Scan(&all, &wrong)
	if err != nil || all != killPayments || wrong != 0 {
		k.t.Errorf("%d of %d payments are not as they should be, %v", wrong, all, err)
	}
	reports, err := k.App.Servicing.ReportRuns(ctx, 1000)
	if err != nil {
		k.t.Error(err)
	}
	for _, r := range reports {
		if r.Differs() || r.ReconciledAt == nil || r.Entries != killPayments {
			k.t.Errorf("the run of %v: %+v", r.CutoffAt, r)
		}
	}
	balanced(k.t, k.Env)
	files, err := os.ReadDir(k.App.Config.Outbox)
	if err != nil {
		k.t.Error(err)
	}
	for _, f := range files {
		if k.read[f.Name()] || strings.HasSuffix(f.Name(), ".part") { // which nobody fetches, of a worker that was killed
			continue
		}
		k.read[f.Name()] = true
		file, err := moov.ReadFile(filepath.Join(k.App.Config.Outbox, f.Name()))
		if err != nil || !strings.HasSuffix(f.Name(), ".ach") {
			k.t.Errorf("%s in the outbox: %v", f.Name(), err)
			continue
		}
		for _, batch := range file.Batches {
			for _, entry := range batch.GetEntries() {
				id, err := strconv.ParseInt(strings.TrimSpace(entry.IdentificationNumber), 10, 64)
				if err != nil {
					k.t.Error(err)
				}
				k.inFiles[id]++
			}
		}
	}
}
