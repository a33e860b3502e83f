package servicing

import (
	"context"
	"errors"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// UpdateProfile changes how a customer is reached. A new e-mail address or phone number
// waits for its code; what is on file is told of every change.
func (s *Service) UpdateProfile(ctx context.Context, viewer auth.Viewer, in UpdateProfileInput) (*loan.Customer, error) {
	var wanted loan.Customer
	if err := errors.Join(setEmail(&wanted, in.Email), setPhone(&wanted, in.Phone), setAddress(&wanted, in.Address)); err != nil {
		return nil, err
	}
	if in.Email != nil || in.Phone != nil || in.Address != nil {
		if err := steppedUp(ctx, s.Store, viewer); err != nil {
			return nil, err
		}
	}
	if in.Email != nil || in.Phone != nil {
		if err := s.mayAskForCode(ctx, ofCustomer(viewer.CustomerID)); err != nil {
			return nil, err
		}
	}
	contacts, err := s.newContacts(ctx, viewer.CustomerID, wanted)
	if err != nil {
		return nil, err
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Customer, error) {
		customer, err := tx.LockCustomer(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		for _, c := range contacts {
			if err := s.askToConfirm(ctx, tx, customer.ID, c); err != nil {
				return nil, err
			}
		}
		setNotifications(customer, in.Notifications)
		if in.Language != nil {
			customer.Language = *in.Language
		}
		if in.Address != nil {
			customer.Address = wanted.Address
			if err := s.warn(ctx, tx, customer, loan.NoticeContactChanged, map[string]string{"field": "address"}); err != nil {
				return nil, err
			}
		}
		if err := tx.UpdateContact(ctx, customer); err != nil {
			return nil, err
		}
		changed := map[string]bool{"email": in.Email != nil, "phone": in.Phone != nil, "address": in.Address != nil,
			"notifications": in.Notifications != nil, "language": in.Language != nil}
		return customer, record(ctx, tx, viewer, viewer.CustomerID, "profile.updated", ofCustomer(viewer.CustomerID), changed)
	})
}

func setNotifications(c *loan.Customer, in *NotificationsInput) {
	if in != nil && in.ByEmail != nil {
		c.ByEmail = *in.ByEmail
	}
	if in != nil && in.ByText != nil {
		c.ByText = *in.ByText
	}
}

// newContact is a contact that is to be confirmed, with the code for it.
type newContact struct {
	loan.PendingContact
	code string
}

// newContacts makes a code for each of the e-mail address and phone number that are
// wanted.
func (s *Service) newContacts(ctx context.Context, owner loan.CustomerID, wanted loan.Customer) (contacts []newContact, err error) {
	for _, way := range []struct {
		channel loan.Channel
		address string
	}{{loan.ByEmail, wanted.Email}, {loan.ByText, wanted.Phone}} {
		if way.address == "" {
			continue
		}
		c := newContact{PendingContact: loan.PendingContact{
			Channel: way.channel, Address: way.address, ChallengeID: session.NewChallenge(), RequestedAt: auth.RequestFrom(ctx).At,
		}}
		if c.code, err = s.challenge(ctx, forContact, c.ChallengeID, owner); err != nil {
			return nil, err
		}
		contacts = append(contacts, c)
	}
	return contacts, nil
}

// askToConfirm keeps a contact that waits, and sends the code to it.
func (s *Service) askToConfirm(ctx context.Context, tx *store.Tx, owner loan.CustomerID, c newContact) error {
	if err := tx.PutPendingContact(ctx, owner, c.PendingContact); err != nil {
		return err
	}
	return s.notify(ctx, tx, c.RequestedAt, notice{
		customer: owner, kind: loan.NoticeCodeContact, channel: c.Channel, address: c.Address, subject: ofCustomer(owner), code: c.code,
	})
}

// ConfirmContact lets a new e-mail address or phone number count, and tells the old
// one.
func (s *Service) ConfirmContact(ctx context.Context, viewer auth.Viewer, in ConfirmContactInput) (*loan.Customer, error) {
	contacts, err := s.Store.PendingContacts(ctx, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(contacts, func(c *loan.PendingContact) bool { return c.Channel == in.Channel })
	if i < 0 {
		return nil, loan.Refuse(loan.CodeCodeExpired, "Nothing waits for a code.", "channel")
	}
	contact := *contacts[i]
	if _, err := s.answered(ctx, forContact, contact.ChallengeID, in.Code, "code"); err != nil {
		return nil, err
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Customer, error) {
		customer, err := tx.LockCustomer(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		if err := tx.DeletePendingContact(ctx, viewer.CustomerID, contact); err != nil {
			return nil, found(err, "channel") // another one has taken its place
		}
		if err := s.replaceContact(ctx, tx, customer, contact); err != nil {
			return nil, err
		}
		return customer, record(ctx, tx, viewer, viewer.CustomerID, "profile.contact_confirmed", ofCustomer(viewer.CustomerID), map[string]loan.Channel{"channel": contact.Channel})
	})
}

// replaceContact writes a contact in place of an old one, which is told.
func (s *Service) replaceContact(ctx context.Context, tx *store.Tx, customer *loan.Customer, contact loan.PendingContact) error {
	now, old, field := contact.Address, &customer.Email, "email"
	if contact.Channel == loan.ByText {
		old, field = &customer.Phone, "phone"
	}
	before := *old
	*old = now
	if err := tx.UpdateContact(ctx, customer); err != nil || before == "" || before == now {
		return err
	}
	return s.notify(ctx, tx, auth.RequestFrom(ctx).At, notice{
		customer: customer.ID, kind: loan.NoticeContactChanged, channel: contact.Channel, address: before,
		subject: ofCustomer(customer.ID), values: map[string]string{"field": field},
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
		return &loan.Refusal{Code: loan.CodeInvalidInput, Path: []string{"address", field},
			Message: "This must have %d to %d characters on one line.", Args: []any{least, most}}
	}
	return nil
}

func checkPattern(pattern *regexp.Regexp, s string, message loan.Phrase, field string) error {
	if !pattern.MatchString(s) {
		return loan.Refuse(loan.CodeInvalidInput, message, "address", field)
	}
	return nil
}
