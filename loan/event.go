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
	VehicleUpdated   EventKind = "vehicle.updated"  // what is owed or when it is due, or how statements come
)

// OfPayment tells whether the event's subject is a payment.
func (k EventKind) OfPayment() bool {
	switch k {
	case PaymentScheduled, PaymentApplied, PaymentSettled, PaymentCanceled, PaymentReturned:
		return true
	case AutoPayChanged, VehicleUpdated:
	}
	return false
}
