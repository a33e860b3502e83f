package servicing

import (
	"context"
	"fmt"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// EnrollInOnlineStatements ends paper statements for a vehicle.
func (s *Service) EnrollInOnlineStatements(ctx context.Context, viewer auth.Viewer, in EnrollInOnlineStatementsInput) (*loan.Vehicle, error) {
	if err := authorized(in.Consent, "consent"); err != nil {
		return nil, err
	}
	return s.setPaperless(ctx, viewer, in.VehicleID, true)
}

// WithdrawFromOnlineStatements goes back to paper.
func (s *Service) WithdrawFromOnlineStatements(ctx context.Context, viewer auth.Viewer, in WithdrawFromOnlineStatementsInput) (*loan.Vehicle, error) {
	return s.setPaperless(ctx, viewer, in.VehicleID, false)
}

func (s *Service) setPaperless(ctx context.Context, viewer auth.Viewer, id loan.VehicleID, enroll bool) (*loan.Vehicle, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Vehicle, error) {
		vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, id)
		if err != nil {
			return nil, found(err, "vehicleId")
		}
		action, detail := "statements.withdrawn", any(struct{}{})
		switch enrolled := vehicle.PaperlessSince != nil; {
		case enroll && enrolled:
			return nil, loan.Refuse(loan.CodeAlreadyEnrolled, "This vehicle is enrolled in online statements already.", "vehicleId")
		case !enroll && !enrolled:
			return nil, loan.Refuse(loan.CodeNotEnrolled, "This vehicle is not enrolled in online statements.", "vehicleId")
		case enroll:
			now := auth.RequestFrom(ctx).At
			vehicle.PaperlessSince = &now
			action, detail = "statements.enrolled", newAuthorization(auth.RequestFrom(ctx).Language, paperlessText(vehicle))
		default:
			vehicle.PaperlessSince = nil
		}
		if err := tx.SetPaperless(ctx, viewer.CustomerID, id, vehicle.PaperlessSince); err != nil {
			return nil, err
		}
		tx.InsertEvents(store.VehicleEvent(vehicle, auth.RequestFrom(ctx).At))
		return vehicle, record(ctx, tx, viewer, vehicle.CustomerID, action, fmt.Sprintf("vehicle:%d", id), detail)
	})
}
