package ach

import (
	"fmt"
	"log/slog"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/loan"
)

// AccountNumber is a full bank account number. It does not print.
type AccountNumber string

const hidden = "[account number]"

// Format prints a placeholder, whatever the verb.
func (AccountNumber) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue keeps the number out of logs.
func (AccountNumber) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText keeps it out of JSON.
func (AccountNumber) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Kind is what an entry does.
type Kind int

// The kinds of entries.
const (
	// Debit takes a payment.
	Debit Kind = iota
	// Prenote asks the bank, with no money, whether the account can be debited.
	Prenote
	// Reversal gives back a debit that was sent in error.
	Reversal
	// MicroEntry gives less than a dollar, for the account's holder to tell how much.
	MicroEntry
)

// credit tells whether the entry gives money.
func (k Kind) credit() bool { return k == Reversal || k == MicroEntry }

// transactionCode is the code of an entry: the first digit is the account, 2
// checking and 3 savings; the second 7 is a debit, 8 its prenote, 2 a credit.
func transactionCode(kind Kind, account loan.AccountType) (int, bool) {
	var code int
	switch account {
	case loan.Checking:
		code = moov.CheckingDebit
	case loan.Savings:
		code = moov.SavingsDebit
	default:
		return 0, false
	}
	switch kind {
	case Debit:
	case Prenote:
		code++
	case Reversal, MicroEntry:
		code -= 5
	default:
		return 0, false
	}
	return code, true
}

// accountTypeOf is the kind of account that a transaction code is for; false for
// general ledger and loan accounts.
func accountTypeOf(code int) (loan.AccountType, bool) {
	switch code / 10 {
	case 2:
		return loan.Checking, true
	case 3:
		return loan.Savings, true
	}
	return "", false
}

// returnCode is the transaction code with which a bank returns an entry, or
// notifies of a change to it: 1 for a credit, 6 for a debit, prenotes included.
func returnCode(code int) int {
	if code%10 < 5 {
		return code/10*10 + 1
	}
	return code/10*10 + 6
}
