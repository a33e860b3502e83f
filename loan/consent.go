package loan

import "time"

// Disclosure is the text that a customer reads before statements are online only. Its
// hash stands for it.
type Disclosure struct {
	Version  string   `db:"version"` // of the wording
	Language Language `db:"language"`
	Hash     string   `db:"hash"` // SHA-256 of the text, hexadecimal
	Text     string   `db:"text"`
}

// Consent is that a primary borrower agreed to online statements for a vehicle. It is
// kept for good; that it was withdrawn is written beside it.
type Consent struct {
	ID         int64      `db:"id"`
	CustomerID CustomerID `db:"customer_id"`
	VehicleID  VehicleID  `db:"vehicle_id"`
	Disclosure
	AgreedAt  time.Time `db:"agreed_at"`
	SessionID string    `db:"session_id"`
	Address   string    `db:"address"` // where the request came from
	RequestID string    `db:"request_id"`
}

// OnlineStatements is that the statements of a vehicle are online only.
type OnlineStatements struct {
	Since   time.Time
	Consent *Consent // nil where it was agreed to before consents were kept
}
