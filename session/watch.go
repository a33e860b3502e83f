package session

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/loan"
)

// Ending is why a session is over.
type Ending string

// The reasons.
const (
	Ended    Ending = "ENDED"    // by a log-out, a revocation, or a log-in too many
	Expired  Ending = "EXPIRED"  // by the clock
	Replaced Ending = "REPLACED" // it goes on under a new token; see [Store.Rotate]
)

// replacedLife is how long it is remembered that a session has a new token.
const replacedLife = time.Minute

const (
	// tickEvery is how often the clock is looked at, which costs nothing.
	tickEvery = time.Second
	// lookEvery is after how many ticks Redis is asked although nobody has nudged.
	lookEvery = 15
)

// Watch returns once the session with this id is over, at the latest a second after
// it. While Redis cannot be asked, a session lives as long as it would unseen. The
// error is that of ctx.
func (s *Store) Watch(ctx context.Context, c clock.Clock, customer loan.CustomerID, id string) (Ending, error) {
	nudge, stop := s.nudges.Listen(SessionsOf(customer))
	defer stop()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	var until time.Time // zero until it was read
	for ticks := 1; ; {
		select {
		case <-nudge:
		case <-ticker.C:
			if ticks++; ticks%lookEvery != 0 && c.Now().Before(until) {
				continue
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
		now := c.Now()
		sess, err := s.read(ctx, id)
		switch passed := !until.IsZero() && !now.Before(until); {
		case errors.Is(err, ErrNoSession):
			return s.ending(ctx, id, passed), nil
		case err == nil && s.over(now, sess), err != nil && passed:
			return Expired, nil
		case err == nil:
			until = s.endOf(sess)
		}
	}
}

// ending is why a session is not there any more; passed is whether its time was over.
func (s *Store) ending(ctx context.Context, id string, passed bool) Ending {
	switch replaced, err := s.redis.Exists(ctx, s.keys.replaced(id)).Result(); {
	case err == nil && replaced == 1:
		return Replaced
	case passed:
		return Expired
	}
	return Ended
}
