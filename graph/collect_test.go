package graph

import (
	"runtime"
	"testing"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func parse(t *testing.T, query string) *ast.QueryDocument {
	t.Helper()
	document, errs := gqlparser.LoadQueryWithRules(parsedSchema, query, nil)
	require.Empty(t, errs)
	return document
}

func TestFieldsAreCollectedOnce(t *testing.T) {
	t.Parallel()
	document := parse(t, `{ viewer { id ...name } } fragment name on Viewer { firstName }`)
	operation := &graphql.OperationContext{Doc: document, Operation: document.Operations[0]}
	collect := func() []graphql.CollectedField {
		c := collectedOf(operation.Operation)
		viewer := c.collect(operation, operation.Operation.SelectionSet, queryImplementors)[0]
		return c.collect(operation, viewer.Selections, viewerImplementors)
	}
	first, second := collect(), collect()
	require.Len(t, first, 2)
	require.Same(t, &first[0], &second[0])
}

// What depends on variables is not kept, wherever the directive is.
func TestConditionsAreOfOneRequest(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`query ($yes: Boolean!) { viewer { id @include(if: $yes) firstName } }`,
		`query ($yes: Boolean!) { viewer { firstName ... @include(if: $yes) { id } } }`,
		`query ($yes: Boolean!) { viewer { firstName ...more } } fragment more on Viewer { id @include(if: $yes) }`,
	} {
		document := parse(t, query)
		for _, yes := range []bool{true, false} {
			operation := &graphql.OperationContext{Doc: document, Operation: document.Operations[0], Variables: map[string]any{"yes": yes}}
			c := collectedOf(operation.Operation)
			viewer := c.collect(operation, operation.Operation.SelectionSet, queryImplementors)[0]
			require.Equal(t, yes, len(c.collect(operation, viewer.Selections, viewerImplementors)) == 2, "%s, %v", query, yes)
		}
	}
}

func TestCollectedFieldsGoWithTheirDocument(t *testing.T) {
	t.Parallel()
	document := parse(t, `{ viewer { id } }`)
	operation := &graphql.OperationContext{Doc: document, Operation: document.Operations[0]}
	collectedOf(operation.Operation).collect(operation, operation.Operation.SelectionSet, queryImplementors)
	key := weak.Make(operation.Operation)
	_, kept := documents.Load(key)
	require.True(t, kept)
	runtime.KeepAlive(document)
	for tries := 0; kept; tries++ {
		require.Less(t, tries, 10_000, "it is kept for good")
		runtime.GC()
		_, kept = documents.Load(key)
	}
}
