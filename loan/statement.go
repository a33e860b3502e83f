package loan

// Statement is the account of one billing cycle: what the ledger says of a vehicle
// from one day to another. It does not change once it is issued; where it was wrong,
// another one corrects it. All of it is as it was then, and read from no other place.
type Statement struct {
	ID         StatementID  `db:"id"`
	CustomerID CustomerID   `db:"customer_id"`
	VehicleID  VehicleID    `db:"vehicle_id"`
	Kind       ContractKind `db:"kind"`
	Corrects   *StatementID `db:"corrects"` // the one in whose place this one is; nil for most
	IssuedOn   Date         `db:"issued_on"`
	PeriodFrom Date         `db:"period_from"`
	PeriodTo   Date         `db:"period_to"` // the last day
	DueOn      Date         `db:"due_on"`

	// What is owed: a loan's principal, a lease's instalments, due or not.
	OpeningBalance Cents `db:"opening_balance_cents"`
	ClosingBalance Cents `db:"closing_balance_cents"`

	// What was booked in the period, by its lines. Received is what the payments were,
	// less what of them came back; it is the sum of the four after it.
	InterestCharged Cents `db:"interest_charged_cents"`
	FeesCharged     Cents `db:"fees_charged_cents"`
	Received        Cents `db:"received_cents"`
	PrincipalPaid   Cents `db:"principal_paid_cents"`
	InterestPaid    Cents `db:"interest_paid_cents"`
	FeesPaid        Cents `db:"fees_paid_cents"`
	InstalmentsPaid Cents `db:"instalments_paid_cents"` // a lease's, with its purchase option

	// What is to be paid by DueOn, and the parts of it.
	AmountDue  Cents `db:"amount_due_cents"`
	CurrentDue Cents `db:"current_due_cents"`
	PastDue    Cents `db:"past_due_cents"`
	FeesDue    Cents `db:"fees_due_cents"`

	// InterestUnpaid is the interest of a loan accrued to the end of the period and
	// unpaid; the payoff is as of the last day, and PerDiem what each day after adds.
	InterestUnpaid Cents   `db:"interest_unpaid_cents"`
	PayoffAmount   Cents   `db:"payoff_cents"`
	PayoffPerDiem  PerDiem `db:"payoff_per_diem"`

	// InstalmentsRemaining are those of a lease that are not billed yet; 0 for a loan.
	InstalmentsRemaining int `db:"instalments_remaining"`

	// Interest and fees paid since the year of PeriodTo began.
	YearInterestPaid Cents `db:"year_interest_paid_cents"`
	YearFeesPaid     Cents `db:"year_fees_paid_cents"`

	Paper `db:"-"`
	Lines []StatementLine `db:"-"`
}

// ContractKind tells loans and leases apart.
type ContractKind string

// The kinds of contracts.
const (
	ContractLoan  ContractKind = "LOAN"
	ContractLease ContractKind = "LEASE"
)

// StatementLine is a posting of the ledger as a statement shows it. The shares are
// what it took off what is owed, negative where it added to that.
type StatementLine struct {
	On           Date        `json:"on"` // the day as of which it counts
	Kind         PostingKind `json:"kind"`
	Confirmation string      `json:"confirmation,omitempty"` // of the payment
	Amount       Cents       `json:"amount"`                 // what was paid; negative where it came back; 0 for interest
	Principal    Cents       `json:"principal"`
	Interest     Cents       `json:"interest"`
	Fees         Cents       `json:"fees"`
	Instalments  Cents       `json:"instalments"` // a lease's, with its purchase option
	Balance      Cents       `json:"balance"`     // what is owed after it, as in ClosingBalance
}

// Payoff is what would have ended the contract on the last day.
func (s *Statement) Payoff() Payoff {
	return Payoff{Amount: s.PayoffAmount, GoodThroughOn: s.PeriodTo, PerDiem: s.PayoffPerDiem}
}

// ConfirmationNumber is that of the payment; nil where there is none.
func (l *StatementLine) ConfirmationNumber() *string {
	if l.Confirmation == "" {
		return nil
	}
	return &l.Confirmation
}

// Paper is what else stands on a statement: who it is for and from, and what they are
// told. It is kept with the statement, so that the same one is printed again.
type Paper struct {
	// Layout is the number of the layout in which it is printed. A change of the layout
	// is a new number; the old ones stay.
	Layout             int                `json:"layout"`
	Servicer           Servicer           `json:"servicer"`
	Name               string             `json:"name"`
	Address            Address            `json:"address"`
	Vehicle            string             `json:"vehicle"` // year, make and model
	AccountNumberLast4 string             `json:"accountNumberLast4"`
	Rate               Rate               `json:"rate,omitempty"`      // of a loan
	MaturesOn          Date               `json:"maturesOn,omitempty"` // the contract's last day
	Messages           []StatementMessage `json:"messages"`
	// Balances are the closing balances of the statements before and of this one, at
	// most 13, oldest first.
	Balances []StatementBalance `json:"balances"`
}

// Servicer is who sends statements and takes payments by mail.
type Servicer struct {
	Name    string   `json:"name"`
	Address []string `json:"address"` // the lines under the name
	Phone   string   `json:"phone"`
	Website string   `json:"website"`
}

// StatementBalance is what was owed at the end of a day.
type StatementBalance struct {
	On     Date  `json:"on"`
	Amount Cents `json:"amount"`
}

// StatementMessage is something that a statement tells, with what it needs.
type StatementMessage struct {
	Kind   StatementMessageKind `json:"kind"`
	On     Date                 `json:"on,omitempty"`
	Amount Cents                `json:"amount,omitempty"`
}

// Day is the day that a message is about; nil where there is none.
func (m *StatementMessage) Day() *Date {
	if m.On.IsZero() {
		return nil
	}
	return &m.On
}

// Money is the amount that a message is about; nil where there is none.
func (m *StatementMessage) Money() *Cents {
	if m.Amount == 0 {
		return nil
	}
	return &m.Amount
}

// StatementMessageKind is what a statement tells.
type StatementMessageKind string

// The messages of a statement.
const (
	MessagePastDue    StatementMessageKind = "PAST_DUE"   // Amount is past due
	MessageAutoPay    StatementMessageKind = "AUTO_PAY"   // Auto Pay will pay Amount on On
	MessageReturned   StatementMessageKind = "RETURNED"   // the bank returned a payment of Amount, credited on On
	MessageCorrection StatementMessageKind = "CORRECTION" // it takes the place of the statement issued on On
	MessagePaidOff    StatementMessageKind = "PAID_OFF"   // nothing is owed: it is the last one
)
