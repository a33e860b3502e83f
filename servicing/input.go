package servicing

import "github.com/automobilepay/mobilepay/loan"

// The inputs of the use cases, as the schema describes them. Pointers are what
// may be left out. None has a field that the server owns.
type (
	LogInInput struct {
		Username   string
		Password   string
		DeviceName *string
	}

	AddressInput struct {
		Line1      string
		Line2      *string
		City       string
		State      string
		PostalCode string
	}

	UpdateProfileInput struct {
		Email   *string
		Phone   *string
		Address *AddressInput
	}

	// DueAmount is an amount that follows from what is owed.
	DueAmount string

	// PaymentAmountInput has exactly one of its fields.
	PaymentAmountInput struct {
		Fixed *loan.Decimal
		Due   *DueAmount
	}

	// PaymentSourceInput has exactly one of its fields.
	PaymentSourceInput struct {
		Saved *loan.PaymentAccountID
		New   *NewPaymentAccountInput
	}

	PreviewPaymentInput struct {
		VehicleID      loan.VehicleID
		Amount         PaymentAmountInput
		ScheduledOn    loan.Date
		PaymentAccount *PaymentSourceInput
		PrincipalOnly  bool
	}

	SchedulePaymentInput struct {
		IdempotencyKey       string
		VehicleID            loan.VehicleID
		Amount               PaymentAmountInput
		ScheduledOn          loan.Date
		PaymentAccount       PaymentSourceInput
		PrincipalOnly        bool
		AcknowledgeDuplicate bool
		AuthorizationHash    *string
	}

	CancelPaymentInput struct {
		PaymentID loan.PaymentID
		Confirm   bool
	}

	ReschedulePaymentInput struct {
		IdempotencyKey       string
		PaymentID            loan.PaymentID
		Confirm              bool
		Amount               *PaymentAmountInput
		ScheduledOn          *loan.Date
		PaymentAccount       *PaymentSourceInput
		AcknowledgeDuplicate bool
	}

	NewPaymentAccountInput struct {
		Type          loan.AccountType
		RoutingNumber string
		AccountNumber string
		Nickname      *string
		MakeDefault   bool
		Authorized    bool
		ValidateBy    AccountValidation
	}

	AddPaymentAccountInput struct {
		IdempotencyKey string
		Account        NewPaymentAccountInput
	}

	UpdatePaymentAccountInput struct {
		PaymentAccountID loan.PaymentAccountID
		Nickname         *string
		MakeDefault      *bool
	}

	RemovePaymentAccountInput struct {
		PaymentAccountID loan.PaymentAccountID
		Confirm          bool
	}

	ConfirmMicroEntriesInput struct {
		PaymentAccountID loan.PaymentAccountID
		Amounts          []loan.Decimal
	}

	// AutoPayAmountInput has exactly one of its fields.
	AutoPayAmountInput struct {
		AmountDue     *bool
		Fixed         *loan.Decimal
		AmountDuePlus *loan.Decimal
	}

	// AutoPayDayInput has exactly one of its fields.
	AutoPayDayInput struct {
		DayOfMonth    *int
		DaysBeforeDue *int
	}

	SetUpAutoPayInput struct {
		IdempotencyKey   string
		VehicleID        loan.VehicleID
		PaymentAccountID loan.PaymentAccountID
		Amount           AutoPayAmountInput
		Day              AutoPayDayInput
		Authorized       bool
	}

	UpdateAutoPayInput struct {
		AutoPayID        loan.AutoPayID
		PaymentAccountID *loan.PaymentAccountID
		Amount           *AutoPayAmountInput
		Day              *AutoPayDayInput
		Authorized       bool
	}

	PauseAutoPayInput  struct{ AutoPayID loan.AutoPayID }
	ResumeAutoPayInput struct{ AutoPayID loan.AutoPayID }

	CancelAutoPayInput struct {
		AutoPayID loan.AutoPayID
		Confirm   bool
	}

	EnrollInOnlineStatementsInput struct {
		VehicleID loan.VehicleID
		Consent   bool
	}

	WithdrawFromOnlineStatementsInput struct{ VehicleID loan.VehicleID }
)

// The amounts that follow from what is owed.
const (
	DuePastDue   DueAmount = "PAST_DUE"
	DueAmountDue DueAmount = "AMOUNT_DUE"
	DuePayoff    DueAmount = "PAYOFF"
)
