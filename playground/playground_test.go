package playground_test

import (
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/playground"
)

// fetch asks for a path of the site, under which the page is mounted as the
// server mounts it.
func fetch(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	recorder := httptest.NewRecorder()
	http.StripPrefix("/playground", playground.Handler()).ServeHTTP(recorder, request)
	return recorder
}

func TestServed(t *testing.T) {
	for target, want := range map[string]string{
		"/playground":                 "text/html",
		"/playground/":                "text/html",
		"/playground/playground.css":  "text/css",
		"/playground/playground.js":   "text/javascript",
		"/playground/operations.json": "application/json",
	} {
		got := fetch(t, target)
		media, _, _ := mime.ParseMediaType(got.Header().Get("Content-Type"))
		if got.Code != http.StatusOK || media != want {
			t.Errorf("%s: %d %s, want %s", target, got.Code, media, want)
		}
	}
	for _, target := range []string{"/playground/none.js", "/playground/../playground.go"} {
		if got := fetch(t, target); got.Code == http.StatusOK {
			t.Errorf("%s is served", target)
		}
	}
}

// The policy forbids what the page does not need. A browser would refuse an
// inline script or style and markup from text; here they are looked for.
func TestPolicy(t *testing.T) {
	policy := fetch(t, "/playground").Header().Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'none'",
		"frame-ancestors 'none'", "require-trusted-types-for 'script'",
	} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("%q is not in %q", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy lets too much: %s", policy)
	}
	forbidden := regexp.MustCompile(`(?i)<style|<script>|\sstyle=|\son[a-z]+="|https?:|//[a-z]+\.|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|localStorage|sessionStorage|document\.cookie`)
	err := fs.WalkDir(os.DirFS("page"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if found := forbidden.FindAllString(fetch(t, "/playground/"+strings.TrimSuffix(name, "index.html")).Body.String(), -1); found != nil {
			t.Errorf("%s has %q", name, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The page is also at /playground, where a relative address would miss.
func TestAddresses(t *testing.T) {
	page := fetch(t, "/playground").Body.String()
	for _, address := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if address[1] == "data:," {
			continue
		}
		if !path.IsAbs(address[1]) || fetch(t, address[1]).Code != http.StatusOK {
			t.Errorf("%s leads nowhere", address[1])
		}
	}
}

type operation struct {
	Name      string
	Query     []string
	Variables map[string]any
}

func operations(t *testing.T) []operation {
	t.Helper()
	var groups []struct{ Operations []operation }
	if err := json.Unmarshal(fetch(t, "/playground/operations.json").Body.Bytes(), &groups); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for _, group := range groups {
		all = append(all, group.Operations...)
	}
	return all
}

// Every operation is valid, its variables have the types it declares, and every
// mutation that a customer has is there. The log-in form has logIn.
func TestOperations(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	offered := map[string]bool{"logIn": true}
	for _, o := range operations(t) {
		document, errs := gqlparser.LoadQueryWithRules(schema, strings.Join(o.Query, "\n"), rules.NewDefaultRules())
		if errs != nil {
			t.Errorf("%s: %v", o.Name, errs)
			continue
		}
		one := document.Operations[0]
		if _, err := validator.VariableValues(schema, one, o.Variables); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		for name := range o.Variables {
			if one.VariableDefinitions.ForName(name) == nil {
				t.Errorf("%s: it declares no $%s", o.Name, name)
			}
		}
		for _, selection := range one.SelectionSet {
			offered[selection.(*ast.Field).Name] = true
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		for _, field := range root.Fields {
			if !offered[field.Name] && field.Name != "nodes" && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("no operation uses %s", field.Name)
			}
		}
	}
}

// The script's own operations are valid too.
func TestOperationsOfScript(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	script := fetch(t, "/playground/playground.js").Body.String()
	found := regexp.MustCompile("(?s)const \\w+ = `((?:mutation|\\{).*?)`;").FindAllStringSubmatch(script, -1)
	if len(found) != 3 {
		t.Errorf("%d operations in the script, want log-in, facts and introspection", len(found))
	}
	for _, query := range found {
		if _, errs := gqlparser.LoadQueryWithRules(schema, query[1], rules.NewDefaultRules()); errs != nil {
			t.Errorf("%v in %s", errs, query[1])
		}
	}
}

// A placeholder is filled in by the script: each has a line there.
func TestPlaceholders(t *testing.T) {
	script := fetch(t, "/playground/playground.js").Body.String()
	var walk func(name string, value any)
	walk = func(name string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, member := range value {
				walk(name, member)
			}
		case []any:
			for _, element := range value {
				walk(name, element)
			}
		case string:
			fact, is := strings.CutPrefix(value, "$")
			if is && !strings.Contains(script, "\n    "+fact+": ") && !strings.Contains(script, "'$"+fact+"'") {
				t.Errorf("%s: nothing fills in %s", name, value)
			}
		}
	}
	for _, o := range operations(t) {
		walk(o.Name, o.Variables)
	}
}
