package web

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refuse is an extension that refuses documents which select a thing, anywhere and
// in any fragment, before they run.
type refuse struct {
	name    string
	message string
	selects func(ast.Selection) bool
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = refuse{}

// noIntrospection refuses documents that ask about the schema.
var noIntrospection = refuse{"NoIntrospection", "introspection is off", func(selection ast.Selection) bool {
	field, ok := selection.(*ast.Field)
	return ok && (field.Name == "__schema" || field.Name == "__type")
}}

// noDefer refuses @defer, which the engine offers: its answer comes in parts, of
// which a plain POST gives the first one only.
var noDefer = refuse{"NoDefer", "@defer is not supported", func(selection ast.Selection) bool {
	switch s := selection.(type) {
	case *ast.InlineFragment:
		return s.Directives.ForName("defer") != nil
	case *ast.FragmentSpread:
		return s.Directives.ForName("defer") != nil
	}
	return false
}}

// ExtensionName implements graphql.HandlerExtension.
func (r refuse) ExtensionName() string { return r.name }

// Validate implements graphql.HandlerExtension.
func (refuse) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (r refuse) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	found := r.in(operation.Operation.SelectionSet)
	for _, fragment := range operation.Doc.Fragments {
		found = found || r.in(fragment.SelectionSet)
	}
	if !found {
		return nil
	}
	err := gqlerror.Errorf("%s", r.message)
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

func (r refuse) in(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		if r.selects(selection) {
			return true
		}
		switch s := selection.(type) {
		case *ast.Field:
			if r.in(s.SelectionSet) {
				return true
			}
		case *ast.InlineFragment:
			if r.in(s.SelectionSet) {
				return true
			}
		}
	}
	return false
}
