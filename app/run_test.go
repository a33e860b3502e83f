package app_test

import (
	"context"
	"database/sql"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/testenv"
	"github.com/automobilepay/mobilepay/testenv/redistest"
)

// program is a process of the program that is shipped.
type program struct {
	*exec.Cmd
	t     *testing.T
	log   *testenv.Log
	ended chan error // gets one error, nil after a good end
	url   string     // of the API; empty for a worker
}

// built is the program as the Dockerfile builds it, once for all tests.
var built = sync.OnceValues(func() (path string, err error) {
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		return "", err
	}
	line := regexp.MustCompile(`RUN (CGO_ENABLED=0) go build (.*) -o /mobilepay \.`).FindSubmatch(dockerfile)
	if line == nil {
		return "", errors.New("the Dockerfile builds nothing")
	}
	if builtIn, err = os.MkdirTemp("", "mobilepay-built"); err != nil {
		return "", err
	}
	path = filepath.Join(builtIn, "mobilepay")
	out, err := exec.Command("sh", "-c", fmt.Sprintf("%s go build %s -o %s ..", line[1], line[2], path)).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

// compile builds the program of a folder. What it shares with [built] is not compiled
// again.
func compile(t *testing.T, folder string, flags ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "program")
	command := exec.Command("go", append([]string{"build", "-trimpath", "-o", path}, flags...)...)
	command.Dir, command.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

var builtIn string

func TestMain(m *testing.M) {
	code := m.Run()
	redistest.EndShared()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

func builtProgram(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What the Dockerfile builds runs on an image that has nothing else.
func TestProgramIsStatic(t *testing.T) {
	t.Parallel()
	program := must(elf.Open(builtProgram(t)))
	defer func() { _ = program.Close() }()
	libraries, err := program.ImportedLibraries()
	if err != nil || len(libraries) > 0 || program.Section(".interp") != nil {
		t.Errorf("it needs %v, %v", libraries, err)
	}
}

// run starts the program on the databases of e.
func run(t *testing.T, e *testenv.Env, binary, command string, settings ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(binary, command), t: t, log: new(testenv.Log), ended: make(chan error, 1)}
	p.Dir = t.TempDir()
	cfg := e.App.Config
	p.Env = append([]string{"DATABASE_URL=" + cfg.DatabaseURL, "REDIS_URL=" + cfg.RedisURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_OUTBOX=" + cfg.Outbox,
		"MOBILEPAY_NOW=" + testenv.Noon.Format(time.RFC3339), "MOBILEPAY_ADDR=127.0.0.1:0", "MOBILEPAY_WORKER=off", "MOBILEPAY_LOG_FORMAT=text",
		"MOBILEPAY_DRAIN_PAUSE=1s"}, settings...)
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() })
	if command == "worker" {
		eventually(t, "the worker works", func() bool { return strings.Contains(p.log.String(), "msg=working") })
		return p
	}
	address := regexp.MustCompile(`msg=serving address=(\S+)`)
	eventually(t, "the server is ready", func() bool {
		if found := address.FindStringSubmatch(p.log.String()); found != nil {
			p.url = "http://" + found[1]
		}
		return p.url != "" && ready(p.url)
	})
	return p
}

func (p *program) signal() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// stop stops it as a deployment does.
func (p *program) stop() {
	p.t.Helper()
	p.signal()
	if err := within(p.t, p.ended, "the end of the program"); err != nil {
		p.t.Errorf("it ended with %v\n%s", err, p.log)
	}
}

func within[T any](t *testing.T, c <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: nothing came", what)
	}
	return got
}

// answered is an answer to a request.
type answered struct {
	status int
	closed bool // whether the connection ends with it
	body   string
	err    error
}

func send(client *http.Client, api, token, query string, vars testenv.Vars) answered {
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		return answered{err: err}
	}
	request, err := http.NewRequest(http.MethodPost, api+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		return answered{err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return answered{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answered{response.StatusCode, response.Close, string(text), err}
}

// fetch gets a path.
func fetch(t *testing.T, address string) answered {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		return answered{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answered{response.StatusCode, response.Close, strings.TrimSpace(string(text)), err}
}

// holdPayments keeps all payments from being written until release is called, and
// waiting tells how many wait for it.
func holdPayments(t *testing.T, e *testenv.Env) (waiting func() int, release func()) {
	t.Helper()
	db := must(sql.Open("postgres", testenv.AsAdmin(e.App.Config.DatabaseURL)))
	tx := must(db.Begin())
	if _, err := tx.Exec("LOCK TABLE payments IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback() })
	t.Cleanup(func() { release(); _ = db.Close() })
	return func() (n int) {
		if err := db.QueryRow("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'payments'::regclass").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}, release
}

// SIGTERM: not ready first, while everybody is still served; then what is under way
// ends; then the process, well.
func TestDrain(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Real)
	c := e.AddCustomer()
	p := run(t, e, builtProgram(t), "serve", "MOBILEPAY_DRAIN_PAUSE=3s")
	askReady := func() (string, error) {
		command := exec.Command(p.Path, "ready")
		command.Env = []string{"MOBILEPAY_ADDR=" + p.url[len("http://"):]}
		out, err := command.Output()
		return strings.TrimSpace(string(out)), err
	}
	if said, err := askReady(); said != `{"status":"ok"}` || err != nil {
		t.Errorf("mobilepay ready: %s, %v", said, err)
	}
	waiting, release := holdPayments(t, e)
	paid := make(chan answered, 1)
	go func() { paid <- send(http.DefaultClient, p.url, c.Token, schedule, order(c, "under-way")) }()
	eventually(t, "a payment is under way", func() bool { return waiting() == 1 })
	p.signal()
	eventually(t, "the server is draining", func() bool { return fetch(t, p.url+"/readyz").body == `{"status":"draining"}` })
	if got := fetch(t, p.url+"/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", got.status)
	}
	if said, err := askReady(); said != `{"status":"draining"}` || err == nil {
		t.Errorf("mobilepay ready: %s, %v", said, err)
	}
	if got := fetch(t, p.url+"/healthz"); got.status != http.StatusOK {
		t.Errorf("/healthz answers %d", got.status)
	}
	got := send(new(http.Client), p.url, c.Token, whoAmI, nil)
	if got.status != http.StatusOK || !strings.Contains(got.body, "username") || !got.closed {
		t.Errorf("in the pause: %+v", got)
	}
	eventually(t, "it listens no more", func() bool { return fetch(t, p.url+"/healthz").err != nil })
	release()
	if got := within(t, paid, "the payment's answer"); got.status != http.StatusOK || !strings.Contains(got.body, "SCHEDULED") {
		t.Errorf("the payment that was under way: %+v", got)
	}
	if err := within(t, p.ended, "the end"); err != nil || !strings.Contains(p.log.String(), "drained") {
		t.Errorf("it ended with %v\n%s", err, p.log)
	}
	if n := len(e.Payments(c.ID)); n != 1 {
		t.Errorf("%d payments are there", n)
	}
}

// A second signal does not wait. What was under way has not happened, and is made once
// by whoever sends it again.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Real)
	c := e.AddCustomer()
	p := run(t, e, builtProgram(t), "serve", "MOBILEPAY_DRAIN_PAUSE=5s")
	waiting, release := holdPayments(t, e)
	paid := make(chan answered, 1)
	go func() { paid <- send(http.DefaultClient, p.url, c.Token, schedule, order(c, "cut-off")) }()
	eventually(t, "a payment is under way", func() bool { return waiting() == 1 })
	p.signal()
	eventually(t, "the server is draining", func() bool { return strings.Contains(p.log.String(), "msg=draining") })
	p.signal()
	_ = within(t, p.ended, "the end") // which is an error of its own
	if status := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.ProcessState)
	}
	if got := within(t, paid, "an error"); got.err == nil {
		t.Errorf("it was answered: %+v", got)
	}
	release()
	eventually(t, "the transaction is over", func() bool { return waiting() == 0 })
	for range 2 {
		if got := e.Post(c.Token, schedule, order(c, "cut-off")); got.Text("schedulePayment", "payment", "status") != "SCHEDULED" {
			t.Errorf("sent again: %s", got.Raw)
		}
	}
	if n := len(e.Payments(c.ID)); n != 1 {
		t.Errorf("%d payments are there", n)
	}
}

// balancer is a proxy that sends requests to those servers that say that they are
// ready, in turn, and sends none twice.
type balancer struct {
	mu       sync.Mutex
	backends []*url.URL
	ready    map[string]bool
	turn     int
}

// add adds a server that is ready.
func (b *balancer) add(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	backend := must(url.Parse(address))
	b.backends, b.ready[backend.Host] = append(b.backends, backend), true
}

// probe asks all of them, again and again.
func (b *balancer) probe(ctx context.Context) {
	client := &http.Client{Timeout: 2 * time.Second}
	for ctx.Err() == nil {
		b.mu.Lock()
		all := slices.Clone(b.backends)
		b.mu.Unlock()
		for _, backend := range all {
			response, err := client.Get(backend.String() + "/readyz")
			ok := err == nil && response.StatusCode == http.StatusOK
			if err == nil {
				_ = response.Body.Close()
			}
			b.mu.Lock()
			b.ready[backend.Host] = ok
			if err != nil { // it is gone for good
				b.backends = slices.DeleteFunc(b.backends, func(u *url.URL) bool { return u == backend })
			}
			b.mu.Unlock()
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.turn++
		if u := b.backends[b.turn%len(b.backends)]; b.ready[u.Host] {
			return u
		}
	}
	return &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // which fails
}

// Two instances and a worker behind a proxy are restarted one after the other, twice,
// while customers read and pay: no request fails, and each payment that was answered is
// there once.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Cluster)
	binary := builtProgram(t)
	b := &balancer{ready: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	serve := func() *program {
		p := run(t, e, binary, "serve")
		b.add(p.url)
		return p
	}
	one, two, worker := serve(), serve(), run(t, e, binary, "worker")
	background.Go(func() { b.probe(ctx) })
	proxy := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) }}}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	background.Go(func() { _ = proxy.Serve(listener) })
	defer func() { _ = proxy.Close() }()
	api := "http://" + listener.Addr().String()

	const clients = 6
	var sent, paid atomic.Int64
	stopped := make(chan struct{})
	var load sync.WaitGroup
	for client := range clients {
		c := e.AddCustomer()
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stopped:
					return
				default:
				}
				query, vars, want := whoAmI, testenv.Vars(nil), `"username"`
				if i%2 == 0 {
					amount := testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.%02d", 1+i/100, i%100)}}
					query, vars, want = schedule, order(c, fmt.Sprintf("rolling-%d-%d", client, i), amount), `"SCHEDULED"`
				}
				got := send(http.DefaultClient, api, c.Token, query, vars)
				sent.Add(1)
				if got.err != nil || got.status != http.StatusOK || !strings.Contains(got.body, want) {
					t.Errorf("request %d of client %d: %+v", i, client, got)
					return
				}
				if query == schedule {
					paid.Add(1)
				}
			}
		})
	}
	for range 2 {
		for _, p := range []**program{&one, &two} {
			next := serve() // first the new one, then the old one goes
			(*p).stop()
			*p = next
		}
		worker.stop()
		worker = run(t, e, binary, "worker")
	}
	close(stopped)
	load.Wait()
	var stored int64
	db := must(sql.Open("postgres", testenv.AsAdmin(e.App.Config.DatabaseURL)))
	defer func() { _ = db.Close() }()
	if err := db.QueryRow("SELECT COUNT(*) FROM payments p JOIN customers c ON c.id = p.customer_id WHERE c.username LIKE 'test-%'").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if stored != paid.Load() || paid.Load() < clients {
		t.Errorf("%d payments were answered and %d are stored", paid.Load(), stored)
	}
	t.Logf("%d requests, %d payments", sent.Load(), paid.Load())
	one.stop()
	two.stop()
	worker.stop()
}

// wire is a way to a server that can be cut.
type wire struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	cut      bool
	conns    []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	w := &wire{listener: must(net.Listen("tcp", "127.0.0.1:0")), to: to}
	go func() {
		for {
			near, err := w.listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			w.mu.Lock()
			if err != nil || w.cut {
				_ = near.Close()
				if err == nil {
					_ = far.Close()
				}
			} else {
				w.conns = append(w.conns, near, far)
				go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
				go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
			}
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = w.listener.Close(); w.set(true) })
	return w
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for _, conn := range w.conns {
		_ = conn.Close()
	}
	w.conns = nil
}

// One instance that is cut off from Redis says so and lets nobody in; the other one
// serves. When the wire is mended, both do.
func TestCutOffFromRedis(t *testing.T) {
	t.Parallel()
	there := testenv.New(t, testenv.Real)
	redisURL := must(url.Parse(there.App.Config.RedisURL))
	w := newWire(t, redisURL.Host)
	redisURL.Host = w.listener.Addr().String()
	here := there.Another(func(c *config.Config) { c.RedisURL = redisURL.String() })
	c := there.AddCustomer()
	there.AddUser("sam", "a long enough password")
	expect := func(e *testenv.Env, status int, body string) {
		t.Helper()
		there.Clock.Advance(time.Second) // an answer is kept for so long
		if got := fetch(t, e.URL+"/readyz"); got.status != status || got.body != body {
			t.Errorf("/readyz answers %d %s, want %d %s", got.status, got.body, status, body)
		}
	}
	expect(here, 200, `{"status":"ok"}`)
	w.set(true)
	expect(here, 503, `{"status":"unavailable","failing":["redis"]}`)
	expect(there, 200, `{"status":"ok"}`)
	for _, got := range []testenv.Answer{
		here.Post(c.Token, whoAmI, nil), here.Post(c.Token, schedule, order(c, "cut")), here.Post("", logIn, credentials("sam", "a long enough password")),
		here.Post(c.Token, `mutation { logOut { loggedOut } }`, nil),
	} {
		if got.Code() != "UNAVAILABLE" {
			t.Errorf("cut off: %s", got.Raw)
		}
	}
	if got := there.Post(c.Token, schedule, order(c, "cut")); got.Text("schedulePayment", "payment", "status") != "SCHEDULED" || got.Get("schedulePayment", "replayed") != false {
		t.Errorf("on the other instance: %s", got.Raw)
	}
	if got := there.Post(c.Token, `mutation { logOut { loggedOut } }`, nil); got.Get("logOut", "loggedOut") != true {
		t.Errorf("on the other instance: %s", got.Raw)
	}
	w.set(false)
	expect(here, 200, `{"status":"ok"}`)
	if got := here.Post(c.Token, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
		t.Errorf("who has logged out meanwhile: %s", got.Raw)
	}
}

// A run that is late is told of, and takes no instance away: the worker is what has to
// be seen to.
func TestOverdueRun(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	if got := e.Post(c.Token, schedule, order(c, "late")); got.Code() != "" {
		t.Fatal(got.Raw)
	}
	for _, step := range []struct{ at, body string }{
		{"2026-11-18 15:15:00", `{"status":"ok"}`},
		{"2026-11-18 15:15:01", `{"status":"ok","warnings":["cutoff_run"]}`},
	} {
		e.At(step.at)
		if got := fetch(t, e.URL+"/readyz"); got.status != 200 || got.body != step.body {
			t.Errorf("at %s: %d %s", step.at, got.status, got.body)
		}
	}
	if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	e.At("2026-11-18 15:15:02")
	if got := fetch(t, e.URL+"/readyz"); got.body != `{"status":"ok"}` {
		t.Errorf("after the run: %s", got.body)
	}
}

// What is too much is sent away and has not begun, while the process stays ready.
func TestOverload(t *testing.T) {
	t.Parallel()
	const most = 3
	e := testenv.New(t, testenv.Real, func(c *config.Config) { c.Concurrency = most })
	c := e.AddCustomer()
	waiting, release := holdPayments(t, e)
	answers := make(chan testenv.Answer, 100)
	pay := func(n int) {
		amount := testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 10+n)}}
		go func() { answers <- e.Post(c.Token, schedule, order(c, fmt.Sprint("overload-", n), amount)) }()
	}
	for n := range most {
		pay(n)
	}
	// One waits for the table, the others for the customer's vehicle: all are inside.
	eventually(t, "all places are taken", func() bool {
		return waiting() == 1 && e.Post(c.Token, whoAmI, nil).Status == http.StatusServiceUnavailable
	})
	for n := range 3 * most {
		pay(most + n)
	}
	for range 2 * most { // the others wait in vain for a moment
		got := within(t, answers, "a refusal")
		if got.Status != http.StatusServiceUnavailable || got.Code() != "UNAVAILABLE" || got.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %d %s", got.Status, got.Raw)
		}
	}
	if got := fetch(t, e.URL+"/readyz"); got.status != http.StatusOK {
		t.Errorf("/readyz answers %d", got.status)
	}
	release()
	scheduled, refused := 0, 0
	for range 2 * most {
		switch got := within(t, answers, "an answer"); {
		case got.Text("schedulePayment", "payment", "status") == "SCHEDULED":
			scheduled++
		case got.Status == http.StatusServiceUnavailable:
			refused++
		default:
			t.Errorf("%d %s", got.Status, got.Raw)
		}
	}
	if n := len(e.Payments(c.ID)); n != scheduled || scheduled < most || scheduled+refused != 2*most {
		t.Errorf("%d payments are there; %d were scheduled and %d refused", n, scheduled, refused)
	}
}
