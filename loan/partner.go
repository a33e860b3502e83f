package loan

import (
	"slices"
	"strings"
	"time"
)

// Scope is one thing that a partner may do, as OAuth names it.
type Scope string

// The scopes.
const (
	ScopeVehiclesRead   Scope = "vehicles:read"
	ScopePaymentsRead   Scope = "payments:read" // bank accounts to pay from and Auto Pay, too
	ScopePaymentsWrite  Scope = "payments:write"
	ScopeStatementsRead Scope = "statements:read"
	ScopeEventsRead     Scope = "events:read"
)

// AllScopes are all that there are, in the order in which they are shown.
func AllScopes() Scopes {
	return Scopes{ScopeVehiclesRead, ScopePaymentsRead, ScopePaymentsWrite, ScopeStatementsRead, ScopeEventsRead}
}

// Scopes are what a partner may do, each once, in the order of [AllScopes].
type Scopes []Scope

// ParseScopes reads scopes with a blank between them (RFC 6749, 3.3); false where one
// is unknown. Their order does not count, nor does one that is there twice.
func ParseScopes(text string) (Scopes, bool) {
	var named Scopes
	for name := range strings.SplitSeq(text, " ") {
		if name != "" {
			named = append(named, Scope(name))
		}
	}
	ordered := AllScopes().And(named)
	return ordered, !slices.ContainsFunc(named, func(s Scope) bool { return !ordered.Has(s) })
}

// String is what [ParseScopes] reads.
func (s Scopes) String() string {
	names := make([]string, len(s))
	for i, scope := range s {
		names[i] = string(scope)
	}
	return strings.Join(names, " ")
}

// Has tells whether a scope is among them.
func (s Scopes) Has(scope Scope) bool { return slices.Contains(s, scope) }

// And are those of s that are in other, too.
func (s Scopes) And(other Scopes) Scopes {
	both := Scopes{}
	for _, scope := range s {
		if other.Has(scope) {
			both = append(both, scope)
		}
	}
	return both
}

// Partner is somebody whose programs act for customers that let them.
type Partner struct {
	ID        PartnerID
	Name      string
	Scopes    Scopes // the most that a customer can grant
	CreatedAt time.Time
	RevokedAt *time.Time // since when nothing of it counts any more
}

// PartnerGrant is what a customer lets a partner do for them.
type PartnerGrant struct {
	ID         PartnerGrantID
	CustomerID CustomerID
	Partner    Partner
	Scopes     Scopes
	GrantedAt  time.Time
	LastUsedAt *time.Time // to the minute
}
