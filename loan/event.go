package loan

// EventKind is what has happened in a customer's books, as it is kept and told to
// others: the noun, a dot, and what became of it.
type EventKind string

// What happens.
const (
	PaymentScheduled EventKind = "payment.scheduled"
	PaymentApplied   EventKind = "payment.applied"
	PaymentSettled   EventKind = "payment.settled"
	PaymentCanceled  EventKind = "payment.canceled"
	PaymentReturned  EventKind = "payment.returned"
	AutoPayChanged   EventKind = "auto_pay.changed" // set up, changed, paused, resumed or ended
	StatementIssued  EventKind = "statement.issued" // or corrected
	VehicleUpdated   EventKind = "vehicle.updated"  // what is owed or when it is due, but by a payment, or how statements come
	GrantGiven       EventKind = "grant.given"      // or given anew, with other scopes: told to the partner alone
	GrantRevoked     EventKind = "grant.revoked"    // told to the partner alone
)

// TypeForPartners is how partners know it. One is spelled otherwise than it is kept.
func (k EventKind) TypeForPartners() string {
	if k == AutoPayChanged {
		return "autopay.changed"
	}
	return string(k)
}

// Scope is what a partner needs beside events:read to be told.
func (k EventKind) Scope() Scope {
	switch k {
	case PaymentScheduled, PaymentApplied, PaymentSettled, PaymentCanceled, PaymentReturned, AutoPayChanged:
		return ScopePaymentsRead
	case VehicleUpdated:
		return ScopeVehiclesRead
	case StatementIssued:
		return ScopeStatementsRead
	case GrantGiven, GrantRevoked:
	}
	return ScopeEventsRead
}

// OfPayment tells whether the event's subject is a payment.
func (k EventKind) OfPayment() bool {
	switch k {
	case PaymentScheduled, PaymentApplied, PaymentSettled, PaymentCanceled, PaymentReturned:
		return true
	case AutoPayChanged, StatementIssued, VehicleUpdated, GrantGiven, GrantRevoked:
	}
	return false
}

// OfVehicle tells whether the event changes what is to be seen of a vehicle: what its
// contract owes, its Auto Pay, its statements, or how they come.
func (k EventKind) OfVehicle() bool {
	switch k {
	case PaymentApplied, PaymentReturned, AutoPayChanged, StatementIssued, VehicleUpdated:
		return true
	case PaymentScheduled, PaymentSettled, PaymentCanceled, GrantGiven, GrantRevoked:
	}
	return false
}
