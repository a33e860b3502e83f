package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	insertHold = prepare(`
INSERT INTO holds (customer_id, vehicle_id, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`)
	liftHold = prepare(`
UPDATE holds SET lifted_by = $2, lifted_at = $3, lift_reason = $4 WHERE vehicle_id = $1 AND lifted_at IS NULL RETURNING id`)
	setHeldSince        = prepare(`UPDATE contracts SET held_since = $2 WHERE vehicle_id = $1`)
	holdsOfVehicles     = prepare(`SELECT id, vehicle_id, reason, placed_by, placed_at FROM holds WHERE lifted_at IS NULL AND vehicle_id {{in $1}} ORDER BY id`)
	cancelableOnVehicle = prepare(`
UPDATE payments SET status = 'CANCELED', canceled_at = $2 WHERE vehicle_id = $1 AND status = 'SCHEDULED' AND cancel_by > $2
RETURNING ` + paymentColumns)
)

// Hold is what keeps new debits from a contract until an operator lifts it.
type Hold struct {
	ID        loan.HoldID    `db:"id"`
	VehicleID loan.VehicleID `db:"vehicle_id"`
	Reason    string         `db:"reason"`
	PlacedBy  loan.Operator  `db:"placed_by"`
	PlacedAt  time.Time      `db:"placed_at"`
}

// InsertHold places a hold on the contract of a vehicle, which must be locked, and
// gives the hold its id. [ErrConflict] where there is one.
func (tx *BooksTx) InsertHold(ctx context.Context, customer loan.CustomerID, h *Hold) error {
	if err := tx.get(ctx, &h.ID, insertHold, customer, h.VehicleID, h.Reason, h.PlacedBy, utc(h.PlacedAt)); err != nil {
		return err
	}
	return tx.execOne(ctx, setHeldSince, h.VehicleID, utc(h.PlacedAt))
}

// LiftHold ends the hold on the contract of a vehicle, which must be locked;
// [ErrNotFound] where there is none.
func (tx *BooksTx) LiftHold(ctx context.Context, vehicle loan.VehicleID, by loan.Operator, reason string, at time.Time) (loan.HoldID, error) {
	var id loan.HoldID
	if err := tx.get(ctx, &id, liftHold, vehicle, by, utc(at), reason); err != nil {
		return 0, err
	}
	return id, tx.execOne(ctx, setHeldSince, vehicle, nil)
}

// Holds lists the holds that are on these vehicles.
func (b Books) Holds(ctx context.Context, vehicles []loan.VehicleID) ([]Hold, error) {
	var holds []Hold
	err := b.q.list(ctx, &holds, holdsOfVehicles, keys(b.q.dialect, vehicles))
	return holds, err
}

// CancelCancelable cancels the payments of a vehicle whose window is open.
func (tx *BooksTx) CancelCancelable(ctx context.Context, vehicle loan.VehicleID, at time.Time) ([]loan.Payment, error) {
	return tx.payments(ctx, cancelableOnVehicle, vehicle, utc(at))
}
