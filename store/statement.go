package store

import (
	"context"
	"database/sql"

	"github.com/automobilepay/mobilepay/loan"
)

const statementColumns = "id, customer_id, vehicle_id, issued_on, period_from, period_to, due_on, " +
	"opening_balance_cents, closing_balance_cents, amount_due_cents, past_due_cents"

var (
	statementPages = newPager("statements", statementColumns, "issued_on", "TRUE")
	statementsByID = prepare(`SELECT ` + statementColumns + ` FROM statements
WHERE id {{in $2}} AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`)
	insertStatement = prepare(`
INSERT INTO statements (customer_id, vehicle_id, issued_on, period_from, period_to, due_on,
    opening_balance_cents, closing_balance_cents, amount_due_cents, past_due_cents)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`)
)

// Statements reads a page of the statements of each vehicle, ordered by the day
// of issue and id in the page's direction. Vehicles that are not the owner's
// have none.
func (q *queries) Statements(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page Page) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := statementPages.read(ctx, q, owner, vehicles, page, func(rows *sql.Rows) error {
		var s loan.Statement
		err := rows.Scan(&s.ID, &s.CustomerID, &s.VehicleID, &s.IssuedOn, &s.PeriodFrom, &s.PeriodTo, &s.DueOn,
			&s.OpeningBalance, &s.ClosingBalance, &s.AmountDue, &s.PastDue)
		statements = append(statements, s)
		return err
	})
	return statements, err
}

// StatementsByID reads those of the statements that are of a vehicle of the
// owner's, in no order.
func (q *queries) StatementsByID(ctx context.Context, owner loan.CustomerID, ids []loan.StatementID) ([]loan.Statement, error) {
	var statements []loan.Statement
	err := q.list(ctx, &statements, statementsByID, owner, keys(q.dialect, ids))
	return statements, err
}

// InsertStatement adds s and gives it its id.
func (tx *BooksTx) InsertStatement(ctx context.Context, s *loan.Statement) error {
	return tx.get(ctx, &s.ID, insertStatement, s.CustomerID, s.VehicleID, s.IssuedOn, s.PeriodFrom, s.PeriodTo, s.DueOn,
		s.OpeningBalance, s.ClosingBalance, s.AmountDue, s.PastDue)
}
