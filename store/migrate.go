package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed grants.sql
var grants string

// migrate brings the schema up to date. Where it is, no right to do so is needed.
func migrate(ctx context.Context, db *sql.DB, d dialect) error {
	provider, err := newProvider(db, d)
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err == nil && pending {
		_, err = provider.Up(ctx)
	}
	return migrated(err)
}

// migrated says what is wrong with a migration.
func migrated(err error) error {
	var pgErr *pq.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pgErr) && pgErr.Code == "42501": // insufficient privilege
		return errors.New("the database's schema is not up to date, and this role may not change it: run mobilepay migrate as the owner")
	}
	return fmt.Errorf("migrate the database: %w", err)
}

// Grant gives a role of Postgres the rights that the server needs, and takes all
// others. Who calls it owns the tables, those of the jobs among them.
func (s *Store) Grant(ctx context.Context, role string) error {
	if s.dialect == sqlite {
		return errors.New("the embedded engine has no roles")
	}
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, strings.ReplaceAll(grants, "{{role}}", pq.QuoteIdentifier(role)))
		return translate(err)
	})
}

// newProvider reads the migrations. On Postgres, instances that start at the same
// time wait for the first one: they ask every second, for five minutes.
func newProvider(db *sql.DB, d dialect) (*goose.Provider, error) {
	var options []goose.ProviderOption
	gooseDialect := goose.DialectSQLite3
	if d == postgres {
		gooseDialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, fmt.Errorf("make the lock of the migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(gooseDialect, db, rendered{files, d}, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// rendered is the migrations with the tokens filled in for a dialect.
type rendered struct {
	fs.FS
	dialect dialect
}

func (r rendered) Open(name string) (fs.File, error) {
	file, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return file, err
	}
	text, err := io.ReadAll(file)
	return renderedFile{file, bytes.NewReader([]byte(r.dialect.render(string(text))))}, err
}

type renderedFile struct {
	fs.File
	text io.Reader
}

func (f renderedFile) Read(p []byte) (int, error) { return f.text.Read(p) }

var schemaVersion = prepare(`SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`)

func (s *Store) schemaVersion(ctx context.Context) (version int64, err error) {
	err = s.get(ctx, &version, schemaVersion)
	return version, err
}

// CheckSchema tells whether this process can run on the schema as it is now: it may
// have been migrated by a later version since the process began, or a backup of an
// earlier one have been restored. A schema that is older is refused; on one that is
// newer each statement is prepared once more.
func (s *Store) CheckSchema(ctx context.Context) error {
	version, err := s.schemaVersion(ctx)
	known := s.schema.Load()
	switch {
	case err != nil:
		return err
	case version < known:
		return fmt.Errorf("the database's schema is of version %d, and this process needs %d", version, known)
	case version == known:
		return nil
	}
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	for _, text := range statements {
		stmt, err := conn.PreparexContext(ctx, s.dialect.render(text))
		if err != nil {
			return fmt.Errorf("this version cannot run on the database's schema of version %d: %w", version, translate(err))
		}
		_ = stmt.Close() //nolint:sqlclosecheck // many are prepared, one after the other
	}
	s.schema.Store(version)
	return nil
}
