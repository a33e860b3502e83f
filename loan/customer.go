package loan

import "time"

// Customer is a person who holds an account with the lender and, once enrolled,
// logs in.
type Customer struct {
	ID        CustomerID `db:"id"`
	Username  string     `db:"username"` // folded to lower case; empty until enrolled
	FirstName string     `db:"first_name"`
	LastName  string     `db:"last_name"`
	BornOn    Date       `db:"born_on"` // no day where the lender does not know it
	Email     string     `db:"email"`
	Phone     string     `db:"phone"`
	Address
	Notifications
	Language Language `db:"language"` // of notices
}

// Address is where a customer gets mail.
type Address struct {
	Line1      string `db:"address_line1"`
	Line2      string `db:"address_line2"`
	City       string `db:"city"`
	State      string `db:"state"` // two letters
	PostalCode string `db:"postal_code"`
}

// Vehicle is a car with the contract under which it is financed. One contract
// finances one vehicle, so the two are one thing to the customer. It may have
// joint owners; CustomerID is the primary borrower, whose books it is in.
type Vehicle struct {
	ID         VehicleID
	CustomerID CustomerID
	Year       int
	Make       string
	Model      string
	VIN        string
	Contract   Contract
	// PaperlessSince is when the customer enrolled in online statements; nil
	// where statements go out on paper.
	PaperlessSince *time.Time
	// HeldSince is when an operator placed a hold on the contract; nil where there is
	// none.
	HeldSince *time.Time
}

// OnHold tells whether nothing new may be debited for the contract: a bankruptcy, a
// dispute, or fraud that is suspected.
func (v *Vehicle) OnHold() bool { return v.HeldSince != nil }

// CheckHold refuses what would debit anything new while there is a hold
// (ACCOUNT_ON_HOLD).
func (v *Vehicle) CheckHold() error {
	if v.OnHold() {
		return Refuse(CodeAccountOnHold, "No payments can be made for this account online at the moment. Please call us.")
	}
	return nil
}

// AccountNumberLast4 ends the number of the contract.
func (v *Vehicle) AccountNumberLast4() string { return v.Contract.Common().AccountNumberLast4 }

// AmountDue is all that is to be paid by DueOn, past due and fees included.
func (v *Vehicle) AmountDue() Cents { return v.Contract.Common().AmountDue() }

// DueOn is the next due date.
func (v *Vehicle) DueOn() Date { return v.Contract.Common().DueOn }

// PastDue is what was due on earlier dates and is unpaid.
func (v *Vehicle) PastDue() Cents { return v.Contract.Common().PastDue }

// AccountType is the kind of a bank account.
type AccountType string

// The kinds of bank accounts.
const (
	Checking AccountType = "CHECKING"
	Savings  AccountType = "SAVINGS"
)

// PaymentAccount is a bank account that a customer pays from. The full number is
// kept sealed in the store and never in this type.
type PaymentAccount struct {
	ID            PaymentAccountID `db:"id"`
	CustomerID    CustomerID       `db:"customer_id"`
	Type          AccountType      `db:"account_type"`
	RoutingNumber string           `db:"routing_number"`
	Last4         string           `db:"last4"`
	Nickname      string           `db:"nickname"`
	IsDefault     bool             `db:"is_default"`
	AddedAt       time.Time        `db:"added_at"`
	RemovedAt     *time.Time       `db:"removed_at"`
	BlockedAt     *time.Time       `db:"blocked_at"`     // since when the bank takes no debits
	DebitableFrom Date             `db:"debitable_from"` // the first day of a debit; no day while it is not validated
}

// Debitable is the first day of a debit; nil while the account is not validated.
func (a *PaymentAccount) Debitable() *Date {
	if a.DebitableFrom.IsZero() {
		return nil
	}
	return &a.DebitableFrom
}
