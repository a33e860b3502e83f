package graphqlhttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// subprotocol is the only one that is spoken.
const subprotocol = "graphql-transport-ws"

// codeTooMany is the code of an operation that is one too many on its socket.
const codeTooMany = "TOO_MANY_OPERATIONS"

// WebSocket speaks graphql-transport-ws, by the letter: queries, mutations and
// subscriptions on one socket. What is zero has its default.
//
// What waits to be sent is bounded: an operation makes its next answer when the last
// one is written, and a client that does not read is cut off.
type WebSocket struct {
	Operations
	// Live is the connections that end together.
	Live *Live
	// Hello tells who a client is by its handshake and by the payload with which it
	// opens the connection, which may be nil. A refused one is closed with the second.
	Hello func(r *http.Request, payload map[string]any) (Peer, *Close)
	// Origins are those whose pages may connect, such as https://pay.example, besides
	// the server's own. A client that names no origin is no page.
	Origins []string
	// InitTimeout is how long a client may take to open the connection; 5 s.
	InitTimeout time.Duration
	// PingEvery is how often a client is asked for a sign of life; 25 s. Within
	// PongWithin, 10 s, it must have sent something.
	PingEvery, PongWithin time.Duration
	// WriteTimeout is how long a client may take to read a message; 10 s.
	WriteTimeout time.Duration
	// MaxOperations is how many operations run on a socket at a time; 20.
	MaxOperations int
	// MaxMessage is the largest message of a client in bytes; 64 KiB.
	MaxMessage int64
}

var _ graphql.Transport = (*WebSocket)(nil)

// Supports implements graphql.Transport.
func (*WebSocket) Supports(r *http.Request) bool { return isUpgrade(r) }

// Do implements graphql.Transport.
func (t *WebSocket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !t.allows(r.Header.Get("Origin"), r.Host) {
		Refuse(w, r, http.StatusForbidden, refuse(codeBadRequest, "Pages of this origin may not connect."))
		return
	}
	if !t.Live.enter() {
		Refuse(w, r, http.StatusServiceUnavailable, refuse(codeBadRequest, stopping))
		return
	}
	defer t.Live.leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, // the origin has been looked at
	})
	if err != nil {
		return // which has been answered
	}
	conn.SetReadLimit(cmp.Or(t.MaxMessage, defaultMaxBody))
	ctx, cancel := context.WithCancel(r.Context())
	s := &socket{
		WebSocket: t, conn: conn, exec: exec, request: r, ctx: ctx, cancel: cancel,
		running: map[string]*running{}, alive: map[*running]struct{}{}, changed: make(chan struct{}, 1), heard: make(chan struct{}, 1),
	}
	s.serve()
}

// allows tells whether the pages of an origin may connect.
func (t *WebSocket) allows(origin, host string) bool {
	if origin == "" || slices.Contains(t.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host)
}

// socket is one connection.
type socket struct {
	*WebSocket
	conn    *websocket.Conn
	exec    graphql.GraphExecutor
	request *http.Request
	ctx     context.Context //nolint:containedctx // that of the connection, of which operations' are made
	cancel  context.CancelFunc
	work    sync.WaitGroup // all goroutines but the reader
	heard   chan struct{}  // the client has sent something
	changed chan struct{}  // an operation has ended, or it is known what it is

	// The reader's own.
	opened bool // the client has asked to open the connection
	peer   Peer // nil until it is open

	mu      sync.Mutex
	running map[string]*running   // by their ids
	alive   map[*running]struct{} // also those that nobody waits for any more
	leaving bool                  // nothing new begins
}

// running is an operation that runs.
type running struct {
	cancel context.CancelFunc
	kind   ast.Operation // empty until it is known
}

// serve reads what the client sends until the connection ends.
func (s *socket) serve() {
	defer func() {
		s.cancel()
		s.work.Wait()
		if s.peer != nil {
			s.peer.Leave()
		}
	}()
	if s.conn.Subprotocol() != subprotocol {
		s.close(Close{CloseSubprotocol, "Subprotocol not acceptable"})
		return
	}
	late := time.AfterFunc(cmp.Or(s.InitTimeout, 5*time.Second), func() {
		s.close(Close{CloseInitTimeout, "Connection initialisation timeout"})
	})
	defer late.Stop()
	s.work.Go(s.attend)
	for {
		// A context that ended would cut the connection without a word.
		kind, text, err := s.conn.Read(context.Background())
		if err != nil {
			s.cancel()
			_ = s.conn.CloseNow()
			return
		}
		select {
		case s.heard <- struct{}{}:
		default:
		}
		if bad := s.take(kind, text, late); bad != nil {
			s.close(*bad)
			return
		}
	}
}

// close ends the connection with a code. Operations that run are told by its end.
func (s *socket) close(c Close) {
	s.cancel()
	_ = s.conn.Close(websocket.StatusCode(c.Code), c.Reason) // the client may be gone
}

// take does what a message asks for. What it returns ends the connection.
func (s *socket) take(kind websocket.MessageType, text []byte, late *time.Timer) *Close {
	message, err := decodeObject(text)
	if kind != websocket.MessageText || err != nil {
		return &Close{CloseBadRequest, "Invalid message received"}
	}
	payload, isObject := message["payload"].(map[string]any)
	if message["payload"] != nil && !isObject {
		return &Close{CloseBadRequest, "The payload of a message must be an object"}
	}
	id, _ := message["id"].(string)
	switch message["type"] {
	case "connection_init":
		return s.open(payload, late)
	case "ping":
		s.say(envelope("", "pong", payload))
		return nil
	case "pong":
		return nil
	case "subscribe":
		return s.subscribe(id, payload)
	case "complete":
		if id == "" {
			return &Close{CloseBadRequest, "The message has no id"}
		}
		s.forget(id, nil)
		return nil
	}
	return &Close{CloseBadRequest, "Invalid message type"}
}

// open opens the connection, once.
func (s *socket) open(payload map[string]any, late *time.Timer) *Close {
	if s.opened {
		return &Close{CloseTooManyRequests, "Too many initialisation requests"}
	}
	s.opened = true
	if !late.Stop() {
		return &Close{CloseInitTimeout, "Connection initialisation timeout"}
	}
	peer, refused := s.Hello(s.request, payload)
	if refused != nil {
		return refused
	}
	s.peer = peer
	s.say(envelope("", "connection_ack", nil))
	s.work.Go(s.watch)
	s.work.Go(s.keepAlive)
	return nil
}

// subscribe begins an operation.
func (s *socket) subscribe(id string, payload map[string]any) *Close {
	if s.peer == nil {
		return &Close{CloseUnauthorized, "Unauthorized"}
	}
	params, ok := newParams(payload)
	if !ok || id == "" {
		return &Close{CloseBadRequest, "A subscribe message needs an id, and a payload with query"}
	}
	params.Headers = s.request.Header
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	ctx, cancel := context.WithCancel(s.ctx)
	o := &running{cancel: cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	most := cmp.Or(s.MaxOperations, 20)
	switch {
	case s.leaving:
		cancel() // the client asks again elsewhere
		return nil
	case s.running[id] != nil:
		cancel()
		return &Close{CloseDuplicate, "Subscriber for " + shortened(id) + " already exists"}
	case len(s.running) >= most || len(s.alive) >= 2*most:
		cancel()
		refusal, _ := encode(gqlerror.List{refuse(codeTooMany, "At most %d operations run on a socket at a time.", most)})
		s.work.Go(func() { s.say(frame(id, "error", refusal)) })
		return nil
	}
	s.running[id], s.alive[o] = o, struct{}{}
	s.work.Go(func() {
		completed := s.run(ctx, s.peer, s.exec, params, &operation{s, id, o})
		mine := s.forget(id, o)
		if completed && mine {
			s.say(frame(id, "complete", nil))
		}
		s.ended(o)
	})
	return nil
}

// shortened is as much of an id as fits into a reason.
func shortened(id string) string {
	for i := range id {
		if i > 80 {
			return id[:i] + "…"
		}
	}
	return id
}

// forget frees the id of an operation and ends it; any, where o is nil. It returns
// false where that had been done.
func (s *socket) forget(id string, o *running) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := s.running[id]
	if present == nil || o != nil && present != o {
		return false
	}
	delete(s.running, id)
	present.cancel()
	return true
}

func (s *socket) ended(o *running) {
	s.mu.Lock()
	delete(s.alive, o)
	s.mu.Unlock()
	s.note()
}

// note wakes who waits for operations to end.
func (s *socket) note() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// operation is the sink of one.
type operation struct {
	*socket
	id string
	o  *running
}

func (o *operation) admit(kind ast.Operation) *gqlerror.Error {
	o.mu.Lock()
	o.o.kind = kind
	o.mu.Unlock()
	o.note()
	return nil
}

// errEnded ends an operation whose id may be another's by now.
var errEnded = errors.New("graphqlhttp: the client has ended the operation")

func (o *operation) next(response *graphql.Response) error {
	o.mu.Lock()
	wanted := o.running[o.id] == o.o
	o.mu.Unlock()
	if !wanted {
		return errEnded
	}
	return o.send(frame(o.id, "next", result(response)))
}

func (o *operation) refused(errs gqlerror.List) {
	text, err := encode(shorten(errs))
	if err != nil {
		text = []byte(unwritable)
	}
	if o.forget(o.id, o.o) { // so that the client may use the id again
		o.say(frame(o.id, "error", text))
	}
}

// send writes a message. A client that does not read it in time is cut off.
func (s *socket) send(text []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), cmp.Or(s.WriteTimeout, 10*time.Second))
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// say is send where nothing follows: whether the client is gone, the reader sees.
func (s *socket) say(text []byte) { _ = s.send(text) }

// envelope is a message with a payload that is optional.
func envelope(id, kind string, payload map[string]any) []byte {
	if payload == nil {
		return frame(id, kind, nil)
	}
	text, err := encode(payload)
	if err != nil {
		text = nil
	}
	return frame(id, kind, text)
}

// frame is a message whose payload is JSON already.
func frame(id, kind string, payload []byte) []byte {
	text := append([]byte(`{"type":"`), kind...)
	text = append(text, '"')
	if id != "" {
		quoted, _ := encode(id) // a string cannot fail
		text = append(append(text, `,"id":`...), quoted...)
	}
	if payload != nil {
		text = append(append(text, `,"payload":`...), payload...)
	}
	return append(text, '}')
}

// attend ends the connection when all are ended, once its queries and mutations are
// answered.
func (s *socket) attend() {
	select {
	case <-s.Live.ends():
	case <-s.ctx.Done():
		return
	}
	s.quiet(nil, func(o *running) bool { return o.kind != ast.Subscription })
	s.close(Close{CloseRestart, "Service restart"})
}

// lastWords is how long operations have to end by themselves once the peer must go.
const lastWords = 500 * time.Millisecond

// watch ends the connection when the peer has to go.
func (s *socket) watch() {
	c := s.peer.Watch(s.ctx)
	if s.ctx.Err() != nil {
		return
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	s.quiet(timer.C, func(*running) bool { return true })
	s.close(c)
}

// quiet lets nothing new begin, and waits until no operation of some runs any more,
// until time is up or the connection has ended.
func (s *socket) quiet(up <-chan time.Time, of func(*running) bool) {
	busy := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.leaving = true
		for o := range s.alive {
			if of(o) {
				return true
			}
		}
		return false
	}
	for busy() {
		select {
		case <-s.changed:
		case <-up:
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// keepAlive asks the client for a sign of life now and then, and cuts it off where
// there is none.
func (s *socket) keepAlive() {
	every, within := time.NewTicker(cmp.Or(s.PingEvery, 25*time.Second)), cmp.Or(s.PongWithin, 10*time.Second)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-s.ctx.Done():
			return
		}
		select {
		case <-s.heard: // what came before the ping
		default:
		}
		if s.send(frame("", "ping", nil)) != nil {
			return
		}
		timer := time.NewTimer(within)
		select {
		case <-s.heard:
			timer.Stop()
		case <-timer.C:
			_ = s.conn.CloseNow()
			return
		case <-s.ctx.Done():
			timer.Stop()
			return
		}
	}
}
