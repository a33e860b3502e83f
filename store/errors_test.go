package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	if err := store.Translate(nil); err != nil {
		t.Error(err)
	}
	const canary = "canary-4711"
	sqlState := func(code string) error {
		return &pq.Error{Code: pqerror.Code(code), Message: canary, Detail: canary, Hint: canary, Where: canary, InternalQuery: canary, Constraint: "payments_once"}
	}
	unknown := errors.New("none of the above")
	known := []error{store.ErrNotFound, store.ErrConflict, store.ErrUnavailable, context.Canceled, context.DeadlineExceeded}
	for _, test := range []struct{ err, want error }{
		{sql.ErrNoRows, store.ErrNotFound},
		{fmt.Errorf("%s: %w", canary, context.Canceled), context.Canceled},
		{fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), context.DeadlineExceeded},
		{driver.ErrBadConn, store.ErrUnavailable},
		{sql.ErrConnDone, store.ErrUnavailable},
		{io.EOF, store.ErrUnavailable},
		{io.ErrUnexpectedEOF, store.ErrUnavailable},
		{&net.OpError{Op: canary, Err: syscall.ECONNREFUSED}, store.ErrUnavailable},
		{&net.DNSError{Name: canary}, store.ErrUnavailable},
		{sqlState("23505"), store.ErrConflict},
		{sqlState("40001"), store.ErrRetry},
		{sqlState("40P01"), store.ErrRetry},
		{sqlState("08006"), store.ErrUnavailable},
		{sqlState("0A000"), store.ErrUnavailable}, // BEGIN READ WRITE on a copy
		{sqlState("25006"), store.ErrUnavailable}, // read-only
		{sqlState("25P03"), store.ErrUnavailable}, // idle in a transaction for too long
		{sqlState("53100"), store.ErrUnavailable}, // disk full
		{sqlState("53300"), store.ErrUnavailable}, // too many connections
		{sqlState("55P03"), store.ErrUnavailable}, // lock timeout
		{sqlState("57014"), store.ErrUnavailable}, // statement timeout
		{sqlState("57P01"), store.ErrUnavailable}, // shut down
		{sqlState("57P03"), store.ErrUnavailable}, // starting up
		{sqlState("58030"), store.ErrUnavailable}, // I/O error
		{sqlState("23514"), unknown},
		{sqlState("23503"), unknown},
		{sqlState("22P02"), unknown},
		{errors.New(`sql: Scan error on column index 3, name "last4": converting driver.Value type string ("` + canary + `") to a int64: ` + canary), unknown},
		{errors.New("sql: converting argument $3 type: " + canary), unknown},
	} {
		got := store.Translate(fmt.Errorf("%w", test.err))
		for _, k := range known {
			want := errors.Is(test.want, k)
			if errors.Is(got, k) != want {
				t.Errorf("%v: got %v, want %v", test.err, got, test.want)
			}
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", got, got, got), canary) {
			t.Errorf("%v: got the driver's text: %#v", test.err, got)
		}
	}
}

// What a customer entered is in no error, whatever the database thinks of it.
func TestErrorsKeepSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const canary = "canary-4711"
		customer := &loan.Customer{Username: canary, FirstName: canary}
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCustomer(t.Context(), customer, canary)) })
		for what, do := range map[string]func(*store.BooksTx) error{
			"a username twice": func(tx *store.BooksTx) error {
				return tx.InsertCustomer(t.Context(), &loan.Customer{Username: canary}, "")
			},
			"text that is none": func(tx *store.BooksTx) error {
				if b.Embedded() {
					return errUndo // takes it
				}
				return tx.InsertCustomer(t.Context(), &loan.Customer{Username: canary + "\xff\x00"}, "")
			},
			"a number that is none": func(*store.BooksTx) error { return b.ScanInt(t.Context(), int64(customer.ID)) },
			"a deferred fault": func(tx *store.BooksTx) error {
				_, err := tx.Raw().ExecContext(t.Context(), "SELECT CAST($1 AS bigint) + no_such_function($1)", canary)
				return store.Translate(err)
			},
		} {
			err := b.InBooks(t.Context(), do)
			if err == nil || strings.Contains(fmt.Sprintf("%v %#v", err, err), canary) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
