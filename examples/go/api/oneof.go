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
