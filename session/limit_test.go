package session_test

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/session"
)

func allow(t *testing.T, s *session.Store, now time.Time, l session.Limit, key string) session.Verdict {
	t.Helper()
	v, err := s.Allow(t.Context(), now, l, key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAllowToTheMicrosecond(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		l := session.Limit{Name: "money", N: 3, Per: time.Minute}
		key := rand.Text()
		for _, c := range []struct {
			after time.Duration
			want  session.Verdict
		}{
			{0, session.Verdict{Allowed: true, Remaining: 2}},
			{time.Microsecond, session.Verdict{Allowed: true, Remaining: 1}},
			{30 * time.Second, session.Verdict{Allowed: true}},
			{30 * time.Second, session.Verdict{RetryAfter: 30 * time.Second}},
			{30 * time.Second, session.Verdict{RetryAfter: 30 * time.Second}}, // a refusal is not counted
			{time.Minute - time.Microsecond, session.Verdict{RetryAfter: time.Microsecond}},
			{time.Minute, session.Verdict{Allowed: true}},
			{time.Minute, session.Verdict{RetryAfter: time.Microsecond}},
			{time.Minute + time.Microsecond, session.Verdict{Allowed: true}},
			{90*time.Second - time.Microsecond, session.Verdict{RetryAfter: time.Microsecond}},
			{time.Hour, session.Verdict{Allowed: true, Remaining: 2}},
		} {
			if got := allow(t, s, start.Add(c.after), l, key); got != c.want {
				t.Errorf("after %s: got %+v, want %+v", c.after, got, c.want)
			}
		}
	})
}

func TestLimitsAndKeysAreApart(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		l := session.Limit{Name: "money", N: 1, Per: time.Minute}
		key := rand.Text()
		other := l
		other.Name = "codes"
		for name, v := range map[string]session.Verdict{
			"first": allow(t, s, start, l, key), "another limit": allow(t, s, start, other, key), "another key": allow(t, s, start, l, key+"x"),
		} {
			if !v.Allowed {
				t.Errorf("%s was refused", name)
			}
		}
		if allow(t, s, start, l, key).Allowed {
			t.Error("a second one was allowed")
		}
		for range 100 {
			if !allow(t, s, start, session.Limit{}, key).Allowed {
				t.Fatal("the zero limit limits")
			}
		}
	})
}

func TestAtOnceAndOnTwoInstancesExactlySoMany(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		l := session.Limit{Name: "money", N: 10, Per: time.Minute}
		key, elsewhere := rand.Text(), again(t, s, session.Options{})
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			store := []*session.Store{s, elsewhere}[i%2]
			wg.Go(func() {
				if allow(t, store, start, l, key).Allowed {
					allowed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := allowed.Load(); n != 10 {
			t.Errorf("%d were allowed", n)
		}
	})
}

func TestRedisForgetsCounts(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		key := rand.Text()
		allow(t, s, start, session.Limit{Name: "money", N: 10, Per: time.Minute}, key)
		left, err := s.Redis().PTTL(t.Context(), "rate:money:{"+key+"}").Result()
		if err != nil || left < time.Minute || left > time.Hour {
			t.Errorf("%s to live, %v", left, err)
		}
	})
}

func TestOperationsOfASession(t *testing.T) {
	opts := session.Options{Operations: session.Limit{N: 60, Per: time.Minute}}
	onEachWith(t, opts, func(t *testing.T, s *session.Store) {
		token, other := create(t, s, start), create(t, s, start)
		for i := range 60 {
			if _, v, err := s.Touch(t.Context(), start, token, ""); err != nil || v != (session.Verdict{Allowed: true, Remaining: 59 - i}) {
				t.Fatalf("operation %d: got %+v, %v", i+1, v, err)
			}
		}
		limited := func(now time.Time, want time.Duration) {
			t.Helper()
			var limited *session.RateLimited
			got, _, err := s.Touch(t.Context(), now, token, "192.0.2.9")
			if !errors.As(err, &limited) || limited.RetryAfter != want || got != (session.Session{}) ||
				errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrUnavailable) {
				t.Errorf("got %+v, %v, want a wait of %s", got, err, want)
			}
		}
		limited(start, time.Minute)
		limited(start.Add(time.Minute-time.Microsecond), time.Microsecond)
		touch(t, s, start, other)

		// Nor does a new token give new operations.
		token, _ = rotate(t, s, start, token, true)
		limited(start, time.Minute)
		sessions, err := s.List(t.Context(), start, touch(t, s, start.Add(time.Minute), token).CustomerID)
		if err != nil || len(sessions) != 1 || sessions[0].Address != "" {
			t.Errorf("a refused operation was noted: %+v, %v", sessions, err)
		}
	})
}

func TestRefusedOperationsDoNotKeepASessionAlive(t *testing.T) {
	opts := session.Options{Operations: session.Limit{N: 1, Per: time.Hour}}
	onEachWith(t, opts, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		touch(t, s, start, token)
		for now := start; now.Before(start.Add(15 * time.Minute)); now = now.Add(time.Minute) {
			if _, _, err := s.Touch(t.Context(), now, token, ""); err == nil || errors.Is(err, session.ErrNoSession) {
				t.Fatalf("at %s: got %v", now, err)
			}
		}
		refused(t, s, start.Add(15*time.Minute), token)
	})
}

func TestOperationsAtOnce(t *testing.T) {
	opts := session.Options{Operations: session.Limit{N: 60, Per: time.Minute}}
	onEachWith(t, opts, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		stores := []*session.Store{s, again(t, s, opts)}
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if _, _, err := stores[i%2].Touch(t.Context(), start, token, ""); err == nil {
					allowed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := allowed.Load(); n != 60 {
			t.Errorf("%d were allowed", n)
		}
	})
}
