package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"github.com/automobilepay/mobilepay/loan"
)

// Every statement is declared once, as a package variable, and prepared when the
// store opens: an unprepared one costs lib/pq a second trip, and a mistake in the
// SQL shows at start.
var statements []string

// names are what whoever watches knows the statements by.
var names []string

type statement int

// prepare declares a statement.
func prepare(text string) statement {
	statements, names = append(statements, text), append(names, nameOf(text))
	return statement(len(statements) - 1)
}

var target = regexp.MustCompile(`(?i)\b(?:insert into|delete from|update|from|join)\s+([a-z_]+)`)

// nameOf is the verb and the first table of a statement, such as "SELECT payments".
func nameOf(text string) string {
	verb := strings.ToUpper(strings.Fields(text)[0])
	if match := target.FindStringSubmatch(text); match != nil {
		return verb + " " + match[1]
	}
	return verb
}

// queries runs the declared statements, on the pool or in a transaction.
type queries struct {
	dialect   dialect
	prepared  []*sqlx.Stmt
	tx        *sqlx.Tx
	auditKeys AuditKeys
	observe   Observer
}

// Observer is told of a statement that is about to run: its name, which is its verb and its
// first table, and its text, which is a constant and holds no values. The context that it
// returns is that of the statement, and the function is told how it ended: with an error
// where it failed. That a row is not there, or is there already, is no failure.
type Observer func(ctx context.Context, name, text string) (context.Context, func(error))

// begin tells of a statement.
func (q *queries) begin(ctx context.Context, s statement) (context.Context, func(error) error) {
	return q.observe.begin(ctx, names[s], statements[s])
}

// begin tells of what is about to run. What it returns takes the driver's error and
// gives the store's.
func (o Observer) begin(ctx context.Context, name, text string) (context.Context, func(error) error) {
	if o == nil {
		return ctx, translate
	}
	ctx, ended := o(ctx, name, text)
	return ctx, func(err error) error {
		err = translate(err)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
			ended(nil)
			return err
		}
		ended(err)
		return err
	}
}

func prepareAll(ctx context.Context, db *sqlx.DB, d dialect) (queries, error) {
	q := queries{dialect: d, prepared: make([]*sqlx.Stmt, len(statements))}
	var group errgroup.Group
	group.SetLimit(prepareAtOnce(d))
	for i, text := range statements {
		group.Go(func() error {
			stmt, err := db.PreparexContext(ctx, d.render(text)) //nolint:sqlclosecheck // kept until the pool closes
			if err != nil {
				return fmt.Errorf("prepare %q: %w", text, err)
			}
			q.prepared[i] = stmt
			return nil
		})
	}
	return q, group.Wait()
}

// prepareAtOnce is how many statements are prepared at once when the store opens: Postgres
// takes longer for each than the program waits for anything else. Each connection of
// SQLite would have to read the schema first.
func prepareAtOnce(d dialect) int {
	if d == postgres {
		return 4
	}
	return 1
}

// close lets go of what is prepared, where not all of it could be.
func (q *queries) close() error {
	var errs []error
	for _, stmt := range q.prepared {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

func (q *queries) stmt(ctx context.Context, s statement) *sqlx.Stmt {
	failpoint(ctx)
	if count, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		count.Add(1)
	}
	if q.tx != nil {
		return q.tx.StmtxContext(ctx, q.prepared[s])
	}
	return q.prepared[s]
}

// get reads one row into dest; [ErrNotFound] where there is none.
func (q *queries) get(ctx context.Context, dest any, s statement, args ...any) error {
	ctx, ended := q.begin(ctx, s)
	return ended(q.stmt(ctx, s).GetContext(ctx, dest, args...)) //nolint:sqlclosecheck // kept until the pool closes
}

// list reads all rows into dest, a pointer to a slice.
func (q *queries) list(ctx context.Context, dest any, s statement, args ...any) error {
	ctx, ended := q.begin(ctx, s)
	return ended(q.stmt(ctx, s).SelectContext(ctx, dest, args...)) //nolint:sqlclosecheck // kept until the pool closes
}

// query runs a statement whose rows the caller scans with scan, one at a time. The
// statements of the home screen are read so: mapping columns to fields by
// reflection would cost more than reading them.
func (q *queries) query(ctx context.Context, s statement, scan func(*sql.Rows) error, args ...any) error {
	ctx, ended := q.begin(ctx, s)
	rows, err := q.stmt(ctx, s).QueryContext(ctx, args...)
	if err != nil {
		return ended(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("scan a row: %w", ended(err))
		}
	}
	return ended(rows.Err())
}

// scan reads a row into dest. The numbers and words that have names of their own are read
// as what they are, because database/sql would convert them by reflection.
func scan(rows *sql.Rows, dest ...any) error {
	for i, d := range dest {
		switch d := d.(type) {
		case *loan.Cents:
			dest[i] = (*int64)(d)
		case *loan.CustomerID:
			dest[i] = (*int64)(d)
		case *loan.VehicleID:
			dest[i] = (*int64)(d)
		case *loan.PaymentID:
			dest[i] = (*int64)(d)
		case *loan.PaymentAccountID:
			dest[i] = (*int64)(d)
		case *loan.StatementID:
			dest[i] = (*int64)(d)
		case *loan.PaymentKind:
			dest[i] = (*string)(d)
		case *loan.PaymentOrigin:
			dest[i] = (*string)(d)
		case *loan.PaymentStatus:
			dest[i] = (*string)(d)
		}
	}
	return rows.Scan(dest...)
}

// exec runs a statement that answers nothing and tells how many rows it changed.
func (q *queries) exec(ctx context.Context, s statement, args ...any) (int64, error) {
	ctx, ended := q.begin(ctx, s)
	result, err := q.stmt(ctx, s).ExecContext(ctx, args...)
	if err = ended(err); err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// execOne is exec for a statement that must change exactly one row:
// [ErrNotFound] where it changed none.
func (q *queries) execOne(ctx context.Context, s statement, args ...any) error {
	n, err := q.exec(ctx, s, args...)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

type countKey struct{}

// CountStatements makes a context in which the store counts the statements that
// it runs (BEGIN and COMMIT are not counted).
func CountStatements(ctx context.Context) (context.Context, *atomic.Int64) {
	count := new(atomic.Int64)
	return context.WithValue(ctx, countKey{}, count), count
}

// utc is how an instant enters the database on both engines: in UTC, because
// SQLite compares times as text, and in whole microseconds, which Postgres keeps.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
