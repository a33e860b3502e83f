package servicing

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// ofPartner names a partner: in the audit, and to itself as its client id.
func ofPartner(id loan.PartnerID) string { return fmt.Sprintf("partner:%d", id) }

// secretPrefix is how a partner's secret begins, so that it is known where it turns up.
const secretPrefix = "mps_"

// Credentials are what a partner shows for a token. The secret is told once.
type Credentials struct {
	ClientID string
	Secret   string
	// Until is when the secret before ends; zero where there was none.
	Until time.Time
}

const (
	clientPrefix = "partner-"
	mostName     = 60
)

// ClientID is the name of a partner in OAuth.
func ClientID(id loan.PartnerID) string { return clientPrefix + strconv.FormatInt(int64(id), 10) }

// partnerOf is whose client id it is; 0, whom nobody has, where it is none.
func partnerOf(clientID string) loan.PartnerID {
	number, _ := strings.CutPrefix(clientID, clientPrefix)
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || ClientID(loan.PartnerID(id)) != clientID {
		return 0
	}
	return loan.PartnerID(id)
}

// recordOperator adds the audit row of what an operator did to a partner.
func recordOperator(ctx context.Context, tx *store.Tx, now time.Time, by loan.Operator, action string, id loan.PartnerID, detail map[string]any) error {
	return recordByHand(ctx, tx, ByHand{Operator: by, At: now}, nobodysBooks, action, ofPartner(id), detail)
}

// Why an operator's order is not carried out.
var (
	ErrPartnerName = errors.New("a partner's name has 1 to 60 characters on one line")
	ErrScopes      = fmt.Errorf("the scopes are one or more of %s, with a blank between them", loan.AllScopes())
	ErrPartner     = errors.New("there is no such partner, or it was revoked")
)

// CreatePartner adds a partner. Its secret cannot be had again.
func (s *Service) CreatePartner(ctx context.Context, operator, name, scopes string, now time.Time) (c Credentials, err error) {
	name = strings.TrimSpace(name)
	asked, known := loan.ParseScopes(scopes)
	by, err := loan.ParseOperator(operator)
	if err != nil {
		return c, err
	}
	switch {
	case name == "" || utf8.RuneCountInString(name) > mostName || !printable(name):
		return c, ErrPartnerName
	case !known || len(asked) == 0:
		return c, ErrScopes
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		partner := &loan.Partner{Name: name, Scopes: asked, CreatedAt: now}
		if err := tx.InsertPartner(ctx, partner); err != nil {
			return err
		}
		c = newCredentials(partner.ID)
		if err := tx.ReplaceSecret(ctx, partner.ID, secretHash(c.Secret), now, now); err != nil {
			return err
		}
		return recordOperator(ctx, tx, now, by, "partner.created", partner.ID, map[string]any{"scopes": asked.String()})
	})
	return c, err
}

func newCredentials(id loan.PartnerID) Credentials {
	return Credentials{ClientID: ClientID(id), Secret: secretPrefix + session.NewToken()}
}

// secretHash needs no key: a secret cannot be guessed.
func secretHash(secret string) string { return session.IDOf(secret) }

// RotatePartner gives a partner a new secret. The one before counts for as long as
// grace says; without grace the tokens that the partner has end, too.
func (s *Service) RotatePartner(ctx context.Context, operator string, id loan.PartnerID, grace time.Duration, now time.Time) (c Credentials, err error) {
	by, err := loan.ParseOperator(operator)
	if err != nil {
		return c, err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		partner, err := tx.LockPartner(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && partner.RevokedAt != nil {
			return ErrPartner
		}
		if err != nil {
			return err
		}
		c = newCredentials(id)
		c.Until = now.Add(grace)
		if err := tx.ReplaceSecret(ctx, id, secretHash(c.Secret), now, c.Until); err != nil {
			return err
		}
		return recordOperator(ctx, tx, now, by, "partner.rotated", id, map[string]any{"grace": grace.String()})
	})
	if err == nil && grace == 0 {
		err = s.Sessions.EndPartnerTokens(ctx, id, now)
	}
	return c, err
}

// RevokePartner ends a partner: from the commit on it reaches nobody's books, and its
// tokens end. Where this fails in between, it is to be done again.
func (s *Service) RevokePartner(ctx context.Context, operator string, id loan.PartnerID, now time.Time) error {
	by, err := loan.ParseOperator(operator)
	if err != nil {
		return err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		partner, err := tx.LockPartner(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return ErrPartner
		}
		if err != nil || partner.RevokedAt != nil {
			return err
		}
		if err := tx.RevokePartner(ctx, id, now); err != nil {
			return err
		}
		return recordOperator(ctx, tx, now, by, "partner.revoked", id, nil)
	})
	if err != nil {
		return err
	}
	return s.Sessions.EndPartner(ctx, id)
}

// How often tokens may be asked for, with the right secret or not. That a secret
// cannot be guessed is held by its 256 bits. Nobody is shut out by what others do
// elsewhere: a client is counted at each address by itself.
var (
	tokensOfClient  = session.Limit{Name: "tokens", N: 60, Per: time.Minute}
	tokensByAddress = session.Limit{Name: "tokens by address", N: 120, Per: time.Minute}
)

// Why there is no token.
var (
	// ErrClient says that there is no such client, or that the secret is wrong.
	ErrClient = errors.New("servicing: no such client and secret")
	// ErrScope says that the client may not have what it asks for.
	ErrScope = errors.New("servicing: not the client's scopes")
)

// PartnerToken is a token of a partner, which is told once.
type PartnerToken struct {
	Token  string
	Scopes loan.Scopes
}

// IssueToken gives a partner a token for the scopes that it asks for; all of its own
// where it asks for none. An unknown client and a wrong secret cost the same. The error
// is [ErrClient], [ErrScope] or a [*session.RateLimited].
func (s *Service) IssueToken(ctx context.Context, clientID, secret, scopes string) (PartnerToken, error) {
	r := auth.RequestFrom(ctx)
	for _, count := range []struct {
		limit session.Limit
		key   string
	}{{tokensByAddress, r.Address}, {tokensOfClient, s.opaque("client", clientID, r.Address)}} {
		verdict, err := s.Sessions.Allow(ctx, r.At, count.limit, count.key)
		if err != nil {
			return PartnerToken{}, err
		}
		if !verdict.Allowed {
			return PartnerToken{}, &session.RateLimited{RetryAfter: verdict.RetryAfter}
		}
	}
	partner, hashes, err := s.Store.PartnerSecrets(ctx, partnerOf(clientID), r.At)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return PartnerToken{}, err
	}
	if !anyEqual(hashes, secretHash(secret)) {
		return PartnerToken{}, ErrClient
	}
	granted := partner.Scopes
	if scopes != "" {
		asked, known := loan.ParseScopes(scopes)
		if granted = asked.And(partner.Scopes); !known || len(asked) == 0 || len(granted) != len(asked) {
			return PartnerToken{}, ErrScope
		}
	}
	token, err := s.Sessions.CreatePartnerToken(ctx, r.At, partner.ID, granted)
	return PartnerToken{Token: token, Scopes: granted}, err
}

// anyEqual compares with each, or with one that is nobody's, and stops at none.
func anyEqual(hashes []string, hash string) bool {
	equal := subtle.ConstantTimeCompare([]byte(strings.Repeat("-", hex.EncodedLen(32))), []byte(hash))
	for _, h := range hashes {
		equal |= subtle.ConstantTimeCompare([]byte(h), []byte(hash))
	}
	return equal == 1
}

// useEvery is how often it is written that a grant is used.
const useEvery = time.Minute

// ActFor is who a partner is when it acts for a customer; [store.ErrNotFound] where the
// customer has granted it nothing, or does not exist.
func (s *Service) ActFor(ctx context.Context, partner auth.Partner, customer loan.CustomerID) (auth.Viewer, error) {
	grant, err := s.Store.PartnerGrant(ctx, customer, partner.ID)
	if err != nil {
		return auth.Viewer{}, err
	}
	now := auth.RequestFrom(ctx).At
	if grant.LastUsedAt == nil || now.Sub(*grant.LastUsedAt) >= useEvery {
		err := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.UseGrant(ctx, customer, grant.ID, now) })
		if err != nil {
			return auth.Viewer{}, err
		}
	}
	return auth.Viewer{
		CustomerID: customer, SessionID: partner.TokenID, Partner: partner.ID, Scopes: partner.Scopes.And(grant.Scopes).And(grant.Partner.Scopes),
	}, nil
}

// permitted refuses a partner that may not do something for the customer. What it may,
// it may until the transaction ends: a grant that is taken back meanwhile waits for it.
func permitted(ctx context.Context, tx *store.Tx, viewer auth.Viewer, scope loan.Scope) error {
	if viewer.Partner == 0 {
		return nil
	}
	grant, err := tx.ShareGrant(ctx, viewer.CustomerID, viewer.Partner)
	switch {
	case err != nil:
		return found(err, "customerId")
	case !viewer.Scopes.And(grant.Scopes).Has(scope):
		return &auth.Forbidden{Scope: scope}
	}
	return nil
}

// savedOnly refuses a partner that would pay from a new bank account: adding one is for
// the customer.
func savedOnly(viewer auth.Viewer, in *PaymentSourceInput) error {
	if viewer.Partner != 0 && newAccount(in) != nil {
		return loan.Refuse(loan.CodeNotPermitted, "A partner can pay from a saved bank account only.", "paymentAccount", "new")
	}
	return nil
}

// GrantPartnerAccess lets a partner act for the customer. What the partner was granted
// before, this replaces; where it is the same, nothing happens.
func (s *Service) GrantPartnerAccess(ctx context.Context, viewer auth.Viewer, in GrantPartnerAccessInput) (*loan.PartnerGrant, error) {
	if err := authorized(in.Consent, "consent"); err != nil {
		return nil, err
	}
	now := auth.RequestFrom(ctx).At
	return inStepUp(ctx, s, viewer, func(tx *store.Tx) (*loan.PartnerGrant, error) {
		partner, err := tx.SharePartner(ctx, in.PartnerID)
		if err != nil {
			return nil, found(err, "partnerId")
		}
		scopes := partner.Scopes.And(in.Scopes)
		if len(scopes) == 0 || slices.ContainsFunc(in.Scopes, func(s loan.Scope) bool { return !scopes.Has(s) }) {
			return nil, loan.Refuse(loan.CodeInvalidInput, "Choose one or more of what the partner asks for.", "scopes")
		}
		customer, err := tx.LockCustomer(ctx, viewer.CustomerID) // of two grants at once one comes after the other
		if err != nil {
			return nil, err
		}
		had := loan.Scopes{}
		switch before, err := tx.PartnerGrant(ctx, viewer.CustomerID, partner.ID); {
		case err == nil && slices.Equal(before.Scopes, scopes):
			return before, nil
		case err == nil:
			had = before.Scopes
			if err := tx.EndGrant(ctx, viewer.CustomerID, before.ID, now); err != nil {
				return nil, err
			}
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
		grant := &loan.PartnerGrant{CustomerID: viewer.CustomerID, Partner: partner, Scopes: scopes, GrantedAt: now}
		if err := tx.InsertGrant(ctx, grant); err != nil {
			return nil, err
		}
		tellOfGrant(tx, loan.GrantGiven, now, grant, had)
		if err := s.warn(ctx, tx, customer, loan.NoticePartnerGranted, map[string]string{"partner": partner.Name}); err != nil {
			return nil, err
		}
		return grant, record(ctx, tx, viewer, viewer.CustomerID, "partner.granted", ofPartner(partner.ID), newAuthorization(auth.RequestFrom(ctx).Language, partnerText(partner, scopes)))
	})
}

// RevokePartnerAccess takes back what the customer has granted a partner. After it is
// answered, the partner reaches nothing of theirs.
func (s *Service) RevokePartnerAccess(ctx context.Context, viewer auth.Viewer, in RevokePartnerAccessInput) (*loan.Customer, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Customer, error) {
		grants, err := tx.PartnerGrants(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(grants, func(g *loan.PartnerGrant) bool { return g.ID == in.GrantID })
		if at < 0 {
			return nil, loan.NotFound("grantId")
		}
		partner := grants[at].Partner
		if err := tx.EndGrant(ctx, viewer.CustomerID, in.GrantID, auth.RequestFrom(ctx).At); err != nil {
			return nil, found(err, "grantId")
		}
		tellOfGrant(tx, loan.GrantRevoked, auth.RequestFrom(ctx).At, grants[at])
		customer, err := tx.Customer(ctx, viewer.CustomerID)
		if err != nil {
			return nil, err
		}
		if err := s.warn(ctx, tx, customer, loan.NoticePartnerRevoked, map[string]string{"partner": partner.Name}); err != nil {
			return nil, err
		}
		return customer, record(ctx, tx, viewer, viewer.CustomerID, "partner.grant_revoked", ofPartner(partner.ID), struct{}{})
	})
}
