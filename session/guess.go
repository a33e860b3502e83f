package session

import (
	"context"
	_ "embed"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Guess is a try at a secret of an account: a password, a code of a second factor.
type Guess struct {
	// Account is whose secret it is, whether it exists or not: a keyed hash that the
	// caller makes, different for different secrets.
	Account string
	// Device is a keyed hash of the token that a device shows of an earlier success
	// with this account; empty where it shows none. Guesses from such a device have
	// a count of their own, so that strangers cannot lock the owner out (OWASP's
	// device cookies).
	Device string
	// Address is the IP address that it comes from.
	Address string
}

const (
	// freeGuesses are allowed in a row without a wait. A known device has no more
	// than these; further ones count as a stranger's.
	freeGuesses = 10
	// mostGuesses are allowed in a row at all (NIST 800-63B 5.2.2).
	mostGuesses = 100
	// After the free ones the wait doubles with each guess, up to the longest.
	firstWait   = 30 * time.Second
	longestWait = time.Hour
	// remembered is how long after the last guess a count is forgotten. A name that
	// nobody has is counted like any other, so it cannot be for ever.
	remembered = 30 * 24 * time.Hour
)

//go:embed guess.lua
var guessLua string

var guess = redis.NewScript(guessLua)

// Guess reserves one guess before the secret is looked at, so that guesses at
// once count too. It is a failure until [Store.Guessed] says that it was right,
// also where nothing more is heard of it. A refused one counts nowhere.
//
// An address has a few failures in a while ([Options].Failures), whatever the
// accounts. An account has ten in a row, then more and more rarely up to a hundred;
// then it is closed until [Store.Forgive], and RetryAfter is 0. Remaining is how
// many more it has without a wait. The error wraps [ErrUnavailable].
func (s *Store) Guess(ctx context.Context, now time.Time, g Guess) (Verdict, error) {
	if g.Account == "" {
		return Verdict{}, errors.New("session: a guess at no account's secret")
	}
	fromHere, err := s.Allow(ctx, now, s.failures, network(g.Address))
	if err != nil || !fromHere.Allowed {
		return fromHere, err
	}
	verdict, err := s.reserve(ctx, now, g)
	if err != nil {
		return Verdict{}, err
	}
	if !verdict.Allowed {
		return verdict, s.giveBack(ctx, s.failures, network(g.Address))
	}
	return verdict, nil
}

// reserve counts a guess where it belongs: at the device while that is trusted,
// else at the account.
func (s *Store) reserve(ctx context.Context, now time.Time, g Guess) (Verdict, error) {
	if g.Device != "" {
		verdict, err := s.countGuess(ctx, now, s.keys.device(g.Device), freeGuesses)
		if err != nil || verdict.Allowed {
			return verdict, err
		}
	}
	return s.countGuess(ctx, now, s.keys.account(g.Account), mostGuesses)
}

func (s *Store) countGuess(ctx context.Context, now time.Time, key string, most int) (Verdict, error) {
	reply, err := guess.Run(ctx, s.redis, []string{key}, now.UnixMicro(), freeGuesses,
		firstWait.Microseconds(), longestWait.Microseconds(), most, remembered.Milliseconds()).Slice()
	if err != nil {
		return Verdict{}, unavailable(err)
	}
	return parseVerdict(reply)
}

// Guessed says how a reserved guess came out. After a right one the row of
// failures that it belonged to is forgotten, and the address has its reservation
// back; the address's other failures stay, or everybody with an account of their
// own could go on guessing at others'. The error wraps [ErrUnavailable].
func (s *Store) Guessed(ctx context.Context, g Guess, right bool) error {
	if !right {
		return nil // that is what was reserved
	}
	if err := s.giveBack(ctx, s.failures, network(g.Address)); err != nil {
		return err
	}
	if g.Device != "" {
		count, err := s.redis.GetDel(ctx, s.keys.device(g.Device)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return unavailable(err)
		}
		if !strings.HasPrefix(count, distrusted) {
			return nil
		}
	}
	return s.Forgive(ctx, g.Account)
}

// distrusted is how the count of a device begins that has had all its guesses and
// was refused another. From then on its guesses are the account's.
var distrusted = strconv.Itoa(freeGuesses+1) + " "

// Forgive forgets an account's row of failures and opens it if it was closed. It
// is for whoever has proved to be the owner in another way.
func (s *Store) Forgive(ctx context.Context, account string) error {
	return unavailable(s.redis.Del(ctx, s.keys.account(account)).Err())
}

// network is what counts as one address: of IPv6 the 64 bits that a household is
// given, because it can have any of the addresses below.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap()
	if ip.Is6() {
		prefix, _ := ip.WithZone("").Prefix(64)
		return prefix.String()
	}
	return ip.String()
}
