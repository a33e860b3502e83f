package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/automobilepay/mobilepay/auth"
)

// LogHandler adds to every line what it belongs to, as the context says: the request,
// the trace, and the operation.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, line slog.Record) error {
	line = line.Clone()
	if id := requestID(ctx); id != "" {
		line.AddAttrs(slog.String("request", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		line.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
	if o := OperationFrom(ctx); o != nil {
		line.AddAttrs(slog.String("operation", o.name))
	}
	return h.Handler.Handle(ctx, line)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

func requestID(ctx context.Context) string { return auth.RequestID(ctx) }
