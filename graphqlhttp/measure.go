package graphqlhttp

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// How many entries a list is taken to have.
const (
	pageSize    = 20  // of a connection, where it is not said
	largestPage = 100 // more is refused when it is executed
	idsSize     = 50
	listSize    = 10
)

// cost is that of an operation, and whether it depends on variables.
type cost struct {
	least    int
	variable bool
}

// of is the cost with variables as the client sent them.
func (c cost) of(d *Documents, document *ast.QueryDocument, operation *ast.OperationDefinition, variables map[string]any) int {
	if !c.variable {
		return c.least
	}
	if variables == nil {
		variables = map[string]any{}
	}
	m := newMeasuring(d, document)
	m.useVariables(operation, variables)
	return m.operation(operation).cost
}

// size is how large a set of selections is with everything in it.
type size struct{ fields, aliases, directives, depth, cost int }

func (s size) plus(directives int) size {
	s.directives = add(s.directives, directives)
	return s
}

func (s size) and(other size) size {
	return size{
		add(s.fields, other.fields), add(s.aliases, other.aliases), add(s.directives, other.directives),
		max(s.depth, other.depth), add(s.cost, other.cost),
	}
}

// add and multiply end at the largest number instead of starting anew.
func add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func multiply(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

// measuring is one walk over a document. A fragment is measured once for each
// page size that it stands in, and not where it is spread.
type measuring struct {
	Limits
	schema    *ast.Schema
	lists     map[string]int
	document  *ast.QueryDocument
	used      Limits
	fields    int
	seen      map[seenKey]size
	defaults  ast.VariableDefinitionList
	variables map[string]any
	variable  bool // whether a variable was needed
}

type seenKey struct {
	fragment string
	page     int
}

func newMeasuring(d *Documents, document *ast.QueryDocument) *measuring {
	return &measuring{Limits: d.Limits, schema: d.schema, lists: d.Lists, document: document, seen: map[seenKey]size{}}
}

// useVariables begins an operation; what was measured with other variables is
// forgotten. With nil the variables are not known yet, and the least is counted.
func (m *measuring) useVariables(operation *ast.OperationDefinition, variables map[string]any) {
	clear(m.seen)
	m.defaults, m.variables, m.variable = operation.VariableDefinitions, variables, false
}

func (m *measuring) operation(operation *ast.OperationDefinition) size {
	roots := map[ast.Operation]*ast.Definition{
		ast.Query: m.schema.Query, ast.Mutation: m.schema.Mutation, ast.Subscription: m.schema.Subscription,
	}
	total := m.set(roots[operation.Operation], operation.SelectionSet, 0).plus(len(operation.Directives))
	for _, variable := range operation.VariableDefinitions {
		total = total.plus(len(variable.Directives))
	}
	return total
}

// set measures selections on a type, nil when it is unknown. page is the page
// size where the set belongs to a connection, and otherwise zero.
func (m *measuring) set(on *ast.Definition, set ast.SelectionSet, page int) (total size) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			total = total.and(m.field(on, s, page))
		case *ast.InlineFragment:
			inside := on
			if s.TypeCondition != "" {
				inside = m.schema.Types[s.TypeCondition]
			}
			total = total.and(m.set(inside, s.SelectionSet, page).plus(len(s.Directives)))
		case *ast.FragmentSpread:
			if fragment := m.document.Fragments.ForName(s.Name); fragment != nil {
				total = total.and(m.fragment(fragment, page).plus(len(fragment.Directives)))
			}
			total = total.plus(len(s.Directives))
		}
	}
	return total
}

func (m *measuring) fragment(fragment *ast.FragmentDefinition, page int) size {
	key := seenKey{fragment.Name, page}
	measured, ok := m.seen[key]
	if !ok {
		measured = m.set(m.schema.Types[fragment.TypeCondition], fragment.SelectionSet, page)
		m.seen[key] = measured
	}
	return measured
}

func (m *measuring) field(on *ast.Definition, field *ast.Field, page int) size {
	own := size{fields: 1, directives: len(field.Directives), depth: 1, cost: 1}
	if field.Alias != field.Name {
		own.aliases = 1
	}
	var definition *ast.FieldDefinition
	if on != nil {
		definition = on.Fields.ForName(field.Name)
	}
	if definition == nil {
		inside := m.set(nil, field.SelectionSet, 0)
		inside.depth = add(inside.depth, 1)
		return own.and(inside)
	}
	entries, pageInside := m.entries(on, definition, field, page)
	inside := m.set(m.schema.Types[definition.Type.Name()], field.SelectionSet, pageInside)
	if strings.HasPrefix(on.Name, "__") {
		// The schema's own types are nested deep and are as large as they are.
		entries, own.depth = 1, 0
	}
	inside.depth = add(inside.depth, own.depth)
	inside.cost = multiply(inside.cost, entries)
	return own.and(inside)
}

// entries is how often what is inside a field is answered, and the page size for
// the lists in it when it is a connection.
func (m *measuring) entries(on *ast.Definition, definition *ast.FieldDefinition, field *ast.Field, page int) (entries, pageInside int) {
	list := definition.Type.Elem != nil
	switch {
	case definition.Arguments.ForName("first") != nil || definition.Arguments.ForName("last") != nil:
		if page = m.pageOf(definition, field); !list {
			return 1, page
		}
		return page, 0
	case !list:
		return 1, 0
	case definition.Arguments.ForName("ids") != nil:
		return m.countIDs(field), 0
	case page > 0:
		return page, 0
	}
	if known, ok := m.lists[on.Name+"."+definition.Name]; ok {
		return known, 0
	}
	return listSize, 0
}

// pageOf is the larger of first and last.
func (m *measuring) pageOf(definition *ast.FieldDefinition, field *ast.Field) (page int) {
	given := false
	for _, name := range []string{"first", "last"} {
		var value *ast.Value
		if argument := field.Arguments.ForName(name); argument != nil {
			value = argument.Value
		} else if argument := definition.Arguments.ForName(name); argument != nil {
			value = argument.DefaultValue
		}
		if n, ok := m.number(value); ok {
			page, given = max(page, n), true
		}
	}
	if !given {
		return pageSize
	}
	return min(max(page, 1), largestPage)
}

// number is an argument's value; false when it is left out. What is no number is
// refused later.
func (m *measuring) number(value *ast.Value) (int, bool) {
	switch {
	case value == nil || value.Kind == ast.NullValue:
		return 0, false
	case value.Kind == ast.Variable:
		return m.numberIn(value.Raw)
	}
	n, err := strconv.Atoi(value.Raw)
	if err != nil {
		return largestPage, true
	}
	return n, true
}

func (m *measuring) numberIn(variable string) (int, bool) {
	m.variable = true
	given, ok := m.variables[variable]
	if !ok {
		definition := m.defaults.ForName(variable)
		if definition == nil || definition.DefaultValue == nil || definition.DefaultValue.Kind == ast.Variable {
			return 1, m.variables == nil
		}
		return m.number(definition.DefaultValue)
	}
	switch n := given.(type) {
	case nil:
		return 0, false
	case json.Number:
		if whole, err := strconv.Atoi(n.String()); err == nil {
			return whole, true
		}
	}
	return largestPage, true
}

// countIDs is how many ids a field is given, 50 when that cannot be told.
func (m *measuring) countIDs(field *ast.Field) int {
	argument := field.Arguments.ForName("ids")
	if argument == nil {
		return 1
	}
	value := argument.Value
	if value.Kind == ast.ListValue {
		return min(len(value.Children), idsSize)
	}
	if value.Kind != ast.Variable {
		return 1
	}
	m.variable = true
	if m.variables == nil {
		return 1
	}
	if ids, ok := m.variables[value.Raw].([]any); ok {
		return min(len(ids), idsSize)
	}
	return idsSize
}

// rootFields counts the fields of an operation's root.
func (m *measuring) rootFields(set ast.SelectionSet) (n int) {
	for selection := range m.flat(set) {
		if field, ok := selection.(*ast.Field); ok && field.Name != "__typename" {
			n++
		}
	}
	return n
}

// widest is the most selections in one set, as execution merges them: fields of
// the same name have their sets in common. Validation compares all in one set with
// each other. It stops where the limit is passed.
func (m *measuring) widest(sets []ast.SelectionSet) (most int) {
	var order []string
	inside := map[string][]ast.SelectionSet{}
	for _, set := range sets {
		for selection := range m.flat(set) {
			if most++; most > m.Limits.Selections {
				return most
			}
			if field, ok := selection.(*ast.Field); ok && len(field.SelectionSet) > 0 {
				if inside[field.Alias] == nil {
					order = append(order, field.Alias)
				}
				inside[field.Alias] = append(inside[field.Alias], field.SelectionSet)
			}
		}
	}
	for _, name := range order {
		if most = max(most, m.widest(inside[name])); most > m.Limits.Selections {
			return most
		}
	}
	return most
}
