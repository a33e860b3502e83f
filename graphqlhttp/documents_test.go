package graphqlhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

func newDocuments(t testing.TB, d graphqlhttp.Documents) *graphqlhttp.Documents {
	t.Helper()
	if err := d.Validate(engine{}); err != nil {
		t.Fatal(err)
	}
	return &d
}

// try is what becomes of a document, and the code of its refusal.
func try(d *graphqlhttp.Documents, document string, variables map[string]any) (code string, requested int) {
	operation := &graphql.OperationContext{}
	ctx := graphql.WithOperationContext(context.Background(), operation)
	err := d.MutateOperationParameters(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if err != nil {
		code, _ = err.Extensions["code"].(string)
	}
	cost, _ := graphqlhttp.CostOf(ctx)
	return code, cost.Requested
}

// bomb is fragments of which each spreads the next one twice.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("{ ...F0 }")
	for i := range n - 1 {
		fmt.Fprintf(&b, " fragment F%d on Query { ...F%d ...F%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Query { name }", n-1)
	return b.String()
}

// Each limit lets through what reaches it, and refuses one more.
func TestLimits(t *testing.T) {
	t.Parallel()
	const large, invalid = "COMPLEXITY_LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"
	list := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			_, _ = fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	deep := func(n int) string { // n fields in each other
		return "{ author" + strings.Repeat(" { tags { author", (n-2)/2) + " { name }" + strings.Repeat(" } }", (n-2)/2) + " }"
	}
	used := func(n int) string { return " { " + list("...F%d ", n) + "}" }
	for name, test := range map[string]struct{ fits, over, code string }{
		"bytes":  {"{ name }" + strings.Repeat(" ", 14_992), "{ name }" + strings.Repeat(" ", 14_993), large},
		"tokens": {"{ things(ids: [" + strings.Repeat("1 ", 988) + "]) { id } }", "{ things(ids: [" + strings.Repeat("1 ", 989) + "]) { id } }", large},
		"comments are tokens": {
			"{ name }" + strings.Repeat("#\n", 997), "{ name }" + strings.Repeat("#\n", 998), large,
		},
		"operations":               {list("query Q%d { name } ", 5), list("query Q%d { name } ", 6), large},
		"fragments":                {used(20) + list("fragment F%d on Query { name } ", 20), used(21) + list("fragment F%d on Query { name } ", 21), large},
		"depth":                    {deep(12), strings.Replace(deep(12), "{ name }", "{ tags { name } }", 1), large},
		"selections":               {"{ " + strings.Repeat("name ", 60) + "}", "{ " + strings.Repeat("name ", 61) + "}", large},
		"selections in fragments":  {"{ ...F ... { " + strings.Repeat("name ", 29) + "} } fragment F on Query { " + strings.Repeat("name ", 29) + "}", "{ ...F ... { " + strings.Repeat("name ", 30) + "} } fragment F on Query { " + strings.Repeat("name ", 29) + "}", large},
		"selections that merge":    {"{ " + strings.Repeat("author { name id } ", 30) + "}", "{ " + strings.Repeat("author { name id name } ", 21) + "}", large},
		"aliases":                  {"{ " + list("a%d: name ", 15) + "}", "{ " + list("a%d: name ", 16) + "}", large},
		"aliases of __typename":    {"{ " + list("a%d: __typename ", 15) + "}", "{ " + list("a%d: __typename ", 16) + "}", large},
		"aliases in fragments":     {"{ author { ...F } top { author { ...F } } } fragment F on Author { " + list("a%d: id ", 7) + "}", "{ author { ...F } top { author { ...F } } } fragment F on Author { " + list("a%d: id ", 8) + "}", large},
		"directives":               {"{ name " + strings.Repeat("... @include(if: true) { name } ", 8) + "}", "{ name " + strings.Repeat("... @include(if: true) { name } ", 9) + "}", large},
		"one directive many times": {"{ name @include(if: true) }", "{ name " + strings.Repeat("@include(if: true) ", 9) + "}", large},
		"mutations":                {`mutation { __typename buy(id: "1") { id } }`, `mutation { a: buy(id: "1") { id } b: buy(id: "2") { id } }`, large},
		"mutations in a fragment":  {`mutation { ...F } fragment F on Mutation { buy(id: "1") { id } }`, `mutation { ...F rename(name: "x") } fragment F on Mutation { buy(id: "1") { id } }`, large},
		"cost":                     {"{ top(first: 100) { author { books(first: 100) { info { more } } } } }", "{ top(first: 100) { author { books(first: 100) { edges { node { id name } } } } } }", large},
		"a fragment in itself":     {"{ ...F } fragment F on Query { name }", "{ ...F } fragment F on Query { name ...F }", invalid},
		"a circle of fragments":    {"{ ...F } fragment F on Query { ...G } fragment G on Query { name }", "{ ...F } fragment F on Query { ...G } fragment G on Query { author { name } ... { ...F } }", invalid},
		"a circle that is unused":  {"{ name }", "{ name } fragment F on Query { ...F }", invalid},
		"two of the same name":     {"{ ...F } fragment F on Query { name }", "{ ...F } fragment F on Query { name } fragment F on Query { ...F }", invalid},
		"a small bomb":             {bomb(5), bomb(12), large},
		"a bomb of 2^19":           {bomb(1), bomb(20), large},
		"a bomb of 2^26":           {bomb(1), bomb(27), large},
		"a bomb of mutations":      {`mutation { rename(name: "x") }`, strings.NewReplacer("{ ...F0 }", "mutation { ...F0 }", "Query", "Mutation").Replace(bomb(20)), large},
		"a bomb without fields":    {bomb(1), strings.Replace(bomb(20), "{ name }", "{ ...Nowhere }", 1), large},
		"a bomb of 2^40":           {bomb(1), bomb(41), large},
	} {
		d := newDocuments(t, graphqlhttp.Documents{Lists: map[string]int{"Author.tags": 1}})
		if code, _ := try(d, test.fits, nil); code != "" {
			t.Errorf("%s: what fits is refused: %s", name, code)
		}
		if code, _ := try(d, test.over, nil); code != test.code {
			t.Errorf("%s: what is over gets %q", name, code)
		}
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	d := newDocuments(t, graphqlhttp.Documents{Lists: map[string]int{"Author.tags": 3}})
	for document, want := range map[string]int{
		"{ name fail }":                2,
		"{ author { tags { name } } }": 5,
		"{ author { books { edges { node { id } } info { more } } } }":                         2 + 1 + 20*2 + 2,
		"{ author { books(first: 5) { edges { node { id } } } } }":                             2 + 1 + 5*2,
		"{ author { books(last: 7) { ...F } } } fragment F on Books { edges { node { id } } }": 2 + 1 + 7*2,
		"{ author { books(first: 5000) { edges { node { id } } } } }":                          2 + 1 + 100*2,
		"{ author { books(first: -1) { edges { node { id } } } } }":                            2 + 1 + 2,
		"{ top { id } }":                     1 + 3,
		"{ top(first: 9) { id pages } }":     1 + 9*2,
		`{ things(ids: ["1", "2"]) { id } }`: 1 + 2,
		`{ things(ids: "1") { id } }`:        1 + 1,
		"query($n: Int) { author { books(first: $n) { edges { node { id } } } } }":           2 + 1 + 6*2,
		"query($m: Int = 8) { author { books(first: $m) { edges { node { id } } } } }":       2 + 1 + 8*2,
		"query($m: Int) { author { books(first: $m) { edges { node { id } } } } }":           2 + 1 + 20*2,
		"query($i: [ID!]!) { things(ids: $i) { id } }":                                       1 + 3,
		"query($x: Int) { author { books(first: $x, last: $n) { edges { node { id } } } } }": 2 + 1 + 6*2,
	} {
		if strings.Contains(document, "last: $n") {
			document = strings.Replace(document, "$x: Int", "$x: Int, $n: Int", 1)
		}
		variables := map[string]any{"n": json.Number("6"), "i": []any{"1", "2", "3"}}
		for range 2 { // the second time from the cache
			if code, got := try(d, document, variables); code != "" || got != want {
				t.Errorf("%s costs %d, want %d (%s)", document, got, want, code)
			}
		}
	}
	for _, n := range []any{json.Number("100"), json.Number("99999999999999999999"), json.Number("1e3"), "x", true} {
		if _, got := try(d, "query($n: Int) { author { books(first: $n) { edges { node { id } } } } }", map[string]any{"n": n}); got != 2+1+100*2 {
			t.Errorf("first: %v costs %d", n, got)
		}
	}
	// It is refused by what the variables ask for, not by what they could.
	const nested = "query($n: Int!) { top(first: $n) { author { books(first: $n) { edges { node { id } } } } } }"
	if code, _ := try(d, nested, map[string]any{"n": json.Number("10")}); code != "" {
		t.Errorf("10 in 10: %s", code)
	}
	if code, got := try(d, nested, map[string]any{"n": json.Number("100")}); code != "COMPLEXITY_LIMIT_EXCEEDED" || got < 20_000 {
		t.Errorf("100 in 100: %q, %d", code, got)
	}
}

// No number is too large to be added.
func TestCostSaturates(t *testing.T) {
	t.Parallel()
	d := newDocuments(t, graphqlhttp.Documents{Limits: graphqlhttp.Limits{
		Bytes: 15_000, Tokens: 1000, Operations: 1, Depth: 100, Selections: 60, Cost: math.MaxInt - 1,
	}})
	document := "{ author { books(first: 100) { edges { node { id" + strings.Repeat(" author { books(first: 100) { edges { node { id", 12) + strings.Repeat(" } } } }", 13) + " }"
	if code, _ := try(d, document, nil); code != "COMPLEXITY_LIMIT_EXCEEDED" {
		t.Errorf("100^13 gets %q", code)
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	const whole = `query IntrospectionQuery { __schema { queryType { name } types { ...T } directives { name args { ...I } } } }
		fragment T on __Type { kind name fields(includeDeprecated: true) { name args { ...I } type { ...R } } inputFields { ...I } interfaces { ...R } enumValues { name } possibleTypes { ...R } }
		fragment I on __InputValue { name type { ...R } defaultValue }
		fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`
	open, shut := newDocuments(t, graphqlhttp.Documents{Introspection: true}), newDocuments(t, graphqlhttp.Documents{})
	for _, document := range []string{
		whole, `{ __schema { types { name } } }`, `{ a: __type(name: "Book") { name } }`, `{ name # __typename
			__schema { description } }`, `{ ...F } fragment F on Query { ... { __schema { description } } }`,
	} {
		if code, _ := try(open, document, nil); code != "" {
			t.Errorf("where it is on, %s gets %s", document, code)
		}
		if code, _ := try(shut, document, nil); code != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("where it is off, %s gets %q", document, code)
		}
	}
	if code, _ := try(shut, `{ name } fragment F on Query { __schema { description } }`, nil); code != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("in a fragment that nothing uses: %q", code)
	}
	if code, _ := try(shut, "{ __typename }", nil); code != "" {
		t.Errorf("__typename: %q", code)
	}
}

// Without suggestions no rule tells what the client may have meant; with them
// they do, or the test would see nothing.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		"{ nam }", "{ top(frst: 1) { id } }", "{ ...F } fragment F on Bookk { id }", "{ author }", `{ pick(by: {nam: "x"}) { id } }`,
		"{ pick(by: {id: 1}) { tags { name } } }",
	} {
		for _, on := range []bool{true, false} {
			d := newDocuments(t, graphqlhttp.Documents{Suggestions: on})
			ctx := graphql.WithOperationContext(t.Context(), &graphql.OperationContext{})
			err := d.MutateOperationParameters(ctx, &graphql.RawParams{Query: document})
			if err == nil {
				t.Fatalf("%s is valid", document)
			}
			var list gqlerror.List
			if !errors.As(err, &list) {
				t.Fatalf("%s gets no list", document)
			}
			if strings.Contains(list.Error(), "Did you mean") != on {
				t.Errorf("suggestions %t: %s", on, list.Error())
			}
		}
	}
}

func TestOneOfInVariables(t *testing.T) {
	t.Parallel()
	h := newServer(options{})
	for by, ok := range map[string]bool{
		`{"id":"1"}`: true, `{"name":"x"}`: true, `null`: true,
		`{"id":"1","name":"x"}`: false, `{"id":null}`: false, `{"id":"1","name":null}`: false, `{}`: false,
	} {
		got := post(t, h, `{"query":"query($by: Choice) { pick(by: $by) { id } }","variables":{"by":`+by+`}}`)
		if (got.StatusCode == http.StatusOK) != ok {
			t.Errorf("%s: %d %s", by, got.StatusCode, got.Raw)
		}
	}
}

// A document is parsed once, and every executor gets the same one.
func TestDocumentsAreKept(t *testing.T) {
	t.Parallel()
	d := newDocuments(t, graphqlhttp.Documents{})
	var found []any
	for range 2 {
		operation := &graphql.OperationContext{}
		ctx := graphql.WithOperationContext(t.Context(), operation)
		if err := d.MutateOperationParameters(ctx, &graphql.RawParams{Query: "{ name }"}); err != nil {
			t.Fatal(err)
		}
		document, ok := graphqlhttp.Prepared{}.Get(ctx, "")
		if !ok || document != operation.Doc {
			t.Fatal("the executor does not get the document")
		}
		found = append(found, document)
	}
	if found[0] != found[1] {
		t.Error("it was parsed twice")
	}
}

// The estimate of what a document takes in memory is not below what it takes.
func TestSizeInMemory(t *testing.T) {
	document := "query Q { " + strings.Repeat("author { id name tags { name } } ", 14) + "}"
	const n = 500
	measured := func() uint64 {
		d := newDocuments(t, graphqlhttp.Documents{CacheBytes: 1 << 30})
		before := heap()
		for i := range n {
			if code, _ := try(d, strings.Replace(document, "Q", fmt.Sprintf("Q%04d", i), 1), nil); code != "" {
				t.Fatal(code)
			}
		}
		after := heap()
		runtime.KeepAlive(d)
		return (after - before) / n
	}()
	estimated := uint64(graphqlhttp.SizeInMemory(document))
	t.Logf("%d bytes of text take %d, %.1f times as much; estimated at %d", len(document), measured, float64(measured)/float64(len(document)), estimated)
	if measured > estimated*5/4 || measured < estimated/4 {
		t.Errorf("a document of %d bytes takes %d, and is taken to need %d", len(document), measured, estimated)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
