package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// patience is how long a test waits for what has to come. It measures nothing.
const patience = 30 * time.Second

const paymentUpdated = `subscription($after: String) { paymentUpdated(after: $after) {
	cursor kind at payment { id status canCancel vehicle { id } } } }`

// two are two instances on the same databases.
func two(t *testing.T, engine testenv.Engine) (here, there *testenv.Env) {
	t.Helper()
	here = testenv.New(t, engine, func(c *config.Config) {
		if engine == testenv.Embedded {
			c.RedisURL = "redis://" + miniredis.RunT(t).Addr()
		}
	})
	return here, here.Another()
}

// frame is a message of graphql-transport-ws.
type frame struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is a client of graphql-transport-ws.
type socket struct {
	*websocket.Conn
	t   testing.TB
	ctx context.Context
}

// dial opens a socket, without saying anything.
func dial(t testing.TB, e *testenv.Env, header http.Header) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	conn, response, err := websocket.Dial(ctx, e.URL+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header,
	})
	if err != nil {
		t.Fatal(err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{conn, t, ctx}
}

// connect opens a socket for a session.
func connect(t testing.TB, e *testenv.Env, token string) *socket {
	t.Helper()
	s := dial(t, e, nil)
	s.open(`{"Authorization": "Bearer ` + token + `"}`)
	return s
}

// open opens the connection with a payload.
func (s *socket) open(payload string) {
	s.t.Helper()
	s.send(frame{Type: "connection_init", Payload: json.RawMessage(payload)})
	if got := s.read(); got.Type != "connection_ack" {
		s.t.Fatalf("the server answers %+v", got)
	}
}

func (s *socket) send(f frame) {
	s.t.Helper()
	text, err := json.Marshal(f)
	if err == nil {
		err = s.Write(s.ctx, websocket.MessageText, text)
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *socket) subscribe(id, query string, vars testenv.Vars) {
	s.t.Helper()
	payload, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(frame{Type: "subscribe", ID: id, Payload: payload})
}

// read reads the next message that is no ping.
func (s *socket) read() frame {
	s.t.Helper()
	for {
		_, text, err := s.Read(s.ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		if f.Type != "ping" {
			return f
		}
		s.send(frame{Type: "pong"})
	}
}

// answer reads the next answer.
func (s *socket) answer() testenv.Answer {
	s.t.Helper()
	f := s.read()
	a := testenv.Answer{Raw: fmt.Sprintf("%s %s: %s", f.Type, f.ID, f.Payload)}
	if f.Type != "next" {
		s.t.Fatalf("got %s", a.Raw)
	}
	if err := json.Unmarshal(f.Payload, &a); err != nil {
		s.t.Fatal(err)
	}
	return a
}

// closed reads until the server closes, and tells how, and what came before.
func (s *socket) closed() (code int, before []frame) {
	s.t.Helper()
	for {
		_, text, err := s.Read(s.ctx)
		if err != nil {
			return int(websocket.CloseStatus(err)), before
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			s.t.Fatal(err)
		}
		before = append(before, f)
	}
}

// follow subscribes to what happens to payments after a cursor.
func (s *socket) follow(id string, after string) {
	s.t.Helper()
	s.subscribe(id, paymentUpdated, testenv.Vars{"after": after})
}

func cursorNow(e *testenv.Env, token string) string {
	return e.Post(token, `{ eventCursor }`, nil).Text("eventCursor")
}

// A payment that is made on one instance ticks on the other, for both owners of the
// vehicle and for nobody else.
func TestPaymentTicksOnTheOtherInstance(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		here, there := two(t, engine)
		mine, partner, stranger := here.AddCustomer(), here.AddCustomer(), here.AddCustomer()
		err := here.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, mine.LoanID) })
		if err != nil {
			t.Fatal(err)
		}
		sockets := map[string]*socket{}
		for name, c := range map[string]testenv.Customer{"mine": mine, "partner": partner, "stranger": stranger} {
			s := connect(t, there, c.Token)
			s.follow("1", cursorNow(here, c.Token))
			s.subscribe("ready", `{ viewer { id } }`, nil) // a query on the same socket
			if got := s.answer(); got.Text("viewer", "id") == "" {
				t.Errorf("a query over the socket: %s", got.Raw)
			}
			if got := s.read(); got.Type != "complete" || got.ID != "ready" {
				t.Errorf("after the answer comes %+v", got)
			}
			sockets[name] = s
		}
		paid := here.Post(mine.Token, schedule, order(mine, "1"))
		id := paid.Text("schedulePayment", "payment", "id")
		for name, canCancel := range map[string]bool{"mine": true, "partner": false} {
			got := sockets[name].answer()
			if got.Text("paymentUpdated", "payment", "id") != id || got.Text("paymentUpdated", "kind") != "SCHEDULED" ||
				got.Get("paymentUpdated", "payment", "canCancel") != canCancel || got.Text("paymentUpdated", "payment", "vehicle", "id") != mine.Loan {
				t.Errorf("%s: %s", name, got.Raw)
			}
		}
		// An event is answered as of its own instant.
		here.At("2026-11-18 12:10:00")
		if got := here.Post(mine.Token, cancel, testenv.Vars{"id": id, "yes": true}); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		got := sockets["mine"].answer()
		if got.Text("paymentUpdated", "kind") != "CANCELED" || got.Text("paymentUpdated", "at") != "2026-11-18T17:10:00Z" || got.Get("paymentUpdated", "payment", "canCancel") != false {
			t.Errorf("cancelled: %s", got.Raw)
		}
		// The stranger's next event is their own.
		own := here.Post(stranger.Token, schedule, order(stranger, "1")).Text("schedulePayment", "payment", "id")
		if got := sockets["stranger"].answer(); got.Text("paymentUpdated", "payment", "id") != own {
			t.Errorf("a stranger sees %s", got.Raw)
		}
	})
}

// A run's changes come, too: the payment, and the vehicle that it is credited to.
func TestRunTicks(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.At("2026-11-18 14:59:00")
		c := e.AddCustomer()
		e.MoveTo("2026-11-18 14:59:01") // statements are issued
		e.Post(c.Token, schedule, order(c, "1"))
		s := connect(t, e, c.Token)
		after := cursorNow(e, c.Token)
		s.follow("payment", after)
		s.subscribe("vehicle", `subscription($after: String) { vehicleUpdated(after: $after) { cursor kind vehicle { id amountDue { amount } } } }`, testenv.Vars{"after": after})
		e.MoveTo("2026-11-18 15:00:01")
		seen := map[string]testenv.Answer{}
		for range 2 {
			got := s.answer()
			seen[strings.Fields(got.Raw)[1]] = got
		}
		if got := seen["payment:"]; got.Text("paymentUpdated", "kind") != "APPLIED" || got.Text("paymentUpdated", "payment", "status") != "APPLIED" {
			t.Errorf("the payment: %s", got.Raw)
		}
		if got := seen["vehicle:"]; got.Text("vehicleUpdated", "kind") != "UPDATED" || got.Text("vehicleUpdated", "vehicle", "id") != c.Loan ||
			got.Text("vehicleUpdated", "vehicle", "amountDue", "amount") != "825.00" {
			t.Errorf("the vehicle: %s", got.Raw)
		}
	})
}

// A client whose instance stops goes on at another one behind its cursor: it misses
// nothing and gets nothing twice, while many pay.
func TestResume(t *testing.T) {
	const payers, each = 5, 40
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		here, there := two(t, engine)
		third := here.Another()
		c := here.AddCustomer()
		after := cursorNow(here, c.Token)
		var paying sync.WaitGroup
		ids := make(chan string, payers*each)
		half := make(chan struct{}) // closed when half of them are seen
		for p := range payers {
			paying.Go(func() {
				for i := range each {
					if i == each/2+p {
						<-half
					}
					key := fmt.Sprintf("%d-%d", p, i)
					got := here.Post(c.Token, schedule, order(c, key, testenv.Vars{
						"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.%02d", 1+p, i)},
					}))
					if got.Code() != "" {
						t.Error(got.Raw)
					}
					ids <- got.Text("schedulePayment", "payment", "id")
				}
			})
		}
		var seen []string
		take := func(s *socket, n int) {
			for len(seen) < n {
				got := s.answer()
				seen = append(seen, got.Text("paymentUpdated", "payment", "id"))
				after = got.Text("paymentUpdated", "cursor")
			}
		}
		first := connect(t, there, c.Token)
		first.follow("1", after)
		take(first, payers*each/4)
		stopped := make(chan struct{})
		go func() { there.Stop(); close(stopped) }()
		code := 0
		for code == 0 { // what is on its way counts
			_, text, err := first.Read(first.ctx)
			if err != nil {
				code = int(websocket.CloseStatus(err))
				break
			}
			var f struct {
				Type    string
				Payload testenv.Answer
			}
			if err := json.Unmarshal(text, &f); err != nil {
				t.Fatal(err)
			}
			if f.Type == "next" {
				seen = append(seen, f.Payload.Text("paymentUpdated", "payment", "id"))
				after = f.Payload.Text("paymentUpdated", "cursor")
			}
		}
		if code != 1012 {
			t.Errorf("an instance that stops closes with %d, want 1012", code)
		}
		<-stopped
		close(half)
		second := connect(t, third, c.Token)
		second.follow("1", after)
		take(second, payers*each)
		paying.Wait()
		close(ids)
		var made []string
		for id := range ids {
			made = append(made, id)
		}
		slices.Sort(made)
		slices.Sort(seen)
		if !slices.Equal(made, seen) {
			t.Errorf("%d payments were made, and %d seen", len(made), len(seen))
		}
	})
}

// seenAt is when a session was last used.
func seenAt(t *testing.T, e *testenv.Env, customer loan.CustomerID, token string) time.Time {
	t.Helper()
	sessions, err := e.App.Sessions.List(t.Context(), e.Clock.Now(), customer)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.ID == session.IDOf(token) {
			return s.LastSeenAt
		}
	}
	return time.Time{}
}

const revoked = `subscription { sessionRevoked { reason } }`

// A session that ends on one instance ends the sockets of the other: first the event,
// then the close.
func TestRevokedSessionClosesSockets(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		here, there := two(t, engine)
		c := here.AddCustomer()
		for name, test := range map[string]struct {
			end    func(token string)
			reason string
			code   int
		}{
			"log-out": {func(token string) { here.Post(token, `mutation { logOut { loggedOut } }`, nil) }, "ENDED", 4401},
			"all others": {func(string) {
				here.Post(c.Token, `mutation { revokeOtherSessions { userErrors { code } } }`, nil)
			}, "ENDED", 4401},
			"a new token": {func(token string) {
				sessions, err := here.App.Sessions.List(t.Context(), here.Clock.Now(), c.ID)
				if err != nil || len(sessions) != 2 {
					t.Fatalf("%v, %v", sessions, err)
				}
				_, _, err = here.App.Sessions.Rotate(t.Context(), here.Clock.Now(), session.IDOf(token), true)
				if err != nil {
					t.Fatal(err)
				}
			}, "REPLACED", 4403},
		} {
			token := here.OpenSession(c.ID)
			s, kept := connect(t, there, token), connect(t, there, c.Token)
			here.Clock.Advance(time.Second)
			s.subscribe("end", revoked, nil)
			eventually(t, "the subscription has begun", func() bool { return seenAt(t, here, c.ID, token).Equal(here.Clock.Now()) })
			test.end(token)
			code, before := s.closed()
			if code != test.code {
				t.Errorf("%s: closed with %d, want %d", name, code, test.code)
			}
			told := slices.ContainsFunc(before, func(f frame) bool {
				return f.ID == "end" && f.Type == "next" && strings.Contains(string(f.Payload), `"reason":"`+test.reason+`"`)
			})
			if !told {
				t.Errorf("%s: before the close came %+v", name, before)
			}
			kept.subscribe("still", `{ viewer { id } }`, nil)
			if got := kept.answer(); got.Text("viewer", "id") == "" {
				t.Errorf("%s: the other session: %s", name, got.Raw)
			}
			_ = kept.CloseNow()
			if name == "a new token" {
				here.Post(c.Token, `mutation { revokeOtherSessions { userErrors { code } } }`, nil)
			}
		}
	})
}

// An open socket is no use of the session: when its time is over, it closes.
func TestExpiredSessionClosesSockets(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		idle, used := connect(t, e, c.Token), connect(t, e, e.OpenSession(c.ID))
		idle.subscribe("end", revoked, nil)
		for i := range 3 { // the last words of the idle one may have come after the first
			e.Clock.Advance(14 * time.Minute)
			used.subscribe(fmt.Sprint(i), `{ viewer { id } }`, nil)
			if got := used.answer(); got.Text("viewer", "id") == "" {
				t.Errorf("an operation over a socket: %s", got.Raw)
			}
			used.read()
		}
		// Where the subscription began after the clock had moved, it is refused instead.
		told := func(f frame) bool {
			return strings.Contains(string(f.Payload), "EXPIRED") || strings.Contains(string(f.Payload), "UNAUTHENTICATED")
		}
		if code, before := idle.closed(); code != 4401 || !slices.ContainsFunc(before, told) {
			t.Errorf("closed with %d after %+v", code, before)
		}
		used.subscribe("last", `{ viewer { id } }`, nil)
		if got := used.answer(); got.Text("viewer", "id") == "" {
			t.Errorf("a session in use: %s", got.Raw)
		}
	})
}

// Operations over a socket count like requests.
func TestSocketCountsOperations(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.OperationsPerMinute = 10 })
		s := dial(t, e, nil)
		s.open(`{"Authorization": "Bearer ` + e.OpenSession(e.AddUser("sam", "-")) + `", "Accept-Language": "es"}`)
		for i := range 10 { // the first was the connection
			s.subscribe(fmt.Sprint(i), `{ viewer { id } }`, nil)
			got := s.read()
			if last := i == 9; last != (got.Type == "error") || last && !(strings.Contains(string(got.Payload), `"RATE_LIMITED"`) && strings.Contains(string(got.Payload), "Demasiadas solicitudes")) {
				t.Errorf("operation %d: %+v %s", i, got, got.Payload)
			}
			if got.Type == "next" {
				s.read()
			}
		}
	})
}

func TestCursors(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		cursor := cursorNow(e, c.Token)
		e.Clock.Advance(7 * 24 * time.Hour)
		s := connect(t, e, e.OpenSession(c.ID))
		for i, bad := range []string{"", "nonsense", cursor, c.Loan} {
			s.follow(fmt.Sprint(i), bad)
			if got := s.read(); got.Type != "error" || !strings.Contains(string(got.Payload), `"BAD_USER_INPUT"`) {
				t.Errorf("after %q: %+v %s", bad, got, got.Payload)
			}
		}
	})
}

func TestTooManySockets(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	var open []*socket
	for range 5 {
		open = append(open, connect(t, e, c.Token))
	}
	init := frame{Type: "connection_init", Payload: json.RawMessage(`{"Authorization": "Bearer ` + c.Token + `"}`)}
	sixth := dial(t, e, nil)
	sixth.send(init)
	if code, _ := sixth.closed(); code != 4403 {
		t.Errorf("the sixth socket is closed with %d", code)
	}
	_ = open[0].Close(websocket.StatusNormalClosure, "")
	for { // the server has to see it
		again := dial(t, e, nil)
		again.send(init)
		if _, text, err := again.Read(again.ctx); err == nil && strings.Contains(string(text), "connection_ack") {
			break
		}
		if again.ctx.Err() != nil {
			t.Fatal("a place is not given back")
		}
	}
}

func TestSocketsNeedASession(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	for _, payload := range []string{"", `{}`, `{"Authorization": "Bearer nonsense"}`, `{"Authorization": "` + c.Token + `"}`} {
		s := dial(t, e, nil)
		s.send(frame{Type: "connection_init", Payload: json.RawMessage(payload)})
		if code, _ := s.closed(); code != 4403 {
			t.Errorf("%s: closed with %d", payload, code)
		}
	}
	s := dial(t, e, http.Header{"Authorization": {"Bearer " + c.Token}})
	s.send(frame{Type: "connection_init"})
	if got := s.read(); got.Type != "connection_ack" {
		t.Errorf("with the header of the handshake: %+v", got)
	}
	_, response, err := websocket.Dial(t.Context(), e.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // Dial has read it
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {"https://evil.example"}},
	})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin: %v", err)
	}
}

// events reads an event stream: each event with its data.
func events(t *testing.T, e *testenv.Env, token, query string, vars testenv.Vars, header ...http.Header) <-chan [2]string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		request.Header = h
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Fatalf("the answer is %s", got)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	c := make(chan [2]string, 100)
	go func() {
		defer close(c)
		event := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				event = name
			} else if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				c <- [2]string{event, strings.TrimSpace(data)}
			}
		}
	}()
	return c
}

func nextEvent(t *testing.T, c <-chan [2]string) (event [2]string, open bool) {
	t.Helper()
	select {
	case event, open = <-c:
	case <-time.After(patience):
		t.Fatal("no event came")
	}
	return event, open
}

// The same by server-sent events, which outlast the deadline of a request.
func TestEventStreams(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		here, there := two(t, engine)
		c := here.AddCustomer()
		stream := events(t, there, c.Token, paymentUpdated, testenv.Vars{"after": cursorNow(here, c.Token)})
		ended := events(t, there, c.Token, revoked, nil)
		here.Post(c.Token, schedule, order(c, "1"))
		if got, _ := nextEvent(t, stream); got[0] != "next" || !strings.Contains(got[1], `"kind":"SCHEDULED"`) {
			t.Errorf("got %v", got)
		}
		for query, want := range map[string]string{
			`{ viewer { id } }`:              `{"data":{"viewer":{"id":"`,
			`{ nothing }`:                    `{"errors":[{"message":"Cannot query field`,
			`subscription { sessionRevoked `: `{"errors":[{"message":"Expected Name`,
		} {
			stream := events(t, there, c.Token, query, nil)
			if got, _ := nextEvent(t, stream); got[0] != "next" || !strings.HasPrefix(got[1], want) {
				t.Errorf("%s: %v", query, got)
			}
			if got, _ := nextEvent(t, stream); got != [2]string{"complete", ""} {
				t.Errorf("%s ends with %v", query, got)
			}
			if _, open := nextEvent(t, stream); open {
				t.Errorf("%s stays open", query)
			}
		}
		if got, _ := nextEvent(t, events(t, there, "", revoked, nil)); !strings.Contains(got[1], `"UNAUTHENTICATED"`) {
			t.Errorf("without a session: %v", got)
		}
		here.Post(c.Token, `mutation { logOut { loggedOut } }`, nil)
		if got, _ := nextEvent(t, ended); !strings.Contains(got[1], `"reason":"ENDED"`) {
			t.Errorf("the end: %v", got)
		}
		if got, _ := nextEvent(t, ended); got[0] != "complete" {
			t.Errorf("after the end: %v", got)
		}
		// It breaks off without a last event, so that the client comes back.
		if got, open := nextEvent(t, stream); open {
			t.Errorf("after the session: %v", got)
		}
	})
}

// Stopping the server ends event streams, too.
func TestEventStreamsAreDrained(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	stream := events(t, e, c.Token, paymentUpdated, nil)
	e.Stop()
	if got, open := nextEvent(t, stream); open {
		t.Errorf("got %v", got)
	}
}

// A worker of its own nudges those who follow on servers.
func TestWorkerNudges(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e, _ := two(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		nudge, stop := e.App.Sessions.Nudges().Listen(session.EventsOf(c.ID))
		defer stop()
		<-nudge // it listens; from here on each is of an event
		before, err := e.App.Store.LastEvent(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		cfg := e.App.Config
		ctx, cancel := context.WithCancel(t.Context())
		worked := make(chan error, 1)
		var log testenv.Log
		go func() {
			worked <- app.Run(ctx, []string{"worker"}, []string{
				"DATABASE_URL=" + cfg.DatabaseURL, "REDIS_URL=" + cfg.RedisURL, "MOBILEPAY_KEYSET=" + cfg.Keyset,
				"MOBILEPAY_OUTBOX=" + cfg.Outbox, "MOBILEPAY_NOW=2026-11-18T15:00:01-05:00",
			}, &log, &log)
		}()
		for last := before; last == before; {
			select {
			case <-nudge:
			case <-time.After(patience):
				t.Fatalf("no nudge came: %s", &log)
			}
			if last, err = e.App.Store.LastEvent(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	})
}

// Live connections outlast the time that a request may take to come and to be
// answered, and end when the server does.
func TestLiveOutlastsRequests(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	address := serveInHaste(t, e)
	c := e.AddCustomer()
	e.URL = "http://" + address
	stream := events(t, e, c.Token, paymentUpdated, testenv.Vars{"after": cursorNow(e, c.Token)})
	s := connect(t, e, c.Token)
	s.follow("1", cursorNow(e, c.Token))
	for range 4 { // each is cut when the time for a body is over
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := trickle(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
	id := e.Post(c.Token, schedule, order(c, "1")).Text("schedulePayment", "payment", "id")
	if got := s.answer(); got.Text("paymentUpdated", "payment", "id") != id {
		t.Errorf("over the socket: %s", got.Raw)
	}
	if got, _ := nextEvent(t, stream); !strings.Contains(got[1], id) {
		t.Errorf("in the stream: %v", got)
	}
}

// What comes over sockets and event streams waits for a place as what comes over HTTP
// does, and a subscription keeps none while nothing happens.
func TestOperationsOnSocketsTakePlaces(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Real, func(c *config.Config) { c.Concurrency = 1 })
	c := e.AddCustomer()
	s := connect(t, e, c.Token)
	s.follow("events", cursorNow(e, c.Token))
	ask := func(id string) testenv.Answer {
		s.subscribe(id, whoAmI, nil)
		return s.answer()
	}
	if got := ask("1"); got.Code() != "" {
		t.Fatalf("beside a subscription: %s", got.Raw)
	}
	s.read()

	db := openPostgres(t, e)
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), "LOCK TABLE payments"); err != nil {
		t.Fatal(err)
	}
	paid := make(chan testenv.Answer)
	go func() { paid <- e.Post(c.Token, schedule, order(c, "1")) }()
	eventually(t, "the payment waits for the table", func() bool {
		var waiting bool
		err := db.QueryRowContext(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'payments'::regclass)").Scan(&waiting)
		return err == nil && waiting
	})
	s.subscribe("2", whoAmI, nil)
	if got := s.read(); got.Type != "error" || !strings.Contains(string(got.Payload), "UNAVAILABLE") {
		t.Errorf("while the one place is taken: %+v", got)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := <-paid; got.Text("schedulePayment", "payment", "id") == "" {
		t.Errorf("who had the place: %s", got.Raw)
	}
	if got := s.answer(); got.Text("paymentUpdated", "kind") != "SCHEDULED" {
		t.Errorf("the event: %s", got.Raw)
	}
	if got := ask("3"); got.Code() != "" {
		t.Errorf("afterwards: %s", got.Raw)
	}
}
