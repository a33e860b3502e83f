package store

import (
	"context"

	"github.com/automobilepay/mobilepay/loan"
)

const autoPayColumns = "id, customer_id, set_up_by, vehicle_id, payment_account_id, status, amount_kind, amount_cents, " +
	"day_of_month, days_before_due, set_up_at, changed_at"

var (
	autoPaysOfOwner = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays
WHERE status <> 'CANCELED' AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`)
	lockAutoPay = prepare(`SELECT ` + autoPayColumns + ` FROM auto_pays
WHERE id = $2 AND status <> 'CANCELED' AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1) {{lock}}`)
	insertAutoPay = prepare(`
INSERT INTO auto_pays (customer_id, set_up_by, vehicle_id, payment_account_id, status, amount_kind, amount_cents,
    day_of_month, days_before_due, set_up_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id`)
	updateAutoPay = prepare(`
UPDATE auto_pays SET payment_account_id = $2, status = $3, amount_kind = $4, amount_cents = $5,
    day_of_month = $6, days_before_due = $7, changed_at = $8
WHERE id = $1`)
)

// AutoPays lists the Auto Pay of each vehicle that a customer owns and that has
// one, paused ones too.
func (q *queries) AutoPays(ctx context.Context, owner loan.CustomerID) ([]*loan.AutoPay, error) {
	var autoPays []*loan.AutoPay
	err := q.list(ctx, &autoPays, autoPaysOfOwner, owner)
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
// one.
func (tx *Tx) InsertAutoPay(ctx context.Context, a *loan.AutoPay) error {
	return tx.get(ctx, &a.ID, insertAutoPay, a.CustomerID, a.SetUpBy, a.VehicleID, a.PaymentAccountID, a.Status,
		a.AmountKind, a.Amount, a.DayOfMonth, a.DaysBeforeDue, utc(a.SetUpAt), utc(a.ChangedAt))
}

// UpdateAutoPay writes what can change of a.
func (tx *Tx) UpdateAutoPay(ctx context.Context, a *loan.AutoPay) error {
	return tx.execOne(ctx, updateAutoPay, a.ID, a.PaymentAccountID, a.Status, a.AmountKind, a.Amount,
		a.DayOfMonth, a.DaysBeforeDue, utc(a.ChangedAt))
}
