package servicing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/store"
)

// takeNotification corrects an account as its bank has told, before the next
// entry. What is not for the machine goes to the operators' list.
func (s *Service) takeNotification(ctx context.Context, source string, n ach.Notification, now time.Time) error {
	detail := fmt.Sprintf("%s for trace %s", n.Code, n.OriginalTrace)
	entry, err := s.Store.Books().EntryByTrace(ctx, n.OriginalTrace)
	c := n.Correction
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.except(ctx, source, "notification about an unknown entry", detail, now)
	case err != nil:
		return err
	case n.Unusable || c.RoutingNumber == "" && c.AccountNumber == "" && c.AccountType == "":
		return s.except(ctx, source, "notification to look at", detail, now)
	}
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		claimed, err := tx.ClaimReturn(ctx, entry, n.OriginalTrace, n.Code, now)
		if err != nil || !claimed {
			return err
		}
		account, err := tx.SealedAccount(ctx, entry.PaymentAccountID)
		if err != nil {
			return err
		}
		if err := s.correct(ctx, tx, account, c); err != nil {
			return err
		}
		if err := tx.CorrectAccount(ctx, account); err != nil {
			return err
		}
		return tx.InsertAudits(ctx, []store.AuditEntry{{
			CustomerID: account.CustomerID, At: now, Actor: "bank", Action: "payment_account.corrected",
			Subject: accountSubject(&account.PaymentAccount), Detail: `{"code":"` + n.Code + `"}`,
		}})
	})
	if errors.Is(err, store.ErrConflict) {
		return s.except(ctx, source, "notification names an account that the customer has", detail, now)
	}
	return err
}

// correct puts what a bank has corrected into an account, and seals its number
// anew; [store.ErrConflict] where its owner has another one with these numbers.
func (s *Service) correct(ctx context.Context, tx *store.BooksTx, a *store.SealedAccount, c ach.Correction) error {
	number, err := s.Vault.Unseal(a.Sealed, AccountBinding(a.CustomerID, a.Fingerprint))
	if err != nil {
		return fmt.Errorf("unseal account %d: %w", a.ID, err)
	}
	if c.AccountNumber != "" {
		number = string(c.AccountNumber)
		a.Last4 = number[len(number)-4:]
	}
	if c.RoutingNumber != "" {
		a.RoutingNumber = c.RoutingNumber
	}
	if c.AccountType != "" {
		a.Type = c.AccountType
	}
	switch same, err := s.sameAccount(ctx, tx.Tx, a.CustomerID, a.RoutingNumber, number); {
	case err == nil && same.ID != a.ID && a.RemovedAt == nil:
		return store.ErrConflict
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	a.Fingerprint = AccountFingerprint(s.Vault, a.RoutingNumber, number)
	a.Sealed, err = s.Vault.Seal(number, AccountBinding(a.CustomerID, a.Fingerprint))
	return err
}
