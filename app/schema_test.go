package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"

	gql "github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/testenv"
)

// public is the root fields that anybody may use. Every other one is marked.
var public = []string{"logIn", "enroll", "requestUsername", "revealUsername", "requestPasswordReset", "resetPassword",
	"helpTopics", "helpTopic", "appSupport"}

func TestRootFieldsAreMarked(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, root := range []*gql.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			marked := field.Directives.ForName("authenticated") != nil
			if open := slices.Contains(public, field.Name); marked == open && field.Name[:2] != "__" {
				t.Errorf("%s is marked @authenticated: %t, and public: %t", field.Name, marked, open)
			}
		}
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	for _, definition := range graph.NewExecutableSchema(graph.Config{}).Schema().Types {
		if definition.BuiltIn {
			continue
		}
		if definition.Description == "" {
			t.Errorf("%s has no description", definition.Name)
		}
		for _, value := range definition.EnumValues {
			if value.Description == "" {
				t.Errorf("%s.%s has no description", definition.Name, value.Name)
			}
		}
		for _, field := range definition.Fields {
			if field.Description == "" && field.Name[:2] != "__" && field.Name != "input" {
				t.Errorf("%s.%s has no description", definition.Name, field.Name)
			}
		}
	}
}

// The sandbox hands out the schema that is in the repository; production has none to show.
func TestSchemaIsServed(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, testenv.New(t, testenv.Embedded).URL+"/schema.graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	served, err := io.ReadAll(response.Body)
	if err != nil || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" || string(served) != read(t, "schema.graphql") {
		t.Errorf("it answers %d, %s, another text than schema.graphql: %v", response.StatusCode, response.Header.Get("Content-Type"), err)
	}
	production := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode = config.Production })
	if status := production.Fetch("/schema.graphql"); status != http.StatusNotFound {
		t.Errorf("in production it answers %d", status)
	}
}

// The schema's codes are the rules' codes, all of them.
func TestCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../loan/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				code, _ := strconv.Unquote(literal.Value)
				rules = append(rules, code)
			}
		}
		return true
	})
	var listed []string
	for _, value := range graph.NewExecutableSchema(graph.Config{}).Schema().Types["UserErrorCode"].EnumValues {
		listed = append(listed, value.Name)
	}
	slices.Sort(rules)
	slices.Sort(listed)
	if !slices.Equal(rules, listed) {
		t.Errorf("the rules have %v\nthe schema has %v", rules, listed)
	}
}
