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

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/vault"
)

const usage = `usage: mobilepay [command]

  serve      serve the API (the default); in sandbox mode with demo data
  migrate    bring the database's schema up to date, and exit
  seed       add customers for tests (sandbox only):
             seed --customers N --tokens FILE
  keyset     print a new keyset to seal bank account numbers with
  schema     print the schema

Settings come from the environment; README.md lists them.
`

// ErrUsage says that the command line was wrong; what is right has been printed.
var ErrUsage = errors.New("wrong usage")

// Run carries out a command line, without the program's name, until it is done or
// ctx ends. What was asked for goes to stdout, and what there is to tell to out.
func Run(ctx context.Context, args, environ []string, stdout, out io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { _, _ = io.WriteString(out, usage) }
	customers := flags.Int("customers", 0, "how many customers to add")
	tokens := flags.String("tokens", "", "the file that gets a session token a line")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return ErrUsage
	}
	switch command { // these need no settings
	case "schema":
		_, err := io.WriteString(stdout, graph.SDL())
		return err
	case "keyset":
		keyset, err := vault.Generate()
		if err == nil {
			_, err = stdout.Write(keyset)
		}
		return err
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	switch command {
	case "serve":
		return serve(ctx, cfg, out)
	case "migrate":
		return withApp(ctx, cfg, out, func(a *App) error {
			a.Log.Info("the schema is up to date")
			return nil
		})
	case "seed":
		if cfg.Mode != config.Sandbox {
			return errors.New("seed is for the sandbox only")
		}
		if *customers < 1 || *tokens == "" {
			flags.Usage()
			return ErrUsage
		}
		return withApp(ctx, cfg, out, func(a *App) error { return seedCustomers(ctx, a, *customers, *tokens) })
	default:
		flags.Usage()
		return ErrUsage
	}
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
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
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
		return a.Serve(ctx, listener)
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
	return seed.Deps{Store: a.Store, Sessions: a.Sessions, Vault: a.Vault, Hasher: a.Servicing.Hasher, Timing: a.Servicing.Timing}
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
