package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

// What the suite needs to see of the inside.
var (
	Translate = translate
	ErrRetry  = errRetry
)

// MaxAttempts is how often a transaction is tried.
const MaxAttempts = maxAttempts

// DB is the pool, for what the store has no call for.
func (s *Store) DB() *sqlx.DB { return s.db }

// Raw is the transaction, for what the store has no call for.
func (tx *Tx) Raw() *sqlx.Tx { return tx.tx }

// IdleWriter tells whether SQLite's room for a writer is free.
func (s *Store) IdleWriter() bool { return len(s.writer) == 0 }

// Migrations are those of the store's database.
func (s *Store) Migrations() (*goose.Provider, error) { return newProvider(s.db.DB, s.dialect) }

// PageStatement is the text of the statement that reads a page.
func (s *Store) PageStatement(list string, descending bool) string {
	pagers := map[string]pager{"payments": paymentPages, "pending": pendingPaymentPages, "statements": statementPages}
	p, ok := pagers[list]
	if !ok {
		panic("no such list: " + list)
	}
	text := statements[p.ascending]
	if descending {
		text = statements[p.descending]
	}
	return s.dialect.render(text)
}

// Texts are all statements that are declared.
func (s *Store) Texts() []string {
	texts := make([]string, len(statements))
	for i, text := range statements {
		texts[i] = s.dialect.render(text)
	}
	return texts
}

// ScanInt reads a text column into a number, which fails: the driver's words
// then hold the value.
func (s *Store) ScanInt(ctx context.Context, id int64) error {
	return s.query(ctx, customerByID, func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		dest := make([]any, len(columns))
		for i := range dest {
			dest[i] = new(int64)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		return fmt.Errorf("read %d columns of text as numbers", len(columns))
	}, id)
}

// NoFingerprint is a sealed column that has none beside it.
var NoFingerprint = sealedColumn(SealedColumn{Table: "payment_accounts", id: "id", owner: "customer_id", sealed: "number_sealed"})

// LookAtReplica looks now at how far the replica has come.
func (s *Store) LookAtReplica(ctx context.Context) { s.replica.look(ctx) }

// FollowByHand is Follow where nobody looks but LookAtReplica.
func (s *Store) FollowByHand(opts ReplicaOptions) error {
	_, err := s.follow(opts)
	return err
}
