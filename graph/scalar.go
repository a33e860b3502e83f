package graph

import (
	"bytes"
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/loan"
)

// plain writes a value as a JSON string that needs no escaping.
type plain[T any] struct {
	value  T
	append func([]byte, T) []byte
}

// MarshalGQL implements graphql.Marshaler. An answer is written to a buffer, which has
// room for a scalar.
func (p plain[T]) MarshalGQL(w io.Writer) {
	var room []byte
	if buffer, ok := w.(*bytes.Buffer); ok {
		room = buffer.AvailableBuffer()
	}
	_, _ = w.Write(append(p.append(append(room, '"'), p.value), '"')) // the writer is memory
}

// MarshalDate writes "2026-11-18".
func MarshalDate(d loan.Date) graphql.Marshaler { return plain[loan.Date]{d, appendDate} }

func appendDate(b []byte, d loan.Date) []byte { return append(b, d.String()...) }

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
func MarshalDateTime(t time.Time) graphql.Marshaler { return plain[time.Time]{t.UTC(), appendTime} }

func appendTime(b []byte, t time.Time) []byte { return t.AppendFormat(b, time.RFC3339Nano) }

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
func MarshalDecimal(d loan.Decimal) graphql.Marshaler { return plain[loan.Decimal]{d, appendDecimal} }

func appendDecimal(b []byte, d loan.Decimal) []byte { return append(b, d...) }

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
