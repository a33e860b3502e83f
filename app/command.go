package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/redact"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
)

// serverCommands run the server and look after its books.
var serverCommands = []command{
	{
		name: "serve", needs: config.Everything,
		about: "serve the API (the default); in sandbox mode with demo data",
		bind:  does(func(ctx context.Context, c call) error { return serve(ctx, c.cfg, c.out) }),
	},
	{
		name:  "ready",
		about: "ask the server on this machine whether it is ready; ends with 1 where\nit is not",
		bind:  does(func(ctx context.Context, c call) error { return askReady(ctx, c.cfg, c.stdout) }),
	},
	{
		name: "worker", needs: config.Database | config.Keyset | config.Mail | config.Letterhead, // what is due is done while Redis is away, too
		about: "do what is due, without serving: cut-off runs, files, returns, notices",
		bind:  does(func(ctx context.Context, c call) error { return work(ctx, c.cfg, c.out) }),
	},
	{
		name: "migrate", needs: config.Database,
		about: "bring the database's schema up to date, and exit: --grant ROLE also\ngives the server's role of Postgres the rights that it needs",
		bind: func(flags *flag.FlagSet) action {
			grant := flags.String("grant", "", "the role that gets the server's rights")
			return func(ctx context.Context, c call) error { return migrate(ctx, c.cfg, *grant, newLog(c.cfg, c.out)) }
		},
	},
	{
		name: "reconcile", needs: config.Database,
		about: "compare files, ledger and payments, and contracts with their ledger:\nreconcile --runs N for the last N runs; ends with 1 where they differ",
		bind: func(flags *flag.FlagSet) action {
			runs := flags.Int("runs", 10, "how many runs to compare")
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error { return reconcile(ctx, s, *runs, c.stdout) })
			}
		},
	},
	{
		name: "exceptions", needs: config.Database,
		about: "list what waits for an operator",
		bind: does(func(ctx context.Context, c call) error {
			return withBooks(ctx, c.cfg, func(s *servicing.Service) error { return listExceptions(ctx, s, c.stdout) })
		}),
	},
}

var seedCommands = []command{{
	name: "seed", needs: config.Everything,
	about: "add customers for tests (sandbox only):\nseed --customers N --tokens FILE",
	bind: func(flags *flag.FlagSet) action {
		customers := flags.Int("customers", 0, "how many customers to add")
		tokens := flags.String("tokens", "", "the file that gets a session token a line")
		return func(ctx context.Context, c call) error {
			if c.cfg.Mode != config.Sandbox {
				return errors.New("seed is for the sandbox only")
			}
			if *customers < 1 || *tokens == "" {
				return ErrUsage
			}
			return withApp(ctx, c.cfg, c.out, func(a *App) error { return seedCustomers(ctx, a, *customers, *tokens) })
		}
	},
}}

var schemaCommands = []command{{
	name: "schema", bare: true,
	about: "print the schema",
	bind: does(func(_ context.Context, c call) error {
		_, err := io.WriteString(c.stdout, graph.SDL())
		return err
	}),
}}

func withApp(ctx context.Context, cfg config.Config, out io.Writer, do func(*App) error) (err error) {
	a, err := New(ctx, cfg, newClock(cfg), newLog(cfg, out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return do(a)
}

// newClock is the machine's clock, or in the sandbox one that can be set forward.
func newClock(cfg config.Config) clock.Clock {
	switch {
	case cfg.Mode == config.Production:
		return clock.System()
	case cfg.Now.IsZero():
		return clock.Running(clock.System().Now())
	}
	return clock.Running(cfg.Now)
}

func newLog(cfg config.Config, out io.Writer) *slog.Logger {
	options := redact.Options(cfg.LogLevel)
	if cfg.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

func serve(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, out, func(a *App) error {
		if cfg.Mode == config.Sandbox {
			if err := seed.Demo(ctx, a.seedDeps(), a.Clock.Now()); err != nil {
				return fmt.Errorf("add the demo data: %w", err)
			}
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
		if err != nil {
			return err
		}
		a.Log.Info("serving", "address", listener.Addr().String(), "mode", cfg.Mode,
			"database", engine(a.Store.Embedded(), "embedded SQLite", "Postgres"),
			"sessions", engine(a.Sessions.Embedded(), "in this process", "Redis"))
		if cfg.Mode == config.Sandbox {
			_, _ = fmt.Fprintf(out, banner, listener.Addr(), listener.Addr())
		}
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return a.Serve(ctx, listener) })
		if cfg.AdminAddr != "" {
			group.Go(func() error { return a.serveAdmin(ctx) })
		}
		if cfg.Worker == config.On {
			group.Go(func() error { return a.Work(ctx) })
		}
		return group.Wait()
	})
}

const banner = `
  mobilepay sandbox
  playground   http://%s/playground
  API          http://%s/graphql
  log in as    demo, password open-road-2026

`

func engine(embedded bool, small, large string) string {
	if embedded {
		return small
	}
	return large
}

func (a *App) seedDeps() seed.Deps {
	return seed.Deps{Store: a.Store, Sessions: a.Sessions, Vault: a.Vault, Hasher: a.Servicing.Hasher, Timing: a.Servicing.Timing, Servicer: a.Servicing.Servicer}
}

func seedCustomers(ctx context.Context, a *App, n int, path string) (err error) {
	if a.Sessions.Embedded() {
		return errors.New("tokens of sessions in this process would end with it: set REDIS_URL")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return seed.Customers(ctx, a.seedDeps(), n, a.Clock.Now(), file)
}

// work does what is due until ctx ends.
func work(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withoutSessions(ctx, cfg, out, func(a *App) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return a.Work(ctx) })
		if cfg.AdminAddr != "" {
			group.Go(func() error { return a.serveAdmin(ctx) })
		}
		return group.Wait()
	})
}

// withoutSessions runs do with an app that serves nobody. Where there is Redis, whoever
// follows the events is woken; without it they see within 15 s what is done.
func withoutSessions(ctx context.Context, cfg config.Config, out io.Writer, do func(*App) error) (err error) {
	a, err := newWithoutSessions(ctx, cfg, newClock(cfg), newLog(cfg, out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if cfg.RedisURL != "" {
		authorities, err := redisAuthorities(cfg)
		if err != nil {
			return err
		}
		if a.nudges, err = session.OpenNudges(cfg.RedisURL, session.Options{RootCAs: authorities}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.nudges.Close()) }()
	}
	return do(a)
}

func migrate(ctx context.Context, cfg config.Config, grant string, log *slog.Logger) (err error) {
	s, err := openStore(ctx, cfg, nil, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.MigrateJobs(ctx, log); err != nil {
		return err
	}
	if grant != "" {
		if err := s.Grant(ctx, grant); err != nil {
			return fmt.Errorf("grant the server's rights: %w", err)
		}
	}
	log.Info("the schema is up to date")
	return nil
}

// withBooks runs do with use cases that have the books and nothing else.
func withBooks(ctx context.Context, cfg config.Config, do func(*servicing.Service) error) (err error) {
	s, err := openStore(ctx, cfg, nil, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(&servicing.Service{Store: s})
}

// withKeys runs do with use cases that have the books, and the keys by which they are
// read and audited.
func withKeys(ctx context.Context, cfg config.Config, do func(*servicing.Service) error) (err error) {
	keys, err := openVault(cfg)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, cfg, keys, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(&servicing.Service{Store: s, Vault: keys, Servicer: cfg.Servicer()})
}

// reconcile prints what the books say of the latest runs, and which contracts are
// not what their ledger adds up to. Where anything differs, it fails.
func reconcile(ctx context.Context, s *servicing.Service, runs int, out io.Writer) error {
	reports, err := s.ReportRuns(ctx, runs)
	if err != nil {
		return err
	}
	differ := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CUT-OFF\tENTRIES\tFILES\tLEDGER\tPAYMENTS\tRUN")
	for _, r := range reports {
		state := "complete"
		if r.ReconciledAt == nil {
			state = "not complete"
		}
		if r.Differs() {
			differ++
			state += ", DIFFERS"
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", eastern(r.CutoffAt),
			r.Entries, r.FileCents, r.LedgerCents, r.PaymentsCents, state)
	}
	contracts, err := s.Reconcile(ctx)
	if err != nil && !errors.Is(err, servicing.ErrOutOfBalance) {
		return err
	}
	if len(contracts) > 0 {
		_, _ = fmt.Fprintln(table, "\nVEHICLE\tPRINCIPAL\tINTEREST\tFEES\tINSTALMENTS\tSUM")
	}
	for _, c := range contracts {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", c.VehicleID, c.Principal, c.Interest, c.Fees, c.Instalments, c.Sum)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ+len(contracts) > 0 {
		return fmt.Errorf("%w: %d runs and %d contracts differ", servicing.ErrOutOfBalance, differ, len(contracts))
	}
	_, err = fmt.Fprintln(out, "No run and no contract differs.")
	return err
}

// eastern spells an instant for an operator.
func eastern(at time.Time) string { return at.In(loan.Eastern).Format("2006-01-02 15:04") }

// listExceptions prints what the machine could not place.
func listExceptions(ctx context.Context, s *servicing.Service, out io.Writer) error {
	list, err := s.Exceptions(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	exceptionTable(table, list)
	return table.Flush()
}
