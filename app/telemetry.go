package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/operations"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
)

func newTelemetry(ctx context.Context, cfg config.Config, log *slog.Logger) (*telemetry.Telemetry, error) {
	shipped, err := operations.Parse(operations.Manifest())
	if err != nil {
		return nil, err
	}
	names := make([]string, len(shipped))
	for i, o := range shipped {
		names[i] = o.Name
	}
	return telemetry.New(ctx, telemetry.Options{
		Operations: names, Mode: string(cfg.Mode), Log: log,
		Traces: telemetry.Traces{Endpoint: cfg.OTLPEndpoint, Headers: cfg.TraceHeaders(), Service: cfg.ServiceName, Ratio: cfg.TraceRatio},
	})
}

// figures tells scrapes of what is read and not counted: the books, the pool, Redis and
// what passwords wait for. However often it is asked, the books are read once in a while.
type figures struct {
	app  *App
	real clock.Clock // how old something is in truth, whatever the app's clock shows

	mu     sync.Mutex
	readAt time.Time
	books  *servicing.Figures // nil where they could not be read
	redis  bool

	check     *servicing.Check // nil until there has been one
	checkedAt time.Time

	verifiedAt  time.Time // when the audit was; zero until then
	auditFaults int
}

const (
	// figuresLast is for how long what was read of the books is told.
	figuresLast = 15 * time.Second
	// figuresWithin is how long reading them may take.
	figuresWithin = 5 * time.Second
	// checkEvery is how often a worker goes through the whole of the books.
	checkEvery = 10 * time.Minute
	// verifyEvery is how often a worker goes through the whole of the audit, which is longer
	// than the books and whose every row is hashed.
	verifyEvery = 6 * time.Hour
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mobilepay_"+name, help, labels, nil)
}

var (
	dependencyUp    = describe("dependency_up", "1 where the database, its replica or Redis answers.", "dependency")
	replicaLag      = describe("replica_lag_seconds", "How far the replica is behind at the most; 0 where there is none.")
	poolConnections = describe("sql_connections", "Connections to the database, by what they do.", "state")
	poolMost        = describe("sql_connections_max", "How many connections to the database there may be.")
	poolWaits       = describe("sql_connection_waits_total", "How often something had to wait for a connection.")
	poolWaited      = describe("sql_connection_wait_seconds_total", "How long was waited for connections.")
	hashingSlots    = describe("password_hashing_slots", "How many passwords can be hashed at once.")
	hashingRunning  = describe("password_hashing_running", "Passwords that are being hashed.")
	hashingWaiting  = describe("password_hashing_waiting", "Passwords that wait to be hashed.")
	hashingRefused  = describe("password_hashing_refused_total", "Passwords that waited for too long.")
	certificateEnds = describe("tls_certificate_expiry_timestamp_seconds", "When the certificate that is served ends.")

	booksRead       = describe("books_read_timestamp_seconds", "When the figures of the books were last read.")
	payments        = describe("payments", "Payments by their status. Scheduled and applied ones are counted now, the others when the books are checked.", "status")
	oldestDue       = describe("oldest_due_payment_age_seconds", "For how long the oldest payment has been due that is not applied.")
	cutoffOverdue   = describe("cutoff_overdue_seconds", "For how long a cut-off has been over whose run is not complete.")
	unfinishedRuns  = describe("cutoff_runs_unfinished", "Runs that were begun and are not complete.")
	unsentFiles     = describe("ach_files_unsent", "Files for the bank that are not delivered.")
	oldestUnsent    = describe("ach_oldest_unsent_file_age_seconds", "For how long the oldest file waits to be delivered.")
	exceptions      = describe("exceptions_open", "Exceptions that wait for an operator.")
	oldestException = describe("oldest_exception_age_seconds", "For how long the oldest exception waits.")
	noticesWaiting  = describe("notices_waiting", "Notices that wait to be sent.")
	oldestNotice    = describe("oldest_notice_age_seconds", "For how long the oldest notice waits.")

	booksChecked  = describe("books_checked_timestamp_seconds", "When this process last went through the whole of the books.")
	difference    = describe("ledger_difference_cents", "By how many cents contracts differ from their ledger, in all.")
	outOfBalance  = describe("contracts_out_of_balance", "Contracts that are not what their ledger adds up to; 100 at the most.")
	runsDiffering = describe("cutoff_runs_out_of_balance", "Of the last 10 runs, those whose files, ledger and payments do not agree.")
	debits        = describe("ach_debits_60d", "Debits that were sent to the bank in the last 60 days.")
	returned      = describe("ach_returns_60d", "Debits that came back in the last 60 days, by return code.", "code")
	returnRatio   = describe("ach_return_ratio", "Share of the debits of the last 60 days that came back, by category.", "category")
	returnLimit   = describe("ach_return_ratio_limit", "NACHA's limit of that share.", "category")

	auditVerified = describe("audit_verified_timestamp_seconds", "When this process last went through the whole of the audit.")
	auditFaults   = describe("audit_faults", "Places at which the audit was not what was written when it was last gone through.")
)

// Describe implements prometheus.Collector: what there is depends on what can be read.
func (*figures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value)
	}
	pool := f.app.Store.Pool()
	gauge(poolConnections, float64(pool.InUse), "in_use")
	gauge(poolConnections, float64(pool.Idle), "idle")
	gauge(poolMost, float64(pool.Most))
	counter(poolWaits, float64(pool.Waits))
	counter(poolWaited, pool.Waited.Seconds())
	lag, isRead, isThere := f.app.Store.Lag()
	gauge(replicaLag, lag.Seconds())
	if isThere {
		gauge(dependencyUp, one(isRead), "replica")
	}
	hashing := f.app.Servicing.Hasher.Load()
	gauge(hashingSlots, float64(hashing.Slots))
	gauge(hashingRunning, float64(hashing.Running))
	gauge(hashingWaiting, float64(hashing.Waiting))
	counter(hashingRefused, float64(hashing.Refused))
	if ends, served := f.app.certificateEnds(); served {
		gauge(certificateEnds, unix(ends))
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	f.read()
	gauge(dependencyUp, one(f.books != nil), "database")
	if f.app.Sessions != nil {
		gauge(dependencyUp, one(f.redis), "redis")
	}
	if f.books != nil {
		f.tellBooks(gauge)
	}
	if f.check != nil {
		f.tellCheck(gauge)
	}
	if !f.verifiedAt.IsZero() {
		gauge(auditVerified, unix(f.verifiedAt))
		gauge(auditFaults, float64(f.auditFaults))
	}
}

// read reads the books and asks Redis, unless that was done just now. Scrapes that come
// meanwhile wait for it.
func (f *figures) read() {
	now := f.real.Now()
	if now.Sub(f.readAt) < figuresLast {
		return
	}
	f.readAt = now
	ctx, cancel := context.WithTimeout(context.Background(), figuresWithin)
	defer cancel()
	f.books, f.redis = nil, false
	books, err := f.app.Servicing.Figures(ctx, f.app.Clock.Now())
	if err == nil {
		f.books = &books
	} else {
		f.app.Log.Warn("the figures of the books cannot be read", "error", err)
	}
	if f.app.Sessions != nil {
		f.redis = f.app.Sessions.Ping(ctx) == nil
	}
}

func (f *figures) tellBooks(gauge func(*prometheus.Desc, float64, ...string)) {
	b := f.books
	gauge(booksRead, unix(f.readAt))
	gauge(payments, float64(b.Scheduled), status(loan.Scheduled))
	gauge(payments, float64(b.Applied), status(loan.Applied))
	gauge(oldestDue, b.OldestDue.Seconds())
	gauge(cutoffOverdue, b.Overdue.Seconds())
	gauge(unfinishedRuns, float64(b.UnfinishedRuns))
	gauge(unsentFiles, float64(b.UnsentFiles))
	gauge(oldestUnsent, b.OldestUnsent.Seconds())
	gauge(exceptions, float64(b.Exceptions))
	gauge(oldestException, b.OldestException.Seconds())
	gauge(noticesWaiting, float64(b.NoticesWaiting))
	gauge(oldestNotice, b.OldestNotice.Seconds())
}

func (f *figures) tellCheck(gauge func(*prometheus.Desc, float64, ...string)) {
	c := f.check
	gauge(booksChecked, unix(f.checkedAt))
	for _, s := range []loan.PaymentStatus{loan.Settled, loan.Canceled, loan.Returned} {
		gauge(payments, float64(c.Payments[s]), status(s))
	}
	gauge(difference, float64(c.Difference))
	gauge(outOfBalance, float64(c.Contracts))
	gauge(runsDiffering, float64(c.Runs))
	gauge(debits, float64(c.Debits))
	for code, n := range c.Returns {
		gauge(returned, float64(n), code)
	}
	for category, rate := range c.Rates {
		ratio := 0.0
		if c.Debits > 0 {
			ratio = float64(rate.Returns) / float64(c.Debits)
		}
		gauge(returnRatio, ratio, strings.ToLower(category))
		gauge(returnLimit, float64(rate.Limit)/10_000, strings.ToLower(category))
	}
}

func status(s loan.PaymentStatus) string { return strings.ToLower(string(s)) }

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func unix(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// nowAndThen goes through the whole of something until ctx ends. Only a worker does: one
// of them is enough, and it takes a while.
func (a *App) nowAndThen(ctx context.Context, every time.Duration, through func(context.Context) error) {
	for ctx.Err() == nil {
		wait := every
		if err := through(ctx); err != nil && ctx.Err() == nil {
			a.Log.Warn("the books or the audit could not be checked", "error", err)
			wait = min(wait, checkEvery)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// endJob ends a job as it went.
func endJob(ended func(string), err error) {
	switch {
	case err == nil:
		ended(telemetry.OK)
	case errors.Is(err, context.Canceled):
		ended("stopped")
	default:
		ended("failed")
	}
}

// CheckBooks goes through the whole of the books, for the metrics to tell of.
func (a *App) CheckBooks(ctx context.Context) error {
	ctx, ended := a.Telemetry.Job(ctx, "check_books")
	check, err := a.Servicing.CheckBooks(ctx, a.Clock.Now())
	endJob(ended, err)
	if err != nil {
		return fmt.Errorf("check the books: %w", err)
	}
	if check.Contracts > 0 || check.Runs > 0 {
		a.Log.ErrorContext(ctx, "ALARM: the books are out of balance", "contracts", check.Contracts, "runs", check.Runs, "cents", int64(check.Difference))
	}
	a.figures.mu.Lock()
	defer a.figures.mu.Unlock()
	a.figures.check, a.figures.checkedAt = &check, a.figures.real.Now()
	return nil
}

// VerifyAudit goes through the whole of the audit, for the metrics to tell of. Where it is
// broken is not told: that names customers, and mobilepay audit verify prints it.
func (a *App) VerifyAudit(ctx context.Context) error {
	ctx, ended := a.Telemetry.Job(ctx, "verify_audit")
	faults := 0
	rows, err := a.Store.Books().VerifyAudit(ctx, func(store.AuditFault) { faults++ })
	endJob(ended, err)
	if err != nil {
		return fmt.Errorf("verify the audit: %w", err)
	}
	if faults > 0 {
		a.Log.ErrorContext(ctx, "ALARM: the audit is not what was written", "faults", faults, "rows", rows)
	}
	a.figures.mu.Lock()
	defer a.figures.mu.Unlock()
	a.figures.auditFaults, a.figures.verifiedAt = faults, a.figures.real.Now()
	return nil
}
