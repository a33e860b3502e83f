package clock_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/clock"
)

var start = time.Date(2026, 11, 18, 14, 59, 59, 999_999_999, time.FixedZone("EST", -5*3600))

// want is start as the database keeps it.
var want = time.Date(2026, 11, 18, 19, 59, 59, 999_999_000, time.UTC)

func TestSystemIsUTCInWholeMicroseconds(t *testing.T) {
	t.Parallel()
	for range 100 {
		now := clock.System().Now()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || strings.Contains(now.String(), "m=") {
			t.Fatalf("got %#v", now)
		}
	}
	if off := time.Since(clock.System().Now()).Abs(); off > time.Minute {
		t.Errorf("off by %s", off)
	}
}

func TestSetStandsUntilItIsMoved(t *testing.T) {
	t.Parallel()
	c := clock.NewSet(start)
	for range 2 {
		if !c.Now().Equal(want) {
			t.Fatalf("got %s, want %s", c.Now(), want)
		}
	}
	c.Advance(time.Microsecond)
	if got := want.Add(time.Microsecond); !c.Now().Equal(got) {
		t.Errorf("got %s, want %s", c.Now(), got)
	}
	later := want.Add(48 * time.Hour)
	if err := c.SetTo(later); err != nil || !c.Now().Equal(later) {
		t.Errorf("got %s, %v", c.Now(), err)
	}
	if err := c.SetTo(later); err != nil {
		t.Errorf("the same instant was refused: %v", err)
	}
}

func TestSetNeverGoesBack(t *testing.T) {
	t.Parallel()
	c := clock.NewSet(start)
	if err := c.SetTo(want.Add(-time.Microsecond)); err == nil {
		t.Error("went back")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("advanced by a negative duration")
			}
		}()
		c.Advance(-1)
	}()
	if !c.Now().Equal(want) {
		t.Errorf("got %s, want %s", c.Now(), want)
	}
}

func TestRunningRunsOn(t *testing.T) {
	t.Parallel()
	c := clock.Running(start)
	first := c.Now()
	for c.Now().Equal(first) { // two readings differ as soon as a microsecond has passed
		continue
	}
	if first.Before(want) || first.After(want.Add(time.Minute)) {
		t.Errorf("starts at %s, want about %s", first, want)
	}
	later := want.Add(24 * time.Hour)
	if err := c.SetTo(later); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Hour)
	if got := c.Now(); got.Before(later.Add(time.Hour)) || got.After(later.Add(time.Hour+time.Minute)) {
		t.Errorf("got %s, want about an hour after %s", got, later)
	}
	if got := c.Now(); got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
		t.Errorf("got %#v", got)
	}
}

func TestSetIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c := clock.NewSet(start)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				before := c.Now()
				c.Advance(time.Second)
				if !c.Now().After(before) {
					t.Error("stood still or went back")
				}
			}
		})
	}
	wg.Wait()
	if got := want.Add(800 * time.Second); !c.Now().Equal(got) {
		t.Errorf("got %s, want %s", c.Now(), got)
	}
}
