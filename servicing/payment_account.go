package servicing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// AddPaymentAccount adds a bank account. Same key and input: the same account
// again.
func (s *Service) AddPaymentAccount(ctx context.Context, viewer auth.Viewer, in AddPaymentAccountInput) (*loan.PaymentAccount, bool, error) {
	valid := s.validated(ctx, &in.Account)
	return once(ctx, s, viewer, in.IdempotencyKey, "addPaymentAccount", in, func(tx *store.Tx) (*loan.PaymentAccount, error) {
		return s.addAccount(ctx, tx, viewer, in.Account, valid, "account")
	})
}

// checkAccount says all that is wrong with a new account, and makes it. path is
// where it is in the input.
func checkAccount(in NewPaymentAccountInput, path ...string) (*loan.PaymentAccount, error) {
	at := func(field string) []string { return append(path[:len(path):len(path)], field) }
	nickname, nicknameErr := cleanNickname(in.Nickname, at("nickname")...)
	err := errors.Join(
		authorized(in.Authorized, at("authorized")...),
		loan.CheckRoutingNumber(in.RoutingNumber, at("routingNumber")...),
		loan.CheckAccountNumber(in.AccountNumber, at("accountNumber")...),
		nicknameErr,
	)
	if err != nil {
		return nil, err
	}
	return &loan.PaymentAccount{
		Type: in.Type, RoutingNumber: in.RoutingNumber, Last4: in.AccountNumber[len(in.AccountNumber)-4:], Nickname: nickname,
	}, nil
}

// addAccount checks, seals and adds a bank account inside a transaction. valid is
// whether it can be debited at once.
func (s *Service) addAccount(ctx context.Context, tx *store.Tx, viewer auth.Viewer, in NewPaymentAccountInput, valid bool, path ...string) (*loan.PaymentAccount, error) {
	if err := steppedUp(ctx, tx, viewer); err != nil {
		return nil, err
	}
	account, err := checkAccount(in, path...)
	if err != nil {
		return nil, err
	}
	switch existing, err := s.sameAccount(ctx, tx, viewer.CustomerID, in.RoutingNumber, in.AccountNumber); {
	case err == nil:
		return nil, &loan.AccountExists{
			Refusal:        loan.Refusal{Code: loan.CodePaymentAccountExists, Message: "You have this account already.", Path: path},
			PaymentAccount: existing,
		}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	account.CustomerID = viewer.CustomerID
	account.AddedAt = auth.RequestFrom(ctx).At
	account.DebitableFrom = debitableFrom(in, valid, account.AddedAt)
	if account.IsDefault, err = becomesDefault(ctx, tx, viewer, in.MakeDefault); err != nil {
		return nil, err
	}
	fingerprint := AccountFingerprint(s.Vault, in.RoutingNumber, in.AccountNumber)
	sealed, err := s.Vault.Seal(in.AccountNumber, AccountBinding(viewer.CustomerID, fingerprint))
	if err != nil {
		return nil, fmt.Errorf("seal an account number: %w", err)
	}
	if err := tx.InsertPaymentAccount(ctx, account, sealed, fingerprint); err != nil {
		return nil, err
	}
	if err := askBank(ctx, tx, account, in, valid); err != nil {
		return nil, err
	}
	return account, record(ctx, tx, viewer, viewer.CustomerID, "payment_account.added", accountSubject(account), newAuthorization(auth.RequestFrom(ctx).Language, accountText(account)))
}

// sameAccount gets the account with these numbers that a customer has already, by
// whichever key its fingerprint was made; [store.ErrNotFound].
func (s *Service) sameAccount(ctx context.Context, tx *store.Tx, owner loan.CustomerID, routingNumber, accountNumber string) (*loan.PaymentAccount, error) {
	return tx.PaymentAccountByFingerprint(ctx, owner, s.Vault.Fingerprints(accountParts(routingNumber, accountNumber)...)...)
}

// AccountFingerprint is the keyed hash by which a bank account is known again.
func AccountFingerprint(v *vault.Vault, routingNumber, accountNumber string) []byte {
	return v.Fingerprint(accountParts(routingNumber, accountNumber)...)
}

func accountParts(routingNumber, accountNumber string) []string {
	return []string{"payment account", routingNumber, accountNumber}
}

// AccountBinding ties a sealed number to its row: in another customer's row, or
// beside another number's fingerprint, it does not open.
func AccountBinding(owner loan.CustomerID, fingerprint []byte) string {
	return fmt.Sprintf("payment_account:%d:%x", owner, fingerprint)
}

// becomesDefault decides whether a new account is the default one, and makes
// room for it. The first account always is.
func becomesDefault(ctx context.Context, tx *store.Tx, viewer auth.Viewer, wanted bool) (bool, error) {
	if wanted {
		return true, tx.ClearDefaultPaymentAccount(ctx, viewer.CustomerID)
	}
	present, err := defaultAccount(ctx, tx, viewer)
	return present == nil, err
}

// defaultAccount is the account that is offered first; nil where there is none.
func defaultAccount(ctx context.Context, tx *store.Tx, viewer auth.Viewer) (*loan.PaymentAccount, error) {
	accounts, err := tx.PaymentAccounts(ctx, viewer.CustomerID)
	for _, a := range accounts {
		if a.IsDefault && a.RemovedAt == nil {
			return a, err
		}
	}
	return nil, err
}

// source is the account that a payment draws on: a saved one, or a new one that
// is added in the same transaction.
func (s *Service) source(ctx context.Context, tx *store.Tx, viewer auth.Viewer, in *PaymentSourceInput, valid bool) (*loan.PaymentAccount, error) {
	switch {
	case in == nil || (in.Saved == nil) == (in.New == nil):
		return nil, loan.Refuse(loan.CodeInvalidInput, "Give exactly one of saved and new.", "paymentAccount")
	case in.New != nil:
		return s.addAccount(ctx, tx, viewer, *in.New, valid, "paymentAccount", "new")
	}
	return debitable(ctx, tx, viewer, *in.Saved, "paymentAccount", "saved")
}

// debitable gets a saved account that can be debited, and holds it.
func debitable(ctx context.Context, tx *store.Tx, viewer auth.Viewer, id loan.PaymentAccountID, path ...string) (*loan.PaymentAccount, error) {
	account, err := tx.LockPaymentAccount(ctx, viewer.CustomerID, id)
	if err != nil {
		return nil, found(err, path...)
	}
	if account.BlockedAt != nil {
		return nil, loan.Refuse(loan.CodePaymentAccountBlocked, "The bank takes no debits from this account. Add the right one.", path...)
	}
	return account, nil
}

// previewSource is source for a preview: nothing is added, and where none is
// given it is the default account, or nil where there is none.
func (s *Service) previewSource(ctx context.Context, tx *store.Tx, viewer auth.Viewer, in *PaymentSourceInput, valid bool) (*loan.PaymentAccount, error) {
	switch {
	case in != nil && in.New != nil && in.Saved == nil:
		account, err := checkAccount(*in.New, "paymentAccount", "new")
		if err == nil {
			account.DebitableFrom = debitableFrom(*in.New, valid, auth.RequestFrom(ctx).At)
		}
		return account, err
	case in != nil:
		return s.source(ctx, tx, viewer, in, valid)
	}
	return defaultAccount(ctx, tx, viewer)
}

// UpdatePaymentAccount changes the nickname of an account, or makes it the
// default one.
func (s *Service) UpdatePaymentAccount(ctx context.Context, viewer auth.Viewer, in UpdatePaymentAccountInput) (*loan.PaymentAccount, error) {
	nickname, err := cleanNickname(in.Nickname, "nickname")
	if err != nil {
		return nil, err
	}
	if in.MakeDefault != nil && !*in.MakeDefault {
		return nil, loan.Refuse(loan.CodeInvalidInput, "To change the default account, make another one the default.", "makeDefault")
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.PaymentAccount, error) {
		account, err := tx.LockPaymentAccount(ctx, viewer.CustomerID, in.PaymentAccountID)
		if err != nil {
			return nil, found(err, "paymentAccountId")
		}
		if in.Nickname != nil {
			account.Nickname = nickname
		}
		if in.MakeDefault != nil && !account.IsDefault {
			if err := tx.ClearDefaultPaymentAccount(ctx, viewer.CustomerID); err != nil {
				return nil, err
			}
			account.IsDefault = true
		}
		if err := tx.UpdatePaymentAccount(ctx, viewer.CustomerID, account); err != nil {
			return nil, err
		}
		return account, record(ctx, tx, viewer, viewer.CustomerID, "payment_account.updated", accountSubject(account), struct{}{})
	})
}

// RemovePaymentAccount removes an account on which nothing pending draws. The
// oldest of the others becomes the default one where it was that.
func (s *Service) RemovePaymentAccount(ctx context.Context, viewer auth.Viewer, in RemovePaymentAccountInput) (*loan.PaymentAccount, error) {
	if err := confirmed(in.Confirm); err != nil {
		return nil, err
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.PaymentAccount, error) {
		account, err := tx.LockPaymentAccount(ctx, viewer.CustomerID, in.PaymentAccountID)
		if err != nil {
			return nil, found(err, "paymentAccountId")
		}
		inUse, err := tx.PaymentAccountInUse(ctx, viewer.CustomerID, account.ID)
		if err != nil {
			return nil, err
		}
		if inUse {
			return nil, loan.Refuse(loan.CodePaymentAccountInUse, "A pending payment or Auto Pay draws on this account.", "paymentAccountId")
		}
		wasDefault := account.IsDefault
		now := auth.RequestFrom(ctx).At
		account.RemovedAt, account.IsDefault = &now, false
		if err := tx.UpdatePaymentAccount(ctx, viewer.CustomerID, account); err != nil {
			return nil, err
		}
		if wasDefault {
			if err := passOnDefault(ctx, tx, viewer); err != nil {
				return nil, err
			}
		}
		return account, record(ctx, tx, viewer, viewer.CustomerID, "payment_account.removed", accountSubject(account), struct{}{})
	})
}

func passOnDefault(ctx context.Context, tx *store.Tx, viewer auth.Viewer) error {
	accounts, err := tx.PaymentAccounts(ctx, viewer.CustomerID)
	for _, a := range accounts {
		if a.RemovedAt != nil {
			continue
		}
		next, err := tx.LockPaymentAccount(ctx, viewer.CustomerID, a.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		next.IsDefault = true
		return tx.UpdatePaymentAccount(ctx, viewer.CustomerID, next)
	}
	return err
}

// cleanNickname trims a nickname and refuses one that is too long or would
// disturb a screen.
func cleanNickname(in *string, path ...string) (string, error) {
	if in == nil {
		return "", nil
	}
	name := strings.TrimSpace(*in)
	if utf8.RuneCountInString(name) > maxNickname || !printable(name) {
		return "", loan.Refuse(loan.CodeInvalidInput, "A nickname has at most 40 characters on one line.", path...)
	}
	return name, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func accountSubject(a *loan.PaymentAccount) string { return fmt.Sprintf("payment_account:%d", a.ID) }
