package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const autoPayColumns = "id, customer_id, set_up_by, vehicle_id, payment_account_id, status, amount_kind, amount_cents, " +
	"day_of_month, days_before_due, set_up_at, changed_at"

var (
	autoPaysOfOwner = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays
WHERE status <> 'CANCELED' AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`)
	lockAutoPay = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays
WHERE id = $2 AND status <> 'CANCELED' AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1) {{lock}}`)
	activeAutoPays   = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays WHERE status = 'ACTIVE' AND id > $1 ORDER BY id LIMIT $2 {{lock}}`)
	autoPaysByID     = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays WHERE id {{in $1}}`)
	activeAutoPaysOf = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays WHERE vehicle_id {{in $1}} AND status <> 'CANCELED' AND status = 'ACTIVE'`)
	autoPaymentsFrom = prepare(`
SELECT vehicle_id, amount_cents, scheduled_on, due_on, status FROM payments
WHERE vehicle_id {{in $1}} AND scheduled_on >= $2 AND auto_pay_id IS NOT NULL AND represents IS NULL`)
	// A due date that was planned before is passed over.
	insertAutoPayments = prepare(`
INSERT INTO payments (customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents,
    kind, origin, status, scheduled_on, credited_on, debited_on, submitted_at, cancel_by, auto_pay_id, due_on)
SELECT customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents,
    kind, 'AUTO_PAY', 'SCHEDULED', scheduled_on, credited_on, debited_on, $2, cancel_by, auto_pay_id, due_on
FROM {{rows $1: customer_id bigint, scheduled_by bigint, vehicle_id bigint, payment_account_id bigint, confirmation_number text, amount_cents bigint, kind text, scheduled_on date, credited_on date, debited_on date, cancel_by timestamptz, auto_pay_id bigint, due_on date}}
WHERE EXISTS (SELECT 1 FROM payment_accounts a
              WHERE a.id = r.payment_account_id AND a.removed_at IS NULL AND a.blocked_at IS NULL AND a.debitable_from <= r.debited_on)
ON CONFLICT (auto_pay_id, due_on) WHERE auto_pay_id IS NOT NULL AND represents IS NULL DO NOTHING
RETURNING id, customer_id, vehicle_id, auto_pay_id, amount_cents, scheduled_on`)
	lastAutoPayments = prepare(`
SELECT p.id, p.customer_id, p.vehicle_id, p.auto_pay_id, p.amount_cents, p.scheduled_on FROM payments p
WHERE p.auto_pay_id {{in $1}} AND p.represents IS NULL
  AND p.due_on = (SELECT MAX(q.due_on) FROM payments q WHERE q.auto_pay_id = p.auto_pay_id AND q.represents IS NULL)`)
	// Who sets it up owns the vehicle and the account.
	insertAutoPay = prepare(`
INSERT INTO auto_pays (customer_id, set_up_by, vehicle_id, payment_account_id, status, amount_kind, amount_cents,
    day_of_month, days_before_due, set_up_at, changed_at)
SELECT $1, o.customer_id, o.vehicle_id, a.id, $5, $6, $7, $8, $9, $10, $11
FROM owners o JOIN payment_accounts a ON a.customer_id = o.customer_id
WHERE o.customer_id = $2 AND o.vehicle_id = $3 AND a.id = $4
RETURNING id`)
	updateAutoPay = prepare(`
UPDATE auto_pays SET payment_account_id = $3, status = $4, amount_kind = $5, amount_cents = $6,
    day_of_month = $7, days_before_due = $8, changed_at = $9
WHERE id = $2 AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)
  AND EXISTS (SELECT 1 FROM payment_accounts WHERE customer_id = $1 AND id = $3)`)
)

// AutoPays lists the Auto Pay of each vehicle that a customer owns and that has
// one, paused ones too.
func (q *queries) AutoPays(ctx context.Context, owner loan.CustomerID) ([]*loan.AutoPay, error) {
	var autoPays []*loan.AutoPay
	err := q.query(ctx, autoPaysOfOwner, func(rows *sql.Rows) error {
		a := new(loan.AutoPay)
		autoPays = append(autoPays, a)
		return scan(rows, &a.ID, &a.CustomerID, &a.SetUpBy, &a.VehicleID, &a.PaymentAccountID, &a.Status, &a.AmountKind, &a.Amount,
			&a.DayOfMonth, &a.DaysBeforeDue, &a.SetUpAt, &a.ChangedAt)
	}, owner)
	return autoPays, err
}

// LockAutoPay gets an Auto Pay that has not been cancelled and holds it until
// the transaction ends; [ErrNotFound].
func (tx *Tx) LockAutoPay(ctx context.Context, owner loan.CustomerID, id loan.AutoPayID) (*loan.AutoPay, error) {
	a := new(loan.AutoPay)
	if err := tx.get(ctx, a, lockAutoPay, owner, id); err != nil {
		return nil, err
	}
	return a, nil
}

// InsertAutoPay adds a and gives it its id; [ErrConflict] where the vehicle has
// one, [ErrNotFound] where the vehicle or the account is not that of who sets it
// up.
func (tx *Tx) InsertAutoPay(ctx context.Context, a *loan.AutoPay) error {
	return tx.get(ctx, &a.ID, insertAutoPay, a.CustomerID, a.SetUpBy, a.VehicleID, a.PaymentAccountID, a.Status,
		a.AmountKind, a.Amount, a.DayOfMonth, a.DaysBeforeDue, utc(a.SetUpAt), utc(a.ChangedAt))
}

// UpdateAutoPay writes what can change of a; [ErrNotFound] where it is for no
// vehicle of the owner's, or its account is not theirs.
func (tx *Tx) UpdateAutoPay(ctx context.Context, owner loan.CustomerID, a *loan.AutoPay) error {
	return tx.execOne(ctx, updateAutoPay, owner, a.ID, a.PaymentAccountID, a.Status, a.AmountKind, a.Amount,
		a.DayOfMonth, a.DaysBeforeDue, utc(a.ChangedAt))
}

// ActiveAutoPays lists up to limit Auto Pays after one that make payments, by id,
// and holds them until the transaction ends.
func (tx *BooksTx) ActiveAutoPays(ctx context.Context, after loan.AutoPayID, limit int) ([]*loan.AutoPay, error) {
	var autoPays []*loan.AutoPay
	err := tx.list(ctx, &autoPays, activeAutoPays, after, limit)
	return autoPays, err
}

// AutoPaysByID reads Auto Pays whoever's they are, in any state.
func (tx *BooksTx) AutoPaysByID(ctx context.Context, ids []loan.AutoPayID) ([]*loan.AutoPay, error) {
	var autoPays []*loan.AutoPay
	err := tx.list(ctx, &autoPays, autoPaysByID, keys(tx.dialect, ids))
	return autoPays, err
}

// ActiveAutoPaysOf reads the Auto Pays of vehicles that make payments.
func (b Books) ActiveAutoPaysOf(ctx context.Context, vehicles []loan.VehicleID) (map[loan.VehicleID]*loan.AutoPay, error) {
	var list []*loan.AutoPay
	err := b.q.list(ctx, &list, activeAutoPaysOf, keys(b.q.dialect, vehicles))
	byVehicle := make(map[loan.VehicleID]*loan.AutoPay, len(list))
	for _, a := range list {
		byVehicle[a.VehicleID] = a
	}
	return byVehicle, err
}

// AutoPaymentFor is what has become of the payment that Auto Pay made for a due date.
type AutoPaymentFor struct {
	VehicleID   loan.VehicleID     `db:"vehicle_id"`
	Amount      loan.Cents         `db:"amount_cents"`
	ScheduledOn loan.Date          `db:"scheduled_on"`
	DueOn       loan.Date          `db:"due_on"`
	Status      loan.PaymentStatus `db:"status"`
}

// AutoPaymentsFrom lists the payments of Auto Pay for vehicles that are dated from a
// day on, in any state, without those that were tried again.
func (b Books) AutoPaymentsFrom(ctx context.Context, vehicles []loan.VehicleID, from loan.Date) ([]AutoPaymentFor, error) {
	var list []AutoPaymentFor
	err := b.q.list(ctx, &list, autoPaymentsFrom, keys(b.q.dialect, vehicles), from)
	return list, err
}

// AutoPayment is a payment that Auto Pay made.
type AutoPayment struct {
	ID          loan.PaymentID  `db:"id"`
	CustomerID  loan.CustomerID `db:"customer_id"`
	VehicleID   loan.VehicleID  `db:"vehicle_id"`
	AutoPayID   loan.AutoPayID  `db:"auto_pay_id"`
	Amount      loan.Cents      `db:"amount_cents"`
	ScheduledOn loan.Date       `db:"scheduled_on"`
}

// LastAutoPayments lists the latest payment of each of these Auto Pays.
func (b Books) LastAutoPayments(ctx context.Context, ids []loan.AutoPayID) ([]AutoPayment, error) {
	var list []AutoPayment
	err := b.q.list(ctx, &list, lastAutoPayments, keys(b.q.dialect, ids))
	return list, err
}

// InsertAutoPayments adds payments of Auto Pay that were made at an instant, but
// for those whose due date has one, cancelled or not. It lists what was added.
func (tx *BooksTx) InsertAutoPayments(ctx context.Context, payments []*loan.Payment, at time.Time) ([]AutoPayment, error) {
	if len(payments) == 0 {
		return nil, nil
	}
	type row struct {
		CustomerID         loan.CustomerID       `json:"customer_id"`
		ScheduledBy        loan.CustomerID       `json:"scheduled_by"`
		VehicleID          loan.VehicleID        `json:"vehicle_id"`
		PaymentAccountID   loan.PaymentAccountID `json:"payment_account_id"`
		ConfirmationNumber string                `json:"confirmation_number"`
		Amount             loan.Cents            `json:"amount_cents"`
		Kind               loan.PaymentKind      `json:"kind"`
		ScheduledOn        loan.Date             `json:"scheduled_on"`
		CreditedOn         loan.Date             `json:"credited_on"`
		DebitedOn          loan.Date             `json:"debited_on"`
		CancelBy           string                `json:"cancel_by"`
		AutoPayID          *loan.AutoPayID       `json:"auto_pay_id"`
		DueOn              loan.Date             `json:"due_on"`
	}
	list := make([]row, len(payments))
	for i, p := range payments {
		list[i] = row{p.CustomerID, p.ScheduledBy, p.VehicleID, p.PaymentAccountID, p.ConfirmationNumber, p.Amount, p.Kind,
			p.ScheduledOn, p.CreditedOn, p.DebitedOn, text(p.CancelBy), p.AutoPayID, p.DueOn}
	}
	rows, err := rows(list)
	if err != nil {
		return nil, err
	}
	var added []AutoPayment
	err = tx.list(ctx, &added, insertAutoPayments, rows, utc(at))
	return added, err
}
