package web

import (
	"cmp"
	"container/list"
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
)

// waitAtMost is how long a request waits for a place. It takes that long only where
// those that have one hang: under load it is the latest that gets the next place.
const waitAtMost = 250 * time.Millisecond

// retryAfter is in how many seconds at most those come again that were sent away.
const retryAfter = 3

// shed sends requests away before they cost anything, where there are more than can be
// worked on. Mutations are not preferred: to know one takes reading it, which is a part
// of what there is no time for. A payment that was sent away has not begun, and its
// idempotency key makes it safe to come again. What comes over connections that stay is
// let in operation by operation; see [peer.Begin].
func (o Options) shed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if graphqlhttp.Streaming(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, leave, ok := o.enter(r.Context())
		if !ok {
			language := auth.RequestFrom(r.Context()).Language
			wait := 1 + rand.N(retryAfter) //nolint:gosec // so that not all come back at once
			w.Header().Set("Content-Language", string(cmp.Or(language, loan.English)))
			w.Header().Set("Retry-After", strconv.Itoa(wait))
			graphqlhttp.Refuse(w, r, http.StatusServiceUnavailable, resolvers.Overloaded(language, wait))
			return
		}
		defer leave()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// enter waits for a place, which is in the context that it returns: leave gives it back,
// and may be called more than once. False where there is none.
func (o Options) enter(ctx context.Context) (_ context.Context, leave func(), ok bool) {
	leave, ok = o.gate.enter(ctx)
	if !ok {
		return ctx, nil, false
	}
	leave = sync.OnceFunc(leave)
	return auth.WithPlace(ctx, leave), leave, true
}

// stay lets a subscription go on without a place once it has begun, because it waits for
// most of its time.
func stay(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	respond := next(ctx)
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		auth.LeavePlace(ctx)
	}
	return respond
}

// gate lets so many in at once and as many wait. Who comes when all places to wait are
// taken takes that of who has waited longest, and the next free place is for who came
// last: under load some are served as fast as ever and the others know soon, where a
// queue would let all wait until nobody wants the answer any more.
type gate struct {
	most    int
	mu      sync.Mutex
	inside  int
	waiting *list.List // of chan bool, which get one answer each; the latest in front
}

func newGate(most int) *gate { return &gate{most: most, waiting: list.New()} }

// enter returns how to leave, or false where there is no place until ctx ends or the
// wait does.
func (g *gate) enter(ctx context.Context) (leave func(), ok bool) {
	g.mu.Lock()
	if g.inside < g.most {
		g.inside++
		g.mu.Unlock()
		return g.leave, true
	}
	if g.waiting.Len() == g.most {
		g.waiting.Remove(g.waiting.Back()).(chan bool) <- false
	}
	answer := make(chan bool, 1)
	place := g.waiting.PushFront(answer)
	g.mu.Unlock()

	timer := time.NewTimer(waitAtMost)
	defer timer.Stop()
	select {
	case ok := <-answer:
		return g.leave, ok
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case ok := <-answer: // it came meanwhile
		return g.leave, ok
	default:
		g.waiting.Remove(place)
		return nil, false
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if latest := g.waiting.Front(); latest != nil {
		g.waiting.Remove(latest).(chan bool) <- true
		return
	}
	g.inside--
}
