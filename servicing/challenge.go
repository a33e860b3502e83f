package servicing

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// purpose is what a code is sent for. It counts for nothing else.
type purpose string

const (
	forIdentity purpose = "identity"
	forUsername purpose = "username"
	forPassword purpose = "password"
	forContact  purpose = "contact"
)

// How many codes may be asked for: by whom they are about, and by where from. Five
// codes have five tries each, out of a million.
var (
	codesOfOne     = session.Limit{Name: "codes", N: 5, Per: 15 * time.Minute}
	codesByAddress = session.Limit{Name: "codes by address", N: 30, Per: time.Hour}
)

// challenge makes a code for a purpose and keeps what it is found and checked by.
// Nobody's code, of customer 0, is never right: who asks for a code cannot tell
// whether there is such a customer.
func (s *Service) challenge(ctx context.Context, p purpose, id string, customer loan.CustomerID) (code string, err error) {
	code = auth.NewCode()
	return code, s.keepCode(ctx, p, id, code, customer)
}

func (s *Service) keepCode(ctx context.Context, p purpose, id, code string, customer loan.CustomerID) error {
	return s.Sessions.PutCode(ctx, auth.RequestFrom(ctx).At, session.Code{
		ID: id, Purpose: string(p), CustomerID: customer, Hash: s.codeHashes(p, id, code)[0],
	})
}

// answered takes a code that was entered, once: it tells whose it is. The id is not
// secret where it is a customer's or a session's; the code is.
func (s *Service) answered(ctx context.Context, p purpose, id, code string, path ...string) (loan.CustomerID, error) {
	c, err := s.Sessions.TryCode(ctx, auth.RequestFrom(ctx).At, id, string(p), s.codeHashes(p, id, code)...)
	switch {
	case errors.Is(err, session.ErrCodeWrong):
		return 0, codeWrong(path...)
	case errors.Is(err, session.ErrCodeGone):
		return 0, loan.Refuse(loan.CodeCodeExpired, "This code is over. Ask for a new one.", path...)
	}
	return c.CustomerID, err
}

func codeWrong(path ...string) *loan.Refusal {
	return loan.Refuse(loan.CodeCodeWrong, "This code is wrong.", path...)
}

// codeHashes are keyed, by the present key first: of a plain hash all six digits could
// be tried. A code outlives a rotation of the keys.
func (s *Service) codeHashes(p purpose, id, code string) [][]byte {
	return s.Vault.Fingerprints("code", string(p), id, strings.TrimSpace(code))
}

// mayAskForCode refuses where too many codes were asked for, about one or from one
// address.
func (s *Service) mayAskForCode(ctx context.Context, about ...string) error {
	r := auth.RequestFrom(ctx)
	for limit, key := range map[session.Limit]string{codesOfOne: s.opaque(about...), codesByAddress: r.Address} {
		verdict, err := s.Sessions.Allow(ctx, r.At, limit, key)
		if err != nil {
			return err
		}
		if !verdict.Allowed {
			return tooMany(r.At, verdict)
		}
	}
	return nil
}

func tooMany(now time.Time, refused session.Verdict) error {
	if refused.RetryAfter == 0 {
		return &loan.TooManyAttempts{Refusal: loan.Refusal{
			Code: loan.CodeTooManyAttempts, Message: "There were too many attempts. Reset the password to go on.",
		}}
	}
	at := now.Add(refused.RetryAfter)
	return &loan.TooManyAttempts{
		Refusal: loan.Refusal{Code: loan.CodeTooManyAttempts, Message: "There were too many attempts. Try again later."},
		RetryAt: &at,
	}
}

// guess reserves a guess at a secret before the secret is looked at, so that guesses
// at once count as many. The outcome is told with right; one that is never told
// stays counted as wrong.
func (s *Service) guess(ctx context.Context, g session.Guess) error {
	r := auth.RequestFrom(ctx)
	g.Address = r.Address
	verdict, err := s.Sessions.Guess(ctx, r.At, g)
	if err == nil && !verdict.Allowed {
		return tooMany(r.At, verdict)
	}
	return err
}

// guarded lets check look at a secret under a guess at it. Where check refuses, or
// fails, the guess stays counted as wrong.
func (s *Service) guarded(ctx context.Context, g session.Guess, check func() error) error {
	if err := s.guess(ctx, g); err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	return s.right(ctx, g)
}

// right tells that a guess was right, and forgets the wrong ones before it.
func (s *Service) right(ctx context.Context, g session.Guess) error {
	r := auth.RequestFrom(ctx)
	g.Address = r.Address
	return s.Sessions.Guessed(ctx, g, true)
}

// opaque is a key for Redis that tells nothing of what it is made from.
func (s *Service) opaque(parts ...string) string {
	return hex.EncodeToString(s.Vault.Fingerprint(append([]string{"limit"}, parts...)...))
}

// ofCustomer names a customer in such a key, and in the audit.
func ofCustomer(id loan.CustomerID) string { return fmt.Sprintf("customer:%d", id) }

// tell adds the audit row of something that happened without any other change.
func (s *Service) tell(ctx context.Context, viewer auth.Viewer, books loan.CustomerID, action string) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		return record(ctx, tx, viewer, books, action, ofCustomer(books), struct{}{})
	})
}

// reach says how a customer is reached whatever they prefer: by the e-mail address on
// file, or else by the phone.
func reach(c *loan.Customer) (channel loan.Channel, address string, ok bool) {
	switch {
	case c.Email != "":
		return loan.ByEmail, c.Email, true
	case c.Phone != "":
		return loan.ByText, c.Phone, true
	}
	return "", "", false
}

// sendCode sends a code to the address on file.
func (s *Service) sendCode(ctx context.Context, tx *store.Tx, c *loan.Customer, kind loan.NoticeKind, code string) error {
	channel, address, _ := reach(c)
	return s.notify(ctx, tx, auth.RequestFrom(ctx).At, notice{
		customer: c.ID, kind: kind, channel: channel, address: address, subject: ofCustomer(c.ID), code: code,
	})
}

// warn tells a customer of what they may not have done themselves, by the addresses
// that are on file now: they may be others by the time that it is sent. Who cannot be
// reached is not told.
func (s *Service) warn(ctx context.Context, tx *store.Tx, c *loan.Customer, kind loan.NoticeKind, values map[string]string) error {
	for _, channel := range kind.Channels(c) {
		n := notice{customer: c.ID, kind: kind, channel: channel, address: c.Email, subject: ofCustomer(c.ID), values: values}
		if channel == loan.ByText {
			n.address = c.Phone
		}
		if err := s.notify(ctx, tx, auth.RequestFrom(ctx).At, n); err != nil {
			return err
		}
	}
	return nil
}

// masked shows just enough of an address to recognise it.
func masked(address string) string {
	if at := strings.LastIndex(address, "@"); at > 0 {
		_, size := utf8.DecodeRuneInString(address)
		return address[:size] + "•••" + address[at:]
	}
	return "•••" + address[max(len(address)-2, 0):]
}
