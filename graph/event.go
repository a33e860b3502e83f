package graph

import (
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// Happened is an event as a subscription tells of it.
type Happened struct {
	ID        int64 // where it stands
	At        time.Time
	Event     loan.EventKind
	SubjectID int64
	VehicleID loan.VehicleID
}

// Cursor is where the event stands.
func (e Happened) Cursor() string { return EventCursor(e.At, e.ID) }

// PaymentEvent is an event of a payment.
type PaymentEvent struct{ Happened }

// Kind is what has happened.
func (e PaymentEvent) Kind() PaymentEventKind {
	switch e.Event {
	case loan.PaymentScheduled:
		return PaymentEventKindScheduled
	case loan.PaymentApplied:
		return PaymentEventKindApplied
	case loan.PaymentSettled:
		return PaymentEventKindSettled
	case loan.PaymentCanceled:
		return PaymentEventKindCanceled
	case loan.PaymentReturned:
		return PaymentEventKindReturned
	case loan.AutoPayChanged, loan.StatementIssued, loan.VehicleUpdated, loan.GrantGiven, loan.GrantRevoked:
	}
	return ""
}

// VehicleEvent is an event of a vehicle.
type VehicleEvent struct{ Happened }

// Kind is what has happened.
func (e VehicleEvent) Kind() VehicleEventKind {
	switch e.Event { //nolint:exhaustive // whatever else happens to a vehicle is an update
	case loan.AutoPayChanged:
		return VehicleEventKindAutoPayChanged
	case loan.StatementIssued:
		return VehicleEventKindStatementIssued
	default:
		return VehicleEventKindUpdated
	}
}

// EventCursor is a place among the events: behind the one with an id, 0 for before
// all, as of an instant. It is spelled like the other cursors.
func EventCursor(at time.Time, id int64) string { return encodeCursor(loan.DateOf(at), id+1) }

// DecodeEventCursor reads a cursor; false where it is none.
func DecodeEventCursor(cursor string) (on loan.Date, id int64, ok bool) {
	on, id, ok = DecodeCursor(cursor)
	return on, id - 1, ok
}
