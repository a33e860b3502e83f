package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const (
	paymentColumns = "id, customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents, " +
		"kind, origin, status, scheduled_on, credited_on, debited_on, submitted_at, cancel_by, canceled_at, " +
		"applied_cents, applied_at, returned_at, return_code, auto_pay_id, due_on, represents, partner_id"
	isPending = "status IN ('SCHEDULED', 'PROCESSING')"
)

var (
	paymentPages        = newPager("payments", paymentColumns, "scheduled_on", "q.status {{in $8}} AND q.origin {{in $9}}")
	pendingPaymentPages = newPager("payments", paymentColumns, "scheduled_on", "q."+isPending)

	paymentsByID = prepare(`SELECT ` + paymentColumns + ` FROM payments
WHERE id {{in $2}} AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`)
	lockPayment = prepare(`SELECT ` + paymentColumns + ` FROM payments
WHERE id = $2 AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1) {{lock}}`)
	rivalPayments = prepare(`SELECT ` + paymentColumns + ` FROM payments
WHERE vehicle_id = $2 AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)
  AND (` + isPending + ` OR scheduled_on = $3 AND status NOT IN ('CANCELED', 'RETURNED'))
ORDER BY id`)
	// Who schedules owns the vehicle and the account.
	insertPayment = prepare(`
INSERT INTO payments (customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents,
    kind, origin, status, scheduled_on, credited_on, debited_on, submitted_at, cancel_by, auto_pay_id, due_on, represents, partner_id)
SELECT $1, o.customer_id, o.vehicle_id, a.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
FROM owners o JOIN payment_accounts a ON a.customer_id = o.customer_id
WHERE o.customer_id = $2 AND o.vehicle_id = $3 AND a.id = $4
RETURNING id`)
	cancelPayment = prepare(`
UPDATE payments SET status = 'CANCELED', canceled_at = $3
WHERE id = $2 AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1) AND status = 'SCHEDULED' AND cancel_by > $3`)
)

func scanPayment(rows *sql.Rows, p *loan.Payment) error {
	return scan(rows, &p.ID, &p.CustomerID, &p.ScheduledBy, &p.VehicleID, &p.PaymentAccountID, &p.ConfirmationNumber, &p.Amount,
		&p.Kind, &p.Origin, &p.Status, &p.ScheduledOn, &p.CreditedOn, &p.DebitedOn, &p.SubmittedAt, &p.CancelBy, &p.CanceledAt,
		&p.Applied, &p.AppliedAt, &p.ReturnedAt, &p.ReturnCode, &p.AutoPayID, &p.DueOn, &p.Represents, &p.PartnerID)
}

func (q *queries) payments(ctx context.Context, s statement, args ...any) ([]loan.Payment, error) {
	var payments []loan.Payment
	err := q.query(ctx, s, collectPayments(&payments), args...)
	return payments, err
}

func collectPayments(payments *[]loan.Payment) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		*payments = append(*payments, loan.Payment{})
		return scanPayment(rows, &(*payments)[len(*payments)-1])
	}
}

// Payments reads a page of the payments of each vehicle that the page chooses, ordered
// by date and id in its direction. Vehicles that are not the owner's have none.
func (q *queries) Payments(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page Page) ([]loan.Payment, error) {
	var payments []loan.Payment
	statuses, origins := loan.PaymentStatuses(), loan.PaymentOrigins()
	if page.Statuses != "" {
		statuses = nil
		for status := range strings.SplitSeq(page.Statuses, ",") {
			statuses = append(statuses, loan.PaymentStatus(status))
		}
	}
	if page.Origin != "" {
		origins = []loan.PaymentOrigin{page.Origin}
	}
	err := paymentPages.read(ctx, q, owner, vehicles, page, collectPayments(&payments), texts(q.dialect, statuses), texts(q.dialect, origins))
	return payments, err
}

// PendingPayments is a page of all that are scheduled or being processed.
func (q *queries) PendingPayments(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page Page) ([]loan.Payment, error) {
	var payments []loan.Payment
	err := pendingPaymentPages.read(ctx, q, owner, vehicles, page, collectPayments(&payments))
	return payments, err
}

// PaymentsByID reads those of the payments that are for a vehicle of the owner's,
// in no order.
func (q *queries) PaymentsByID(ctx context.Context, owner loan.CustomerID, ids []loan.PaymentID) ([]loan.Payment, error) {
	return q.payments(ctx, paymentsByID, owner, keys(q.dialect, ids))
}

// LockPayment gets a payment for a vehicle that the customer owns and holds it
// until the transaction ends; [ErrNotFound].
func (tx *Tx) LockPayment(ctx context.Context, owner loan.CustomerID, id loan.PaymentID) (*loan.Payment, error) {
	payments, err := tx.payments(ctx, lockPayment, owner, id)
	if err == nil && len(payments) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &payments[0], nil
}

// RivalPayments lists what a new payment for a vehicle must be seen beside: the
// payments that are pending, and any of the same date that was not cancelled or
// returned. The vehicle must be locked.
func (tx *Tx) RivalPayments(ctx context.Context, owner loan.CustomerID, vehicle loan.VehicleID, on loan.Date) ([]loan.Payment, error) {
	return tx.payments(ctx, rivalPayments, owner, vehicle, on)
}

// InsertPayment adds p and gives it its id; [ErrNotFound] where the vehicle or the
// account is not that of who schedules it.
func (tx *Tx) InsertPayment(ctx context.Context, p *loan.Payment) error {
	return tx.get(ctx, &p.ID, insertPayment, p.CustomerID, p.ScheduledBy, p.VehicleID, p.PaymentAccountID, p.ConfirmationNumber,
		p.Amount, p.Kind, p.Origin, p.Status, p.ScheduledOn, p.CreditedOn, p.DebitedOn, utc(p.SubmittedAt), utc(p.CancelBy),
		p.AutoPayID, p.DueOn, p.Represents, p.PartnerID)
}

// CancelPayment cancels a payment if it is still scheduled and its window open
// at that instant; [ErrNotFound] where it is not, or not any more.
func (tx *Tx) CancelPayment(ctx context.Context, owner loan.CustomerID, id loan.PaymentID, at time.Time) error {
	return tx.execOne(ctx, cancelPayment, owner, id, utc(at))
}
