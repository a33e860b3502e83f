package loan

import (
	"strings"
	"time"
)

// NoticeKind is what a notice tells a customer.
type NoticeKind string

// The kinds of notices. Those that begin with CODE carry a one-time code.
const (
	NoticeAutoPayAmount     NoticeKind = "AUTO_PAY_AMOUNT"     // the next Auto Pay payment differs from the one before
	NoticeCodeIdentity      NoticeKind = "CODE_IDENTITY"       // to show who logs in or enrols
	NoticeCodePasswordReset NoticeKind = "CODE_PASSWORD_RESET" // to choose a new password
	NoticeCodeUsername      NoticeKind = "CODE_USERNAME"       // to be told the username
	NoticeCodeContact       NoticeKind = "CODE_CONTACT"        // to confirm a new e-mail address or phone number
	NoticeContactChanged    NoticeKind = "CONTACT_CHANGED"     // told to the old address
	NoticePasswordChanged   NoticeKind = "PASSWORD_CHANGED"
	NoticeNewDevice         NoticeKind = "NEW_DEVICE" // a log-in from a device that was not known
	NoticeSecondFactorOn    NoticeKind = "SECOND_FACTOR_ON"
	NoticeSecondFactorOff   NoticeKind = "SECOND_FACTOR_OFF"
	NoticeRecoveryCodeUsed  NoticeKind = "RECOVERY_CODE_USED"
	NoticeEnrolled          NoticeKind = "ENROLLED"
	NoticeSessionsRevoked   NoticeKind = "SESSIONS_REVOKED" // logged out everywhere
	NoticePaymentScheduled  NoticeKind = "PAYMENT_SCHEDULED"
	NoticePaymentChanged    NoticeKind = "PAYMENT_CHANGED" // another one is in its place
	NoticePaymentApplied    NoticeKind = "PAYMENT_APPLIED"
	NoticePaymentCanceled   NoticeKind = "PAYMENT_CANCELED"
	NoticePaymentReturned   NoticeKind = "PAYMENT_RETURNED" // the bank has sent the debit back
	NoticeAccountBlocked    NoticeKind = "ACCOUNT_BLOCKED"  // nothing is debited from a bank account any more
	NoticeStatementReady    NoticeKind = "STATEMENT_READY"  // to who gets none on paper
	NoticeMessageAnswered   NoticeKind = "MESSAGE_ANSWERED" // and nothing of what it says
	NoticePartnerGranted    NoticeKind = "PARTNER_GRANTED"  // a partner may act for the customer
	NoticePartnerRevoked    NoticeKind = "PARTNER_REVOKED"
	NoticeWebhookDisabled   NoticeKind = "WEBHOOK_DISABLED" // told to a partner: an endpoint gets nothing any more
)

// Required tells whether customers are told whatever they prefer: the law demands it
// (Auto Pay with another amount, Regulation E; statements that come on no paper,
// E-SIGN), somebody may be misusing the account, or money did not move as agreed.
func (k NoticeKind) Required() bool {
	switch k { //nolint:exhaustive // a kind that is not here is rather told once too often
	case NoticePaymentScheduled, NoticePaymentChanged, NoticePaymentApplied, NoticePaymentCanceled, NoticeMessageAnswered:
		return false
	}
	return true
}

// Channels are the ways by which a customer is told: those that they want and have
// an address for. What is required goes by e-mail even so, or by text message to who
// has no e-mail address.
func (k NoticeKind) Channels(c *Customer) []Channel {
	var channels []Channel
	if c.Email != "" && (c.ByEmail || k.Required()) {
		channels = append(channels, ByEmail)
	}
	if c.Phone != "" && (c.ByText || k.Required() && c.Email == "") {
		channels = append(channels, ByText)
	}
	return channels
}

// The hours in Eastern time between which a phone may be disturbed by what is not
// required (47 CFR 64.1200(c)(1), Telephone Consumer Protection Act).
const (
	quietUntilHour = 8
	quietFromHour  = 21
)

// SendFrom is the earliest instant, from now on, at which a notice may be sent: now,
// or the end of the quiet hours.
func (k NoticeKind) SendFrom(channel Channel, now time.Time) time.Time {
	if channel != ByText || k.Required() {
		return now
	}
	today := DateOf(now)
	switch {
	case now.Before(today.At(quietUntilHour)):
		return today.At(quietUntilHour)
	case !now.Before(today.At(quietFromHour)):
		return today.AddDays(1).At(quietUntilHour)
	}
	return now
}

// ReturnReason is why a bank has sent a debit back, as far as a customer can do
// something about it.
type ReturnReason string

// The reasons.
const (
	ReturnInsufficientFunds ReturnReason = "INSUFFICIENT_FUNDS"
	ReturnAccountClosed     ReturnReason = "ACCOUNT_CLOSED"
	ReturnAccountNotFound   ReturnReason = "ACCOUNT_NOT_FOUND"
	ReturnNoDebits          ReturnReason = "NO_DEBITS" // the account is frozen, or of a kind that takes none
	ReturnStopped           ReturnReason = "STOPPED"
	ReturnNotAuthorized     ReturnReason = "NOT_AUTHORIZED"
	ReturnOther             ReturnReason = "OTHER"

	NoticeOnlineStatementsOn  NoticeKind = "ONLINE_STATEMENTS_ON"  // consent was given: no more paper
	NoticeOnlineStatementsOff NoticeKind = "ONLINE_STATEMENTS_OFF" // and withdrawn
)

// ToPartner tells whether a notice of this kind is for a partner, and no customer.
func (k NoticeKind) ToPartner() bool { return k == NoticeWebhookDisabled }

// IsCode tells whether a notice of this kind carries a one-time code.
func (k NoticeKind) IsCode() bool { return strings.HasPrefix(string(k), "CODE_") }

// CodeLife is how long a one-time code can be used.
const CodeLife = 10 * time.Minute

// noticeLife is how long a mail server may be away before a notice is given up.
const noticeLife = 24 * time.Hour

// Life is how long after its creation a notice of this kind is still worth sending.
func (k NoticeKind) Life() time.Duration {
	if k.IsCode() {
		return CodeLife
	}
	return noticeLife
}

// Channel is the way that a notice takes.
type Channel string

// The channels.
const (
	ByEmail Channel = "EMAIL"
	ByText  Channel = "TEXT" // a text message to a phone
)
