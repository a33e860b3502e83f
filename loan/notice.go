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
)

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
