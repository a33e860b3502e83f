package servicing

import (
	"context"
	"fmt"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// AskQuestion begins a conversation with the servicer.
func (s *Service) AskQuestion(ctx context.Context, viewer auth.Viewer, in AskQuestionInput) (*loan.Conversation, bool, error) {
	text, err := loan.MessageText(in.Text, "text")
	if err != nil {
		return nil, false, err
	}
	return once(ctx, s, viewer, in.IdempotencyKey, "askQuestion", in, func(tx *store.Tx) (*loan.Conversation, error) {
		now := auth.RequestFrom(ctx).At
		if err := mayWrite(ctx, tx, viewer); err != nil {
			return nil, err
		}
		c := &loan.Conversation{
			CustomerID: viewer.CustomerID, Topic: in.Topic, VehicleID: in.VehicleID, State: loan.ConversationOpen, OpenedAt: now, LatestMessageAt: now,
		}
		if err := tx.InsertConversation(ctx, c); err != nil {
			return nil, found(err, "vehicleId")
		}
		return c, s.writeAs(ctx, tx, viewer, c, text, "conversation.opened")
	})
}

// ReplyToConversation adds a message of the customer's to a conversation, and opens it
// again.
func (s *Service) ReplyToConversation(ctx context.Context, viewer auth.Viewer, in ReplyToConversationInput) (*loan.Conversation, bool, error) {
	text, err := loan.MessageText(in.Text, "text")
	if err != nil {
		return nil, false, err
	}
	return once(ctx, s, viewer, in.IdempotencyKey, "replyToConversation", in, func(tx *store.Tx) (*loan.Conversation, error) {
		if err := mayWrite(ctx, tx, viewer); err != nil {
			return nil, err
		}
		c, err := tx.LockConversation(ctx, viewer.CustomerID, in.ConversationID)
		if err != nil {
			return nil, found(err, "conversationId")
		}
		return c, s.writeAs(ctx, tx, viewer, c, text, "conversation.replied")
	})
}

// mayWrite refuses where a customer has sent too many messages. It is counted here and
// not in Redis, so that what was sent once is answered again however many came since.
// Two messages at once wait for each other.
func mayWrite(ctx context.Context, tx *store.Tx, viewer auth.Viewer) error {
	now := auth.RequestFrom(ctx).At
	if _, err := tx.LockCustomer(ctx, viewer.CustomerID); err != nil {
		return err
	}
	latest, err := tx.LatestMessages(ctx, viewer.CustomerID, now.Add(-loan.MessagesPer), loan.MessagesAtMost)
	if err != nil {
		return err
	}
	return loan.MayWrite(now, latest)
}

// writeAs adds a message of the customer's to a conversation, which is held.
func (s *Service) writeAs(ctx context.Context, tx *store.Tx, viewer auth.Viewer, c *loan.Conversation, text, action string) error {
	m := &loan.SecureMessage{Author: loan.ByCustomer, SentAt: auth.RequestFrom(ctx).At}
	if err := write(ctx, tx, s.Vault, c, m, text); err != nil {
		return err
	}
	return record(ctx, tx, viewer, c.CustomerID, action, ofConversation(c), map[string]any{"topic": c.Topic, "message": m.Number})
}

// write adds a message to a conversation, which is held.
func write(ctx context.Context, tx *store.Tx, v *vault.Vault, c *loan.Conversation, m *loan.SecureMessage, text string) (err error) {
	c.Write(m)
	if m.Sealed, err = v.Seal(text, messageBinding(c.CustomerID, store.MessagePlace(m))); err != nil {
		return fmt.Errorf("seal a message: %w", err)
	}
	if err := tx.InsertMessage(ctx, m); err != nil {
		return err
	}
	c.LatestMessageID = m.ID
	return tx.UpdateConversation(ctx, c.CustomerID, c)
}

// messageBinding ties a sealed text to its place in a conversation of a customer's.
func messageBinding(owner loan.CustomerID, place string) string {
	return fmt.Sprintf("message:%d:%s", owner, place)
}

// ofConversation names a conversation in the audit and in notices.
func ofConversation(c *loan.Conversation) string { return fmt.Sprintf("conversation:%d", c.ID) }

// MessageText is what a message says.
func (s *Service) MessageText(m *loan.SecureMessage) (string, error) {
	text, err := s.Vault.Unseal(m.Sealed, messageBinding(m.CustomerID, store.MessagePlace(m)))
	if err != nil {
		return "", fmt.Errorf("unseal message %d: %w", m.ID, err)
	}
	return text, nil
}

// MarkConversationRead notes that a customer has read a conversation as far as a
// message. It never takes that back.
func (s *Service) MarkConversationRead(ctx context.Context, viewer auth.Viewer, in MarkConversationReadInput) (*loan.Conversation, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Conversation, error) {
		c, err := tx.LockConversation(ctx, viewer.CustomerID, in.ConversationID)
		if err != nil {
			return nil, found(err, "conversationId")
		}
		messages, err := tx.MessagesByID(ctx, viewer.CustomerID, []loan.MessageID{in.MessageID})
		if err != nil {
			return nil, err
		}
		if len(messages) == 0 || messages[0].ConversationID != c.ID {
			return nil, loan.NotFound("messageId")
		}
		if messages[0].Number <= c.ReadThrough {
			return c, nil
		}
		c.ReadThrough = messages[0].Number
		if err := tx.UpdateConversation(ctx, c.CustomerID, c); err != nil {
			return nil, err
		}
		read, err := tx.ConversationsByID(ctx, viewer.CustomerID, []loan.ConversationID{c.ID})
		if err != nil || len(read) == 0 {
			return nil, err
		}
		return &read[0], record(ctx, tx, viewer, c.CustomerID, "conversation.read", ofConversation(c), map[string]any{"message": c.ReadThrough})
	})
}
