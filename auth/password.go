package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MaxPasswordLength is how many characters a password may have. Longer ones are
// refused, never truncated.
const MaxPasswordLength = 128

// How many characters a new password has at least (NIST 800-63B-4 3.1.1.2).
const (
	MinPasswordLength                 = 15
	MinPasswordLengthWithSecondFactor = 8
)

// What is wrong with a new password; [ErrPasswordTooLong] is another.
var (
	ErrPasswordTooShort = errors.New("auth: the password has too few characters")
	ErrPasswordCommon   = errors.New("auth: the password is one of the first that somebody would guess")
)

// The ways in which the [Hasher] gives no answer.
var (
	ErrBusy            = errors.New("auth: too many passwords are being hashed")
	ErrPasswordTooLong = fmt.Errorf("auth: a password has at most %d characters", MaxPasswordLength)
	ErrMalformedHash   = errors.New("auth: a stored password hash cannot be read")
)

// Password is a password as it was typed. It does not print.
type Password string

const hidden = "[password]"

// Format prints a placeholder, whatever the verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue keeps the password out of logs.
func (Password) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText keeps it out of JSON.
func (Password) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// CheckNewPassword tells whether a customer may choose a password. There are no
// rules of composition: it needs its length, which is less where a second factor
// is asked for too, and must not be easy to guess. That is one that is listed or
// made of one, of a repetition or of a run such as 123456789; or of nothing but
// personal words (username, e-mail address, the product's name).
//
// The error is [ErrPasswordTooShort], [ErrPasswordTooLong] or [ErrPasswordCommon].
func CheckNewPassword(p Password, secondFactor bool, personal ...string) error {
	if tooLong(p) {
		return ErrPasswordTooLong
	}
	atLeast := MinPasswordLength
	if secondFactor {
		atLeast = MinPasswordLengthWithSecondFactor
	}
	if utf8.RuneCountInString(norm.NFKC.String(string(p))) < atLeast {
		return ErrPasswordTooShort
	}
	folded := fold(string(p))
	if common(folded) || common(bare(folded)) || onlyPersonal(folded, personal) {
		return ErrPasswordCommon
	}
	return nil
}

// What Argon2id takes for new hashes: OWASP's smallest recommended cost.
const (
	memory      = 19 * 1024 // KiB
	passes      = 2
	parallelism = 1
	saltBytes   = 16
	keyBytes    = 32
)

const (
	slots   = 4 // each hash in the making holds 19 MiB
	maxWait = 2 * time.Second
)

// Hasher hashes passwords with Argon2id, a few at once: a burst of log-ins waits
// and is then refused, instead of taking all memory and both cores.
type Hasher struct {
	slots   chan struct{}
	wait    time.Duration
	none    string
	waiting atomic.Int64
	refused atomic.Int64
}

// HasherLoad is what a [Hasher] has to do.
type HasherLoad struct {
	Slots, Running int
	Waiting        int64
	Refused        int64 // since the start, because it took too long to wait
}

// Load tells what there is to do now.
func (h *Hasher) Load() HasherLoad {
	return HasherLoad{Slots: cap(h.slots), Running: len(h.slots), Waiting: h.waiting.Load(), Refused: h.refused.Load()}
}

// NewHasher is a hasher with four slots, for which a caller waits at most two
// seconds.
func NewHasher() *Hasher {
	return &Hasher{
		slots: make(chan struct{}, slots),
		wait:  maxWait,
		// Random bytes instead of a key: no password makes this hash.
		none: hashed{memory, passes, parallelism, random(saltBytes), random(keyBytes)}.String(),
	}
}

// Hash makes the text to store for a password, in the PHC string format. The
// error is [ErrPasswordTooLong], [ErrBusy] or the context's.
func (h *Hasher) Hash(ctx context.Context, password Password) (string, error) {
	if tooLong(password) {
		return "", ErrPasswordTooLong
	}
	made := hashed{memory, passes, parallelism, random(saltBytes), nil}
	var err error
	if made.key, err = h.derive(ctx, made, password); err != nil {
		return "", err
	}
	return made.String(), nil
}

// Verify tells whether phc was made from password. The cost is taken from phc,
// so that it can be raised without asking everybody for a new password. The
// error is [ErrMalformedHash], [ErrBusy] or the context's.
func (h *Hasher) Verify(ctx context.Context, phc string, password Password) (bool, error) {
	stored, err := parseHash(phc)
	if err != nil {
		return false, err
	}
	if tooLong(password) {
		return false, nil // no hash was ever made from it
	}
	key, err := h.derive(ctx, stored, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, stored.key) == 1, nil
}

// VerifyNone does what [Hasher.Verify] does and never succeeds. It is for a user
// who does not exist, so that the time taken does not tell.
func (h *Hasher) VerifyNone(ctx context.Context, password Password) error {
	_, err := h.Verify(ctx, h.none, password)
	return err
}

// derive does the work, in one of the slots.
func (h *Hasher) derive(ctx context.Context, from hashed, password Password) ([]byte, error) {
	// The slots are a limit of their own: strangers who wait for them must not keep out who
	// is logged in.
	LeavePlace(ctx)
	timeout := time.NewTimer(h.wait)
	defer timeout.Stop()
	h.waiting.Add(1)
	select {
	case h.slots <- struct{}{}:
		h.waiting.Add(-1)
		defer func() { <-h.slots }()
	case <-timeout.C:
		h.waiting.Add(-1)
		h.refused.Add(1)
		return nil, ErrBusy
	case <-ctx.Done():
		h.waiting.Add(-1)
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err // nobody waits for the answer any more
	}
	// One password can be typed as different code points on different devices:
	// NIST 800-63B 5.1.1.2 asks for a normal form.
	typed := norm.NFKC.Bytes([]byte(password))
	return argon2.IDKey(typed, from.salt, from.passes, from.memory, from.parallelism, keyBytes), nil
}

func tooLong(p Password) bool { return utf8.RuneCountInString(string(p)) > MaxPasswordLength }

// hashed is what a PHC string says.
type hashed struct {
	memory      uint32 // KiB
	passes      uint32
	parallelism uint8
	salt, key   []byte
}

// phcEncoding is the PHC string format's: standard alphabet, no padding.
var phcEncoding = base64.RawStdEncoding.Strict()

func (h hashed) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.parallelism,
		phcEncoding.EncodeToString(h.salt), phcEncoding.EncodeToString(h.key))
}

// parseHash reads exactly what String writes, within bounds: whoever can write
// a row must not be able to take all memory, or all time, with it.
func parseHash(phc string) (hashed, error) {
	fields := strings.Split(phc, "$")
	if len(phc) > 256 || len(fields) != 6 {
		return hashed{}, ErrMalformedHash
	}
	var h hashed
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.parallelism); err != nil {
		return hashed{}, ErrMalformedHash
	}
	var saltErr, keyErr error
	h.salt, saltErr = phcEncoding.DecodeString(fields[4])
	h.key, keyErr = phcEncoding.DecodeString(fields[5])
	switch {
	case saltErr != nil || keyErr != nil,
		h.memory < 8*uint32(h.parallelism) || h.memory > 64*1024,
		h.passes < 1 || h.passes > 10,
		h.parallelism < 1 || h.parallelism > 4,
		len(h.salt) < 8 || len(h.salt) > 64,
		len(h.key) != keyBytes,
		h.String() != phc: // leading zeros, trailing text, another version or variant
		return hashed{}, ErrMalformedHash
	}
	return h, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it would end the program
	return b
}
