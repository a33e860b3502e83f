package api

// PaymentAmountInput is how much to pay: exactly one of the two.
type PaymentAmountInput struct {
	Fixed *string `json:"fixed,omitempty"`
	// Due is PAST_DUE, AMOUNT_DUE or PAYOFF.
	Due *string `json:"due,omitempty"`
}

// PaymentSourceInput is what to pay from: exactly one of the two.
type PaymentSourceInput struct {
	Saved *string                 `json:"saved,omitempty"`
	New   *NewPaymentAccountInput `json:"new,omitempty"`
}

// AutoPayAmountInput is how Auto Pay finds the amount: exactly one of the three.
type AutoPayAmountInput struct {
	AmountDue     *bool   `json:"amountDue,omitempty"`
	Fixed         *string `json:"fixed,omitempty"`
	AmountDuePlus *string `json:"amountDuePlus,omitempty"`
}

// AutoPayDayInput is when Auto Pay pays: exactly one of the two.
type AutoPayDayInput struct {
	DayOfMonth    *int `json:"dayOfMonth,omitempty"`
	DaysBeforeDue *int `json:"daysBeforeDue,omitempty"`
}

// SecondFactorInput is a second factor: exactly one of the two.
type SecondFactorInput struct {
	Totp         *string `json:"totp,omitempty"`
	RecoveryCode *string `json:"recoveryCode,omitempty"`
}

// ConfirmIdentityInput is how the customer confirms who they are: exactly one of the
// three.
type ConfirmIdentityInput struct {
	Totp            *string               `json:"totp,omitempty"`
	RecoveryCode    *string               `json:"recoveryCode,omitempty"`
	PasswordAndCode *PasswordAndCodeInput `json:"passwordAndCode,omitempty"`
}

// PasswordAndCodeInput is the password with a code that was sent.
type PasswordAndCodeInput struct {
	Password string `json:"password"`
	Code     string `json:"code"`
}
