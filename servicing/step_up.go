package servicing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// stepUpAge is how long it counts that a customer has confirmed who they are.
const stepUpAge = 5 * time.Minute

// steppedUp refuses where the viewer has not confirmed who they are in the last five
// minutes, and says how they can. The fields with @stepUp in the schema ask it.
func steppedUp(ctx context.Context, in secondFactors, viewer auth.Viewer) error {
	if !viewer.SteppedUpAt.IsZero() && auth.RequestFrom(ctx).At.Sub(viewer.SteppedUpAt) <= stepUpAge {
		return nil
	}
	factor, err := in.SecondFactor(ctx, viewer.CustomerID)
	if err != nil {
		return err
	}
	return &loan.StepUpRequired{
		Refusal: loan.Refusal{Code: loan.CodeStepUpRequired, Message: "Confirm that it is you first."},
		Methods: identityMethods(factor != nil),
	}
}

// secondFactors is a store, or a transaction of it.
type secondFactors interface {
	SecondFactor(ctx context.Context, owner loan.CustomerID) (*loan.SecondFactor, error)
}

// identityMethods are the ways in which a customer confirms who they are. Who has a
// second factor cannot leave it out.
func identityMethods(secondFactor bool) []loan.IdentityMethod {
	if secondFactor {
		return []loan.IdentityMethod{loan.ByTOTP, loan.ByRecoveryCode}
	}
	return []loan.IdentityMethod{loan.ByPasswordAndCode}
}

// inStepUp is inTx for what needs a viewer who has confirmed who they are.
func inStepUp[T any](ctx context.Context, s *Service, viewer auth.Viewer, do func(*store.Tx) (T, error)) (T, error) {
	return inTx(ctx, s, func(tx *store.Tx) (none T, err error) {
		if err := steppedUp(ctx, tx, viewer); err != nil {
			return none, err
		}
		return do(tx)
	})
}

// SentCode says where a code was sent, and until when it is valid.
type SentCode struct {
	SentTo    string
	ExpiresAt time.Time
}

// RequestIdentityCode sends a code for ConfirmIdentity. It belongs to the session.
func (s *Service) RequestIdentityCode(ctx context.Context, viewer auth.Viewer) (*SentCode, error) {
	customer, err := s.Store.Customer(ctx, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	_, address, ok := reach(customer)
	if !ok {
		return nil, loan.Refuse(loan.CodeContactMissing, "There is no e-mail address or phone number to send a code to.")
	}
	if err := s.mayAskForCode(ctx, ofCustomer(viewer.CustomerID)); err != nil {
		return nil, err
	}
	code, err := s.challenge(ctx, forIdentity, viewer.SessionID, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	now := auth.RequestFrom(ctx).At
	return inTx(ctx, s, func(tx *store.Tx) (*SentCode, error) {
		factor, err := tx.SecondFactor(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		if factor != nil {
			return nil, notThisWay()
		}
		if err := s.sendCode(ctx, tx, customer, loan.NoticeCodeIdentity, code); err != nil {
			return nil, err
		}
		return &SentCode{masked(address), now.Add(loan.CodeLife)},
			record(ctx, tx, viewer, viewer.CustomerID, "identity.code_sent", ofCustomer(viewer.CustomerID), struct{}{})
	})
}

func notThisWay() error {
	return loan.Refuse(loan.CodeNotPermitted, "This is not a way in which you can confirm that it is you.")
}

// ConfirmedIdentity is a session in which the customer has confirmed who they are.
type ConfirmedIdentity struct {
	OpenedSession
	Until time.Time
}

// ConfirmIdentity confirms who is at the device. The session goes on under a new
// token; the one of the request is over.
func (s *Service) ConfirmIdentity(ctx context.Context, viewer auth.Viewer, in ConfirmIdentityInput) (*ConfirmedIdentity, error) {
	guess := session.Guess{Account: s.opaque("identity", ofCustomer(viewer.CustomerID))}
	if err := s.guarded(ctx, guess, func() error { return s.confirm(ctx, viewer, in) }); err != nil {
		return nil, err
	}
	if err := s.tell(ctx, viewer, viewer.CustomerID, "identity.confirmed"); err != nil {
		return nil, err
	}
	opened, err := s.rotate(ctx, viewer, true)
	if err != nil {
		return nil, err
	}
	return &ConfirmedIdentity{*opened, auth.RequestFrom(ctx).At.Add(stepUpAge)}, nil
}

func (s *Service) confirm(ctx context.Context, viewer auth.Viewer, in ConfirmIdentityInput) error {
	credentials, err := s.Store.Credentials(ctx, viewer.CustomerID)
	if err != nil {
		return err
	}
	switch by := in.PasswordAndCode; {
	case by != nil && (credentials.SecondFactor || in.Totp != nil || in.RecoveryCode != nil), by == nil && !credentials.SecondFactor:
		return notThisWay()
	case by == nil:
		return s.checkSecondFactor(ctx, viewer.CustomerID, &SecondFactorInput{Totp: in.Totp, RecoveryCode: in.RecoveryCode})
	default:
		// The password first: a wrong one leaves the code as it is.
		if err := s.checkPassword(ctx, credentials, by.Password); err != nil {
			return err
		}
		_, err := s.answered(ctx, forIdentity, viewer.SessionID, by.Code, "passwordAndCode", "code")
		return err
	}
}

// rotate lets the viewer's session go on under a new token. What else the request
// asks for is read by the new one.
func (s *Service) rotate(ctx context.Context, viewer auth.Viewer, steppedUp bool) (*OpenedSession, error) {
	now := auth.RequestFrom(ctx).At
	token, expiresAt, err := s.Sessions.Rotate(ctx, now, viewer.SessionID, steppedUp)
	if errors.Is(err, session.ErrNoSession) {
		return nil, auth.ErrUnauthenticated // it was ended meanwhile
	}
	if err != nil {
		return nil, err
	}
	viewer.SessionID = session.IDOf(token)
	if steppedUp {
		viewer.SteppedUpAt = now
	}
	auth.Become(ctx, viewer)
	return &OpenedSession{token, expiresAt}, nil
}

// checkSecondFactor takes a code of the authenticator app or a recovery code, each
// once.
func (s *Service) checkSecondFactor(ctx context.Context, owner loan.CustomerID, in *SecondFactorInput) error {
	switch {
	case in == nil:
		return loan.Refuse(loan.CodeSecondFactorRequired, "Enter a code of your authenticator app, or a recovery code.", "secondFactor")
	case (in.Totp == nil) == (in.RecoveryCode == nil):
		return loan.Refuse(loan.CodeInvalidInput, "Give exactly one of totp and recoveryCode.", "secondFactor")
	}
	right, err := inTx(ctx, s, func(tx *store.Tx) (bool, error) {
		if in.Totp != nil {
			return s.takeTOTP(ctx, tx, owner, *in.Totp)
		}
		return s.takeRecoveryCode(ctx, tx, owner, *in.RecoveryCode)
	})
	if err != nil || right {
		return err
	}
	if err := s.tell(ctx, auth.Viewer{}, owner, "second_factor.wrong"); err != nil {
		return err
	}
	return codeWrong("secondFactor")
}

// takeTOTP tells whether a code of the authenticator app is right, and lets it count
// no second time.
func (s *Service) takeTOTP(ctx context.Context, tx *store.Tx, owner loan.CustomerID, code string) (bool, error) {
	secret, err := tx.LockSecret(ctx, owner)
	if errors.Is(err, store.ErrNotFound) || err == nil && secret.TurnedOnAt == nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ok, err := s.verifyTOTP(ctx, owner, &secret, code)
	if err != nil || !ok {
		return false, err
	}
	return true, tx.UpdateSecret(ctx, owner, secret)
}

// verifyTOTP tells whether a code is one of a secret's, later than the last one that
// counted, and notes it in the secret.
func (s *Service) verifyTOTP(ctx context.Context, owner loan.CustomerID, secret *store.Secret, code string) (bool, error) {
	plain, err := s.Vault.Unseal(secret.Sealed, SecretBinding(owner))
	if err != nil {
		return false, err
	}
	step, ok := auth.VerifyTOTP(plain, code, auth.RequestFrom(ctx).At, secret.LastStep)
	if ok {
		secret.LastStep = step
	}
	return ok, nil
}

// SecretBinding ties a sealed secret of a second factor to its customer.
func SecretBinding(owner loan.CustomerID) string { return "second_factor:" + ofCustomer(owner) }

func (s *Service) takeRecoveryCode(ctx context.Context, tx *store.Tx, owner loan.CustomerID, code string) (bool, error) {
	err := tx.UseRecoveryCode(ctx, owner, recoveryHash(owner, code), auth.RequestFrom(ctx).At)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	customer, err := tx.Customer(ctx, owner)
	if err != nil {
		return false, err
	}
	return true, errors.Join(
		s.warn(ctx, tx, customer, loan.NoticeRecoveryCodeUsed, nil),
		record(ctx, tx, auth.Viewer{}, owner, "second_factor.recovery_code_used", ofCustomer(owner), struct{}{}),
	)
}

// recoveryHash needs no key: recovery codes cannot be guessed.
func recoveryHash(owner loan.CustomerID, code string) string {
	sum := sha256.Sum256([]byte(ofCustomer(owner) + " " + auth.NormalizeRecoveryCode(code)))
	return hex.EncodeToString(sum[:])
}
