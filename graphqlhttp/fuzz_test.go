package graphqlhttp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

// FuzzRequest sends bodies: whatever they are, the answer is one of the documented
// kinds, short, and does not repeat what was sent.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"query":"{ name }"}`, `{"query":"query($n: Int!) { top(first: $n) { id } }","variables":{"n":3},"operationName":null}`,
		`{"query":"{","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}`, `[{"query":"{ name }"}]`, `{"a":{"a":1,"a":2}}`,
		"\xff", `{"query":"\ud800"}`, strings.Repeat("[", 40), `{"query":"mutation { buy(id: \"1\") { id } }"}`, `{"variables":{"x":1e999999}}`,
	} {
		f.Add(body, "application/json, application/graphql-response+json;q=0.5")
	}
	h := newServer(options{transport: graphqlhttp.Transport{GET: true}})
	f.Fuzz(func(t *testing.T, body, accept string) {
		if strings.ContainsAny(accept, "\r\n\x00") {
			return
		}
		got := ask(t, h, http.MethodPost, "/graphql", body, map[string]string{"Accept": accept})
		switch got.StatusCode {
		case http.StatusOK, http.StatusBadRequest, http.StatusNotAcceptable, http.StatusRequestEntityTooLarge:
		default:
			t.Fatalf("%d %s", got.StatusCode, got.Raw)
		}
		if !got.has("data") && !got.has("errors") || len(got.Raw) > len(body)+2<<10 {
			t.Fatalf("%d bytes: %s", len(got.Raw), got.Raw)
		}
	})
}

// FuzzJSON holds the strict reader against the standard library's: it takes
// nothing that the other refuses, and reads the same out of what both take.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,"x",null,true,-0.5e3]}`, `[]`, `1 2`, `{"a":1,"a":2}`, `"\u00e9\ud83c\udfca"`, `[1,]`, `{"a"}`, " {} ", `01`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := graphqlhttp.Decode(text)
		if err != nil {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil || !json.Valid(text) {
			t.Fatalf("%q is taken: %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %v, not %v", text, got, want)
		}
	})
}

// FuzzDocument looks for documents that the limits let through and that take too
// much, or at which something panics.
func FuzzDocument(f *testing.F) {
	for _, document := range []string{
		"{ name }", "query Q($n: Int = 3) { top(first: $n) { id ... on Thing { name } } }", "{ ...F } fragment F on Query { author { books(last: 2) { edges { node { ...G } } } } } fragment G on Book { id }",
		bomb(6), bomb(20), "{ __schema { types { name } } }", `mutation { a: buy(id: "1") { id } }`, "{ ...F } fragment F on Query { ...F }", `{ pick(by: {id: "1"}) { id @include(if: true) } }`,
		"subscription { sold { id } }", "{ name # x\n }", "query A { name } query B { fail }", `{ things(ids: ["""a"""]) { __typename } }`, "fragment F on Query { name }", "{ a: name a: fail }",
	} {
		f.Add(document)
	}
	d := newDocuments(f, graphqlhttp.Documents{Introspection: true, Suggestions: true, CacheBytes: 1 << 20})
	f.Fuzz(func(t *testing.T, document string) {
		first, cost := try(d, document, nil)
		again, sameCost := try(d, document, nil)
		if first != again || cost != sameCost {
			t.Fatalf("first %q and %d, then %q and %d", first, cost, again, sameCost)
		}
		if first == "" && cost > 20_000 {
			t.Fatalf("a cost of %d", cost)
		}
	})
}
