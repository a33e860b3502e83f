package session_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
)

// list gives the ids of a customer's sessions.
func list(t *testing.T, s *session.Store, now time.Time, customer loan.CustomerID) []string {
	t.Helper()
	sessions, err := s.List(t.Context(), now, customer)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(sessions))
	for i, sess := range sessions {
		ids[i] = sess.ID
	}
	return ids
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestList(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		same(t, "nobody", list(t, s, start, customer), []string{})
		first, second, other := createFor(t, s, start, customer), createFor(t, s, start.Add(time.Second), customer), create(t, s, start)
		touch(t, s, start.Add(2*time.Second), first)
		same(t, "latest seen first", list(t, s, start.Add(3*time.Second), customer), []string{hash(first), hash(second)})

		// To list is not to touch: the one unseen for longest idles out on time.
		idle := start.Add(time.Second + 15*time.Minute)
		same(t, "before", list(t, s, idle.Add(-time.Microsecond), customer), []string{hash(first), hash(second)})
		same(t, "at the end", list(t, s, idle, customer), []string{hash(first)})
		refused(t, s, start.Add(2*time.Second), second) // for an instance whose clock is behind, too
		index := s.Index(customer)
		same(t, "afterwards", list(t, s, idle, customer), []string{hash(first)})
		if n := s.Redis().SCard(t.Context(), index).Val(); n != 1 {
			t.Errorf("the index names %d sessions", n)
		}
		touch(t, s, start, other)
	})
}

func TestListShowsAllThatIsKnown(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		want := session.Session{CustomerID: someone(), DeviceName: "Ana's phone", Platform: "iOS 18.1", Address: "192.0.2.1"}
		token, _, err := s.Create(t.Context(), start, want)
		if err != nil {
			t.Fatal(err)
		}
		want.ID, want.CreatedAt, want.LastSeenAt = hash(token), start, start.Add(time.Minute)
		want.Address = "2001:db8::1"
		if _, _, err := s.Touch(t.Context(), want.LastSeenAt, token, want.Address); err != nil {
			t.Fatal(err)
		}
		touch(t, s, start, token) // an address that is not known leaves the last one
		if got, err := s.List(t.Context(), start, want.CustomerID); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	})
}

func TestACustomerHasFiveSessions(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		var tokens []string
		for i := range 5 {
			tokens = append(tokens, createFor(t, s, start.Add(time.Duration(i)*time.Second), customer))
		}
		now := start.Add(time.Minute)
		touch(t, s, now, tokens[0])
		sixth := createFor(t, s, now, customer)
		refused(t, s, now, tokens[1]) // the one unseen for longest, not the oldest
		for _, live := range []string{tokens[0], tokens[2], tokens[3], tokens[4], sixth} {
			touch(t, s, now, live)
		}
		// One that is over makes room without anybody's end.
		if err := s.End(t.Context(), customer, hash(tokens[3])); err != nil {
			t.Fatal(err)
		}
		createFor(t, s, now, customer)
		touch(t, s, now, tokens[2])

		// An instance whose clock is behind does not end what it has just made.
		late := createFor(t, s, start.Add(-90*time.Second), customer)
		touch(t, s, start, late)
		if n := len(list(t, s, now, customer)); n != 5 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestTheCapCanBeSetAndHoldsForLogInsAtOnce(t *testing.T) {
	onEachWith(t, session.Options{PerCustomer: 2}, func(t *testing.T, s *session.Store) {
		customer := someone()
		tokens := make([]string, 100)
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() { tokens[i] = createFor(t, s, start, customer) })
		}
		wg.Wait()
		alive := 0
		for _, token := range tokens {
			if _, _, err := s.Touch(t.Context(), start, token, ""); err == nil {
				alive++
			} else if !errors.Is(err, session.ErrNoSession) {
				t.Error(err)
			}
		}
		if n := len(list(t, s, start, customer)); alive != n || n < 1 || n > 2 {
			t.Errorf("%d sessions live, %d are listed", alive, n)
		}
	})
}

func TestEndIsAtOnceAndForTheOwnerAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		mine, theirs := someone(), someone()
		token, other := createFor(t, s, start, mine), createFor(t, s, start, mine)
		elsewhere := again(t, s, session.Options{})
		for name, err := range map[string]error{
			"another's": s.End(t.Context(), theirs, hash(token)),
			"nobody's":  s.End(t.Context(), 0, hash(token)),
			"no id":     s.End(t.Context(), mine, ""),
			"a token":   s.End(t.Context(), mine, token),
			"unknown":   s.End(t.Context(), mine, hash("x")),
		} {
			if !errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrUnavailable) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		touch(t, elsewhere, start, token)
		if err := s.End(t.Context(), mine, hash(token)); err != nil {
			t.Fatal(err)
		}
		refused(t, elsewhere, start, token)
		if err := s.End(t.Context(), mine, hash(token)); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("ended twice: got %v", err)
		}
		touch(t, elsewhere, start, other)
		same(t, "left", list(t, elsewhere, start, mine), []string{hash(other)})
	})
}

func TestEndOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		mine, theirs := someone(), someone()
		keep, second, third := createFor(t, s, start, mine), createFor(t, s, start, mine), createFor(t, s, start, mine)
		stranger := createFor(t, s, start, theirs)
		endOthers := func(keep string, want int) {
			t.Helper()
			if n, err := s.EndOthers(t.Context(), mine, keep); err != nil || n != want {
				t.Errorf("ended %d, %v, want %d", n, err, want)
			}
		}
		endOthers(hash(keep), 2)
		refused(t, s, start, second)
		refused(t, s, start, third)
		touch(t, s, start, keep)
		endOthers(hash(keep), 0)
		endOthers(hash(stranger), 1) // whoever keeps another's keeps nothing
		refused(t, s, start, keep)
		last := createFor(t, s, start, mine)
		endOthers("", 1)
		refused(t, s, start, last)
		touch(t, s, start, stranger)
	})
}

func TestWhatEndOthersCouldNotFinishIsEndedLater(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		token, left := createFor(t, s, start, customer), createFor(t, s, start, customer)
		index := s.Index(customer)
		if err := errors.Join(s.Redis().SRem(t.Context(), index, hash(token)).Err(), s.Redis().SAdd(t.Context(), index, "-"+hash(token)).Err()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Rotate(t.Context(), start, hash(token), true); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("rotated: %v", err)
		}
		same(t, "listed", list(t, s, start, customer), []string{hash(left)})
		refused(t, s, start, token)
	})
}

func rotate(t *testing.T, s *session.Store, now time.Time, token string, steppedUp bool) (string, time.Time) {
	t.Helper()
	rotated, expiresAt, err := s.Rotate(t.Context(), now, hash(token), steppedUp)
	if err != nil {
		t.Fatal(err)
	}
	return rotated, expiresAt
}

func TestRotate(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		old, end, err := s.Create(t.Context(), start, session.Session{CustomerID: customer, DeviceName: "a b", Platform: "c d", Address: "::1"})
		if err != nil {
			t.Fatal(err)
		}
		before := touch(t, s, start, old)
		now := start.Add(10 * time.Minute)
		token, expiresAt := rotate(t, s, now, old, true)
		if !expiresAt.Equal(end) {
			t.Errorf("expires at %s, want %s", expiresAt, end)
		}
		refused(t, s, now, old)
		want := before
		want.ID, want.LastSeenAt, want.SteppedUpAt = hash(token), now, now
		if got := touch(t, s, now, token); got != want || token == old {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		same(t, "listed", list(t, s, now, customer), []string{hash(token)})
		if _, _, err := s.Rotate(t.Context(), now, hash(old), true); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("the old one again: got %v", err)
		}

		// The absolute end is not moved, however often it is rotated.
		for now = now.Add(10 * time.Minute); now.Before(end); now = now.Add(10 * time.Minute) {
			token, expiresAt = rotate(t, s, now, token, false)
			if !expiresAt.Equal(end) {
				t.Fatalf("expires at %s, want %s", expiresAt, end)
			}
		}
		got := touch(t, s, end.Add(-time.Microsecond), token)
		if !got.SteppedUpAt.Equal(want.SteppedUpAt) {
			t.Errorf("stepped up at %s, want %s", got.SteppedUpAt, want.SteppedUpAt)
		}
		if _, _, err := s.Rotate(t.Context(), end, hash(token), true); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("over: got %v", err)
		}
		refused(t, s, end, token)
	})
}

func TestRotateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		old := createFor(t, s, start, customer)
		var rotated atomic.Pointer[string]
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				token, _, err := s.Rotate(t.Context(), start, hash(old), true)
				if err == nil && !rotated.CompareAndSwap(nil, &token) {
					t.Error("two were rotated out of one")
				}
				if err != nil && !errors.Is(err, session.ErrNoSession) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if rotated.Load() == nil {
			t.Fatal("none was rotated")
		}
		same(t, "live", list(t, s, start, customer), []string{hash(*rotated.Load())})
	})
}

// A thief who rotates the session all the time does not slip through the owner's
// "end all".
func TestRotationDoesNotEscapeEndOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for range 20 {
			customer := someone()
			stolen, keep := createFor(t, s, start, customer), createFor(t, s, start, customer)
			var wg sync.WaitGroup
			wg.Go(func() {
				for token, err := stolen, error(nil); err == nil; token, _, err = s.Rotate(t.Context(), start, hash(token), false) {
				}
			})
			if _, err := s.EndOthers(t.Context(), customer, hash(keep)); err != nil {
				t.Error(err)
			}
			wg.Wait()
			same(t, "left", list(t, s, start, customer), []string{hash(keep)})
		}
	})
}

func TestSessionsSurviveARestart(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		token := createFor(t, s, start, customer)
		after := again(t, s, session.Options{})
		touch(t, after, start, token)
		same(t, "listed", list(t, after, start, customer), []string{hash(token)})
	})
}
