package operations_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/operations"
)

func manifest(t *testing.T) []operations.Operation {
	t.Helper()
	all, err := operations.Parse(operations.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func tabs(t *testing.T) []operations.Tab {
	t.Helper()
	var all []operations.Tab
	if err := json.Unmarshal(operations.Tabs(), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func validate(t *testing.T, name, query string) *ast.QueryDocument {
	t.Helper()
	document, errs := gqlparser.LoadQueryWithRules(graph.NewExecutableSchema(graph.Config{}).Schema(), query, rules.NewDefaultRules())
	if errs != nil {
		t.Fatalf("%s: %v", name, errs)
	}
	if len(document.Operations) != 1 || document.Operations[0].Name != name {
		t.Fatalf("%s does not define the operation %s alone", query, name)
	}
	return document
}

// What is shipped is valid, and so is what people see; both are one operation of the
// same name.
func TestValid(t *testing.T) {
	var names []string
	for _, o := range manifest(t) {
		document := validate(t, o.Name, o.Body)
		if kind := string(document.Operations[0].Operation); kind != o.Type {
			t.Errorf("%s is a %s in the manifest, and a %s", o.Name, o.Type, kind)
		}
		names = append(names, o.Name)
	}
	shown := make([]string, 0, len(names))
	for _, tab := range tabs(t) {
		validate(t, tab.Name, tab.Query)
		shown = append(shown, tab.Name)
	}
	files, err := filepath.Glob("*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".graphql")
	}
	slices.Sort(shown)
	if !slices.Equal(names, files) || !slices.Equal(shown, files) {
		t.Errorf("the files are\n%v\nthe manifest has\n%v\nthe tabs are\n%v", files, names, shown)
	}
}

// The variables of an example have the types that the operation declares, and those
// that must be given are.
func TestExamples(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, tab := range tabs(t) {
		operation := validate(t, tab.Name, tab.Query).Operations[0]
		if len(tab.Examples) == 0 {
			t.Errorf("%s has no example", tab.Name)
		}
		for _, example := range tab.Examples {
			variables := map[string]any{}
			if example.Variables != nil {
				if err := json.Unmarshal(example.Variables, &variables); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := validator.VariableValues(schema, operation, variables); err != nil {
				t.Errorf("%s: %v", tab.Name, err)
			}
			for name := range variables {
				if operation.VariableDefinitions.ForName(name) == nil {
					t.Errorf("%s: it declares no $%s", tab.Name, name)
				}
			}
			if (len(tab.Examples) > 1) != (example.Title != "") {
				t.Errorf("%s: examples have titles where there are several, and only there", tab.Name)
			}
		}
	}
	examples, err := filepath.Glob("*.examples.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		if _, err := os.Stat(strings.TrimSuffix(example, ".examples.json") + ".graphql"); err != nil {
			t.Errorf("%s belongs to no operation", example)
		}
	}
}

// An app goes on behind the event that it saw last: a subscription with cursors asks for
// them, and can be told one.
func TestSubscriptionsCanGoOn(t *testing.T) {
	found := 0
	for _, o := range manifest(t) {
		if o.Type != "subscription" {
			continue
		}
		operation := validate(t, o.Name, o.Body).Operations[0]
		if len(operation.SelectionSet) != 1 {
			t.Fatalf("%s has %d fields, a subscription has one", o.Name, len(operation.SelectionSet))
		}
		field := operation.SelectionSet[0].(*ast.Field)
		if field.Definition.Arguments.ForName("after") == nil {
			continue
		}
		found++
		asked := slices.ContainsFunc(field.SelectionSet, func(selection ast.Selection) bool {
			event, is := selection.(*ast.Field)
			return is && event.Alias == "cursor" && event.Name == "cursor"
		})
		if after := field.Arguments.ForName("after"); !asked || after == nil || after.Value.String() != "$after" {
			t.Errorf("%s does not ask for cursor, or does not pass $after", o.Name)
		}
	}
	if found == 0 {
		t.Error("no subscription takes after")
	}
}

// Everything that a customer can do is in an operation. nodes is for clients that
// fetch what they know already; customer, events and webhooks are for partners.
func TestNothingIsLeftOut(t *testing.T) {
	used := map[string]bool{"Query.nodes": true, "Query.customer": true}
	for _, name := range []string{"Query.events", "Query.webhookEndpoints", "Query.webhookDeliveries", "Mutation.createWebhookEndpoint", "Mutation.rotateWebhookSecret",
		"Mutation.disableWebhookEndpoint", "Mutation.enableWebhookEndpoint", "Mutation.deleteWebhookEndpoint", "Mutation.replayWebhook"} {
		used[name] = true
	}
	spread := map[string]bool{}
	for _, o := range manifest(t) {
		document := validate(t, o.Name, o.Body)
		for _, selection := range document.Operations[0].SelectionSet {
			field := selection.(*ast.Field)
			used[field.ObjectDefinition.Name+"."+field.Name] = true
		}
		for _, fragment := range document.Fragments {
			spread[fragment.Name] = true
		}
	}
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if !used[root.Name+"."+field.Name] && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("no operation uses %s.%s", root.Name, field.Name)
			}
		}
	}
	fragments, err := filepath.Glob("fragments/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range fragments {
		if name := strings.TrimSuffix(filepath.Base(path), ".graphql"); !spread[name] {
			t.Errorf("no operation needs the fragment %s", name)
		}
	}
}

// A mutation asks why it was refused, by the fragment that has it all.
func TestMutationsAskForRefusals(t *testing.T) {
	for _, o := range manifest(t) {
		if o.Type != "mutation" {
			continue
		}
		payload := validate(t, o.Name, o.Body).Operations[0].SelectionSet[0].(*ast.Field)
		asked := slices.ContainsFunc(payload.SelectionSet, func(selection ast.Selection) bool {
			field, is := selection.(*ast.Field)
			return is && field.Name == "userErrors" && len(field.SelectionSet) == 1 && field.SelectionSet[0].(*ast.FragmentSpread).Name == "Refusal"
		})
		if !asked {
			t.Errorf("%s does not ask for userErrors { ...Refusal }", o.Name)
		}
	}
}

func TestParse(t *testing.T) {
	body := "{ viewer { id } }"
	entry := fmt.Sprintf(`{"id": %q, "name": "A", "type": "query", "body": %q}`, operations.ID(body), body)
	whole := `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [%s]}`
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"good":          {fmt.Sprintf(whole, entry), true},
		"empty":         {fmt.Sprintf(whole, ""), true},
		"twice":         {fmt.Sprintf(whole, entry+","+entry), false},
		"another body":  {fmt.Sprintf(whole, strings.Replace(entry, "viewer", "nodes", 1)), false},
		"no id":         {fmt.Sprintf(whole, strings.Replace(entry, operations.ID(body), "", 1)), false},
		"no body":       {fmt.Sprintf(whole, fmt.Sprintf(`{"id": %q, "name": "A", "body": ""}`, operations.ID(""))), false},
		"empty object":  {"{}", false},
		"other format":  {strings.Replace(fmt.Sprintf(whole, entry), "apollo", "relay", 1), false},
		"other version": {strings.Replace(fmt.Sprintf(whole, entry), "1", "2", 1), false},
		"not JSON":      {"operations", false},
	} {
		all, err := operations.Parse([]byte(c.text))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if bodies := operations.Bodies(all); name == "good" && (len(bodies) != 1 || bodies[operations.ID(body)] != body) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
