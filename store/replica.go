package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// Reader reads the books of customers, where they are kept or from a replica.
type Reader struct{ queries }

// ReplicaOptions name a server of Postgres that follows the one with the books, by
// streaming replication.
type ReplicaOptions struct {
	URL string // postgres://...
	// MostLag is how far it may be behind. It is not read where it is further, or where
	// that is not known.
	MostLag time.Duration
	// Now is the machine's time, whatever the books' clock shows.
	Now func() time.Time
}

// replica is what is known of a server that follows. Whoever reads from it asks nobody
// first: how far it has come is looked at beside, a few times in MostLag.
type replica struct {
	ReplicaOptions
	primary, db *sqlx.DB
	observe     Observer

	reader atomic.Pointer[Reader] // nil until every statement is prepared there
	// asOf is the instant (microseconds since 1970) of which it has all that was committed
	// before; 0 where it must not be read.
	asOf atomic.Int64

	mu      sync.Mutex
	ahead   []place // of the primary, which it has not reached
	problem error   // why it cannot be read; nil where it can, or is only late

	stop    context.CancelFunc
	looking sync.WaitGroup
}

// place is how far the primary had come at an instant.
type place struct {
	at       time.Time
	position int64 // in its log, bytes
}

const (
	// looksInLag is how often there is a look in MostLag.
	looksInLag = 5
	// lookAtLeast is the longest between two looks.
	lookAtLeast = time.Second
	// lookWithin is how long one may take.
	lookWithin = 2 * time.Second
)

// Follow looks from now on how far a replica has come, so that [MayLag] reads from it. It
// may be down, and come back.
func (s *Store) Follow(opts ReplicaOptions) error {
	r, err := s.follow(opts)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.looking.Go(func() {
		ticker := time.NewTicker(min(lookAtLeast, r.MostLag/looksInLag))
		defer ticker.Stop()
		for ctx.Err() == nil {
			r.look(ctx)
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	})
	return nil
}

// follow is Follow where the caller looks.
func (s *Store) follow(opts ReplicaOptions) (*replica, error) {
	if s.dialect != postgres {
		return nil, errors.New("only Postgres has a replica")
	}
	_, db, err := connect(opts.URL, s.options)
	if err != nil {
		return nil, err
	}
	limitPool(db, s.options)
	s.replica = &replica{ReplicaOptions: opts, primary: s.db, db: db, observe: s.observe, stop: func() {}}
	return s.replica, nil
}

func (r *replica) close() {
	r.stop()
	r.looking.Wait()
	_ = r.db.Close() // it may be dead, and nothing is lost with it
}

const (
	// A commit that was answered is in the log on disk.
	primaryPosition = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"
	replicaPosition = "SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint"
)

// look finds out how far the replica has come. It has not caught up with where the
// primary is now, but with where that was at some look before.
func (r *replica) look(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.problem = r.prepare(ctx); r.problem != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	now := r.Now()
	reached, err := r.position(ctx)
	if r.problem = err; err != nil {
		r.asOf.Store(0)
		return
	}
	var position int64
	if err := r.primary.GetContext(ctx, &position, primaryPosition); err != nil {
		return // what is known gets old
	}
	r.ahead = append(r.ahead, place{now, position})
	for len(r.ahead) > 0 && (r.ahead[0].position <= reached || now.Sub(r.ahead[0].at) > r.MostLag) {
		if r.ahead[0].position <= reached {
			r.asOf.Store(r.ahead[0].at.UnixMicro())
		}
		r.ahead = r.ahead[1:]
	}
}

// prepare prepares every statement there, once.
func (r *replica) prepare(ctx context.Context) error {
	if r.reader.Load() != nil {
		return nil
	}
	q, err := prepareAll(ctx, r.db, postgres)
	if err != nil {
		return errors.Join(err, q.close())
	}
	q.observe = r.observe
	r.reader.Store(&Reader{q})
	return nil
}

// position is how far the replica has come in the primary's log.
func (r *replica) position(ctx context.Context) (position int64, err error) {
	var follows bool
	if err := r.db.QueryRowContext(ctx, replicaPosition).Scan(&follows, &position); err != nil {
		return 0, translate(err)
	}
	if !follows {
		return 0, errors.New("the replica follows nobody: it is a primary")
	}
	return position, nil
}

// behind is how far the replica is behind at the most; false where it must not be read,
// which a failure before it answers makes so at once.
func (r *replica) behind() (time.Duration, bool) {
	asOf := r.asOf.Load()
	if asOf == 0 {
		return 0, false
	}
	lag := r.Now().Sub(time.UnixMicro(asOf))
	return lag, lag <= r.MostLag
}

// MayLag reads what a customer looks at and nothing is decided by: from the replica
// where there is one that is not too far behind, and otherwise, or where that fails or
// does not find it, from where the books are kept.
func MayLag[T any](s *Store, read func(*Reader) (T, error)) (T, error) {
	if r := s.replica; r != nil {
		if _, ok := r.behind(); ok {
			found, err := read(r.reader.Load())
			if err == nil {
				return found, nil
			}
			if !errors.Is(err, ErrNotFound) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				r.asOf.Store(0) // until somebody has looked
			}
		}
	}
	return read(&s.Reader)
}

// Lag is how far the replica is behind at the most; read is false where it is not read
// for that, and exists where there is none.
func (s *Store) Lag() (lag time.Duration, read, exists bool) {
	if s.replica == nil {
		return 0, false, false
	}
	lag, read = s.replica.behind()
	return lag, read, true
}

// CheckReplica says why the replica is not read; nil where it is, or where there is none.
func (s *Store) CheckReplica(context.Context) error {
	lag, read, exists := s.Lag()
	if !exists || read {
		return nil
	}
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	switch {
	case s.replica.problem != nil:
		return s.replica.problem
	case lag > 0:
		return fmt.Errorf("the replica is %v behind", lag.Round(time.Millisecond))
	}
	return errors.New("the replica is behind")
}
