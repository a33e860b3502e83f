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

// Viewer is the customer who makes a request, or for whom a partner makes it. It holds
// no secret: the session's id is the hash of a token that stays with the client.
type Viewer struct {
	CustomerID loan.CustomerID
	// SessionID is of the customer's session, or of the partner's token.
	SessionID string
	// SteppedUpAt is when the customer last confirmed who they are in this session;
	// zero where they did not.
	SteppedUpAt time.Time
	// Current is that what they read must not lag, because they have changed something.
	Current bool
	// Partner is who acts for the customer; 0 where they do so themselves. Scopes are
	// what it may do then.
	Partner loan.PartnerID
	Scopes  loan.Scopes
}

// Agent is who acts.
func (v Viewer) Agent() loan.Agent { return loan.Agent{Customer: v.CustomerID, Partner: v.Partner} }

// Partner is the partner who makes a request.
type Partner struct {
	ID      loan.PartnerID
	TokenID string // the hash of its token
	// Scopes are the token's. What the partner may do for a customer is what the
	// customer has granted of them.
	Scopes loan.Scopes
}

// Forbidden refuses a partner, or whoever is none.
type Forbidden struct {
	// Partners is that the field is for partners alone.
	Partners bool
	// Scope is the one that it lacks; empty where the field is for customers alone.
	Scope loan.Scope
}

func (e *Forbidden) Error() string {
	switch {
	case e.Partners:
		return "auth: this is for partners alone"
	case e.Scope == "":
		return "auth: this is for customers alone"
	}
	return "auth: the partner lacks the scope " + string(e.Scope)
}

// Identity is what is known about who makes a request: the viewer, the partner or both,
// or why there is neither.
type Identity struct {
	Viewer  *Viewer
	Partner *Partner
	Err     error // ErrUnauthenticated or ErrUnavailable, or wraps one; nil with a viewer or partner
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

// ActFor makes the rest of a partner's request one for a customer. It is false where
// the request is for another one already, or of no partner.
func ActFor(ctx context.Context, v Viewer) bool {
	holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity])
	if !ok {
		return false
	}
	before := holder.Load()
	if before.Partner == nil || before.Partner.ID != v.Partner {
		return false
	}
	if before.Viewer == nil && holder.CompareAndSwap(before, &Identity{Viewer: &v, Partner: before.Partner}) {
		return true
	}
	now := holder.Load().Viewer
	return now.CustomerID == v.CustomerID
}

// FromContext is the viewer, or [ErrUnauthenticated] or [ErrUnavailable] (maybe
// wrapped), or of a partner that acts for nobody [*Forbidden]. A context that was never
// told of anybody has no viewer.
func FromContext(ctx context.Context) (Viewer, error) {
	holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity])
	if !ok {
		return Viewer{}, ErrUnauthenticated
	}
	id := holder.Load()
	switch {
	case id.Err != nil:
		return Viewer{}, id.Err
	case id.Viewer == nil && id.Partner != nil:
		return Viewer{}, &Forbidden{}
	case id.Viewer == nil || id.Viewer.CustomerID <= 0:
		return Viewer{}, ErrUnauthenticated
	}
	return *id.Viewer, nil
}

// PartnerFrom is the partner who makes the request, for a customer or for nobody yet;
// false where it is no partner's.
func PartnerFrom(ctx context.Context) (Partner, bool) {
	if holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity]); ok {
		if id := holder.Load(); id.Partner != nil {
			return *id.Partner, true
		}
	}
	return Partner{}, false
}

// ScopesFrom is what the partner of a request may do: what the customer has granted,
// once it acts for one. limited is false where it is no partner's.
func ScopesFrom(ctx context.Context) (scopes loan.Scopes, limited bool) {
	holder, ok := ctx.Value(identityKey{}).(*atomic.Pointer[Identity])
	if !ok {
		return nil, false
	}
	switch id := holder.Load(); {
	case id.Partner == nil:
		return nil, false
	case id.Viewer != nil:
		return id.Viewer.Scopes, true
	default:
		return id.Partner.Scopes, true
	}
}
