// Package web is the HTTP side: routes, what happens to every request before and
// after, and whether the process is alive and ready.
package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/telemetry"
)

// Options are what the routes are made of.
type Options struct {
	Schema   graphql.ExecutableSchema
	Sessions *session.Store
	// IssueToken gives a partner a token.
	IssueToken func(ctx context.Context, clientID, secret, scopes string) (servicing.PartnerToken, error)
	// PublicURL is where clients reach the server; empty where it is not stated.
	PublicURL string
	// Limits are the largest document that runs.
	Limits graphqlhttp.Limits
	// Trusted is documents that may be named by their ids. Where TrustedOnly, no
	// other runs.
	Trusted     map[string]string
	TrustedOnly bool
	// Loaders makes the loaders of a request received at an instant. Where Replica, they
	// can read from one.
	Loaders func(time.Time) *dataloaders.Loaders
	Replica bool
	Clock   clock.Clock
	Log     *slog.Logger
	// Sandbox opens what production closes: introspection, full messages, the
	// playground.
	Sandbox    bool
	Playground http.Handler
	// SDL is the schema in words, which the sandbox hands out.
	SDL   string
	Moves SandboxMoves
	// Timeout is the deadline of a request.
	Timeout time.Duration
	// Proxies are the addresses whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Documents opens what is downloaded by a ticket.
	Documents func(context.Context, auth.Viewer, string) (*servicing.Document, error)
	// Live is the connections that stay, which whoever stops the server ends.
	Live *graphqlhttp.Live
	// Telemetry is told of what happens.
	Telemetry *telemetry.Telemetry
	// Ready tells whether the process can serve.
	Ready *Readiness
	// Concurrency is how many requests are worked on at once.
	Concurrency int

	gate *gate // that they go through
}

const graphQLPath = "/graphql"

// New makes the handler of all routes.
func New(o Options) http.Handler {
	o.gate = newGate(o.Concurrency)
	mux := http.NewServeMux()
	mux.Handle(graphQLPath, o.shed(o.identify(o.graphQL())))
	mux.HandleFunc("POST "+tokenPath, o.issueToken)
	mux.HandleFunc("GET "+metadataPath, o.showMetadata)
	mux.Handle("GET /healthz", Alive())
	mux.Handle("GET /readyz", o.Ready)
	mux.HandleFunc("GET "+servicing.DocumentsPath+"{ticket}", o.document)
	if o.Sandbox {
		o.sandboxRoutes(mux)
		mux.Handle("/playground/", http.StripPrefix("/playground", o.Playground))
		mux.Handle("GET /playground", http.StripPrefix("/playground", o.Playground))
		mux.Handle("GET /{$}", http.RedirectHandler("/playground", http.StatusFound))
	}
	return o.receive(o.observe(mux))
}

// What every answer has. Routes may set their own in the place of one.
var (
	headers = http.Header{
		"X-Content-Type-Options":  {"nosniff"},
		"Cache-Control":           {"no-store"},
		"Referrer-Policy":         {"no-referrer"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	}
	productionHeaders = http.Header{"Strict-Transport-Security": {"max-age=63072000; includeSubDomains"}}
)

// receive is what happens to every request: it gets an id, its one instant and a
// deadline, and its answer the headers that keep it out of caches and frames.
func (o Options) receive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := auth.Request{ID: newRequestID(), Address: o.clientAddress(r), At: o.Clock.Now(), Language: languageOf(r.Header.Get("Accept-Language"))}
		h := w.Header()
		h.Set("X-Request-Id", request.ID)
		maps.Copy(h, headers)
		if !o.Sandbox {
			maps.Copy(h, productionHeaders)
		}
		ctx := auth.WithRequest(r.Context(), request)
		if r.URL.Path != graphQLPath || !graphqlhttp.Streaming(r) { // whose operations have their own
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, o.Timeout)
			defer cancel()
		}
		defer func() {
			if panicked := recover(); panicked != nil {
				o.Telemetry.Panicked()
				o.Log.ErrorContext(ctx, "panic", "panic", panicked, "stack", string(debug.Stack()))
				status(w, http.StatusInternalServerError, "internal error")
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// identify finds out whose session it is, in one trip to Redis, and gives the
// request its loaders. A request without a viewer goes on: which fields need one
// is the schema's to say.
func (o Options) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		request := auth.RequestFrom(ctx)
		w.Header().Set("Content-Language", string(cmp.Or(request.Language, loan.English)))
		identity, left := o.identity(ctx, r)
		if limited := new(session.RateLimited); errors.As(identity.Err, &limited) {
			w.Header().Set("Retry-After", strconv.Itoa(resolvers.Seconds(limited.RetryAfter)))
			graphqlhttp.Refuse(w, r, http.StatusTooManyRequests, resolvers.RateLimited(request.Language, limited.RetryAfter, nil))
			return
		}
		ctx = auth.WithIdentity(ctx, identity)
		if identity.Err == nil {
			ctx = context.WithValue(ctx, operationsLeft{}, left)
		}
		next.ServeHTTP(w, r.WithContext(dataloaders.With(ctx, o.Loaders(request.At))))
	})
}

// operationsLeft finds in a context how many more operations the session, or the
// partner, may send now.
type operationsLeft struct{}

// identity is who makes a request, and how many more operations they may send now.
func (o Options) identity(ctx context.Context, r *http.Request) (_ auth.Identity, left int) {
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return auth.Identity{Err: auth.ErrUnauthenticated}, 0
	}
	identity, left := o.identityByToken(ctx, token, auth.RequestFrom(ctx))
	o.Telemetry.SessionChecked(found(identity))
	return identity, left
}

// found says what a look for a session has found.
func found(identity auth.Identity) string {
	switch {
	case identity.Viewer != nil, identity.Partner != nil:
		return "session"
	case errors.Is(identity.Err, auth.ErrUnauthenticated):
		return "none"
	case errors.As(identity.Err, new(*session.RateLimited)):
		return "limited"
	}
	return "unavailable"
}

// identityByToken is who has a token: a customer, or a partner.
func (o Options) identityByToken(ctx context.Context, token string, request auth.Request) (_ auth.Identity, left int) {
	if !session.IsPartnerToken(token) {
		s, verdict, err := o.Sessions.Touch(ctx, request.At, token, request.Address)
		return identityOf(s, verdict, err)
	}
	opened, verdict, err := o.Sessions.TouchPartner(ctx, request.At, token)
	if err != nil {
		return auth.Identity{Err: reason(err)}, 0
	}
	return auth.Identity{Partner: &auth.Partner{ID: opened.PartnerID, TokenID: opened.ID, Scopes: opened.Scopes}}, verdict.Remaining
}

// bearer is the token in the text of an Authorization header.
func bearer(authorization string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	return token, strings.EqualFold(scheme, "Bearer")
}

// identityOf is whose session was found, or why there is none.
func identityOf(s session.Session, verdict session.Verdict, err error) (_ auth.Identity, left int) {
	if err != nil {
		return auth.Identity{Err: reason(err)}, 0
	}
	return auth.Identity{Viewer: &auth.Viewer{CustomerID: s.CustomerID, SessionID: s.ID, SteppedUpAt: s.SteppedUpAt, Current: s.Current}}, verdict.Remaining
}

// reason is why a token opens nothing.
func reason(err error) error {
	switch {
	case errors.Is(err, session.ErrNoSession):
		return auth.ErrUnauthenticated
	case errors.As(err, new(*session.RateLimited)):
		return err
	default:
		return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
	}
}

// Alive answers that the process lives, and asks nothing else.
func Alive() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { status(w, http.StatusOK, "ok") })
}

func status(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, "{\"status\":%q}\n", text) // the client may be gone
}

func newRequestID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // does not fail
	return hex.EncodeToString(random[:])
}
