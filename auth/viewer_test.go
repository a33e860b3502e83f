package auth_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
)

func TestFromContext(t *testing.T) {
	t.Parallel()
	viewer := auth.Viewer{CustomerID: 42, SessionID: "5e55"}
	cause := errors.New("i/o timeout")
	for name, c := range map[string]struct {
		id   auth.Identity
		want error
	}{
		"logged in":                     {auth.Identity{Viewer: &viewer}, nil},
		"nobody":                        {auth.Identity{}, auth.ErrUnauthenticated},
		"a viewer who is nobody":        {auth.Identity{Viewer: &auth.Viewer{}}, auth.ErrUnauthenticated},
		"bad token":                     {auth.Identity{Err: auth.ErrUnauthenticated}, auth.ErrUnauthenticated},
		"sessions unavailable":          {auth.Identity{Err: fmt.Errorf("%w: %w", auth.ErrUnavailable, cause)}, auth.ErrUnavailable},
		"a viewer in spite of an error": {auth.Identity{Viewer: &viewer, Err: cause}, cause},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := auth.FromContext(auth.WithIdentity(context.Background(), c.id))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if reflect.DeepEqual(got, viewer) != (c.want == nil) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFromContextThatWasToldNothing(t *testing.T) {
	t.Parallel()
	if v, err := auth.FromContext(context.Background()); !errors.Is(err, auth.ErrUnauthenticated) || !reflect.DeepEqual(v, auth.Viewer{}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestTheLastIdentityCounts(t *testing.T) {
	t.Parallel()
	ctx := auth.WithIdentity(context.Background(), auth.Identity{Viewer: &auth.Viewer{CustomerID: 42}})
	ctx = auth.WithIdentity(ctx, auth.Identity{Err: auth.ErrUnauthenticated})
	if _, err := auth.FromContext(ctx); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
}

// A partner acts for nobody until it says for whom, and then for nobody else.
func TestActFor(t *testing.T) {
	t.Parallel()
	partner := auth.Partner{ID: 7, TokenID: "70ce", Scopes: loan.AllScopes()}
	ctx := auth.WithIdentity(context.Background(), auth.Identity{Partner: &partner})
	forbidden := new(auth.Forbidden)
	if _, err := auth.FromContext(ctx); !errors.As(err, &forbidden) || forbidden.Scope != "" {
		t.Errorf("got %v", err)
	}
	if scopes, limited := auth.ScopesFrom(ctx); !limited || !reflect.DeepEqual(scopes, partner.Scopes) {
		t.Errorf("the token's scopes are %q, %v", scopes, limited)
	}
	if auth.ActFor(ctx, auth.Viewer{CustomerID: 42, Partner: 8}) || auth.ActFor(ctx, auth.Viewer{CustomerID: 42}) {
		t.Error("it acts as somebody else")
	}
	acting := auth.Viewer{CustomerID: 42, Partner: 7, Scopes: loan.Scopes{loan.ScopeVehiclesRead}}
	for range 2 {
		if !auth.ActFor(ctx, acting) {
			t.Error("it does not act")
		}
	}
	if auth.ActFor(ctx, auth.Viewer{CustomerID: 43, Partner: 7}) {
		t.Error("it acts for two")
	}
	if got, err := auth.FromContext(ctx); err != nil || !reflect.DeepEqual(got, acting) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, is := auth.PartnerFrom(ctx); !is || !reflect.DeepEqual(got, partner) {
		t.Errorf("got %+v", got)
	}
	if scopes, limited := auth.ScopesFrom(ctx); !limited || scopes.String() != "vehicles:read" {
		t.Errorf("the scopes are %q, %v", scopes, limited)
	}
	for _, other := range []context.Context{context.Background(), auth.WithIdentity(context.Background(), auth.Identity{Viewer: &auth.Viewer{CustomerID: 42}})} {
		if auth.ActFor(other, acting) {
			t.Error("a customer acts for one")
		}
		if _, limited := auth.ScopesFrom(other); limited {
			t.Error("a customer has scopes")
		}
		if _, is := auth.PartnerFrom(other); is {
			t.Error("a customer is a partner")
		}
	}
}
