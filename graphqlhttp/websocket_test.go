package graphqlhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// shopkeeper is an engine whose books are sold when a test says so.
type shopkeeper struct {
	engine
	sold    chan string   // the answers of subscriptions
	release chan struct{} // what the query Slow waits for
}

func (k *shopkeeper) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx).Operation
	switch {
	case operation.Operation == ast.Subscription && operation.Name == "Refused":
		graphql.AddError(ctx, errors.New("not for you"))
		return nil
	case operation.Operation == ast.Subscription:
		return func(ctx context.Context) *graphql.Response {
			select {
			case name, open := <-k.sold:
				if !open {
					return nil
				}
				return &graphql.Response{Data: json.RawMessage(`{"sold":{"name":"` + name + `"}}`)}
			case <-ctx.Done():
				return nil
			}
		}
	case operation.Name == "Slow":
		return func(ctx context.Context) *graphql.Response {
			select {
			case <-k.release:
				return &graphql.Response{Data: json.RawMessage(`{"name":"Slow"}`)}
			case <-ctx.Done():
				return nil
			}
		}
	}
	return k.engine.Exec(ctx)
}

// guest is a peer who goes when told.
type guest struct {
	goes chan graphqlhttp.Close
	left chan struct{}
}

func (g *guest) Begin(ctx context.Context) (context.Context, error) { return ctx, nil }
func (g *guest) Event(ctx context.Context) context.Context          { return ctx }
func (g *guest) Leave()                                             { close(g.left) }
func (g *guest) Watch(ctx context.Context) graphqlhttp.Close {
	select {
	case c := <-g.goes:
		return c
	case <-ctx.Done():
		return graphqlhttp.Close{}
	}
}

// house is a server of sockets with one guest at a time.
type house struct {
	*shopkeeper
	guest *guest
	live  *graphqlhttp.Live
	url   string
}

func newHouse(t *testing.T, change ...func(*graphqlhttp.WebSocket)) *house {
	t.Helper()
	h := &house{
		shopkeeper: &shopkeeper{sold: make(chan string), release: make(chan struct{})},
		guest:      &guest{goes: make(chan graphqlhttp.Close, 1), left: make(chan struct{})}, live: new(graphqlhttp.Live),
	}
	sockets := &graphqlhttp.WebSocket{Live: h.live, Hello: func(_ *http.Request, payload map[string]any) (graphqlhttp.Peer, *graphqlhttp.Close) {
		if payload["name"] == "stranger" {
			return nil, &graphqlhttp.Close{Code: graphqlhttp.CloseForbidden, Reason: "Forbidden"}
		}
		return h.guest, nil
	}}
	for _, c := range change {
		c(sockets)
	}
	server := handler.New(h.shopkeeper)
	server.AddTransport(sockets)
	server.SetQueryCache(graphqlhttp.Prepared{})
	server.Use(&graphqlhttp.Documents{})
	listener := httptest.NewServer(server)
	h.url = listener.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.live.Drain(ctx); err != nil {
			t.Error(err)
		}
		listener.Close()
	})
	return h
}

type client struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

func (h *house) dial(t *testing.T, subprotocols ...string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, h.url, &websocket.DialOptions{Subprotocols: subprotocols}) //nolint:bodyclose // of a socket there is none
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{conn, t, ctx}
}

const hello = `{"type":"connection_init"}`

// enter dials and opens the connection.
func (h *house) enter(t *testing.T) *client {
	t.Helper()
	c := h.dial(t, "graphql-transport-ws")
	c.send(hello)
	c.want(`{"type":"connection_ack"}`)
	return c
}

func (c *client) send(messages ...string) {
	c.t.Helper()
	for _, m := range messages {
		if err := c.Write(c.ctx, websocket.MessageText, []byte(m)); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *client) want(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		_, got, err := c.Read(c.ctx)
		if err != nil || string(got) != want {
			c.t.Fatalf("got %s, %v\nwant %s", got, err, want)
		}
	}
}

// wantClose reads to the end and wants it to be this one.
func (c *client) wantClose(code int, reason string) {
	c.t.Helper()
	for {
		_, _, err := c.Read(c.ctx)
		if err == nil {
			continue
		}
		var end websocket.CloseError
		if !errors.As(err, &end) || int(end.Code) != code || !strings.HasPrefix(end.Reason, reason) {
			c.t.Errorf("closed by %v, want %d %s", err, code, reason)
		}
		return
	}
}

func subscribe(id, document string) string {
	payload, _ := json.Marshal(map[string]string{"query": document})
	return fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":%s}`, id, payload)
}

// Each way in which a client breaks the protocol has its code.
func TestSocketCloses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send   []string
		code   int
		reason string
	}{
		"subscribe before hello":   {[]string{subscribe("1", "{ name }")}, 4401, "Unauthorized"},
		"hello twice":              {[]string{hello, hello}, 4429, "Too many initialisation requests"},
		"a stranger":               {[]string{`{"type":"connection_init","payload":{"name":"stranger"}}`}, 4403, "Forbidden"},
		"the id twice":             {[]string{hello, subscribe("é", "subscription { sold { name } }"), subscribe("é", "{ name }")}, 4409, "Subscriber for é already exists"},
		"a long id twice":          {[]string{hello, subscribe(strings.Repeat("é", 500), "subscription { sold { name } }"), subscribe(strings.Repeat("é", 500), "{ name }")}, 4409, "Subscriber for éé"},
		"no JSON":                  {[]string{"hello"}, 4400, ""},
		"two values":               {[]string{hello + hello}, 4400, ""},
		"a key twice":              {[]string{`{"type":"ping","type":"ping"}`}, 4400, ""},
		"an array":                 {[]string{"[]"}, 4400, ""},
		"no type":                  {[]string{`{"id":"1"}`}, 4400, ""},
		"another type":             {[]string{`{"type":"start","id":"1"}`}, 4400, ""},
		"the server's type":        {[]string{`{"type":"connection_ack"}`}, 4400, ""},
		"a payload that is a text": {[]string{`{"type":"ping","payload":"x"}`}, 4400, ""},
		"no id":                    {[]string{hello, `{"type":"subscribe","payload":{"query":"{ name }"}}`}, 4400, ""},
		"an empty id":              {[]string{hello, subscribe("", "{ name }")}, 4400, ""},
		"an id that is a number":   {[]string{hello, `{"id":1,"type":"subscribe","payload":{"query":"{ name }"}}`}, 4400, ""},
		"no payload":               {[]string{hello, `{"id":"1","type":"subscribe"}`}, 4400, ""},
		"no query":                 {[]string{hello, `{"id":"1","type":"subscribe","payload":{}}`}, 4400, ""},
		"variables are no object":  {[]string{hello, `{"id":"1","type":"subscribe","payload":{"query":"{ name }","variables":[]}}`}, 4400, ""},
		"complete without id":      {[]string{hello, `{"type":"complete"}`}, 4400, ""},
		"too large":                {[]string{`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`}, 1009, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			c := h.dial(t, "graphql-transport-ws")
			c.send(test.send...)
			c.wantClose(test.code, test.reason)
		})
	}
}

func TestSocketClosesOnBytes(t *testing.T) {
	t.Parallel()
	c := newHouse(t).enter(t)
	if err := c.Write(c.ctx, websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	c.wantClose(4400, "Invalid message received")
}

func TestSocketSpeaksOneSubprotocol(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.dial(t).wantClose(4406, "Subprotocol not acceptable")
	h.dial(t, "graphql-ws").wantClose(4406, "Subprotocol not acceptable")
}

// Whoever says nothing is sent away, and whoever gives no sign of life is cut off.
func TestSocketTimeouts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(s *graphqlhttp.WebSocket) { s.InitTimeout = time.Millisecond })
	h.dial(t, "graphql-transport-ws").wantClose(4408, "Connection initialisation timeout")

	h = newHouse(t, func(s *graphqlhttp.WebSocket) { s.PingEvery, s.PongWithin = time.Millisecond, time.Millisecond })
	c := h.enter(t)
	for {
		_, text, err := c.Read(c.ctx)
		if err == nil && string(text) == `{"type":"ping"}` {
			continue
		}
		if err == nil || c.ctx.Err() != nil {
			t.Errorf("a client without pongs: %s, %v", text, err)
		}
		break
	}
	<-h.guest.left
}

func TestSocketPings(t *testing.T) {
	t.Parallel()
	c := newHouse(t, func(s *graphqlhttp.WebSocket) { s.PingEvery, s.PongWithin = time.Millisecond, patience }).enter(t)
	for range 3 {
		c.want(`{"type":"ping"}`)
		c.send(`{"type":"pong","payload":{}}`)
	}
	c = newHouse(t).dial(t, "graphql-transport-ws")
	c.send(`{"type":"ping"}`, `{"type":"ping","payload":{"a":1.50}}`)
	c.want(`{"type":"pong"}`, `{"type":"pong","payload":{"a":1.50}}`)
}

func TestSocketOperations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.enter(t)
	c.send(subscribe("1", "query Ask { name }"))
	c.want(`{"type":"next","id":"1","payload":{"data":{"name":"Ask"}}}`, `{"type":"complete","id":"1"}`)
	c.send(subscribe("1", "query Fail { name }")) // the id is free again
	c.want(`{"type":"next","id":"1","payload":{"errors":[{"message":"no"}],"data":null}}`, `{"type":"complete","id":"1"}`)
	c.send(subscribe("1", "{ nothing }"))
	c.want(`{"type":"error","id":"1","payload":[{"message":"Cannot query field \"nothing\" on type \"Query\".","locations":[{"line":1,"column":3}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`)
	c.send(subscribe("1", "subscription Refused { sold { name } }"))
	c.want(`{"type":"error","id":"1","payload":[{"message":"not for you"}]}`)

	c.send(subscribe("1", "subscription { sold { name } }"))
	h.sold <- "Emma"
	h.sold <- "Dune"
	c.want(`{"type":"next","id":"1","payload":{"data":{"sold":{"name":"Emma"}}}}`, `{"type":"next","id":"1","payload":{"data":{"sold":{"name":"Dune"}}}}`)
	c.send(`{"type":"complete","id":"1"}`, `{"type":"complete","id":"1"}`, `{"type":"complete","id":"2"}`, subscribe("1", "query Again { name }"))
	c.want(`{"type":"next","id":"1","payload":{"data":{"name":"Again"}}}`, `{"type":"complete","id":"1"}`)
	c.send(subscribe("1", "subscription { sold { name } }"))
	close(h.sold)
	c.want(`{"type":"complete","id":"1"}`)
	_ = c.Close(websocket.StatusNormalClosure, "")
	<-h.guest.left
}

func TestSocketLimitsOperations(t *testing.T) {
	t.Parallel()
	c := newHouse(t).enter(t)
	for i := range 20 {
		c.send(subscribe(fmt.Sprint(i), "subscription { sold { name } }"))
	}
	c.send(subscribe("20", "{ name }"))
	c.want(`{"type":"error","id":"20","payload":[{"message":"At most 20 operations run on a socket at a time.","extensions":{"code":"TOO_MANY_OPERATIONS"}}]}`)
	c.send(`{"type":"complete","id":"7"}`, subscribe("20", "query Room { name }"))
	c.want(`{"type":"next","id":"20","payload":{"data":{"name":"Room"}}}`)
}

// A query has a deadline, and a panic ends an operation and nothing else.
func TestSocketSurvives(t *testing.T) {
	t.Parallel()
	c := newHouse(t, func(s *graphqlhttp.WebSocket) {
		s.Timeout = 10 * time.Millisecond
		s.Recover = func(context.Context, any) error { return errors.New("recovered") }
	}).enter(t)
	c.send(subscribe("1", "query Slow { name }"))
	c.want(`{"type":"error","id":"1","payload":[{"message":"context deadline exceeded"}]}`)
	c.send(subscribe("1", "query Panic { name }"))
	c.want(`{"type":"error","id":"1","payload":[{"message":"recovered"}]}`)
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

// When the server stops, queries are answered and nothing new begins; then the client
// is told to come back.
func TestSocketDrains(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.enter(t)
	c.send(subscribe("2", "query Slow { name }"), subscribe("1", "subscription { sold { name } }"))
	h.sold <- "Emma"
	c.want(`{"type":"next","id":"1","payload":{"data":{"sold":{"name":"Emma"}}}}`)
	silent := h.dial(t, "graphql-transport-ws")
	drained := make(chan error, 1)
	go func() { drained <- h.live.Drain(c.ctx) }()
	silent.wantClose(1012, "Service restart")
	close(h.release)
	c.want(`{"type":"next","id":"2","payload":{"data":{"name":"Slow"}}}`, `{"type":"complete","id":"2"}`)
	c.wantClose(1012, "Service restart")
	if err := <-drained; err != nil {
		t.Error(err)
	}
	_, refused, err := websocket.Dial(c.ctx, h.url, nil) //nolint:bodyclose // it is read by Dial
	if err == nil || refused.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after that a client gets %v", err)
	}
}

// A peer who has to go is told what is on its way first.
func TestSocketPeerGoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.enter(t)
	c.send(subscribe("1", "query Slow { name }"))
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
	h.guest.goes <- graphqlhttp.Close{Code: graphqlhttp.CloseUnauthorized, Reason: "Unauthorized"}
	close(h.release)
	c.want(`{"type":"next","id":"1","payload":{"data":{"name":"Slow"}}}`, `{"type":"complete","id":"1"}`)
	c.wantClose(4401, "Unauthorized")
}

// A client that does not read is cut off, and what it was to be sent is not kept.
func TestSocketSlowReader(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(s *graphqlhttp.WebSocket) { s.WriteTimeout = 50 * time.Millisecond })
	c := h.enter(t)
	c.send(subscribe("1", "subscription { sold { name } }"))
	long := strings.Repeat("x", 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for sent := 0; ; sent++ {
		select {
		case h.sold <- long:
			if sent > 1000 {
				t.Fatal("a client that does not read is sent everything")
			}
			continue
		case <-h.guest.left:
		}
		break
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
}

// Many clients that come and go leave nothing behind.
func TestSocketsLeaveNothing(t *testing.T) {
	h := newHouse(t)
	var going sync.WaitGroup
	for range 20 {
		going.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, h.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}) //nolint:bodyclose // there is none
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.CloseNow()
		})
	}
	going.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.live.Drain(ctx); err != nil {
		t.Error(err)
	}
}
