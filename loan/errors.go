package loan

import (
	"fmt"
	"time"
)

// Code says which rule refused. Codes are part of the API: they never change
// their meaning, and docs/errors.md lists them.
type Code string

// The codes of refusals.
const (
	CodeNotFound                   Code = "NOT_FOUND"
	CodeInvalidInput               Code = "INVALID_INPUT"
	CodeInvalidCredentials         Code = "INVALID_CREDENTIALS"
	CodeTooManyAttempts            Code = "TOO_MANY_ATTEMPTS"
	CodeSecondFactorRequired       Code = "SECOND_FACTOR_REQUIRED"
	CodeSecondFactorOn             Code = "SECOND_FACTOR_ON"
	CodeSecondFactorOff            Code = "SECOND_FACTOR_OFF"
	CodeStepUpRequired             Code = "STEP_UP_REQUIRED"
	CodeCodeWrong                  Code = "CODE_WRONG"
	CodeCodeExpired                Code = "CODE_EXPIRED"
	CodeContactMissing             Code = "CONTACT_MISSING"
	CodePasswordRejected           Code = "PASSWORD_REJECTED"
	CodeEnrollmentNotMatched       Code = "ENROLLMENT_NOT_MATCHED"
	CodeAccountEnrolled            Code = "ACCOUNT_ENROLLED"
	CodeUsernameTaken              Code = "USERNAME_TAKEN"
	CodeNotConfirmed               Code = "NOT_CONFIRMED"
	CodeNotAuthorized              Code = "NOT_AUTHORIZED"
	CodeNotPermitted               Code = "NOT_PERMITTED"
	CodeAmountInvalid              Code = "AMOUNT_INVALID"
	CodeAmountOverPayoff           Code = "AMOUNT_OVER_PAYOFF"
	CodeNothingDue                 Code = "NOTHING_DUE"
	CodePrincipalOnly              Code = "PRINCIPAL_ONLY_NOT_ALLOWED"
	CodeDateInPast                 Code = "DATE_IN_PAST"
	CodeDateTooFar                 Code = "DATE_TOO_FAR"
	CodeDateIsHoliday              Code = "DATE_IS_HOLIDAY"
	CodeCutoffPassed               Code = "CUTOFF_PASSED"
	CodeCancelWindowClosed         Code = "CANCEL_WINDOW_CLOSED"
	CodeNotCancelable              Code = "NOT_CANCELABLE"
	CodeLikelyDuplicate            Code = "LIKELY_DUPLICATE"
	CodePreviewChanged             Code = "PREVIEW_CHANGED"
	CodeIdempotencyKeyReused       Code = "IDEMPOTENCY_KEY_REUSED"
	CodeRoutingNumberInvalid       Code = "ROUTING_NUMBER_INVALID"
	CodeAccountNumberInvalid       Code = "ACCOUNT_NUMBER_INVALID"
	CodePaymentAccountExists       Code = "PAYMENT_ACCOUNT_EXISTS"
	CodePaymentAccountInUse        Code = "PAYMENT_ACCOUNT_IN_USE"
	CodePaymentAccountBlocked      Code = "PAYMENT_ACCOUNT_BLOCKED"
	CodePaymentAccountNotValidated Code = "PAYMENT_ACCOUNT_NOT_VALIDATED"
	CodeMicroEntriesWrong          Code = "MICRO_ENTRIES_WRONG"
	CodeAutoPayExists              Code = "AUTO_PAY_EXISTS"
	CodeDisclosureChanged          Code = "DISCLOSURE_CHANGED"
	CodeAlreadyEnrolled            Code = "ALREADY_ENROLLED"
	CodeNotEnrolled                Code = "NOT_ENROLLED"
	CodeAccountOnHold              Code = "ACCOUNT_ON_HOLD"
)

// UserError is a refusal by a rule: an answer, not a fault. The concrete types
// carry what a screen needs to go on.
type UserError interface {
	error
	// ErrorCode is the stable code.
	ErrorCode() Code
	// ErrorMessage is one sentence for the customer.
	ErrorMessage() Message
	// ErrorPath names the input field at fault, from the input's root; empty
	// where no single field is.
	ErrorPath() []string
}

// Refusal is a refusal that needs no more than its code, and the part that all
// the others have in common.
type Refusal struct {
	Code    Code
	Message Phrase
	Args    []any // what stands for the verbs of Message
	Path    []string
}

// Error is for logs, which are in English.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Code, r.ErrorMessage()) }

// ErrorCode implements [UserError], as do the next two.
func (r *Refusal) ErrorCode() Code { return r.Code }

// ErrorMessage is for the customer.
func (r *Refusal) ErrorMessage() Message { return Message{r.Message, r.Args} }

// ErrorPath is the input field at fault.
func (r *Refusal) ErrorPath() []string { return r.Path }

// Refuse makes a plain refusal.
func Refuse(code Code, message Phrase, path ...string) *Refusal {
	return &Refusal{Code: code, Message: message, Path: path}
}

// NotFound says that an id names nothing that the customer may see. What belongs
// to somebody else is answered with exactly this.
func NotFound(path ...string) *Refusal {
	return Refuse(CodeNotFound, "There is nothing with this id.", path...)
}

// DateNotAllowed refuses a date and offers the earliest that would do.
type DateNotAllowed struct {
	Refusal
	EarliestOn Date
}

// AmountNotAllowed refuses an amount. Minimum and Maximum say what is allowed
// where that is known.
type AmountNotAllowed struct {
	Refusal
	Minimum *Cents
	Maximum *Cents
}

// CancelWindowClosed refuses to cancel a payment whose window closed at ClosedAt.
type CancelWindowClosed struct {
	Refusal
	ClosedAt time.Time
}

// LikelyDuplicate refuses a second payment of the same amount for the same
// vehicle and date, and names the first.
type LikelyDuplicate struct {
	Refusal
	Payment *Payment
}

// PreviewChanged refuses because the customer confirmed something else than
// what would happen now. CancelBy is the window the payment would have.
type PreviewChanged struct {
	Refusal
	CancelBy time.Time
}

// AccountExists refuses to add a bank account that the customer already has.
type AccountExists struct {
	Refusal
	PaymentAccount *PaymentAccount
}

// StepUpRequired refuses until the customer has confirmed who they are, in one of
// the ways that they have.
type StepUpRequired struct {
	Refusal
	Methods []IdentityMethod
}

// TooManyAttempts refuses every further attempt until RetryAt, right or wrong; nil
// where waiting does not help.
type TooManyAttempts struct {
	Refusal
	RetryAt *time.Time
}

func amountInvalid(message Phrase, path []string) *AmountNotAllowed {
	least := Cents(1)
	return &AmountNotAllowed{Refusal: Refusal{Code: CodeAmountInvalid, Message: message, Path: path}, Minimum: &least}
}
