package servicing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

// authorizationVersion names the wording below. A changed wording gets a new
// version; the texts themselves are kept with what they authorised.
const authorizationVersion = "2026-11"

// Authorization is a text that a customer authorises, kept in the audit row of
// the change together with when, from where and in which session.
type Authorization struct {
	Text    string `json:"text"`
	Version string `json:"version"`
	Hash    string `json:"hash"` // SHA-256 of the text, hexadecimal
}

func newAuthorization(text string) *Authorization {
	sum := sha256.Sum256([]byte(text))
	return &Authorization{Text: text, Version: authorizationVersion, Hash: hex.EncodeToString(sum[:])}
}

// authorizePayment is the text for one debit. Whatever the customer must see is
// in it, so that its hash changes with any of that.
func authorizePayment(p *PaymentPreview, v *loan.Vehicle, a *loan.PaymentAccount) *Authorization {
	return newAuthorization(fmt.Sprintf(
		"I authorize a one-time debit of %s on or after %s from my %s, to be credited on %s to the %s ending in %s for my %s. "+
			"I can cancel it before %s.",
		p.Amount, spelled(p.DebitedOn), accountName(a), spelled(p.CreditedOn), contractName(v), v.AccountNumberLast4(), vehicleName(v),
		p.CancelBy.In(loan.Eastern).Format("3 pm Eastern on January 2, 2006")))
}

// authorizeAutoPay is the text for recurring debits.
func authorizeAutoPay(auto *loan.AutoPay, v *loan.Vehicle, a *loan.PaymentAccount) *Authorization {
	var amount, day string
	switch auto.AmountKind {
	case loan.AutoPayAmountDue:
		amount = "the amount due"
	case loan.AutoPayFixed:
		amount = auto.Amount.Formatted()
	case loan.AutoPayAmountDuePlus:
		amount = "the amount due and " + auto.Amount.Formatted() + " more"
	}
	if auto.DaysBeforeDue != nil {
		day = fmt.Sprintf("%d days before each due date", *auto.DaysBeforeDue)
	} else {
		day = fmt.Sprintf("day %d of each month (the last day of a shorter one)", *auto.DayOfMonth)
	}
	return newAuthorization(fmt.Sprintf(
		"I authorize recurring debits of %s on %s from my %s, to be credited to the %s ending in %s for my %s, until I end Auto Pay. "+
			"I am told 10 days before a debit whose amount differs from the one before, and can cancel a debit before 3 pm Eastern on its date.",
		amount, day, accountName(a), contractName(v), v.AccountNumberLast4(), vehicleName(v)))
}

// authorizeAccount is the text for keeping a bank account to debit.
func authorizeAccount(a *loan.PaymentAccount) *Authorization {
	return newAuthorization(fmt.Sprintf(
		"I am an owner of the %s at the bank with routing number %s, and authorize debits from it that I schedule.", accountName(a), a.RoutingNumber))
}

// authorizePaperless is the consent to online statements.
func authorizePaperless(v *loan.Vehicle) *Authorization {
	return newAuthorization(fmt.Sprintf(
		"I agree to get the statements of the %s ending in %s for my %s online instead of on paper. I can go back to paper at any time.",
		contractName(v), v.AccountNumberLast4(), vehicleName(v)))
}

func accountName(a *loan.PaymentAccount) string {
	return strings.ToLower(string(a.Type)) + " account ending in " + a.Last4
}

func contractName(v *loan.Vehicle) string {
	if _, lease := v.Contract.(*loan.Lease); lease {
		return "lease"
	}
	return "loan"
}

func vehicleName(v *loan.Vehicle) string { return fmt.Sprintf("%d %s %s", v.Year, v.Make, v.Model) }

func spelled(d loan.Date) string { return d.At(12).Format("January 2, 2006") }
