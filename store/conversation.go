package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const (
	conversationSelect = `
SELECT c.id, c.customer_id, c.topic, c.vehicle_id, c.state, c.opened_at, c.latest_message_at, c.latest_message_id, c.messages, c.read_through,
    (SELECT COUNT(*) FROM messages m WHERE m.conversation_id = c.id AND m.number > c.read_through AND m.author = 'SERVICER') AS unread
FROM conversations c`
	conversationPage = conversationSelect + `
WHERE c.customer_id = $1 AND c.latest_message_id > $2 AND c.latest_message_id < $3 ORDER BY c.latest_message_id `
	messageColumns = "t.id, t.customer_id, t.conversation_id, t.number, t.author, t.operator, t.text_sealed, t.sent_at"
)

var (
	conversationsAscending  = prepare(conversationPage + `ASC LIMIT $4`)
	conversationsDescending = prepare(conversationPage + `DESC LIMIT $4`)
	conversationsByID       = prepare(conversationSelect + ` WHERE c.customer_id = $1 AND c.id {{in $2}}`)
	lockConversation        = prepare(conversationSelect + ` WHERE c.customer_id = $1 AND c.id = $2 {{lock conversation}}`)
	lockAnyConversation     = prepare(conversationSelect + ` WHERE c.id = $1 {{lock conversation}}`)
	openConversations       = prepare(conversationSelect + ` WHERE c.state = 'OPEN' ORDER BY c.latest_message_id LIMIT $1`)
	latestConversations     = prepare(conversationSelect + ` ORDER BY c.latest_message_id DESC LIMIT $1`)
	insertConversation      = prepare(`
INSERT INTO conversations (customer_id, topic, vehicle_id, state, opened_at, latest_message_at)
SELECT c.id, $2, $3, $4, $5, $6 FROM customers c
WHERE c.id = $1 AND (CAST($3 AS BIGINT) IS NULL OR EXISTS (SELECT 1 FROM owners o WHERE o.customer_id = $1 AND o.vehicle_id = $3))
RETURNING id`)
	updateConversation = prepare(`
UPDATE conversations SET state = $3, latest_message_at = $4, latest_message_id = $5, messages = $6, read_through = $7
WHERE customer_id = $1 AND id = $2`)
	unreadMessages = prepare(`
SELECT COUNT(*) FROM conversations c
JOIN messages m ON m.conversation_id = c.id AND m.number > c.read_through AND m.author = 'SERVICER'
WHERE c.customer_id = $1 AND c.read_through < c.messages`)

	messagesAscending  = prepare(messagePage("ASC"))
	messagesDescending = prepare(messagePage("DESC"))
	messagesByID       = prepare(`SELECT ` + messageColumns + ` FROM messages t WHERE t.customer_id = $1 AND t.id {{in $2}}`)
	messagesWhole      = prepare(`SELECT ` + messageColumns + ` FROM messages t WHERE t.conversation_id = $1 ORDER BY t.number`)
	latestMessages     = prepare(`
SELECT sent_at FROM messages WHERE customer_id = $1 AND sent_at > $2 AND author = 'CUSTOMER' ORDER BY sent_at DESC LIMIT $3`)
	insertMessage = prepare(`
INSERT INTO messages (customer_id, conversation_id, number, author, operator, text_sealed, sent_at)
SELECT c.customer_id, c.id, $3, $4, $5, $6, $7 FROM conversations c WHERE c.customer_id = $1 AND c.id = $2
RETURNING id`)
)

// messagePage reads, as [pager] does, the first messages past a bound of each of some
// conversations.
func messagePage(direction string) string {
	return `
SELECT ` + messageColumns + `
FROM conversations c
JOIN messages t ON t.id {{one of}}
    SELECT q.id FROM messages q WHERE q.conversation_id = c.id AND q.number > $3 AND q.number < $4 ORDER BY q.number ` + direction + ` LIMIT $5
{{end}}
WHERE c.customer_id = $1 AND c.id {{in $2}}
ORDER BY t.conversation_id, t.number ` + direction
}

// messagePlace is [MessagePlace] in SQL.
const messagePlace = "conversation_id || ':' || number || ':' || author"

// MessagePlace is where a message stands and who wrote it: to this its text is bound.
func MessagePlace(m *loan.SecureMessage) string {
	return fmt.Sprintf("%d:%d:%s", m.ConversationID, m.Number, m.Author)
}

// bounds are those of a page of a list that is ordered by a number alone, which is at
// most largest.
func (p Page) bounds(largest int64) (over, under int64) {
	over, under = min(p.Over.ID, largest), min(p.Under.ID, largest)
	if under == 0 {
		under = largest
	}
	return over, under
}

// Conversations reads a page of a customer's conversations, ordered by their latest
// message in the page's direction. Of the page's bounds only the ids count.
func (q *queries) Conversations(ctx context.Context, owner loan.CustomerID, page Page) ([]loan.Conversation, error) {
	s := conversationsAscending
	if page.Descending {
		s = conversationsDescending
	}
	over, under := page.bounds(math.MaxInt64)
	var conversations []loan.Conversation
	err := q.list(ctx, &conversations, s, owner, over, under, page.Limit)
	return conversations, err
}

// ConversationsByID reads those of the conversations that are the owner's, in no order.
func (q *queries) ConversationsByID(ctx context.Context, owner loan.CustomerID, ids []loan.ConversationID) ([]loan.Conversation, error) {
	var conversations []loan.Conversation
	err := q.list(ctx, &conversations, conversationsByID, owner, keys(q.dialect, ids))
	return conversations, err
}

// UnreadMessages is how many answers a customer has not read.
func (q *queries) UnreadMessages(ctx context.Context, owner loan.CustomerID) (int, error) {
	var n int
	err := q.get(ctx, &n, unreadMessages, owner)
	return n, err
}

// Messages reads a page of the messages of each conversation that is the owner's,
// ordered by their numbers in the page's direction. Of the page's bounds only the ids
// count, which are numbers of messages.
func (q *queries) Messages(ctx context.Context, owner loan.CustomerID, conversations []loan.ConversationID, page Page) ([]loan.SecureMessage, error) {
	s := messagesAscending
	if page.Descending {
		s = messagesDescending
	}
	over, under := page.bounds(math.MaxInt32)
	var messages []loan.SecureMessage
	err := q.list(ctx, &messages, s, owner, keys(q.dialect, conversations), over, under, page.Limit)
	return messages, err
}

// MessagesByID reads those of the messages that are in a conversation of the owner's,
// in no order.
func (q *queries) MessagesByID(ctx context.Context, owner loan.CustomerID, ids []loan.MessageID) ([]loan.SecureMessage, error) {
	var messages []loan.SecureMessage
	err := q.list(ctx, &messages, messagesByID, owner, keys(q.dialect, ids))
	return messages, err
}

// LatestMessages are when the latest messages of a customer after an instant were
// sent, up to limit, newest first.
func (q *queries) LatestMessages(ctx context.Context, owner loan.CustomerID, after time.Time, limit int) ([]time.Time, error) {
	var sent []time.Time
	err := q.list(ctx, &sent, latestMessages, owner, utc(after), limit)
	return sent, err
}

// LockConversation gets a conversation of a customer's and holds it until the
// transaction ends; [ErrNotFound].
func (tx *Tx) LockConversation(ctx context.Context, owner loan.CustomerID, id loan.ConversationID) (*loan.Conversation, error) {
	c := new(loan.Conversation)
	return c, tx.get(ctx, c, lockConversation, owner, id)
}

// InsertConversation adds c and gives it its id; [ErrNotFound] where it is about a
// vehicle that is not the customer's.
func (tx *Tx) InsertConversation(ctx context.Context, c *loan.Conversation) error {
	return tx.get(ctx, &c.ID, insertConversation, c.CustomerID, c.Topic, c.VehicleID, c.State, utc(c.OpenedAt), utc(c.LatestMessageAt))
}

// UpdateConversation writes the state of c, its latest message, and how far it is
// read. [ErrNotFound].
func (tx *Tx) UpdateConversation(ctx context.Context, owner loan.CustomerID, c *loan.Conversation) error {
	return tx.execOne(ctx, updateConversation, owner, c.ID, c.State, utc(c.LatestMessageAt), c.LatestMessageID, c.Messages, c.ReadThrough)
}

// InsertMessage adds m and gives it its id; [ErrNotFound] where the conversation is
// not the customer's.
func (tx *Tx) InsertMessage(ctx context.Context, m *loan.SecureMessage) error {
	return tx.get(ctx, &m.ID, insertMessage, m.CustomerID, m.ConversationID, m.Number, m.Author, m.Operator, m.Sealed, utc(m.SentAt))
}

// OpenConversations lists up to limit conversations that wait for an answer, whoever's
// they are: those first that have waited longest.
func (b Books) OpenConversations(ctx context.Context, limit int) ([]loan.Conversation, error) {
	var conversations []loan.Conversation
	err := b.q.list(ctx, &conversations, openConversations, limit)
	return conversations, err
}

// LatestConversations lists up to limit conversations, whoever's they are, by their
// latest message, newest first.
func (b Books) LatestConversations(ctx context.Context, limit int) ([]loan.Conversation, error) {
	var conversations []loan.Conversation
	err := b.q.list(ctx, &conversations, latestConversations, limit)
	return conversations, err
}

// AllMessages lists the messages of a conversation, oldest first.
func (b Books) AllMessages(ctx context.Context, id loan.ConversationID) ([]loan.SecureMessage, error) {
	var messages []loan.SecureMessage
	err := b.q.list(ctx, &messages, messagesWhole, id)
	return messages, err
}

// LockAnyConversation gets a conversation, whoever's it is, and holds it until the
// transaction ends; [ErrNotFound].
func (tx *BooksTx) LockAnyConversation(ctx context.Context, id loan.ConversationID) (*loan.Conversation, error) {
	c := new(loan.Conversation)
	return c, tx.Tx.get(ctx, c, lockAnyConversation, id)
}
