package servicing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// Validator tells at once whether a bank account is open and can be debited.
//
// Validate MUST answer within the context's deadline, and MUST NOT keep or log the
// number. False says that it does not know: the account is then validated by a
// prenote.
type Validator interface {
	Validate(ctx context.Context, routingNumber, accountNumber string, kind loan.AccountType) (bool, error)
}

// AccountValidation is how a new account is validated before its first debit.
type AccountValidation string

// The ways to validate an account.
const (
	ValidateAutomatic    AccountValidation = "AUTOMATIC"
	ValidateMicroEntries AccountValidation = "MICRO_ENTRIES"
)

const (
	// prenoteDays is how many banking days after a prenote the account is taken for
	// good if nothing has come back.
	prenoteDays = 3
	// mostTries is how often the amounts of micro-entries may be told.
	mostTries = 3
)

// validated asks the validator about a new account, before any transaction: where
// it cannot be asked, the account is not valid at once, and no worse.
func (s *Service) validated(ctx context.Context, in *NewPaymentAccountInput) bool {
	if in == nil || in.ValidateBy == ValidateMicroEntries {
		return false
	}
	if _, err := checkAccount(*in); err != nil {
		return false // it will be refused
	}
	ok, err := s.Validator.Validate(ctx, in.RoutingNumber, in.AccountNumber, in.Type)
	return ok && err == nil
}

// debitableFrom is the first day of a debit from a new account: today where it is
// valid at once, three banking days after the prenote that the next run sends, or
// no day until the holder has told the amounts of micro-entries.
func debitableFrom(in NewPaymentAccountInput, valid bool, now time.Time) loan.Date {
	switch {
	case in.ValidateBy == ValidateMicroEntries:
		return loan.Date{}
	case valid:
		return loan.DateOf(now)
	}
	next := loan.CutoffsBetween(now, now.AddDate(0, 0, 2))[0]
	return ach.AddBankingDays(ach.EffectiveOn(loan.DateOf(next), next), prenoteDays)
}

// askBank queues the entries that validate a new account: none where it is valid.
func askBank(ctx context.Context, tx *store.Tx, account *loan.PaymentAccount, in NewPaymentAccountInput, valid bool) error {
	switch {
	case in.ValidateBy == ValidateMicroEntries:
		m := store.MicroEntries{PaymentAccountID: account.ID, First: smallAmount(), Second: smallAmount()}
		return errors.Join(
			tx.InsertMicroEntries(ctx, account.CustomerID, m),
			tx.InsertAccountEntry(ctx, account.ID, store.MicroEntry, m.First),
			tx.InsertAccountEntry(ctx, account.ID, store.MicroEntry, m.Second),
		)
	case valid:
		return nil
	}
	return tx.InsertAccountEntry(ctx, account.ID, store.PrenoteEntry, 0)
}

// smallAmount is from one to 99 cents, not to be guessed.
func smallAmount() loan.Cents {
	n, err := rand.Int(rand.Reader, big.NewInt(99))
	if err != nil {
		panic(err) // does not fail
	}
	return loan.Cents(n.Int64() + 1)
}

// checkDebitable refuses a debit from an account before it is validated, and
// offers the earliest date.
func checkDebitable(a *loan.PaymentAccount, debitedOn loan.Date) error {
	refusal := loan.Refusal{Code: loan.CodePaymentAccountNotValidated, Message: "This account has not been validated yet.", Path: []string{"paymentAccount"}}
	switch {
	case a.DebitableFrom.IsZero():
		return &refusal
	case debitedOn.Before(a.DebitableFrom):
		return &loan.DateNotAllowed{Refusal: refusal, EarliestOn: a.DebitableFrom}
	}
	return nil
}

// ConfirmMicroEntries validates an account by the two amounts that its holder has
// seen on it, in any order. After three wrong tries the account is blocked.
func (s *Service) ConfirmMicroEntries(ctx context.Context, viewer auth.Viewer, in ConfirmMicroEntriesInput) (*loan.PaymentAccount, error) {
	var told []loan.Cents
	for _, d := range in.Amounts {
		amount, err := d.Payable("amounts")
		if err != nil {
			return nil, err
		}
		told = append(told, amount)
	}
	now := auth.RequestFrom(ctx).At
	var wrong error // a wrong try is written, so it must not end the transaction
	account, err := inTx(ctx, s, func(tx *store.Tx) (*loan.PaymentAccount, error) {
		wrong = nil
		account, err := debitable(ctx, tx, viewer, in.PaymentAccountID, "paymentAccountId")
		if err != nil {
			return nil, err
		}
		m, err := tx.LockMicroEntries(ctx, viewer.CustomerID, account.ID)
		if err != nil {
			return nil, found(err, "paymentAccountId")
		}
		if m.ConfirmedAt != nil {
			return account, nil
		}
		slices.Sort(told)
		if slices.Equal(told, []loan.Cents{min(m.First, m.Second), max(m.First, m.Second)}) {
			m.ConfirmedAt, account.DebitableFrom = &now, loan.DateOf(now)
			return account, errors.Join(
				tx.UpdateMicroEntries(ctx, m),
				tx.SetDebitable(ctx, viewer.CustomerID, account.ID, account.DebitableFrom),
				record(ctx, tx, viewer, viewer.CustomerID, "payment_account.validated", accountSubject(account), struct{}{}),
			)
		}
		wrong = loan.Refuse(loan.CodeMicroEntriesWrong, "These are not the two amounts.", "amounts")
		m.Tries++
		if m.Tries < mostTries {
			return account, tx.UpdateMicroEntries(ctx, m)
		}
		return account, errors.Join(
			tx.UpdateMicroEntries(ctx, m),
			tx.BlockAccount(ctx, account.ID, "micro-entries", now),
			record(ctx, tx, viewer, viewer.CustomerID, "payment_account.blocked", accountSubject(account), struct{}{}),
		)
	})
	if err == nil {
		err = wrong
	}
	if err != nil {
		return nil, err
	}
	return account, nil
}

// takeNotification corrects an account as its bank has told, before the next
// entry. What is not for the machine goes to the operators' list.
func (s *Service) takeNotification(ctx context.Context, source string, n ach.Notification, now time.Time) error {
	detail := fmt.Sprintf("%s for trace %s", n.Code, n.OriginalTrace)
	entry, err := s.Store.EntryByTrace(ctx, n.OriginalTrace)
	c := n.Correction
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.except(ctx, source, "notification about an unknown entry", detail, now)
	case err != nil:
		return err
	case n.Unusable || c.RoutingNumber == "" && c.AccountNumber == "" && c.AccountType == "":
		return s.except(ctx, source, "notification to look at", detail, now)
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		claimed, err := tx.ClaimReturn(ctx, entry, n.OriginalTrace, n.Code, now)
		if err != nil || !claimed {
			return err
		}
		account, err := tx.SealedAccount(ctx, entry.PaymentAccountID)
		if err != nil {
			return err
		}
		if err := s.correct(account, c); err != nil {
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
// anew.
func (s *Service) correct(a *store.SealedAccount, c ach.Correction) error {
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
	a.Fingerprint = AccountFingerprint(s.Vault, a.RoutingNumber, number)
	a.Sealed, err = s.Vault.Seal(number, AccountBinding(a.CustomerID, a.Fingerprint))
	return err
}
