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

// unlimited lets one address guess on, so that the account's limit shows.
var unlimited = session.Options{Failures: session.Limit{N: 1000, Per: time.Minute}}

// stranger is a guess at an account that no other test has, from such an address.
func stranger() session.Guess {
	return session.Guess{Account: rand.Text(), Address: rand.Text()}
}

func guess(t *testing.T, s *session.Store, now time.Time, g session.Guess) session.Verdict {
	t.Helper()
	v, err := s.Guess(t.Context(), now, g)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func fail(t *testing.T, s *session.Store, now time.Time, g session.Guess) {
	t.Helper()
	if v := guess(t, s, now, g); !v.Allowed {
		t.Fatalf("at %s: refused, %+v", now, v)
	}
	if err := s.Guessed(t.Context(), g, false); err != nil {
		t.Fatal(err)
	}
}

func succeed(t *testing.T, s *session.Store, now time.Time, g session.Guess) {
	t.Helper()
	if v := guess(t, s, now, g); !v.Allowed {
		t.Fatalf("at %s: refused, %+v", now, v)
	}
	if err := s.Guessed(t.Context(), g, true); err != nil {
		t.Fatal(err)
	}
}

func TestAnAccountIsThrottledAndThenClosed(t *testing.T) {
	onEachWith(t, unlimited, func(t *testing.T, s *session.Store) {
		g, now := stranger(), start
		for i := range 10 {
			if got, want := guess(t, s, now, g), (session.Verdict{Allowed: true, Remaining: 9 - i}); got != want {
				t.Fatalf("guess %d: got %+v, want %+v", i+1, got, want)
			}
		}
		wait := 30 * time.Second
		for i := 11; i <= 100; i++ {
			if got, want := guess(t, s, now, g), (session.Verdict{RetryAfter: wait}); got != want {
				t.Fatalf("guess %d: got %+v, want %+v", i, got, want)
			}
			now = now.Add(wait)
			if got, want := guess(t, s, now.Add(-time.Microsecond), g), (session.Verdict{RetryAfter: time.Microsecond}); got != want {
				t.Fatalf("guess %d: got %+v, want %+v", i, got, want)
			}
			fail(t, s, now, g)
			wait = min(2*wait, time.Hour)
		}
		for _, after := range []time.Duration{0, time.Hour, 365 * 24 * time.Hour} {
			if got := guess(t, s, now.Add(after), g); got != (session.Verdict{}) {
				t.Errorf("%s after a hundred: got %+v", after, got)
			}
		}
		if ttl := s.Redis().PTTL(t.Context(), "guesses:account:{"+g.Account+"}").Val(); ttl >= 0 {
			t.Errorf("a closed account opens by itself after %s", ttl)
		}
		if err := s.Forgive(t.Context(), g.Account); err != nil {
			t.Fatal(err)
		}
		if got, want := guess(t, s, now, g), (session.Verdict{Allowed: true, Remaining: 9}); got != want {
			t.Errorf("forgiven: got %+v, want %+v", got, want)
		}
	})
}

func TestARightGuessEndsTheRow(t *testing.T) {
	onEachWith(t, unlimited, func(t *testing.T, s *session.Store) {
		g := stranger()
		for range 3 {
			for range 9 {
				fail(t, s, start, g)
			}
			succeed(t, s, start, g)
		}
		other := stranger()
		fail(t, s, start, other)
		succeed(t, s, start, g)
		if got := guess(t, s, start, other); got.Remaining != 8 {
			t.Errorf("another's count: %+v", got)
		}
	})
}

func TestFiftyGuessesAtOnceAreFifty(t *testing.T) {
	onEachWith(t, unlimited, func(t *testing.T, s *session.Store) {
		g, elsewhere := stranger(), again(t, s, unlimited)
		for _, round := range []struct {
			after time.Duration
			want  int64
		}{{0, 10}, {30*time.Second - time.Microsecond, 0}, {30 * time.Second, 1}, {90 * time.Second, 1}} {
			var allowed atomic.Int64
			var wg sync.WaitGroup
			for i := range 50 {
				store := []*session.Store{s, elsewhere}[i%2]
				wg.Go(func() {
					if guess(t, store, start.Add(round.after), g).Allowed {
						allowed.Add(1)
					}
				})
			}
			wg.Wait()
			if n := allowed.Load(); n != round.want {
				t.Errorf("after %s: %d were allowed, want %d", round.after, n, round.want)
			}
		}
	})
}

func TestAnAddressHasThirtyFailuresInTenMinutes(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		g := stranger()
		at := func(after time.Duration) (session.Verdict, session.Guess) {
			g.Account = rand.Text()
			return guess(t, s, start.Add(after), g), g
		}
		for i := range 30 {
			if v, _ := at(time.Duration(i) * time.Second); !v.Allowed {
				t.Fatalf("guess %d was refused", i+1)
			}
		}
		if v, _ := at(30 * time.Second); v != (session.Verdict{RetryAfter: 9*time.Minute + 30*time.Second}) {
			t.Errorf("guess 31: got %+v", v)
		}
		if v, _ := at(10*time.Minute - time.Microsecond); v != (session.Verdict{RetryAfter: time.Microsecond}) {
			t.Errorf("guess 31: got %+v", v)
		}
		v, refused := at(10*time.Minute - time.Microsecond)
		if v.Allowed {
			t.Error("guess 31 was allowed")
		}
		// What was refused for the address was no guess at the account.
		refused.Address = rand.Text()
		if got := guess(t, s, start.Add(10*time.Minute), refused); got.Remaining != 9 {
			t.Errorf("the account's count: %+v", got)
		}
		if v, _ := at(10 * time.Minute); !v.Allowed {
			t.Errorf("ten minutes later: got %+v", v)
		}
		if v, _ := at(10 * time.Minute); v.Allowed {
			t.Errorf("two for the one that is over: got %+v", v)
		}
	})
}

func TestSuccessesDoNotCountAtAnAddress(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		own := stranger()
		victim := own
		for range 100 { // nor do they give failures back
			succeed(t, s, start, own)
		}
		for range 29 {
			victim.Account = rand.Text()
			fail(t, s, start, victim)
			succeed(t, s, start, own)
		}
		victim.Account = rand.Text()
		fail(t, s, start, victim)
		if v := guess(t, s, start, own); v.Allowed {
			t.Errorf("failure 31: got %+v", v)
		}
	})
}

func TestWaitingAtAnAccountDoesNotCountAtTheAddress(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		g := stranger()
		for range 10 {
			fail(t, s, start, g)
		}
		for range 100 {
			if v := guess(t, s, start, g); v != (session.Verdict{RetryAfter: 30 * time.Second}) {
				t.Fatalf("got %+v", v)
			}
		}
		neighbour := session.Guess{Account: rand.Text(), Address: g.Address}
		succeed(t, s, start, neighbour)
	})
}

func TestStrangersDoNotLockTheOwnerOut(t *testing.T) {
	onEachWith(t, unlimited, func(t *testing.T, s *session.Store) {
		g, now := stranger(), start
		owner := session.Guess{Account: g.Account, Device: rand.Text(), Address: rand.Text()}
		for i := range 100 {
			if i >= 10 {
				now = now.Add(time.Hour)
			}
			fail(t, s, now, g)
		}
		for range 9 {
			fail(t, s, now, owner)
		}
		succeed(t, s, now, owner)
		if v := guess(t, s, now, g); v.Allowed {
			t.Error("the owner's success opens the account to strangers")
		}

		// A device that fails ten times is a stranger's.
		for range 10 {
			fail(t, s, now, owner)
		}
		if v := guess(t, s, now, owner); v.Allowed {
			t.Errorf("guess 11 on the device: got %+v", v)
		}
		other := owner
		other.Device = rand.Text()
		succeed(t, s, now, other)
		if v := guess(t, s, now, owner); v.Allowed {
			t.Errorf("another device's success: got %+v", v)
		}
		if err := s.Forgive(t.Context(), owner.Account); err != nil {
			t.Fatal(err)
		}
		for range 9 {
			fail(t, s, now, owner)
		}
		succeed(t, s, now, owner) // as a stranger, which ends both rows
		for range 20 {
			if v := guess(t, s, now, owner); !v.Allowed {
				t.Errorf("after the success: got %+v", v)
			}
		}
	})
}

func TestCountsSurviveARestart(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		g, here := stranger(), stranger()
		for range 10 {
			fail(t, s, start, g)
		}
		for range 30 {
			here.Account = rand.Text()
			fail(t, s, start, here)
		}
		after := again(t, s, session.Options{})
		if v := guess(t, after, start, g); v != (session.Verdict{RetryAfter: 30 * time.Second}) {
			t.Errorf("the account: got %+v", v)
		}
		if v := guess(t, after, start, here); v != (session.Verdict{RetryAfter: 10 * time.Minute}) {
			t.Errorf("the address: got %+v", v)
		}
	})
}

func TestOneHouseholdIsOneAddress(t *testing.T) {
	t.Parallel()
	s := open(t, "", session.Options{Failures: session.Limit{N: 1, Per: time.Minute}})
	for _, c := range []struct {
		address string
		allowed bool
	}{
		{"2001:db8::1", true},
		{"2001:db8::2", false},
		{"2001:db8:0:0:ffff::%eth0", false},
		{"2001:db8:0:1::1", true},
		{"192.0.2.1", true},
		{"::ffff:192.0.2.1", false},
		{"192.0.2.2", true},
		{"", true},
		{"", false}, // without an address they are all one
	} {
		if v := guess(t, s, start, session.Guess{Account: rand.Text(), Address: c.address}); v.Allowed != c.allowed {
			t.Errorf("%q: got %+v", c.address, v)
		}
	}
	if _, err := s.Guess(t.Context(), start, session.Guess{Address: "192.0.2.3"}); err == nil {
		t.Error("a guess at nobody's secret was allowed")
	}
}

func TestAGuessCannotBeMadeWithANonsenseCount(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for _, record := range []string{"", "x", "1", "1 2 3", "-1 2"} {
			g := stranger()
			if err := s.Redis().Set(t.Context(), "guesses:account:{"+g.Account+"}", record, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if v, err := s.Guess(t.Context(), start, g); !errors.Is(err, session.ErrUnavailable) || v != (session.Verdict{}) {
				t.Errorf("%q: got %+v, %v", record, v, err)
			}
		}
	})
}
