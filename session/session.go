package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// ErrNoSession says that a token or an id opens nothing: it is malformed, was
// never given out, is another customer's, or its session has expired or ended.
// Which of them is not told.
var ErrNoSession = errors.New("session: there is no such session")

// Session is one log-in of a customer on one device.
type Session struct {
	// ID is the SHA-256 of the token in hexadecimal. It opens nothing, so audit
	// rows and logs may hold it.
	ID         string
	CustomerID loan.CustomerID
	DeviceName string
	// Platform is what the device runs, in the client's words.
	Platform string
	// Address is the IP address that the session was last seen from.
	Address    string
	CreatedAt  time.Time
	LastSeenAt time.Time
	// SteppedUpAt is when the customer last proved more than the password; zero
	// where that never happened.
	SteppedUpAt time.Time
	// Current is that what is read in it must not lag; see [Store.KeepCurrent]. It is
	// known of a session that was touched.
	Current bool
}

// tokenBytes is 256 bits, which nobody guesses.
const tokenBytes = 32

// tokenEncoding is strict: a token has one spelling only.
var tokenEncoding = base64.RawURLEncoding.Strict()

// grace is how much longer than it counts Redis keeps a key. It covers clocks
// that differ between instances, and a sandbox whose clock stands for a while.
const grace = 15 * time.Minute

// batch is how many sessions are written in one round trip.
const batch = 1000

// Create starts a session. Its id and CreatedAt are set here and not read, so
// nobody can choose a session's id. The token is for the client alone and cannot
// be had again. From expiresAt on the session is over, even if it never idles.
//
// A customer has a few sessions at most ([Options].PerCustomer): of the others
// those unseen for longest are ended.
func (s *Store) Create(ctx context.Context, now time.Time, sess Session) (token string, expiresAt time.Time, err error) {
	tokens, err := s.CreateMany(ctx, now, []Session{sess})
	if err != nil {
		return "", time.Time{}, err
	}
	if err := s.makeRoom(ctx, now, sess.CustomerID, IDOf(tokens[0])); err != nil {
		return "", time.Time{}, err
	}
	return tokens[0], fromMicro(now.UnixMicro()).Add(s.absolute), nil
}

// makeRoom ends what a customer has too many of. The session with the id newest
// is spared, whatever the clocks of the instances that saw the others. Of many
// log-ins at once the last to get here sees all, so none is left over.
func (s *Store) makeRoom(ctx context.Context, now time.Time, customer loan.CustomerID, newest string) error {
	sessions, err := s.List(ctx, now, customer)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(sessions, func(o Session) bool { return o.ID == newest })
	if len(others) < s.perCustomer {
		return nil
	}
	_, err = s.end(ctx, others[s.perCustomer-1:])
	return err
}

// CreateMany starts sessions of many customers in a few round trips; the tokens
// are in the order of the sessions. It ends none to make room. After an error
// some may exist, which nobody can open.
func (s *Store) CreateMany(ctx context.Context, now time.Time, sessions []Session) ([]string, error) {
	tokens := make([]string, 0, len(sessions))
	for chunk := range slices.Chunk(sessions, batch) {
		made := make([]Session, len(chunk))
		for i, sess := range chunk {
			if sess.CustomerID <= 0 {
				return nil, fmt.Errorf("session: no customer has the id %d", sess.CustomerID)
			}
			token := NewToken()
			tokens = append(tokens, token)
			sess.ID, sess.CreatedAt, sess.LastSeenAt = IDOf(token), now, now
			made[i] = sess
		}
		if err := s.write(ctx, made); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// write keeps new sessions and then names them in the indexes of their customers.
// In this order, because whoever finds a name without a session takes it for dead
// and strikes it off.
func (s *Store) write(ctx context.Context, sessions []Session) error {
	records, indexes := s.redis.Pipeline(), s.redis.Pipeline()
	for _, sess := range sessions {
		records.Set(ctx, s.keys.session(sess.ID), record(sess), s.idle+grace)
		_ = s.keepCurrent(ctx, records, sess.ID)
		index := s.keys.sessionsOf(sess.CustomerID)
		indexes.SAdd(ctx, index, sess.ID)
		indexes.Expire(ctx, index, s.absolute+grace)
	}
	if _, err := records.Exec(ctx); err != nil {
		return unavailable(err)
	}
	_, err := indexes.Exec(ctx)
	return unavailable(err)
}

// record is the text that Redis holds: the customer, three instants
// (microseconds since 1970, 0 for never), the address, the platform and the
// device, which alone may have spaces. One string is written whole, together
// with its time to live; touch.lua reads and rewrites it.
func record(sess Session) string {
	return fmt.Sprintf("%d %d %d %d %s %s %s", sess.CustomerID, sess.CreatedAt.UnixMicro(), sess.LastSeenAt.UnixMicro(),
		micro(sess.SteppedUpAt), url.PathEscape(sess.Address), url.PathEscape(sess.Platform), sess.DeviceName)
}

// parse reads a record.
func parse(id, text string) (Session, error) {
	fields := strings.SplitN(text, " ", 7)
	if len(fields) != 7 {
		return Session{}, unavailable(fmt.Errorf("a session of %d fields", len(fields)))
	}
	var numbers [4]int64
	var err error
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return Session{}, unavailable(fmt.Errorf("field %d of a session is no number", i))
		}
	}
	if numbers[0] <= 0 {
		return Session{}, unavailable(errors.New("a session of nobody"))
	}
	address, addressErr := url.PathUnescape(fields[4])
	platform, platformErr := url.PathUnescape(fields[5])
	if addressErr != nil || platformErr != nil {
		return Session{}, unavailable(errors.New("a session's address or platform cannot be read"))
	}
	return Session{
		ID: id, CustomerID: loan.CustomerID(numbers[0]), DeviceName: fields[6], Platform: platform, Address: address,
		CreatedAt: fromMicro(numbers[1]), LastSeenAt: fromMicro(numbers[2]), SteppedUpAt: fromMicro(numbers[3]),
	}, nil
}

//go:embed touch.lua
var touchLua string

var touch = redis.NewScript(windowLua + touchLua)

// Touch finds the session that a token opens, notes that it was seen now and
// from where (an empty address leaves the last one), and counts one of its
// operations, all in one round trip. The verdict says how many are left.
//
// A session that has idled too long or has reached its absolute end is removed:
// it stays dead for an instance whose clock is behind. The end itself is outside:
// a session that may idle 15 minutes is gone when 15 minutes have passed.
//
// A refused operation changes nothing. In particular the session idles on: a
// client that asks in a loop must not keep alive what its customer has left, and
// a flood costs no writes.
//
// The error is [ErrNoSession], a [*RateLimited] or wraps [ErrUnavailable].
func (s *Store) Touch(ctx context.Context, now time.Time, token, address string) (Session, Verdict, error) {
	// A token that cannot be one is refused here, whatever its size.
	if !wellFormed(token) {
		return Session{}, Verdict{}, ErrNoSession
	}
	return s.Continue(ctx, now, IDOf(token), address)
}

// Continue is [Store.Touch] for a connection that stays, by the id of the session whose
// token was shown on it.
func (s *Store) Continue(ctx context.Context, now time.Time, id, address string) (Session, Verdict, error) {
	keys := []string{s.keys.session(id), s.keys.rate(s.operations, id)}
	if s.current > 0 {
		keys = append(keys, s.keys.current(id))
	}
	reply, err := touch.Run(ctx, s.redis, keys,
		now.UnixMicro(), s.idle.Microseconds(), s.absolute.Microseconds(), (s.idle + grace).Milliseconds(), url.PathEscape(address),
		s.operations.N, s.operations.Per.Microseconds(), s.operations.timeToLive()).Slice()
	if errors.Is(err, redis.Nil) {
		return Session{}, Verdict{}, ErrNoSession
	}
	if err != nil {
		return Session{}, Verdict{}, unavailable(err)
	}
	if len(reply) != 4 {
		return Session{}, Verdict{}, unavailable(fmt.Errorf("a reply of %d fields", len(reply)))
	}
	verdict, err := parseVerdict(reply[1:3])
	if err != nil {
		return Session{}, Verdict{}, err
	}
	if !verdict.Allowed {
		return Session{}, verdict, &RateLimited{RetryAfter: verdict.RetryAfter}
	}
	text, _ := reply[0].(string)
	sess, err := parse(id, text)
	if err != nil {
		return Session{}, Verdict{}, err
	}
	sess.Current = reply[3] == int64(1)
	return sess, verdict, nil
}

// KeepCurrent notes that what is read in a session must not lag for a while
// ([Options].Current), because something of it changes now, or has. A new session, or one
// with a new token, is so from its start. Where there is no while, nothing is noted.
func (s *Store) KeepCurrent(ctx context.Context, id string) error {
	return unavailable(s.keepCurrent(ctx, s.redis, id))
}

// keepCurrent notes it by a command, or adds that to a pipeline, which tells the error.
func (s *Store) keepCurrent(ctx context.Context, to redis.Cmdable, id string) error {
	if s.current == 0 {
		return nil
	}
	return to.Set(ctx, s.keys.current(id), "", s.current).Err()
}

// List is a customer's live sessions, the latest seen first. It touches none.
func (s *Store) List(ctx context.Context, now time.Time, customer loan.CustomerID) ([]Session, error) {
	sessions, err := s.indexed(ctx, customer)
	if err != nil {
		return nil, err
	}
	var live, over []Session
	for _, sess := range sessions {
		if s.over(now, sess) {
			over = append(over, sess)
		} else {
			live = append(live, sess)
		}
	}
	if _, err := s.end(ctx, over); err != nil { // as Touch does
		return nil, err
	}
	slices.SortFunc(live, func(a, b Session) int {
		return cmp.Or(b.LastSeenAt.Compare(a.LastSeenAt), b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return live, nil
}

// indexed reads the sessions that a customer's index names, which are all of the
// customer's and in no order. Names of sessions that are gone are struck off, and
// what EndOthers could not finish is ended.
func (s *Store) indexed(ctx context.Context, customer loan.CustomerID) ([]Session, error) {
	names, err := s.redis.SMembers(ctx, s.keys.sessionsOf(customer)).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	var ids, marked []string
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			marked = append(marked, name)
		} else {
			ids = append(ids, name)
		}
	}
	if _, err := s.endMarked(ctx, customer, marked); err != nil {
		return nil, err
	}
	pipe := s.redis.Pipeline()
	texts := make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		texts[i] = pipe.Get(ctx, s.keys.session(id))
	}
	_, _ = pipe.Exec(ctx) // each reply is looked at
	var sessions []Session
	var gone []any
	for i, text := range texts {
		if errors.Is(text.Err(), redis.Nil) {
			gone = append(gone, ids[i])
			continue
		}
		if text.Err() != nil {
			return nil, unavailable(text.Err())
		}
		sess, err := parse(ids[i], text.Val())
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, sess)
	}
	if len(gone) > 0 {
		return sessions, unavailable(s.redis.SRem(ctx, s.keys.sessionsOf(customer), gone...).Err())
	}
	return sessions, nil
}

// over tells what touch.lua tells too.
func (s *Store) over(now time.Time, sess Session) bool {
	return !now.Before(s.endOf(sess))
}

// endOf is when a session is over unless it is seen again.
func (s *Store) endOf(sess Session) time.Time {
	idle, absolute := sess.LastSeenAt.Add(s.idle), sess.CreatedAt.Add(s.absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// end ends sessions at once, on every instance, and counts those that were there.
// Their names stay in the index until somebody reads it.
func (s *Store) end(ctx context.Context, sessions []Session) (int, error) {
	if len(sessions) == 0 {
		return 0, nil
	}
	pipe := s.redis.Pipeline()
	for _, sess := range sessions {
		pipe.Del(ctx, s.keys.session(sess.ID))
	}
	replies, err := pipe.Exec(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	ended := 0
	for _, reply := range replies {
		ended += int(reply.(*redis.IntCmd).Val())
	}
	for _, sess := range sessions {
		s.nudges.Publish(SessionsOf(sess.CustomerID))
	}
	return ended, nil
}

// End ends the session with this id at once, on every instance. It is
// [ErrNoSession] where it is not a session of this customer, or is over already.
func (s *Store) End(ctx context.Context, customer loan.CustomerID, id string) error {
	sess, err := s.read(ctx, id)
	if err != nil {
		return err
	}
	if sess.CustomerID != customer {
		return ErrNoSession
	}
	switch ended, err := s.end(ctx, []Session{sess}); {
	case err != nil:
		return err
	case ended == 0:
		return ErrNoSession
	}
	return nil
}

func (s *Store) read(ctx context.Context, id string) (Session, error) {
	text, err := s.redis.Get(ctx, s.keys.session(id)).Result()
	if errors.Is(err, redis.Nil) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	return parse(id, text)
}

var (
	//go:embed doom.lua
	doomLua string
	//go:embed succeed.lua
	succeedLua string

	doom         = redis.NewScript(doomLua)
	succeedsInto = redis.NewScript(succeedLua)
)

// EndOthers ends all of a customer's sessions but the one with the id keep, at
// once and on every instance, and counts them. With an empty keep it ends all. A
// session that is being rotated does not escape. After an error it can be tried
// again, and [Store.List] and [Store.Create] do so for this customer.
func (s *Store) EndOthers(ctx context.Context, customer loan.CustomerID, keep string) (int, error) {
	marked, err := doom.Run(ctx, s.redis, []string{s.keys.sessionsOf(customer)}, keep).StringSlice()
	if err != nil {
		return 0, unavailable(err)
	}
	return s.endMarked(ctx, customer, marked)
}

// endMarked ends the sessions whose names doom.lua has marked, with a dash before
// the id, and only then strikes the names off.
func (s *Store) endMarked(ctx context.Context, customer loan.CustomerID, names []string) (int, error) {
	sessions := make([]Session, len(names))
	for i, name := range names {
		sessions[i].ID, sessions[i].CustomerID = strings.TrimPrefix(name, "-"), customer
	}
	ended, err := s.end(ctx, sessions)
	if err != nil || len(names) == 0 {
		return ended, err
	}
	return ended, unavailable(s.redis.SRem(ctx, s.keys.sessionsOf(customer), names).Err())
}

// Rotate gives a session a new token and with it a new id; the old ones are dead
// at once. It stays the same session: it ends when it would have ended, and its
// operations stay counted. With steppedUp it was stepped up now.
//
// It is [ErrNoSession] where there is none, or where it was ended meanwhile: of
// many at once exactly one succeeds.
func (s *Store) Rotate(ctx context.Context, now time.Time, id string, steppedUp bool) (token string, expiresAt time.Time, err error) {
	sess, err := s.read(ctx, id)
	if err != nil {
		return "", time.Time{}, err
	}
	if s.over(now, sess) {
		return "", time.Time{}, ErrNoSession
	}
	old := sess
	token = NewToken()
	sess.ID = IDOf(token)
	if now.After(sess.LastSeenAt) {
		sess.LastSeenAt = now
	}
	if steppedUp {
		sess.SteppedUpAt = now
	}
	if err := s.carry(ctx, s.operations, old.ID, sess.ID); err != nil {
		return "", time.Time{}, err
	}
	if err := s.replace(ctx, old, sess); err != nil {
		return "", time.Time{}, err
	}
	return token, sess.CreatedAt.Add(s.absolute), nil
}

// replace puts one session in the place of another. The new one is in the index
// before the old one ends, so that EndOthers marks it or keeps it out.
func (s *Store) replace(ctx context.Context, old, sess Session) error {
	pipe := s.redis.Pipeline()
	pipe.Set(ctx, s.keys.session(sess.ID), record(sess), s.idle+grace)
	_ = s.keepCurrent(ctx, pipe, sess.ID)
	pipe.Set(ctx, s.keys.replaced(old.ID), "", replacedLife)
	if _, err := pipe.Exec(ctx); err != nil {
		return unavailable(err)
	}
	named, err := succeedsInto.Run(ctx, s.redis, []string{s.keys.sessionsOf(sess.CustomerID)},
		old.ID, sess.ID, (s.absolute + grace).Milliseconds()).Bool()
	if err != nil {
		return unavailable(err)
	}
	ended := 0
	if named {
		// Of several at once the one that ends the old one has replaced it.
		if ended, err = s.end(ctx, []Session{old}); err != nil {
			return err
		}
	}
	if ended == 0 {
		_, err := s.end(ctx, []Session{sess})
		return cmp.Or(err, ErrNoSession)
	}
	return nil
}

// NewToken is 256 random bits in 43 characters, for whom a hash is kept.
func NewToken() string {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: it would end the program
	return tokenEncoding.EncodeToString(b)
}

// wellFormed tells whether token could have come from NewToken. The count of
// bytes matters: the decoder passes over line breaks.
func wellFormed(token string) bool {
	if len(token) != tokenEncoding.EncodedLen(tokenBytes) {
		return false
	}
	b, err := tokenEncoding.DecodeString(token)
	return err == nil && len(b) == tokenBytes
}

// IDOf is the id of the session that a token opens.
func IDOf(token string) string { return hashed(token) }

func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// micro is an instant as Redis keeps it; the zero instant is 0.
func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
