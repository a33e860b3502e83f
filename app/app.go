// Package app wires the house together: it is the only place where the rooms
// meet.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/bank"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/help"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
	"github.com/automobilepay/mobilepay/operations"
	"github.com/automobilepay/mobilepay/playground"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
	"github.com/automobilepay/mobilepay/vault"
	"github.com/automobilepay/mobilepay/web"
	"github.com/automobilepay/mobilepay/webhook"
	"github.com/automobilepay/mobilepay/worker"
)

// App is everything, ready to serve.
type App struct {
	Config    config.Config
	Clock     clock.Clock
	Log       *slog.Logger
	Store     *store.Store
	Sessions  *session.Store
	Vault     *vault.Vault
	Servicing *servicing.Service
	Telemetry *telemetry.Telemetry
	Handler   http.Handler

	figures     *figures
	certificate atomic.Pointer[certificate] // that is served; nil where TLS is ended elsewhere

	ready   *web.Readiness
	live    graphqlhttp.Live
	nudges  *session.Nudges // nil where nobody can be nudged
	moving  sync.Mutex      // held while the clock is moved
	unwatch func()          // ends the watch over the keyset
}

// New opens the databases and wires the rooms. Close it in the end.
func New(ctx context.Context, cfg config.Config, c clock.Clock, log *slog.Logger) (_ *App, err error) {
	a, err := newWithoutSessions(ctx, cfg, c, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.openSessions(ctx); err != nil {
		return nil, err
	}
	a.ready.Parts = append(a.ready.Parts, web.Part{Name: "redis", Check: a.Sessions.Ping})
	if cfg.ReplicaURL != "" {
		if err := a.Store.Follow(store.ReplicaOptions{URL: cfg.ReplicaURL, MostLag: cfg.ReplicaLag, Now: clock.System().Now}); err != nil {
			return nil, err
		}
		a.ready.Warnings = append(a.ready.Warnings, web.Part{Name: "replica", Check: a.Store.CheckReplica})
	}
	banks, err := openDirectory(cfg.RoutingDirectory)
	if err != nil {
		return nil, err
	}
	shipped, err := operations.Parse(operations.Manifest())
	if err != nil {
		return nil, err
	}
	requirements := cfg.AppRequirements()
	a.Servicing.Help = help.New(help.Facts{App: requirements, Phone: a.Servicing.Servicer.Phone})
	a.nudges = a.Sessions.Nudges()
	a.Handler = web.New(web.Options{
		Schema: graph.NewExecutableSchema(graph.Config{
			Resolvers:  &resolvers.Resolver{Servicing: a.Servicing, Directory: banks, AppRequirements: requirements},
			Directives: graph.DirectiveRoot{Authenticated: resolvers.Authenticated, Scope: resolvers.Scope},
		}),
		Sessions: a.Sessions, IssueToken: a.Servicing.IssueToken, PublicURL: cfg.PublicURL,
		Limits: graphqlhttp.Limits(cfg.Limits), Trusted: operations.Bodies(shipped), TrustedOnly: cfg.Documents == config.TrustedDocuments,
		Loaders: func(now time.Time) *dataloaders.Loaders { return dataloaders.New(a.Store, now) }, Replica: cfg.ReplicaURL != "",
		Clock: c, Log: a.Log, Sandbox: cfg.Mode == config.Sandbox, Playground: playground.Handler(), SDL: graph.SDL(),
		Moves:   web.SandboxMoves{MoveClock: a.moveClock, ReturnPayment: a.returnPayment, AddCustomer: a.addTestCustomer, ShowNotices: a.Servicing.ShowNotices},
		Timeout: cfg.RequestTimeout, Proxies: cfg.Proxies(), Ready: a.ready, Live: &a.live, Documents: a.Servicing.Document,
		Telemetry: a.Telemetry, Concurrency: cfg.Concurrency,
	})
	return a, nil
}

// newWithoutSessions is as much as work without customers needs: what is due is done
// while Redis is away, too.
func newWithoutSessions(ctx context.Context, cfg config.Config, c clock.Clock, log *slog.Logger) (*App, error) {
	log = slog.New(telemetry.LogHandler(log.Handler()))
	a := &App{Config: cfg, Clock: c, Log: log}
	var err error
	if a.Telemetry, err = newTelemetry(ctx, cfg, log); err != nil {
		return nil, err
	}
	a.figures = &figures{app: a, real: clock.System()}
	if a.Vault, err = openVault(cfg); err != nil {
		return nil, err
	}
	outbox, err := openOutbox(cfg)
	if err != nil {
		return nil, err
	}
	post, err := openPost(cfg)
	if err != nil {
		return nil, err
	}
	if a.Store, err = openStore(ctx, cfg, a.Vault, a.nudge, a.Telemetry.Statement); err != nil {
		return nil, err
	}
	a.unwatch = watchKeyset(a.Vault, log)
	a.Servicing = &servicing.Service{
		Store: a.Store, Vault: a.Vault, Hasher: auth.NewHasher(), Timing: Timing(cfg),
		Hooks:     webhook.New(cfg.Mode == config.Sandbox),
		Validator: validator(cfg), Originator: originator, Outbox: outbox, Post: post, Servicer: cfg.Servicer(),
		MoneyLimit:        session.Limit{Name: "money", N: cfg.MoneyPerMinute, Per: time.Minute},
		PartnerMoneyLimit: session.Limit{Name: "partner money", N: cfg.PartnerMoney, Per: time.Minute},
	}
	a.ready = &web.Readiness{
		Parts:    []web.Part{{Name: "database", Check: a.Store.Ping}, {Name: "schema", Check: a.Store.CheckSchema}},
		Warnings: []web.Part{{Name: "cutoff_run", Check: func(ctx context.Context) error { return a.Servicing.CheckRuns(ctx, c.Now()) }}},
		Clock:    c, Log: log,
	}
	if cfg.Mode == config.Production {
		if err := seed.RefuseDemo(ctx, a.seedDeps()); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	if err := a.Telemetry.Register(a.figures); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// openSessions connects to Redis, or starts a small one in this process.
func (a *App) openSessions(ctx context.Context) (err error) {
	cfg := a.Config
	authorities, err := redisAuthorities(cfg)
	if err != nil {
		return err
	}
	current := time.Duration(0)
	if cfg.ReplicaURL != "" {
		// What changes something is noted before; it commits within the deadlines of the
		// request and of a statement.
		current = cfg.ReplicaLag + 2*cfg.RequestTimeout
	}
	a.Sessions, err = session.Open(ctx, cfg.RedisURL, session.Options{
		Current: current, RootCAs: authorities, Idle: cfg.SessionIdle, Absolute: cfg.SessionAbsolute,
		Operations:        session.Limit{Name: "operations", N: cfg.OperationsPerMinute, Per: time.Minute},
		PartnerOperations: session.Limit{N: cfg.PartnerOperations, Per: time.Minute},
		Observe:           a.Telemetry.Command,
	})
	if err != nil {
		return err
	}
	a.Servicing.Sessions = a.Sessions
	return nil
}

// nudge wakes those who follow what customers see, in all processes.
func (a *App) nudge(customers []loan.CustomerID) {
	if a.nudges == nil {
		return // they look by themselves, if later
	}
	for _, customer := range customers {
		a.nudges.Publish(session.EventsOf(customer))
	}
}

// openStore opens the books. Without keys nothing can be written that is audited.
func openStore(ctx context.Context, cfg config.Config, keys store.AuditKeys, nudge func([]loan.CustomerID), observe store.Observer) (*store.Store, error) {
	return store.Open(ctx, cfg.DatabaseURL, store.Options{
		Connections: cfg.DatabaseConnections, StatementTimeout: cfg.RequestTimeout, AuditKeys: keys, Nudge: nudge, Observe: observe,
	})
}

// Timing is the policy about dates that a configuration states.
func Timing(cfg config.Config) loan.Timing {
	return loan.Timing{IsBankingDay: ach.IsBankingDay, Holidays: cfg.HolidayPosting, FurthestDays: cfg.FurthestDays}
}

// validator is the sandbox's, or none: an instant validator of a real provider
// takes its place here.
func validator(cfg config.Config) servicing.Validator {
	if cfg.Mode == config.Sandbox {
		return bank.SandboxValidator{}
	}
	return bank.NoValidator{}
}

// openPost is what sends notices; nil where there is no mail server, which only the
// sandbox may lack.
func openPost(cfg config.Config) (servicing.Post, error) {
	server := cfg.SMTP()
	if server == nil {
		return nil, nil
	}
	post, err := mail.NewSMTP(mail.Options{
		Server: server, From: cfg.MailFrom, TextGateway: cfg.TextGateway, RequireTLS: cfg.Mode == config.Production,
	})
	if err != nil {
		return nil, err
	}
	return post, nil
}

// redisAuthorities sign the certificate of Redis; nil where the machine's own do.
func redisAuthorities(cfg config.Config) (*x509.CertPool, error) {
	if cfg.RedisCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(cfg.RedisCA)
	if err != nil {
		return nil, fmt.Errorf("read who signs the certificate of Redis: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("MOBILEPAY_REDIS_CA holds no certificate")
	}
	return pool, nil
}

// connectionLimits are what a connection may take. A request's own deadline is
// shorter. Whoever sends a request byte by byte is cut after header and body. drain is
// how long stopping takes, with the pause, and leaves a second for the rest.
type connectionLimits struct{ header, body, write, idle, drain time.Duration }

func limitsOfConnections() connectionLimits {
	return connectionLimits{
		header: 5 * time.Second, body: 10 * time.Second, write: 15 * time.Second, idle: time.Minute, drain: 9 * time.Second,
	}
}

// maxHeader makes 64 KiB with what net/http grants on top.
const maxHeader = 64<<10 - 4096

// Serve answers on a listener until ctx ends. Then it is not ready, goes on for the
// drain pause, so that load balancers see that and send nothing more, and lets requests
// that are under way finish.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	// Requests leave much garbage and little behind: a third of the collections for
	// 10 MiB. What the operator says in GOGC stays.
	if percent := debug.SetGCPercent(300); percent != 100 {
		debug.SetGCPercent(percent)
	}
	return a.serve(ctx, listener, limitsOfConnections())
}

func (a *App) serve(ctx context.Context, listener net.Listener, limits connectionLimits) error {
	server := &http.Server{
		Handler:           closing(ctx, a.Handler),
		ReadHeaderTimeout: limits.header, ReadTimeout: limits.body, WriteTimeout: limits.write, IdleTimeout: limits.idle,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	serve := server.Serve
	if a.Config.TLSCert != "" {
		c := &certificate{cert: a.Config.TLSCert, key: a.Config.TLSKey}
		if _, err := c.get(); err != nil {
			return errors.Join(err, listener.Close())
		}
		a.certificate.Store(c)
		server.TLSConfig = c.tlsConfig()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	done := make(chan error, 1)
	go func() { done <- serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	a.Log.Info("draining", "pause", a.Config.DrainPause)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), limits.drain)
	defer cancel()
	a.ready.Drain()
	select {
	case <-time.After(a.Config.DrainPause):
	case err := <-done:
		return err
	}
	drained := make(chan error, 1)
	go func() { drained <- a.Drain(drain) }()
	err := errors.Join(server.Shutdown(drain), <-drained)
	if err == nil {
		a.Log.Info("drained")
		return nil
	}
	// The next instance is asked again, with the same keys.
	a.Log.Warn("what did not end in time is cut off", "error", err)
	return server.Close()
}

// closing makes each answer the last on its connection once ctx has ended, so that
// clients that keep connections go elsewhere.
func closing(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Drain ends the connections that stay, so that clients come back to another instance.
// It returns once their queries and mutations are answered, or with the error of ctx.
func (a *App) Drain(ctx context.Context) error { return a.live.Drain(ctx) }

// Work does what is due until ctx ends. While the clock is moved, the mover does it.
func (a *App) Work(ctx context.Context) error {
	var checks sync.WaitGroup
	defer checks.Wait()
	if a.Config.AdminAddr != "" { // or else nobody asks
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		checks.Go(func() { a.nowAndThen(ctx, checkEvery, a.CheckBooks) })
		checks.Go(func() { a.nowAndThen(ctx, verifyEvery, a.VerifyAudit) })
	}
	return worker.Run(ctx, worker.Options{
		Servicing: a.Servicing, Store: a.Store, Clock: a.Clock, Inbox: bank.Inbox(a.Config.Inbox), Log: a.Log, Busy: &a.moving,
		Observe: a.Telemetry.Job, Noticed: a.Telemetry.Notice,
	})
}

// Close lets go of the databases, in the opposite order of opening them.
func (a *App) Close() error {
	a.unwatch()
	var errs []error
	if a.Sessions != nil {
		errs = append(errs, a.Sessions.Close())
	}
	if a.Store != nil {
		errs = append(errs, a.Store.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracesWithin)
	defer cancel()
	if err := a.Telemetry.Close(ctx); err != nil {
		a.Log.Warn("the last traces were not sent", "error", err)
	}
	return errors.Join(errs...)
}

// tracesWithin is how long the end of the process waits for a collector of traces.
const tracesWithin = 2 * time.Second
