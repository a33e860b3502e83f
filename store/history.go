package store

import (
	"context"

	"github.com/automobilepay/mobilepay/loan"
)

// receiptColumns are what payments came to, less what of them came back. A payment that
// came back is undone as of its own day. A lease's purchase option is income at once.
const receiptColumns = `CAST(SUM(l.cash_cents) AS BIGINT) AS paid_cents, CAST(-SUM(l.interest_cents) AS BIGINT) AS interest_paid_cents,
    CAST(-SUM(l.principal_cents) AS BIGINT) AS principal_paid_cents, CAST(-SUM(l.fees_cents) AS BIGINT) AS fees_paid_cents,
    CAST(-SUM(l.instalments_cents + l.income_cents) AS BIGINT) AS instalments_paid_cents`

var (
	// A date begins with its year on both engines.
	yearlyTotals = prepare(`
SELECT l.vehicle_id, CAST(SUBSTR(CAST(l.effective_on AS TEXT), 1, 4) AS BIGINT) AS year, ` + receiptColumns + `
FROM owners o JOIN ledger l ON l.vehicle_id = o.vehicle_id
WHERE o.customer_id = $1 AND (l.kind IN ('PAYMENT', 'REVERSAL') OR l.kind = 'CORRECTION' AND l.cash_cents <> 0)
GROUP BY 1, 2 ORDER BY 1, 2 DESC`)
	receiptsByPayment = prepare(`
SELECT l.payment_id, ` + receiptColumns + `
FROM owners o JOIN ledger l ON l.vehicle_id = o.vehicle_id
WHERE o.customer_id = $1 AND o.vehicle_id {{in $2}} AND l.kind IN ('PAYMENT', 'REVERSAL')
GROUP BY 1`)
)

// YearlyTotals lists what was paid for each of the vehicles that a customer owns, in
// each year in which something was, the latest first.
func (q *queries) YearlyTotals(ctx context.Context, owner loan.CustomerID) ([]*loan.YearlyTotals, error) {
	var totals []*loan.YearlyTotals
	err := q.list(ctx, &totals, yearlyTotals, owner)
	return totals, err
}

// ReceiptsByPayment is where the payments for vehicles of the owner's went that were
// applied: nowhere where they came back.
func (q *queries) ReceiptsByPayment(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID) (map[loan.PaymentID]loan.Receipts, error) {
	var rows []struct {
		PaymentID loan.PaymentID `db:"payment_id"`
		loan.Receipts
	}
	err := q.list(ctx, &rows, receiptsByPayment, owner, keys(q.dialect, vehicles))
	receipts := make(map[loan.PaymentID]loan.Receipts, len(rows))
	for _, row := range rows {
		receipts[row.PaymentID] = row.Receipts
	}
	return receipts, err
}
