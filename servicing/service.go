// Package servicing holds the use cases: what a customer can do. A use case
// reads the rules' facts from the store, asks a pure rule of package loan, and
// writes what follows, all in one transaction that it opens itself. It decides
// whose object it is by handing the store the customer.
//
// A refusal by a rule is returned as a [loan.UserError] (several are joined);
// any other error is a fault.
package servicing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/help"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// Service is the use cases with what they need.
type Service struct {
	Store    *store.Store
	Sessions *session.Store
	Vault    *vault.Vault
	Hasher   *auth.Hasher
	// Timing is the servicer's policy about dates.
	Timing loan.Timing
	// Originator is who asks the bank for debits, and Outbox takes the files.
	Originator ach.Originator
	Outbox     Outbox
	// Post takes what customers are told; nil where nothing is sent.
	Post Post
	// MoneyLimit is how often a session may ask for what moves money, and
	// PartnerMoneyLimit a partner for all its customers.
	MoneyLimit        session.Limit
	PartnerMoneyLimit session.Limit
	// Servicer is who sends statements and takes payments by mail.
	Servicer loan.Servicer
	// Help is the topics that anybody can read.
	Help *help.Center
	// Hooks pushes events to partners.
	Hooks Hooks
	// Validator tells whether a new bank account can be debited at once.
	Validator Validator
}

// Longest strings that a customer may enter, in characters.
const (
	maxIdempotencyKey = 255
	maxNickname       = 40
	maxDeviceName     = 100
)

// once runs do in a transaction, at most once for an idempotency key of a
// customer. The claim of the key, what do writes and the answer commit together:
// where the process dies, either all is there or nothing. A call with the same
// key and input is answered with the first answer again, and replayed is true;
// one with another input is refused (IDEMPOTENCY_KEY_REUSED). A refusal is not
// remembered: nothing happened, and the key is free.
func once[T any](ctx context.Context, s *Service, viewer auth.Viewer, key, operation string, input any, do func(*store.Tx) (T, error)) (answer T, replayed bool, err error) {
	if n := utf8.RuneCountInString(key); n < 1 || n > maxIdempotencyKey {
		return answer, false, loan.Refuse(loan.CodeInvalidInput, "An idempotency key has 1 to 255 characters.", "idempotencyKey")
	}
	if err := s.allowMoney(ctx, viewer); err != nil {
		return answer, false, err
	}
	if viewer.Partner != 0 { // whose keys are neither the customer's nor another partner's
		key, operation = ofPartner(viewer.Partner)+" "+key, ofPartner(viewer.Partner)+" "+operation
	}
	text, err := json.Marshal(input)
	if err != nil {
		return answer, false, fmt.Errorf("write the input of %s: %w", operation, err)
	}
	// A keyed hash: the input may hold an account number, which a plain hash
	// would not hide from somebody who tries them all. By every key, as the key may
	// have been rotated since.
	var hashes []string
	for _, hash := range s.Vault.Fingerprints("idempotency", operation, string(text)) {
		hashes = append(hashes, hex.EncodeToString(hash))
	}

	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		replayed = false
		before, err := tx.ClaimKey(ctx, viewer.CustomerID, key, hashes[0], auth.RequestFrom(ctx).At)
		if err != nil {
			return err
		}
		if before != nil {
			if !slices.Contains(hashes, before.RequestHash) {
				return loan.Refuse(loan.CodeIdempotencyKeyReused, "This idempotency key was used before with another input.", "idempotencyKey")
			}
			replayed = true
			return json.Unmarshal([]byte(before.Answer), &answer)
		}
		if answer, err = do(tx); err != nil {
			return err
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return fmt.Errorf("write the answer of %s: %w", operation, err)
		}
		return tx.AnswerKey(ctx, viewer.CustomerID, key, string(text))
	})
	if err != nil {
		var none T
		return none, false, err
	}
	return answer, replayed, nil
}

// allowMoney counts what moves money, and ends with [*session.RateLimited] where it was
// too much.
func (s *Service) allowMoney(ctx context.Context, viewer auth.Viewer) error {
	limit, key := s.MoneyLimit, viewer.SessionID
	if viewer.Partner != 0 {
		limit, key = s.PartnerMoneyLimit, ofPartner(viewer.Partner)
	}
	verdict, err := s.Sessions.Allow(ctx, auth.RequestFrom(ctx).At, limit, key)
	if err == nil && !verdict.Allowed {
		err = &session.RateLimited{RetryAfter: verdict.RetryAfter}
	}
	return err
}

// inTx runs do in a transaction and returns what it returns.
func inTx[T any](ctx context.Context, s *Service, do func(*store.Tx) (T, error)) (T, error) {
	return answerOf(ctx, s.Store.InTx, do)
}

// answerOf is what do returns in a transaction that run commits, and nothing where it
// does not.
func answerOf[Tx, T any](ctx context.Context, run func(context.Context, func(Tx) error) error, do func(Tx) (T, error)) (answer T, err error) {
	err = run(ctx, func(tx Tx) error {
		answer, err = do(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return answer, nil
}

// found turns "not found" of the store into the refusal; path names the id.
func found(err error, path ...string) error {
	if errors.Is(err, store.ErrNotFound) {
		return loan.NotFound(path...)
	}
	return err
}

// confirmed refuses where the customer did not say an explicit yes.
func confirmed(yes bool) error {
	if !yes {
		return loan.Refuse(loan.CodeNotConfirmed, "Nothing was changed, because you did not confirm it.", "confirm")
	}
	return nil
}

// authorized refuses where the customer did not authorise a debit.
func authorized(yes bool, path ...string) error {
	if !yes {
		return loan.Refuse(loan.CodeNotAuthorized, "Nothing was saved, because you did not authorise it.", path...)
	}
	return nil
}

// record adds the audit row of a change, or of something that happened at the door,
// where viewer may be nobody. books is whose books it is in, 0 where nobody's. detail
// must hold no secret and no account number.
func record(ctx context.Context, tx *store.Tx, viewer auth.Viewer, books loan.CustomerID, action, subject string, detail any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("write the detail of %s: %w", action, err)
	}
	r := auth.RequestFrom(ctx)
	return tx.InsertAudit(ctx, store.AuditEntry{
		CustomerID: books, At: r.At,
		Actor: actor(viewer), SessionID: viewer.SessionID,
		Address: r.Address, RequestID: r.ID,
		Action: action, Subject: subject, Detail: string(text),
	})
}

// actor is who does something, as the audit names them.
func actor(viewer auth.Viewer) string {
	if viewer.Partner != 0 {
		return ofPartner(viewer.Partner) + " for " + ofCustomer(viewer.CustomerID)
	}
	return ofCustomer(viewer.CustomerID)
}
