// Package session keeps in Redis who is logged in, how often something was done,
// and the one-time codes that are under way.
//
// A client holds an opaque random token. Redis is never given it: the key is the
// token's SHA-256, so that a stolen snapshot lets nobody in. Whether something
// still counts is judged by the caller's "now", not by Redis's clock; the time
// to live of a key only removes what nobody asks for any more. What has to happen
// at once is a script, and no script touches keys of more than one hash tag, so
// that a cluster can keep them.
//
// When Redis cannot answer, the answer is [ErrUnavailable], never a session.
package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// ErrUnavailable says that Redis could not be asked or gave no sensible answer.
// It wraps the cause, which holds no token.
var ErrUnavailable = errors.New("session: Redis is unavailable")

// Options are the limits of a session and of the connections to Redis. What is
// zero has its default, but no operations are counted unless a limit is given.
type Options struct {
	// Idle is how long a session lives without a request; 15 minutes.
	Idle time.Duration
	// Absolute is how long it lives at most, whatever is done with it; 12 hours.
	Absolute time.Duration
	// PerCustomer is how many sessions a customer has at most; 5.
	PerCustomer int
	// Operations limits what is done in one session; see [Store.Touch]. Its name
	// is "operations" unless it has one.
	Operations Limit
	// PartnerOperations limits what is done by one partner; see [Store.TouchPartner].
	PartnerOperations Limit
	// Failures limits the wrong guesses that come from one address, its Name left
	// aside; 30 in 10 minutes. See [Store.Guess].
	Failures Limit
	// Current is for how long the reads of a session must not lag after
	// [Store.KeepCurrent]; 0 where none do.
	Current time.Duration
	// PoolSize is how many connections to Redis there are at most, in a cluster to each
	// server; 64.
	PoolSize int
	// Observe is told of each command; it may be nil.
	Observe Observer
	// RootCAs sign the certificates of Redis; nil for the machine's own.
	RootCAs *x509.CertPool
}

// Store keeps sessions, counts and codes. It is safe for concurrent use.
type Store struct {
	redis       redis.UniversalClient
	keys        keys
	idle        time.Duration
	absolute    time.Duration
	perCustomer int
	current     time.Duration
	operations  Limit
	failures    Limit

	partnerOperations Limit

	nudges *Nudges
	// The engine in this process and how to stop its clock; nil with a real Redis.
	embedded *miniredis.Miniredis
	stop     context.CancelFunc

	closing sync.Once
	closed  error
}

// The client's own log goes to standard error as plain text and repeats what
// every call returns as an error anyway.
func init() { redis.SetLogger(&logging.VoidLogger{}) }

// Open connects to the Redis at url, one of the forms of [newClient], and fails with
// [ErrUnavailable] where it does not answer. With an empty url it starts a small
// Redis inside this process, which forgets everything at [Store.Close].
//
// Of a url's other parameters dial_timeout, read_timeout, write_timeout, pool_size
// and, but in a cluster, skip_verify count.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	s := &Store{
		idle:        cmp.Or(opts.Idle, 15*time.Minute),
		absolute:    cmp.Or(opts.Absolute, 12*time.Hour),
		perCustomer: cmp.Or(opts.PerCustomer, 5),
		current:     opts.Current,
		operations:  opts.Operations,
		failures:    cmp.Or(opts.Failures, Limit{N: 30, Per: 10 * time.Minute}),
	}
	s.operations.Name = cmp.Or(s.operations.Name, "operations")
	s.failures.Name = "failures"
	s.partnerOperations = opts.PartnerOperations
	s.partnerOperations.Name = "partner operations"
	var err error
	if url == "" {
		if url, err = s.embed(); err != nil {
			return nil, err
		}
	}
	if s.redis, s.keys, err = newClient(url, opts); err != nil {
		return nil, err
	}
	if opts.Observe != nil {
		s.redis.AddHook(hook{opts.Observe})
	}
	s.nudges = newNudges(s.redis, s.keys)
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// embed starts the engine in this process. It listens on a loopback port, so
// it has a password of its own: other users of the machine stay out.
func (s *Store) embed() (url string, err error) {
	s.embedded = miniredis.NewMiniRedis()
	password := rand.Text()
	s.embedded.RequireAuth(password)
	if err := s.embedded.Start(); err != nil {
		return "", fmt.Errorf("session: starting Redis in this process: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go tick(ctx, s.embedded)
	return "redis://:" + password + "@" + s.embedded.Addr(), nil
}

// tick lets the keys of the engine in this process expire, which they do not do
// by themselves, until ctx ends.
func tick(ctx context.Context, engine *miniredis.Miniredis) {
	const every = time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			engine.FastForward(every)
		}
	}
}

// Embedded tells whether Redis runs inside this process.
func (s *Store) Embedded() bool { return s.embedded != nil }

// Nudges wake those who wait for something.
func (s *Store) Nudges() *Nudges { return s.nudges }

// Ping asks Redis for a sign of life. Of a cluster one primary's will do: whoever's session
// is there can be served while another is away.
func (s *Store) Ping(ctx context.Context) error {
	cluster, ok := s.redis.(*redis.ClusterClient)
	if !ok {
		return unavailable(s.redis.Ping(ctx).Err())
	}
	var lives atomic.Bool
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, primary *redis.Client) error {
		err := primary.Ping(ctx).Err()
		if err == nil {
			lives.Store(true)
		}
		return err
	})
	if lives.Load() {
		return nil
	}
	return unavailable(err)
}

// Close ends the connections. Whatever is asked afterwards is [ErrUnavailable].
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.nudges.end()
		s.closed = s.redis.Close()
		if s.embedded != nil {
			s.stop()
			s.embedded.Close()
		}
	})
	return s.closed
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
