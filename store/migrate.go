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

// migrate brings the schema up to date. On Postgres, instances that start at the
// same time wait for the first one.
func migrate(ctx context.Context, db *sql.DB, d dialect) error {
	var options []goose.ProviderOption
	gooseDialect := goose.DialectSQLite3
	if d == postgres {
		gooseDialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return fmt.Errorf("make the lock of the migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(gooseDialect, db, rendered{files, d}, options...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
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
