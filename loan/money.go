package loan

import (
	"strconv"
	"strings"
)

// Cents is an amount of US dollars in whole cents. The largest amount that the
// API accepts or a contract can hold is [MaxCents], which leaves room for sums.
type Cents int64

// MaxCents is $99,999,999.99: far over any car, far under overflow.
const MaxCents Cents = 9_999_999_999

// Currency is an ISO 4217 code. The servicer's books are in US dollars only.
type Currency string

// USD is the only currency there is.
const USD Currency = "USD"

// Decimal is an amount as clients send and receive it: digits with an optional
// fraction ("425.00"), never a floating-point number.
type Decimal string

// Amount is c in dollars with two decimals: "425.00", "-3.10".
func (c Cents) Amount() Decimal {
	var buf [24]byte
	return Decimal(c.append(buf[:0], false))
}

// CurrencyCode is the currency of c.
func (c Cents) CurrencyCode() Currency { return USD }

// Formatted is c as an American reader expects it: "$1,234.50", "-$3.10".
func (c Cents) Formatted() string {
	var buf [32]byte
	return string(c.append(buf[:0], true))
}

// String is the formatted amount, for error messages and logs.
func (c Cents) String() string { return c.Formatted() }

func (c Cents) append(b []byte, pretty bool) []byte {
	n := uint64(c) // #nosec G115 -- the sign is handled next, and the magnitude always fits
	if c < 0 {
		b = append(b, '-')
		n = -n
	}
	if pretty {
		b = append(b, '$')
	}
	dollars := strconv.FormatUint(n/100, 10)
	for i := range len(dollars) {
		if pretty && i > 0 && (len(dollars)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, dollars[i])
	}
	return append(b, '.', byte('0'+n/10%10), byte('0'+n%10))
}

// ParseDecimal checks that s is a decimal number as the API takes it: an
// optional minus sign, 1 to 12 digits, and an optional fraction of 1 to 9 digits.
func ParseDecimal(s string) (Decimal, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	if !allDigits(whole, 12) || hasFraction && !allDigits(fraction, 9) {
		return "", false
	}
	return Decimal(s), true
}

func allDigits(s string, atMost int) bool {
	if s == "" || len(s) > atMost {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Payable turns d into an amount that could be paid: more than zero, whole
// cents, at most [MaxCents]. What is wrong with any other is said by an
// [*AmountNotAllowed] with code AMOUNT_INVALID; field names the input at fault.
func (d Decimal) Payable(field ...string) (Cents, error) {
	if _, ok := ParseDecimal(string(d)); !ok {
		return 0, amountInvalid("The amount must be a decimal number, for example 425.00.", field)
	}
	s, negative := strings.CutPrefix(string(d), "-")
	whole, fraction, _ := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 2 {
		return 0, amountInvalid("The amount must have at most two decimals.", field)
	}
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil || Cents(n) > MaxCents {
		return 0, amountInvalid("The amount is too large.", field)
	}
	if negative || n == 0 {
		return 0, amountInvalid("The amount must be more than zero.", field)
	}
	return Cents(n), nil
}

// ParseCents reads an amount that an operator gives, which may be below zero.
// Refusals: those of [Decimal.Payable].
func ParseCents(text string) (Cents, error) {
	plain, negative := strings.CutPrefix(text, "-")
	cents, err := Decimal(plain).Payable()
	if negative {
		cents = -cents
	}
	return cents, err
}
