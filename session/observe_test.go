package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/session"
)

// Whoever watches is told of commands by their names, and of no key; that a session is
// not there, or a script not known yet, is no failure, and that Redis is away is one.
func TestObserver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	failures, names := 0, map[string]bool{}
	s, err := session.Open(t.Context(), "", session.Options{Observe: func(ctx context.Context, name string) (context.Context, func(error)) {
		mu.Lock()
		defer mu.Unlock()
		names[name] = true
		return ctx, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures++
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	token, _, err := s.Create(t.Context(), now, session.Session{CustomerID: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{token, session.NewToken()} {
		_, _, _ = s.Touch(t.Context(), now, token, "192.0.2.1")
	}
	mu.Lock()
	before := failures
	mu.Unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_ = s.Ping(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if before != 0 || failures == 0 || !names["evalsha"] || !names["pipeline"] {
		t.Errorf("%d failures, then %d, of %v", before, failures, names)
	}
	for name := range names {
		if strings.ContainsAny(name, ":{} 0123456789") {
			t.Errorf("a command is called %q", name)
		}
	}
}
