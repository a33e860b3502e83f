package loan_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func TestPayable(t *testing.T) {
	for s, want := range map[string]loan.Cents{
		"425":         42500,
		"425.0":       42500,
		"425.00":      42500,
		"425.5":       42550,
		"425.05":      42505,
		"0.01":        1,
		"1.500":       150, // zeros after the cent are no fraction of one
		"1.000000000": 100,
		"007":         700,
		"99999999.99": loan.MaxCents,
	} {
		if got, err := loan.Decimal(s).Payable(); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", s, got, err, want)
		}
		if d, ok := loan.ParseDecimal(s); !ok || string(d) != s {
			t.Errorf("%s must be a decimal", s)
		}
	}
	for s, message := range map[string]string{
		"0":               "more than zero",
		"0.00":            "more than zero",
		"-0":              "more than zero",
		"-425.00":         "more than zero",
		"1.005":           "two decimals",
		"0.001":           "two decimals",
		"1.001000000":     "two decimals",
		"100000000":       "too large",
		"99999999.991":    "two decimals",
		"100000000.00":    "too large",
		"999999999999.99": "too large",
	} {
		checkAmountInvalid(t, s, message)
		if _, ok := loan.ParseDecimal(s); !ok {
			t.Errorf("%s must be a decimal, though it cannot be paid", s)
		}
	}
	for _, s := range []string{
		"", "-", ".", "1e3", "+1", ".5", "-.5", "1.", "-1.", " 1", "1 ", "1,000.00", "$1", "--1", "1.-5", "1.2.3", "0x10", "1_000",
		"NaN", "Inf", "１", "1.１", "1\x00", "1234567890123", "1.0000000000",
	} {
		checkAmountInvalid(t, s, "decimal number")
		if d, ok := loan.ParseDecimal(s); ok || d != "" {
			t.Errorf("%q must be no decimal", s)
		}
	}
}

func checkAmountInvalid(t *testing.T, s, message string) {
	t.Helper()
	got, err := loan.Decimal(s).Payable("input", "amount")
	refusal, ok := errors.AsType[*loan.AmountNotAllowed](err)
	switch {
	case !ok:
		t.Errorf("%q must be refused, got %d, %v", s, got, err)
	case refusal.Code != loan.CodeAmountInvalid, !strings.Contains(refusal.Error(), message), got != 0,
		!slices.Equal(refusal.Path, []string{"input", "amount"}), *refusal.Minimum != 1:
		t.Errorf("%q is refused with %d, %+v; want %q", s, got, refusal, message)
	}
}

func TestFormatCents(t *testing.T) {
	tests := []struct {
		cents     loan.Cents
		amount    loan.Decimal
		formatted string
	}{
		{0, "0.00", "$0.00"},
		{1, "0.01", "$0.01"},
		{-1, "-0.01", "-$0.01"},
		{10, "0.10", "$0.10"},
		{-310, "-3.10", "-$3.10"},
		{42500, "425.00", "$425.00"},
		{99999, "999.99", "$999.99"},
		{100000, "1000.00", "$1,000.00"},
		{123450, "1234.50", "$1,234.50"},
		{-123456789, "-1234567.89", "-$1,234,567.89"},
		{loan.MaxCents, "99999999.99", "$99,999,999.99"},
		{math.MaxInt64, "92233720368547758.07", "$92,233,720,368,547,758.07"},
		{math.MinInt64, "-92233720368547758.08", "-$92,233,720,368,547,758.08"},
	}
	for _, test := range tests {
		if got := test.cents.Amount(); got != test.amount {
			t.Errorf("%d is %s, want %s", int64(test.cents), got, test.amount)
		}
		if got := test.cents.Formatted(); got != test.formatted || test.cents.String() != got {
			t.Errorf("%d is formatted %s, want %s", int64(test.cents), got, test.formatted)
		}
	}
	if got := loan.Cents(1).CurrencyCode(); got != loan.USD {
		t.Errorf("currency %s", got)
	}
}

func TestMoneyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cents := loan.Cents(rapid.Int64Range(1, int64(loan.MaxCents)).Draw(t, "cents"))
		if got, err := cents.Amount().Payable(); err != nil || got != cents {
			t.Fatalf("%s reads as %d, %v", cents.Amount(), got, err)
		}
		plain := strings.NewReplacer("$", "", ",", "").Replace(cents.Formatted())
		if loan.Decimal(plain) != cents.Amount() {
			t.Fatalf("%s and %s differ", cents.Formatted(), cents.Amount())
		}
	})
}

// TestPayableTakesNothingElse: whatever is accepted means what it says, digit by
// digit.
func TestPayableTakesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+]?[0-9]{0,13}[.,]?[0-9]{0,4}[e ]?`).Draw(t, "s")
		cents, err := loan.Decimal(s).Payable()
		if err != nil {
			return
		}
		whole, fraction, _ := strings.Cut(s, ".")
		whole = strings.TrimLeft(whole, "0")
		if whole == "" {
			whole = "0"
		}
		if want := whole + "." + (fraction + "00")[:2]; string(cents.Amount()) != want {
			t.Fatalf("%q is accepted as %s, want %s", s, cents.Amount(), want)
		}
	})
}
