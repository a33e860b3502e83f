package graph_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/graph"
)

// What apps that were built with the last release rely on is still there, but for what
// docs/schema-changes.md lists, which is no more than what has changed.
func TestNothingBreaks(t *testing.T) {
	released := load(t, read(t, "../docs/schema-released.graphql"))
	_, section, found := strings.Cut(read(t, "../docs/schema-changes.md"), "\n## Not released yet\n")
	if !found {
		t.Fatal("docs/schema-changes.md has no section of what is not released yet")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, item := range regexp.MustCompile("(?m)^- `(.+?)`: .").FindAllStringSubmatch(section, -1) {
		listed = append(listed, item[1])
	}
	changes := breaking(released, load(t, graph.SDL()))
	for _, change := range changes {
		if !slices.Contains(listed, change) {
			t.Errorf("%s: this breaks apps that are in use, and docs/schema-changes.md does not list it", change)
		}
	}
	for _, change := range listed {
		if !slices.Contains(changes, change) {
			t.Errorf("docs/schema-changes.md lists what has not changed: %s", change)
		}
	}
}

// A deprecation says what to use instead, and since when it holds.
func TestDeprecationsAreDated(t *testing.T) {
	for _, place := range undated(load(t, graph.SDL())) {
		t.Errorf("the reason of the deprecation of %s does not end with its date, as in \"Use total. Since 2026-11-18.\"", place)
	}
}

func TestUndated(t *testing.T) {
	schema := load(t, `
		type Query {
			good: Int @deprecated(reason: "Use better. Since 2026-11-18.")
			bad: Int @deprecated
			worse(x: Int @deprecated(reason: "Use y."), y: Int @deprecated(reason: "Since 2026-11-18.")): E
		}
		input I { a: Int, b: Int @deprecated(reason: "Use a. Since 2026-13-18.") }
		enum E { A B @deprecated(reason: "Use A.") }`)
	want := []string{"E.B", "I.b", "Query.bad", "Query.worse(x)", "Query.worse(y)"}
	if got := undated(schema); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Each row changes one thing of a schema.
func TestBreaking(t *testing.T) {
	const base = `
		directive @guarded on FIELD_DEFINITION
		interface Node { id: ID! }
		type Query { a(x: Int, y: [Int!] = [1]): A b: [B!]! u: U }
		type A implements Node { id: ID! n: Int! @scope(requires: "a:read") e: E }
		type B { s: String }
		union U = A | B
		enum E { ONE TWO }
		input I { must: Int!, may: Int, list: [Int!] }
		type Mutation { m(i: I!): A }
		scalar Day
		directive @scope(requires: String) on FIELD_DEFINITION`
	for _, c := range []struct{ old, changed, want string }{
		// What old apps do not see, or can live with.
		{"type B {", "type C { s: String } type B {", ""},
		{"type B { s: String", "type B { s: String! t: Int", ""},
		{"b: [B!]!", "b(x: Int): [B!]!", ""},
		{"b: [B!]!", "b(x: Int! = 1): [B!]!", ""},
		{"enum E { ONE TWO", "enum E { ONE TWO THREE", ""},
		{"must: Int!", "must: Int", ""},
		{"may: Int", "may: Int, more: Int! = 3", ""},
		{"list: [Int!]", "list: [Int]", ""},
		{"type B { s", "type B implements Node { id: ID! s", ""},
		{"s: String", "s: String @scope", ""},
		{"s: String", "\"Words.\" s: String @deprecated(reason: \"Use t.\")", ""},
		{"union U = A | B", "union U = A | B | Query", ""},
		// What breaks them.
		{"scalar Day", "", "Day: removed"},
		{"scalar Day", "enum Day { MONDAY }", "Day: was SCALAR, is ENUM"},
		{"e: E }", "}", "A.e: removed"},
		{` @scope(requires: "a:read")`, "", "A.n: @scope removed"},
		{`"a:read"`, `"a:write"`, "A.n: @scope was a:read, is a:write"},
		{"n: Int!", "n: Int", "A.n: was Int!, is Int"},
		{"n: Int!", "n: [Int!]!", "A.n: was Int!, is [Int!]!"},
		{"n: Int!", "n: String!", "A.n: was Int!, is String!"},
		{"b: [B!]!", "b: [B]!", "Query.b: was [B!]!, is [B]!"},
		{"b: [B!]!", "b(x: Int!): [B!]!", "Query.b(x): required, and new"},
		{"x: Int,", "", "Query.a(x): removed"},
		{"x: Int,", "x: Int!,", "Query.a(x): was Int, is Int!"},
		{"= [1]", "", "Query.a(y): the default was [1], is none"},
		{"= [1]", "= [2]", "Query.a(y): the default was [1], is [2]"},
		{"b: [B!]!", "b: [B!]! @guarded", "Query.b: @guarded is new"},
		{"ONE TWO", "ONE", "E.TWO: removed"},
		{"= A | B", "= A", "U: B removed"},
		{"type A implements Node", "type A", "A: Node removed"},
		{"may: Int,", "", "I.may: removed"},
		{"may: Int,", "may: Int!,", "I.may: was Int, is Int!"},
		{"may: Int,", "may: Int, more: Int!,", "I.more: required, and new"},
		{"list: [Int!]", "list: [String!]", "I.list: was [Int!], is [String!]"},
		{"list: [Int!]", "list: Int", "I.list: was [Int!], is Int"},
		{"input I { must: Int!,", "input I @oneOf { must: Int,", "I: @oneOf is new"},
		{"type Mutation { m(i: I!): A }", "", "Mutation: removed"},
	} {
		if !strings.Contains(base, c.old) {
			t.Fatalf("%q is not in the schema", c.old)
		}
		got := strings.Join(breaking(load(t, base), load(t, strings.Replace(base, c.old, c.changed, 1))), "; ")
		if got != c.want {
			t.Errorf("%s -> %s: %q, want %q", c.old, c.changed, got, c.want)
		}
	}
}

// breaking is what apps made for the old schema cannot rely on in the new one, in the
// order of names.
func breaking(old, changed *ast.Schema) []string {
	d := differ{changed: changed}
	for _, name := range slices.Sorted(maps.Keys(old.Types)) {
		before, now := old.Types[name], changed.Types[name]
		switch {
		case before.BuiltIn:
		case now == nil:
			d.add("%s: removed", name)
		case before.Kind != now.Kind:
			d.add("%s: was %s, is %s", name, before.Kind, now.Kind)
		default:
			d.definition(before, now)
		}
	}
	return d.found
}

type differ struct {
	changed *ast.Schema
	found   []string
}

func (d *differ) add(format string, args ...any) {
	d.found = append(d.found, fmt.Sprintf(format, args...))
}

func (d *differ) definition(before, now *ast.Definition) {
	for _, name := range slices.Concat(before.Interfaces, before.Types) {
		if !slices.Contains(slices.Concat(now.Interfaces, now.Types), name) {
			d.add("%s: %s removed", before.Name, name)
		}
	}
	for _, value := range before.EnumValues {
		if now.EnumValues.ForName(value.Name) == nil {
			d.add("%s.%s: removed", before.Name, value.Name)
		}
	}
	d.directives(before.Name, before.Directives, now.Directives)
	for _, field := range before.Fields {
		path := before.Name + "." + field.Name
		switch next := now.Fields.ForName(field.Name); {
		case strings.HasPrefix(field.Name, "__"):
		case next == nil:
			d.add("%s: removed", path)
		case before.Kind == ast.InputObject:
			d.input(path, field.Type, next.Type, field.DefaultValue, next.DefaultValue)
		default:
			d.output(path, field, next)
		}
	}
	for _, field := range now.Fields {
		if before.Kind == ast.InputObject && before.Fields.ForName(field.Name) == nil && field.Type.NonNull && field.DefaultValue == nil {
			d.add("%s.%s: required, and new", before.Name, field.Name)
		}
	}
}

func (d *differ) output(path string, before, now *ast.FieldDefinition) {
	if !fits(now.Type, before.Type) {
		d.add("%s: was %s, is %s", path, before.Type, now.Type)
	}
	d.directives(path, before.Directives, now.Directives)
	for _, arg := range before.Arguments {
		at := fmt.Sprintf("%s(%s)", path, arg.Name)
		if next := now.Arguments.ForName(arg.Name); next == nil {
			d.add("%s: removed", at)
		} else {
			d.input(at, arg.Type, next.Type, arg.DefaultValue, next.DefaultValue)
		}
	}
	for _, arg := range now.Arguments {
		if before.Arguments.ForName(arg.Name) == nil && arg.Type.NonNull && arg.DefaultValue == nil {
			d.add("%s(%s): required, and new", path, arg.Name)
		}
	}
}

func (d *differ) input(path string, before, now *ast.Type, was, is *ast.Value) {
	if !fits(before, now) {
		d.add("%s: was %s, is %s", path, before, now)
	}
	if text(was) != text(is) && was != nil {
		d.add("%s: the default was %s, is %s", path, text(was), text(is))
	}
}

// directives looks for what asks more of an app than before: a log-in, or one member only;
// and of a partner, where a field was open to partners: to customers @scope means nothing.
func (d *differ) directives(path string, before, now ast.DirectiveList) {
	if scope := before.ForName("scope"); scope != nil {
		if next := now.ForName("scope"); next == nil {
			d.add("%s: @scope removed", path)
		} else if was, is := argument(scope), argument(next); was != is {
			d.add("%s: @scope was %s, is %s", path, was, is)
		}
	}
	for _, directive := range now {
		if directive.Name != "deprecated" && directive.Name != "scope" && before.ForName(directive.Name) == nil {
			d.add("%s: @%s is new", path, directive.Name)
		}
	}
}

// argument is what a @scope requires.
func argument(scope *ast.Directive) string {
	if requires := scope.Arguments.ForName("requires"); requires != nil {
		return requires.Value.Raw
	}
	return "none"
}

// fits tells whether every value of a type is one of another.
func fits(value, of *ast.Type) bool {
	if of.NonNull && !value.NonNull || (of.Elem == nil) != (value.Elem == nil) {
		return false
	}
	if of.Elem != nil {
		return fits(value.Elem, of.Elem)
	}
	return of.NamedType == value.NamedType
}

func text(value *ast.Value) string {
	if value == nil {
		return "none"
	}
	return value.String()
}

var dated = regexp.MustCompile(`^.+ Since 20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])\.$`)

// undated is what is deprecated without a date, in the order of names.
func undated(schema *ast.Schema) []string {
	var places []string
	look := func(place string, directives ast.DirectiveList) {
		if directive := directives.ForName("deprecated"); directive != nil {
			if reason := directive.Arguments.ForName("reason"); reason == nil || !dated.MatchString(reason.Value.Raw) {
				places = append(places, place)
			}
		}
	}
	for name, definition := range schema.Types {
		for _, value := range definition.EnumValues {
			look(name+"."+value.Name, value.Directives)
		}
		for _, field := range definition.Fields {
			look(name+"."+field.Name, field.Directives)
			for _, arg := range field.Arguments {
				look(fmt.Sprintf("%s.%s(%s)", name, field.Name, arg.Name), arg.Directives)
			}
		}
	}
	slices.Sort(places)
	return places
}

func load(t *testing.T, sdl string) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
