package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/testenv/redistest"
)

// start has microseconds, so that nothing can round them away unseen.
var start = time.Date(2026, 11, 18, 19, 59, 59, 123_457_000, time.UTC)

func TestMain(m *testing.M) {
	code := m.Run()
	redistest.EndShared()
	os.Exit(code)
}

// clusterURL is where the cluster is; there is none where there is no real Redis either.
func clusterURL(t *testing.T) string {
	t.Helper()
	if os.Getenv("MOBILEPAY_TEST_REDIS") == "" || !redistest.Installed() {
		t.Skip("needs redis-server: run it with scripts/with-services")
	}
	c, err := redistest.Shared()
	if err != nil {
		t.Fatal(err)
	}
	return c.URL()
}

// onEach runs a test on the Redis in this process and, where MOBILEPAY_TEST_REDIS
// names one, on a real Redis and on a cluster. Nothing there is flushed: every test
// has its own random tokens, customers and keys.
func onEach(t *testing.T, test func(t *testing.T, s *session.Store)) {
	t.Helper()
	onEachWith(t, session.Options{}, test)
}

func onEachWith(t *testing.T, opts session.Options, test func(t *testing.T, s *session.Store)) {
	t.Helper()
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"redis": func(t *testing.T) string {
			if os.Getenv("MOBILEPAY_TEST_REDIS") == "" {
				t.Skip("MOBILEPAY_TEST_REDIS is not set")
			}
			return os.Getenv("MOBILEPAY_TEST_REDIS")
		},
		"cluster": clusterURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, url(t), opts))
		})
	}
}

func open(t *testing.T, url string, opts session.Options) *session.Store {
	t.Helper()
	s, err := session.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// again is a second store on the same Redis: another instance, or the same one
// after a restart.
func again(t *testing.T, s *session.Store, opts session.Options) *session.Store {
	t.Helper()
	return open(t, s.URL(), opts)
}

// someone is a customer whom no other test has.
func someone() loan.CustomerID { return loan.CustomerID(rand.Int64N(1<<53) + 1) }

func create(t *testing.T, s *session.Store, now time.Time) string {
	t.Helper()
	return createFor(t, s, now, someone())
}

func createFor(t *testing.T, s *session.Store, now time.Time, customer loan.CustomerID) string {
	t.Helper()
	token, _, err := s.Create(t.Context(), now, session.Session{CustomerID: customer, DeviceName: "Ana's phone"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func touch(t *testing.T, s *session.Store, now time.Time, token string) session.Session {
	t.Helper()
	got, _, err := s.Touch(t.Context(), now, token, "")
	if err != nil {
		t.Fatalf("at %s: %v", now, err)
	}
	return got
}

func refused(t *testing.T, s *session.Store, now time.Time, token string) {
	t.Helper()
	got, verdict, err := s.Touch(t.Context(), now, token, "")
	if !errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrUnavailable) || got != (session.Session{}) || verdict != (session.Verdict{}) {
		t.Errorf("at %s: got %+v, %v, want %v", now, got, err, session.ErrNoSession)
	}
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func sessionKey(token string) string { return "session:{" + hash(token) + "}" }

func TestRoundTrip(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for _, device := range []string{"Ana's phone", "", " a  b ", "1 2 3", "line\nline\r\n", "nul\x00", "Телефон 📱", "%d '] .."} {
			customer := someone() | 1<<53 // more than a float64 can tell apart
			steppedUp := start.Add(-time.Second)
			token, expiresAt, err := s.Create(t.Context(), start, session.Session{
				CustomerID: customer, DeviceName: device, Platform: device, Address: device, SteppedUpAt: steppedUp,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(token) != 43 {
				t.Errorf("a token of %d characters", len(token))
			}
			if want := start.Add(12 * time.Hour); !expiresAt.Equal(want) {
				t.Errorf("expires at %s, want %s", expiresAt, want)
			}
			now := start.Add(time.Minute)
			for range 2 { // what was rewritten reads the same
				want := session.Session{
					ID: hash(token), CustomerID: customer, DeviceName: device, Platform: device, Address: device,
					CreatedAt: start, LastSeenAt: now, SteppedUpAt: steppedUp,
				}
				if got := touch(t, s, now, token); got != want {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			}
		}
	})
}

func TestIdleToTheMicrosecond(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		const idle = 15 * time.Minute
		token := create(t, s, start)
		last := start.Add(idle - time.Microsecond)
		touch(t, s, last, token)
		last = last.Add(idle - time.Microsecond) // counted from the last request, not from the first
		touch(t, s, last, token)
		refused(t, s, last.Add(idle), token)
		refused(t, s, last, token) // once over, over for good, whatever another instance's clock says
	})
}

func TestActivityCannotExtendTheAbsoluteEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token, expiresAt, err := s.Create(t.Context(), start, session.Session{CustomerID: someone()})
		if err != nil {
			t.Fatal(err)
		}
		for now := start; now.Before(expiresAt); now = now.Add(10 * time.Minute) {
			touch(t, s, now, token)
		}
		touch(t, s, expiresAt.Add(-time.Microsecond), token)
		refused(t, s, expiresAt, token)
	})
}

func TestLastSeenNeverGoesBack(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		seen := start.Add(10 * time.Minute)
		touch(t, s, seen, token)
		if got := touch(t, s, seen.Add(-90*time.Second), token); !got.LastSeenAt.Equal(seen) {
			t.Errorf("last seen at %s, want %s", got.LastSeenAt, seen)
		}
	})
}

func TestMalformedTokensNeverReachRedis(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		malformed := []string{
			"", "x", token[:42], token + "A", token + "=", " " + token, token + "\n", token[:42] + "\n",
			token[:40] + "\r\n\n", strings.Repeat("+", 43), strings.Repeat("/", 43), strings.Repeat("é", 43),
			strings.Repeat("\x00", 43), strings.Repeat("A", 42) + "B", hash(token), strings.Repeat("A", 1<<20),
			strings.Repeat("Bearer ", 6) + "x", "'; FLUSHALL; -------------------------------",
		}
		if err := s.Close(); err != nil { // so that a question would not be ErrNoSession
			t.Fatal(err)
		}
		for _, m := range malformed {
			refused(t, s, start, m)
		}
	})
}

func TestTokensNobodyGaveOut(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		chosen := strings.Repeat("A", 43)
		swap := byte('A')
		if token[0] == swap {
			swap = 'B'
		}
		for _, wrong := range []string{chosen, string(swap) + token[1:]} {
			refused(t, s, start, wrong)
		}
		// Nor can the id be chosen, by whoever fills in the session.
		mine, _, err := s.Create(t.Context(), start, session.Session{ID: hash(chosen), CustomerID: someone(), CreatedAt: start.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, s, start, chosen)
		if got := touch(t, s, start, mine); got.ID != hash(mine) || !got.CreatedAt.Equal(start) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNobodyGetsNoSession(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for _, id := range []loan.CustomerID{0, -1} {
			if token, _, err := s.Create(t.Context(), start, session.Session{CustomerID: id}); err == nil || token != "" {
				t.Errorf("customer %d got %q", id, token)
			}
		}
	})
}

func TestRedisForgetsWhatNobodyUses(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		token := create(t, s, start)
		left := func() time.Duration {
			d, err := s.Redis().PTTL(t.Context(), sessionKey(token)).Result()
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		if d := left(); d < 15*time.Minute || d > 30*time.Minute {
			t.Errorf("created with %s to live", d)
		}
		if err := s.Redis().PExpire(t.Context(), sessionKey(token), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		touch(t, s, start, token)
		if d := left(); d < 15*time.Minute || d > 30*time.Minute {
			t.Errorf("touched with %s to live", d)
		}
	})
}

func TestTheScriptIsSentAgainAfterARestart(t *testing.T) {
	t.Parallel() // not on a shared Redis: others use its scripts
	s := open(t, "", session.Options{})
	token := create(t, s, start)
	touch(t, s, start, token)
	if err := s.Redis().ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	touch(t, s, start, token)
	before := s.Engine().CommandCount()
	touch(t, s, start, token)
	if n := s.Engine().CommandCount() - before; n > 3 { // EVALSHA and its GET and SET
		t.Errorf("a touch took %d commands", n)
	}
}

func TestCreateMany(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		sessions := make([]session.Session, 2345)
		for i := range sessions {
			sessions[i] = session.Session{CustomerID: someone(), DeviceName: fmt.Sprint("device ", i+1)}
		}
		tokens, err := s.CreateMany(t.Context(), start, sessions)
		if err != nil {
			t.Fatal(err)
		}
		if len(tokens) != len(sessions) {
			t.Fatalf("%d tokens for %d sessions", len(tokens), len(sessions))
		}
		for _, i := range []int{0, 1, 999, 1000, 1999, 2000, 2344} {
			got := touch(t, s, start, tokens[i])
			if got.CustomerID != sessions[i].CustomerID || got.DeviceName != sessions[i].DeviceName {
				t.Errorf("token %d opens %+v", i, got)
			}
		}
		if tokens, err := s.CreateMany(t.Context(), start, nil); err != nil || len(tokens) != 0 {
			t.Errorf("none: got %d, %v", len(tokens), err)
		}
	})
}

func TestConcurrentTouch(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		customer := someone()
		token := createFor(t, s, start, customer)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				got, _, err := s.Touch(t.Context(), start.Add(time.Duration(i)*time.Second), token, "")
				if err != nil || got.CustomerID != customer {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if got, want := touch(t, s, start, token).LastSeenAt, start.Add(99*time.Second); !got.Equal(want) {
			t.Errorf("last seen at %s, want %s", got, want)
		}
	})
}

func TestNonsenseInRedisLetsNobodyIn(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		for _, record := range []string{"", "nonsense", "42", "42 1 2", "x 1 2 phone", "-1 1 2 phone", "0 9999999999999999 9999999999999999 x",
			"99999999999999999999 9999999999999999 9999999999999999 x", "0 9999999999999999 9999999999999999 0   x",
			"99999999999999999999 9999999999999999 9999999999999999 0   x", "1 9999999999999999 9999999999999999 0 %zz  x",
			"1 9999999999999999 9999999999999999 0 ", "1 9999999999999999 9999999999999999 0"} {
			token := create(t, s, start)
			if err := s.Redis().Set(t.Context(), sessionKey(token), record, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if got, _, err := s.Touch(t.Context(), start, token, ""); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("%q: got %+v, %v", record, got, err)
			}
		}
		token := create(t, s, start)
		key := sessionKey(token)
		if err := errors.Join(s.Redis().Del(t.Context(), key).Err(), s.Redis().LPush(t.Context(), key, "x").Err(),
			s.Redis().Expire(t.Context(), key, time.Minute).Err()); err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.Touch(t.Context(), start, token, ""); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("a list: got %+v, %v", got, err)
		}
	})
}

func TestLimitsCanBeSet(t *testing.T) {
	t.Parallel()
	s := open(t, "", session.Options{Idle: time.Second, Absolute: 3 * time.Second})
	token, expiresAt, err := s.Create(t.Context(), start, session.Session{CustomerID: someone()})
	if err != nil || !expiresAt.Equal(start.Add(3*time.Second)) {
		t.Fatalf("expires at %s, %v", expiresAt, err)
	}
	touch(t, s, start.Add(time.Second-time.Microsecond), token)
	refused(t, s, start.Add(2*time.Second), token)
}

// isUnavailable checks that every operation fails, promptly and the same way.
func isUnavailable(ctx context.Context, t *testing.T, s *session.Store, token string) {
	t.Helper()
	began := time.Now()
	const customer = 42
	limit := session.Limit{Name: "money", N: 10, Per: time.Minute}
	guess := session.Guess{Account: "a", Device: "d", Address: "192.0.2.1"}
	code := session.Code{ID: token, Purpose: "log-in", CustomerID: customer, Hash: []byte("h")}
	_, _, touched := s.Touch(ctx, start, token, "")
	_, _, created := s.Create(ctx, start, session.Session{CustomerID: customer})
	_, _, rotated := s.Rotate(ctx, start, hash(token), true)
	_, listed := s.List(ctx, start, customer)
	_, endedOthers := s.EndOthers(ctx, customer, "")
	_, allowed := s.Allow(ctx, start, limit, "k")
	_, guessed := s.Guess(ctx, start, guess)
	_, tried := s.TryCode(ctx, start, token, "log-in", []byte("h"))
	for name, err := range map[string]error{
		"Touch": touched, "Create": created, "Rotate": rotated, "List": listed, "Ping": s.Ping(ctx),
		"End": s.End(ctx, customer, hash(token)), "EndOthers": endedOthers, "Allow": allowed,
		"Guess": guessed, "Guessed": s.Guessed(ctx, guess, true), "Forgive": s.Forgive(ctx, "a"),
		"PutCode": s.PutCode(ctx, start, code), "TryCode": tried,
	} {
		if !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrCodeGone) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token is in the error", name)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	t.Run("store closed", func(t *testing.T) {
		onEach(t, func(t *testing.T, s *session.Store) {
			token := create(t, s, start)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			isUnavailable(t.Context(), t, s, token)
		})
	})
	t.Run("server closed", func(t *testing.T) {
		t.Parallel()
		s := open(t, "", session.Options{})
		token := create(t, s, start)
		s.Engine().Close()
		isUnavailable(t.Context(), t, s, token)
	})
	t.Run("context over", func(t *testing.T) {
		t.Parallel()
		s := open(t, "", session.Options{})
		token := create(t, s, start)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		isUnavailable(ctx, t, s, token)
	})
	for _, reply := range []string{
		"OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY You can't write against a read only replica.",
		"LOADING Redis is loading the dataset in memory",
		"NOAUTH Authentication required.",
		"ERR nonsense",
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			s := open(t, "", session.Options{})
			token := create(t, s, start)
			s.Engine().SetError(reply)
			isUnavailable(t.Context(), t, s, token)
			s.Engine().SetError("")
			touch(t, s, start, token) // and it recovers by itself
		})
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	if !open(t, "", session.Options{}).Embedded() {
		t.Error("an empty address is not the Redis in this process")
	}
	for _, url := range []string{
		"redis://:s3cret@127.0.0.1:1/0", // nobody listens
		"http://:s3cret@127.0.0.1:1", "127.0.0.1:6379 s3cret", "redis://:s3cret@127.0.0.1:x/0", "redis://:s3cret@h:1/x", "unix:///s3cret",
	} {
		s, err := session.Open(t.Context(), url, session.Options{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was opened", url)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
}

// Installations share a Redis, with a prefix each: neither finds anything of the other.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	shared := open(t, "", session.Options{})
	opts := session.Options{Operations: session.Limit{N: 3, Per: time.Minute}, PartnerOperations: session.Limit{N: 3, Per: time.Minute}}
	guess := session.Guess{Account: "account", Device: "device", Address: "192.0.2.1"}
	var stores [2]*session.Store
	for i, prefix := range []string{"one:", "two:"} {
		s := open(t, shared.URL()+"?prefix="+prefix, opts)
		stores[i] = s
		old := createFor(t, s, start, 1)
		touch(t, s, start, old)
		if _, _, err := s.Rotate(t.Context(), start, session.IDOf(old), true); err != nil {
			t.Error(err)
		}
		for range 11 { // beyond those of the device
			if _, err := s.Guess(t.Context(), start, guess); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Allow(t.Context(), start, session.Limit{Name: "money", N: 1, Per: time.Minute}, "1"); err != nil {
			t.Error(err)
		}
		if err := s.PutCode(t.Context(), start, session.Code{ID: "code", Purpose: "test", Hash: []byte{1}}); err != nil {
			t.Error(err)
		}
		token := partnerToken(t, s, start, 1, loan.AllScopes())
		if _, _, err := s.TouchPartner(t.Context(), start, token); err != nil {
			t.Error(err)
		}
		if err := s.EndPartner(t.Context(), 2); err != nil {
			t.Error(err)
		}
		s.Documents(func(context.Context) string { return "client" }).Add(t.Context(), "hash", "{ a }")
	}
	kinds := map[string]int{}
	for _, key := range shared.Engine().Keys() {
		_, name, ok := strings.Cut(key, ":")
		if !ok || !strings.HasPrefix(key, "one:") && !strings.HasPrefix(key, "two:") {
			t.Errorf("the key %s is everybody's", key)
		}
		kind, _, _ := strings.Cut(name, "{")
		kinds[kind]++
	}
	for _, kind := range []string{
		"session:", "replaced:", "customer:", "rate:operations:", "rate:failures:", "rate:money:", "guesses:account:", "guesses:device:",
		"code:", "partner-token:", "partner-ended:", "rate:partner operations:", "document:hash", "documents-of:client",
	} {
		if kinds[kind] < 2 {
			t.Errorf("of the keys %s there are %d in %v", kind, kinds[kind], kinds)
		}
	}
	if n, err := stores[0].EndOthers(t.Context(), 1, ""); n != 1 || err != nil {
		t.Errorf("%d sessions ended, %v", n, err)
	}
	if left, err := stores[1].List(t.Context(), start, 1); len(left) != 1 || err != nil {
		t.Errorf("%d sessions of the other's are left, %v", len(left), err)
	}
	topic := session.EventsOf(1)
	mine, stop := stores[0].Nudges().Listen(topic)
	defer stop()
	within(t, mine, "the first nudge")
	channels := shared.Redis().PubSubChannels(t.Context(), "*").Val()
	if len(channels) != 1 || channels[0] != "one:"+string(topic) {
		t.Errorf("the channels are %v", channels)
	}
	stores[0].Nudges().Publish(topic)
	within(t, mine, "a nudge")
}

func TestTheEngineInThisProcessHasAPassword(t *testing.T) {
	t.Parallel()
	s := open(t, "", session.Options{})
	stranger := redis.NewClient(&redis.Options{Addr: s.Engine().Addr()})
	defer func() { _ = stranger.Close() }()
	if err := stranger.Keys(t.Context(), "*").Err(); err == nil {
		t.Error("anybody on this machine can read the sessions")
	}
}
