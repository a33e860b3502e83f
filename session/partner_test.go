package session_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
)

// somePartner is a partner whom no other test has.
func somePartner() loan.PartnerID { return loan.PartnerID(rand.Int64N(1<<53) + 1) }

func partnerToken(t *testing.T, s *session.Store, now time.Time, id loan.PartnerID, scopes loan.Scopes) string {
	t.Helper()
	token, err := s.CreatePartnerToken(t.Context(), now, id, scopes)
	if err != nil || !session.IsPartnerToken(token) {
		t.Fatalf("got %d characters, %v", len(token), err)
	}
	return token
}

func TestPartnerTokens(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		id := somePartner()
		all, none := partnerToken(t, s, start, id, loan.AllScopes()), partnerToken(t, s, start, id, loan.Scopes{})
		if all == none {
			t.Error("two tokens are equal")
		}
		there := again(t, s, session.Options{})
		for token, scopes := range map[string]string{all: loan.AllScopes().String(), none: ""} {
			for _, at := range []time.Time{start, start.Add(session.PartnerTokenLife - time.Microsecond)} {
				got, _, err := there.TouchPartner(t.Context(), at, token)
				if err != nil || got.PartnerID != id || got.Scopes.String() != scopes || got.ID != session.IDOf(token) {
					t.Errorf("at %s: got %+v, %v", at, got, err)
				}
			}
		}
		if _, _, err := s.TouchPartner(t.Context(), start.Add(session.PartnerTokenLife), all); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("at its end: %v", err)
		}
		if _, _, err := s.TouchPartner(t.Context(), start, all); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("by a clock behind, after its end: %v", err)
		}
		number := strings.Split(none, "_")[1]
		for _, token := range []string{
			"", "mpt_", "mpt__", none[:len(none)-1], none + "A", strings.Replace(none, number, "0"+number, 1), strings.Replace(none, number, "-1", 1),
			strings.Replace(none, number, "4711", 1), none[:len(none)-43] + session.NewToken(), strings.TrimPrefix(none, "mpt_"), "mpt_99999999999999999999_" + none[len(none)-43:],
		} {
			if _, _, err := s.TouchPartner(t.Context(), start, token); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("%d characters open something: %v", len(token), err)
			}
		}
		// Neither kind of token is taken for the other.
		if _, _, err := s.Touch(t.Context(), start, none, ""); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("as a session: %v", err)
		}
	})
}

// What was there at an instant ends; what comes later lives. Of a partner that is ended
// nothing lives that was made before, or is being made.
func TestEndPartnerTokens(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		id, other := somePartner(), somePartner()
		there := again(t, s, session.Options{})
		opens := func(token string, at time.Time) bool {
			t.Helper()
			_, _, err := there.TouchPartner(t.Context(), at, token)
			if err != nil && !errors.Is(err, session.ErrNoSession) {
				t.Fatal(err)
			}
			return err == nil
		}
		before, same, theirs := partnerToken(t, s, start, id, nil), partnerToken(t, s, start.Add(time.Second), id, nil), partnerToken(t, s, start, other, nil)
		if err := s.EndPartnerTokens(t.Context(), id, start.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		after := partnerToken(t, s, start.Add(time.Second+time.Microsecond), id, nil)
		at := start.Add(2 * time.Second)
		if opens(before, at) || opens(same, at) || !opens(after, at) || !opens(theirs, at) {
			t.Error("another token than those from before has ended")
		}
		if err := s.EndPartner(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		late := partnerToken(t, s, at.Add(time.Minute), id, nil)
		if opens(after, at) || opens(late, at.Add(time.Minute)) || !opens(theirs, at) {
			t.Error("a token of the partner lives, or another's does not")
		}
	})
}

// A partner's operations count together, by whichever token and instance.
func TestOperationsOfAPartner(t *testing.T) {
	opts := session.Options{PartnerOperations: session.Limit{N: 3, Per: time.Minute}}
	onEachWith(t, opts, func(t *testing.T, s *session.Store) {
		id := somePartner()
		instances := []*session.Store{s, again(t, s, opts)}
		tokens := []string{partnerToken(t, s, start, id, nil), partnerToken(t, s, start, id, nil)}
		for i := range 5 {
			_, verdict, err := instances[i%2].TouchPartner(t.Context(), start.Add(time.Duration(i)*time.Second), tokens[i/2%2])
			limited := new(session.RateLimited)
			switch {
			case i < 3 && (err != nil || verdict.Remaining != 2-i):
				t.Errorf("operation %d: %+v, %v", i, verdict, err)
			case i >= 3 && (!errors.As(err, &limited) || limited.RetryAfter != time.Minute-time.Duration(i)*time.Second):
				t.Errorf("operation %d: %v", i, err)
			}
		}
		if _, _, err := s.TouchPartner(t.Context(), start.Add(time.Minute), tokens[0]); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		other := partnerToken(t, s, start, somePartner(), nil)
		if _, _, err := s.TouchPartner(t.Context(), start, other); err != nil {
			t.Errorf("another partner: %v", err)
		}
	})
}

// Without Redis, or with nonsense in it, no token opens anything.
func TestPartnerTokensWithoutRedis(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token := partnerToken(t, s, start, somePartner(), loan.AllScopes())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.TouchPartner(t.Context(), start, token); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if _, err := s.CreatePartnerToken(t.Context(), start, 1, nil); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if err := s.EndPartner(t.Context(), 1); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}
