package loan_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func correctable(lease bool) loan.Contract {
	terms := loan.Terms{AccountNumberLast4: "4821", OpenedOn: day("2025-11-18"), MaturesOn: day("2030-11-18"), TermMonths: 60,
		Instalment: 425_00, CurrentDue: 425_00, DueOn: day("2026-11-25"), PastDue: 425_00, Fees: 25_00}
	if lease {
		return &loan.Lease{Terms: terms, PurchaseOption: 16_500_00, InstalmentsRemaining: 12, Prepaid: 100_00}
	}
	return &loan.Loan{Terms: terms, AmountFinanced: 24_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: day("2026-10-19")}
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	on := day("2026-11-18") // $94.52 of interest has accrued on the loan since it was paid
	for name, c := range map[string]struct {
		lease    bool
		with     loan.LedgerCorrection
		code     loan.Code
		postings int
		want     loan.Posting // of the correction
	}{
		"a fee is waived": {
			with: loan.LedgerCorrection{Fees: -25_00, Against: loan.AgainstIncome}, postings: 2,
			want: loan.Posting{Fees: -25_00, Income: 25_00},
		},
		"all interest is waived": {
			with: loan.LedgerCorrection{Interest: -94_52, Against: loan.AgainstIncome}, postings: 2,
			want: loan.Posting{Interest: -94_52, Income: 94_52},
		},
		"a check that came by mail": {
			with: loan.LedgerCorrection{Principal: -330_48, Interest: -94_52, PastDue: -425_00, Against: loan.AgainstCash}, postings: 2,
			want: loan.Posting{Principal: -330_48, Interest: -94_52, PastDue: -425_00, Cash: 425_00},
		},
		"nothing is owed any more, and nothing is due": {
			with: loan.LedgerCorrection{Principal: -20_000_00, Interest: -94_52, Fees: -25_00, Against: loan.AgainstFunding}, postings: 2,
			want: loan.Posting{Principal: -20_000_00, Interest: -94_52, Fees: -25_00, PastDue: -425_00, CurrentDue: -425_00, Funding: 20_119_52},
		},
		"what is due alone": {
			with: loan.LedgerCorrection{PastDue: -425_00, Against: loan.AgainstIncome}, postings: 2,
			want: loan.Posting{PastDue: -425_00},
		},
		"more interest than there is":    {with: loan.LedgerCorrection{Interest: -94_53, Against: loan.AgainstIncome}, code: loan.CodeCorrectionNotAllowed},
		"more fees than there are":       {with: loan.LedgerCorrection{Fees: -25_01, Against: loan.AgainstIncome}, code: loan.CodeCorrectionNotAllowed},
		"more principal than there is":   {with: loan.LedgerCorrection{Principal: -20_000_01, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"more past due than there is":    {with: loan.LedgerCorrection{PastDue: -425_01, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"instalments of a loan":          {with: loan.LedgerCorrection{Instalments: 1, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"nothing":                        {with: loan.LedgerCorrection{Against: loan.AgainstIncome}, code: loan.CodeInvalidInput},
		"against no account":             {with: loan.LedgerCorrection{Fees: -1}, code: loan.CodeInvalidInput},
		"more than there can be":         {with: loan.LedgerCorrection{Principal: loan.MaxCents + 1, Against: loan.AgainstIncome}, code: loan.CodeInvalidInput},
		"principal of a lease":           {lease: true, with: loan.LedgerCorrection{Principal: 1, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"more ahead of a lease than is":  {lease: true, with: loan.LedgerCorrection{Instalments: -5_000_01, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"less prepaid than nothing":      {lease: true, with: loan.LedgerCorrection{Instalments: 100_01, Against: loan.AgainstCash}, code: loan.CodeCorrectionNotAllowed},
		"an instalment of a lease":       {lease: true, with: loan.LedgerCorrection{Instalments: -425_00, CurrentDue: -425_00, Against: loan.AgainstCash}, postings: 1, want: loan.Posting{Instalments: -425_00, CurrentDue: -425_00, Cash: 425_00}},
		"what was prepaid is taken back": {lease: true, with: loan.LedgerCorrection{Instalments: 100_00, Against: loan.AgainstCash}, postings: 1, want: loan.Posting{Instalments: 100_00, Cash: -100_00}},
		"what is past due becomes ahead": {lease: true, with: loan.LedgerCorrection{PastDue: -100_00, Against: loan.AgainstCash}, postings: 1, want: loan.Posting{PastDue: -100_00}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := correctable(c.lease)
			postings, err := contract.Correct(c.with, on)
			if codeOf(err) != c.code || len(postings) != c.postings {
				t.Fatalf("%d postings, %v", len(postings), err)
			}
			if err != nil {
				if !reflect.DeepEqual(contract, correctable(c.lease)) {
					t.Errorf("it was changed: %+v", contract)
				}
				return
			}
			c.want.Kind, c.want.EffectiveOn, c.want.DueOn = loan.PostCorrection, on, day("2026-11-25")
			if got := postings[len(postings)-1]; got != c.want {
				t.Errorf("got\n%+v\nwant\n%+v", got, c.want)
			}
		})
	}
}

// Whatever is corrected: the posting adds up to zero, nothing is below zero, the
// contract is what its ledger adds up to, and what is refused changes nothing.
func TestCorrectKeepsTheBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		contract := correctable(rapid.Bool().Draw(t, "lease"))
		ledger := []loan.Posting{loan.Opening(contract, contract.Common().OpenedOn)}
		on := day("2026-11-18")
		cents := func(name string) loan.Cents {
			if rapid.Bool().Draw(t, "no "+name) {
				return 0
			}
			return loan.Cents(rapid.Int64Range(-6_000_00, 1_000_00).Draw(t, name))
		}
		for range rapid.IntRange(1, 6).Draw(t, "corrections") {
			on = on.AddDays(rapid.IntRange(0, 40).Draw(t, "days"))
			contract.Bill(on)
			before := contract.Clone()
			postings, err := contract.Correct(loan.LedgerCorrection{
				Principal: cents("principal"), Interest: cents("interest"), Fees: cents("fees"), Instalments: cents("instalments"),
				PastDue: cents("past due"), CurrentDue: cents("current due"),
				Against: rapid.SampledFrom([]loan.LedgerAccount{loan.AgainstCash, loan.AgainstFunding, loan.AgainstIncome}).Draw(t, "against"),
			}, on)
			if err != nil && (len(postings) > 0 || !reflect.DeepEqual(before, contract)) {
				t.Fatalf("refused, and changed to %+v", contract)
			}
			ledger = append(ledger, postings...)
		}
		var sum loan.Posting
		for _, p := range ledger {
			if p.Sum() != 0 {
				t.Fatalf("%+v adds up to %s", p, p.Sum())
			}
			sum.Principal, sum.Interest, sum.Fees, sum.Instalments = sum.Principal+p.Principal, sum.Interest+p.Interest, sum.Fees+p.Fees, sum.Instalments+p.Instalments
		}
		terms := contract.Common()
		switch c := contract.(type) {
		case *loan.Loan:
			if c.Principal != sum.Principal || c.InterestUnpaid != sum.Interest || c.Principal < 0 || c.InterestUnpaid < 0 {
				t.Fatalf("%+v is not %+v", c, sum)
			}
		case *loan.Lease:
			if owed := c.PastDue + c.CurrentDue + loan.Cents(c.InstalmentsRemaining)*c.Instalment - c.Prepaid; owed != sum.Instalments || c.Prepaid < 0 {
				t.Fatalf("%+v is not %+v", c, sum)
			}
		}
		if terms.Fees != sum.Fees || terms.Fees < 0 || terms.PastDue < 0 || terms.CurrentDue < 0 {
			t.Fatalf("%+v is not %+v", terms, sum)
		}
	})
}

func TestCheckDecision(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	r := loan.CorrectionRequest{ProposedBy: "ada", Status: loan.CorrectionProposed, ExpiresAt: at}
	last := at.Add(-time.Microsecond)
	for name, c := range map[string]struct {
		status  loan.CorrectionStatus
		by      loan.Operator
		approve bool
		now     time.Time
		want    loan.Code
	}{
		"a second operator":           {loan.CorrectionProposed, "ben", true, last, ""},
		"the same one":                {loan.CorrectionProposed, "ada", true, last, loan.CodeNotPermitted},
		"too late":                    {loan.CorrectionProposed, "ben", true, at, loan.CodeCorrectionExpired},
		"rejected too late":           {loan.CorrectionProposed, "ben", false, at, ""},
		"taken back by who proposed":  {loan.CorrectionProposed, "ada", false, last, ""},
		"approved before":             {loan.CorrectionApproved, "cay", true, last, loan.CodeCorrectionDecided},
		"rejected before":             {loan.CorrectionRejected, "cay", true, last, loan.CodeCorrectionDecided},
		"rejected after the approval": {loan.CorrectionApproved, "cay", false, last, loan.CodeCorrectionDecided},
	} {
		r.Status = c.status
		if got := codeOf(r.CheckDecision(c.by, c.approve, c.now)); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestParseOperator(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]loan.Operator{
		"ada": "ada", "Ada.Lovelace@lender.example": "ada.lovelace@lender.example", "": "", "a": "", "1a": "", "ada lovelace": "", "ada\n": "", strings.Repeat("a", 61): "",
	} {
		if got, err := loan.ParseOperator(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", name, got, err)
		}
	}
}

func TestCheckReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]bool{
		"case 4711, the customer called": true, "bankruptcy filed on 20261118": true, "Ñandú": true,
		"": false, "no!": false, "two\nlines": false, strings.Repeat("x", 501): false, "from account 123456789": false, "bad \xff bytes": false,
	} {
		if err := loan.CheckReason(reason); (err == nil) != want {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

func TestParseCents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]loan.Cents{"25": 25_00, "-25.10": -25_10, "0.01": 1} {
		if got, err := loan.ParseCents(text); got != want || err != nil {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", "--1", "1.001", "x", "0"} {
		if _, err := loan.ParseCents(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestCheckHold(t *testing.T) {
	t.Parallel()
	var refusal loan.UserError
	now := time.Now()
	if v := (loan.Vehicle{}); v.CheckHold() != nil || v.OnHold() {
		t.Error("without a hold it is refused")
	}
	if v := (loan.Vehicle{HeldSince: &now}); !errors.As(v.CheckHold(), &refusal) || refusal.ErrorCode() != loan.CodeAccountOnHold {
		t.Error("with a hold it is not refused")
	}
}
