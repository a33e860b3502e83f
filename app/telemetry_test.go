package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/redact"
	"github.com/automobilepay/mobilepay/testenv"
)

// scrape is what Prometheus is answered.
func scrape(t *testing.T, e *testenv.Env) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	e.App.Admin(false).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("the metrics answer %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

// sample is the value of a metric with its labels as they are written; NaN where it is
// not there.
func sample(t *testing.T, metrics, series string) string {
	t.Helper()
	for line := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			return value
		}
	}
	return "none"
}

func wantSamples(t *testing.T, metrics string, want map[string]string) {
	t.Helper()
	for series, value := range want {
		if got := sample(t, metrics, series); got != value {
			t.Errorf("%s is %s, want %s", series, got, value)
		}
	}
}

// One payment is followed from the request that made it to the file that debits it: the
// request, the operation, its mutation and statements, and, a day later, in the same
// trace, what the run did for it, linked with the run's own.
func TestTraceOfPayment(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		collector := testenv.NewCollector(t)
		e := testenv.New(t, engine, withInbox(t), func(c *config.Config) { c.OTLPEndpoint = collector.URL })
		c := e.AddCustomer()
		if made := e.Post(c.Token, schedule, order(c, "1")); made.Code() != "" {
			t.Fatal(made.Raw)
		}
		stop := startWorker(t, e)
		e.At("2026-11-18 15:00:00")
		eventually(t, "the payment is in a file", func() bool { return e.Outbox()["20261118-1500-A.ach"] != "" })
		eventually(t, "the run is complete", func() bool {
			_, err := e.App.Store.Books().FirstUnfinished(t.Context())
			return err != nil
		})
		stop()
		e.Stop()

		spans := collector.Spans()
		if t.Failed() || testing.Verbose() {
			show(t, spans)
		}
		find := func(trace, name string) testenv.Span {
			t.Helper()
			for _, s := range spans {
				if s.GetName() == name && (trace == "" || s.Trace == trace) {
					return s
				}
			}
			show(t, spans)
			t.Fatalf("there is no span %q in the trace %q", name, trace)
			return testenv.Span{}
		}
		mutation := find("", "Mutation.schedulePayment")
		request := find(mutation.Trace, "POST /graphql")
		operation := find(request.Trace, "mutation other")
		insert := find(request.Trace, "INSERT payments")
		for _, link := range [][2]testenv.Span{{operation, request}, {mutation, operation}, {insert, mutation}, {find(request.Trace, "COMMIT"), mutation}} {
			if link[0].Parent != link[1].ID {
				t.Errorf("%s is not in %s", link[0].GetName(), link[1].GetName())
			}
		}
		if limit := find(request.Trace, "evalsha"); limit.Parent != request.ID {
			t.Error("Redis is not in the trace")
		}
		if got := request.Attribute("mobilepay.request.id"); got == "" || got == nil {
			t.Errorf("the request has no id: %v", request.GetAttributes())
		}

		job := find("", "job run_due")
		run := find("", "cut-off run")
		if job.Trace == request.Trace || !slices.ContainsFunc(spans, func(s testenv.Span) bool {
			return s.Trace == run.Trace && s.GetName() == "job run_due" && s.ID == run.Parent
		}) {
			t.Error("the run is not a job's, in a trace of its own")
		}
		for _, name := range []string{"payment applied", "payment filed", "payment delivered"} {
			s := find(request.Trace, name)
			if !slices.Contains(s.Links, run.Trace) || s.Attribute("mobilepay.cutoff") != "2026-11-18T20:00:00Z" {
				t.Errorf("%s: links %v, attributes %v", name, s.Links, s.GetAttributes())
			}
		}
		if files := fmt.Sprint(find(request.Trace, "payment delivered").GetAttributes()); !strings.Contains(files, "20261118-1500-A.ach") {
			t.Errorf("the file is not named: %s", files)
		}
	})
}

// show prints traces as trees.
func show(t *testing.T, spans []testenv.Span) {
	t.Helper()
	var text strings.Builder
	var branch func(parent, trace, indent string)
	branch = func(parent, trace, indent string) {
		for _, s := range spans {
			if s.Parent == parent && s.Trace == trace {
				fmt.Fprintf(&text, "%s%s %v\n", indent, s.GetName(), s.Links)
				branch(s.ID, trace, indent+"  ")
			}
		}
	}
	for _, s := range spans {
		if s.Parent == "" {
			fmt.Fprintf(&text, "%s: %s %v\n", s.Trace, s.GetName(), s.Links)
			branch(s.ID, s.Trace, "  ")
		}
	}
	t.Log("\n" + text.String())
}

// A caller's trace goes on where a proxy of ours sends it. Anybody else's is linked.
func TestCallersTrace(t *testing.T) {
	t.Parallel()
	const theirs, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for address, believed := range map[string]bool{"10.1.2.3:50000": true, "192.0.2.1:50000": false} {
		collector := testenv.NewCollector(t)
		e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.OTLPEndpoint, c.TrustedProxies = collector.URL, "10.0.0.0/8" })
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql?secret-query", strings.NewReader(`{"query": "{ __typename }"}`))
		request.RemoteAddr = address
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Traceparent", "00-"+theirs+"-"+span+"-01")
		request.Header.Set("Tracestate", "vendor=secret-state")
		e.App.Handler.ServeHTTP(httptest.NewRecorder(), request)
		e.Stop()
		spans := collector.Spans()
		i := slices.IndexFunc(spans, func(s testenv.Span) bool { return s.GetName() == "POST /graphql" })
		if i < 0 {
			t.Fatalf("%d spans without a request", len(spans))
		}
		s := spans[i]
		if goesOn := s.Trace == theirs && s.Parent == span; goesOn != believed {
			t.Errorf("from %s: goes on: %t", address, goesOn)
		}
		if linked := slices.Contains(s.Links, theirs); linked == believed {
			t.Errorf("from %s: linked: %t", address, linked)
		}
		if bytes.Contains(collector.Raw(), []byte("secret")) {
			t.Errorf("from %s: the caller's text is told", address)
		}
	}
}

// Of none of the requests there is a trace where the ratio is 0, and nothing is written
// in the books.
func TestNothingTraced(t *testing.T) {
	t.Parallel()
	collector := testenv.NewCollector(t)
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.OTLPEndpoint, c.TraceRatio = collector.URL, 0 })
	c := e.AddCustomer()
	if made := e.Post(c.Token, schedule, order(c, "1")); made.Code() != "" {
		t.Fatal(made.Raw)
	}
	e.Stop()
	if n := len(collector.Spans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

// Each request has one line in the log, in JSON, that names the route and not the path;
// whatever else is logged of it has its id, its trace and its operation.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	collector := testenv.NewCollector(t)
	cfg, err := config.Load(append(testenv.Services(t, testenv.Embedded), "MOBILEPAY_KEYSET="+t.TempDir()+"/keyset.json", "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL), config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	var log testenv.Log
	e := testenv.New(t, testenv.Embedded)
	a, err := app.New(t.Context(), cfg, e.Clock, slog.New(slog.NewJSONHandler(&log, redact.Options(slog.LevelInfo))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	send := func(method, target, body string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		a.Handler.ServeHTTP(recorder, request)
		return recorder
	}
	answer := send(http.MethodPost, "/graphql?x=canary-query", `{"query": "query NextCutoff { nextCutoff { today } }", "operationName": "NextCutoff"}`)
	send(http.MethodPost, "/graphql", `{"query": "query CanaryName { __typename }"}`)
	send("CANARY", "/canary-path", "")
	send(http.MethodGet, "/healthz", "")

	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if fields["msg"] == "request" {
			lines = append(lines, fields)
		}
	}
	if len(lines) != 3 || strings.Contains(strings.ToLower(log.String()), "canary") {
		t.Fatalf("got %s", log.String())
	}
	first := lines[0]
	if first["route"] != "/graphql" || first["method"] != "POST" || first["status"] != 200.0 || first["bytes"] != float64(answer.Body.Len()) ||
		first["request"] != answer.Header().Get("X-Request-Id") || first["operation"] == nil || len(fmt.Sprint(first["trace"])) != 32 {
		t.Errorf("got %v", first)
	}
	if lines[1]["operation"] != "other" || lines[2]["route"] != "none" || lines[2]["method"] != "other" || lines[2]["status"] != 404.0 {
		t.Errorf("got %v", lines[1:])
	}
}

// A webhook names the trace of the try that sent it, and nothing else of it; where nothing
// is traced it names none.
func TestTraceOfWebhook(t *testing.T) {
	for _, traced := range []bool{true, false} {
		t.Run(fmt.Sprint("traced ", traced), func(t *testing.T) {
			collector := testenv.NewCollector(t)
			e := testenv.New(t, testenv.Embedded, withInbox(t), func(c *config.Config) {
				if traced {
					c.OTLPEndpoint = collector.URL
				}
			})
			c, p, rec := e.AddCustomer(), e.AddPartner(everything), newReceiver(t)
			rec.endpoint(t, e, p)
			var mu sync.Mutex
			var sent []http.Header
			rec.answersBy(func(_ http.ResponseWriter, r *http.Request) int {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, r.Header.Clone())
				return []int{http.StatusServiceUnavailable, http.StatusOK}[min(len(sent)-1, 1)]
			})
			e.Grant(c, p, allGranted...)
			stop := startWorker(t, e)
			eventually(t, "one is sent", func() bool { all, _ := rec.hooks(); return len(all) > 0 })
			if err := e.Clock.SetTo(e.Clock.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			first, _ := rec.hooks()
			eventually(t, "it is sent again, and taken", func() bool {
				_, taken := rec.hooks()
				return slices.ContainsFunc(taken, func(h hook) bool { return h.id == first[0].id })
			})
			stop()
			e.Stop()
			spans := collector.Spans()
			want, traces := map[string]bool{}, map[string]bool{}
			for _, s := range spans {
				if s.GetName() == "webhook sent" {
					want["00-"+s.Trace+"-"+s.ID+"-01"], traces[s.Trace] = true, true
				}
			}
			if traced && len(traces) != len(sent) || !traced && len(spans) != 0 {
				t.Errorf("%d tries have the traces %v", len(sent), want)
			}
			for i, header := range sent {
				if got := header["Traceparent"]; traced && (len(got) != 1 || !want[got[0]]) || !traced && got != nil {
					t.Errorf("try %d has the trace %v, and there are %v", i+1, got, want)
				}
				if header["Tracestate"] != nil || header["Baggage"] != nil {
					t.Errorf("try %d tells more of it: %v", i+1, header)
				}
			}
			if bytes.Contains(collector.Raw(), []byte(rec.URL)) || bytes.Contains(collector.Raw(), []byte(rec.secret)) {
				t.Error("the traces have the endpoint's URL or its secret")
			}
		})
	}
}

// The money's figures are those of the books: what is scheduled and due, a run that is
// late, and after it what was filed and returned.
func TestFiguresOfTheBooks(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, withInbox(t))
		c := e.AddCustomer()
		e.MoveTo("2026-11-18 12:05:00") // the books begin
		made := e.Post(c.Token, schedule, order(c, "1"))
		if made.Code() != "" {
			t.Fatal(made.Raw)
		}
		e.At("2026-11-18 15:10:00") // nobody has run what is due
		wantSamples(t, scrape(t, e), map[string]string{
			`mobilepay_payments{status="scheduled"}`: "1", `mobilepay_payments{status="applied"}`: "0",
			"mobilepay_oldest_due_payment_age_seconds": "600", "mobilepay_cutoff_overdue_seconds": "600",
			"mobilepay_cutoff_runs_unfinished": "0", "mobilepay_ach_files_unsent": "0", "mobilepay_exceptions_open": "0",
			`mobilepay_dependency_up{dependency="database"}`: "1", `mobilepay_dependency_up{dependency="redis"}`: "1",
			"mobilepay_ledger_difference_cents": "none", // nobody has looked yet
		})

		// Scrapes in a row do not read the books again.
		e.At("2026-11-18 15:11:00")
		if got := sample(t, scrape(t, e), "mobilepay_cutoff_overdue_seconds"); got != "600" {
			t.Errorf("the books were read again: %s", got)
		}

		again := e.Another()
		again.MoveTo("2026-11-18 15:12:00")
		if code := again.Return(made.Text("schedulePayment", "payment", "id"), "R10"); code != http.StatusOK {
			t.Fatalf("the return answers %d", code)
		}
		if err := again.App.CheckBooks(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSamples(t, scrape(t, again), map[string]string{
			`mobilepay_payments{status="scheduled"}`: "0", `mobilepay_payments{status="applied"}`: "0", `mobilepay_payments{status="returned"}`: "1",
			"mobilepay_oldest_due_payment_age_seconds": "0", "mobilepay_cutoff_overdue_seconds": "0",
			"mobilepay_ach_debits_60d": "1", `mobilepay_ach_returns_60d{code="R10"}`: "1",
			`mobilepay_ach_return_ratio{category="unauthorized"}`: "1", `mobilepay_ach_return_ratio{category="administrative"}`: "0",
			`mobilepay_ach_return_ratio{category="overall"}`: "1", `mobilepay_ach_return_ratio_limit{category="unauthorized"}`: "0.005",
			"mobilepay_ledger_difference_cents": "0", "mobilepay_contracts_out_of_balance": "0", "mobilepay_cutoff_runs_out_of_balance": "0",
			`mobilepay_job_runs_total{job="check_books",outcome="ok"}`: "1",
		})

		// Somebody changes what a contract owes.
		alter(t, e, "UPDATE contracts SET principal_cents = principal_cents + 7, fees_cents = fees_cents - 0 WHERE vehicle_id = (SELECT MIN(vehicle_id) FROM contracts)")
		if err := again.App.CheckBooks(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSamples(t, scrape(t, again), map[string]string{"mobilepay_ledger_difference_cents": "7", "mobilepay_contracts_out_of_balance": "1"})
		if !strings.Contains(again.Log.String(), "ALARM: the books are out of balance") {
			t.Error("the log does not tell")
		}

		// Somebody changes a row of the audit, and what keeps them from it.
		verified := func(want map[string]string) {
			t.Helper()
			if err := again.App.VerifyAudit(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantSamples(t, scrape(t, again), want)
		}
		wantSamples(t, scrape(t, again), map[string]string{"mobilepay_audit_verified_timestamp_seconds": "none", "mobilepay_audit_faults": "none"})
		verified(map[string]string{"mobilepay_audit_faults": "0", `mobilepay_job_runs_total{job="verify_audit",outcome="ok"}`: "1"})
		if strings.Contains(again.Log.String(), "ALARM: the audit") {
			t.Error("the log tells of faults that there are not")
		}
		alter(t, e, map[testenv.Engine]string{testenv.Real: "ALTER TABLE audit DISABLE TRIGGER audit_append_only", testenv.Embedded: "DROP TRIGGER audit_no_update"}[engine])
		alter(t, e, "UPDATE audit SET action = 'nothing' WHERE customer_id = $1 AND seq = 1", c.ID)
		verified(map[string]string{"mobilepay_audit_faults": "1", `mobilepay_job_runs_total{job="verify_audit",outcome="ok"}`: "2"})
		if at := sample(t, scrape(t, again), "mobilepay_audit_verified_timestamp_seconds"); at == "none" || at == "0" {
			t.Errorf("it was verified at %s", at)
		}
		if !strings.Contains(again.Log.String(), "ALARM: the audit is not what was written") {
			t.Error("the log does not tell")
		}
	})
}

// Operations are counted by name and by how they ended. Names that clients make up are
// one.
func TestOperationsCounted(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer() // which asks once
	named := strings.Replace(schedule, "mutation(", "mutation SchedulePayment(", 1)
	e.Post(c.Token, named, order(c, "1"))
	e.Post(c.Token, named, order(c, "2"))                                     // a likely duplicate
	e.Post("", named, order(c, "3"))                                          // nobody
	e.Post(c.Token, `query Made_up_by_a_client { viewer { username } }`, nil) //
	e.Post(c.Token, `query Another_one { viewer { noSuchField } }`, nil)      // not valid
	e.PostRaw(c.Token, `{"query": "mutation M { logOut { loggedOut } }"}`)    //
	e.PostRaw(c.Token, `{"query": "{ viewer { username } }"}`)                // the session is over
	metrics := scrape(t, e)
	wantSamples(t, metrics, map[string]string{
		`mobilepay_graphql_operations_total{code="",operation="SchedulePayment",outcome="ok",type="mutation"}`:                      "1",
		`mobilepay_graphql_operations_total{code="LIKELY_DUPLICATE",operation="SchedulePayment",outcome="refused",type="mutation"}`: "1",
		`mobilepay_graphql_operations_total{code="UNAUTHENTICATED",operation="SchedulePayment",outcome="error",type="mutation"}`:    "1",
		`mobilepay_graphql_operations_total{code="",operation="other",outcome="ok",type="query"}`:                                   "2",
		`mobilepay_graphql_operations_total{code="GRAPHQL_VALIDATION_FAILED",operation="other",outcome="error",type="none"}`:        "1",
		`mobilepay_graphql_operations_total{code="",operation="other",outcome="ok",type="mutation"}`:                                "1",
		`mobilepay_graphql_operations_total{code="UNAUTHENTICATED",operation="other",outcome="error",type="query"}`:                 "1",
		`mobilepay_session_checks_total{outcome="session"}`:                                                                         "6",
		`mobilepay_session_checks_total{outcome="none"}`:                                                                            "1",
		`mobilepay_http_requests_total{method="POST",route="/graphql",status="2xx"}`:                                                "8",
		`mobilepay_http_request_duration_seconds_count{route="/graphql"}`:                                                           "8",
	})
	if strings.Contains(metrics, "client") && strings.Contains(metrics, "Made_up") {
		t.Error("a label holds a client's text")
	}
	if n, err := strconv.Atoi(sample(t, metrics, `mobilepay_sql_statement_duration_seconds_count{statement="INSERT payments"}`)); err != nil || n != 1 {
		t.Errorf("payments were inserted %d times, %v", n, err)
	}
}

// A run that stops for want of balance is told as such.
func TestJobsCounted(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded, withInbox(t))
	c := e.AddCustomer()
	e.Post(c.Token, schedule, order(c, "1"))
	e.MoveTo("2026-11-18 15:00:00")
	stop := startWorker(t, e)
	ok, bad := regexp.MustCompile(`mobilepay_job_runs_total\{job="run_due",outcome="ok"\} [1-9]`), regexp.MustCompile(`mobilepay_job_runs_total\{job="run_due",outcome="out_of_balance"\} [1-9]`)
	eventually(t, "a run is counted", func() bool { return ok.MatchString(scrape(t, e)) })
	alter(t, e, "UPDATE payments SET applied_cents = applied_cents - 1 WHERE status = 'APPLIED'")
	e.At("2026-11-18 18:00:00")
	eventually(t, "the alarm is counted", func() bool { return bad.MatchString(scrape(t, e)) })
	stop()
}

// Operators are answered on their own listener: profiles only on this machine.
func TestAdmin(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	for _, c := range []struct {
		path     string
		profiles bool
		want     int
	}{
		{"/metrics", false, 200}, {"/healthz", false, 200}, {"/readyz", false, 200}, {"/debug/pprof/", false, 404}, {"/debug/pprof/heap", true, 200},
		{"/graphql", true, 404}, {"/", true, 404},
	} {
		recorder := httptest.NewRecorder()
		e.App.Admin(c.profiles).ServeHTTP(recorder, httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, c.path, nil))
		if recorder.Code != c.want {
			t.Errorf("%s answers %d, want %d", c.path, recorder.Code, c.want)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if got := e.Fetch(path); got != http.StatusNotFound {
			t.Errorf("customers get %s: %d", path, got)
		}
	}
}
