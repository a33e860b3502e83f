package graph

import (
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/loan"
)

// plain writes text that needs no escaping as a JSON string.
func plain(text string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		var buf [48]byte
		b := append(append(append(buf[:0], '"'), text...), '"')
		_, _ = w.Write(b) // the writer is memory
	})
}

// MarshalDate writes "2026-11-18".
func MarshalDate(d loan.Date) graphql.Marshaler { return plain(d.String()) }

// UnmarshalDate reads "2026-11-18".
func UnmarshalDate(v any) (loan.Date, error) {
	s, ok := v.(string)
	if !ok {
		return loan.Date{}, BadInput("a Date is a string like 2026-11-18")
	}
	d, err := loan.ParseDate(s)
	if err != nil {
		return d, BadInput("a Date is a calendar day like 2026-11-18")
	}
	return d, nil
}

// MarshalDateTime writes RFC 3339 in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler { return plain(t.UTC().Format(time.RFC3339Nano)) }

// UnmarshalDateTime reads RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, BadInput("a DateTime is a string like 2026-11-18T20:00:00Z")
	}
	return t, nil
}

// MarshalDecimal writes a decimal number as a string.
func MarshalDecimal(d loan.Decimal) graphql.Marshaler { return plain(string(d)) }

// UnmarshalDecimal reads a decimal number from a string. JSON numbers are
// refused: many clients make them binary floating point, which cannot hold cents.
func UnmarshalDecimal(v any) (loan.Decimal, error) {
	s, ok := v.(string)
	if !ok {
		return "", BadInput(`a Decimal is a string, for example "425.00"`)
	}
	d, ok := loan.ParseDecimal(s)
	if !ok {
		return "", BadInput(`a Decimal has digits and an optional fraction, for example "425.00"`)
	}
	return d, nil
}

// InputError is a mistake in what a client sent that no use case has seen: a
// scalar or an argument that cannot be read.
type InputError struct{ Phrase loan.Phrase }

func (e InputError) Error() string { return string(e.Phrase) }

// BadInput makes an [InputError].
func BadInput(message loan.Phrase) error { return InputError{message} }
