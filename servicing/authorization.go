package servicing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/wording"
)

// authorizationVersion names the wording below, in all languages. A changed wording gets
// a new version; the texts themselves are kept with what they authorised.
const authorizationVersion = "2026-11.2"

// Authorization is a text that a customer authorises, kept in the audit row of
// the change together with when, from where and in which session.
type Authorization struct {
	Text     string        `json:"text"`
	Language loan.Language `json:"language"`
	Version  string        `json:"version"`
	Hash     string        `json:"hash"` // SHA-256 of the text, hexadecimal
}

func newAuthorization(l loan.Language, text loan.Message) *Authorization {
	if !slices.Contains(loan.Languages(), l) {
		l = loan.English
	}
	said := wording.Say(l, text)
	sum := sha256.Sum256([]byte(said))
	return &Authorization{Text: said, Language: l, Version: authorizationVersion, Hash: hex.EncodeToString(sum[:])}
}

// confirmedText is the text of an authorisation that has a hash, in whichever language
// it was shown; nil where it has none such in any. Without a hash it is the text in the
// language of the request.
func confirmedText(hash *string, l loan.Language, text loan.Message) *Authorization {
	if hash == nil {
		return newAuthorization(l, text)
	}
	for _, shown := range loan.Languages() {
		if a := newAuthorization(shown, text); a.Hash == *hash {
			return a
		}
	}
	return nil
}

// paymentText is the text for one debit. Whatever the customer must see is in it,
// so that its hash changes with any of that.
func paymentText(p *PaymentPreview, v *loan.Vehicle, a *loan.PaymentAccount) loan.Message {
	return loan.Message{
		Phrase: "I authorize a one-time debit of %s on or after %s from my %s, to be credited on %s to the %s ending in %s for my %s. " +
			"I can cancel it before %s.",
		Args: []any{p.Amount, p.DebitedOn, accountName(a), p.CreditedOn, contractName(v), v.AccountNumberLast4(), vehicleName(v), p.CancelBy},
	}
}

// autoPayText is the text for recurring debits.
func autoPayText(auto *loan.AutoPay, v *loan.Vehicle, a *loan.PaymentAccount) loan.Message {
	var amount any
	switch auto.AmountKind {
	case loan.AutoPayAmountDue:
		amount = loan.Message{Phrase: "the amount due"}
	case loan.AutoPayFixed:
		amount = auto.Amount
	case loan.AutoPayAmountDuePlus:
		amount = loan.Message{Phrase: "the amount due and %s more", Args: []any{auto.Amount}}
	}
	return loan.Message{
		Phrase: "I authorize recurring debits of %s on %s from my %s, to be credited to the %s ending in %s for my %s, until I end Auto Pay. " +
			"I am told 10 days before a debit whose amount differs from the one before, and can cancel a debit before 3 pm Eastern on its date.",
		Args: []any{amount, payDay(auto), accountName(a), contractName(v), v.AccountNumberLast4(), vehicleName(v)},
	}
}

func payDay(auto *loan.AutoPay) loan.Message {
	switch {
	case auto.DaysBeforeDue == nil:
		return loan.Message{Phrase: "day %d of each month (the last day of a shorter one)", Args: []any{*auto.DayOfMonth}}
	case *auto.DaysBeforeDue == 0:
		return loan.Message{Phrase: "each due date"}
	case *auto.DaysBeforeDue == 1:
		return loan.Message{Phrase: "the day before each due date"}
	}
	return loan.Message{Phrase: "%d days before each due date", Args: []any{*auto.DaysBeforeDue}}
}

// accountText is the text for keeping a bank account to debit.
func accountText(a *loan.PaymentAccount) loan.Message {
	return loan.Message{
		Phrase: "I am an owner of the %s at the bank with routing number %s, and authorize debits from it that I schedule.",
		Args:   []any{accountName(a), a.RoutingNumber},
	}
}

// partnerText is the consent to what a partner may do.
func partnerText(p loan.Partner, scopes loan.Scopes) loan.Message {
	may := map[loan.Scope]loan.Message{
		loan.ScopeVehiclesRead:   {Phrase: "see my vehicles and what I owe for them"},
		loan.ScopePaymentsRead:   {Phrase: "see my payments, Auto Pay and the bank accounts I pay from"},
		loan.ScopePaymentsWrite:  {Phrase: "make payments from these bank accounts, and cancel those it has made"},
		loan.ScopeStatementsRead: {Phrase: "see my statements"},
		loan.ScopeEventsRead:     {Phrase: "be told when any of this changes"},
	}
	list := may[scopes[0]]
	for _, scope := range scopes[1:] {
		list = loan.Message{Phrase: "%s; %s", Args: []any{list, may[scope]}}
	}
	return loan.Message{Phrase: "I let %s do the following for me, until I take it back: %s.", Args: []any{p.Name, list}}
}

func accountName(a *loan.PaymentAccount) loan.Message {
	name := loan.Message{Phrase: "checking account ending in %s", Args: []any{a.Last4}}
	if a.Type == loan.Savings {
		name.Phrase = "savings account ending in %s"
	}
	return name
}

func contractName(v *loan.Vehicle) loan.Message {
	if _, lease := v.Contract.(*loan.Lease); lease {
		return loan.Message{Phrase: "lease"}
	}
	return loan.Message{Phrase: "loan"}
}

// vehicleName is one text: the year is no figure to be grouped.
func vehicleName(v *loan.Vehicle) string { return fmt.Sprintf("%d %s %s", v.Year, v.Make, v.Model) }
