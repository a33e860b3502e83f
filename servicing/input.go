package servicing

import "github.com/automobilepay/mobilepay/loan"

// The inputs of the use cases, as the schema describes them. Pointers are what
// may be left out. None has a field that the server owns.
type (
	// SecondFactorInput has exactly one of its fields.
	SecondFactorInput struct {
		Totp         *string
		RecoveryCode *string
	}

	LogInInput struct {
		Username       string
		Password       string
		SecondFactor   *SecondFactorInput
		DeviceName     *string
		Platform       *loan.Platform
		DeviceToken    *string
		RememberDevice bool
	}

	RevokeSessionInput struct{ SessionID string }

	PasswordAndCodeInput struct {
		Password string
		Code     string
	}

	// ConfirmIdentityInput has exactly one of its fields.
	ConfirmIdentityInput struct {
		Totp            *string
		RecoveryCode    *string
		PasswordAndCode *PasswordAndCodeInput
	}

	// AccountFactsInput is what the lender knows a customer by.
	AccountFactsInput struct {
		AccountNumber string
		LastName      string
		DateOfBirth   loan.Date
		PostalCode    string
	}

	EnrollInput struct {
		Account    AccountFactsInput
		Username   string
		Password   string
		Email      string
		DeviceName *string
		Platform   *loan.Platform
	}

	RequestUsernameInput struct{ Account AccountFactsInput }

	RevealUsernameInput struct {
		ChallengeID string
		Code        string
	}

	RequestPasswordResetInput struct{ Username string }

	ResetPasswordInput struct {
		ChallengeID  string
		Code         string
		NewPassword  string
		SecondFactor *SecondFactorInput
	}

	ChangePasswordInput struct {
		CurrentPassword string
		NewPassword     string
	}

	ConfirmTotpInput struct{ Code string }
	TurnOffTotpInput struct{ Confirm bool }

	AddressInput struct {
		Line1      string
		Line2      *string
		City       string
		State      string
		PostalCode string
	}

	NotificationsInput struct {
		ByEmail *bool
		ByText  *bool
	}

	UpdateProfileInput struct {
		Email         *string
		Phone         *string
		Address       *AddressInput
		Notifications *NotificationsInput
		Language      *loan.Language
	}

	ConfirmContactInput struct {
		Channel loan.Channel
		Code    string
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
		CustomerID     *loan.CustomerID
		VehicleID      loan.VehicleID
		Amount         PaymentAmountInput
		ScheduledOn    loan.Date
		PaymentAccount *PaymentSourceInput
		PrincipalOnly  bool
	}

	// SchedulePaymentInput, like ReschedulePaymentInput, is kept as a hash under an idempotency
	// key: a field that is new is left out where it is not given, or an earlier call
	// would be another.
	SchedulePaymentInput struct {
		CustomerID           *loan.CustomerID `json:",omitempty"`
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
		CustomerID *loan.CustomerID
		PaymentID  loan.PaymentID
		Confirm    bool
	}

	ReschedulePaymentInput struct {
		CustomerID           *loan.CustomerID `json:",omitempty"`
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
		VehicleID      loan.VehicleID
		Consent        bool
		DisclosureHash string
		SampleCode     string
	}

	WithdrawFromOnlineStatementsInput struct{ VehicleID loan.VehicleID }

	AskQuestionInput struct {
		IdempotencyKey string
		Topic          loan.HelpCategory
		Text           string
		VehicleID      *loan.VehicleID
	}

	ReplyToConversationInput struct {
		IdempotencyKey string
		ConversationID loan.ConversationID
		Text           string
	}

	MarkConversationReadInput struct {
		ConversationID loan.ConversationID
		MessageID      loan.MessageID
	}

	GrantPartnerAccessInput struct {
		PartnerID loan.PartnerID
		Scopes    []loan.Scope
		Consent   bool
	}

	RevokePartnerAccessInput struct{ GrantID loan.PartnerGrantID }

	CreateWebhookEndpointInput struct{ URL string }

	RotateWebhookSecretInput struct {
		EndpointID loan.WebhookID
		GraceHours *int
	}

	DisableWebhookEndpointInput struct{ EndpointID loan.WebhookID }
	EnableWebhookEndpointInput  struct{ EndpointID loan.WebhookID }
	DeleteWebhookEndpointInput  struct{ EndpointID loan.WebhookID }

	ReplayWebhookInput struct {
		EndpointID loan.WebhookID
		After      *string
	}
)

// The amounts that follow from what is owed.
const (
	DuePastDue   DueAmount = "PAST_DUE"
	DueAmountDue DueAmount = "AMOUNT_DUE"
	DuePayoff    DueAmount = "PAYOFF"
)
