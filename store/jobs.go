package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

var (
	unfinishedRun = prepare(`SELECT cutoff_at FROM cutoff_runs WHERE reconciled_at IS NULL ORDER BY cutoff_at LIMIT 1`)
	latestRuns    = prepare(`
SELECT cutoff_at, applied_at, filed_at, delivered_at, reconciled_at FROM cutoff_runs ORDER BY cutoff_at DESC LIMIT $1`)
)

// Jobs is the queue of jobs in the database, and a process that works on them.
type Jobs interface {
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	Start(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
}

// Jobs opens the queue of jobs, whose tables are made where they are missing.
func (s *Store) Jobs(ctx context.Context, config *river.Config) (Jobs, error) {
	if err := s.MigrateJobs(ctx, config.Logger); err != nil {
		return nil, err
	}
	client, err := river.NewClient(s.jobsDriver(), config)
	if err != nil {
		return nil, fmt.Errorf("open the queue of jobs: %w", err)
	}
	return client, nil
}

// MigrateJobs brings the tables of the queue up to date. Processes that start at
// the same time wait for the first.
func (s *Store) MigrateJobs(ctx context.Context, log *slog.Logger) error {
	migrator, err := rivermigrate.New(s.jobsDriver(), &rivermigrate.Config{Logger: log})
	if err != nil {
		return fmt.Errorf("read the migrations of the jobs: %w", err)
	}
	if valid, err := migrator.Validate(ctx); err == nil && valid.OK {
		return nil // which needs no right to change tables
	}
	return s.Alone(ctx, "migrate the jobs", func() error {
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return migrated(err)
	})
}

func (s *Store) jobsDriver() riverdriver.Driver[*sql.Tx] {
	if s.dialect == sqlite {
		return riversqlite.New(s.db.DB)
	}
	return riverdatabasesql.New(s.db.DB)
}

// askAgain is how long a process waits before it tries to be alone again.
const askAgain = 50 * time.Millisecond

// alone holds for each store of this process the channel that gates its Alone.
var alone sync.Map

// Alone runs do while nobody else does anything under the same name on this
// database, and waits for who does. Whoever dies lets go at once. It is for what no
// transaction can hold, such as sending a file, and must not be nested. A process
// does one such thing at a time.
//
// On Postgres the lock is one of a session and takes a connection out of the pool
// meanwhile; a pool of one cannot spare it. There, and on SQLite, which serves one
// process, only this process is kept out.
func (s *Store) Alone(ctx context.Context, name string, do func() error) error {
	gate, _ := alone.LoadOrStore(s, make(chan struct{}, 1))
	mine := gate.(chan struct{}) // nothing else is stored
	select {
	case mine <- struct{}{}:
		defer func() { <-mine }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.dialect == sqlite || s.db.Stats().MaxOpenConnections == 1 {
		return do()
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Close() //nolint:errcheck // the lock has been let go, or its session has ended
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("mobilepay " + name)) // does not fail
	key := int64(hash.Sum64())                     //nolint:gosec // any number will do
	for {
		var locked bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&locked); err != nil {
			return translate(err)
		}
		if locked {
			break
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", key); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // which ends the session
		}
	}()
	return do()
}

// FirstUnfinished is the earliest cut-off whose run was begun and is not complete;
// [ErrNotFound] where there is none.
func (b Books) FirstUnfinished(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := b.q.get(ctx, &at, unfinishedRun)
	return at, err
}

// LatestRuns lists up to limit runs, latest first.
func (b Books) LatestRuns(ctx context.Context, limit int) ([]Run, error) {
	var runs []Run
	err := b.q.list(ctx, &runs, latestRuns, limit)
	return runs, err
}
