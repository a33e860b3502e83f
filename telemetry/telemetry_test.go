package telemetry_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/telemetry"
)

func start(t testing.TB, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	all, err := telemetry.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = all.Close(ctx) // where there is no collector, what is left is lost
	})
	return all
}

func scrape(t *testing.T, all *telemetry.Telemetry) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	all.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}

func TestCounts(t *testing.T) {
	t.Parallel()
	all := start(t, telemetry.Options{Operations: []string{"Home"}, Mode: "sandbox"})
	for _, err := range []error{nil, errors.New("away")} {
		_, ended := all.Statement(t.Context(), "SELECT payments", "SELECT 1")
		ended(err)
		_, ended = all.Command(t.Context(), "get")
		ended(err)
	}
	_, ended := all.Job(t.Context(), "run_due")
	ended(telemetry.OK)
	closed := all.Opened("socket")
	all.Opened("stream")
	closed()
	for _, name := range []string{"Home", "MyHome"} {
		_, o := all.StartOperation(t.Context(), name, "query")
		o.End("")
	}
	_, o := all.StartOperation(t.Context(), "Home", "mutation")
	o.Refuse("CUTOFF_PASSED")
	o.End("")
	_, o = all.StartOperation(t.Context(), "Home", "mutation")
	o.Refuse("CUTOFF_PASSED")
	o.End("INTERNAL") // which counts more
	got := scrape(t, all)
	for _, want := range []string{
		`mobilepay_sql_statement_duration_seconds_count{statement="SELECT payments"} 2`, `mobilepay_sql_failures_total{statement="SELECT payments"} 1`,
		`mobilepay_redis_command_duration_seconds_count{command="get"} 2`, `mobilepay_redis_failures_total{command="get"} 1`,
		`mobilepay_job_runs_total{job="run_due",outcome="ok"} 1`, `mobilepay_job_runs_total{job="run_due",outcome="out_of_balance"} 0`,
		`mobilepay_live_connections{kind="socket"} 0`, `mobilepay_live_connections{kind="stream"} 1`,
		`mobilepay_graphql_operations_total{code="",operation="Home",outcome="ok",type="query"} 1`,
		`mobilepay_graphql_operations_total{code="",operation="other",outcome="ok",type="query"} 1`,
		`mobilepay_graphql_operations_total{code="CUTOFF_PASSED",operation="Home",outcome="refused",type="mutation"} 1`,
		`mobilepay_graphql_operations_total{code="INTERNAL",operation="Home",outcome="error",type="mutation"} 1`,
		`mobilepay_notices_total{outcome="given_up"} 0`, `mode="sandbox"`,
	} {
		if !strings.Contains(got, want+"\n") && !strings.Contains(got, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// Where nothing is traced, a context goes through as it came.
func TestUntraced(t *testing.T) {
	t.Parallel()
	all := start(t, telemetry.Options{})
	ctx, ended := all.Statement(t.Context(), "SELECT payments", "SELECT 1")
	ended(nil)
	within, ended := telemetry.Within(ctx, "part")
	ended(errors.New("no"))
	telemetry.Later(ctx, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "later")
	if within != t.Context() || telemetry.Traced(within) || telemetry.Traceparent(within) != "" {
		t.Error("something was traced")
	}
}

// That the collector is away holds nobody up.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	all := start(t, telemetry.Options{Traces: telemetry.Traces{Endpoint: gone.URL, Ratio: 1}})
	for range 5000 { // more than wait to be sent
		ctx, o := all.StartOperation(t.Context(), "Home", "query")
		if !telemetry.Traced(ctx) || !strings.HasPrefix(telemetry.Traceparent(ctx), "00-") {
			t.Fatal("it is not traced")
		}
		o.End("")
	}
}

func TestLogHandler(t *testing.T) {
	t.Parallel()
	all := start(t, telemetry.Options{Operations: []string{"Home"}, Traces: telemetry.Traces{Endpoint: "http://127.0.0.1:1", Ratio: 1}})
	var text strings.Builder
	log := slog.New(telemetry.LogHandler(slog.NewTextHandler(&text, nil))).With("who", "test")
	log.Info("alone")
	ctx, o := all.StartOperation(auth.WithRequest(t.Context(), auth.Request{ID: "r1"}), "Home", "query")
	log.InfoContext(ctx, "together")
	o.End("")
	lines := strings.Split(text.String(), "\n")
	if !strings.HasSuffix(lines[0], "msg=alone who=test") {
		t.Errorf("got %s", lines[0])
	}
	trace := strings.Split(telemetry.Traceparent(ctx), "-")
	if len(trace) > 1 && !strings.HasSuffix(lines[1], "msg=together who=test request=r1 trace="+trace[1]+" operation=Home") || !strings.Contains(lines[1], "operation=Home") {
		t.Errorf("got %s", lines[1])
	}
}

// What telling of a statement costs where nothing is traced.
func BenchmarkStatement(b *testing.B) {
	all := start(b, telemetry.Options{})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_, ended := all.Statement(ctx, "SELECT payments", "SELECT 1")
		ended(nil)
	}
}

// What telling of a request and its operation costs where nothing is traced, its line
// in the log left out.
func BenchmarkRequest(b *testing.B) {
	all := start(b, telemetry.Options{Operations: []string{"Home"}})
	log := slog.New(slog.DiscardHandler)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", nil)
	b.ReportAllocs()
	for b.Loop() {
		ctx, request := all.StartRequest(b.Context(), r, false, false)
		_, o := all.StartOperation(ctx, "Home", "query")
		o.End("")
		request.End(ctx, log, "/graphql", http.StatusOK, 100)
	}
}
