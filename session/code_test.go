package session_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/session"
)

func put(t *testing.T, s *session.Store, c session.Code) session.Code {
	t.Helper()
	c.ID, c.Hash = session.NewChallenge(), []byte("the right hash")
	if c.Purpose == "" {
		c.Purpose = "password reset"
	}
	if err := s.PutCode(t.Context(), start, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func tryCode(t *testing.T, s *session.Store, now time.Time, c session.Code, hash string, want error) {
	t.Helper()
	got, err := s.TryCode(t.Context(), now, c.ID, c.Purpose, []byte(hash))
	if !errors.Is(err, want) || errors.Is(err, session.ErrUnavailable) {
		t.Errorf("at %s: got %v, want %v", now, err, want)
	}
	c.Hash = nil
	if err != nil {
		c = session.Code{}
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c) {
		t.Errorf("got %#v, want %#v", got, c)
	}
}

const right, wrong = "the right hash", "another hash"

func TestACodeWorksOnceAndForTenMinutes(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		last := start.Add(10*time.Minute - time.Microsecond)
		for _, data := range []string{"", "ana@example.com", " a b \n\x00", `{"n": 1}`} {
			c := put(t, s, session.Code{CustomerID: someone(), Data: data})
			tryCode(t, again(t, s, session.Options{}), last, c, right, nil)
			tryCode(t, s, last, c, right, session.ErrCodeGone)
		}
		c := put(t, s, session.Code{CustomerID: someone()})
		tryCode(t, s, start.Add(10*time.Minute), c, right, session.ErrCodeGone)
		tryCode(t, s, start, c, right, session.ErrCodeGone) // for an instance whose clock is behind, too
	})
}

func TestACodeHasFiveTries(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		c := put(t, s, session.Code{CustomerID: someone(), Data: "d"})
		for range 4 {
			tryCode(t, s, start, c, wrong, session.ErrCodeWrong)
		}
		tryCode(t, s, start, c, right, nil)
		c = put(t, s, session.Code{CustomerID: someone()})
		for range 5 {
			tryCode(t, s, start, c, wrong, session.ErrCodeWrong)
		}
		tryCode(t, s, start, c, right, session.ErrCodeGone)
	})
}

func TestACodeIsForOnePurpose(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		c := put(t, s, session.Code{CustomerID: someone(), Purpose: "change of e-mail"})
		for _, purpose := range []string{"", "change", "log-in", "change%20of%20e-mail", "change of e-mail "} {
			other := c
			other.Purpose = purpose
			for range 10 {
				tryCode(t, s, start, other, right, session.ErrCodeGone)
			}
		}
		unknown := c
		unknown.ID = session.NewChallenge()
		tryCode(t, s, start, unknown, right, session.ErrCodeGone)
		tryCode(t, s, start, c, right, nil)
	})
}

func TestNobodysCodeIsNeverRight(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		c := put(t, s, session.Code{})
		for range 5 {
			tryCode(t, s, start, c, right, session.ErrCodeWrong)
		}
		tryCode(t, s, start, c, right, session.ErrCodeGone)
	})
}

func TestOfAHundredTriesAtOnceOneWins(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for hash, want := range map[string]int64{right: 1, wrong: 0} {
			c := put(t, s, session.Code{CustomerID: someone()})
			var won, tried atomic.Int64
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					switch _, err := s.TryCode(t.Context(), start, c.ID, c.Purpose, []byte(hash)); {
					case err == nil:
						won.Add(1)
					case errors.Is(err, session.ErrCodeWrong):
						tried.Add(1)
					case !errors.Is(err, session.ErrCodeGone):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won.Load() != want || tried.Load() != 5*(1-want) {
				t.Errorf("%d won and %d were wrong", won.Load(), tried.Load())
			}
		}
	})
}

func TestIncompleteCodes(t *testing.T) {
	t.Parallel()
	s := open(t, "", session.Options{})
	for _, c := range []session.Code{
		{Purpose: "p", CustomerID: 1, Hash: []byte("h")},
		{ID: "i", CustomerID: 1, Hash: []byte("h")},
		{ID: "i", Purpose: "p", CustomerID: 1},
		{ID: "i", Purpose: "p", CustomerID: -1, Hash: []byte("h")},
	} {
		if err := s.PutCode(t.Context(), start, c); err == nil || errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestNewChallenge(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := session.NewChallenge()
		if !regexp.MustCompile(`^[A-Z2-7]{26,}$`).MatchString(id) || seen[id] { // 5 bits each
			t.Fatalf("got %q", id)
		}
		seen[id] = true
	}
}

// dump is all that Redis holds, as text.
func dump(ctx context.Context, t *testing.T, s *session.Store) string {
	t.Helper()
	var text strings.Builder
	var writing sync.Mutex
	of := func(ctx context.Context, server *redis.Client) error {
		writing.Lock()
		defer writing.Unlock()
		keys := server.Scan(ctx, 0, "*", 1000).Iterator()
		for keys.Next(ctx) {
			// On a shared Redis others' keys can be gone by now, which leaves nothing of them.
			r, key := s.Redis(), keys.Val()
			fmt.Fprintln(&text, key, r.Get(ctx, key).Val(), r.SMembers(ctx, key).Val(), r.LRange(ctx, key, 0, -1).Val())
			if kind := r.Type(ctx, key).Val(); kind != "string" && kind != "set" && kind != "list" && kind != "none" {
				t.Errorf("%s is a %s, which this test does not look into", key, kind)
			}
		}
		return keys.Err()
	}
	var err error
	switch client := s.Redis().(type) {
	case *redis.Client:
		err = of(ctx, client)
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, of)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestNoSecretIsInRedis(t *testing.T) {
	opts := session.Options{Operations: session.Limit{N: 60, Per: time.Minute}}
	onEachWith(t, opts, func(t *testing.T, s *session.Store) {
		ctx := t.Context()
		var secrets, shown []string
		for range 20 {
			customer := someone()
			token := createFor(t, s, start, customer)
			touch(t, s, start, token)
			rotated, _ := rotate(t, s, start, token, true)
			touch(t, s, start, rotated)
			c := put(t, s, session.Code{CustomerID: customer})
			tryCode(t, s, start, c, wrong, session.ErrCodeWrong)
			g := stranger()
			fail(t, s, start, g)
			partner := somePartner()
			partners := partnerToken(t, s, start, partner, nil)
			secrets = append(secrets, token, rotated, c.ID, partners, partners[len(partners)-43:])
			shown = append(shown, "session:{"+hash(rotated), "rate:operations:{"+hash(rotated), fmt.Sprintf("customer:{%d}", customer),
				"code:{"+hash(c.ID), hex.EncodeToString(c.Hash), g.Account, "rate:failures:{"+g.Address, fmt.Sprintf("partner-token:{partner-%d}:%s", partner, hash(partners)))
		}
		text := dump(ctx, t, s)
		for _, secret := range secrets {
			raw, _ := base64.RawURLEncoding.DecodeString(secret)
			if strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString([]byte(secret))) ||
				strings.Contains(text, hex.EncodeToString(raw)) {
				t.Error("a secret is in Redis")
			}
		}
		for _, s := range shown {
			if !strings.Contains(text, s) {
				t.Errorf("%s is not in the dump: the test looks in the wrong place", s)
			}
		}
	})
}
