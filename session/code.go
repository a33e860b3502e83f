package session

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// Why a one-time code opens nothing.
var (
	ErrCodeWrong = errors.New("session: the code is wrong")
	// ErrCodeGone says that there is nothing to try: it was never sent or for
	// something else, was used, has expired or was tried wrongly too often.
	ErrCodeGone = errors.New("session: the code is used, expired or unknown")
)

// Code is a one-time code that was sent to a customer, or a challenge to be
// answered with one.
type Code struct {
	// ID is what the client shows together with the code; see [NewChallenge].
	ID string
	// Purpose is what the code is for. It is good for nothing else.
	Purpose string
	// CustomerID is whose it is; 0 where there is nobody, and then no code is right.
	CustomerID loan.CustomerID
	// Hash is of the code and keyed: a plain hash of six digits is undone by trying
	// all million. It is empty in what TryCode returns.
	Hash []byte
	// Data is a short text for whoever completes what the code is for.
	Data string
}

const (
	codeLife  = loan.CodeLife
	codeTries = 5
)

// NewChallenge is the id of a code: 130 random bits in capitals and digits.
func NewChallenge() string { return rand.Text() }

// PutCode keeps a code for ten minutes and five tries, in place of one with the
// same id. The error is of a code that lacks something, or wraps [ErrUnavailable].
func (s *Store) PutCode(ctx context.Context, now time.Time, c Code) error {
	if c.ID == "" || c.Purpose == "" || len(c.Hash) == 0 || c.CustomerID < 0 {
		return errors.New("session: a code lacks its id, purpose or hash, or is of a customer below 0")
	}
	text := fmt.Sprintf("%d %d 0 %x %s %s", c.CustomerID, now.Add(codeLife).UnixMicro(), c.Hash, url.PathEscape(c.Purpose), c.Data)
	return unavailable(s.redis.Set(ctx, s.keys.code(c.ID), text, codeLife+grace).Err())
}

//go:embed try_code.lua
var tryCodeLua string

var tryCode = redis.NewScript(tryCodeLua)

// TryCode uses a code up if one of hashes is its hash, of which there is one by each
// key: of many at once exactly one succeeds. The error is [ErrCodeWrong], [ErrCodeGone]
// or wraps [ErrUnavailable].
func (s *Store) TryCode(ctx context.Context, now time.Time, id, purpose string, hashes ...[]byte) (Code, error) {
	arguments := []any{now.UnixMicro(), url.PathEscape(purpose), codeTries}
	for _, hash := range hashes {
		arguments = append(arguments, hex.EncodeToString(hash))
	}
	reply, err := tryCode.Run(ctx, s.redis, []string{s.keys.code(id)}, arguments...).Result()
	if errors.Is(err, redis.Nil) {
		return Code{}, ErrCodeGone
	}
	if err != nil {
		return Code{}, unavailable(err)
	}
	text, isText := reply.(string)
	if !isText {
		return Code{}, ErrCodeWrong
	}
	fields := strings.SplitN(text, " ", 6)
	customer, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || len(fields) != 6 {
		return Code{}, unavailable(errors.New("a code's customer or data cannot be read"))
	}
	return Code{ID: id, Purpose: purpose, CustomerID: loan.CustomerID(customer), Data: fields[5]}, nil
}
