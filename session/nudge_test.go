package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
)

// within fails the test where c gives nothing for long.
func within[T any](t *testing.T, c <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing came", what)
	}
	return got
}

// Who listens on one instance is nudged by another, and not by what concerns others.
func TestNudges(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		other := again(t, s, session.Options{})
		ann, ben := someone(), someone()
		first, stopFirst := s.Nudges().Listen(session.EventsOf(ann))
		second, stopSecond := s.Nudges().Listen(session.EventsOf(ann))
		bens, stopBens := s.Nudges().Listen(session.EventsOf(ben))
		defer stopBens()
		for _, c := range []<-chan struct{}{first, bens} {
			within(t, c, "the first nudge")
		}
		within(t, second, "the first nudge")
		for range 3 {
			other.Nudges().Publish(session.EventsOf(ann), session.SessionsOf(ann))
			within(t, first, "a nudge")
			within(t, second, "a nudge for another one")
		}
		stopFirst()
		stopFirst()
		other.Nudges().Publish(session.EventsOf(ann))
		within(t, second, "a nudge for who is left")
		stopSecond()
		other.Nudges().Publish(session.EventsOf(ben))
		within(t, bens, "a nudge for another customer")
		select {
		case <-first:
			t.Error("one who has left is nudged")
		case <-bens:
			t.Error("one nudge came twice")
		default:
		}
	})
}

// What a process publishes that has no sessions is heard by those that have.
func TestOpenNudges(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		topic := session.EventsOf(someone())
		heard, stop := s.Nudges().Listen(topic)
		defer stop()
		within(t, heard, "the first nudge")
		nudges, err := session.OpenNudges(s.URL(), session.Options{})
		if err != nil {
			t.Fatal(err)
		}
		nudges.Publish(topic)
		within(t, heard, "a nudge of a process without sessions")
		if err := nudges.Close(); err != nil {
			t.Error(err)
		}
		nudges.Publish(topic) // goes nowhere
	})
	away, err := session.OpenNudges("redis://127.0.0.1:1", session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	away.Publish(session.EventsOf(1))
	if err := away.Close(); err != nil {
		t.Error(err)
	}
	if _, err := session.OpenNudges("postgres://x", session.Options{}); err == nil {
		t.Error("it opened what is no Redis")
	}
}

// watch watches a session on an instance.
func watch(t *testing.T, s *session.Store, c clock.Clock, of loan.CustomerID, token string) <-chan session.Ending {
	t.Helper()
	over := make(chan session.Ending, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		ending, err := s.Watch(ctx, c, of, session.IDOf(token))
		if err == nil {
			over <- ending
		} else if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	return over
}

func TestWatch(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		here, c, ann := again(t, s, session.Options{}), clock.NewSet(start), someone()
		open := func() string {
			token, _, err := s.Create(t.Context(), start, session.Session{CustomerID: ann})
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		revoked, rotated, idle := open(), open(), open()
		overRevoked, overRotated, overIdle := watch(t, here, c, ann, revoked), watch(t, here, c, ann, rotated), watch(t, here, c, ann, idle)
		overNone := watch(t, here, c, ann, session.NewToken())
		if got := within(t, overNone, "no session"); got != session.Ended {
			t.Errorf("no session is %s", got)
		}
		if err := s.End(t.Context(), ann, session.IDOf(revoked)); err != nil {
			t.Fatal(err)
		}
		if got := within(t, overRevoked, "revoked"); got != session.Ended {
			t.Errorf("a revoked session is %s", got)
		}
		token, _, err := s.Rotate(t.Context(), start, session.IDOf(rotated), false)
		if err != nil {
			t.Fatal(err)
		}
		if got := within(t, overRotated, "rotated"); got != session.Replaced {
			t.Errorf("a rotated session is %s", got)
		}
		overNew := watch(t, here, c, ann, token)
		// A request moves the end.
		c.Advance(14 * time.Minute)
		if _, _, err := s.Touch(t.Context(), c.Now(), token, ""); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Minute)
		if got := within(t, overIdle, "idle"); got != session.Expired {
			t.Errorf("an idle session is %s", got)
		}
		select {
		case got := <-overNew:
			t.Errorf("a session in use is %s", got)
		default:
		}
		if _, err := s.EndOthers(t.Context(), ann, ""); err != nil {
			t.Fatal(err)
		}
		within(t, overNew, "all ended") // as expired, where its new end was not read yet
	})
}
