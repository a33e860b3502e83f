// Package testenv runs the whole app for tests, wired as production wires it, on
// a database of its own and with a clock that tests set.
package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/redact"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv/redistest"
	"github.com/automobilepay/mobilepay/vault"
)

// Engine is what the books and sessions are kept in.
type Engine string

// The engines.
const (
	Embedded Engine = "embedded" // SQLite, and Redis in this process
	Real     Engine = "real"     // Postgres and Redis
	Cluster  Engine = "cluster"  // Postgres and a Redis Cluster, which the package's TestMain ends: see redistest.Shared
)

const (
	postgresVariable = "MOBILEPAY_TEST_POSTGRES"
	redisVariable    = "MOBILEPAY_TEST_REDIS"
)

// OnEach runs a test on each engine, side by side. Without the variables that
// scripts/with-services sets, only the embedded one is there.
func OnEach(t *testing.T, test func(*testing.T, Engine)) {
	t.Helper()
	for _, engine := range []Engine{Embedded, Real} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// OnEachRedis is [OnEach] for what is about sessions: it also runs on a cluster.
func OnEachRedis(t *testing.T, test func(*testing.T, Engine)) {
	t.Helper()
	OnEach(t, test)
	t.Run(string(Cluster), func(t *testing.T) {
		t.Parallel()
		test(t, Cluster)
	})
}

// Env is a running app.
type Env struct {
	App   *app.App
	Clock *clock.Set
	URL   string // of the server
	Log   *Log
	t     testing.TB
	cfg   config.Config
	stop  func()
}

// Noon is where tests' clocks start: Wednesday 2026-11-18, 12:00 Eastern.
var Noon = time.Date(2026, 11, 18, 12, 0, 0, 0, loan.Eastern)

// New starts the app; it ends with the test. change may alter its configuration.
func New(t testing.TB, engine Engine, change ...func(*config.Config)) *Env {
	t.Helper()
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	text, err := vault.Generate()
	if err == nil {
		err = os.WriteFile(keyset, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(append(Services(t, engine), "MOBILEPAY_KEYSET="+keyset, "MOBILEPAY_OUTBOX="+filepath.Join(t.TempDir(), "outbox"),
		"MOBILEPAY_CONCURRENCY=1000"), // tests send many at once to see what else comes of it
		config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&cfg)
	}
	return start(t, cfg, clock.NewSet(Noon))
}

// Another is another instance of the app, on the same databases and with the same
// clock. Where sessions are in the process, they are others. change may alter its
// configuration.
func (e *Env) Another(change ...func(*config.Config)) *Env {
	e.t.Helper()
	cfg := e.cfg
	for _, c := range change {
		c(&cfg)
	}
	return start(e.t, cfg, e.Clock)
}

func start(t testing.TB, cfg config.Config, c *clock.Set) *Env {
	t.Helper()
	e := &Env{Clock: c, Log: new(Log), t: t, cfg: cfg}
	log := slog.New(slog.NewTextHandler(e.Log, redact.Options(slog.LevelDebug)))
	var err error
	if e.App, err = app.New(t.Context(), cfg, e.Clock, log); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.App.Handler)
	e.URL = server.URL
	e.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		err := e.App.Drain(ctx)
		server.Close()
		if err := errors.Join(err, e.App.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(e.stop)
	return e
}

// Stop stops this instance, as a deployment does; the others go on.
func (e *Env) Stop() { e.stop() }

// Services are the settings that name a fresh database and a Redis for a test.
// Where the real ones are not there, the test is skipped.
func Services(t testing.TB, engine Engine) []string {
	t.Helper()
	if engine == Embedded {
		return []string{"DATABASE_URL=" + embedded(t)}
	}
	needReal(t)
	like, err := template()
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{"DATABASE_URL=" + newDatabase(t, like)}
	if engine == Cluster {
		return append(settings, "REDIS_URL="+ownCluster(t))
	}
	return append(settings, "REDIS_URL="+ownRedis(t, os.Getenv(redisVariable)))
}

// ownCluster is a part of the cluster that no other test has.
func ownCluster(t testing.TB) string {
	t.Helper()
	cluster, err := redistest.Shared()
	if err != nil {
		t.Fatal(err)
	}
	return cluster.URL() + "&prefix=" + randomName("test") + ":"
}

// ownRedis is a database of the Redis server at a URL that no other test has for
// long: every test has a customer 1. The server of scripts/with-services has
// more of them than there are tests.
func ownRedis(t testing.TB, server string) string {
	t.Helper()
	o, err := redis.ParseURL(server)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	there, err := client.ConfigGet(t.Context(), "databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(there["databases"], 10, 64)
	if err != nil || n < 2 {
		t.Fatalf("Redis has %q databases, %v", there["databases"], err)
	}
	used, err := client.Incr(t.Context(), "testenv:databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + strconv.FormatInt(1+used%(n-1), 10)
	return u.String()
}

// embedded is an embedded database with all tables and no rows.
func embedded(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "books.db")
	like, err := embeddedTemplate()
	if err == nil {
		err = os.WriteFile(path, like, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

func needReal(t testing.TB) {
	t.Helper()
	if os.Getenv(postgresVariable) == "" || os.Getenv(redisVariable) == "" {
		t.Skip("needs Postgres and Redis: run it with scripts/with-services")
	}
}

// Log keeps what the app logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// At sets the clock to a local time of the business zone, "2026-11-18 14:59:59.999".
func (e *Env) At(local string) {
	e.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", local, loan.Eastern)
	if err == nil {
		err = e.Clock.SetTo(at)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// Answer is a GraphQL answer.
type Answer struct {
	Status int
	Header http.Header // of Post and its like
	Data   map[string]any
	Errors []Error
	Raw    string
}

// Error is a top-level error.
type Error struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

// Vars are the variables of an operation.
type Vars = map[string]any

// Post sends an operation with a session's token, which may be empty.
func (e *Env) Post(token, query string, vars Vars) Answer {
	e.t.Helper()
	return e.PostIn("", token, query, vars)
}

// PostIn is Post for a client with an Accept-Language.
func (e *Env) PostIn(acceptLanguage, token, query string, vars Vars) Answer {
	e.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		e.t.Fatal(err)
	}
	return e.post(acceptLanguage, token, string(body))
}

// PostRaw sends a body as it is.
func (e *Env) PostRaw(token, body string) Answer {
	e.t.Helper()
	return e.post("", token, body)
}

func (e *Env) post(acceptLanguage, token, body string) Answer {
	e.t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(e.t.Context()), http.MethodPost, e.URL+"/graphql", bytes.NewBufferString(body))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if acceptLanguage != "" {
		request.Header.Set("Accept-Language", acceptLanguage)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Error(err)
		return Answer{}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Error(err)
	}
	a := e.answer(response.StatusCode, raw)
	a.Header = response.Header
	return a
}

// Bare is an answer without its extensions, which tell how many more operations may
// be sent and so make every answer another.
func Bare(raw string) string { return extensions.ReplaceAllString(raw, "}") }

func (e *Env) answer(status int, raw []byte) Answer {
	e.t.Helper()
	a := Answer{Status: status, Raw: Bare(string(raw))}
	if err := json.Unmarshal(raw, &a); err != nil {
		e.t.Errorf("not JSON: %s", raw)
	}
	return a
}

var extensions = regexp.MustCompile(`,"extensions":\{("cost":\{[^}]*\},?|"rateLimit":\{[^}]*\},?)*\}\}`)

// PostFrom is Post for a client at another address.
func (e *Env) PostFrom(address, token, query string, vars Vars) Answer {
	e.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		e.t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	request.RemoteAddr = net.JoinHostPort(address, "50000")
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	e.App.Handler.ServeHTTP(recorder, request)
	return e.answer(recorder.Code, recorder.Body.Bytes())
}

// Get walks into the data: "viewer.vehicles.0.id". It is nil where the way ends.
func (a Answer) Get(path ...any) any { return walk(a.Data, path) }

// Text is Get for a string; empty where it is none.
func (a Answer) Text(path ...any) string {
	s, _ := walk(a.Data, path).(string)
	return s
}

// Code is the code of the first refusal in a mutation's payload, or of the first
// top-level error; empty where there is none.
func (a Answer) Code() string {
	if len(a.Errors) > 0 {
		code, _ := a.Errors[0].Extensions["code"].(string)
		return code
	}
	for _, payload := range a.Data {
		if code, ok := walk(payload, []any{"userErrors", 0, "code"}).(string); ok {
			return code
		}
	}
	return ""
}

func walk(v any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// Statements counts the SQL statements that an operation takes, without BEGIN
// and COMMIT. The operation must answer without errors.
func (e *Env) Statements(token, query string) int64 {
	e.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, count := store.CountStatements(e.t.Context())
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	recorder := httptest.NewRecorder()
	e.App.Handler.ServeHTTP(recorder, request)
	if strings.Contains(recorder.Body.String(), `"errors"`) {
		e.t.Fatal(recorder.Body.String())
	}
	return count.Load()
}

// Download gets a document with a session's token, which may be empty.
func (e *Env) Download(token, path string) (status int, header http.Header, content string) {
	e.t.Helper()
	return e.request(http.MethodGet, path, token, "")
}

func (e *Env) request(method, path, token, body string) (status int, answered http.Header, content string) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(e.t.Context()), method, e.URL+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(read)
}

// Fetch gets a path and tells the status.
func (e *Env) Fetch(path string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.URL+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// MoveTo moves the clock through the sandbox's route, which does what falls due
// on the way.
func (e *Env) MoveTo(local string) {
	e.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", local, loan.Eastern)
	if err != nil {
		e.t.Fatal(err)
	}
	if code := e.sandbox("/sandbox/clock", map[string]any{"now": at}); code != http.StatusOK {
		e.t.Fatalf("the clock answers %d: %s", code, e.Log)
	}
}

// Return makes a payment come back from the bank with a code, and tells the HTTP
// status.
func (e *Env) Return(payment, code string) int {
	e.t.Helper()
	return e.sandbox("/sandbox/return", map[string]any{"payment": payment, "code": code})
}

func (e *Env) sandbox(path string, in map[string]any) int {
	e.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		e.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.URL+path, bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// Outbox is the files for the bank, by name.
func (e *Env) Outbox() map[string]string {
	e.t.Helper()
	entries, err := os.ReadDir(e.App.Config.Outbox)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(e.App.Config.Outbox, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was written under another name first
		}
		if err != nil {
			e.t.Fatal(err)
		}
		files[entry.Name()] = string(content)
	}
	return files
}
