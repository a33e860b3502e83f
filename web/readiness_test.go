package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/clock"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	secret := errors.New("password=hunter2")
	var database, redis, run atomic.Bool
	var asked atomic.Int64
	part := func(name string, state *atomic.Bool) Part {
		return Part{name, func(context.Context) error {
			asked.Add(1)
			if state.Load() {
				return secret
			}
			return nil
		}}
	}
	c := clock.NewSet(time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC))
	r := &Readiness{Parts: []Part{part("database", &database), part("redis", &redis)}, Warnings: []Part{part("run", &run)},
		Clock: c, Log: slog.New(slog.DiscardHandler)}
	expect := func(code int, body string) {
		t.Helper()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if got := strings.TrimSpace(w.Body.String()); w.Code != code || got != body || strings.Contains(got, "hunter") {
			t.Errorf("got %d %s, want %d %s", w.Code, got, code, body)
		}
	}
	expect(200, `{"status":"ok"}`)
	redis.Store(true)
	expect(200, `{"status":"ok"}`) // for a second
	c.Advance(time.Second)
	expect(503, `{"status":"unavailable","failing":["redis"]}`)
	database.Store(true)
	run.Store(true)
	c.Advance(time.Second)
	expect(503, `{"status":"unavailable","failing":["database","redis"],"warnings":["run"]}`)
	database.Store(false)
	redis.Store(false)
	c.Advance(time.Second)
	expect(200, `{"status":"ok","warnings":["run"]}`)

	// A crowd of probes asks once.
	c.Advance(time.Second)
	asked.Store(0)
	var crowd sync.WaitGroup
	for range 100 {
		crowd.Go(func() { expect(200, `{"status":"ok","warnings":["run"]}`) })
	}
	crowd.Wait()
	if n := asked.Load(); n != 3 {
		t.Errorf("the parts were asked %d times", n)
	}

	// One that gives up does not make the others be told so.
	c.Advance(time.Second)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, http.MethodGet, "/readyz", nil))
	expect(200, `{"status":"ok","warnings":["run"]}`)
	r.Drain()
	expect(503, `{"status":"draining"}`)
}
