// Command cutoff measures a cut-off run: how long it takes to post many payments
// that are due at once, to put them into files, to deliver these and to reconcile,
// and how much memory. It needs MOBILEPAY_TEST_POSTGRES (a superuser):
//
//	SERVICES_DURABLE=1 scripts/with-services go run ./bench/cutoff
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/bank"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cutoff:", err)
		os.Exit(1)
	}
}

// bench is a run on a database of its own.
type bench struct {
	database string
	db       *sql.DB // to look at the run from outside
	service  *servicing.Service
	cutoff   time.Time
}

func run(ctx context.Context) (err error) {
	payments := flag.Int("payments", 100_000, "how many payments are due")
	profile := flag.String("profile", "", "a file for a CPU profile of the run")
	keep := flag.Bool("keep", false, "leave the database, to look into it")
	flag.Parse()
	postgres := os.Getenv("MOBILEPAY_TEST_POSTGRES")
	if postgres == "" || flag.NArg() > 0 {
		return errors.New("run it with scripts/with-services go run ./bench/cutoff")
	}
	dir, err := os.MkdirTemp("", "mobilepay-cutoff")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{cutoff: loan.Date{Year: 2026, Month: time.November, Day: 18}.At(loan.FirstCutoffHour).UTC()}
	drop, err := b.createDatabase(ctx, postgres, *keep)
	if err != nil {
		return err
	}
	defer drop()
	if err := b.open(ctx, filepath.Join(dir, "outbox")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.service.Store.Close()) }()
	if err := b.load(ctx, *payments); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return b.measure(ctx, *payments)
}

func (b *bench) createDatabase(ctx context.Context, admin string, keep bool) (drop func(), err error) {
	server, err := sql.Open("postgres", admin)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("cutoff_%d", os.Getpid())
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	u, err := url.Parse(admin)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	b.database = u.String()
	if b.db, err = sql.Open("postgres", b.database); err != nil {
		return nil, err
	}
	return func() {
		_ = b.db.Close()
		if !keep {
			_, _ = server.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)")
		} else {
			fmt.Println("the database is kept:", name)
		}
		_ = server.Close()
	}, nil
}

func (b *bench) open(ctx context.Context, outbox string) error {
	keys, err := vault.Generate()
	if err != nil {
		return err
	}
	b.service = &servicing.Service{
		Timing: loan.Timing{IsBankingDay: ach.IsBankingDay, Holidays: loan.PostOnDate, FurthestDays: 60},
		Originator: ach.Originator{
			Destination: "021000021", DestinationName: "FIRST SYNTHETIC BANK", Origin: "123456780", OriginName: "MOBILEPAY SERVICING",
			CompanyID: "1234567890", CompanyName: "MOBILEPAY", ODFI: "02100002",
		},
		Outbox: bank.Outbox(outbox),
	}
	if b.service.Vault, err = vault.Open(keys); err != nil {
		return err
	}
	b.service.Store, err = store.Open(ctx, b.database, store.Options{AuditKeys: b.service.Vault})
	return err
}

// load adds customers with a loan each, or every fourth a lease, that are current
// and have one payment that is due at the cut-off.
func (b *bench) load(ctx context.Context, n int) error {
	const batch = 5000
	start := time.Now()
	err := b.service.Store.Bulk(ctx, func(bulk *store.Bulk) error {
		for first := 0; first < n; first += batch {
			if err := b.loadBatch(ctx, bulk, first, min(first+batch, n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("loaded %d payments in %.1f s\n", n, time.Since(start).Seconds())
	for _, statement := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) loadBatch(ctx context.Context, bulk *store.Bulk, from, to int) error {
	submitted := b.cutoff.Add(-5 * time.Hour)
	today := loan.DateOf(submitted)
	var customers []*store.NewCustomer
	for i := from; i < to; i++ {
		c := new(store.NewCustomer)
		c.Username, c.FirstName, c.LastName = fmt.Sprintf("customer-%d", i), "Robin", fmt.Sprintf("Bench-%d", i)
		customers = append(customers, c)
	}
	if err := bulk.InsertCustomers(ctx, customers); err != nil {
		return err
	}
	var vehicles []*loan.Vehicle
	var accounts []*store.NewPaymentAccount
	for i, c := range customers {
		vehicles = append(vehicles, &loan.Vehicle{CustomerID: c.ID, Year: 2024, Make: "Chevrolet", Model: "Equinox", VIN: fmt.Sprint(from + i), Contract: contract(from+i, today)})
		a, number := new(store.NewPaymentAccount), fmt.Sprintf("99%09d", from+i)
		a.CustomerID, a.Type, a.RoutingNumber, a.Last4, a.IsDefault, a.AddedAt = c.ID, loan.Checking, "122105155", number[7:], true, submitted
		a.DebitableFrom = today.AddDays(-1)
		a.Fingerprint = servicing.AccountFingerprint(b.service.Vault, a.RoutingNumber, number)
		var err error
		if a.Sealed, err = b.service.Vault.Seal(number, servicing.AccountBinding(c.ID, a.Fingerprint)); err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	if err := errors.Join(bulk.InsertVehicles(ctx, vehicles), bulk.InsertPaymentAccounts(ctx, accounts)); err != nil {
		return err
	}
	slot, err := b.service.Timing.Schedule(submitted, today)
	if err != nil {
		return err
	}
	var payments []*loan.Payment
	for i, c := range customers {
		payments = append(payments, &loan.Payment{
			CustomerID: c.ID, ScheduledBy: c.ID, VehicleID: vehicles[i].ID, PaymentAccountID: accounts[i].ID,
			ConfirmationNumber: fmt.Sprintf("MP-%012d", from+i), Amount: 389_00, Kind: loan.KindRegular, Origin: loan.OriginCustomer,
			Status: loan.Scheduled, ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn,
			SubmittedAt: slot.SubmittedAt, CancelBy: slot.CancelBy,
		})
	}
	return bulk.InsertPayments(ctx, payments)
}

func contract(i int, today loan.Date) loan.Contract {
	terms := loan.Terms{AccountNumberLast4: "4821", OpenedOn: today.AddMonths(-12), MaturesOn: today.AddMonths(48), TermMonths: 60,
		Instalment: 389_00, CurrentDue: 389_00, DueOn: today.AddDays(1 + i%28)}
	if i%4 == 3 {
		return &loan.Lease{Terms: terms, PurchaseOption: 16_500_00, InstalmentsRemaining: 47}
	}
	return &loan.Loan{Terms: terms, AmountFinanced: 24_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: today.AddDays(-30)}
}

// steps are how far a run has got, by the columns that say so.
var steps = []string{"applied", "filed", "delivered", "reconciled"}

// measure runs the cut-off, and says when each step was done and what it took.
func (b *bench) measure(ctx context.Context, n int) error {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak begins anew, where it can be told
	watch, done := context.WithCancel(ctx)
	ended := make(chan [4]time.Time)
	heap := make(chan uint64)
	go func() { ended <- b.watchSteps(watch) }()
	go func() { heap <- watchHeap(watch) }()

	counted, statements := store.CountStatements(ctx)
	start := time.Now()
	err := b.service.RunDue(counted, b.cutoff)
	took := time.Since(start)
	time.Sleep(2 * interval) // for the watchers
	done()
	at, peak := <-ended, <-heap
	if err != nil {
		return err
	}
	var applied int
	if err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM ach_entries JOIN payments p ON p.id = payment_id WHERE p.status = 'APPLIED' AND trace IS NOT NULL").Scan(&applied); err != nil {
		return err
	}
	if applied != n {
		return fmt.Errorf("%d payments are applied and filed, not %d", applied, n)
	}
	before := start
	for i, step := range steps {
		fmt.Printf("%-11s %6.2f s\n", step, at[i].Sub(before).Seconds())
		before = at[i]
	}
	fmt.Printf("in all      %6.2f s, %.0f payments/s, %d statements\n", took.Seconds(), float64(n)/took.Seconds(), statements.Load())
	fmt.Printf("peak        %d MiB resident, %d MiB of heap\n", resident()>>20, peak>>20)
	start = time.Now()
	if _, err := b.service.Reconcile(ctx); err != nil {
		return err
	}
	fmt.Printf("every contract against its ledger: %.2f s\n", time.Since(start).Seconds())
	return nil
}

// interval is how often the watchers look.
const interval = 20 * time.Millisecond

// watchSteps looks at the run from outside, and tells when each step was there.
func (b *bench) watchSteps(ctx context.Context) (at [4]time.Time) {
	for ticks := time.Tick(interval); ; {
		select {
		case <-ctx.Done():
			return at
		case now := <-ticks:
			var is [4]bool
			err := b.db.QueryRowContext(ctx, `SELECT applied_at IS NOT NULL, filed_at IS NOT NULL, delivered_at IS NOT NULL, reconciled_at IS NOT NULL
FROM cutoff_runs WHERE cutoff_at = $1`, b.cutoff).Scan(&is[0], &is[1], &is[2], &is[3])
			for i := range is {
				if err == nil && is[i] && at[i].IsZero() {
					at[i] = now
				}
			}
		}
	}
}

// watchHeap tells the most bytes that objects took.
func watchHeap(ctx context.Context) (peak uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for ticks := time.Tick(interval); ; {
		select {
		case <-ctx.Done():
			return peak
		case <-ticks:
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
		}
	}
}

// resident is the most memory that this process had, in bytes; zero where it
// cannot be told.
func resident() (bytes int64) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(rest, &bytes)
	return bytes << 10
}
