// Command bench measures the product against the least that could do its job: a
// server written by hand over net/http, lib/pq and encoding/json, with the same
// statements, the same session look-up and the same transaction for a payment.
// Both run in the same minutes on the same database; ratios count, not figures.
//
// Clients are on the same machine and take their part of its processors, so
// requests a second say less than the time that the servers' processors take.
//
// It needs MOBILEPAY_TEST_POSTGRES (a superuser) and MOBILEPAY_TEST_REDIS:
//
//	make bench
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
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == floor:
		err = serveFloor(ctx)
	case len(os.Args) == 2 && os.Args[1] == product:
		err = serveProduct(ctx)
	default:
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The two servers.
const (
	floor   = "floor"
	product = "mobilepay"
)

const maxTime = 10 * time.Minute

// timing is the policy about dates on both servers.
var timing = loan.Timing{IsBankingDay: ach.IsBankingDay, Holidays: loan.PostOnDate, FurthestDays: 60}

func run(ctx context.Context) error {
	customers := flag.Int("customers", 20_000, "how many customers to seed")
	duration := flag.Duration("duration", 8*time.Second, "how long to load each server with each operation")
	connections := flag.Int("connections", 16, "how many clients ask at the same time")
	only := flag.String("only", "", "the one operation to measure: HOME, SMALL or PAY")
	overload := flag.Bool("overload", false, "measure three times the load that can be served, and nothing else")
	profile := flag.String("profile", "", "a file for a CPU profile of the product under HOME, or what is in -only; beside it, .allocs for what it has allocated")
	flag.Parse()
	postgres, redis := os.Getenv("MOBILEPAY_TEST_POSTGRES"), os.Getenv("MOBILEPAY_TEST_REDIS")
	if postgres == "" || redis == "" || flag.NArg() > 0 {
		return errors.New("run it with make bench, or scripts/with-services go run ./bench")
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()

	dir, err := os.MkdirTemp("", "mobilepay-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{redis: redis, keyset: filepath.Join(dir, "keyset.json"), connections: *connections, duration: *duration, only: *only, profile: *profile}
	drop, err := b.createDatabase(ctx, postgres)
	if err != nil {
		return err
	}
	defer drop()
	if err := b.seed(ctx, *customers); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if *overload {
		return b.overload(ctx)
	}
	return b.measure(ctx)
}

// bench is a run.
type bench struct {
	database, redis, keyset string
	connections             int
	duration                time.Duration
	only, profile           string

	db      *sql.DB
	targets []target
}

// target is a seeded customer as a client knows them.
type target struct {
	token    string
	vehicles []int64
	account  int64
}

func (b *bench) createDatabase(ctx context.Context, admin string) (drop func(), err error) {
	server, err := sql.Open("postgres", admin)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("bench_%d", os.Getpid())
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
		_, _ = server.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)")
		_ = server.Close()
	}, nil
}

// seed adds the customers and brings the database to rest.
func (b *bench) seed(ctx context.Context, n int) (err error) {
	keys, err := vault.Generate()
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.keyset, keys, 0o600); err != nil {
		return err
	}
	d := seed.Deps{Hasher: auth.NewHasher(), Timing: timing}
	if d.Vault, err = vault.Open(keys); err != nil {
		return err
	}
	if d.Store, err = store.Open(ctx, b.database, store.Options{AuditKeys: d.Vault}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Store.Close()) }()
	if d.Sessions, err = session.Open(ctx, b.redis, session.Options{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Sessions.Close()) }()

	var tokens strings.Builder
	start := time.Now()
	if err := seed.Customers(ctx, d, n, start, &tokens); err != nil {
		return err
	}
	fmt.Printf("seeded %d customers in %.1f s\n", n, time.Since(start).Seconds())
	for _, statement := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := b.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return b.findTargets(ctx, strings.Fields(tokens.String()))
}

func (b *bench) findTargets(ctx context.Context, tokens []string) error {
	rows, err := b.db.QueryContext(ctx, `
SELECT v.customer_id, v.id, a.id FROM vehicles v
JOIN payment_accounts a ON a.customer_id = v.customer_id AND a.is_default ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	defer rows.Close()
	last := int64(0)
	for rows.Next() {
		var customer, vehicle, account int64
		if err := rows.Scan(&customer, &vehicle, &account); err != nil {
			return err
		}
		if customer != last {
			b.targets = append(b.targets, target{token: tokens[len(b.targets)], account: account})
			last = customer
		}
		t := &b.targets[len(b.targets)-1]
		t.vehicles = append(t.vehicles, vehicle)
	}
	return rows.Err()
}

// result is what was measured of an operation on a server, in all rounds that
// count.
type result struct {
	load
	cpu, postgres []float64 // ms a request, of the server and of its database sessions; by round
	allocations   uint64
	statements    float64 // a request, BEGIN and COMMIT among them
}

// rounds is how often the servers take turns. What others do on the machine
// disturbs some of them, so the middle one counts.
const rounds = 8

// measure loads the servers in turns and prints the table.
func (b *bench) measure(ctx context.Context) error {
	statements, err := b.countStatements(ctx)
	if err != nil {
		return fmt.Errorf("count statements: %w", err)
	}
	servers := map[string]*child{}
	for _, name := range []string{floor, product} {
		c, err := b.start(ctx, name, b.database)
		if err != nil {
			return err
		}
		defer c.stop()
		servers[name] = c
	}
	fmt.Printf("%d processors, %d clients\n\n", runtime.NumCPU(), b.connections)
	fmt.Println("| operation | server    | requests/s | p50 ms | p99 ms | CPU ms | ratio | Postgres CPU ms | ratio | allocations | SQL |")
	fmt.Println("|-----------|-----------|-----------:|-------:|-------:|-------:|------:|----------------:|------:|------------:|----:|")
	for _, o := range operations {
		if b.only != "" && b.only != o.name {
			continue
		}
		results := map[string]*result{floor: {}, product: {}}
		for round := range rounds + 1 {
			for _, name := range []string{floor, product} {
				r := results[name]
				if round == 0 { // which opens connections and fills caches, and does not count
					r = new(result)
				}
				if err := b.round(ctx, servers[name], o, r); err != nil {
					return fmt.Errorf("%s on %s: %w", o.name, name, err)
				}
			}
		}
		for _, name := range []string{floor, product} {
			results[name].statements = statements[name][o.name]
			fmt.Println(row(o.name, name, results[name], results[floor]))
		}
	}
	fmt.Println()
	for _, name := range []string{floor, product} {
		c := servers[name]
		fmt.Printf("%s: %d MiB of its own at most, %d MiB with the pages of its file; first answer after %d ms\n", name, c.own, c.resident, c.started.Milliseconds())
	}
	if b.profile != "" {
		return b.takeProfile(ctx, servers[product])
	}
	return nil
}

func row(operation, server string, r, base *result) string {
	n := float64(len(r.latencies))
	return fmt.Sprintf("| %-9s | %-9s | %10.0f | %6.2f | %6.2f | %6.3f | %5.2f | %15.3f | %5.2f | %11.0f | %3.0f |",
		operation, server, n/r.took.Seconds(), r.percentile(50), r.percentile(99),
		median(r.cpu), median(ratios(r.cpu, base.cpu)), median(r.postgres), median(ratios(r.postgres, base.postgres)),
		float64(r.allocations)/n, r.statements)
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// ratios divides what was measured in the same rounds.
func ratios(of, by []float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i] / by[i]
	}
	return all
}

// round loads a server for a part of the time and adds what was measured.
func (b *bench) round(ctx context.Context, c *child, o operation, r *result) error {
	mallocs, err := c.mallocs(ctx)
	if err != nil {
		return err
	}
	cpu, postgres := c.cpu(), b.postgresCPU(ctx, c.name)
	l, err := b.load(ctx, c, o, b.duration/rounds)
	if err != nil {
		return err
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(len(l.latencies)) }
	r.add(l)
	r.cpu = append(r.cpu, each(c.cpu()-cpu))
	r.postgres = append(r.postgres, each(b.postgresCPU(ctx, c.name)-postgres))
	c.weigh()
	after, err := c.mallocs(ctx)
	r.allocations += after - mallocs
	return err
}

// takeProfile loads the product once more, with the profiler on.
func (b *bench) takeProfile(ctx context.Context, c *child) error {
	const seconds = 10
	of := operations[max(0, slices.IndexFunc(operations, func(o operation) bool { return o.name == b.only }))]
	done := make(chan error, 1)
	go func() {
		_, err := b.load(ctx, c, of, (seconds+1)*time.Second)
		done <- err
	}()
	body, err := get(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", c.side, seconds))
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	allocated, err := get(ctx, fmt.Sprintf("http://%s/debug/pprof/allocs", c.side))
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(b.profile, body, 0o600), os.WriteFile(b.profile+".allocs", allocated, 0o600))
}
