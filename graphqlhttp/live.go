package graphqlhttp

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Peer is who is at the other end of a connection that stays, as the server's owner
// knows them. Its methods may be called at once.
type Peer interface {
	// Begin makes the context of an operation, as if it were a request of its own. An
	// error, which is presented in this context, refuses the operation.
	Begin(ctx context.Context) (context.Context, error)
	// Event makes the context in which one event of a subscription is answered, from
	// that of the operation. It is called before there is an event: what depends on
	// the time has to wait until it is asked for.
	Event(ctx context.Context) context.Context
	// Watch returns when the peer has to go, with what a socket is closed with, or
	// when ctx ends.
	Watch(ctx context.Context) Close
	// Leave is called once, when the connection has ended.
	Leave()
}

// Close is how a socket is closed.
type Close struct {
	Code   int
	Reason string // at most 123 bytes
}

// The codes of the protocol graphql-transport-ws, and those of WebSocket that it is
// used with.
const (
	CloseRestart         = 1012 // clients connect again
	CloseTryAgain        = 1013
	CloseBadRequest      = 4400
	CloseUnauthorized    = 4401
	CloseForbidden       = 4403
	CloseSubprotocol     = 4406
	CloseInitTimeout     = 4408
	CloseDuplicate       = 4409
	CloseTooManyRequests = 4429
)

// stopping is what a client is told that comes too late.
const stopping = "The server is about to stop. Try again."

// Live is the connections that stay: sockets and event streams. [http.Server.Shutdown]
// knows nothing of sockets and would wait for streams for ever, so whoever shuts
// down ends Live first. The zero value is ready.
type Live struct {
	mu       sync.Mutex
	draining chan struct{} // nil until somebody asks; closed when draining begins
	drained  bool
	open     sync.WaitGroup
}

// enter counts a connection; false once there are to be no more.
func (l *Live) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.drained {
		l.open.Add(1)
	}
	return !l.drained
}

func (l *Live) leave() { l.open.Done() }

// ends is closed when the connections are to end.
func (l *Live) ends() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining == nil {
		l.draining = make(chan struct{})
	}
	return l.draining
}

// Drain ends all connections in a way that makes clients come back, and lets queries
// and mutations finish. It returns when all have ended, or with the error of ctx. It
// may be called more than once.
func (l *Live) Drain(ctx context.Context) error {
	ends := l.ends()
	l.mu.Lock()
	if !l.drained {
		l.drained = true
		close(ends)
	}
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() { l.open.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Streaming tells whether a request is for a connection that stays, which must not
// have the deadline of others.
func Streaming(r *http.Request) bool { return isUpgrade(r) || wantsEvents(r) }

func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && lists(r.Header.Values("Connection"), "upgrade") && lists(r.Header.Values("Upgrade"), "websocket")
}

// wantsEvents tells whether a client takes an event stream and names no JSON: some
// name all that they can read with whatever they send.
func wantsEvents(r *http.Request) bool {
	ranges := splitRanges(r.Header.Values("Accept"))
	named := func(media string) bool {
		p := preferenceFor(media, ranges)
		return p.specific == 2 && p.quality > 0
	}
	return r.Method != http.MethodHead && named(mediaEvents) && !named(mediaJSON) && !named(mediaResponse)
}

func lists(header []string, token string) bool {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}

// Operations is how operations run on connections that stay. What is zero has its
// default.
type Operations struct {
	// Timeout is the deadline of queries and mutations; 10 s. Subscriptions have none.
	Timeout time.Duration
	// MaxErrors is how many errors an answer has at most; 5.
	MaxErrors int
	// Recover is told of a panic outside of resolvers, and makes the error that is
	// presented. Where it is nil, the panic goes on.
	Recover graphql.RecoverFunc
}

func (o Operations) timeout() time.Duration { return cmp.Or(o.Timeout, 10*time.Second) }
func (o Operations) maxErrors() int         { return cmp.Or(o.MaxErrors, defaultMaxErrors) }

// sink takes what an operation answers.
type sink interface {
	// admit is told what kind of operation is about to run, and may refuse it.
	admit(ast.Operation) *gqlerror.Error
	// next takes an answer. An error ends the operation.
	next(*graphql.Response) error
	// refused takes the errors of an operation that was not executed; it is the last.
	refused(gqlerror.List)
}

// run runs an operation of a peer to its end. It returns true where the sink has yet
// to say that it is complete: it was not refused, and nobody has ended it.
func (o Operations) run(ctx context.Context, peer Peer, exec graphql.GraphExecutor, params *graphql.RawParams, to sink) (completed bool) {
	whole, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = whole
	present := func(ctx context.Context, errs ...*gqlerror.Error) {
		if whole.Err() == nil { // that it was ended is no error of the operation
			to.refused(exec.DispatchError(ctx, errs[:min(len(errs), o.maxErrors())]).Errors)
		}
	}
	ctx, err := peer.Begin(ctx)
	if err != nil {
		present(ctx, gqlerror.Wrap(err))
		return false
	}
	if o.Recover != nil {
		defer func() {
			if panicked := recover(); panicked != nil {
				present(ctx, gqlerror.Wrap(o.Recover(ctx, panicked)))
			}
		}()
	}
	operation, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) == 0 {
		if err := to.admit(operation.Operation.Operation); err != nil {
			errs = gqlerror.List{err}
		}
	}
	if len(errs) > 0 {
		present(graphql.WithOperationContext(ctx, operation), expand(errs)...)
		return false
	}
	if operation.Operation.Operation != ast.Subscription {
		deadline, cancel := context.WithTimeout(ctx, o.timeout())
		defer cancel()
		next, ctx := exec.DispatchOperation(deadline, operation)
		response := next(ctx)
		if response == nil { // the deadline came first, or nobody wants it any more
			present(ctx, gqlerror.Wrap(cmp.Or(ctx.Err(), errNoAnswer)))
			return false
		}
		return o.hand(response, to) == nil
	}
	next, ctx := exec.DispatchOperation(ctx, operation)
	for first := true; ; first = false {
		response := next(peer.Event(ctx))
		switch {
		case response == nil || whole.Err() != nil: // what was read meanwhile may lack something
			return whole.Err() == nil
		case first && response.Data == nil: // it could not begin
			to.refused(response.Errors[:min(len(response.Errors), o.maxErrors())])
			return false
		}
		if err := o.hand(response, to); err != nil {
			return false
		}
	}
}

func (o Operations) hand(response *graphql.Response, to sink) error {
	response.Errors = response.Errors[:min(len(response.Errors), o.maxErrors())]
	return to.next(response)
}

// result writes an answer as JSON. The data is JSON already.
func result(response *graphql.Response) []byte {
	text := []byte{'{'}
	if len(response.Errors) > 0 {
		errs, err := encode(shorten(response.Errors))
		if err != nil {
			errs = []byte(unwritable)
		}
		text = append(append(append(text, `"errors":`...), errs...), ',')
	}
	if response.Data != nil {
		text = append(append(append(text, `"data":`...), response.Data...), ',')
	}
	if more, err := encode(response.Extensions); err == nil && len(response.Extensions) > 0 {
		text = append(append(append(text, `"extensions":`...), more...), ',')
	}
	return append(text[:max(1, len(text)-1)], '}')
}
