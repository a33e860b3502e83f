package graphqlhttp

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// mediaEvents is what an event stream is.
const mediaEvents = "text/event-stream"

// EventStream answers operations as server-sent events, by the letter of GraphQL over
// Server-Sent Events in its mode of distinct connections: each operation has a
// response of its own, with an event for each answer. What is zero has its default.
type EventStream struct {
	Operations
	// Live is the connections that end together.
	Live *Live
	// Hello tells who a client is, or refuses the stream with an error, which is not
	// presented.
	Hello func(*http.Request) (Peer, *gqlerror.Error)
	// GET makes queries and subscriptions in the URL be answered, too; see [Transport].
	GET bool
	// MaxBody is the largest body in bytes; 64 KiB.
	MaxBody int64
	// CommentEvery is how often something is sent where nothing happens, so that
	// nobody in between takes the connection for dead; 15 s.
	CommentEvery time.Duration
	// WriteTimeout is how long a client may take to read an event; 10 s.
	WriteTimeout time.Duration
}

var _ graphql.Transport = (*EventStream)(nil)

// Supports implements graphql.Transport.
func (*EventStream) Supports(r *http.Request) bool { return wantsEvents(r) }

// Do implements graphql.Transport.
func (t *EventStream) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	plain := Transport{GET: t.GET, MaxBody: t.MaxBody}
	a := &answer{Transport: plain, w: w, media: mediaJSON, request: len(r.URL.RawQuery)}
	params, refused := plain.request(a, r, true)
	if refused != nil {
		a.writeProblem(*refused)
		return
	}
	if params == nil {
		return
	}
	if !t.Live.enter() {
		a.writeProblem(problem{http.StatusServiceUnavailable, stopping})
		return
	}
	defer t.Live.leave()
	params.Headers = r.Header
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // or the wait for the client to go would end
	h := w.Header()
	h.Set("Content-Type", mediaEvents+"; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // proxies of a kind would hold events back
	w.WriteHeader(http.StatusOK)
	s := &stream{EventStream: t, w: w, control: control, request: r}
	if peer, refused := t.Hello(r); refused == nil {
		defer peer.Leave()
		s.serve(peer, exec, params)
	} else {
		s.refused(gqlerror.List{refused})
		_ = s.write("complete", nil)
	}
}

// stream is one response.
type stream struct {
	*EventStream
	request *http.Request

	mu      sync.Mutex // while something is written
	w       http.ResponseWriter
	control *http.ResponseController

	kind     chan ast.Operation // of the operation, once it is known
	rejected bool
}

func (s *stream) serve(peer Peer, exec graphql.GraphExecutor, params *graphql.RawParams) {
	ctx, cancel := context.WithCancel(s.request.Context())
	s.kind = make(chan ast.Operation, 1)
	var work sync.WaitGroup
	work.Go(func() { s.attend(ctx, peer, cancel) })
	work.Go(func() { s.keepAlive(ctx, cancel) })
	completed := s.run(ctx, peer, exec, params, s)
	if completed || s.rejected {
		_ = s.write("complete", nil)
	}
	cancel()
	work.Wait()
}

// attend ends a stream when the peer has to go, and a subscription when all are
// ended. It has no last event then, so that the client comes back.
func (s *stream) attend(ctx context.Context, peer Peer, cancel context.CancelFunc) {
	gone := make(chan struct{})
	go func() { peer.Watch(ctx); close(gone) }()
	defer func() { cancel(); <-gone }()
	ends, kind := s.Live.ends(), ast.Operation("")
	for {
		select {
		case kind = <-s.kind:
			if ends == nil && kind == ast.Subscription {
				return
			}
		case <-ends:
			if ends = nil; kind == ast.Subscription {
				return
			}
		case <-gone:
			timer := time.NewTimer(lastWords)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

// keepAlive writes comments.
func (s *stream) keepAlive(ctx context.Context, cancel context.CancelFunc) {
	ticker := time.NewTicker(cmp.Or(s.CommentEvery, 15*time.Second))
	defer ticker.Stop()
	for {
		if s.put([]byte(":\n\n")) != nil {
			cancel()
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

var errByPost = refuse(codeBadRequest, "The method of a mutation must be POST.")

func (s *stream) admit(kind ast.Operation) *gqlerror.Error {
	if kind == ast.Mutation && s.request.Method != http.MethodPost {
		return errByPost
	}
	s.kind <- kind
	return nil
}

func (s *stream) next(response *graphql.Response) error { return s.write("next", result(response)) }

func (s *stream) refused(errs gqlerror.List) {
	s.rejected = s.write("next", result(&graphql.Response{Errors: errs})) == nil
}

// write sends an event. Its data has no line breaks.
func (s *stream) write(event string, data []byte) error {
	return s.put(append(append([]byte("event: "+event+"\ndata: "), data...), "\n\n"...))
}

func (s *stream) put(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.control.SetWriteDeadline(graphql.Now().Add(cmp.Or(s.WriteTimeout, 10*time.Second)))
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}
