package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/loan"
)

// MarshalSpokenCents writes an amount as it is read out.
func MarshalSpokenCents(c loan.Cents) graphql.ContextMarshaler { return inLanguage(c.Spoken) }

// UnmarshalSpokenCents is not called.
func UnmarshalSpokenCents(context.Context, any) (loan.Cents, error) { return 0, errSpoken }

// MarshalSpokenDate writes a day as it is read out.
func MarshalSpokenDate(d loan.Date) graphql.ContextMarshaler { return inLanguage(d.Spoken) }

// UnmarshalSpokenDate is not called.
func UnmarshalSpokenDate(context.Context, any) (loan.Date, error) { return loan.Date{}, errSpoken }

// MarshalSpokenTime writes an instant as it is read out.
func MarshalSpokenTime(t time.Time) graphql.ContextMarshaler {
	return inLanguage(func(l loan.Language) string { return loan.Spoken(t, l) })
}

// UnmarshalSpokenTime is not called.
func UnmarshalSpokenTime(context.Context, any) (time.Time, error) { return time.Time{}, errSpoken }
