package web

import (
	"context"
	"net"
	"net/http"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/telemetry"
)

// observe tells of every request: its numbers, its trace, and its line in the log.
func (o Options) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stays := r.URL.Path == graphQLPath && graphqlhttp.Streaming(r)
		ctx, request := o.Telemetry.StartRequest(r.Context(), r, o.fromProxy(r), stays)
		r = r.WithContext(ctx) // the one in which the routes note their pattern
		answer := &observed{ResponseWriter: w, status: http.StatusInternalServerError}
		defer func() { request.End(ctx, o.Log, r.Pattern, answer.status, answer.bytes) }()
		next.ServeHTTP(answer, r)
		if !answer.begun {
			answer.status = http.StatusOK // as net/http answers
		}
	})
}

// fromProxy tells whether a request comes from one of our proxies, whose traces go on.
func (o Options) fromProxy(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && o.isProxy(host)
}

// observed notes what is answered. A panic before that is answered as an error.
type observed struct {
	http.ResponseWriter
	begun  bool
	status int
	bytes  int64
}

func (w *observed) WriteHeader(status int) {
	if !w.begun && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.begun, w.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *observed) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun, w.status = true, http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController]: streams are flushed and sockets taken over.
func (w *observed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recover turns a panic into an internal error, and counts it.
func (o Options) recover() graphql.RecoverFunc {
	logged := resolvers.Recover(o.Log)
	return func(ctx context.Context, panicked any) error {
		o.Telemetry.Panicked()
		return logged(ctx, panicked)
	}
}

// operationObserver tells of every operation, whatever it comes over, and of the fields
// at its root: the mutations, and what queries begin with.
type operationObserver struct{ *telemetry.Telemetry }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
	graphql.ResponseInterceptor
	graphql.RootFieldInterceptor
} = operationObserver{}

// ExtensionName implements graphql.HandlerExtension.
func (operationObserver) ExtensionName() string { return "Observer" }

// Validate implements graphql.HandlerExtension.
func (operationObserver) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation implements graphql.OperationInterceptor.
func (t operationObserver) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	kind := operation.Operation.Operation
	ctx, o := t.StartOperation(ctx, operation.Operation.Name, string(kind))
	if kind == ast.Mutation {
		operation.ResolverMiddleware = noteRefusals(o, operation.ResolverMiddleware)
	}
	respond := next(ctx)
	if kind == ast.Subscription {
		o.End("") // what begins it; answers come later, or an error as the first
		return func(ctx context.Context) *graphql.Response {
			response := respond(ctx)
			if response != nil {
				o.Told()
			}
			return response
		}
	}
	return func(ctx context.Context) *graphql.Response {
		code := resolvers.CodeInternal // where it panics
		defer func() { o.End(code) }()
		response := respond(ctx)
		if response == nil { // the deadline came first
			code = resolvers.CodeUnavailable
			return nil
		}
		code = codeOf(response.Errors)
		return response
	}
}

// noteRefusals looks at what mutations answer. Other operations are spared a call for
// each of their fields.
func noteRefusals(o *telemetry.Operation, next graphql.FieldMiddleware) graphql.FieldMiddleware {
	return func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		answer, err := next(ctx, resolve)
		if field := graphql.GetFieldContext(ctx); err == nil && field != nil && field.Object == "Mutation" {
			if code := refusalIn(answer); code != "" {
				o.Refuse(code)
			}
		}
		return answer, err
	}
}

// refusalIn is the code of the first refusal in a mutation's payload.
func refusalIn(payload any) string {
	v := reflect.Indirect(reflect.ValueOf(payload))
	if v.Kind() != reflect.Struct {
		return ""
	}
	list := v.FieldByName("UserErrors")
	if !list.IsValid() {
		return ""
	}
	if refusals, ok := list.Interface().([]loan.UserError); ok && len(refusals) > 0 {
		return string(refusals[0].ErrorCode())
	}
	return ""
}

// InterceptResponse implements graphql.ResponseInterceptor. It sees what never became
// an operation.
func (t operationObserver) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response != nil && telemetry.OperationFrom(ctx) == nil {
		t.Unreadable(codeOf(response.Errors))
	}
	return response
}

// InterceptRootField implements graphql.RootFieldInterceptor.
func (operationObserver) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if !telemetry.Traced(ctx) {
		return next(ctx)
	}
	field := graphql.GetRootFieldContext(ctx).Field
	ctx, ended := telemetry.Within(ctx, field.ObjectDefinition.Name+"."+field.Name)
	defer ended(nil)
	return next(ctx)
}

// codeOf is the code of the first error; empty where there is none.
func codeOf(errs gqlerror.List) string {
	if len(errs) == 0 {
		return ""
	}
	code, _ := errs[0].Extensions["code"].(string)
	if code == "" {
		return resolvers.CodeInternal
	}
	return code
}
