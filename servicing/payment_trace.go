package servicing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
)

// Attributes of spans. They are numbers by which operators find things.
const (
	paymentAttribute = "mobilepay.payment.id"
	cutoffAttribute  = "mobilepay.cutoff"
	filesAttribute   = "mobilepay.files"
	stepAttribute    = "mobilepay.step"
)

// tracePayment notes which payment a request has made, where the request is traced, so
// that what a run does for it is told in the same trace.
func tracePayment(ctx context.Context, tx *store.Tx, id loan.PaymentID) error {
	traceparent := telemetry.Traceparent(ctx)
	if traceparent == "" {
		return nil
	}
	telemetry.Annotate(ctx, attribute.Int64(paymentAttribute, int64(id)))
	return tx.InsertPaymentTrace(ctx, store.PaymentTrace{PaymentID: id, Traceparent: traceparent})
}

// mostTraced is in how many payments' traces a run tells of each step.
const mostTraced = 1000

// tellPayments tells in the traces of the payments that a run debits what the span of
// ctx has done for them. That it cannot be told holds up no money.
func (s *Service) tellPayments(ctx context.Context, cutoff time.Time, what string) {
	if !telemetry.Traced(ctx) {
		return
	}
	traces, err := s.Store.Books().TracesOfRun(ctx, cutoff, mostTraced)
	if err != nil || len(traces) == 0 {
		return
	}
	files, err := s.Store.Books().FilesOfRun(ctx, cutoff)
	if err != nil {
		return
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	for _, t := range traces {
		telemetry.Later(ctx, t.Traceparent, "payment "+what, attribute.Int64(paymentAttribute, int64(t.PaymentID)),
			attribute.String(cutoffAttribute, cutoff.Format(time.RFC3339)), attribute.StringSlice(filesAttribute, names))
	}
}
