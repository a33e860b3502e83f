package ach_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

// Every code with what it leads to: r reverse the credit, a again, b block the
// account, c cancel what is pending, p pause Auto Pay, e end it, o open a case.
const table = `
R01 OTHER r a
R02 ADMINISTRATIVE r b c p
R03 ADMINISTRATIVE r b c p
R04 ADMINISTRATIVE r b c p
R05 UNAUTHORIZED r c p o
R06 OTHER r o
R07 UNAUTHORIZED r c e
R08 OTHER r
R09 OTHER r a
R10 UNAUTHORIZED r b c p o
R11 UNAUTHORIZED r c p o
R12 OTHER r b c p
R13 OTHER r b c p
R14 OTHER r b c p o
R15 OTHER r b c p o
R16 OTHER r b c p
R17 OTHER r b c p o
R18 OTHER r o
R19 OTHER r o
R20 OTHER r b c p
R21 OTHER r o
R22 OTHER r o
R23 OTHER o
R24 OTHER r o
R25 OTHER r o
R26 OTHER r o
R27 OTHER r o
R28 OTHER r b c p o
R29 UNAUTHORIZED r b c p
R31 OTHER r o
R32 OTHER r b c p o
R34 OTHER r b c p o
R51 UNAUTHORIZED r b c p o
R61 OTHER o
R62 OTHER o
R67 OTHER o
R68 OTHER o
R69 OTHER o
R70 OTHER o
R71 OTHER o
R72 OTHER o
R73 OTHER o
R74 OTHER o
R75 OTHER o
R76 OTHER o
R77 OTHER o
`

func inWords(a ach.Action) string {
	words := []string{string(a.Category)}
	for _, w := range []struct {
		on   bool
		word string
	}{
		{a.ReverseCredit, "r"}, {a.Represent, "a"}, {a.BlockAccount, "b"}, {a.CancelPending, "c"},
		{a.AutoPay == ach.PauseAutoPay, "p"}, {a.AutoPay == ach.EndAutoPay, "e"}, {a.OpenCase, "o"},
	} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

func TestActionFor(t *testing.T) {
	seen := 0
	for line := range strings.SplitSeq(strings.TrimSpace(table), "\n") {
		code, want, _ := strings.Cut(line, " ")
		action, known := ach.ActionFor(code)
		if got := inWords(action); !known || got != want || action.Reason == "" {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
		seen++
	}
	if seen != len(ach.Actions) {
		t.Errorf("%d of %d codes are in the table", seen, len(ach.Actions))
	}
	for _, code := range []string{"R99", "R30", "", "C01", "r01"} {
		if action, known := ach.ActionFor(code); known || inWords(action) != "OTHER r b c p o" {
			t.Errorf("%q: %v %t", code, inWords(action), known)
		}
	}
}

// What a rule of the network forbids must not be in any row.
func TestActionsAreConsistent(t *testing.T) {
	for code, a := range ach.Actions {
		if a.Represent && (code != "R01" && code != "R09" || a.BlockAccount || !a.ReverseCredit) {
			t.Errorf("%s must not be sent again", code)
		}
		if a.BlockAccount && (!a.CancelPending || a.AutoPay == ach.KeepAutoPay) {
			t.Errorf("%s blocks the account and would debit it", code)
		}
	}
}

func TestExceeds(t *testing.T) {
	for _, c := range []struct {
		limit, returns, debits int
		want                   bool
	}{
		{ach.UnauthorizedLimit, 5, 1000, false},
		{ach.UnauthorizedLimit, 6, 1000, true},
		{ach.AdministrativeLimit, 30, 1000, false},
		{ach.AdministrativeLimit, 31, 1000, true},
		{ach.OverallLimit, 150, 1000, false},
		{ach.OverallLimit, 151, 1000, true},
		{ach.OverallLimit, 0, 0, false},
	} {
		if got := ach.Exceeds(c.limit, c.returns, c.debits); got != c.want {
			t.Error(fmt.Sprint(c), got)
		}
	}
}

// What a customer is told of a code; of what is not listed, nothing.
func TestReasonFor(t *testing.T) {
	t.Parallel()
	told := map[string]loan.ReturnReason{}
	for reason, codes := range map[loan.ReturnReason]string{
		loan.ReturnInsufficientFunds: "R01 R09", loan.ReturnAccountClosed: "R02", loan.ReturnAccountNotFound: "R03 R04 R12 R13",
		loan.ReturnNoDebits: "R16 R20", loan.ReturnStopped: "R08", loan.ReturnNotAuthorized: "R05 R07 R10 R11 R29 R51",
	} {
		for code := range strings.FieldsSeq(codes) {
			told[code] = reason
		}
	}
	for i := range 100 {
		code := fmt.Sprintf("R%02d", i)
		if got, want := ach.ReasonFor(code), cmp.Or(told[code], loan.ReturnOther); got != want {
			t.Errorf("of %s customers are told %s, want %s", code, got, want)
		}
	}
}
