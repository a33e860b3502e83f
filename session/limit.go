package session

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limit is at most N of something in any stretch of time as long as Per. The zero
// Limit limits nothing. Redis keeps one number for each that counts.
type Limit struct {
	// Name keeps apart what has different limits; it is part of the key.
	Name string
	N    int
	Per  time.Duration
}

// Verdict is what a limit says. A refusal is not counted, so asking again does
// not make the wait longer.
type Verdict struct {
	Allowed bool
	// Remaining is how many more would be allowed now; 0 where there is no limit.
	Remaining int
	// RetryAfter is how long until another is allowed, after a refusal. 0 after a
	// refusal means that waiting does not help; only [Store.Guess] says so.
	RetryAfter time.Duration
}

// RateLimited says that a session asks too often.
type RateLimited struct{ RetryAfter time.Duration }

func (e *RateLimited) Error() string {
	return fmt.Sprintf("session: too many operations, try again in %s", e.RetryAfter)
}

// timeToLive is in milliseconds.
func (l Limit) timeToLive() int64 { return (l.Per + grace).Milliseconds() }

var (
	//go:embed window.lua
	windowLua string
	//go:embed allow.lua
	allowLua string
)

var allow = redis.NewScript(windowLua + allowLua)

// Allow counts one event of a key against a limit, where the limit allows it. A
// key is no secret: Redis holds it as it is. The error wraps [ErrUnavailable].
func (s *Store) Allow(ctx context.Context, now time.Time, l Limit, key string) (Verdict, error) {
	if l.N <= 0 {
		return Verdict{Allowed: true}, nil
	}
	reply, err := allow.Run(ctx, s.redis, []string{s.keys.rate(l, key)},
		now.UnixMicro(), l.N, l.Per.Microseconds(), l.timeToLive()).Slice()
	if err != nil {
		return Verdict{}, unavailable(err)
	}
	return parseVerdict(reply)
}

// parseVerdict reads what the scripts reply: how many are left or -1, and after
// how many microseconds to ask again.
func parseVerdict(reply []any) (Verdict, error) {
	if len(reply) == 2 {
		left, isLeft := reply[0].(int64)
		retry, isRetry := reply[1].(int64)
		if isLeft && isRetry {
			return Verdict{Allowed: left >= 0, Remaining: int(max(left, 0)), RetryAfter: time.Duration(retry) * time.Microsecond}, nil
		}
	}
	return Verdict{}, unavailable(fmt.Errorf("a verdict of %d fields", len(reply)))
}

// giveBack takes the latest event of a key off its count.
func (s *Store) giveBack(ctx context.Context, l Limit, key string) error {
	return unavailable(s.redis.LPop(ctx, s.keys.rate(l, key)).Err())
}

// carry lets one key begin with what another has counted.
func (s *Store) carry(ctx context.Context, l Limit, from, to string) error {
	if l.N <= 0 {
		return nil
	}
	counted, err := s.redis.LRange(ctx, s.keys.rate(l, from), 0, -1).Result()
	if err != nil || len(counted) == 0 {
		return unavailable(err)
	}
	pipe := s.redis.Pipeline()
	pipe.RPush(ctx, s.keys.rate(l, to), counted)
	pipe.PExpire(ctx, s.keys.rate(l, to), l.Per+grace)
	_, err = pipe.Exec(ctx)
	return unavailable(err)
}
