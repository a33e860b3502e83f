package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/automobilepay/mobilepay/clock"
)

// Readiness answers whether the process can serve and, where it cannot, by which part:
// its name and no more, because anybody may ask. It is asked by load balancers every
// few seconds, so that what it answers must not depend on what other processes do.
type Readiness struct {
	// Parts are what serving needs. Where one fails, the process is not ready.
	Parts []Part
	// Warnings are what an operator has to see to, while the process is ready: it
	// could do nothing about them by being away.
	Warnings []Part
	Clock    clock.Clock
	Log      *slog.Logger

	draining atomic.Bool
	mu       sync.Mutex // held while the parts are asked, so that probes ask them once
	at       time.Time  // when they were
	last     readiness
}

// Part is something that can fail.
type Part struct {
	Name  string
	Check func(context.Context) error
}

// readiness is what is answered.
type readiness struct {
	Status   string   `json:"status"`
	Failing  []string `json:"failing,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

const (
	// readyFor is how long an answer is given again: probes cannot load the databases.
	readyFor = time.Second
	// readyWithin is how long the parts have to answer.
	readyWithin = 2 * time.Second
)

// Drain makes the process not ready for good.
func (r *Readiness) Drain() { r.draining.Store(true) }

func (r *Readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	answer := readiness{Status: "draining"}
	if !r.draining.Load() {
		answer = r.check(context.WithoutCancel(request.Context())) // others are told the same
	}
	code := http.StatusOK
	if answer.Status != "ok" {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}

func (r *Readiness) check(ctx context.Context) readiness {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	if r.last.Status != "" && now.Sub(r.at) < readyFor {
		return r.last
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	var parts, warnings []string
	var both sync.WaitGroup
	both.Go(func() { parts = r.failing(ctx, r.Parts) })
	both.Go(func() { warnings = r.failing(ctx, r.Warnings) })
	both.Wait()
	answer := readiness{Status: "ok", Failing: parts, Warnings: warnings}
	if len(parts) > 0 {
		answer.Status = "unavailable"
	}
	if r.last.Status != "" && answer.Status != r.last.Status || r.last.Status == "" && answer.Status != "ok" {
		r.Log.WarnContext(ctx, "readiness has changed", "status", answer.Status, "failing", answer.Failing)
	}
	r.at, r.last = now, answer
	return answer
}

// failing are the names of the parts that fail, which are asked at once.
func (r *Readiness) failing(ctx context.Context, parts []Part) []string {
	failed := make([]string, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() {
			if err := part.Check(ctx); err != nil {
				failed[i] = part.Name
				r.Log.WarnContext(ctx, "a check fails", "part", part.Name, "error", err)
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(failed, func(name string) bool { return name == "" })
}
