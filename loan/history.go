package loan

// PaymentFilter chooses payments. What is nil chooses all; an empty list none.
type PaymentFilter struct {
	VehicleIDs []VehicleID     `json:"vehicles"`
	Statuses   []PaymentStatus `json:"statuses"`
	Origin     *PaymentOrigin  `json:"origin"`
	From       *Date           `json:"from"` // the first and the last day for which they are scheduled
	To         *Date           `json:"to"`
}

// PaymentStatuses are all of them, in the order of a payment's life.
func PaymentStatuses() []PaymentStatus {
	return []PaymentStatus{Scheduled, Processing, Applied, Settled, Canceled, Returned}
}

// PaymentOrigins are all of them.
func PaymentOrigins() []PaymentOrigin { return []PaymentOrigin{OriginCustomer, OriginAutoPay} }

// Receipts is what payments came to, and where they went. Paid is the sum of the others.
type Receipts struct {
	Paid            Cents `db:"paid_cents"`
	InterestPaid    Cents `db:"interest_paid_cents"`
	PrincipalPaid   Cents `db:"principal_paid_cents"`
	FeesPaid        Cents `db:"fees_paid_cents"`
	InstalmentsPaid Cents `db:"instalments_paid_cents"` // a lease's, with its purchase option
}

// YearlyTotals is what was paid for a vehicle in a calendar year. A payment belongs to
// the year of the day as of which it is credited. One that the bank returned was never
// received, so it is taken off the year in which it was counted, however late it comes
// back: the interest is what was received less what was given back, as form 1098 has it.
type YearlyTotals struct {
	VehicleID VehicleID `db:"vehicle_id"`
	Year      int       `db:"year"`
	Receipts
}
