package loan

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Operator is somebody who works on the books by hand, by the name under which the
// audit keeps what they do. It is folded to lower case: one person has one name.
type Operator string

var (
	operatorName = regexp.MustCompile(`^[a-z][a-z0-9._@-]{1,59}$`)
	// longNumber is as long as most account numbers, and longer than a day is.
	longNumber = regexp.MustCompile(`[0-9]{9}`)
)

// The codes of refusals that operators alone meet, at the command line.
const (
	CodeHoldExists           Code = "HOLD_EXISTS"
	CodeNoHold               Code = "NO_HOLD"
	CodeExceptionResolved    Code = "EXCEPTION_RESOLVED"
	CodeCorrectionNotAllowed Code = "CORRECTION_NOT_ALLOWED"
	CodeCorrectionDecided    Code = "CORRECTION_DECIDED"
	CodeCorrectionExpired    Code = "CORRECTION_EXPIRED"
	CodeFileNotSent          Code = "FILE_NOT_SENT"
	CodeBankMayDebitTwice    Code = "BANK_MAY_DEBIT_TWICE"
	CodeNotACutoff           Code = "NOT_A_CUTOFF"
	CodeWebhookDisabled      Code = "WEBHOOK_DISABLED"
	CodeAmbiguous            Code = "AMBIGUOUS"
)

// The length of a reason, in characters.
const (
	minReason = 4
	maxReason = 500
)

// ParseOperator reads a name. Refusal: INVALID_INPUT.
func ParseOperator(name string) (Operator, error) {
	name = strings.ToLower(name)
	if !operatorName.MatchString(name) {
		return "", Refuse(CodeInvalidInput, "An operator's name has 2 to 60 letters, digits, dots, dashes, underscores and at signs, and begins with a letter.", "operator")
	}
	return Operator(name), nil
}

// CheckReason refuses a reason that says nothing, or that holds what the audit must not
// (INVALID_INPUT).
func CheckReason(reason string) error {
	n := utf8.RuneCountInString(reason)
	switch {
	case n < minReason || n > maxReason || strings.ContainsAny(reason, "\n\r\t\x00") || !utf8.ValidString(reason):
		return &Refusal{Code: CodeInvalidInput, Message: "A reason has %d to %d characters on one line.", Args: []any{minReason, maxReason}, Path: []string{"reason"}}
	case longNumber.MatchString(reason):
		return Refuse(CodeInvalidInput, "A reason is kept for good and holds no account number: name the last four digits.", "reason")
	}
	return nil
}
