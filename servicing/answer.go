package servicing

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// What an operator is told of a conversation.
var (
	ErrNoConversation     = errors.New("there is no conversation with this number")
	ErrConversationClosed = errors.New("the conversation is closed: it is opened again when the customer writes")
)

// mostListed is how many conversations are listed at the most.
const mostListed = 200

// ListConversations lists conversations, at most 200: those that wait for an answer,
// who has waited longest first, or the latest of all.
func (s *Service) ListConversations(ctx context.Context, open bool) ([]loan.Conversation, error) {
	if open {
		return s.Store.Books().OpenConversations(ctx, mostListed)
	}
	return s.Store.Books().LatestConversations(ctx, mostListed)
}

// ReadMessage is a message with its text.
type ReadMessage struct {
	loan.SecureMessage
	Text string
}

// ShownConversation is a conversation as an operator reads it.
type ShownConversation struct {
	loan.Conversation
	Customer *loan.Customer
	Thread   []ReadMessage
}

// ShowConversation reads a conversation for an operator; [ErrNoConversation].
func (s *Service) ShowConversation(ctx context.Context, id loan.ConversationID) (shown ShownConversation, err error) {
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		c, err := anyConversation(ctx, tx, id)
		if err != nil {
			return err
		}
		shown = ShownConversation{Conversation: *c}
		if shown.Customer, err = tx.Customer(ctx, c.CustomerID); err != nil {
			return err
		}
		messages, err := tx.AllMessages(ctx, id)
		if err != nil {
			return err
		}
		for i := range messages {
			text, err := s.MessageText(&messages[i])
			if err != nil {
				return err
			}
			shown.Thread = append(shown.Thread, ReadMessage{messages[i], text})
		}
		return nil
	})
	return shown, err
}

func anyConversation(ctx context.Context, tx *store.BooksTx, id loan.ConversationID) (*loan.Conversation, error) {
	c, err := tx.LockAnyConversation(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoConversation
	}
	return c, err
}

// AnswerConversation adds an operator's answer to a conversation, and tells the
// customer that there is one. Where the latest message is this very answer, it was
// given before, and nothing is done: answered is false. [ErrNoConversation],
// [ErrConversationClosed], or why the text is refused.
func (s *Service) AnswerConversation(ctx context.Context, now time.Time, operator string, id loan.ConversationID, text string) (answered bool, err error) {
	text, err = loan.MessageText(text, "text")
	if err != nil {
		return false, err
	}
	by, err := loan.ParseOperator(operator)
	if err != nil {
		return false, err
	}
	ctx = auth.WithRequest(ctx, auth.Request{At: now})
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		answered = false
		c, err := anyConversation(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.State == loan.ConversationClosed {
			return ErrConversationClosed
		}
		if c.State == loan.ConversationAnswered {
			latest, err := tx.MessagesByID(ctx, c.CustomerID, []loan.MessageID{c.LatestMessageID})
			if err != nil || len(latest) == 0 {
				return errors.Join(err, errors.New("its latest message is missing"))
			}
			before, err := s.MessageText(&latest[0])
			if err != nil || before == text {
				return err
			}
		}
		m := &loan.SecureMessage{Author: loan.ByServicer, Operator: string(by), SentAt: now}
		if err := write(ctx, tx.Tx, s.Vault, c, m, text); err != nil {
			return err
		}
		answered = true
		return errors.Join(
			announce(ctx, tx.Tx, now, notice{
				customer: c.CustomerID, kind: loan.NoticeMessageAnswered, subject: ofCustomer(c.CustomerID),
				values: map[string]string{"topic": string(c.Topic)},
			}),
			operated(ctx, tx, ByHand{Operator: by, At: now}, c, "conversation.answered", map[string]any{"message": m.Number}),
		)
	})
	return answered && err == nil, err
}

// CloseConversation closes a conversation. Where it is closed, nothing is done: closed
// is false. [ErrNoConversation].
func (s *Service) CloseConversation(ctx context.Context, now time.Time, operator string, id loan.ConversationID) (closed bool, err error) {
	by, err := loan.ParseOperator(operator)
	if err != nil {
		return false, err
	}
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		closed = false
		c, err := anyConversation(ctx, tx, id)
		if err != nil || c.State == loan.ConversationClosed {
			return err
		}
		c.State, closed = loan.ConversationClosed, true
		return errors.Join(
			tx.UpdateConversation(ctx, c.CustomerID, c),
			operated(ctx, tx, ByHand{Operator: by, At: now}, c, "conversation.closed", nil),
		)
	})
	return closed && err == nil, err
}

// operated adds the audit row of what an operator did, under their name.
func operated(ctx context.Context, tx *store.BooksTx, by ByHand, c *loan.Conversation, action string, detail map[string]any) error {
	return recordByHand(ctx, tx.Tx, by, c.CustomerID, action, ofConversation(c), detail)
}
