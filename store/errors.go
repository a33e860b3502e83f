package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrNotFound says that there is no such row, or none of this customer's.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a row like this exists already.
	ErrConflict = errors.New("conflicts with an existing row")
	// ErrUnavailable says that the database cannot be reached or did not answer
	// in time.
	ErrUnavailable = errors.New("the database is unavailable")

	// errRetry is what the database says of a transaction that lost against
	// another one. Where that happens again and again, it is too busy.
	errRetry = fmt.Errorf("%w: it asks to try again", ErrUnavailable)
)

// translate is the one place that knows the drivers' errors. It keeps a code and
// drops the drivers' text, which can hold a row's values.
func translate(err error) error {
	if err == nil {
		return nil // before there are variables for what errors.As finds
	}
	return translated(err)
}

func translated(err error) error {
	var pgErr *pq.Error
	var liteErr *sqlitedriver.Error
	var netErr net.Error
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &pgErr):
		return translatePostgres(pgErr)
	case errors.As(err, &liteErr):
		return translateSQLite(liteErr)
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.As(err, &netErr),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %T", ErrUnavailable, err)
	}
	// database/sql names the column first and then the value that did not fit.
	what, rest, _ := strings.Cut(err.Error(), ": ")
	which, _, _ := strings.Cut(rest, ": ")
	return fmt.Errorf("%s: %s", what, which)
}

func translatePostgres(err *pq.Error) error {
	switch err.Code.Class() {
	case "08", "53", "57": // connection, resources, operator intervention (a timeout among them)
		return fmt.Errorf("%w: SQLSTATE %s", ErrUnavailable, err.Code)
	}
	switch err.Code {
	case "23505":
		return fmt.Errorf("%w: %s", ErrConflict, err.Constraint)
	case "40001", "40P01":
		return fmt.Errorf("%w: SQLSTATE %s", errRetry, err.Code)
	// lock timeout, read-only, idle in a transaction, I/O; and what lib/pq's BEGIN
	// READ WRITE is told by a copy that only reads
	case "55P03", "25006", "25P03", "58030", "0A000":
		return fmt.Errorf("%w: SQLSTATE %s", ErrUnavailable, err.Code)
	}
	return fmt.Errorf("postgres: SQLSTATE %s (%s) %s", err.Code, err.Code.Name(), err.Constraint)
}

func translateSQLite(err *sqlitedriver.Error) error {
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return ErrConflict
	case sqlite3.SQLITE_INTERRUPT:
		return context.Canceled
	}
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: SQLite code %d", ErrUnavailable, err.Code())
	}
	return fmt.Errorf("sqlite: code %d", err.Code())
}
