package loan

import "time"

// Notifications says which notices a customer wants. What the law requires and what
// is about security is sent in any case.
type Notifications struct {
	ByEmail bool `db:"notify_by_email"`
	ByText  bool `db:"notify_by_text"`
}

// PendingContact is a new e-mail address or phone number that waits for the code
// which was sent to it.
type PendingContact struct {
	Channel     Channel   `db:"channel"`
	Address     string    `db:"address"`
	RequestedAt time.Time `db:"requested_at"`
	// ChallengeID finds the code.
	ChallengeID string `db:"challenge_id"`
}

// SecondFactor is the codes of an authenticator app, in use since an instant.
type SecondFactor struct {
	Since             time.Time `db:"turned_on_at"`
	RecoveryCodesLeft int       `db:"recovery_codes_left"`
}

// IdentityMethod is a way to confirm who one is.
type IdentityMethod string

// The ways.
const (
	ByTOTP            IdentityMethod = "TOTP"
	ByRecoveryCode    IdentityMethod = "RECOVERY_CODE"
	ByPasswordAndCode IdentityMethod = "PASSWORD_AND_CODE"
)

// Platform is the kind of app that opens a session.
type Platform string

// The platforms.
const (
	PlatformIOS     Platform = "IOS"
	PlatformAndroid Platform = "ANDROID"
	PlatformWeb     Platform = "WEB"
	PlatformOther   Platform = "OTHER"
)
