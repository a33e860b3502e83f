// Package telemetry is how operators see the program at work: metrics for Prometheus,
// traces for OpenTelemetry, and what every line of the log says of the request that it
// is about. It knows nothing of what it watches; the rooms tell it, by functions that
// they are given or through the context.
//
// Nothing here holds a personal datum. The values of labels come from the program
// itself (routes, shipped operations, codes, statements) and not from clients, so that
// their number is bounded, too.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options are what is told about the program.
type Options struct {
	// Operations are the names of the operations that the apps ship. All others are
	// told of as [Other].
	Operations []string
	// Traces is where traces go; nothing is traced where its endpoint is empty.
	Traces Traces
	// Mode is sandbox or production.
	Mode string
	// Log is told when traces cannot be sent.
	Log *slog.Logger
}

// Other stands for what clients name as they like.
const Other = "other"

// Telemetry holds the metrics and the tracer of one app. It is safe for concurrent use.
type Telemetry struct {
	metrics
	registry   *prometheus.Registry
	operations map[string]bool
	statements sync.Map // of *watched, by name
	commands   sync.Map
	provider   *sdktrace.TracerProvider // nil where nothing is traced
	tracer     trace.Tracer             // nil where nothing is traced
}

// New makes the metrics, and the tracer where traces are wanted. Close it in the end.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	t := &Telemetry{metrics: newMetrics(), registry: prometheus.NewRegistry(), operations: map[string]bool{}}
	for _, name := range o.Operations {
		t.operations[name] = true
	}
	version := "unknown"
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		version = build.Main.Version
	}
	for _, outcome := range []string{"sent", "postponed", "given_up"} {
		t.notices.WithLabelValues(outcome)
	}
	for _, kind := range []string{"socket", "stream"} {
		t.live.WithLabelValues(kind)
	}
	t.buildInfo.WithLabelValues(version, o.Mode).Set(1)
	if err := t.Register(t.all()...); err != nil {
		return nil, err
	}
	if err := t.Register(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return nil, err
	}
	if o.Traces.Endpoint != "" {
		if err := t.trace(ctx, o.Traces, o.Log); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Register adds metrics, such as those that are read when they are scraped.
func (t *Telemetry) Register(all ...prometheus.Collector) error {
	var errs []error
	for _, c := range all {
		errs = append(errs, t.registry.Register(c))
	}
	return errors.Join(errs...)
}

// Close sends what is left of the traces.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Handler answers scrapes. What cannot be read is left out: the rest is needed most
// when something is wrong.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// prefix begins the name of every metric that is not the Go runtime's.
const prefix = "mobilepay_"

// The bounds of the histograms, in seconds. A request ends within 10 s, a statement
// and a command take a fraction of a request, and a run may take minutes.
var (
	requestBuckets   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	statementBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
	commandBuckets   = []float64{.00025, .0005, .001, .0025, .005, .01, .05, .25, 1}
	jobBuckets       = []float64{.01, .05, .25, 1, 5, 15, 60, 300, 900}
)

// metrics are those that are counted as things happen.
type metrics struct {
	buildInfo         *prometheus.GaugeVec
	requests          *prometheus.CounterVec
	requestSeconds    *prometheus.HistogramVec
	inFlight          prometheus.Gauge
	graphQL           *prometheus.CounterVec
	graphQLSeconds    *prometheus.HistogramVec
	subscriptionTold  *prometheus.CounterVec
	panics            prometheus.Counter
	live              *prometheus.GaugeVec
	sessionChecks     *prometheus.CounterVec
	statementSeconds  *prometheus.HistogramVec
	statementFailures *prometheus.CounterVec
	commandSeconds    *prometheus.HistogramVec
	commandFailures   *prometheus.CounterVec
	jobRuns           *prometheus.CounterVec
	jobSeconds        *prometheus.HistogramVec
	jobSucceeded      *prometheus.GaugeVec
	notices           *prometheus.CounterVec
}

func newMetrics() metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, labels)
	}
	seconds := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
	}
	return metrics{
		buildInfo:      gauge("build_info", "The program that runs; always 1.", "version", "mode"),
		requests:       counter("http_requests_total", "HTTP requests that were answered.", "route", "method", "status"),
		requestSeconds: seconds("http_request_duration_seconds", "How long HTTP requests took, but for those that stay open.", requestBuckets, "route"),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "http_requests_in_flight",
			Help: "HTTP requests that are being answered, without those that stay open."}),
		graphQL: counter("graphql_operations_total",
			"GraphQL operations by how they ended: ok, refused by a rule, or error; code says why.", "operation", "type", "outcome", "code"),
		graphQLSeconds:    seconds("graphql_operation_duration_seconds", "How long GraphQL queries and mutations took.", requestBuckets, "operation"),
		subscriptionTold:  counter("graphql_subscription_events_total", "Answers that were sent to subscriptions.", "operation"),
		panics:            prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "panics_total", Help: "Panics that were caught."}),
		live:              gauge("live_connections", "Connections that stay and are open: sockets and event streams.", "kind"),
		sessionChecks:     counter("session_checks_total", "Looks for the session of a token, by what was found: session, none, limited or unavailable.", "outcome"),
		statementSeconds:  seconds("sql_statement_duration_seconds", "How long SQL statements took, by verb and table.", statementBuckets, "statement"),
		statementFailures: counter("sql_failures_total", "SQL statements that failed. A row that is not there or there already is no failure.", "statement"),
		commandSeconds:    seconds("redis_command_duration_seconds", "How long commands to Redis took.", commandBuckets, "command"),
		commandFailures:   counter("redis_failures_total", "Commands to Redis that failed.", "command"),
		jobRuns:           counter("job_runs_total", "Jobs that ended, by how: ok, failed, out_of_balance, waiting (for the database) or stopped.", "job", "outcome"),
		jobSeconds:        seconds("job_duration_seconds", "How long jobs took.", jobBuckets, "job"),
		jobSucceeded:      gauge("job_last_success_timestamp_seconds", "When a job last ended well in this process.", "job"),
		notices:           counter("notices_total", "Attempts to send notices to customers, by how they ended: sent, postponed or given_up.", "outcome"),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.buildInfo, m.requests, m.requestSeconds, m.inFlight, m.graphQL, m.graphQLSeconds, m.subscriptionTold, m.panics, m.live,
		m.sessionChecks, m.statementSeconds, m.statementFailures, m.commandSeconds, m.commandFailures, m.jobRuns, m.jobSeconds,
		m.jobSucceeded, m.notices,
	}
}

// Panicked counts a panic that was caught.
func (t *Telemetry) Panicked() { t.panics.Inc() }

// Opened counts a connection that stays, socket or stream, until the function that it
// returns is called.
func (t *Telemetry) Opened(kind string) (closed func()) {
	open := t.live.WithLabelValues(kind)
	open.Inc()
	return open.Dec
}

// SessionChecked counts a look for a session.
func (t *Telemetry) SessionChecked(outcome string) { t.sessionChecks.WithLabelValues(outcome).Inc() }

// watched are the metrics of one statement or command. They are looked up as one, and
// are there from the first use on: a failure must be seen to be counted from 0.
type watched struct {
	seconds  prometheus.Observer
	failures prometheus.Counter
}

func watch(known *sync.Map, name string, seconds *prometheus.HistogramVec, failures *prometheus.CounterVec) *watched {
	if w, ok := known.Load(name); ok {
		return w.(*watched) // nothing else is stored
	}
	w, _ := known.LoadOrStore(name, &watched{seconds.WithLabelValues(name), failures.WithLabelValues(name)})
	return w.(*watched) // nothing else is stored
}

func (w *watched) ended(began time.Time, span trace.Span, err error) {
	w.seconds.Observe(time.Since(began).Seconds())
	if err != nil {
		w.failures.Inc()
	}
	end(span, err)
}

// Statement watches a SQL statement, which is named by its verb and table. Its text is
// a constant of the program, without values.
func (t *Telemetry) Statement(ctx context.Context, name, text string) (context.Context, func(error)) {
	w, began := watch(&t.statements, name, t.statementSeconds, t.statementFailures), time.Now()
	ctx, span := client(ctx, name)
	if span != nil {
		span.SetAttributes(sqlAttributes(name, text)...)
	}
	return ctx, func(err error) { w.ended(began, span, err) }
}

// Command watches a command to Redis, of which nothing but the name is told.
func (t *Telemetry) Command(ctx context.Context, name string) (context.Context, func(error)) {
	w, began := watch(&t.commands, name, t.commandSeconds, t.commandFailures), time.Now()
	ctx, span := client(ctx, name)
	if span != nil {
		span.SetAttributes(redisAttributes(name)...)
	}
	return ctx, func(err error) { w.ended(began, span, err) }
}

// Job watches a job. The function that it returns takes how it ended: ok, failed,
// out_of_balance, waiting or stopped.
func (t *Telemetry) Job(ctx context.Context, name string) (context.Context, func(outcome string)) {
	began := time.Now()
	for _, outcome := range []string{OK, "failed", "out_of_balance"} {
		t.jobRuns.WithLabelValues(name, outcome) // which are there before they are counted
	}
	ctx, span := t.root(ctx, "job "+name)
	return ctx, func(outcome string) {
		now := time.Now()
		t.jobSeconds.WithLabelValues(name).Observe(now.Sub(began).Seconds())
		t.jobRuns.WithLabelValues(name, outcome).Inc()
		if outcome == OK {
			t.jobSucceeded.WithLabelValues(name).Set(float64(now.UnixMilli()) / 1000)
			endOutcome(span, "")
			return
		}
		endOutcome(span, outcome)
	}
}

// Notice counts an attempt to send a notice.
func (t *Telemetry) Notice(outcome string) { t.notices.WithLabelValues(outcome).Inc() }
