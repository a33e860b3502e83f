package graph

import (
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// collected are the fields of the selections of an operation, with those of its fragments
// merged into them. They are read by many requests at once and seldom added to.
type collected struct {
	adding sync.Mutex
	of     atomic.Pointer[map[selections][]graphql.CollectedField]
	// size is what the last answer took, which the next one may take, too.
	size atomic.Int32
}

// maxGuess is how many bytes an answer is given before it is known to take them.
const maxGuess = 64 << 10

// selections are told apart by where they are in memory: a document stays as it is.
type selections struct {
	first  *ast.Selection
	length int
	on     *string // of the type's implementors
}

// documents holds what was collected of the operations that are kept, by [weak.Pointer],
// for as long as they are.
var documents sync.Map

// collectedOf is what was collected of an operation. It is the same for all requests, unless
// a directive lets it depend on variables.
func collectedOf(operation *ast.OperationDefinition) *collected {
	key := weak.Make(operation)
	if known, ok := documents.Load(key); ok {
		return known.(*collected)
	}
	c := new(collected)
	if hasDirectives(operation.SelectionSet) {
		return c
	}
	known, others := documents.LoadOrStore(key, c)
	if !others {
		runtime.AddCleanup(operation, func(key weak.Pointer[ast.OperationDefinition]) { documents.Delete(key) }, key)
	}
	return known.(*collected)
}

func hasDirectives(set ast.SelectionSet) bool {
	for _, selection := range set {
		var directives ast.DirectiveList
		var inside ast.SelectionSet
		switch s := selection.(type) {
		case *ast.Field:
			directives, inside = s.Directives, s.SelectionSet
		case *ast.InlineFragment:
			directives, inside = s.Directives, s.SelectionSet
		case *ast.FragmentSpread:
			directives, inside = s.Directives, s.Definition.SelectionSet
		}
		if len(directives) > 0 || hasDirectives(inside) {
			return true
		}
	}
	return false
}

// collect is the fields of a set on an object.
func (c *collected) collect(operation *graphql.OperationContext, set ast.SelectionSet, on []string) []graphql.CollectedField {
	key := selections{&set[0], len(set), &on[0]}
	if fields, known := c.known()[key]; known {
		return fields
	}
	c.adding.Lock()
	defer c.adding.Unlock()
	if fields, known := c.known()[key]; known { // whose selections have their place now
		return fields
	}
	fields := graphql.CollectFields(operation, set, on)
	more := map[selections][]graphql.CollectedField{key: fields}
	maps.Copy(more, c.known())
	c.of.Store(&more)
	return fields
}

func (c *collected) known() map[selections][]graphql.CollectedField {
	if of := c.of.Load(); of != nil {
		return *of
	}
	return nil
}
