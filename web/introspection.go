package web

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// noIntrospection refuses documents that ask about the schema, before they run.
type noIntrospection struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = noIntrospection{}

// ExtensionName implements graphql.HandlerExtension.
func (noIntrospection) ExtensionName() string { return "NoIntrospection" }

// Validate implements graphql.HandlerExtension.
func (noIntrospection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (noIntrospection) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	refused := asksAboutSchema(operation.Operation.SelectionSet)
	for _, fragment := range operation.Doc.Fragments {
		refused = refused || asksAboutSchema(fragment.SelectionSet)
	}
	if !refused {
		return nil
	}
	err := gqlerror.Errorf("introspection is off")
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

func asksAboutSchema(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			if s.Name == "__schema" || s.Name == "__type" || asksAboutSchema(s.SelectionSet) {
				return true
			}
		case *ast.InlineFragment:
			if asksAboutSchema(s.SelectionSet) {
				return true
			}
		}
	}
	return false
}
