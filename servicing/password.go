package servicing

import (
	"context"
	"errors"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// checkNewPassword refuses a password that must not be chosen. personal is what of the
// customer it must not be, and path where it is in the input.
func checkNewPassword(path, password string, secondFactor bool, personal ...string) error {
	switch err := auth.CheckNewPassword(auth.Password(password), secondFactor, personal...); {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrPasswordTooShort) && secondFactor:
		return loan.Refuse(loan.CodePasswordRejected, "A password has at least 8 characters.", path)
	case errors.Is(err, auth.ErrPasswordTooShort):
		return loan.Refuse(loan.CodePasswordRejected, "A password has at least 15 characters. A few words that you can remember will do.", path)
	case errors.Is(err, auth.ErrPasswordTooLong):
		return loan.Refuse(loan.CodePasswordRejected, "A password has at most 128 characters.", path)
	}
	return loan.Refuse(loan.CodePasswordRejected, "This password is one that others would try first. Choose another.", path)
}

// RequestPasswordReset sends a code for ResetPassword to the customer with a username.
// Where there is none, the same happens for nobody: the answer and the time that it
// takes tell nothing.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) (challengeID string, err error) {
	username := foldUsername(in.Username)
	if err := s.mayAskForCode(ctx, string(forPassword), username); err != nil {
		return "", err
	}
	credentials, err := s.Store.CredentialsOf(ctx, username, "", auth.RequestFrom(ctx).At)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	return s.challengeSomebody(ctx, forPassword, credentials.CustomerID, loan.NoticeCodePasswordReset)
}

// nobody gets the notices that are about no customer: they are never sent.
var nobody = loan.Customer{Email: "nobody"}

// challengeSomebody sends a code to a customer who has not logged in, or to nobody,
// and answers by what it is found.
func (s *Service) challengeSomebody(ctx context.Context, p purpose, id loan.CustomerID, kind loan.NoticeKind) (challengeID string, err error) {
	challengeID = session.NewChallenge()
	code, err := s.challenge(ctx, p, challengeID, id)
	if err != nil {
		return "", err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		customer, err := tx.Customer(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			customer, err = &nobody, nil
		}
		if err != nil {
			return err
		}
		if err := s.sendCode(ctx, tx, customer, kind, code); err != nil {
			return err
		}
		return record(ctx, tx, auth.Viewer{}, id, string(p)+".code_sent", ofCustomer(id), struct{}{})
	})
	return challengeID, err
}

// ResetPassword sets a new password for who has the code, and the second factor where
// there is one. All sessions end, and all devices are forgotten.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) error {
	if err := checkNewPassword("newPassword", in.NewPassword, true); err != nil {
		return err // what nobody may choose uses up no code
	}
	id, err := s.answered(ctx, forPassword, in.ChallengeID, in.Code, "code")
	if err != nil {
		return err
	}
	if err := s.reset(ctx, id, in); err != nil {
		// The customer is not done: the code counts once more.
		return errors.Join(err, s.keepCode(ctx, forPassword, in.ChallengeID, in.Code, id))
	}
	return nil
}

func (s *Service) reset(ctx context.Context, id loan.CustomerID, in ResetPasswordInput) error {
	credentials, customer, err := s.lookUp(ctx, id)
	if err != nil {
		return err
	}
	if err := checkNewPassword("newPassword", in.NewPassword, credentials.SecondFactor, credentials.Username, customer.Email); err != nil {
		return err
	}
	if credentials.SecondFactor {
		guess := session.Guess{Account: s.opaque("second factor", ofCustomer(id))}
		if err := s.guarded(ctx, guess, func() error { return s.checkSecondFactor(ctx, id, in.SecondFactor) }); err != nil {
			return err
		}
	}
	if err := s.setPassword(ctx, auth.Viewer{CustomerID: id}, customer, in.NewPassword, true, "password.reset"); err != nil {
		return err
	}
	// Whoever guessed before has nothing to do with the new password.
	return errors.Join(
		s.Sessions.Forgive(ctx, s.opaque("log-in", credentials.Username)),
		s.Sessions.Forgive(ctx, s.opaque("identity", ofCustomer(id))),
	)
}

func (s *Service) lookUp(ctx context.Context, id loan.CustomerID) (credentials store.Credentials, customer *loan.Customer, err error) {
	if credentials, err = s.Store.Credentials(ctx, id); err != nil {
		return credentials, nil, err
	}
	customer, err = s.Store.Customer(ctx, id)
	return credentials, customer, err
}

// setPassword writes a new password that was checked. The other sessions end before
// it counts, so that none is left where the process dies in between, and once more
// after it: one may have been opened with the old password meanwhile.
func (s *Service) setPassword(ctx context.Context, viewer auth.Viewer, customer *loan.Customer, password string, forget bool, action string) error {
	hash, err := s.Hasher.Hash(ctx, auth.Password(password))
	if err != nil {
		return err
	}
	weak := checkNewPassword("", password, false) != nil
	if _, err := s.Sessions.EndOthers(ctx, customer.ID, viewer.SessionID); err != nil {
		return err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockCredentials(ctx, customer.ID); err != nil {
			return err
		}
		if err := tx.SetPassword(ctx, customer.ID, hash, weak); err != nil {
			return err
		}
		if forget {
			if err := tx.ForgetDevices(ctx, customer.ID); err != nil {
				return err
			}
		}
		if err := s.warn(ctx, tx, customer, loan.NoticePasswordChanged, nil); err != nil {
			return err
		}
		return record(ctx, tx, viewer, customer.ID, action, ofCustomer(customer.ID), struct{}{})
	})
	if err != nil {
		return err
	}
	_, err = s.Sessions.EndOthers(context.WithoutCancel(ctx), customer.ID, viewer.SessionID)
	return err
}

// ChangePassword sets a new password. The session goes on under a new token, all
// others end.
func (s *Service) ChangePassword(ctx context.Context, viewer auth.Viewer, in ChangePasswordInput) (*OpenedSession, error) {
	if err := steppedUp(ctx, s.Store, viewer); err != nil {
		return nil, err
	}
	credentials, customer, err := s.lookUp(ctx, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	guess := session.Guess{Account: s.opaque("identity", ofCustomer(viewer.CustomerID))}
	if err := s.guarded(ctx, guess, func() error { return s.checkPassword(ctx, credentials, in.CurrentPassword) }); err != nil {
		return nil, err
	}
	if err := checkNewPassword("newPassword", in.NewPassword, credentials.SecondFactor, credentials.Username, customer.Email); err != nil {
		return nil, err
	}
	if err := s.setPassword(ctx, viewer, customer, in.NewPassword, false, "password.changed"); err != nil {
		return nil, err
	}
	return s.rotate(ctx, viewer, false)
}
