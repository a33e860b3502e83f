// Package store keeps the books, in Postgres or in an embedded SQLite file. It
// is the only place with SQL, which is written once for both engines.
//
// Reads go through a [*Store]; changes go through the [*Tx] that [Store.InTx]
// opens. A call about something that belongs to a customer takes that customer's
// id and filters by it in SQL, so what is somebody else's is [ErrNotFound],
// exactly like what does not exist. Processes go through everybody's books: what
// they name without an owner is in [Books] and [BooksTx], which no use case of a
// customer opens. Tests hold both.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"  // the Postgres driver
	_ "modernc.org/sqlite" // the SQLite driver

	"github.com/automobilepay/mobilepay/loan"
)

func init() { sqlx.BindDriver("sqlite", sqlx.DOLLAR) }

// Store is the books. It is safe for concurrent use.
type Store struct {
	Reader
	db      *sqlx.DB
	options Options
	// writer serialises the writers of SQLite, which has room for one: waiting
	// in order here beats being sent away by the database at random.
	writer chan struct{}
	nudge  func([]loan.CustomerID)
	// schema is the version of the schema on which every statement was last prepared.
	schema atomic.Int64
	// replica is nil where there is none.
	replica *replica
}

// Options are the settings of a store.
type Options struct {
	// Connections is the size of the pool; 0 means 16.
	Connections int
	// StatementTimeout ends a statement that takes longer; 0 means 10 s.
	StatementTimeout time.Duration
	// AuditKeys chain the audit. Without them no row of it can be written.
	AuditKeys AuditKeys
	// Nudge is told after a commit which customers may see new events; it must not
	// take long. It may be nil.
	Nudge func([]loan.CustomerID)
	// Observe is told of each statement; it may be nil.
	Observe Observer
}

// Open connects to the database of a URL, postgres://... or sqlite:PATH, brings
// its schema up to date, and prepares every statement.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	if opts.Connections == 0 {
		opts.Connections = 16
	}
	if opts.StatementTimeout == 0 {
		opts.StatementTimeout = 10 * time.Second
	}
	dialect, db, err := connect(rawURL, opts)
	if err != nil {
		return nil, err
	}
	limitPool(db, opts)
	s := &Store{db: db, options: opts, nudge: opts.Nudge}
	if dialect == sqlite {
		s.writer = make(chan struct{}, 1)
	}
	if err := migrate(ctx, db.DB, dialect); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if s.queries, err = prepareAll(ctx, db, dialect); err != nil {
		return nil, errors.Join(fmt.Errorf("this version cannot run on the database's schema: %w", err), db.Close())
	}
	s.auditKeys, s.observe = opts.AuditKeys, opts.Observe
	version, err := s.schemaVersion(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.schema.Store(version)
	return s, nil
}

func limitPool(db *sqlx.DB, opts Options) {
	db.SetMaxOpenConns(opts.Connections)
	db.SetMaxIdleConns(opts.Connections)
	// After a failover no connection stays on the old primary for good.
	db.SetConnMaxLifetime(30 * time.Minute)
}

func connect(rawURL string, opts Options) (dialect, *sqlx.DB, error) {
	switch scheme, rest, _ := strings.Cut(rawURL, ":"); scheme {
	case "postgres", "postgresql":
		dsn, err := postgresDSN(rawURL, opts)
		if err != nil {
			return "", nil, err
		}
		db, err := sqlx.Open("postgres", dsn)
		return postgres, db, err
	case "sqlite":
		if err := os.MkdirAll(filepath.Dir(rest), 0o700); err != nil {
			return "", nil, fmt.Errorf("make the folder of the database: %w", err)
		}
		db, err := sqlx.Open("sqlite", sqliteDSN(rest))
		return sqlite, db, err
	default:
		return "", nil, errors.New("the database URL must begin with postgres: or sqlite: and name a database")
	}
}

// postgresDSN sets what every session needs: times in UTC, and limits within
// which a lost client or a stuck lock cannot hold up others.
func postgresDSN(rawURL string, opts Options) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", errors.New("the database URL cannot be read") // err would print the password
	}
	limit := fmt.Sprint(opts.StatementTimeout.Milliseconds())
	q := u.Query()
	for name, value := range map[string]string{
		"timezone": "UTC", "application_name": "mobilepay", "connect_timeout": "5",
		"statement_timeout": limit, "lock_timeout": limit, "idle_in_transaction_session_timeout": limit,
	} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func sqliteDSN(path string) string {
	return "file:" + path + "?" + url.Values{
		"_pragma":      {"journal_mode(WAL)", "busy_timeout(10000)", "foreign_keys(1)", "synchronous(NORMAL)"},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
	}.Encode()
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return translate(s.db.PingContext(ctx)) }

// Pool is the connections to the database.
type Pool struct {
	Most, InUse, Idle int
	Waits             int64 // for a connection, since the start
	Waited            time.Duration
}

// Pool tells of the connections now.
func (s *Store) Pool() Pool {
	stats := s.db.Stats()
	return Pool{Most: stats.MaxOpenConnections, InUse: stats.InUse, Idle: stats.Idle, Waits: stats.WaitCount, Waited: stats.WaitDuration}
}

// Embedded tells whether the books are in the embedded engine.
func (s *Store) Embedded() bool { return s.dialect == sqlite }

// Close lets go of the database, and of the replica.
func (s *Store) Close() error {
	if s.replica != nil {
		s.replica.close()
	}
	return s.db.Close()
}

// Tx is an open transaction.
type Tx struct {
	queries
	// What is to be written before the commit, and the chains that are held for it.
	audits []AuditEntry
	events []Event
	told   []loan.PartnerEvent
	locked []AuditHead
}

// Books reads everybody's books, for processes and operators.
type Books struct{ q *queries }

// Books are the reads for which there is no owner.
func (s *Store) Books() Books { return Books{&s.queries} }

// BooksTx is an open transaction of a process, which changes everybody's books.
type BooksTx struct {
	*Tx
	Books
}

// InBooks is [Store.InTx] for a process.
func (s *Store) InBooks(ctx context.Context, do func(*BooksTx) error) error {
	return s.InTx(ctx, func(tx *Tx) error { return do(&BooksTx{tx, Books{&tx.queries}}) })
}

// maxAttempts is how often a transaction is tried that lost against another one:
// the database ended it, or the other one added the same row first. The rules
// then see what the other one did.
const maxAttempts = 3

// InTx runs do in a transaction and commits it, or rolls it back where do or the
// commit fails; the error is then returned and nothing has happened. do may run
// more than once: it must change nothing but the database. What it adds to the audit
// and to the events is written after it.
func (s *Store) InTx(ctx context.Context, do func(*Tx) error) error {
	if s.writer != nil {
		select {
		case s.writer <- struct{}{}:
			defer func() { <-s.writer }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for attempt := 1; ; attempt++ {
		err := s.inTx(ctx, do)
		if attempt == maxAttempts || !errors.Is(err, errRetry) && !errors.Is(err, ErrConflict) {
			return err
		}
		if errors.Is(err, errRetry) {
			time.Sleep(time.Duration(attempt) * 10 * time.Millisecond) // at once, it would lose again
		}
	}
}

func (s *Store) inTx(ctx context.Context, do func(*Tx) error) (err error) {
	_, ended := s.observe.begin(ctx, "BEGIN", "BEGIN")
	tx, err := s.db.BeginTxx(ctx, nil)
	if err = ended(err); err != nil {
		return err
	}
	defer func() {
		// After a commit this does nothing; after an error or a panic it undoes all.
		if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, translate(rollback))
		}
	}()
	q := s.queries
	q.tx = tx
	t := &Tx{queries: q}
	if err := do(t); err != nil {
		return err
	}
	if err := t.writeLogs(ctx); err != nil {
		return err
	}
	failpoint(ctx)
	// database/sql learns of the end of ctx a little later than who waits for it.
	if err := ctx.Err(); err != nil {
		return err
	}
	_, ended = s.observe.begin(ctx, "COMMIT", "COMMIT")
	err = tx.Commit()
	failpoint(ctx)
	if errors.Is(err, sql.ErrTxDone) {
		err = ctx.Err() // database/sql saw the context end first
	}
	err = ended(err)
	if err == nil && s.nudge != nil && len(t.events) > 0 {
		s.nudge(t.owners())
	}
	return err
}
