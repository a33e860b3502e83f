package loan

import "time"

// PaymentStatus is where a payment is in its life.
type PaymentStatus string

// The life of a payment: SCHEDULED, then CANCELED, or PROCESSING from its
// cut-off, APPLIED once it is credited, SETTLED once the bank's time to return it
// is over; RETURNED where the bank did return it.
const (
	Scheduled  PaymentStatus = "SCHEDULED"
	Processing PaymentStatus = "PROCESSING"
	Applied    PaymentStatus = "APPLIED"
	Settled    PaymentStatus = "SETTLED"
	Canceled   PaymentStatus = "CANCELED"
	Returned   PaymentStatus = "RETURNED"
)

// PaymentKind is what a payment is meant for.
type PaymentKind string

// The kinds of payments.
const (
	KindRegular       PaymentKind = "REGULAR"
	KindPastDue       PaymentKind = "PAST_DUE"
	KindPayoff        PaymentKind = "PAYOFF"
	KindPrincipalOnly PaymentKind = "PRINCIPAL_ONLY"
)

// PaymentOrigin is who brought a payment about.
type PaymentOrigin string

// The origins of payments.
const (
	OriginCustomer PaymentOrigin = "CUSTOMER"
	OriginAutoPay  PaymentOrigin = "AUTO_PAY"
)

// Payment is money on its way from a bank account to a contract.
type Payment struct {
	ID                 PaymentID        `db:"id"`
	CustomerID         CustomerID       `db:"customer_id"`  // the primary borrower, in whose books it is
	ScheduledBy        CustomerID       `db:"scheduled_by"` // who may cancel it
	VehicleID          VehicleID        `db:"vehicle_id"`
	PaymentAccountID   PaymentAccountID `db:"payment_account_id"`
	ConfirmationNumber string           `db:"confirmation_number"`
	Amount             Cents            `db:"amount_cents"`
	Kind               PaymentKind      `db:"kind"`
	Origin             PaymentOrigin    `db:"origin"`
	Status             PaymentStatus    `db:"status"`
	ScheduledOn        Date             `db:"scheduled_on"`
	CreditedOn         Date             `db:"credited_on"`
	DebitedOn          Date             `db:"debited_on"`
	SubmittedAt        time.Time        `db:"submitted_at"`
	CancelBy           time.Time        `db:"cancel_by"`
	CanceledAt         *time.Time       `db:"canceled_at"`
	Applied            Cents            `db:"applied_cents"` // what was debited and credited; less than Amount where less was owed
	AppliedAt          *time.Time       `db:"applied_at"`
	ReturnedAt         *time.Time       `db:"returned_at"`
	ReturnCode         string           `db:"return_code"`
	AutoPayID          *AutoPayID       `db:"auto_pay_id"`
	DueOn              Date             `db:"due_on"`     // the due date that Auto Pay pays
	Represents         *PaymentID       `db:"represents"` // the returned payment that this one tries again
	PartnerID          *PartnerID       `db:"partner_id"` // the partner that made it for who scheduled it

	// CanCancel is whether who read it could cancel it at that instant.
	CanCancel bool `db:"-" json:"-"`
}

// Agent is who acts: a customer, or a partner for them.
type Agent struct {
	Customer CustomerID
	Partner  PartnerID // 0 for the customer
}

// IsOf tells whether somebody made the payment: a customer, themselves or by a partner.
func (p *Payment) IsOf(who Agent) bool {
	return p.ScheduledBy == who.Customer && (who.Partner == 0 || p.PartnerID != nil && *p.PartnerID == who.Partner)
}

// MayBeCanceledBy tells whether somebody can cancel the payment now: it is
// theirs, it is still scheduled, and its window is open.
func (p *Payment) MayBeCanceledBy(who Agent, now time.Time) bool {
	return p.CheckCancel(who, now) == nil
}

// CheckCancel says why somebody cannot cancel the payment now; nil where they
// can. A customer can cancel what a partner made for them, and a partner only what
// it made. Refusals: NOT_PERMITTED (somebody else scheduled it), NOT_CANCELABLE (it
// has been cancelled) and [*CancelWindowClosed] (its time or the run has come).
func (p *Payment) CheckCancel(who Agent, now time.Time) error {
	switch {
	case !p.IsOf(who):
		return Refuse(CodeNotPermitted, "Only the person who scheduled this payment can cancel it.", "paymentId")
	case p.Status == Canceled:
		return Refuse(CodeNotCancelable, "This payment has been cancelled already.", "paymentId")
	case p.Status != Scheduled || !MayCancel(now, p.CancelBy):
		return &CancelWindowClosed{
			Refusal: Refusal{Code: CodeCancelWindowClosed, Path: []string{"paymentId"},
				Message: "The time in which this payment could be cancelled is over."},
			ClosedAt: p.CancelBy,
		}
	}
	return nil
}
