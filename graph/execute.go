package graph

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// What the generated code is carried out by; see graph/generate.

// once answers a query or a mutation.
func (c *collected) once(execute func(context.Context) graphql.Marshaler) graphql.ResponseHandler {
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return c.respond(execute(ctx))
	}
}

// each answers each event of a subscription.
func (c *collected) each(next func(context.Context) graphql.Marshaler) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		data := next(ctx)
		if data == nil {
			return nil
		}
		return c.respond(data)
	}
}

func (c *collected) respond(data graphql.Marshaler) *graphql.Response {
	var text bytes.Buffer
	text.Grow(int(c.size.Load()))
	data.MarshalGQL(&text)
	c.size.Store(int32(min(text.Len(), maxGuess))) // #nosec G115 -- it is small
	return &graphql.Response{Data: text.Bytes()}
}

// object is an object of an answer.
type object struct {
	fields  []graphql.CollectedField
	values  []graphql.Marshaler
	delayed []delayed
	invalid atomic.Bool // where a field is null that must not be
}

type delayed struct {
	i       int
	nonNull bool
	resolve func(context.Context) graphql.Marshaler
}

func newObject(fields []graphql.CollectedField) *object {
	return &object{fields: fields, values: make([]graphql.Marshaler, len(fields))}
}

// set is what a field is answered with.
func (o *object) set(i int, nonNull bool, value graphql.Marshaler) {
	o.values[i] = value
	if value == graphql.RequiredNull || nonNull && value == graphql.Null {
		o.invalid.Store(true)
	}
}

// later resolves a field beside others.
func (o *object) later(i int, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	o.delayed = append(o.delayed, delayed{i, nonNull, resolve})
}

// finish resolves what was put off. The object is null where it is not valid.
func (ec *executionContext) finish(ctx context.Context, o *object) graphql.Marshaler {
	if last := len(o.delayed) - 1; last >= 0 {
		var group sync.WaitGroup
		group.Add(last)
		for _, d := range o.delayed[:last] {
			beside(func() {
				defer group.Done()
				ec.resolve(ctx, o, d)
			})
		}
		ec.resolve(ctx, o, o.delayed[last])
		group.Wait()
	}
	if o.invalid.Load() {
		return graphql.Null
	}
	return o
}

// helpers wait for what is to be done beside something else, at most so many.
var (
	helpers = make(chan func())
	waiting atomic.Int32
)

const mostWaiting = 64

// beside does something in another goroutine, which is used again: the stack of a new one
// would grow on the way down to the database, and be copied each time.
func beside(do func()) {
	select {
	case helpers <- do:
	default:
		go wait(do)
	}
}

func wait(do func()) {
	for {
		do()
		if waiting.Add(1) > mostWaiting {
			waiting.Add(-1)
			return
		}
		do = <-helpers
		waiting.Add(-1)
	}
}

func (ec *executionContext) resolve(ctx context.Context, o *object, d delayed) {
	value := graphql.Marshaler(graphql.Null)
	defer func() {
		if panicked := recover(); panicked != nil {
			ec.Error(ctx, ec.Recover(ctx, panicked))
		}
		o.set(d.i, d.nonNull, value)
	}()
	value = d.resolve(ctx)
}

// MarshalGQL implements graphql.Marshaler.
func (o *object) MarshalGQL(w io.Writer) {
	separator := "{"
	for i := range o.fields {
		if alias := o.fields[i].Alias; !o.has(alias, i) {
			for _, part := range [...]string{separator, `"`, alias, `":`} {
				_, _ = io.WriteString(w, part) // the writer is memory
			}
			o.values[i].MarshalGQL(w)
			separator = ","
		}
	}
	if separator == "{" {
		_, _ = io.WriteString(w, separator)
	}
	_, _ = io.WriteString(w, "}")
}

// has tells whether a name is among the first fields: what two types of an object have
// in common is selected twice.
func (o *object) has(alias string, first int) bool {
	for i := range o.fields[:first] {
		if o.fields[i].Alias == alias {
			return true
		}
	}
	return false
}

// list answers the elements of a list one after the other: what they have to wait for is
// read for all of them when the first one asks.
func (ec *executionContext) list(ctx context.Context, n int, element func(context.Context, int) graphql.Marshaler) (list graphql.Array) {
	list, at := make(graphql.Array, n), make([]graphql.FieldContext, n)
	indices := make([]int, n)
	for i := range list {
		indices[i] = i
		at[i].Index = &indices[i]
		list[i] = ec.element(graphql.WithFieldContext(ctx, &at[i]), i, element)
	}
	return list
}

func (ec *executionContext) element(ctx context.Context, i int, element func(context.Context, int) graphql.Marshaler) (value graphql.Marshaler) {
	defer func() {
		if panicked := recover(); panicked != nil {
			ec.Error(ctx, ec.Recover(ctx, panicked))
			value = graphql.Null
		}
	}()
	return element(ctx, i)
}

// root answers a field of a query or a mutation.
func (ec *executionContext) root(ctx context.Context, field *graphql.CollectedField, resolve func(context.Context, *graphql.CollectedField) graphql.Marshaler) graphql.Marshaler {
	ctx = graphql.WithRootFieldContext(ctx, &graphql.RootFieldContext{Object: field.Name, Field: *field})
	return ec.RootResolverMiddleware(ctx, func(ctx context.Context) graphql.Marshaler { return resolve(ctx, field) })
}

// inField is ctx inside of a field of an object: errors have its path.
func inField(ctx context.Context, object string, field *graphql.CollectedField) context.Context {
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: object, Field: *field})
}

// batched asks a resolver that answers all objects of a list once for all of them, and
// is what it answered for one.
func batched[T, P any](ctx context.Context, object string, field *graphql.CollectedField, one P, resolve func([]P) ([]T, error)) (any, error) {
	group := graphql.GetBatchParentGroup(ctx, object)
	parent := graphql.GetFieldContext(ctx).Parent
	if group != nil && parent != nil && parent.Index != nil {
		if all, ok := group.Parents.([]P); ok {
			result := group.GetFieldResult(field.Alias, func() (any, error) { return resolve(all) })
			return graphql.ResolveBatchGroupResult[T](ctx, ast.PathIndex(*parent.Index), len(all), result, field.Name, group.IndexMap)
		}
	}
	results, err := resolve([]P{one})
	return graphql.ResolveBatchSingleResult[T](ctx, results, err, field.Name)
}

// withArguments is what a resolver is told of a field.
func (ec *executionContext) withArguments(ctx context.Context, object string, field graphql.CollectedField, method, resolver bool,
	read func(context.Context, map[string]any) (map[string]any, error),
) (fc *graphql.FieldContext, err error) {
	fc = &graphql.FieldContext{Object: object, Field: field, IsMethod: method, IsResolver: resolver}
	ctx = graphql.WithFieldContext(ctx, fc)
	defer func() {
		if panicked := recover(); panicked != nil {
			err = ec.Recover(ctx, panicked)
			ec.Error(ctx, err)
		}
	}()
	if fc.Args, err = read(ctx, field.ArgumentMap(ec.Variables)); err != nil {
		ec.Error(ctx, err)
	}
	return fc, err
}

// recover makes a panic an error of a field, which is null. It is deferred.
func (ec *executionContext) recover(ctx context.Context, object string, field *graphql.CollectedField, value *graphql.Marshaler) {
	if panicked := recover(); panicked != nil {
		ctx = inField(ctx, object, field)
		ec.Error(ctx, ec.Recover(ctx, panicked))
		*value = graphql.Null
	}
}
