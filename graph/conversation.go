package graph

import "github.com/automobilepay/mobilepay/loan"

// Conversation is a conversation in an answer.
type Conversation struct {
	*loan.Conversation
	// Beside is the conversations of the same list, this one among them: one statement
	// reads the messages of all.
	Beside *[]loan.ConversationID
}

// NewConversations puts conversations beside each other.
func NewConversations(rows []*loan.Conversation) []*Conversation {
	ids, list := make([]loan.ConversationID, len(rows)), make([]*Conversation, len(rows))
	for i, row := range rows {
		ids[i], list[i] = row.ID, &Conversation{row, &ids}
	}
	return list
}

// NewConversation is one by itself; nil where there is none.
func NewConversation(row *loan.Conversation) *Conversation {
	if row == nil {
		return nil
	}
	return NewConversations([]*loan.Conversation{row})[0]
}

// ConversationConnection is a page of conversations.
type ConversationConnection struct {
	Edges    []ConversationEdge
	PageInfo PageInfo
}

// ConversationEdge is a conversation in a list.
type ConversationEdge struct{ Node *Conversation }

// Cursor is the place of the conversation in the list, which its latest message gives.
func (e ConversationEdge) Cursor() string {
	return encodeCursor(loan.DateOf(e.Node.LatestMessageAt), int64(e.Node.LatestMessageID))
}

// NewConversationConnection makes a page of conversations.
func NewConversationConnection(rows []*loan.Conversation, hasNext, hasPrevious bool) *ConversationConnection {
	c := &ConversationConnection{Edges: make([]ConversationEdge, len(rows))}
	for i, conversation := range NewConversations(rows) {
		c.Edges[i] = ConversationEdge{conversation}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}

// MessageConnection is a page of messages.
type MessageConnection struct {
	Edges    []MessageEdge
	PageInfo PageInfo
}

// MessageEdge is a message in a list.
type MessageEdge struct{ Node *loan.SecureMessage }

// Cursor is the place of the message in its conversation.
func (e MessageEdge) Cursor() string {
	return encodeCursor(loan.DateOf(e.Node.SentAt), int64(e.Node.Number))
}

// NewMessageConnection makes a page of messages.
func NewMessageConnection(messages []*loan.SecureMessage, hasNext, hasPrevious bool) *MessageConnection {
	c := &MessageConnection{Edges: make([]MessageEdge, len(messages))}
	for i, m := range messages {
		c.Edges[i] = MessageEdge{m}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}
