package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/wording"
)

// How many connections that stay a customer has at most with one instance. An event
// stream carries one operation, a socket up to 20.
const (
	socketsPerCustomer = 5
	streamsPerCustomer = 20
)

// codeTooManyStreams is the code of an event stream that is one too many.
const codeTooManyStreams = "TOO_MANY_OPERATIONS"

func (o Options) operations() graphqlhttp.Operations {
	return graphqlhttp.Operations{Timeout: o.Timeout, Recover: o.recover()}
}

func (o Options) webSocket() *graphqlhttp.WebSocket {
	sockets := places{most: socketsPerCustomer}
	return &graphqlhttp.WebSocket{
		Operations: o.operations(), Live: o.Live,
		Hello: func(r *http.Request, payload map[string]any) (graphqlhttp.Peer, *graphqlhttp.Close) {
			return o.hello(r, payload, &sockets)
		},
	}
}

func (o Options) eventStream() *graphqlhttp.EventStream {
	streams := places{most: streamsPerCustomer}
	return &graphqlhttp.EventStream{
		Operations: o.operations(), Live: o.Live, GET: o.Sandbox,
		Hello: func(r *http.Request) (graphqlhttp.Peer, *gqlerror.Error) { return o.helloStream(r, &streams) },
	}
}

// hello tells whose session a socket is of: that of the token in the first message, or
// else in the handshake. A socket needs one. Its language is found in the same way.
func (o Options) hello(r *http.Request, payload map[string]any, sockets *places) (graphqlhttp.Peer, *graphqlhttp.Close) {
	ctx, cancel := context.WithTimeout(r.Context(), o.Timeout)
	defer cancel()
	request := auth.RequestFrom(ctx)
	if text, ok := payload["Accept-Language"].(string); ok {
		request.Language = languageOf(text)
	}
	if text, ok := payload["Authorization"].(string); ok {
		token, _ := bearer(text)
		request.At = o.Clock.Now()
		identity, _ := identityOf(o.Sessions.Touch(ctx, request.At, token, request.Address))
		o.Telemetry.SessionChecked(found(identity))
		ctx = auth.WithIdentity(ctx, identity)
	}
	viewer, err := auth.FromContext(ctx)
	switch {
	case errors.Is(err, auth.ErrUnauthenticated), errors.As(err, new(*auth.Forbidden)): // a socket is for customers
		return nil, &graphqlhttp.Close{Code: graphqlhttp.CloseForbidden, Reason: "Forbidden"}
	case err != nil: // who asks too often, or Redis is away
		return nil, &graphqlhttp.Close{Code: graphqlhttp.CloseTryAgain, Reason: "Try again later"}
	}
	leave, ok := sockets.take(viewer.CustomerID)
	if !ok {
		return nil, &graphqlhttp.Close{Code: graphqlhttp.CloseForbidden, Reason: "Too many sockets"}
	}
	leave = o.open("socket", leave)
	return &socketPeer{peer{Options: o, viewer: viewer, ended: make(chan struct{}), leave: leave}, request}, nil
}

// helloStream is for an event stream, which is a request that has been identified and
// counted, and may be nobody's.
func (o Options) helloStream(r *http.Request, streams *places) (graphqlhttp.Peer, *gqlerror.Error) {
	viewer, err := auth.FromContext(r.Context())
	if err != nil {
		return &peer{Options: o, ended: make(chan struct{}), leave: o.open("stream", func() {})}, nil //nolint:nilerr // the fields say that they need somebody
	}
	leave, ok := streams.take(viewer.CustomerID)
	if !ok {
		said := wording.Say(auth.RequestFrom(r.Context()).Language, loan.Message{Phrase: "You have too many event streams open."})
		return nil, &gqlerror.Error{Message: said, Extensions: map[string]any{"code": codeTooManyStreams}}
	}
	return &peer{Options: o, viewer: viewer, ended: make(chan struct{}), leave: o.open("stream", leave)}, nil
}

// open counts a connection that stays until it is left.
func (o Options) open(kind string, leave func()) func() {
	closed := o.Telemetry.Opened(kind)
	return func() { closed(); leave() }
}

// peer is who is at the other end of an event stream.
type peer struct {
	Options
	viewer auth.Viewer // nobody where there is no session
	leave  func()
	ended  chan struct{}  // closed when the session is over
	ending session.Ending // why
}

// Begin waits for a place for an operation, which is given back when ctx ends, as it does
// with the operation.
func (p *peer) Begin(ctx context.Context) (context.Context, error) {
	ctx, leave, ok := p.enter(auth.WithEnding(ctx, p.wait))
	if !ok {
		return ctx, cmp.Or(ctx.Err(), auth.ErrBusy)
	}
	context.AfterFunc(ctx, leave)
	return ctx, nil
}

// Event begins the request of an event when the event is answered and not when it is
// waited for: its instant and what it reads are its own.
func (p *peer) Event(ctx context.Context) context.Context {
	operation := auth.RequestFrom(ctx)
	request := sync.OnceValue(func() auth.Request {
		event := operation
		event.At = p.Clock.Now()
		return event
	})
	loaders := sync.OnceValue(func() *dataloaders.Loaders { return p.Loaders(request().At) })
	return dataloaders.WithLater(auth.WithRequestLater(ctx, request), loaders)
}

// Watch waits for the end of the session. A client whose session goes on under a new
// token may come back at once: whoever has shown the old token must not stay, because
// it may have been replaced for having been stolen.
func (p *peer) Watch(ctx context.Context) graphqlhttp.Close {
	if p.viewer.SessionID == "" {
		<-ctx.Done()
		return graphqlhttp.Close{}
	}
	ending, err := p.Sessions.Watch(ctx, p.Clock, p.viewer.CustomerID, p.viewer.SessionID)
	if err != nil {
		return graphqlhttp.Close{}
	}
	p.ending = ending
	close(p.ended)
	if ending == session.Replaced {
		return graphqlhttp.Close{Code: graphqlhttp.CloseForbidden, Reason: "The session has a new token"}
	}
	return graphqlhttp.Close{Code: graphqlhttp.CloseUnauthorized, Reason: "Unauthorized"}
}

// wait waits for the end of the session and tells the reason.
func (p *peer) wait(ctx context.Context) (string, error) {
	select {
	case <-p.ended:
		return string(p.ending), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *peer) Leave() { p.leave() }

// socketPeer is who is at the other end of a socket, each of whose operations is as good
// as a request.
type socketPeer struct {
	peer
	opened auth.Request // that of the handshake and the first message
}

func (p *socketPeer) Begin(ctx context.Context) (context.Context, error) {
	request := p.opened
	request.ID, request.At = newRequestID(), p.Clock.Now()
	ctx, err := p.peer.Begin(auth.WithRequest(ctx, request))
	if err != nil {
		return ctx, err
	}
	asking, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	identity, left := identityOf(p.Sessions.Continue(asking, request.At, p.viewer.SessionID, request.Address))
	p.Telemetry.SessionChecked(found(identity))
	if identity.Err != nil {
		return ctx, identity.Err
	}
	ctx = context.WithValue(auth.WithIdentity(ctx, identity), operationsLeft{}, left)
	return dataloaders.With(ctx, p.Loaders(request.At)), nil
}

// places counts the connections of each customer.
type places struct {
	most  int
	mu    sync.Mutex
	taken map[loan.CustomerID]int
}

// take takes a place, which leave gives back; false where there is none.
func (p *places) take(customer loan.CustomerID) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[customer] == p.most {
		return nil, false
	}
	if p.taken == nil {
		p.taken = map[loan.CustomerID]int{}
	}
	p.taken[customer]++
	return func() { p.give(customer) }, true
}

func (p *places) give(customer loan.CustomerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[customer]--; p.taken[customer] == 0 {
		delete(p.taken, customer)
	}
}
