package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const postingColumns = "customer_id, vehicle_id, payment_id, kind, effective_on, cash_cents, principal_cents, interest_cents, fees_cents, " +
	"instalments_cents, funding_cents, income_cents, past_due_cents, current_due_cents, due_on, correction_id"

var (
	insertPostings = prepare(`
INSERT INTO ledger (posted_at, ` + postingColumns + `)
SELECT $2, ` + postingColumns + `
FROM {{rows $1: customer_id bigint, vehicle_id bigint, payment_id bigint, kind text, effective_on date, cash_cents bigint, principal_cents bigint, interest_cents bigint, fees_cents bigint, instalments_cents bigint, funding_cents bigint, income_cents bigint, past_due_cents bigint, current_due_cents bigint, due_on date, correction_id bigint, n bigint}}
ORDER BY n`)
	paymentPostings = prepare(`SELECT ` + postingColumns + ` FROM ledger WHERE kind = 'PAYMENT' AND payment_id = $1`)
	postingsOfOwner = prepare(`SELECT ` + postingColumns + ` FROM ledger
WHERE vehicle_id = $2 AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1) ORDER BY id`)
	updateContracts = prepare(`
UPDATE contracts SET current_due_cents = r.current_due_cents, due_on = r.due_on, past_due_cents = r.past_due_cents, fees_cents = r.fees_cents,
    principal_cents = r.principal_cents, interest_paid_through = r.interest_paid_through, interest_unpaid_cents = r.interest_unpaid_cents,
    purchase_option_cents = r.purchase_option_cents, instalments_remaining = r.instalments_remaining, prepaid_cents = r.prepaid_cents,
    statement_on = CASE WHEN r.is_over OR contracts.statement_on = '9999-12-31' THEN '2000-01-01' ELSE contracts.statement_on END
FROM {{rows $1: vehicle_id bigint, current_due_cents bigint, due_on date, past_due_cents bigint, fees_cents bigint, principal_cents bigint, interest_paid_through date, interest_unpaid_cents bigint, purchase_option_cents bigint, instalments_remaining bigint, prepaid_cents bigint, is_over boolean}}
WHERE contracts.vehicle_id = r.vehicle_id`)
	vehiclesToBill = prepare(`
SELECT vehicle_id FROM contracts
WHERE due_on < $1 AND vehicle_id > $2
  AND (principal_cents > 0 OR interest_unpaid_cents > 0 OR instalments_remaining > 0 OR current_due_cents > 0)
ORDER BY vehicle_id LIMIT $3`)
	outOfBalance = prepare(`
SELECT c.vehicle_id, l.cash_cents, l.sum_cents,
    c.principal_cents - l.principal_cents AS principal_cents,
    c.interest_unpaid_cents - l.interest_cents AS interest_cents,
    c.fees_cents - l.fees_cents AS fees_cents,
    CASE c.kind WHEN 'LEASE' THEN c.past_due_cents + c.current_due_cents + c.instalments_remaining * c.instalment_cents - c.prepaid_cents ELSE 0 END
        - l.instalments_cents AS instalments_cents
FROM contracts c
JOIN (SELECT vehicle_id, CAST(SUM(cash_cents) AS BIGINT) AS cash_cents, CAST(SUM(principal_cents) AS BIGINT) AS principal_cents,
          CAST(SUM(interest_cents) AS BIGINT) AS interest_cents, CAST(SUM(fees_cents) AS BIGINT) AS fees_cents,
          CAST(SUM(instalments_cents) AS BIGINT) AS instalments_cents,
          CAST(SUM(cash_cents + principal_cents + interest_cents + fees_cents + instalments_cents + funding_cents + income_cents) AS BIGINT) AS sum_cents
      FROM ledger GROUP BY vehicle_id) l ON l.vehicle_id = c.vehicle_id
WHERE c.principal_cents <> l.principal_cents OR c.interest_unpaid_cents <> l.interest_cents OR c.fees_cents <> l.fees_cents OR l.sum_cents <> 0
   OR CASE c.kind WHEN 'LEASE' THEN c.past_due_cents + c.current_due_cents + c.instalments_remaining * c.instalment_cents - c.prepaid_cents ELSE 0 END <> l.instalments_cents
ORDER BY c.vehicle_id LIMIT 100`)
)

// Posted is a posting in the books of a vehicle.
type Posted struct {
	CustomerID loan.CustomerID `db:"customer_id"`
	VehicleID  loan.VehicleID  `db:"vehicle_id"`
	PaymentID  *loan.PaymentID `db:"payment_id"`
	// CorrectionID is what it carries out, where it does; that happens once.
	CorrectionID *loan.CorrectionID `db:"correction_id"`
	loan.Posting
}

// postingRow is a row for {{rows}}; n keeps the order.
type postingRow struct {
	N            int                `json:"n"`
	CustomerID   loan.CustomerID    `json:"customer_id"`
	VehicleID    loan.VehicleID     `json:"vehicle_id"`
	PaymentID    *loan.PaymentID    `json:"payment_id"`
	Kind         loan.PostingKind   `json:"kind"`
	EffectiveOn  loan.Date          `json:"effective_on"`
	Cash         loan.Cents         `json:"cash_cents"`
	Principal    loan.Cents         `json:"principal_cents"`
	Interest     loan.Cents         `json:"interest_cents"`
	Fees         loan.Cents         `json:"fees_cents"`
	Instalments  loan.Cents         `json:"instalments_cents"`
	Funding      loan.Cents         `json:"funding_cents"`
	Income       loan.Cents         `json:"income_cents"`
	PastDue      loan.Cents         `json:"past_due_cents"`
	CurrentDue   loan.Cents         `json:"current_due_cents"`
	DueOn        loan.Date          `json:"due_on"`
	CorrectionID *loan.CorrectionID `json:"correction_id"`
}

func newPostingRow(n int, p Posted) postingRow {
	return postingRow{n, p.CustomerID, p.VehicleID, p.PaymentID, p.Kind, p.EffectiveOn, p.Cash, p.Principal, p.Interest, p.Fees,
		p.Instalments, p.Funding, p.Income, p.PastDue, p.CurrentDue, p.DueOn, p.CorrectionID}
}

// InsertPostings adds postings to the ledger, in their order. A payment that has
// been posted, or taken back, before is [ErrConflict].
func (tx *BooksTx) InsertPostings(ctx context.Context, postings []Posted, at time.Time) error {
	list := make([]postingRow, len(postings))
	for i, p := range postings {
		list[i] = newPostingRow(i, p)
	}
	return tx.execRows(ctx, insertPostings, list, utc(at))
}

// InsertOpenings adds the postings with which contracts enter the books, as of the
// day up to which they are worked out.
func (tx *BooksTx) InsertOpenings(ctx context.Context, vehicles []*loan.Vehicle) error {
	list := make([]postingRow, len(vehicles))
	var at time.Time
	for i, v := range vehicles {
		on := v.Contract.Common().OpenedOn
		if l, ok := v.Contract.(*loan.Loan); ok {
			on = l.InterestPaidThrough
		}
		list[i] = newPostingRow(i, Posted{CustomerID: v.CustomerID, VehicleID: v.ID, Posting: loan.Opening(v.Contract, on)})
		at = on.At(0)
	}
	return tx.execRows(ctx, insertPostings, list, utc(at))
}

// execRows runs a statement whose first parameter is {{rows}}.
func (tx *Tx) execRows(ctx context.Context, s statement, list any, args ...any) error {
	text, err := rows(list)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, s, append([]any{text}, args...)...)
	return err
}

// PaymentPosting gets the posting of a payment; [ErrNotFound] where it was never
// posted.
func (tx *BooksTx) PaymentPosting(ctx context.Context, id loan.PaymentID) (Posted, error) {
	var p Posted
	err := tx.get(ctx, &p, paymentPostings, id)
	return p, err
}

// Postings lists the ledger of a vehicle that the customer owns, in order.
func (q *queries) Postings(ctx context.Context, owner loan.CustomerID, id loan.VehicleID) ([]Posted, error) {
	var postings []Posted
	err := q.list(ctx, &postings, postingsOfOwner, owner, id)
	return postings, err
}

type contractState struct {
	VehicleID            loan.VehicleID `json:"vehicle_id"`
	CurrentDue           loan.Cents     `json:"current_due_cents"`
	DueOn                loan.Date      `json:"due_on"`
	PastDue              loan.Cents     `json:"past_due_cents"`
	Fees                 loan.Cents     `json:"fees_cents"`
	Principal            loan.Cents     `json:"principal_cents"`
	InterestPaidThrough  *loan.Date     `json:"interest_paid_through"`
	InterestUnpaid       loan.Cents     `json:"interest_unpaid_cents"`
	PurchaseOption       loan.Cents     `json:"purchase_option_cents"`
	InstalmentsRemaining int            `json:"instalments_remaining"`
	Prepaid              loan.Cents     `json:"prepaid_cents"`
	IsOver               bool           `json:"is_over"` // nothing is owed: there may be a last statement
}

// UpdateContracts writes what postings and bills change of contracts, and lets the next
// look for statements find those that end or come back. They must be locked.
func (tx *BooksTx) UpdateContracts(ctx context.Context, vehicles []*loan.Vehicle) error {
	list := make([]contractState, len(vehicles))
	for i, v := range vehicles {
		t := v.Contract.Common()
		c := contractState{VehicleID: v.ID, CurrentDue: t.CurrentDue, DueOn: t.DueOn, PastDue: t.PastDue, Fees: t.Fees, IsOver: loan.IsOver(v.Contract)}
		switch contract := v.Contract.(type) {
		case *loan.Loan:
			c.Principal, c.InterestUnpaid = contract.Principal, contract.InterestUnpaid
			c.InterestPaidThrough = &contract.InterestPaidThrough
		case *loan.Lease:
			c.PurchaseOption, c.InstalmentsRemaining, c.Prepaid = contract.PurchaseOption, contract.InstalmentsRemaining, contract.Prepaid
		}
		list[i] = c
	}
	return tx.execRows(ctx, updateContracts, list)
}

// VehiclesToBill lists up to limit vehicles after one whose due date has gone by
// before a day, by id.
func (b Books) VehiclesToBill(ctx context.Context, today loan.Date, after loan.VehicleID, limit int) ([]loan.VehicleID, error) {
	var ids []loan.VehicleID
	err := b.q.list(ctx, &ids, vehiclesToBill, today, after, limit)
	return ids, err
}

// Imbalance is a contract that is not what its ledger adds up to; the amounts are
// the differences, but for Cash.
type Imbalance struct {
	VehicleID   loan.VehicleID `db:"vehicle_id"`
	Cash        loan.Cents     `db:"cash_cents"`
	Sum         loan.Cents     `db:"sum_cents"`
	Principal   loan.Cents     `db:"principal_cents"`
	Interest    loan.Cents     `db:"interest_cents"`
	Fees        loan.Cents     `db:"fees_cents"`
	Instalments loan.Cents     `db:"instalments_cents"`
}

// OutOfBalance lists up to 100 contracts that are not what their ledger adds up
// to. There should be none.
func (b Books) OutOfBalance(ctx context.Context) ([]Imbalance, error) {
	var list []Imbalance
	err := b.q.list(ctx, &list, outOfBalance)
	return list, err
}
