package servicing

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

const (
	// lookForEvents is how often there is a look at the events although nobody has
	// nudged: a nudge can be lost.
	lookForEvents = 15 * time.Second
	// eventsAtOnce are read by one statement.
	eventsAtOnce = 100
	// eventDays is for how many days events can be followed from a place: as long as
	// all of them are there.
	eventDays = int(eventLife / (24 * time.Hour))
)

// EventsFrom is the first day from which events can be followed.
func EventsFrom(now time.Time) loan.Date { return loan.DateOf(now).AddDays(1 - eventDays) }

// LastEvent is the id of the latest event that a viewer sees; 0 where there is none.
func (s *Service) LastEvent(ctx context.Context, viewer auth.Viewer) (int64, error) {
	return s.Store.LastEvent(ctx, viewer.CustomerID)
}

// FollowEvents hands over each event that a viewer sees after the one with an id, in
// order and once, and waits for more until ctx ends. While the databases are away it
// waits for them.
func (s *Service) FollowEvents(ctx context.Context, viewer auth.Viewer, after int64, take func(store.Event)) {
	nudge, stop := s.Sessions.Nudges().Listen(session.EventsOf(viewer.CustomerID))
	defer stop()
	look := time.NewTicker(lookForEvents)
	defer look.Stop()
	for ctx.Err() == nil {
		events, err := s.Store.EventsAfter(ctx, viewer.CustomerID, after, eventsAtOnce)
		for _, e := range events {
			take(e)
			after = e.ID
		}
		if err == nil && len(events) == eventsAtOnce {
			continue
		}
		select {
		case <-nudge:
		case <-look.C:
		case <-ctx.Done():
		}
	}
}
