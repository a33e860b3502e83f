package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/automobilepay/mobilepay/auth"
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
			if (got == viewer) != (c.want == nil) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFromContextThatWasToldNothing(t *testing.T) {
	t.Parallel()
	if v, err := auth.FromContext(context.Background()); !errors.Is(err, auth.ErrUnauthenticated) || v != (auth.Viewer{}) {
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
