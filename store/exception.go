package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const exceptionColumns = "id, source, kind, detail, created_at, resolved_at, resolved_by, resolution"

var (
	insertException = prepare(`
INSERT INTO exceptions (source, kind, detail, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`)
	openExceptions   = prepare(`SELECT ` + exceptionColumns + ` FROM exceptions WHERE resolved_at IS NULL ORDER BY id LIMIT 1000`)
	exceptionByID    = prepare(`SELECT ` + exceptionColumns + ` FROM exceptions WHERE id = $1`)
	resolveException = prepare(`
UPDATE exceptions SET resolved_at = $2, resolved_by = $3, resolution = $4 WHERE id = $1 AND resolved_at IS NULL`)
)

// Exception is something that the machine could not place, until an operator has seen
// to it.
type Exception struct {
	ID         loan.ExceptionID `db:"id"`
	Source     string           `db:"source"`
	Kind       string           `db:"kind"`
	Detail     string           `db:"detail"` // never an account number
	CreatedAt  time.Time        `db:"created_at"`
	ResolvedAt *time.Time       `db:"resolved_at"`
	ResolvedBy loan.Operator    `db:"resolved_by"`
	Resolution string           `db:"resolution"`
}

// InsertException adds an exception, once.
func (tx *BooksTx) InsertException(ctx context.Context, e Exception) error {
	_, err := tx.exec(ctx, insertException, e.Source, e.Kind, e.Detail, utc(e.CreatedAt))
	return err
}

// OpenExceptions lists up to 1,000 exceptions that nobody has resolved, oldest
// first.
func (b Books) OpenExceptions(ctx context.Context) ([]Exception, error) {
	var list []Exception
	err := b.q.list(ctx, &list, openExceptions)
	return list, err
}

// Exception gets an exception, resolved or not; [ErrNotFound].
func (b Books) Exception(ctx context.Context, id loan.ExceptionID) (Exception, error) {
	var e Exception
	err := b.q.get(ctx, &e, exceptionByID, id)
	return e, err
}

// ResolveException says that an operator has seen to an exception; [ErrNotFound] where
// it is not open.
func (tx *BooksTx) ResolveException(ctx context.Context, id loan.ExceptionID, by loan.Operator, resolution string, at time.Time) error {
	return tx.execOne(ctx, resolveException, id, utc(at), by, resolution)
}
