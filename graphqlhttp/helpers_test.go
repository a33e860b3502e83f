package graphqlhttp_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

// A small shop: connections, lists, ids, an interface and a @oneOf input.
var shop = gqlparser.MustLoadSchema(&ast.Source{Input: `
	directive @oneOf on INPUT_OBJECT
	interface Thing { id: ID! name: String! }
	type Book implements Thing { id: ID! name: String! author: Author! pages: [Int!]! }
	type Author implements Thing { id: ID! name: String! books(first: Int, last: Int): Books! tags: [Tag!]! }
	type Tag { name: String! author: Author! }
	type Books { edges: [BookEdge!]! info: Info! }
	type BookEdge { node: Book! }
	type Info { more: Boolean! }
	input Choice @oneOf { id: ID name: String }
	type Query { name: String! fail: String things(ids: [ID!]!): [Thing!]! author: Author top(first: Int! = 3): [Book!]! pick(by: Choice): Thing }
	type Mutation { buy(id: ID!): Book rename(name: String!): String }
	type Subscription { sold: Book }
`})

// engine executes nothing: what it answers is the name of the operation.
type engine struct{}

func (engine) Schema() *ast.Schema { return shop }

func (engine) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (engine) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx).Operation
	data, _ := json.Marshal(map[string]string{"name": operation.Name})
	response := &graphql.Response{Data: data}
	switch operation.Name {
	case "Fail":
		response = &graphql.Response{Data: json.RawMessage("null"), Errors: gqlerror.List{{Message: "no"}}}
	case "Many":
		for range 20 {
			response.Errors = append(response.Errors, &gqlerror.Error{Message: "no"})
		}
	case "Panic":
		panic("all is lost")
	}
	return graphql.OneShot(response)
}

type options struct {
	transport graphqlhttp.Transport
	documents graphqlhttp.Documents
	persisted graphqlhttp.Persisted
}

func newServer(o options) http.Handler {
	server := handler.New(engine{})
	server.AddTransport(o.transport)
	server.SetQueryCache(graphqlhttp.Prepared{})
	server.Use(&o.persisted)
	server.Use(&o.documents)
	return server
}

// answer is what came back, with the data as it was written.
type answer struct {
	*http.Response
	Raw  string
	Body map[string]json.RawMessage
}

func (a answer) code() string {
	var errs []struct{ Extensions struct{ Code string } }
	_ = json.Unmarshal(a.Body["errors"], &errs)
	if len(errs) == 0 {
		return ""
	}
	return errs[0].Extensions.Code
}

func (a answer) has(key string) bool { return a.Body[key] != nil }

// ask sends a request; of the headers those that are empty are left out.
func ask(t testing.TB, h http.Handler, method, target, body string, headers map[string]string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	all := map[string]string{"Content-Type": "application/json"}
	maps.Copy(all, headers)
	for name, value := range all {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	a := answer{Response: recorder.Result(), Body: map[string]json.RawMessage{}}
	raw, err := io.ReadAll(a.Response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.Raw = string(raw)
	if a.Raw != "" && json.Unmarshal(raw, &a.Body) != nil {
		t.Errorf("the answer is not JSON: %q", a.Raw)
	}
	return a
}

func post(t testing.TB, h http.Handler, body string) answer {
	t.Helper()
	return ask(t, h, http.MethodPost, "/graphql", body, map[string]string{"Accept": "application/graphql-response+json"})
}

// query is a body with a document.
func query(document string) string {
	text, _ := json.Marshal(map[string]string{"query": document})
	return string(text)
}
