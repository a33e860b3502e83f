package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/clock"
)

// Every request has a deadline, whatever its route, and one instant and id.
func TestEveryRequestHasDeadline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	o := Options{Clock: clock.NewSet(now), Log: slog.New(slog.DiscardHandler), Timeout: time.Hour}
	ids := map[string]bool{}
	h := o.receive(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Errorf("%s has no deadline", r.URL.Path)
		}
		request := auth.RequestFrom(r.Context())
		if !request.At.Equal(now) || len(request.ID) != 24 || ids[request.ID] {
			t.Errorf("%s is %+v", r.URL.Path, request)
		}
		ids[request.ID] = true
	}))
	for _, path := range []string{"/", "/graphql", "/healthz", "/none"} {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if !ids[recorder.Header().Get("X-Request-Id")] {
			t.Errorf("%s is answered with the id %q", path, recorder.Header().Get("X-Request-Id"))
		}
	}
}
