package servicing

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// deviceLife is how long a device is remembered after it was last seen.
const deviceLife = 180 * 24 * time.Hour

// OpenedSession is a session that was opened, or one that goes on under a new token.
type OpenedSession struct {
	Token     string
	ExpiresAt time.Time
}

// LoggedIn is what a log-in leads to.
type LoggedIn struct {
	OpenedSession
	DeviceToken string // empty where the device was not to be remembered
	Customer    *loan.Customer
}

var errCredentials = loan.Refuse(loan.CodeInvalidCredentials, "The username or the password is wrong.")

// LogIn opens a session. A wrong password and a username that does not exist are
// answered alike, take as long and count alike.
func (s *Service) LogIn(ctx context.Context, in LogInInput) (*LoggedIn, error) {
	sess, err := newSession(ctx, in.DeviceName, in.Platform)
	if err != nil {
		return nil, err
	}
	username, deviceHash := foldUsername(in.Username), ""
	if in.DeviceToken != nil {
		deviceHash = session.IDOf(*in.DeviceToken)
	}
	now := auth.RequestFrom(ctx).At
	credentials, err := s.Store.CredentialsOf(ctx, username, deviceHash, now.Add(-deviceLife))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	guess := session.Guess{Account: s.opaque("log-in", username)}
	if credentials.KnownDevice {
		guess.Device = deviceHash
	}
	err = s.guarded(ctx, guess, func() error {
		if err := s.checkPassword(ctx, credentials, in.Password); err != nil || !credentials.SecondFactor {
			return err
		}
		sess.SteppedUpAt = now
		return s.checkSecondFactor(ctx, credentials.CustomerID, in.SecondFactor)
	})
	if err != nil {
		return nil, err
	}
	sess.CustomerID = credentials.CustomerID
	return s.open(ctx, sess, credentials, func(tx *store.Tx, opened *LoggedIn) (err error) {
		if credentials.KnownDevice {
			return tx.SeeDevice(ctx, sess.CustomerID, deviceHash, now)
		}
		if in.RememberDevice {
			if opened.DeviceToken, err = remember(ctx, tx, sess); err != nil {
				return err
			}
		}
		return s.warn(ctx, tx, opened.Customer, loan.NoticeNewDevice, nil)
	})
}

// newSession is what the client says of its device.
func newSession(ctx context.Context, deviceName *string, platform *loan.Platform) (session.Session, error) {
	sess := session.Session{Platform: string(loan.PlatformOther), Address: auth.RequestFrom(ctx).Address}
	if platform != nil {
		sess.Platform = string(*platform)
	}
	if deviceName != nil {
		sess.DeviceName = strings.TrimSpace(*deviceName)
	}
	if utf8.RuneCountInString(sess.DeviceName) > maxDeviceName || !printable(sess.DeviceName) {
		return sess, loan.Refuse(loan.CodeInvalidInput, "A device name has at most 100 characters on one line.", "deviceName")
	}
	return sess, nil
}

// foldUsername is a username as it is stored; one that nobody can have where it is
// none.
func foldUsername(username string) string {
	username = strings.ToLower(strings.TrimSpace(username))
	if !printable(username) || len(username) > 1000 {
		return ""
	}
	return username
}

// checkPassword refuses a wrong password, of anybody or nobody, and writes so down.
func (s *Service) checkPassword(ctx context.Context, c store.Credentials, password string) error {
	ok, err := false, error(nil)
	if c.PasswordHash == "" {
		err = s.Hasher.VerifyNone(ctx, auth.Password(password))
	} else {
		ok, err = s.Hasher.Verify(ctx, c.PasswordHash, auth.Password(password))
	}
	switch {
	case err != nil && !errors.Is(err, auth.ErrPasswordTooLong):
		return err
	case ok:
		return nil
	}
	if err := s.tell(ctx, auth.Viewer{}, c.CustomerID, "password.wrong"); err != nil {
		return err
	}
	return errCredentials
}

// open opens a session for who has proved who they are. also writes what belongs to
// it. Where the password has changed meanwhile, nothing is opened.
func (s *Service) open(ctx context.Context, sess session.Session, credentials store.Credentials, also func(*store.Tx, *LoggedIn) error) (*LoggedIn, error) {
	now := auth.RequestFrom(ctx).At
	token, expiresAt, err := s.Sessions.Create(ctx, now, sess)
	if err != nil {
		return nil, err
	}
	viewer := auth.Viewer{CustomerID: sess.CustomerID, SessionID: session.IDOf(token), SteppedUpAt: sess.SteppedUpAt}
	in, err := inTx(ctx, s, func(tx *store.Tx) (*LoggedIn, error) {
		in := &LoggedIn{OpenedSession: OpenedSession{Token: token, ExpiresAt: expiresAt}}
		current, err := tx.LockCredentials(ctx, sess.CustomerID)
		if err != nil {
			return nil, err
		}
		if current.PasswordHash != credentials.PasswordHash {
			return nil, errCredentials
		}
		if in.Customer, err = tx.Customer(ctx, sess.CustomerID); err != nil {
			return nil, err
		}
		if err := also(tx, in); err != nil {
			return nil, err
		}
		return in, record(ctx, tx, viewer, sess.CustomerID, "session.opened", ofCustomer(sess.CustomerID), struct{}{})
	})
	if err != nil {
		// Nobody has the token; this only tidies up.
		return nil, errors.Join(err, s.Sessions.End(context.WithoutCancel(ctx), sess.CustomerID, viewer.SessionID))
	}
	// What the log-in answers is read as who has logged in.
	auth.Become(ctx, viewer)
	return in, nil
}

// remember remembers the device of a session, and makes the token by which it is known.
func remember(ctx context.Context, tx *store.Tx, sess session.Session) (token string, err error) {
	token = session.NewToken()
	return token, tx.InsertDevice(ctx, store.Device{
		CustomerID: sess.CustomerID, TokenHash: session.IDOf(token), Name: sess.DeviceName, Platform: loan.Platform(sess.Platform),
	}, auth.RequestFrom(ctx).At)
}

// LogOut ends the viewer's session.
func (s *Service) LogOut(ctx context.Context, viewer auth.Viewer) error {
	if err := s.Sessions.End(ctx, viewer.CustomerID, viewer.SessionID); err != nil && !errors.Is(err, session.ErrNoSession) {
		return err
	}
	return s.tell(ctx, viewer, viewer.CustomerID, "session.closed")
}

// ActiveSession is a session of the viewer on some device.
type ActiveSession struct {
	ID         string
	DeviceName string
	Platform   loan.Platform
	CreatedAt  time.Time
	LastSeenAt time.Time
	Address    string
	Current    bool
}

// ActiveSessions lists the viewer's sessions, the one seen last first.
func (s *Service) ActiveSessions(ctx context.Context, viewer auth.Viewer) ([]*ActiveSession, error) {
	sessions, err := s.Sessions.List(ctx, auth.RequestFrom(ctx).At, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	active := make([]*ActiveSession, len(sessions))
	for i, sess := range sessions {
		active[i] = &ActiveSession{
			ID: sess.ID, DeviceName: sess.DeviceName, Platform: loan.Platform(sess.Platform),
			CreatedAt: sess.CreatedAt, LastSeenAt: sess.LastSeenAt, Address: sess.Address, Current: sess.ID == viewer.SessionID,
		}
	}
	return active, nil
}

// RevokeSession ends a session of the viewer.
func (s *Service) RevokeSession(ctx context.Context, viewer auth.Viewer, in RevokeSessionInput) (*loan.Customer, error) {
	err := s.Sessions.End(ctx, viewer.CustomerID, in.SessionID)
	if errors.Is(err, session.ErrNoSession) {
		return nil, loan.NotFound("sessionId")
	}
	if err != nil {
		return nil, err
	}
	if err := s.tell(ctx, viewer, viewer.CustomerID, "session.revoked"); err != nil {
		return nil, err
	}
	return s.Store.Customer(ctx, viewer.CustomerID)
}

// RevokeOtherSessions ends all sessions of the viewer but the one of the request, and
// forgets the devices.
func (s *Service) RevokeOtherSessions(ctx context.Context, viewer auth.Viewer) (*loan.Customer, error) {
	ended, err := s.Sessions.EndOthers(ctx, viewer.CustomerID, viewer.SessionID)
	if err != nil {
		return nil, err
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Customer, error) {
		if err := tx.ForgetDevices(ctx, viewer.CustomerID); err != nil {
			return nil, err
		}
		detail := map[string]int{"ended": ended}
		if err := record(ctx, tx, viewer, viewer.CustomerID, "session.others_revoked", ofCustomer(viewer.CustomerID), detail); err != nil {
			return nil, err
		}
		return tx.Customer(ctx, viewer.CustomerID)
	})
}
