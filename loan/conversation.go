package loan

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// HelpCategory is what a help topic, or a question, is about.
type HelpCategory string

// The categories, in the order in which they are shown.
const (
	HelpApp             HelpCategory = "APP"
	HelpPayments        HelpCategory = "PAYMENTS"
	HelpAutoPay         HelpCategory = "AUTO_PAY"
	HelpPaymentAccounts HelpCategory = "PAYMENT_ACCOUNTS"
	HelpLoanOrLease     HelpCategory = "LOAN_OR_LEASE"
	HelpStatements      HelpCategory = "STATEMENTS"
	HelpSecurity        HelpCategory = "SECURITY"
	HelpProfile         HelpCategory = "PROFILE"
	HelpOther           HelpCategory = "OTHER"
)

// HelpCategories are all of them, in their order.
func HelpCategories() []HelpCategory {
	return []HelpCategory{HelpApp, HelpPayments, HelpAutoPay, HelpPaymentAccounts, HelpLoanOrLease, HelpStatements, HelpSecurity, HelpProfile, HelpOther}
}

// ConversationState says for whom a conversation waits.
type ConversationState string

// The states. Whatever the customer writes makes it open.
const (
	ConversationOpen     ConversationState = "OPEN"     // for us
	ConversationAnswered ConversationState = "ANSWERED" // for nobody, unless the customer writes again
	ConversationClosed   ConversationState = "CLOSED"
)

// Conversation is what a customer and the servicer write to each other about a
// question. It is the customer's who asked: a joint owner of the vehicle has no part
// in it.
type Conversation struct {
	ID              ConversationID    `db:"id"`
	CustomerID      CustomerID        `db:"customer_id"`
	Topic           HelpCategory      `db:"topic"`
	VehicleID       *VehicleID        `db:"vehicle_id"` // nil where it is about no vehicle
	State           ConversationState `db:"state"`
	OpenedAt        time.Time         `db:"opened_at"`
	LatestMessageAt time.Time         `db:"latest_message_at"`
	LatestMessageID MessageID         `db:"latest_message_id"` // by which conversations are ordered
	Messages        int               `db:"messages"`          // how many there are
	ReadThrough     int               `db:"read_through"`      // the number of the latest that the customer has read
	Unread          int               `db:"unread"`            // messages of ours after that one
}

// MessageAuthor is who has written a message.
type MessageAuthor string

// The authors.
const (
	ByCustomer MessageAuthor = "CUSTOMER"
	ByServicer MessageAuthor = "SERVICER"
)

// SecureMessage is one of a conversation. Its text is kept sealed in the store and never in
// this type.
type SecureMessage struct {
	ID             MessageID      `db:"id"`
	CustomerID     CustomerID     `db:"customer_id"` // whose conversation it is in
	ConversationID ConversationID `db:"conversation_id"`
	Number         int            `db:"number"` // in its conversation; 1 is the question
	Author         MessageAuthor  `db:"author"`
	Operator       string         `db:"operator"` // who wrote it for the servicer; the customer is not told
	Sealed         []byte         `db:"text_sealed"`
	SentAt         time.Time      `db:"sent_at"`
}

// Write adds a message to a conversation and gives the message its place in it. What
// the customer writes opens it again; what the servicer writes answers it.
func (c *Conversation) Write(m *SecureMessage) {
	c.Messages++
	c.LatestMessageAt, c.State = m.SentAt, ConversationOpen
	if m.Author == ByServicer {
		c.State = ConversationAnswered
		c.Unread++
	}
	m.CustomerID, m.ConversationID, m.Number = c.CustomerID, c.ID, c.Messages
}

// LongestMessage is how many characters a message has at the most.
const LongestMessage = 2000

// MessageText is a message as it is kept: without spaces around it, its lines ended by
// a line feed. It is plain text, without characters that steer a screen: these and a
// text that is empty or too long are refused as INVALID_INPUT.
func MessageText(text string, path ...string) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(text); {
	case n < 1 || n > LongestMessage:
		return "", Refuse(CodeInvalidInput, "A message has 1 to 2,000 characters.", path...)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, steers):
		return "", Refuse(CodeInvalidInput, "A message is plain text: it has a character that cannot be shown.", path...)
	}
	return text, nil
}

// steers tells whether a character does something to the screen that shows it: control
// characters, among them the one that begins a terminal's commands, and those that turn
// the direction of what follows.
func steers(r rune) bool {
	return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// How many messages a customer may send.
const (
	MessagesAtMost = 20
	MessagesPer    = time.Hour
)

// MayWrite refuses where a customer has sent too many messages (TOO_MANY_ATTEMPTS).
// latest are when the latest ones were sent, up to MessagesAtMost, newest first.
func MayWrite(now time.Time, latest []time.Time) error {
	if len(latest) < MessagesAtMost {
		return nil
	}
	next := latest[MessagesAtMost-1].Add(MessagesPer)
	if !now.Before(next) {
		return nil
	}
	return &TooManyAttempts{Refusal: *Refuse(CodeTooManyAttempts, "You have sent many messages. Try again later."), RetryAt: &next}
}
