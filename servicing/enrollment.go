package servicing

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

var username = regexp.MustCompile(`^[a-z][a-z0-9._-]{5,39}$`)

// Enroll gives a customer of the lender, known by four facts, a username and a
// password, and opens a session. Which fact was wrong is not told, nor by the time
// that it takes.
func (s *Service) Enroll(ctx context.Context, in EnrollInput) (*LoggedIn, error) {
	sess, err := newSession(ctx, in.DeviceName, in.Platform)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(in.Username)
	var wanted loan.Customer
	if err := errors.Join(checkUsername(name), setEmail(&wanted, &in.Email), checkNewPassword("password", in.Password, false, name, in.Email)); err != nil {
		return nil, err
	}
	// Counted by the account that is named, as guesses at who owns it.
	guess := session.Guess{Account: s.opaque("enroll", contractDigits(in.Account.AccountNumber))}
	if err := s.guess(ctx, guess); err != nil {
		return nil, err
	}
	hash, err := s.Hasher.Hash(ctx, auth.Password(in.Password))
	if err != nil {
		return nil, err
	}
	customer, err := s.customerByFacts(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	if customer == nil {
		err := s.tell(ctx, auth.Viewer{}, 0, "enrollment.not_matched")
		return nil, errors.Join(err, loan.Refuse(loan.CodeEnrollmentNotMatched, "We found no account with these details.", "account"))
	}
	if err := s.right(ctx, guess); err != nil {
		return nil, err
	}
	contacts, err := s.newContacts(ctx, customer.ID, wanted)
	if err != nil {
		return nil, err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := takeUsername(ctx, tx, customer.ID, name, hash); err != nil {
			return err
		}
		if err := s.warn(ctx, tx, customer, loan.NoticeEnrolled, nil); err != nil {
			return err
		}
		for _, c := range contacts {
			if err := s.askToConfirm(ctx, tx, customer.ID, c); err != nil {
				return err
			}
		}
		return record(ctx, tx, auth.Viewer{CustomerID: customer.ID}, customer.ID, "customer.enrolled", ofCustomer(customer.ID), struct{}{})
	})
	if err != nil {
		return nil, err
	}
	sess.CustomerID = customer.ID
	return s.open(ctx, sess, store.Credentials{PasswordHash: hash}, func(*store.Tx, *LoggedIn) error { return nil })
}

func checkUsername(name string) error {
	if !username.MatchString(name) {
		return loan.Refuse(loan.CodeInvalidInput,
			"A username has 6 to 40 letters, digits, dots, dashes and underscores, and begins with a letter.", "username")
	}
	return nil
}

func takeUsername(ctx context.Context, tx *store.Tx, id loan.CustomerID, name, hash string) error {
	current, err := tx.LockCredentials(ctx, id)
	if err != nil {
		return err
	}
	if current.Username != "" {
		return loan.Refuse(loan.CodeAccountEnrolled, "You have a username already.", "account")
	}
	taken, err := tx.UsernameTaken(ctx, name)
	if err != nil {
		return err
	}
	if taken {
		return loan.Refuse(loan.CodeUsernameTaken, "Somebody else has this username.", "username")
	}
	return tx.Enroll(ctx, id, name, hash, auth.RequestFrom(ctx).Language)
}

// customerByFacts finds the customer that all four facts are of; nil where there is
// none.
func (s *Service) customerByFacts(ctx context.Context, in AccountFactsInput) (*loan.Customer, error) {
	owners, err := s.Store.CustomersByContract(ctx, s.Vault.Fingerprints(contractKind, contractDigits(in.AccountNumber)))
	if err != nil {
		return nil, err
	}
	for _, c := range owners {
		if foldName(c.LastName) == foldName(in.LastName) && c.BornOn == in.DateOfBirth && !c.BornOn.IsZero() &&
			zip5(c.PostalCode) == zip5(in.PostalCode) {
			return c, nil
		}
	}
	return nil, nil
}

const contractKind = "contract"

// SealContractNumber makes the row by which enrolment finds a contract.
func SealContractNumber(v *vault.Vault, vehicle *loan.Vehicle, number string) (store.ContractNumber, error) {
	n := store.ContractNumber{VehicleID: vehicle.ID, CustomerID: vehicle.CustomerID, Fingerprint: ContractFingerprint(v, number)}
	sealed, err := v.Seal(number, ContractBinding(n.VehicleID, n.Fingerprint))
	n.Sealed = sealed
	return n, err
}

// ContractFingerprint is the keyed hash by which a contract is found.
func ContractFingerprint(v *vault.Vault, number string) []byte {
	return v.Fingerprint(contractKind, contractDigits(number))
}

// ContractBinding ties a sealed number to its row.
func ContractBinding(id loan.VehicleID, fingerprint []byte) string {
	return fmt.Sprintf("contract:%d:%x", id, fingerprint)
}

// contractDigits is an account number without what people write between the digits.
func contractDigits(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, number)
}

// foldName is a name without what is written in more than one way: case, accents,
// spaces, hyphens, apostrophes.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
}

func zip5(postalCode string) string {
	code := strings.TrimSpace(postalCode)
	return code[:min(len(code), 5)]
}

// RequestUsername sends a code for RevealUsername to the customer whom the facts are
// of, or to nobody.
func (s *Service) RequestUsername(ctx context.Context, in RequestUsernameInput) (challengeID string, err error) {
	if err := s.mayAskForCode(ctx, string(forUsername), contractDigits(in.Account.AccountNumber)); err != nil {
		return "", err
	}
	customer, err := s.customerByFacts(ctx, in.Account)
	if err != nil {
		return "", err
	}
	id := loan.CustomerID(0)
	if customer != nil && customer.Username != "" {
		id = customer.ID
	}
	return s.challengeSomebody(ctx, forUsername, id, loan.NoticeCodeUsername)
}

// RevealUsername tells the username to who has the code.
func (s *Service) RevealUsername(ctx context.Context, in RevealUsernameInput) (string, error) {
	id, err := s.answered(ctx, forUsername, in.ChallengeID, in.Code, "code")
	if err != nil {
		return "", err
	}
	customer, err := s.Store.Customer(ctx, id)
	if err != nil {
		return "", err
	}
	return customer.Username, s.tell(ctx, auth.Viewer{CustomerID: id}, id, "username.revealed")
}
