// Package auth knows who is asking: it hashes and verifies passwords, and carries
// the viewer of a request in its context.
package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// Why a request has no viewer.
var (
	// ErrUnauthenticated says that it has no token, or one that opens nothing.
	ErrUnauthenticated = errors.New("auth: not logged in")
	// ErrUnavailable says that it could not be found out. It is no reason to log
	// in again.
	ErrUnavailable = errors.New("auth: sessions cannot be asked")
)

// Viewer is the customer who makes a request. It holds no secret: the session's
// id is the hash of a token that stays with the client.
type Viewer struct {
	CustomerID loan.CustomerID
	SessionID  string
	// SteppedUpAt is when the customer last confirmed who they are in this session;
	// zero where they did not.
	SteppedUpAt time.Time
}

// Identity is what is known about who makes a request: the viewer, or why there
// is none.
type Identity struct {
	Viewer *Viewer
	Err    error // ErrUnauthenticated or ErrUnavailable, or wraps one; nil with a viewer
}

type identityKey struct{}

// WithIdentity is ctx with an identity, which replaces any before.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	holder := new(atomic.Pointer[Identity])
	holder.Store(&id)
	return context.WithValue(ctx, identityKey{}, holder)
}

// Become makes the rest of the request the viewer's: what a log-in answers is
// read as who has logged in. A context without an identity stays so.
func Become(ctx context.Context, v Viewer) {
	if holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity]); ok {
		holder.Store(&Identity{Viewer: &v})
	}
}

// FromContext is the viewer, or [ErrUnauthenticated] or [ErrUnavailable] (maybe
// wrapped). A context that was never told of anybody has no viewer.
func FromContext(ctx context.Context) (Viewer, error) {
	holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity])
	if !ok {
		return Viewer{}, ErrUnauthenticated
	}
	id := holder.Load()
	switch {
	case id.Err != nil:
		return Viewer{}, id.Err
	case id.Viewer == nil || id.Viewer.CustomerID <= 0:
		return Viewer{}, ErrUnauthenticated
	}
	return *id.Viewer, nil
}
