package web

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// oneOf holds @oneOf in variables: exactly one member is given, and it is not
// null. The engine itself looks at literals only.
type oneOf struct{ schema *ast.Schema }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*oneOf)(nil)

// ExtensionName implements graphql.HandlerExtension.
func (*oneOf) ExtensionName() string { return "OneOf" }

// Validate implements graphql.HandlerExtension.
func (o *oneOf) Validate(s graphql.ExecutableSchema) error {
	o.schema = s.Schema()
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator.
func (o *oneOf) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	for _, variable := range operation.Operation.VariableDefinitions {
		path := ast.Path{ast.PathName("variable"), ast.PathName(variable.Variable)}
		if err := o.check(variable.Type, operation.Variables[variable.Variable], path); err != nil {
			return err
		}
	}
	return nil
}

func (o *oneOf) check(t *ast.Type, value any, path ast.Path) *gqlerror.Error {
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return o.check(t.Elem, value, path)
		}
		for i, element := range list {
			if err := o.check(t.Elem, element, append(path, ast.PathIndex(i))); err != nil {
				return err
			}
		}
		return nil
	}
	input := o.schema.Types[t.NamedType]
	members, ok := value.(map[string]any)
	if !ok || input == nil || input.Kind != ast.InputObject {
		return nil
	}
	given := 0
	for _, field := range input.Fields {
		member, present := members[field.Name]
		if !present {
			continue
		}
		given++
		if member == nil {
			given++ // null is no choice, and alone it is none
		}
		if err := o.check(field.Type, member, append(path, ast.PathName(field.Name))); err != nil {
			return err
		}
	}
	if input.Directives.ForName("oneOf") != nil && given != 1 {
		err := gqlerror.ErrorPathf(path, "%s", fmt.Sprintf("exactly one member of %s must be given, and not null", input.Name))
		errcode.Set(err, errcode.ValidationFailed)
		return err
	}
	return nil
}
