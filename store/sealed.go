package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// SealedColumn is a column whose values are sealed, for whoever seals them anew
// when the keys are rotated.
type SealedColumn struct {
	Table       string
	id          string // the primary key, a number
	owner       string // the customer that the value is bound to
	sealed      string
	fingerprint string // of the value; empty where it has none
	with        string // what else goes into the fingerprint or the binding; empty for nothing

	list, update statement
}

// The columns that hold something sealed.
var (
	AccountNumbers = sealedColumn(SealedColumn{
		Table: "payment_accounts", id: "id", owner: "customer_id", sealed: "number_sealed", fingerprint: "fingerprint", with: "routing_number",
	})
	EntryNumbers = sealedColumn(SealedColumn{
		Table: "ach_entries", id: "id", owner: "account_owner", sealed: "number_sealed", fingerprint: "fingerprint", with: "routing_number",
	})
	ContractNumbers = sealedColumn(SealedColumn{
		Table: "contract_numbers", id: "vehicle_id", owner: "customer_id", sealed: "number_sealed", fingerprint: "fingerprint",
	})
	SecondFactors  = sealedColumn(SealedColumn{Table: "second_factors", id: "customer_id", owner: "customer_id", sealed: "secret_sealed"})
	NoticeCodes    = sealedColumn(SealedColumn{Table: "notices", id: "id", owner: "customer_id", sealed: "sealed", with: noticeWay})
	MessageTexts   = sealedColumn(SealedColumn{Table: "messages", id: "id", owner: "customer_id", sealed: "text_sealed", with: messagePlace})
	WebhookSecrets = sealedColumn(SealedColumn{
		Table: "webhook_secrets", id: "id", owner: "partner_id", sealed: "sealed", with: "CAST(endpoint_id AS TEXT)",
	})
)

// sealedColumn declares the statements of a column.
func sealedColumn(c SealedColumn) *SealedColumn {
	names := strings.NewReplacer(
		"{table}", c.Table, "{id}", c.id, "{owner}", c.owner, "{sealed}", c.sealed, "{fingerprint}", orNull(c.fingerprint), "{with}", orNull(c.with),
	)
	set := "{sealed} = r.sealed"
	if c.fingerprint != "" {
		set += ", {fingerprint} = r.fingerprint"
	}
	c.list = prepare(names.Replace(`
SELECT {id} AS id, {owner} AS owner, {sealed} AS sealed, {fingerprint} AS fingerprint, COALESCE({with}, '') AS with_text FROM {table}
WHERE {id} > $1 AND {sealed} IS NOT NULL ORDER BY {id} LIMIT $2`))
	// Nobody waits for a row that somebody else holds: it is found again later. And
	// what was changed since it was listed stays as it is.
	c.update = prepare(names.Replace(`
UPDATE {table} SET ` + set + ` FROM {{rows $1: id bigint, was bytea, sealed bytea, fingerprint bytea}}
WHERE {table}.{id} = r.id AND {table}.{sealed} = r.was
    AND {table}.{id} {{one of}}SELECT {id} FROM {table} WHERE {id} {{in $2}} {{lock those free}}{{end}}`))
	return &c
}

func orNull(column string) string {
	if column == "" {
		return "NULL"
	}
	return column
}

// SealedRow is a row with something sealed.
type SealedRow struct {
	ID          int64  `db:"id"`
	Owner       int64  `db:"owner"` // a customer's id, or a partner's
	Sealed      []byte `db:"sealed"`
	Fingerprint []byte `db:"fingerprint"`
	With        string `db:"with_text"`
}

// Resealed is what becomes of a row, if it still has Was sealed.
type Resealed struct {
	ID          int64
	Was         []byte
	Sealed      []byte
	Fingerprint []byte // left alone where the column has none
}

// MarshalJSON spells bytes as Postgres reads them.
func (r Resealed) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"id": r.ID, "was": `\x` + hex.EncodeToString(r.Was), "sealed": `\x` + hex.EncodeToString(r.Sealed),
		"fingerprint": `\x` + hex.EncodeToString(r.Fingerprint),
	})
}

// SealedRows lists up to limit rows of a column after one, by id, whoever's they
// are.
func (s *Store) SealedRows(ctx context.Context, c *SealedColumn, after int64, limit int) ([]SealedRow, error) {
	var rows []SealedRow
	err := s.list(ctx, &rows, c.list, after, limit)
	return rows, err
}

// Reseal writes what became of rows, in a transaction of its own, and tells how
// many it wrote: a row that was changed meanwhile, or that somebody holds, is left
// out. [ErrConflict] where the owner of one has another row with its fingerprint;
// then none is written.
func (s *Store) Reseal(ctx context.Context, c *SealedColumn, resealed []Resealed) (n int64, err error) {
	if len(resealed) == 0 {
		return 0, nil
	}
	text, err := rows(resealed)
	if err != nil {
		return 0, err
	}
	ids := make([]int64, len(resealed))
	for i, r := range resealed {
		ids[i] = r.ID
	}
	err = s.InTx(ctx, func(tx *Tx) error {
		n, err = tx.exec(ctx, c.update, text, keys(s.dialect, ids))
		return err
	})
	return n, err
}

// WaitForOpen waits until the transactions that are open now and have written
// something have ended: what they read is then no longer written anywhere.
func (s *Store) WaitForOpen(ctx context.Context) error {
	if s.dialect == sqlite { // which has one at a time
		return s.InTx(ctx, func(*Tx) error { return nil })
	}
	var now int64
	if err := s.db.GetContext(ctx, &now, "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"); err != nil {
		return translate(err)
	}
	for {
		var ended bool
		err := s.db.GetContext(ctx, &ended, "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) > $1", now)
		switch {
		case err != nil:
			return translate(err)
		case err == nil && ended:
			return nil
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
