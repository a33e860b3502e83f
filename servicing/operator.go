package servicing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// ByHand is who does something by hand, why, and when.
type ByHand struct {
	Operator loan.Operator
	Reason   string
	At       time.Time
}

// check refuses what the audit could not name: nobody, and no reason.
func (h ByHand) check() error {
	if _, err := loan.ParseOperator(string(h.Operator)); err != nil {
		return err
	}
	return loan.CheckReason(h.Reason)
}

// Unnamed is who looks something up and does not say who they are: it is written down
// that somebody did.
const Unnamed loan.Operator = "unnamed"

// entry is the audit row of something done by hand in a customer's books, 0 for
// nobody's. The reason goes into the detail.
func (h ByHand) entry(books loan.CustomerID, action, subject string, detail map[string]any) (store.AuditEntry, error) {
	if detail == nil {
		detail = map[string]any{}
	}
	if h.Reason != "" {
		detail["reason"] = h.Reason
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return store.AuditEntry{}, fmt.Errorf("write the detail of %s: %w", action, err)
	}
	return store.AuditEntry{CustomerID: books, At: h.At, Actor: "operator:" + string(h.Operator), Action: action, Subject: subject, Detail: string(text)}, nil
}

// recordByHand adds the audit row of something done by hand.
func recordByHand(ctx context.Context, tx *store.Tx, h ByHand, books loan.CustomerID, action, subject string, detail map[string]any) error {
	entry, err := h.entry(books, action, subject, detail)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, entry)
}

// nobodysBooks are where the audit keeps what belongs to no customer.
const nobodysBooks loan.CustomerID = 0

// inBooks runs do in a transaction of the books and returns what it returns.
func inBooks[T any](ctx context.Context, s *Service, do func(*store.BooksTx) (T, error)) (T, error) {
	return answerOf(ctx, s.Store.InBooks, do)
}

// CancelByHand cancels a payment for who scheduled it and asks for it by phone: by the
// rule of the app, and within the same window.
func (s *Service) CancelByHand(ctx context.Context, h ByHand, id loan.PaymentID) (*loan.Payment, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return inBooks(ctx, s, func(tx *store.BooksTx) (*loan.Payment, error) {
		payment, err := tx.AnyPayment(ctx, id)
		if err != nil {
			return nil, found(err)
		}
		if err := cancelFor(ctx, tx.Tx, payment, loan.Agent{Customer: payment.ScheduledBy}, h.At); err != nil {
			return nil, err
		}
		if err := tellCanceled(ctx, tx.Tx, payment); err != nil {
			return nil, err
		}
		return payment, recordByHand(ctx, tx.Tx, h, payment.CustomerID, "payment.canceled", subject(payment), nil)
	})
}

// PlaceHold keeps new debits from a contract until the hold is lifted. What is pending
// stays, or, where cancelPending says so, is cancelled as far as it still can be. It
// returns what was cancelled.
func (s *Service) PlaceHold(ctx context.Context, h ByHand, id loan.VehicleID, cancelPending bool) ([]loan.PaymentID, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return inBooks(ctx, s, func(tx *store.BooksTx) ([]loan.PaymentID, error) {
		vehicle, err := lockAnyVehicle(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if vehicle.OnHold() {
			return nil, loan.Refuse(loan.CodeHoldExists, "There is a hold on this account already.")
		}
		hold := store.Hold{VehicleID: id, Reason: h.Reason, PlacedBy: h.Operator, PlacedAt: h.At}
		if err := tx.InsertHold(ctx, vehicle.CustomerID, &hold); err != nil {
			return nil, err
		}
		tx.InsertEvents(store.VehicleEvent(vehicle, h.At))
		if err := recordByHand(ctx, tx.Tx, h, vehicle.CustomerID, "hold.placed", vehicleSubject(id), map[string]any{"hold": hold.ID}); err != nil || !cancelPending {
			return nil, err
		}
		return cancelHeld(ctx, tx, h, vehicle, hold.ID)
	})
}

// cancelHeld cancels what can still be cancelled of a vehicle that is on hold.
func cancelHeld(ctx context.Context, tx *store.BooksTx, h ByHand, v *loan.Vehicle, hold loan.HoldID) ([]loan.PaymentID, error) {
	canceled, err := tx.CancelCancelable(ctx, v.ID, h.At)
	if err != nil {
		return nil, err
	}
	ids, notices := make([]loan.PaymentID, len(canceled)), make([]notice, len(canceled))
	for i := range canceled {
		p := &canceled[i]
		ids[i], notices[i] = p.ID, canceledNotice(p, v, onHold)
		tx.InsertEvents(store.PaymentEvent(loan.PaymentCanceled, p, h.At))
		if err := recordByHand(ctx, tx.Tx, h, p.CustomerID, "payment.canceled", subject(p), map[string]any{"hold": hold}); err != nil {
			return nil, err
		}
	}
	return ids, announce(ctx, tx.Tx, h.At, notices...)
}

// LiftHold lets debits for a contract be made again. Auto Pay goes on with the next day
// that it plans; days that have gone by are not made up for.
func (s *Service) LiftHold(ctx context.Context, h ByHand, id loan.VehicleID) error {
	if err := h.check(); err != nil {
		return err
	}
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		vehicle, err := lockAnyVehicle(ctx, tx, id)
		if err != nil {
			return err
		}
		if !vehicle.OnHold() {
			return loan.Refuse(loan.CodeNoHold, "There is no hold on this account.")
		}
		hold, err := tx.LiftHold(ctx, id, h.Operator, h.Reason, h.At)
		if err != nil {
			return err
		}
		tx.InsertEvents(store.VehicleEvent(vehicle, h.At))
		return recordByHand(ctx, tx.Tx, h, vehicle.CustomerID, "hold.lifted", vehicleSubject(id), map[string]any{"hold": hold})
	})
}

// lockAnyVehicle gets a vehicle whoever owns it, and holds its contract.
func lockAnyVehicle(ctx context.Context, tx *store.BooksTx, id loan.VehicleID) (*loan.Vehicle, error) {
	vehicles, err := tx.LockVehicles(ctx, []loan.VehicleID{id})
	if err != nil {
		return nil, err
	}
	if vehicles[id] == nil {
		return nil, loan.NotFound("vehicleId")
	}
	return vehicles[id], nil
}

func vehicleSubject(id loan.VehicleID) string { return fmt.Sprintf("vehicle:%d", id) }

// Exception gets what the machine could not place, resolved or not.
func (s *Service) Exception(ctx context.Context, id loan.ExceptionID) (store.Exception, error) {
	e, err := s.Store.Books().Exception(ctx, id)
	return e, found(err)
}

// ResolveException takes an exception off the list.
func (s *Service) ResolveException(ctx context.Context, h ByHand, id loan.ExceptionID) error {
	if err := h.check(); err != nil {
		return err
	}
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		e, err := tx.Exception(ctx, id)
		if err != nil {
			return found(err)
		}
		if err := tx.ResolveException(ctx, id, h.Operator, h.Reason, h.At); err != nil {
			if e.ResolvedAt != nil {
				return loan.Refuse(loan.CodeExceptionResolved, "Somebody has resolved this exception already.")
			}
			return err
		}
		return recordByHand(ctx, tx.Tx, h, nobodysBooks, "exception.resolved", fmt.Sprintf("exception:%d", id), map[string]any{"kind": e.Kind, "detail": e.Detail})
	})
}
