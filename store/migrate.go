package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date.
func migrate(ctx context.Context, db *sql.DB, d dialect) error {
	provider, err := newProvider(db, d)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
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
