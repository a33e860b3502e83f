package web

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// noDefer refuses @defer, which the engine offers: its answer comes in parts, of
// which a plain POST gives the first one only.
type noDefer struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = noDefer{}

// ExtensionName implements graphql.HandlerExtension.
func (noDefer) ExtensionName() string { return "NoDefer" }

// Validate implements graphql.HandlerExtension.
func (noDefer) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (noDefer) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	refused := defers(operation.Operation.SelectionSet)
	for _, fragment := range operation.Doc.Fragments {
		refused = refused || defers(fragment.SelectionSet)
	}
	if !refused {
		return nil
	}
	err := gqlerror.Errorf("@defer is not supported")
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

func defers(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			if defers(s.SelectionSet) {
				return true
			}
		case *ast.InlineFragment:
			if s.Directives.ForName("defer") != nil || defers(s.SelectionSet) {
				return true
			}
		case *ast.FragmentSpread:
			if s.Directives.ForName("defer") != nil {
				return true
			}
		}
	}
	return false
}
