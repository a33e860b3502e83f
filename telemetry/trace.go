package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces is where traces go and how many there are.
type Traces struct {
	// Endpoint is the base URL of a collector that speaks OTLP over HTTP.
	Endpoint string
	// Headers are sent with every export.
	Headers map[string]string
	// Service is what the program is called.
	Service string
	// Ratio is the share of requests that are traced, 0 to 1. What a trusted caller
	// has begun is traced if the caller traces it.
	Ratio float64
}

const scope = "github.com/automobilepay/mobilepay"

// trace begins to export traces. The exporter connects when there is something to
// send; where the collector is away, traces are dropped and nothing waits for it.
func (t *Telemetry) trace(ctx context.Context, o Traces, log *slog.Logger) error {
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.Endpoint, "/")+"/v1/traces"), otlptracehttp.WithHeaders(o.Headers))
	if err != nil {
		return err
	}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Ratio))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", o.Service))),
	)
	t.tracer = t.provider.Tracer(scope)
	// The library tells this to one handler for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are not sent", "error", err) }))
	return nil
}

var propagator = propagation.TraceContext{}

// root begins a trace, or goes on with that of ctx. The span is nil where nothing is
// traced.
func (t *Telemetry) root(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if t.tracer == nil {
		return ctx, nil
	}
	return t.tracer.Start(ctx, name, opts...)
}

// server begins the trace of a request. The caller's own trace goes on where it is
// believed; otherwise there is a new one with a link to it.
func (t *Telemetry) server(ctx context.Context, r *http.Request, believed bool) (context.Context, trace.Span) {
	if t.tracer == nil {
		return ctx, nil
	}
	opts := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	caller := trace.SpanContextFromContext(propagator.Extract(context.Background(), propagation.HeaderCarrier(r.Header)))
	switch {
	case !caller.IsValid():
	case believed:
		// Without the state, which is the caller's text.
		ctx = trace.ContextWithRemoteSpanContext(ctx, caller.WithTraceState(trace.TraceState{}))
	default:
		opts = append(opts, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: caller.WithTraceState(trace.TraceState{})}))
	}
	return t.tracer.Start(ctx, r.Method, opts...)
}

// client begins the span of something that is asked elsewhere, where ctx is traced;
// else the span is nil: what is asked by itself, again and again, is no trace.
func client(ctx context.Context, name string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
}

// Within watches a part of what ctx is about, where that is traced. The function that
// it returns takes the error where there was one, of which nothing is told but that.
func Within(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func(error) {}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) { end(span, err) }
}

// Annotate adds to the span of ctx.
func Annotate(ctx context.Context, attributes ...attribute.KeyValue) {
	trace.SpanFromContext(ctx).SetAttributes(attributes...)
}

// Traced tells whether ctx is traced.
func Traced(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Traceparent is the trace of ctx in W3C's words, by which it can be gone on with
// later; empty where ctx is not traced.
func Traceparent(ctx context.Context) string {
	if !Traced(ctx) {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagator.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// Later tells in a trace that was begun before what the span of ctx has done for it by
// now, linked with that span. Where ctx is not traced, or traceparent is none, nothing
// is told.
func Later(ctx context.Context, traceparent, name string, attributes ...attribute.KeyValue) {
	here := trace.SpanFromContext(ctx)
	there := trace.SpanContextFromContext(propagator.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent}))
	if !here.IsRecording() || !there.IsSampled() {
		return
	}
	opts := []trace.SpanStartOption{trace.WithLinks(trace.Link{SpanContext: here.SpanContext()}), trace.WithAttributes(attributes...)}
	if begun, ok := here.(interface{ StartTime() time.Time }); ok {
		opts = append(opts, trace.WithTimestamp(begun.StartTime()))
	}
	_, span := here.TracerProvider().Tracer(scope).Start(trace.ContextWithRemoteSpanContext(ctx, there), name, opts...)
	span.End()
}

// end ends a span, which may be nil. The error's text stays out: it may quote what was
// asked.
func end(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// endOutcome ends a span, which may be nil, with a code of the program's own.
func endOutcome(span trace.Span, code string) {
	if span == nil {
		return
	}
	if code != "" {
		span.SetAttributes(attribute.String("error.type", code))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func sqlAttributes(name, text string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("db.query.summary", name), attribute.String("db.query.text", text)}
}

func redisAttributes(name string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", name)}
}
