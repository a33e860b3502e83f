package servicing

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// LoggedIn is a session that was opened.
type LoggedIn struct {
	Token     string
	ExpiresAt time.Time
	Customer  *loan.Customer
}

// LogIn opens a session. A wrong password and a username that does not exist are
// answered alike and take as long.
func (s *Service) LogIn(ctx context.Context, in LogInInput) (*LoggedIn, error) {
	refused := loan.Refuse(loan.CodeInvalidCredentials, "The username or the password is wrong.")
	device := ""
	if in.DeviceName != nil {
		device = strings.TrimSpace(*in.DeviceName)
	}
	if utf8.RuneCountInString(device) > maxDeviceName || !printable(device) {
		return nil, loan.Refuse(loan.CodeInvalidInput, "A device name has at most 100 characters on one line.", "deviceName")
	}
	if !printable(in.Username) {
		return nil, refused
	}
	credentials, err := s.Store.CredentialsOf(ctx, strings.ToLower(strings.TrimSpace(in.Username)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errors.Join(refused, ignoreTooLong(s.Hasher.VerifyNone(ctx, auth.Password(in.Password))))
	}
	if err != nil {
		return nil, err
	}
	ok, err := s.Hasher.Verify(ctx, credentials.PasswordHash, auth.Password(in.Password))
	if err := ignoreTooLong(err); err != nil {
		return nil, err
	}
	if !ok {
		return nil, refused
	}
	customer, err := s.Store.Customer(ctx, credentials.CustomerID)
	if err != nil {
		return nil, err
	}
	request := auth.RequestFrom(ctx)
	token, expiresAt, err := s.Sessions.Create(ctx, request.At, session.Session{CustomerID: customer.ID, DeviceName: device, Address: request.Address})
	if err != nil {
		return nil, err
	}
	viewer := auth.Viewer{CustomerID: customer.ID, SessionID: session.IDOf(token)}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		return record(ctx, tx, viewer, customer.ID, "session.opened", fmt.Sprintf("customer:%d", customer.ID), struct{}{})
	})
	if err != nil {
		return nil, err
	}
	// What the log-in answers is read as who has logged in.
	auth.Become(ctx, viewer)
	return &LoggedIn{Token: token, ExpiresAt: expiresAt, Customer: customer}, nil
}

// ignoreTooLong lets a password that is longer than any be just a wrong one.
func ignoreTooLong(err error) error {
	if errors.Is(err, auth.ErrPasswordTooLong) {
		return nil
	}
	return err
}

// LogOut ends the viewer's session.
func (s *Service) LogOut(ctx context.Context, viewer auth.Viewer) error {
	// Where another request has ended it meanwhile, all is as it should be.
	if err := s.Sessions.End(ctx, viewer.CustomerID, viewer.SessionID); err != nil && !errors.Is(err, session.ErrNoSession) {
		return err
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		return record(ctx, tx, viewer, viewer.CustomerID, "session.closed", fmt.Sprintf("customer:%d", viewer.CustomerID), struct{}{})
	})
}

// UpdateProfile changes how a customer is reached.
func (s *Service) UpdateProfile(ctx context.Context, viewer auth.Viewer, in UpdateProfileInput) (*loan.Customer, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Customer, error) {
		customer, err := tx.LockCustomer(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(setEmail(customer, in.Email), setPhone(customer, in.Phone), setAddress(customer, in.Address)); err != nil {
			return nil, err
		}
		if err := tx.UpdateContact(ctx, customer); err != nil {
			return nil, err
		}
		changed := map[string]bool{"email": in.Email != nil, "phone": in.Phone != nil, "address": in.Address != nil}
		return customer, record(ctx, tx, viewer, viewer.CustomerID, "profile.updated", fmt.Sprintf("customer:%d", viewer.CustomerID), changed)
	})
}

func setEmail(c *loan.Customer, in *string) error {
	if in == nil {
		return nil
	}
	address, err := mail.ParseAddress(*in)
	if err != nil || address.Address != *in || address.Name != "" || len(*in) > 254 || !strings.Contains((*in)[strings.LastIndex(*in, "@")+1:], ".") {
		return loan.Refuse(loan.CodeInvalidInput, "This is not an e-mail address.", "email")
	}
	c.Email = *in
	return nil
}

var (
	phoneNoise = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
	phone      = regexp.MustCompile(`^(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$`)
	state      = regexp.MustCompile(`^[A-Z]{2}$`)
	postalCode = regexp.MustCompile(`^[0-9]{5}(-[0-9]{4})?$`)
)

func setPhone(c *loan.Customer, in *string) error {
	if in == nil {
		return nil
	}
	digits := phone.FindStringSubmatch(phoneNoise.Replace(*in))
	if digits == nil {
		return loan.Refuse(loan.CodeInvalidInput, "This is not a phone number in the United States.", "phone")
	}
	c.Phone = "+1" + digits[1]
	return nil
}

func setAddress(c *loan.Customer, in *AddressInput) error {
	if in == nil {
		return nil
	}
	line2 := ""
	if in.Line2 != nil {
		line2 = *in.Line2
	}
	a := loan.Address{Line1: strings.TrimSpace(in.Line1), Line2: strings.TrimSpace(line2), City: strings.TrimSpace(in.City),
		State: strings.ToUpper(in.State), PostalCode: in.PostalCode}
	err := errors.Join(
		checkLine(a.Line1, 1, 100, "line1"), checkLine(a.Line2, 0, 100, "line2"), checkLine(a.City, 1, 60, "city"),
		checkPattern(state, a.State, "A state has two letters.", "state"),
		checkPattern(postalCode, a.PostalCode, "A ZIP code has five digits, or nine with a dash.", "postalCode"),
	)
	if err == nil {
		c.Address = a
	}
	return err
}

func checkLine(s string, least, most int, field string) error {
	if n := utf8.RuneCountInString(s); n < least || n > most || !printable(s) {
		return loan.Refuse(loan.CodeInvalidInput, fmt.Sprintf("This must have %d to %d characters on one line.", least, most), "address", field)
	}
	return nil
}

func checkPattern(pattern *regexp.Regexp, s, message, field string) error {
	if !pattern.MatchString(s) {
		return loan.Refuse(loan.CodeInvalidInput, message, "address", field)
	}
	return nil
}

// EnrollInOnlineStatements ends paper statements for a vehicle.
func (s *Service) EnrollInOnlineStatements(ctx context.Context, viewer auth.Viewer, in EnrollInOnlineStatementsInput) (*loan.Vehicle, error) {
	if err := authorized(in.Consent, "consent"); err != nil {
		return nil, err
	}
	return s.setPaperless(ctx, viewer, in.VehicleID, true)
}

// WithdrawFromOnlineStatements goes back to paper.
func (s *Service) WithdrawFromOnlineStatements(ctx context.Context, viewer auth.Viewer, in WithdrawFromOnlineStatementsInput) (*loan.Vehicle, error) {
	return s.setPaperless(ctx, viewer, in.VehicleID, false)
}

func (s *Service) setPaperless(ctx context.Context, viewer auth.Viewer, id loan.VehicleID, enroll bool) (*loan.Vehicle, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Vehicle, error) {
		vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, id)
		if err != nil {
			return nil, found(err, "vehicleId")
		}
		action, detail := "statements.withdrawn", any(struct{}{})
		switch enrolled := vehicle.PaperlessSince != nil; {
		case enroll && enrolled:
			return nil, loan.Refuse(loan.CodeAlreadyEnrolled, "This vehicle is enrolled in online statements already.", "vehicleId")
		case !enroll && !enrolled:
			return nil, loan.Refuse(loan.CodeNotEnrolled, "This vehicle is not enrolled in online statements.", "vehicleId")
		case enroll:
			now := auth.RequestFrom(ctx).At
			vehicle.PaperlessSince = &now
			action, detail = "statements.enrolled", authorizePaperless(vehicle)
		default:
			vehicle.PaperlessSince = nil
		}
		if err := tx.SetPaperless(ctx, viewer.CustomerID, id, vehicle.PaperlessSince); err != nil {
			return nil, err
		}
		return vehicle, record(ctx, tx, viewer, vehicle.CustomerID, action, fmt.Sprintf("vehicle:%d", id), detail)
	})
}
