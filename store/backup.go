package store

import (
	"context"
	"errors"
	"os"
)

// BackUp writes a copy of the embedded database into a new file that its owner alone
// may read, as of one instant and while others write. The file can be opened as it is.
func (s *Store) BackUp(ctx context.Context, path string) (err error) {
	if s.dialect != sqlite {
		return errors.New("this command is for the embedded engine: back Postgres up with pg_dump (docs/operations.md)")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(path)) // half a copy is none
		}
	}()
	// Into the empty file, of which SQLite keeps the mode.
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return translate(err)
	}
	return file.Sync()
}
