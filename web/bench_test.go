package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/redact"
	"github.com/automobilepay/mobilepay/telemetry"
)

// BenchmarkRefused is what a request costs that is sent away because there are too many,
// but for reading it from its connection: it is paid just when there is no time.
func BenchmarkRefused(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	log := slog.New(telemetry.LogHandler(slog.NewJSONHandler(null, redact.Options(slog.LevelInfo))))
	watch, err := telemetry.New(b.Context(), telemetry.Options{Log: log, Mode: "production"})
	if err != nil {
		b.Fatal(err)
	}
	o := Options{Clock: clock.System(), Log: log, Telemetry: watch, Timeout: 10 * time.Second}
	o.gate = newGate(1)
	if _, ok := o.gate.enter(b.Context()); !ok { // and stays, so that nobody else is let in
		b.Fatal("nobody is let in")
	}
	gone, cancel := context.WithCancel(b.Context())
	cancel() // or each would wait
	mux := http.NewServeMux()
	mux.Handle(graphQLPath, o.shed(http.NotFoundHandler()))
	h := o.receive(o.observe(mux))
	body := []byte(`{"query":"query Home { viewer { firstName } }"}`)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(gone, http.MethodPost, graphQLPath, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept-Language", "en-US,en;q=0.9")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "UNAVAILABLE") {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
