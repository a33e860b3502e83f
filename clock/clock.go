// Package clock says what time it is, and is the only place that asks the
// machine. A use case reads its clock once and hands the instant on, so that one
// request has one "now".
//
// Every instant is in UTC and in whole microseconds, which is what Postgres
// keeps: what was answered equals what is read back.
package clock

import (
	"fmt"
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	// Now is the present instant, in UTC and whole microseconds.
	Now() time.Time
}

// System is the machine's clock.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return whole(time.Now()) }

// whole drops what the database would drop. It also drops Go's monotonic
// reading, without which equal instants would not be equal.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Set is a clock that can be set forward, for the sandbox and for tests. It never
// goes back: rows already stored would lie in its future. It is safe for
// concurrent use.
type Set struct {
	mu    sync.Mutex
	at    time.Time
	since time.Time // the machine's time at which the clock showed at; zero where it stands
}

// NewSet is a clock that stands at start until it is set forward.
func NewSet(start time.Time) *Set { return &Set{at: whole(start)} }

// Running is a clock that shows start now and runs on from there.
func Running(start time.Time) *Set { return &Set{at: whole(start), since: time.Now()} }

// Now is what the clock shows.
func (s *Set) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Set) now() time.Time {
	if s.since.IsZero() {
		return s.at
	}
	return whole(s.at.Add(time.Since(s.since)))
}

// Advance sets the clock forward by d. A negative d is a mistake in the program
// and panics; use [Set.SetTo] for an instant that somebody else chose.
func (s *Set) Advance(d time.Duration) {
	if d < 0 {
		panic("clock: advanced by " + d.String())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = whole(s.at.Add(d))
}

// SetTo sets the clock to t, which must not be before what it shows. A running
// clock runs on from t.
func (s *Set) SetTo(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t = whole(t)
	if now := s.now(); t.Before(now) {
		return fmt.Errorf("clock: cannot go back from %s to %s", now.Format(time.RFC3339Nano), t.Format(time.RFC3339Nano))
	}
	s.at = t
	if !s.since.IsZero() {
		s.since = time.Now()
	}
	return nil
}
