package servicing

import (
	"context"
	"errors"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// issuer is what authenticator apps call the account by.
const issuer = "mobilepay"

// NewSecret is the secret of a second factor, which is shown once.
type NewSecret struct {
	Secret string // base 32
	URI    string // otpauth://
}

func secondFactorOff(path ...string) error {
	return loan.Refuse(loan.CodeSecondFactorOff, "There is no second factor.", path...)
}

func secondFactorOn() error {
	return loan.Refuse(loan.CodeSecondFactorOn, "There is a second factor already.")
}

// SetUpTOTP makes the secret of a second factor, which counts once a code of it is
// confirmed.
func (s *Service) SetUpTOTP(ctx context.Context, viewer auth.Viewer) (*NewSecret, error) {
	return inStepUp(ctx, s, viewer, func(tx *store.Tx) (*NewSecret, error) {
		customer, err := tx.Customer(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		secret, uri := auth.NewTOTP(issuer, customer.Username)
		sealed, err := s.Vault.Seal(secret, SecretBinding(viewer.CustomerID))
		if err != nil {
			return nil, err
		}
		err = tx.PutSecret(ctx, viewer.CustomerID, sealed)
		if errors.Is(err, store.ErrNotFound) {
			return nil, secondFactorOn()
		}
		if err != nil {
			return nil, err
		}
		return &NewSecret{secret, uri}, record(ctx, tx, viewer, viewer.CustomerID, "second_factor.set_up", ofCustomer(viewer.CustomerID), struct{}{})
	})
}

// TurnedOn is a customer whose second factor is on, with the recovery codes, which are
// shown once.
type TurnedOn struct {
	Customer      *loan.Customer
	RecoveryCodes []string
}

// ConfirmTOTP turns the second factor on, and makes recovery codes.
func (s *Service) ConfirmTOTP(ctx context.Context, viewer auth.Viewer, in ConfirmTotpInput) (*TurnedOn, error) {
	guess := session.Guess{Account: s.opaque("second factor", ofCustomer(viewer.CustomerID))}
	on := &TurnedOn{RecoveryCodes: auth.NewRecoveryCodes()}
	err := s.guarded(ctx, guess, func() (err error) {
		on.Customer, err = inStepUp(ctx, s, viewer, func(tx *store.Tx) (*loan.Customer, error) {
			if err := s.turnOn(ctx, tx, viewer, in.Code, on.RecoveryCodes); err != nil {
				return nil, err
			}
			return tx.Customer(ctx, viewer.CustomerID)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return on, nil
}

func (s *Service) turnOn(ctx context.Context, tx *store.Tx, viewer auth.Viewer, code string, recovery []string) error {
	owner, now := viewer.CustomerID, auth.RequestFrom(ctx).At
	secret, err := tx.LockSecret(ctx, owner)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return secondFactorOff()
	case err != nil:
		return err
	case secret.TurnedOnAt != nil:
		return secondFactorOn()
	}
	ok, err := s.verifyTOTP(ctx, owner, &secret, code)
	if err != nil {
		return err
	}
	if !ok {
		return codeWrong("code")
	}
	secret.TurnedOnAt = &now
	if err := tx.UpdateSecret(ctx, owner, secret); err != nil {
		return err
	}
	if err := tx.ReplaceRecoveryCodes(ctx, owner, recoveryHashes(owner, recovery)); err != nil {
		return err
	}
	return s.tellOfSecondFactor(ctx, tx, viewer, loan.NoticeSecondFactorOn, "second_factor.on")
}

func recoveryHashes(owner loan.CustomerID, codes []string) []string {
	hashes := make([]string, len(codes))
	for i, code := range codes {
		hashes[i] = recoveryHash(owner, code)
	}
	return hashes
}

func (s *Service) tellOfSecondFactor(ctx context.Context, tx *store.Tx, viewer auth.Viewer, kind loan.NoticeKind, action string) error {
	customer, err := tx.Customer(ctx, viewer.CustomerID)
	if err != nil {
		return err
	}
	if err := s.warn(ctx, tx, customer, kind, nil); err != nil {
		return err
	}
	return record(ctx, tx, viewer, viewer.CustomerID, action, ofCustomer(viewer.CustomerID), struct{}{})
}

// TurnOffTOTP turns the second factor off. Who has a password that is too short
// without one has to change it first.
func (s *Service) TurnOffTOTP(ctx context.Context, viewer auth.Viewer, in TurnOffTotpInput) (*loan.Customer, error) {
	if err := confirmed(in.Confirm); err != nil {
		return nil, err
	}
	return inStepUp(ctx, s, viewer, func(tx *store.Tx) (*loan.Customer, error) {
		credentials, err := tx.LockCredentials(ctx, viewer.CustomerID)
		switch {
		case err != nil:
			return nil, err
		case !credentials.SecondFactor:
			return nil, secondFactorOff()
		case credentials.PasswordWeak:
			return nil, loan.Refuse(loan.CodePasswordRejected, "Without a second factor your password is too short. Change it first, to 15 characters or more.")
		}
		if err := tx.DeleteSecondFactor(ctx, viewer.CustomerID); err != nil {
			return nil, err
		}
		if err := s.tellOfSecondFactor(ctx, tx, viewer, loan.NoticeSecondFactorOff, "second_factor.off"); err != nil {
			return nil, err
		}
		return tx.Customer(ctx, viewer.CustomerID)
	})
}

// RenewRecoveryCodes makes new recovery codes. The earlier ones count no more.
func (s *Service) RenewRecoveryCodes(ctx context.Context, viewer auth.Viewer) ([]string, error) {
	return inStepUp(ctx, s, viewer, func(tx *store.Tx) ([]string, error) {
		credentials, err := tx.LockCredentials(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		if !credentials.SecondFactor {
			return nil, secondFactorOff()
		}
		codes := auth.NewRecoveryCodes()
		if err := tx.ReplaceRecoveryCodes(ctx, viewer.CustomerID, recoveryHashes(viewer.CustomerID, codes)); err != nil {
			return nil, err
		}
		return codes, record(ctx, tx, viewer, viewer.CustomerID, "second_factor.codes_renewed", ofCustomer(viewer.CustomerID), struct{}{})
	})
}
