package graph

import (
	"context"
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/wording"
)

// inLanguage writes a text for people. It is put into words when it is written, which is
// when somebody has asked for it, in the language of the request.
func inLanguage(say func(loan.Language) string) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		graphql.MarshalString(say(auth.RequestFrom(ctx).Language)).MarshalGQL(w)
		return nil
	})
}

// errSpoken would be the mistake of an input that is bound to a text for people.
var errSpoken = errors.New("graph: what people read is not read back")

// MarshalMessage writes a message in words.
func MarshalMessage(m loan.Message) graphql.ContextMarshaler {
	return inLanguage(func(l loan.Language) string { return wording.Say(l, m) })
}

// UnmarshalMessage is there because gqlgen wants it, and not called.
func UnmarshalMessage(context.Context, any) (loan.Message, error) { return loan.Message{}, errSpoken }
