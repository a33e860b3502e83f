package store

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/automobilepay/mobilepay/loan"
)

// The tables that a bulk load fills, and those of them that nobody else fills meanwhile.
const (
	filled = locked + ", owners, contracts, statements, ledger, statement_postings, consents"
	locked = "customers, vehicles, payment_accounts, payments, auto_pays"
)

// Bulk is a transaction that adds many rows at a time: COPY on Postgres, inserts
// of many rows on SQLite.
type Bulk struct {
	*BooksTx
	mapper *reflectx.Mapper
}

// Bulk runs do in a transaction, as [Store.InBooks] does. It is for loading a
// database, not for use cases: on Postgres nobody else can write meanwhile, and
// the time of a statement is not limited. The planner's figures are brought up
// to date where the role owns the tables, and else by Postgres in its time.
func (s *Store) Bulk(ctx context.Context, do func(*Bulk) error) error {
	return s.InBooks(ctx, func(tx *BooksTx) error {
		b := &Bulk{tx, s.db.Mapper}
		if s.dialect == sqlite {
			return do(b)
		}
		if _, err := tx.tx.ExecContext(ctx, "LOCK TABLE "+locked+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return translate(err)
		}
		if _, err := tx.tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
			return translate(err)
		}
		if err := do(b); err != nil {
			return err
		}
		_, err := tx.tx.ExecContext(ctx, "ANALYZE "+filled)
		return translate(err)
	})
}

// NewCustomer is a customer to add.
type NewCustomer struct {
	loan.Customer
	PasswordHash string `db:"password_hash"`
}

// NewPaymentAccount is a bank account to add.
type NewPaymentAccount struct {
	loan.PaymentAccount
	Sealed      []byte `db:"number_sealed"`
	Fingerprint []byte `db:"fingerprint"`
}

// InsertCustomers adds customers and gives them their ids. Who has no language is
// spoken to in English.
func (b *Bulk) InsertCustomers(ctx context.Context, customers []*NewCustomer) error {
	for _, c := range customers {
		c.Language = cmp.Or(c.Language, loan.English)
	}
	return addStructs(ctx, b, "customers", customerColumns+", password_hash", customers)
}

// InsertVehicles adds vehicles with their contracts and primary owners, and gives
// them their ids. What they owe is opened in the ledger.
func (b *Bulk) InsertVehicles(ctx context.Context, vehicles []*loan.Vehicle) error {
	if err := b.InsertVehiclesWithoutLedger(ctx, vehicles); err != nil {
		return err
	}
	return b.InsertOpenings(ctx, vehicles)
}

// InsertVehiclesWithoutLedger is InsertVehicles for those whose ledger is added by
// [Bulk.InsertLedger].
func (b *Bulk) InsertVehiclesWithoutLedger(ctx context.Context, vehicles []*loan.Vehicle) error {
	id, err := b.reserve(ctx, "vehicles", len(vehicles))
	if err != nil {
		return err
	}
	for i, v := range vehicles {
		v.ID = loan.VehicleID(id) + loan.VehicleID(i)
	}
	rows := func(row func(*loan.Vehicle) []any) func(int) []any {
		return func(i int) []any { return row(vehicles[i]) }
	}
	err = b.add(ctx, "vehicles", "id, "+columnsOf(insertVehicle), len(vehicles), rows(func(v *loan.Vehicle) []any {
		return []any{v.ID, v.CustomerID, v.Year, v.Make, v.Model, v.VIN, v.PaperlessSince}
	}))
	if err != nil {
		return err
	}
	err = b.add(ctx, "owners", columnsOf(insertOwner), len(vehicles), rows(func(v *loan.Vehicle) []any {
		return []any{v.CustomerID, v.ID}
	}))
	if err != nil {
		return err
	}
	return b.add(ctx, "contracts", columnsOf(insertContract), len(vehicles), rows(contractRow))
}

// NewLedgerEntry is a posting to add, with the instant at which it was made.
type NewLedgerEntry struct {
	CustomerID loan.CustomerID
	VehicleID  loan.VehicleID
	At         time.Time
	*loan.LedgerEntry
}

// InsertLedger adds postings in their order and gives them their ids.
func (b *Bulk) InsertLedger(ctx context.Context, entries []NewLedgerEntry) error {
	id, err := b.reserve(ctx, "ledger", len(entries))
	if err != nil {
		return err
	}
	return b.add(ctx, "ledger", "id, posted_at, "+postingColumns, len(entries), func(i int) []any {
		e := entries[i]
		e.ID = id + int64(i)
		return []any{e.ID, e.At, e.CustomerID, e.VehicleID, e.PaymentID, e.Kind, e.EffectiveOn, e.Cash, e.Principal, e.Interest, e.Fees,
			e.Instalments, e.Funding, e.Income, e.PastDue, e.CurrentDue, e.DueOn, nil}
	})
}

// InsertPaymentAccounts adds bank accounts and gives them their ids.
func (b *Bulk) InsertPaymentAccounts(ctx context.Context, accounts []*NewPaymentAccount) error {
	return addStructs(ctx, b, "payment_accounts", paymentAccountColumns+", number_sealed, fingerprint", accounts)
}

// InsertPayments adds payments in any state and gives them their ids.
func (b *Bulk) InsertPayments(ctx context.Context, payments []*loan.Payment) error {
	return addStructs(ctx, b, "payments", paymentColumns, payments)
}

// InsertAutoPays adds Auto Pays and gives them their ids.
func (b *Bulk) InsertAutoPays(ctx context.Context, autoPays []*loan.AutoPay) error {
	return addStructs(ctx, b, "auto_pays", autoPayColumns, autoPays)
}

// InsertStatements adds statements and gives them their ids.
func (b *Bulk) InsertStatements(ctx context.Context, statements []*loan.Statement) error {
	id, err := b.reserve(ctx, "statements", len(statements))
	if err != nil {
		return err
	}
	list := make([]statementRow, len(statements))
	for i, s := range statements {
		s.ID = loan.StatementID(id) + loan.StatementID(i)
		if list[i], err = newStatementRow(s); err != nil {
			return err
		}
	}
	return b.add(ctx, "statements", strings.Join(storedStatement, ", "), len(list), func(i int) []any { return list[i].values() })
}

// InsertStatementPostings writes which postings are on which statement.
func (b *Bulk) InsertStatementPostings(ctx context.Context, on []OnStatement) error {
	return b.add(ctx, "statement_postings", "statement_id, ledger_id, customer_id, is_first", len(on), func(i int) []any {
		return []any{on[i].StatementID, on[i].LedgerID, on[i].CustomerID, on[i].IsFirst}
	})
}

// columnsOf is the columns that a declared INSERT names.
func columnsOf(insert statement) string {
	_, rest, _ := strings.Cut(statements[insert], "(")
	columns, _, _ := strings.Cut(rest, ")")
	return columns
}

// addStructs adds objects whose db tags name the columns, the first of which is
// id, and gives them their ids.
func addStructs[T any](ctx context.Context, b *Bulk, table, columns string, objects []*T) error {
	id, err := b.reserve(ctx, table, len(objects))
	if err != nil {
		return err
	}
	fields := b.mapper.TraversalsByName(reflect.TypeFor[T](), strings.Split(columns, ", "))
	return b.add(ctx, table, columns, len(objects), func(i int) []any {
		object := reflect.ValueOf(objects[i]).Elem()
		object.FieldByIndex(fields[0]).SetInt(id + int64(i))
		row := make([]any, len(fields))
		for j, field := range fields {
			row[j] = object.FieldByIndex(field).Interface()
		}
		return row
	})
}

// reserve takes n ids of a table that follow each other, and returns the first.
func (b *Bulk) reserve(ctx context.Context, table string, n int) (first int64, err error) {
	if n == 0 {
		return 0, nil
	}
	if b.dialect == sqlite {
		err = b.tx.GetContext(ctx, &first, "SELECT COALESCE(MAX(id), 0) + 1 FROM "+table)
		return first, translate(err)
	}
	for {
		var taken struct{ First, Last int64 }
		err = b.tx.GetContext(ctx, &taken,
			"SELECT MIN(id) AS first, MAX(id) AS last FROM (SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2)) s", table, n)
		if err != nil || taken.Last-taken.First+1 == int64(n) { // else somebody took one in between
			return taken.First, translate(err)
		}
	}
}

// add writes n rows of a table.
func (b *Bulk) add(ctx context.Context, table, columns string, n int, row func(int) []any) error {
	if n == 0 {
		return nil
	}
	if b.dialect == postgres {
		return b.copyIn(ctx, table, columns, n, row)
	}
	const most = 50 // rows in one INSERT, far from SQLite's limit of parameters
	for from := 0; from < n; from += most {
		to := min(from+most, n)
		one := "(?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ")"
		text := "INSERT INTO " + table + " (" + columns + ") VALUES " + one + strings.Repeat(", "+one, to-from-1)
		var values []any
		for i := from; i < to; i++ {
			values = append(values, stored(row(i))...)
		}
		if _, err := b.tx.ExecContext(ctx, text, values...); err != nil {
			return translate(err)
		}
	}
	return nil
}

func (b *Bulk) copyIn(ctx context.Context, table, columns string, n int, row func(int) []any) error {
	in, err := b.tx.PrepareContext(ctx, "COPY "+table+" ("+columns+") FROM STDIN")
	if err != nil {
		return translate(err)
	}
	defer func() { _ = in.Close() }() // its end has been told already
	for i := range n {
		if _, err := in.ExecContext(ctx, stored(row(i))...); err != nil {
			return fmt.Errorf("copy into %s: %w", table, translate(err))
		}
	}
	if _, err := in.ExecContext(ctx); err != nil { // the end, at which the rows are checked
		return fmt.Errorf("copy into %s: %w", table, translate(err))
	}
	return nil
}

// stored makes the instants of a row enter as they do elsewhere.
func stored(row []any) []any {
	for i, value := range row {
		switch value := value.(type) {
		case time.Time:
			row[i] = utc(value)
		case *time.Time:
			if value != nil {
				row[i] = utc(*value)
			}
		}
	}
	return row
}
