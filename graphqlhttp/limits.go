package graphqlhttp

import (
	"context"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// Limits are the largest document that runs. What counts fields, aliases,
// directives and depth counts them where they are used: a fragment once for each
// place where it is spread.
type Limits struct {
	Bytes      int // of the document
	Tokens     int // with comments
	Operations int // of the document
	Fragments  int // of the document
	Depth      int // of fields in fields
	Selections int // in one set, with those that are merged into it
	Aliases    int
	Directives int
	Mutations  int // root fields of a mutation: 1, so that one request is one try
	Cost       int // of an operation; see [Cost]
}

// DefaultLimits leave an app's screens much room.
func DefaultLimits() Limits {
	return Limits{
		Bytes: 15_000, Tokens: 1000, Operations: 5, Fragments: 20, Depth: 12, Selections: 60,
		Aliases: 15, Directives: 8, Mutations: 1, Cost: 20_000,
	}
}

// Cost is what an operation asks for, in fields. A field costs one and what is
// inside it; inside a list that is taken as often as the list may have entries:
// first or last where the list or the connection around it takes them (20 when
// neither is given, 100 when more is), as many as there are ids, or what
// [Documents].Lists says.
type Cost struct {
	Requested int `json:"requested"`
	Maximum   int `json:"maximum"`
}

// CostOf is the cost of the operation in a context, and false where it was
// refused before its cost was known.
func CostOf(ctx context.Context) (Cost, bool) {
	if !graphql.HasOperationContext(ctx) {
		return Cost{}, false
	}
	c, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(extensionName).(Cost)
	return c, ok
}

// maxFields is the most fields that a document has when its fragments are written
// out. What it takes to look at a document grows with it.
const maxFields = 3000

// Measure tells what a document takes of each limit, for those who set them. The
// document must parse. Of the cost it is the least, as far as it depends on
// variables.
func (d *Documents) Measure(query string) (Limits, error) {
	document, refused := parse(query, 0)
	if refused != nil {
		return Limits{}, refused
	}
	if hasNamesakes(document.Fragments) || hasCycle(document) {
		return Limits{}, invalid("The document's fragments cannot be resolved.")
	}
	m := newMeasuring(d, document)
	m.Limits = Limits{Selections: math.MaxInt}
	for _, fragment := range document.Fragments {
		m.measureFragment(fragment)
	}
	for _, operation := range document.Operations {
		m.measureOperation(operation)
	}
	m.used.Bytes, m.used.Tokens = len(query), countTokens(query)
	m.used.Operations, m.used.Fragments = len(document.Operations), len(document.Fragments)
	return m.used, nil
}

func countTokens(query string) (n int) {
	lex := lexer.New(&ast.Source{Input: query})
	for {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return n
		}
		n++
	}
}

// measure holds a document against the limits, before validation: types may not
// exist, names may not match, and fragments may use each other in circles. It
// tells what the operations cost.
func (d *Documents) measure(document *ast.QueryDocument) ([]cost, *gqlerror.Error) {
	switch {
	case len(document.Operations) > d.Limits.Operations:
		return nil, tooLarge("The document has over %d operations.", d.Limits.Operations)
	case len(document.Fragments) > d.Limits.Fragments:
		return nil, tooLarge("The document has over %d fragments.", d.Limits.Fragments)
	case hasNamesakes(document.Fragments):
		return nil, invalid("Two fragments have the same name.")
	case hasCycle(document):
		return nil, invalid("A fragment uses itself.")
	}
	m := newMeasuring(d, document)
	for _, fragment := range document.Fragments {
		m.measureFragment(fragment)
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	costs := make([]cost, 0, len(document.Operations))
	for _, operation := range document.Operations {
		costs = append(costs, m.measureOperation(operation))
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	return costs, nil
}

// measureFragment and measureOperation write down the largest that was used.
func (m *measuring) measureFragment(fragment *ast.FragmentDefinition) {
	m.use(m.fragment(fragment, 0).plus(len(fragment.Directives)), fragment.SelectionSet)
}

func (m *measuring) measureOperation(operation *ast.OperationDefinition) cost {
	m.useVariables(operation, nil)
	total := m.operation(operation)
	m.use(total, operation.SelectionSet)
	if operation.Operation == ast.Mutation && m.fields <= maxFields && m.used.Selections <= m.Limits.Selections {
		m.used.Mutations = max(m.used.Mutations, m.rootFields(operation.SelectionSet))
	}
	return cost{total.cost, m.variable}
}

func (m *measuring) use(total size, set ast.SelectionSet) {
	u := &m.used
	u.Depth, u.Aliases, u.Directives = max(u.Depth, total.depth), max(u.Aliases, total.aliases), max(u.Directives, total.directives)
	u.Cost, m.fields = max(u.Cost, total.cost), max(m.fields, total.fields)
	if m.fields <= maxFields {
		u.Selections = max(u.Selections, m.widest([]ast.SelectionSet{set}))
	}
}

// check holds what was used so far against the limits.
func (m *measuring) check() *gqlerror.Error {
	switch u, l := m.used, m.Limits; {
	case u.Depth > l.Depth:
		return tooLarge("The document is nested over %d deep.", l.Depth)
	case u.Aliases > l.Aliases:
		return tooLarge("The document has over %d aliases.", l.Aliases)
	case u.Directives > l.Directives:
		return tooLarge("The document has over %d directives.", l.Directives)
	case m.fields > maxFields:
		return tooLarge("The document has over %d fields.", maxFields)
	case u.Cost > l.Cost:
		return tooLarge("The operation's cost is over %d.", l.Cost)
	case u.Selections > l.Selections:
		return tooLarge("A set has over %d selections.", l.Selections)
	case u.Mutations > l.Mutations:
		return tooLarge("A mutation has over %d fields.", l.Mutations)
	}
	return nil
}
