package session

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// PartnerToken is what a token of a partner opens.
type PartnerToken struct {
	// ID is the SHA-256 of the token in hexadecimal; see [Session].
	ID        string
	PartnerID loan.PartnerID
	Scopes    loan.Scopes
}

// PartnerTokenLife is how long a token of a partner counts.
const PartnerTokenLife = 15 * time.Minute

// partnerPrefix is how a partner's token begins. The partner's number comes then, which
// tells where it is kept: all of a partner's keys have one hash tag.
const partnerPrefix = "mpt_"

func partnerTag(id loan.PartnerID) string { return fmt.Sprintf("partner-%d", id) }

// CreatePartnerToken makes a token of a partner, for [PartnerTokenLife].
func (s *Store) CreatePartnerToken(ctx context.Context, now time.Time, id loan.PartnerID, scopes loan.Scopes) (token string, err error) {
	token = fmt.Sprintf("%s%d_%s", partnerPrefix, id, NewToken())
	record := fmt.Sprintf("%d %d %s", now.UnixMicro(), now.Add(PartnerTokenLife).UnixMicro(), scopes)
	err = s.redis.Set(ctx, s.keys.partnerToken(id, hashed(token)), record, PartnerTokenLife+grace).Err()
	return token, unavailable(err)
}

// IsPartnerToken tells whether a token claims to be a partner's.
func IsPartnerToken(token string) bool { return strings.HasPrefix(token, partnerPrefix) }

// partnerOf is whose token it claims to be; false where it is not well formed.
func partnerOf(token string) (loan.PartnerID, bool) {
	number, secret, _ := strings.Cut(strings.TrimPrefix(token, partnerPrefix), "_")
	id, err := strconv.ParseInt(number, 10, 64)
	return loan.PartnerID(id), err == nil && id > 0 && strconv.FormatInt(id, 10) == number && wellFormed(secret)
}

//go:embed partner.lua
var partnerLua string

var touchPartner = redis.NewScript(windowLua + partnerLua)

// TouchPartner finds what a token of a partner opens, and counts an operation of the
// partner, all in one round trip. The error is [ErrNoSession], a [*RateLimited] or wraps
// [ErrUnavailable].
func (s *Store) TouchPartner(ctx context.Context, now time.Time, token string) (PartnerToken, Verdict, error) {
	id, ok := partnerOf(token)
	if !ok {
		return PartnerToken{}, Verdict{}, ErrNoSession
	}
	opened := PartnerToken{ID: hashed(token), PartnerID: id}
	l := s.partnerOperations
	reply, err := touchPartner.Run(ctx, s.redis, []string{s.keys.partnerToken(id, opened.ID), s.keys.partnerEnded(id), s.keys.rate(l, partnerTag(id))},
		now.UnixMicro(), l.N, l.Per.Microseconds(), l.timeToLive()).Slice()
	if errors.Is(err, redis.Nil) {
		return PartnerToken{}, Verdict{}, ErrNoSession
	}
	if err != nil {
		return PartnerToken{}, Verdict{}, unavailable(err)
	}
	if len(reply) != 3 {
		return PartnerToken{}, Verdict{}, unavailable(fmt.Errorf("a reply of %d fields", len(reply)))
	}
	verdict, err := parseVerdict(reply[1:])
	if err != nil {
		return PartnerToken{}, Verdict{}, err
	}
	if !verdict.Allowed {
		return PartnerToken{}, verdict, &RateLimited{RetryAfter: verdict.RetryAfter}
	}
	record, _ := reply[0].(string)
	fields := strings.SplitN(record, " ", 3)
	if opened.Scopes, ok = loan.ParseScopes(fields[len(fields)-1]); !ok || len(fields) != 3 {
		return PartnerToken{}, Verdict{}, unavailable(errors.New("the token of a partner cannot be read"))
	}
	return opened, verdict, nil
}

// EndPartnerTokens ends the tokens that a partner has at an instant, at once and on every
// instance.
func (s *Store) EndPartnerTokens(ctx context.Context, id loan.PartnerID, now time.Time) error {
	return s.endPartnerTokens(ctx, id, now.UnixMicro())
}

// EndPartner ends the tokens that a partner has, and those that are being made.
func (s *Store) EndPartner(ctx context.Context, id loan.PartnerID) error {
	return s.endPartnerTokens(ctx, id, math.MaxInt64)
}

// endPartnerTokens ends the tokens that were made until an instant. It has to be
// remembered for as long as one of them could live.
func (s *Store) endPartnerTokens(ctx context.Context, id loan.PartnerID, until int64) error {
	return unavailable(s.redis.Set(ctx, s.keys.partnerEnded(id), until, 2*(PartnerTokenLife+grace)).Err())
}
