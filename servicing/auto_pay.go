package servicing

import (
	"context"
	"errors"
	"fmt"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// SetUpAutoPay sets up Auto Pay for a vehicle that has none. Same key and input:
// the same again.
func (s *Service) SetUpAutoPay(ctx context.Context, viewer auth.Viewer, in SetUpAutoPayInput) (*loan.AutoPay, bool, error) {
	return once(ctx, s, viewer, in.IdempotencyKey, "setUpAutoPay", in, func(tx *store.Tx) (*loan.AutoPay, error) {
		now := auth.RequestFrom(ctx).At
		auto := &loan.AutoPay{
			SetUpBy: viewer.CustomerID, VehicleID: in.VehicleID, PaymentAccountID: in.PaymentAccountID,
			Status: loan.AutoPayActive, SetUpAt: now, ChangedAt: now,
		}
		if err := errors.Join(authorized(in.Authorized, "authorized"), setAmount(auto, in.Amount), setDay(auto, in.Day)); err != nil {
			return nil, err
		}
		if err := steppedUp(ctx, tx, viewer); err != nil {
			return nil, err
		}
		vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, in.VehicleID)
		if err != nil {
			return nil, found(err, "vehicleId")
		}
		if err := vehicle.CheckHold(); err != nil {
			return nil, err
		}
		account, err := debitable(ctx, tx, viewer, in.PaymentAccountID, "paymentAccountId")
		if err != nil {
			return nil, err
		}
		present, err := tx.AutoPays(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		for _, other := range present {
			if other.VehicleID == vehicle.ID {
				return nil, loan.Refuse(loan.CodeAutoPayExists, "This vehicle has Auto Pay already. Change it instead.", "vehicleId")
			}
		}
		auto.CustomerID = vehicle.CustomerID
		if err := tx.InsertAutoPay(ctx, auto); err != nil {
			return nil, err
		}
		return auto, recordAutoPay(ctx, tx, viewer, auto, "set_up", newAuthorization(auth.RequestFrom(ctx).Language, autoPayText(auto, vehicle, account)))
	})
}

// UpdateAutoPay changes the account, the amount or the day of Auto Pay. Only who
// set it up may, because it is their account that is debited.
func (s *Service) UpdateAutoPay(ctx context.Context, viewer auth.Viewer, in UpdateAutoPayInput) (*loan.AutoPay, error) {
	if err := authorized(in.Authorized, "authorized"); err != nil {
		return nil, err
	}
	return s.changeAutoPay(ctx, viewer, in.AutoPayID, "updated", func(tx *store.Tx, auto *loan.AutoPay) (any, error) {
		var amountErr, dayErr error
		if in.Amount != nil {
			amountErr = setAmount(auto, *in.Amount)
		}
		if in.Day != nil {
			dayErr = setDay(auto, *in.Day)
		}
		if err := errors.Join(amountErr, dayErr); err != nil {
			return nil, err
		}
		if in.PaymentAccountID != nil {
			auto.PaymentAccountID = *in.PaymentAccountID
		}
		vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, auto.VehicleID)
		if err == nil {
			err = vehicle.CheckHold()
		}
		if err != nil {
			return nil, err
		}
		account, err := debitable(ctx, tx, viewer, auto.PaymentAccountID, "paymentAccountId")
		if err != nil {
			return nil, err
		}
		return newAuthorization(auth.RequestFrom(ctx).Language, autoPayText(auto, vehicle, account)), nil
	})
}

// PauseAutoPay stops Auto Pay until it is resumed.
func (s *Service) PauseAutoPay(ctx context.Context, viewer auth.Viewer, in PauseAutoPayInput) (*loan.AutoPay, error) {
	return s.setAutoPayStatus(ctx, viewer, in.AutoPayID, "paused", loan.AutoPayPaused)
}

// ResumeAutoPay lets Auto Pay go on.
func (s *Service) ResumeAutoPay(ctx context.Context, viewer auth.Viewer, in ResumeAutoPayInput) (*loan.AutoPay, error) {
	return s.changeAutoPay(ctx, viewer, in.AutoPayID, "resumed", func(tx *store.Tx, auto *loan.AutoPay) (any, error) {
		if err := steppedUp(ctx, tx, viewer); err != nil {
			return nil, err
		}
		vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, auto.VehicleID)
		if err != nil {
			return nil, err
		}
		auto.Status = loan.AutoPayActive
		return struct{}{}, vehicle.CheckHold()
	})
}

// CancelAutoPay ends Auto Pay.
func (s *Service) CancelAutoPay(ctx context.Context, viewer auth.Viewer, in CancelAutoPayInput) (*loan.AutoPay, error) {
	if err := confirmed(in.Confirm); err != nil {
		return nil, err
	}
	return s.setAutoPayStatus(ctx, viewer, in.AutoPayID, "canceled", loan.AutoPayCanceled)
}

func (s *Service) setAutoPayStatus(ctx context.Context, viewer auth.Viewer, id loan.AutoPayID, action string, status loan.AutoPayStatus) (*loan.AutoPay, error) {
	return s.changeAutoPay(ctx, viewer, id, action, func(_ *store.Tx, auto *loan.AutoPay) (any, error) {
		auto.Status = status
		return struct{}{}, nil
	})
}

// changeAutoPay locks Auto Pay, lets change alter it, and writes it with an audit
// row whose detail change returns.
func (s *Service) changeAutoPay(ctx context.Context, viewer auth.Viewer, id loan.AutoPayID, action string, change func(*store.Tx, *loan.AutoPay) (any, error)) (*loan.AutoPay, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.AutoPay, error) {
		auto, err := tx.LockAutoPay(ctx, viewer.CustomerID, id)
		if err != nil {
			return nil, found(err, "autoPayId")
		}
		if auto.SetUpBy != viewer.CustomerID {
			return nil, loan.Refuse(loan.CodeNotPermitted, "Only the person who set up this Auto Pay can change it.", "autoPayId")
		}
		detail, err := change(tx, auto)
		if err != nil {
			return nil, err
		}
		auto.ChangedAt = auth.RequestFrom(ctx).At
		if err := tx.UpdateAutoPay(ctx, viewer.CustomerID, auto); err != nil {
			return nil, err
		}
		return auto, recordAutoPay(ctx, tx, viewer, auto, action, detail)
	})
}

func recordAutoPay(ctx context.Context, tx *store.Tx, viewer auth.Viewer, auto *loan.AutoPay, action string, detail any) error {
	tx.InsertEvents(store.AutoPayEvent(auto, auth.RequestFrom(ctx).At))
	return record(ctx, tx, viewer, auto.CustomerID, "auto_pay."+action, fmt.Sprintf("auto_pay:%d", auto.ID), detail)
}

func setAmount(auto *loan.AutoPay, in AutoPayAmountInput) (err error) {
	given := 0
	for _, is := range []bool{in.AmountDue != nil, in.Fixed != nil, in.AmountDuePlus != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1 || in.AmountDue != nil && !*in.AmountDue:
		return loan.Refuse(loan.CodeInvalidInput, "Give exactly one of amountDue: true, fixed and amountDuePlus.", "amount")
	case in.Fixed != nil:
		auto.AmountKind = loan.AutoPayFixed
		auto.Amount, err = in.Fixed.Payable("amount", "fixed")
	case in.AmountDuePlus != nil:
		auto.AmountKind = loan.AutoPayAmountDuePlus
		auto.Amount, err = in.AmountDuePlus.Payable("amount", "amountDuePlus")
	default:
		auto.AmountKind, auto.Amount = loan.AutoPayAmountDue, 0
	}
	return err
}

func setDay(auto *loan.AutoPay, in AutoPayDayInput) error {
	switch {
	case (in.DayOfMonth == nil) == (in.DaysBeforeDue == nil):
		return loan.Refuse(loan.CodeInvalidInput, "Give exactly one of dayOfMonth and daysBeforeDue.", "day")
	case in.DayOfMonth != nil && (*in.DayOfMonth < 1 || *in.DayOfMonth > 31):
		return loan.Refuse(loan.CodeInvalidInput, "A day of the month is from 1 to 31.", "day", "dayOfMonth")
	case in.DaysBeforeDue != nil && (*in.DaysBeforeDue < 0 || *in.DaysBeforeDue > loan.MaxDaysBeforeDue):
		return loan.Refuse(loan.CodeInvalidInput, "Auto Pay pays 0 to 25 days before the due date.", "day", "daysBeforeDue")
	}
	auto.DayOfMonth, auto.DaysBeforeDue = in.DayOfMonth, in.DaysBeforeDue
	return nil
}
