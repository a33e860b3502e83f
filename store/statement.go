package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/automobilepay/mobilepay/loan"
)

// The figures of a statement; what is printed beside them is read when it is asked for.
const (
	statementColumns = "id, customer_id, vehicle_id, issued_on, period_from, period_to, due_on, " +
		"opening_balance_cents, closing_balance_cents, amount_due_cents, past_due_cents, kind, corrects, " + statementAmounts
	statementAmounts = "interest_charged_cents, fees_charged_cents, received_cents, principal_paid_cents, interest_paid_cents, fees_paid_cents, " +
		"instalments_paid_cents, current_due_cents, fees_due_cents, interest_unpaid_cents, payoff_cents, payoff_per_diem, instalments_remaining, " +
		"year_interest_paid_cents, year_fees_paid_cents"
)

const statementsOfOwner = ` AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`

var (
	statementPages    = newPager("statements", statementColumns, "issued_on", "TRUE")
	statementsByID    = prepare(`SELECT ` + statementColumns + ` FROM statements WHERE id {{in $2}}` + statementsOfOwner)
	statementsInFull  = prepare(`SELECT ` + statementColumns + `, lines, paper FROM statements WHERE id {{in $2}}` + statementsOfOwner)
	relatedStatements = prepare(`SELECT ` + statementColumns + ` FROM statements
WHERE (corrects {{in $2}} OR id IN (SELECT corrects FROM statements WHERE id {{in $2}}))` + statementsOfOwner)
	anyStatement     = prepare(`SELECT ` + statementColumns + `, lines, paper FROM statements WHERE id = $1`)
	insertStatements = prepare(`
INSERT INTO statements (` + withoutID(statementColumns) + `, lines, paper)
SELECT ` + withoutID(statementColumns) + `, lines, paper
FROM {{rows $1: customer_id bigint, vehicle_id bigint, issued_on date, period_from date, period_to date, due_on date, opening_balance_cents bigint, closing_balance_cents bigint, amount_due_cents bigint, past_due_cents bigint, kind text, corrects bigint, ` +
		strings.ReplaceAll(statementAmounts, ",", " bigint,") + ` bigint, lines text, paper text}}
RETURNING id, vehicle_id`)
	insertStatementPostings = prepare(`
INSERT INTO statement_postings (statement_id, ledger_id, customer_id, is_first)
SELECT statement_id, ledger_id, customer_id, is_first
FROM {{rows $1: statement_id bigint, ledger_id bigint, customer_id bigint, is_first boolean}}`)
	vehiclesForStatements = prepare(`
SELECT vehicle_id FROM contracts WHERE statement_on <= $1 AND vehicle_id > $2 ORDER BY vehicle_id LIMIT $3`)
	setStatementDays = prepare(`
UPDATE contracts SET statement_on = r.statement_on FROM {{rows $1: vehicle_id bigint, statement_on date}} WHERE contracts.vehicle_id = r.vehicle_id`)
	// Those that another one corrects are left out.
	closings = prepare(`
SELECT s.id, s.vehicle_id, s.period_to, s.closing_balance_cents
FROM contracts c
JOIN statements s ON s.id {{one of}}
    SELECT q.id FROM statements q
    WHERE q.vehicle_id = c.vehicle_id AND NOT EXISTS (SELECT 1 FROM statements r WHERE r.corrects = q.id)
    ORDER BY q.period_to DESC LIMIT $2
{{end}}
WHERE c.vehicle_id {{in $1}} ORDER BY s.vehicle_id, s.period_to DESC`)
	ledgerOfVehicles = prepare(`
SELECT l.id, l.vehicle_id, l.payment_id, l.kind, l.effective_on, l.cash_cents, l.principal_cents, l.interest_cents, l.fees_cents,
    l.instalments_cents, l.funding_cents, l.income_cents, l.past_due_cents, l.current_due_cents, l.due_on,
    COALESCE(p.confirmation_number, '') AS confirmation_number,
    (SELECT MAX(s.statement_id) FROM statement_postings s WHERE s.ledger_id = l.id) AS statement_id
FROM ledger l LEFT JOIN payments p ON p.id = l.payment_id
WHERE l.vehicle_id {{in $1}} ORDER BY l.vehicle_id, l.id`)
)

func withoutID(columns string) string { return strings.TrimPrefix(columns, "id, ") }

// figuresOf are where the columns of a statement are scanned to.
func figuresOf(s *loan.Statement) []any {
	return []any{
		&s.ID, &s.CustomerID, &s.VehicleID, &s.IssuedOn, &s.PeriodFrom, &s.PeriodTo, &s.DueOn,
		&s.OpeningBalance, &s.ClosingBalance, &s.AmountDue, &s.PastDue, &s.Kind, &s.Corrects,
		&s.InterestCharged, &s.FeesCharged, &s.Received, &s.PrincipalPaid, &s.InterestPaid, &s.FeesPaid,
		&s.InstalmentsPaid, &s.CurrentDue, &s.FeesDue, &s.InterestUnpaid, &s.PayoffAmount, &s.PayoffPerDiem, &s.InstalmentsRemaining,
		&s.YearInterestPaid, &s.YearFeesPaid,
	}
}

// Statements reads a page of the statements of each vehicle, ordered by the day
// of issue and id in the page's direction, without lines and paper. Vehicles that are
// not the owner's have none.
func (q *queries) Statements(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page Page) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := statementPages.read(ctx, q, owner, vehicles, page, func(rows *sql.Rows) error {
		statements = append(statements, loan.Statement{})
		return scan(rows, figuresOf(&statements[len(statements)-1])...)
	})
	return statements, err
}

// StatementsByID reads those of the statements that are of a vehicle of the
// owner's, without lines and paper, in no order.
func (q *queries) StatementsByID(ctx context.Context, owner loan.CustomerID, ids []loan.StatementID) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := q.list(ctx, &statements, statementsByID, owner, keys(q.dialect, ids))
	return statements, err
}

// StatementsInFull is StatementsByID with lines and paper.
func (q *queries) StatementsInFull(ctx context.Context, owner loan.CustomerID, ids []loan.StatementID) ([]loan.Statement, error) {
	return q.inFull(ctx, statementsInFull, owner, keys(q.dialect, ids))
}

func (q *queries) inFull(ctx context.Context, s statement, args ...any) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := q.query(ctx, s, func(rows *sql.Rows) error {
		var s loan.Statement
		var lines, paper string
		if err := scan(rows, append(figuresOf(&s), &lines, &paper)...); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(lines), &s.Lines); err != nil {
			return fmt.Errorf("the lines of statement %d cannot be read", s.ID)
		}
		if err := json.Unmarshal([]byte(paper), &s.Paper); err != nil {
			return fmt.Errorf("the paper of statement %d cannot be read", s.ID)
		}
		statements = append(statements, s)
		return nil
	}, args...)
	return statements, err
}

// RelatedStatements reads the statements that correct one of these or that one of these
// corrects, of vehicles of the owner's, without lines and paper.
func (q *queries) RelatedStatements(ctx context.Context, owner loan.CustomerID, ids []loan.StatementID) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := q.list(ctx, &statements, relatedStatements, owner, keys(q.dialect, ids))
	return statements, err
}

// AnyStatement gets a statement in full, whoever's it is; [ErrNotFound].
func (b Books) AnyStatement(ctx context.Context, id loan.StatementID) (*loan.Statement, error) {
	found, err := b.q.inFull(ctx, anyStatement, id)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// statementRow is a statement as it is stored, with what is JSON there.
type statementRow struct {
	*loan.Statement
	LinesText string `db:"lines"`
	PaperText string `db:"paper"`
}

func newStatementRow(s *loan.Statement) (statementRow, error) {
	lines, err := json.Marshal(s.Lines)
	if err != nil {
		return statementRow{}, fmt.Errorf("write the lines of a statement: %w", err)
	}
	if s.Lines == nil {
		lines = []byte("[]")
	}
	paper, err := json.Marshal(s.Paper)
	if err != nil {
		return statementRow{}, fmt.Errorf("write the paper of a statement: %w", err)
	}
	return statementRow{s, string(lines), string(paper)}, nil
}

var (
	storedStatement = strings.Split(statementColumns+", lines, paper", ", ")
	statementFields = reflectx.NewMapper("db").TraversalsByName(reflect.TypeFor[statementRow](), storedStatement)
)

// values are the columns of storedStatement.
func (r statementRow) values() []any {
	v := reflect.ValueOf(r)
	values := make([]any, len(statementFields))
	for i, field := range statementFields {
		values[i] = reflectx.FieldByIndexesReadOnly(v, field).Interface()
	}
	return values
}

// InsertStatements adds statements, one a vehicle at the most, and gives them their ids.
// [ErrConflict] where a day of a vehicle is on one already, or one is corrected already.
func (tx *BooksTx) InsertStatements(ctx context.Context, statements []*loan.Statement) error {
	list := make([]map[string]any, len(statements))
	for i, s := range statements {
		row, err := newStatementRow(s)
		if err != nil {
			return err
		}
		list[i] = make(map[string]any, len(storedStatement))
		for j, value := range row.values() {
			list[i][storedStatement[j]] = value
		}
	}
	text, err := rows(list)
	if err != nil {
		return err
	}
	var added []struct {
		ID        loan.StatementID `db:"id"`
		VehicleID loan.VehicleID   `db:"vehicle_id"`
	}
	if err := tx.list(ctx, &added, insertStatements, text); err != nil {
		return err
	}
	ids := make(map[loan.VehicleID]loan.StatementID, len(added))
	for _, a := range added {
		ids[a.VehicleID] = a.ID
	}
	for _, s := range statements {
		s.ID = ids[s.VehicleID]
	}
	return nil
}

// OnStatement is that a posting is on a statement.
type OnStatement struct {
	StatementID loan.StatementID `json:"statement_id"`
	LedgerID    int64            `json:"ledger_id"`
	CustomerID  loan.CustomerID  `json:"customer_id"`
	IsFirst     bool             `json:"is_first"` // false where it is on a statement that this one corrects
}

// NewOnStatement says of entries that they are on a statement.
func NewOnStatement(s *loan.Statement, entries []loan.LedgerEntry) []OnStatement {
	list := make([]OnStatement, len(entries))
	for i, e := range entries {
		list[i] = OnStatement{s.ID, e.ID, s.CustomerID, e.StatementID == nil}
	}
	return list
}

// InsertStatementPostings writes which postings are on which statement; [ErrConflict]
// where one is on another statement already.
func (tx *BooksTx) InsertStatementPostings(ctx context.Context, on []OnStatement) error {
	if len(on) == 0 {
		return nil
	}
	return tx.execRows(ctx, insertStatementPostings, on)
}

// VehiclesForStatements lists up to limit vehicles after one that may have a statement
// due by a day, by id.
func (b Books) VehiclesForStatements(ctx context.Context, today loan.Date, after loan.VehicleID, limit int) ([]loan.VehicleID, error) {
	var ids []loan.VehicleID
	err := b.q.list(ctx, &ids, vehiclesForStatements, today, after, limit)
	return ids, err
}

// StatementDay is the first day on which a statement of a vehicle can fall due.
type StatementDay struct {
	VehicleID loan.VehicleID `json:"vehicle_id"`
	On        loan.Date      `json:"statement_on"`
}

// SetStatementDays writes when to look for the next statements. What is posted and ends
// a contract, or brings it back, lets [BooksTx.UpdateContracts] look at once.
func (tx *BooksTx) SetStatementDays(ctx context.Context, days []StatementDay) error {
	return tx.execRows(ctx, setStatementDays, days)
}

// Closing is what a statement closed with.
type Closing struct {
	ID        loan.StatementID `db:"id"`
	VehicleID loan.VehicleID   `db:"vehicle_id"`
	On        loan.Date        `db:"period_to"`
	Amount    loan.Cents       `db:"closing_balance_cents"`
}

// Closings lists what the latest n statements of each vehicle closed with, latest first.
// In the place of one that was corrected is the correction.
func (b Books) Closings(ctx context.Context, vehicles []loan.VehicleID, n int) (map[loan.VehicleID][]Closing, error) {
	var list []Closing
	err := b.q.list(ctx, &list, closings, keys(b.q.dialect, vehicles), n)
	byVehicle := make(map[loan.VehicleID][]Closing, len(vehicles))
	for _, c := range list {
		byVehicle[c.VehicleID] = append(byVehicle[c.VehicleID], c)
	}
	return byVehicle, err
}

// Ledgers reads the ledgers of vehicles, each in order.
func (b Books) Ledgers(ctx context.Context, vehicles []loan.VehicleID) (map[loan.VehicleID][]loan.LedgerEntry, error) {
	byVehicle := make(map[loan.VehicleID][]loan.LedgerEntry, len(vehicles))
	err := b.q.query(ctx, ledgerOfVehicles, func(rows *sql.Rows) error {
		var e loan.LedgerEntry
		var vehicle loan.VehicleID
		err := scan(rows, &e.ID, &vehicle, &e.PaymentID, &e.Kind, &e.EffectiveOn, &e.Cash, &e.Principal, &e.Interest, &e.Fees,
			&e.Instalments, &e.Funding, &e.Income, &e.PastDue, &e.CurrentDue, &e.DueOn, &e.Confirmation, &e.StatementID)
		byVehicle[vehicle] = append(byVehicle[vehicle], e)
		return err
	}, keys(b.q.dialect, vehicles))
	return byVehicle, err
}
