package graphqlhttp

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkOneOf holds @oneOf in variables: exactly one member is given, and it is
// not null. The engine itself looks at literals only.
func checkOneOf(schema *ast.Schema, operation *graphql.OperationContext) *gqlerror.Error {
	for _, variable := range operation.Operation.VariableDefinitions {
		path := ast.Path{ast.PathName("variable"), ast.PathName(variable.Variable)}
		if err := checkOneOfIn(schema, variable.Type, operation.Variables[variable.Variable], path); err != nil {
			return err
		}
	}
	return nil
}

func checkOneOfIn(schema *ast.Schema, t *ast.Type, value any, path ast.Path) *gqlerror.Error {
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return checkOneOfIn(schema, t.Elem, value, path)
		}
		for i, element := range list {
			if err := checkOneOfIn(schema, t.Elem, element, append(path, ast.PathIndex(i))); err != nil {
				return err
			}
		}
		return nil
	}
	input := schema.Types[t.NamedType]
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
		if err := checkOneOfIn(schema, field.Type, member, append(path, ast.PathName(field.Name))); err != nil {
			return err
		}
	}
	if input.Directives.ForName("oneOf") != nil && given != 1 {
		err := invalid("exactly one member of %s must be given, and not null", input.Name)
		err.Path = path
		return err
	}
	return nil
}
