package graphqlhttp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

const screen = `query Screen($n: Int) { author { id name tags { name author { id name } } books(first: $n) { edges { node { id name author { name } } } info { more } } } top { ...B } }
	fragment B on Book { id name pages author { id name } }`

// What the limits and validation take for a document that was seen before, and
// for one that was not.
func BenchmarkDocuments(b *testing.B) {
	for name, bytes := range map[string]int{"known": 1 << 20, "new": 1} {
		b.Run(name, func(b *testing.B) {
			d := newDocuments(b, graphqlhttp.Documents{CacheBytes: bytes})
			params := &graphql.RawParams{Query: screen}
			b.ReportAllocs()
			for b.Loop() {
				ctx := graphql.WithOperationContext(context.Background(), &graphql.OperationContext{})
				if err := d.MutateOperationParameters(ctx, params); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What reading a body takes.
func BenchmarkReadJSON(b *testing.B) {
	body := []byte(query(screen))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := graphqlhttp.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

// What a request takes from end to end when nothing is executed.
func BenchmarkTransport(b *testing.B) {
	h := newServer(options{})
	body := query(screen)
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			text, _ := io.ReadAll(recorder.Body)
			b.Fatalf("%d %s", recorder.Code, text)
		}
	}
}

// The worst documents found so far that pass the limits.
func BenchmarkHostile(b *testing.B) {
	for name, document := range map[string]string{
		"operations": strings.Repeat("query Q { ...F } ", 5) + "fragment F on Query { author { " + strings.Repeat("name ", 55) + "} top { " + strings.Repeat("name ", 55) + "} }",
		"bomb":       bomb(20),
		"repeated":   "{ " + strings.Repeat("name ", 60) + "}",
		"long name":  "{ " + strings.Repeat("x", 14_000) + " }",
	} {
		b.Run(name, func(b *testing.B) {
			d := newDocuments(b, graphqlhttp.Documents{Suggestions: true, CacheBytes: 1})
			b.ReportAllocs()
			for b.Loop() {
				try(d, document, nil)
			}
		})
	}
}
