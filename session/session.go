package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// ErrNoSession says that a token opens nothing: it is malformed, was never given
// out, or its session has expired or ended. Which of them is not told.
var ErrNoSession = errors.New("session: there is no such session")

// Session is one log-in of a customer on one device.
type Session struct {
	// ID is the SHA-256 of the token in hexadecimal. It opens nothing, so audit
	// rows and logs may hold it.
	ID         string
	CustomerID loan.CustomerID
	DeviceName string
	CreatedAt  time.Time
	LastSeenAt time.Time
}

// tokenBytes is 256 bits, which nobody guesses.
const tokenBytes = 32

// tokenEncoding is strict: a token has one spelling only.
var tokenEncoding = base64.RawURLEncoding.Strict()

// grace is how much longer than a session Redis keeps its key. It covers clocks
// that differ between instances, and a sandbox whose clock stands for a while.
const grace = 15 * time.Minute

// batch is how many sessions are written in one round trip.
const batch = 1000

// Every command names one key, so that the sessions can spread over a cluster.
// An index of a customer's sessions would be customer:ID:sessions.
func key(id string) string { return "session:" + id }

// Create starts a session for sess.CustomerID on sess.DeviceName; the other
// fields are set here and not read, so nobody can choose a session's id. The
// token is for the client alone and cannot be had again. From expiresAt on the
// session is over, even if it never idles.
func (s *Store) Create(ctx context.Context, now time.Time, sess Session) (token string, expiresAt time.Time, err error) {
	tokens, err := s.CreateMany(ctx, now, []Session{sess})
	if err != nil {
		return "", time.Time{}, err
	}
	return tokens[0], fromMicro(now.UnixMicro()).Add(s.absolute), nil
}

// CreateMany is [Store.Create] for many, in a few round trips; the tokens are in
// the order of the sessions. After an error some may exist, which nobody can
// open.
func (s *Store) CreateMany(ctx context.Context, now time.Time, sessions []Session) ([]string, error) {
	tokens := make([]string, 0, len(sessions))
	for len(sessions) > 0 {
		n := min(batch, len(sessions))
		pipe := s.redis.Pipeline()
		for _, sess := range sessions[:n] {
			if sess.CustomerID <= 0 {
				return nil, fmt.Errorf("session: no customer has the id %d", sess.CustomerID)
			}
			token := newToken()
			tokens = append(tokens, token)
			pipe.Set(ctx, key(IDOf(token)), record(now, sess), s.idle+grace)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, unavailable(err)
		}
		sessions = sessions[n:]
	}
	return tokens, nil
}

// record is the text that Redis holds: the customer, when the session was
// created and last seen (microseconds since 1970), and the device. One string is
// written whole, together with its time to live; touch.lua reads and rewrites it.
func record(now time.Time, sess Session) string {
	at := now.UnixMicro()
	return fmt.Sprintf("%d %d %d %s", sess.CustomerID, at, at, sess.DeviceName)
}

//go:embed touch.lua
var touchLua string

var touch = redis.NewScript(touchLua)

// Touch finds the session that a token opens and notes that it was seen now, in
// one round trip. A session that has idled too long or has reached its absolute
// end is removed: it stays dead for an instance whose clock is behind. The end
// itself is outside: a session that may idle 15 minutes is gone when 15 minutes
// have passed.
//
// The error is [ErrNoSession] or wraps [ErrUnavailable].
func (s *Store) Touch(ctx context.Context, now time.Time, token string) (Session, error) {
	// A token that cannot be one is refused here, whatever its size.
	if !wellFormed(token) {
		return Session{}, ErrNoSession
	}
	id := IDOf(token)
	reply, err := touch.Run(ctx, s.redis, []string{key(id)},
		now.UnixMicro(), s.idle.Microseconds(), s.absolute.Microseconds(), (s.idle + grace).Milliseconds()).StringSlice()
	if errors.Is(err, redis.Nil) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	return parse(id, reply)
}

// parse reads the script's reply: customer, created, seen, device.
func parse(id string, reply []string) (Session, error) {
	if len(reply) != 4 {
		return Session{}, unavailable(fmt.Errorf("a reply of %d fields", len(reply)))
	}
	var numbers [3]int64
	for i := range numbers {
		n, err := strconv.ParseInt(reply[i], 10, 64)
		if err != nil {
			return Session{}, unavailable(fmt.Errorf("field %d of the reply is no number", i))
		}
		numbers[i] = n
	}
	if numbers[0] <= 0 {
		return Session{}, unavailable(errors.New("a session of nobody"))
	}
	return Session{
		ID:         id,
		CustomerID: loan.CustomerID(numbers[0]),
		DeviceName: reply[3],
		CreatedAt:  fromMicro(numbers[1]),
		LastSeenAt: fromMicro(numbers[2]),
	}, nil
}

// Delete ends the session with this id at once, on every instance. It is no
// error if there is none.
func (s *Store) Delete(ctx context.Context, id string) error {
	return unavailable(s.redis.Del(ctx, key(id)).Err())
}

func newToken() string {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: it would end the program
	return tokenEncoding.EncodeToString(b)
}

// wellFormed tells whether token could have come from newToken. The count of
// bytes matters: the decoder passes over line breaks.
func wellFormed(token string) bool {
	if len(token) != tokenEncoding.EncodedLen(tokenBytes) {
		return false
	}
	b, err := tokenEncoding.DecodeString(token)
	return err == nil && len(b) == tokenBytes
}

// IDOf is the id of the session that a token opens.
func IDOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }
