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
	"slices"
	"strconv"
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
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

const usage = `usage: mobilepay [command]

  serve      serve the API (the default); in sandbox mode with demo data
  ready      ask the server on this machine whether it is ready; ends with 1 where
             it is not
  worker     do what is due, without serving: cut-off runs, files, returns, notices
  migrate    bring the database's schema up to date, and exit: --grant ROLE also
             gives the server's role of Postgres the rights that it needs
  reconcile  compare files, ledger and payments, and contracts with their ledger:
             reconcile --runs N for the last N runs; ends with 1 where they differ
  exceptions list what waits for an operator
  audit      audit verify: look for rows of the audit that were changed, added or
             removed; ends with 1 where there are any. --heads FILE writes down
             where the chains end, and --against FILE checks what was written down
  messages   work on what customers ask: messages list [--open],
             messages show ID, messages answer ID --operator NAME --text TEXT
             (- reads it from the input), messages close ID --operator NAME
  statement  statement correct ID --reason TEXT: issue another statement in the place of
             the latest one of a vehicle
  partner    partners who act for customers (docs/partners.md); those that change
             something take --operator NAME, for the audit:
             partner create --name N --scopes "payments:read payments:write"
             partner list
             partner rotate ID [--grace 24h]: a new secret, beside the one before
             partner revoke ID: it can do nothing more, at once
  seed       add customers for tests (sandbox only):
             seed --customers N --tokens FILE
  keyset     print a new keyset to seal bank account numbers with
  rotate-keys
             seal everything with a new key, beside servers that run:
             rotate-keys --fingerprints for that key, too; then
             rotate-keys --retire to remove the old key
  wrap-keyset
             wrap the keyset by a master key: wrap-keyset --to URI
  master-key print a new master key for a file
  schema     print the schema

Settings come from the environment; README.md lists them.
`

// ErrUsage says that the command line was wrong; what is right has been printed.
var ErrUsage = errors.New("wrong usage")

// needs is what each command works with.
var needs = map[string]config.Needs{
	"serve":        config.Everything,
	"ready":        0,
	"worker":       config.Database | config.Keyset | config.Mail | config.Letterhead, // what is due is done while Redis is away, too
	"migrate":      config.Database,
	"reconcile":    config.Database,
	"exceptions":   config.Database,
	"audit verify": config.Database | config.Keyset,

	"statement correct": config.Database | config.Keyset | config.Letterhead,

	"messages list":   config.Database | config.Keyset,
	"messages show":   config.Database | config.Keyset,
	"messages answer": config.Database | config.Keyset,
	"messages close":  config.Database | config.Keyset,

	"rotate-keys": config.Database | config.Keyset,
	"wrap-keyset": config.Keyset,
	"keyset":      0,
	"seed":        config.Everything,
}

// Run carries out a command line, without the program's name, until it is done or
// ctx ends. What was asked for goes to stdout, and what there is to tell to out.
func Run(ctx context.Context, args, environ []string, stdout, out io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	if command == "partner" {
		return runPartner(ctx, args, environ, stdout, out)
	}
	if (command == "audit" || command == "messages" || command == "statement") && len(args) > 0 {
		command, args = command+" "+args[0], args[1:]
	}
	var conversation loan.ConversationID
	if slices.Contains([]string{"messages show", "messages answer", "messages close"}, command) && len(args) > 0 {
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			_, _ = io.WriteString(out, usage)
			return ErrUsage
		}
		conversation, args = loan.ConversationID(n), args[1:]
	}
	id := ""
	if command == "statement correct" && len(args) > 0 {
		id, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { _, _ = io.WriteString(out, usage) }
	customers := flags.Int("customers", 0, "how many customers to add")
	tokens := flags.String("tokens", "", "the file that gets a session token a line")
	fingerprints := flags.Bool("fingerprints", false, "whether to rotate the fingerprint key, too")
	retire := flags.Bool("retire", false, "whether to remove the old key")
	grace := flags.Duration("grace", seenWithin, "how long every process may take to see the keyset")
	to := flags.String("to", "", "the master key")
	grant := flags.String("grant", "", "the role that gets the server's rights")
	runs := flags.Int("runs", 10, "how many runs to compare")
	heads := flags.String("heads", "", "the file that gets the ends of the audit's chains")
	reason := flags.String("reason", "", "why a statement is corrected")
	against := flags.String("against", "", "a file of ends that must be there still")
	open := flags.Bool("open", false, "only what waits for an answer")
	operator := flags.String("operator", "", "who answers or closes, for the audit")
	text := flags.String("text", "", "the answer; - reads it from the input")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return ErrUsage
	}
	switch command { // these need no settings
	case "schema":
		_, err := io.WriteString(stdout, graph.SDL())
		return err
	case "master-key":
		key, err := vault.GenerateMaster()
		if err == nil {
			_, err = stdout.Write(key)
		}
		return err
	}
	works, known := needs[command]
	if !known {
		flags.Usage()
		return ErrUsage
	}
	cfg, err := config.Load(environ, works)
	if err != nil {
		return err
	}
	switch command {
	case "serve":
		return serve(ctx, cfg, out)
	case "ready":
		return askReady(ctx, cfg, stdout)
	case "worker":
		return work(ctx, cfg, out)
	case "migrate":
		return migrate(ctx, cfg, *grant, newLog(cfg, out))
	case "reconcile":
		return withBooks(ctx, cfg, func(s *servicing.Service) error { return reconcile(ctx, s, *runs, stdout) })
	case "exceptions":
		return withBooks(ctx, cfg, func(s *servicing.Service) error { return listExceptions(ctx, s, stdout) })
	case "audit verify":
		return withAudit(ctx, cfg, func(b store.Books) error { return verifyAudit(ctx, b, *heads, *against, stdout) })
	case "messages list":
		return withMessages(ctx, cfg, *operator, stdout, func(m messages) error { return m.list(ctx, *open) })
	case "messages show":
		return withMessages(ctx, cfg, *operator, stdout, func(m messages) error { return m.show(ctx, conversation) })
	case "messages answer":
		return withMessages(ctx, cfg, *operator, stdout, func(m messages) error { return m.answer(ctx, conversation, *text, os.Stdin) })
	case "messages close":
		return withMessages(ctx, cfg, *operator, stdout, func(m messages) error { return m.close(ctx, conversation) })
	case "statement correct":
		return correctStatement(ctx, cfg, id, *reason, stdout)
	case "keyset":
		return printKeyset(cfg, stdout)
	case "wrap-keyset":
		if *to == "" {
			flags.Usage()
			return ErrUsage
		}
		return wrapKeyset(cfg, *to)
	case "rotate-keys":
		r := servicing.Rotation{Fingerprints: *fingerprints, Retire: *retire}
		return rotateKeys(ctx, cfg, r, *grace, stdout, out)
	case "seed":
		if cfg.Mode != config.Sandbox {
			return errors.New("seed is for the sandbox only")
		}
		if *customers < 1 || *tokens == "" {
			flags.Usage()
			return ErrUsage
		}
		return withApp(ctx, cfg, out, func(a *App) error { return seedCustomers(ctx, a, *customers, *tokens) })
	}
	return nil
}

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
func work(ctx context.Context, cfg config.Config, out io.Writer) (err error) {
	a, err := newWithoutSessions(ctx, cfg, newClock(cfg), newLog(cfg, out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if cfg.RedisURL != "" {
		// Whoever follows the events is woken; without it they see a run's within 15 s.
		authorities, err := redisAuthorities(cfg)
		if err != nil {
			return err
		}
		if a.nudges, err = session.OpenNudges(cfg.RedisURL, session.Options{RootCAs: authorities}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.nudges.Close()) }()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Work(ctx) })
	if cfg.AdminAddr != "" {
		group.Go(func() error { return a.serveAdmin(ctx) })
	}
	return group.Wait()
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
	_, _ = fmt.Fprintln(table, "ID\tSINCE\tKIND\tDETAIL\tFILE")
	for _, e := range list {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", e.ID, e.CreatedAt.Format(time.RFC3339), e.Kind, e.Detail, e.Source)
	}
	return table.Flush()
}
