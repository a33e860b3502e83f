package servicing

import (
	"context"
	"crypto/rand"
	"errors"
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
			tx.InsertAccountEntry(ctx, account.CustomerID, account.ID, store.MicroEntry, m.First),
			tx.InsertAccountEntry(ctx, account.CustomerID, account.ID, store.MicroEntry, m.Second),
		)
	case valid:
		return nil
	}
	return tx.InsertAccountEntry(ctx, account.CustomerID, account.ID, store.PrenoteEntry, 0)
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
				tx.UpdateMicroEntries(ctx, viewer.CustomerID, m),
				tx.SetDebitable(ctx, viewer.CustomerID, account.ID, account.DebitableFrom),
				record(ctx, tx, viewer, viewer.CustomerID, "payment_account.validated", accountSubject(account), struct{}{}),
			)
		}
		wrong = loan.Refuse(loan.CodeMicroEntriesWrong, "These are not the two amounts.", "amounts")
		m.Tries++
		if m.Tries < mostTries {
			return account, tx.UpdateMicroEntries(ctx, viewer.CustomerID, m)
		}
		_, err = tx.BlockAccount(ctx, viewer.CustomerID, account.ID, "micro-entries", now)
		return account, errors.Join(
			err,
			tx.UpdateMicroEntries(ctx, viewer.CustomerID, m),
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
