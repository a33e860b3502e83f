package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// How things end.
const (
	OK      = "ok"
	Refused = "refused" // by a rule: it is no fault
	Failed  = "error"
)

// Request is an HTTP request under way.
type Request struct {
	t         *Telemetry
	method    string
	began     time.Time
	stays     bool
	span      trace.Span
	operation string
}

type requestKey struct{}

// StartRequest begins to watch a request. believed tells whether its caller's trace is
// gone on with, and stays whether it is for a connection that stays: then it is
// counted when it ends, and each of its operations has a trace of its own.
func (t *Telemetry) StartRequest(ctx context.Context, r *http.Request, believed, stays bool) (context.Context, *Request) {
	request := &Request{t: t, method: methodOf(r), began: time.Now(), stays: stays}
	if stays {
		return ctx, request
	}
	t.inFlight.Inc()
	if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		ctx, request.span = t.server(ctx, r, believed)
	}
	return context.WithValue(ctx, requestKey{}, request), request
}

// End tells how a request ended: by the pattern of its route, the status, and how many
// bytes were answered. It writes the request's one line in the log, with neither path
// nor query.
func (r *Request) End(ctx context.Context, log *slog.Logger, route string, status int, bytes int64) {
	if route == "" {
		route = "none"
	}
	took := time.Since(r.began)
	r.t.requests.WithLabelValues(route, r.method, strconv.Itoa(status/100)+"xx").Inc()
	if !r.stays {
		r.t.inFlight.Dec()
		r.t.requestSeconds.WithLabelValues(route).Observe(took.Seconds())
	}
	if r.span != nil {
		r.span.SetName(r.method + " " + route)
		r.span.SetAttributes(attribute.String("http.request.method", r.method), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status), attribute.String("mobilepay.request.id", requestID(ctx)))
		code := ""
		if status >= http.StatusInternalServerError {
			code = strconv.Itoa(status)
		}
		endOutcome(r.span, code)
	}
	level := slog.LevelInfo
	if route == "GET /healthz" || route == "GET /readyz" {
		level = slog.LevelDebug // they come every few seconds
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.method), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int64("bytes", bytes),
	}
	if r.operation != "" {
		attrs = append(attrs, slog.String("operation", r.operation))
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}

// methodOf is a method that can be a label: clients may make up others.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Method
	}
	return Other
}

// Operation is a GraphQL operation under way.
type Operation struct {
	t          *Telemetry
	name, kind string
	began      time.Time
	span       trace.Span
	refusal    string
}

type operationKey struct{}

// StartOperation begins to watch an operation. One that no app ships is [Other],
// whatever it calls itself. kind is query, mutation or subscription.
func (t *Telemetry) StartOperation(ctx context.Context, name, kind string) (context.Context, *Operation) {
	if !t.operations[name] {
		name = Other
	}
	o := &Operation{t: t, name: name, kind: kind, began: time.Now()}
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		request.operation = name
	}
	ctx, o.span = t.root(ctx, kind+" "+name)
	if o.span != nil {
		o.span.SetAttributes(attribute.String("graphql.operation.name", name), attribute.String("graphql.operation.type", kind))
	}
	return context.WithValue(ctx, operationKey{}, o), o
}

// OperationFrom is the operation that ctx is in; nil where there is none.
func OperationFrom(ctx context.Context) *Operation {
	o, _ := ctx.Value(operationKey{}).(*Operation)
	return o
}

// Refuse notes that a rule has refused what was asked for, with a code.
func (o *Operation) Refuse(code string) { o.refusal = code }

// End tells how the operation ended: code is that of its first error, empty where there
// was none.
func (o *Operation) End(code string) {
	outcome := OK
	switch {
	case code != "":
		outcome = Failed
	case o.refusal != "":
		outcome, code = Refused, o.refusal
	}
	o.t.graphQL.WithLabelValues(o.name, o.kind, outcome, code).Inc()
	if o.kind != "subscription" {
		o.t.graphQLSeconds.WithLabelValues(o.name).Observe(time.Since(o.began).Seconds())
	}
	if o.span == nil {
		return
	}
	if outcome == Refused {
		o.span.SetAttributes(attribute.String("mobilepay.refusal", code))
		code = ""
	}
	endOutcome(o.span, code)
}

// Told counts an answer to a subscription.
func (o *Operation) Told() { o.t.subscriptionTold.WithLabelValues(o.name).Inc() }

// Unreadable counts a request of which no operation came: what was sent was not valid,
// or nobody was let in.
func (t *Telemetry) Unreadable(code string) {
	t.graphQL.WithLabelValues(Other, "none", Failed, code).Inc()
}
