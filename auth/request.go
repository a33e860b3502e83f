package auth

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// Request is what is known of an HTTP request whoever makes it.
type Request struct {
	// ID names the request in answers, logs and the audit.
	ID string
	// Address is the client's IP address.
	Address string
	// At is when it was received: the one "now" of all that it asks for.
	At time.Time
	// Language is the one that the client asks for; empty where it does not say.
	Language loan.Language
}

type requestKey struct{}

// WithRequest is ctx with a request.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// WithRequestLater is ctx with a request that begins when somebody first asks for it.
func WithRequestLater(ctx context.Context, begin func() Request) context.Context {
	return context.WithValue(ctx, requestKey{}, begin)
}

// RequestFrom is the request of ctx. A context without one has no instant
// either, which is a mistake in the wiring and not to be survived.
func RequestFrom(ctx context.Context) Request {
	switch r := ctx.Value(requestKey{}).(type) {
	case Request:
		return r
	case func() Request:
		return r()
	}
	panic("auth: the context has no request")
}

// RequestID names the request of ctx; empty where there is none.
func RequestID(ctx context.Context) string {
	if ctx.Value(requestKey{}) == nil {
		return ""
	}
	return RequestFrom(ctx).ID
}
