package graphqlhttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// codeTooLarge is the code of a document that is over a limit.
const codeTooLarge = "COMPLEXITY_LIMIT_EXCEEDED"

// Documents parses and validates each document once, and refuses in between what
// is over a limit: validation takes time that grows with the square of a
// document, and a fragment can make a short document very large.
//
// It is an extension of gqlgen's executor, to be used together with [Prepared] as
// the executor's query cache. Used with nothing else it would still refuse, and
// the executor would parse again.
type Documents struct {
	// Limits are the largest documents that run; [DefaultLimits] where it is zero.
	Limits Limits
	// Lists is how many entries a list is taken to have, by "Type.field", for
	// lists that are no connection and take neither first nor ids; 10 for others.
	Lists map[string]int
	// Introspection lets documents ask about the schema.
	Introspection bool
	// Suggestions lets messages name fields and types that the client may have
	// meant.
	Suggestions bool
	// CacheBytes is how much memory the documents take that are kept; 8 MiB where
	// it is zero.
	CacheBytes int

	schema *ast.Schema
	rules  *rules.Rules
	cache  *Cache[*prepared]
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = (*Documents)(nil)

const extensionName = "Documents"

// ExtensionName implements graphql.HandlerExtension.
func (*Documents) ExtensionName() string { return extensionName }

// Validate implements graphql.HandlerExtension.
func (d *Documents) Validate(s graphql.ExecutableSchema) error {
	d.schema = s.Schema()
	if d.schema == nil {
		return errors.New("graphqlhttp: there is no schema")
	}
	if d.Limits == (Limits{}) {
		d.Limits = DefaultLimits()
	}
	d.rules = rules.NewDefaultRules()
	if !d.Suggestions {
		d.rules = withoutSuggestions(d.rules)
	}
	d.cache = NewCache[*prepared](cmp.Or(d.CacheBytes, 8<<20))
	return nil
}

// withoutSuggestions replaces every rule whose messages name what the client may
// have meant: the engine's own switch forgets some.
func withoutSuggestions(r *rules.Rules) *rules.Rules {
	for _, silent := range []validator.Rule{
		rules.FieldsOnCorrectTypeRuleWithoutSuggestions, rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRuleWithoutSuggestions, rules.ScalarLeafsRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	} {
		r.ReplaceRule(strings.TrimSuffix(silent.Name, "WithoutSuggestions"), silent.RuleFunc)
	}
	return r
}

// prepared is a document that is valid and within the limits.
type prepared struct {
	document *ast.QueryDocument
	costs    []cost // of its operations
}

// Prepared is the query cache for an executor that uses [Documents]: it hands
// over the document of the operation, which has been parsed and validated.
type Prepared struct{}

var _ graphql.Cache[*ast.QueryDocument] = Prepared{}

// Get implements graphql.Cache.
func (Prepared) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	document := graphql.GetOperationContext(ctx).Doc
	return document, document != nil
}

// Add implements graphql.Cache. It keeps nothing.
func (Prepared) Add(context.Context, string, *ast.QueryDocument) {}

// MutateOperationParameters implements graphql.OperationParameterMutator. Where
// validation finds several mistakes, the error wraps the list of them.
func (d *Documents) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	p, err := d.prepare(params.Query)
	if err != nil {
		return err
	}
	operation := graphql.GetOperationContext(ctx)
	operation.Doc = p.document
	for i, o := range p.document.Operations {
		if o.Name != params.OperationName && (params.OperationName != "" || len(p.costs) > 1) {
			continue
		}
		requested := p.costs[i].of(d, p.document, o, params.Variables)
		operation.Stats.SetExtension(extensionName, Cost{requested, d.Limits.Cost})
		if requested > d.Limits.Cost {
			return tooLarge("The operation's cost is %d, and may be %d.", requested, d.Limits.Cost)
		}
	}
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator: variables
// are coerced by now.
func (d *Documents) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	operation.DisableIntrospection = !d.Introspection
	return checkOneOf(d.schema, operation)
}

// prepare parses a document, holds it against the limits and validates it.
func (d *Documents) prepare(query string) (*prepared, *gqlerror.Error) {
	if p, ok := d.cache.Get(query); ok {
		return p, nil
	}
	if len(query) > d.Limits.Bytes {
		return nil, tooLarge("The document has over %d bytes.", d.Limits.Bytes)
	}
	document, err := parse(query, d.Limits.Tokens)
	if err != nil {
		return nil, err
	}
	p := &prepared{document: document}
	if p.costs, err = d.measure(document); err != nil {
		return nil, err
	}
	if !d.Introspection && asksAboutSchema(document) {
		return nil, invalid("introspection is off")
	}
	if list := validator.ValidateWithRules(d.schema, document, d.rules); len(list) > 0 {
		for _, err := range list {
			errcode.Set(err, errcode.ValidationFailed)
		}
		return nil, &gqlerror.Error{Err: list, Message: list[0].Message, Locations: list[0].Locations, Extensions: list[0].Extensions}
	}
	d.cache.Add(query, p, sizeInMemory(query))
	return p, nil
}

// parse is the parser with its errors in one shape.
func parse(query string, maxTokens int) (*ast.QueryDocument, *gqlerror.Error) {
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxTokens)
	if err != nil {
		parseError := gqlerror.WrapIfUnwrapped(err)
		if strings.HasPrefix(parseError.Message, "exceeded token limit") {
			return nil, tooLarge("The document has over %d tokens.", maxTokens)
		}
		errcode.Set(parseError, errcode.ParseFailed)
		return nil, parseError
	}
	if len(document.Operations) == 0 {
		return nil, invalid("The document has no operation.")
	}
	return document, nil
}

// What a valid document takes: a test measures 36 bytes a byte of text where names
// are short, and there is something for each.
const (
	memoryPerByte     = 48
	memoryPerDocument = 2 << 10
)

func sizeInMemory(query string) int { return memoryPerDocument + memoryPerByte*len(query) }

// asksAboutSchema tells whether introspection is asked for anywhere, in fragments
// that nothing uses as well.
func asksAboutSchema(document *ast.QueryDocument) bool {
	for selection := range selections(document) {
		if field, ok := selection.(*ast.Field); ok && (field.Name == "__schema" || field.Name == "__type") {
			return true
		}
	}
	return false
}

func invalid(format string, args ...any) *gqlerror.Error {
	return refuse(errcode.ValidationFailed, format, args...)
}

func tooLarge(format string, args ...any) *gqlerror.Error {
	return refuse(codeTooLarge, format, args...)
}

func refuse(code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}
