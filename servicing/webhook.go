package servicing

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
	"github.com/automobilepay/mobilepay/vault"
)

// Hooks pushes events to the endpoints of partners.
//
// Check MUST refuse what Push would never get through to. Push MUST end in less than
// [deliveryLease], MUST follow no redirect, and MUST NOT reach an address that is not on
// the internet, whatever a name leads to when it connects; the sandbox may allow its own.
type Hooks interface {
	Check(url string) error
	// Push sends an event, signed with each of the secrets, and with the trace of this try
	// in W3C's words, empty where it is not traced. failure is empty where the
	// endpoint has taken it; status is of its answer, 0 where there was none.
	Push(ctx context.Context, url string, secrets []string, traceparent string, e loan.PartnerEvent) (status int, failure loan.WebhookFailure)
}

const (
	// mostEndpoints a partner can have.
	mostEndpoints = 5
	// webhookGrace is for how long the secret before is used, too, where nobody says.
	webhookGrace = 24 * time.Hour
	// longestGrace is the longest that can be said, in hours.
	longestGrace = 7 * 24
	// WebhooksAtOnce is how many deliveries to one endpoint are made at a time, by all
	// processes together: one that is slow holds up nobody else, and none is overrun.
	WebhooksAtOnce = 4
	// deliveryLease is for how long a delivery is left to who has taken it.
	deliveryLease = 2 * time.Minute
	// partnerEventLife is how long what has happened is kept for partners: an endpoint
	// that was disabled can be mended and enabled.
	partnerEventLife = 30 * 24 * time.Hour
	// placedAtOnce are given places in one transaction.
	placedAtOnce = 1000
	gone         = 410 // of HTTP: it wants no more
)

// PartnerEventsFrom is the first day from which partners can read events.
func PartnerEventsFrom(now time.Time) loan.Date {
	return loan.DateOf(now.Add(-partnerEventLife)).AddDays(1)
}

// PartnerEvents lists up to limit events of a partner behind a place, in the order in
// which it is told.
func (s *Service) PartnerEvents(ctx context.Context, partner auth.Partner, place int64, limit int) ([]loan.PartnerEvent, error) {
	return s.Store.PartnerEventsAfter(ctx, partner.ID, place, limit)
}

// PlacePartnerEvents gives what has happened its place in what partners are told, and
// adds the deliveries to their endpoints. Several processes may call it at any time.
func (s *Service) PlacePartnerEvents(ctx context.Context, now time.Time) error {
	for {
		// Most of the time there is none, which should cost no transaction.
		if there, err := s.Store.Books().NewPartnerEvents(ctx); err != nil || !there {
			return err
		}
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
			_, err := tx.PlacePartnerEvents(ctx, now, placedAtOnce)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// tellOfGrant tells a partner that its grant has changed, where it may be told of events
// now or might before.
func tellOfGrant(tx *store.Tx, kind loan.EventKind, at time.Time, grant *loan.PartnerGrant, before ...loan.Scopes) {
	if slices.ContainsFunc(append(before, grant.Scopes), func(s loan.Scopes) bool { return s.Has(loan.ScopeEventsRead) }) {
		tx.InsertPartnerEvent(loan.PartnerEvent{PartnerID: grant.Partner.ID, CustomerID: grant.CustomerID, At: at, Kind: kind, SubjectID: int64(grant.ID)})
	}
}

// keeper is who changes an endpoint: its partner, an operator, or what sends to it.
type keeper struct {
	operator loan.Operator
	reason   string       // the operator's
	actor    string       // who is no operator
	tokenID  string       // of the partner
	request  auth.Request // in which it asks; empty of others
	disables loan.WebhookDisabled
}

func keptBy(ctx context.Context, partner auth.Partner) keeper {
	return keeper{actor: ofPartner(partner.ID), tokenID: partner.TokenID, request: auth.RequestFrom(ctx), disables: loan.DisabledByPartner}
}

func (k keeper) record(ctx context.Context, tx *store.Tx, now time.Time, action string, id loan.WebhookID, detail map[string]any) error {
	by := ByHand{Operator: k.operator, Reason: k.reason, At: now}
	if k.operator != "" {
		return recordByHand(ctx, tx, by, nobodysBooks, action, ofWebhook(id), detail)
	}
	entry, err := by.entry(nobodysBooks, action, ofWebhook(id), detail)
	if err != nil {
		return err
	}
	entry.Actor, entry.SessionID, entry.Address, entry.RequestID = k.actor, k.tokenID, k.request.Address, k.request.ID
	return tx.InsertAudit(ctx, entry)
}

func ofWebhook(id loan.WebhookID) string { return fmt.Sprintf("webhook:%d", id) }

// OpenedWebhook is an endpoint with a new secret, which is told once; empty where there
// is no new one.
type OpenedWebhook struct {
	Endpoint *loan.WebhookEndpoint
	Secret   string
}

// CreateWebhookEndpoint adds an endpoint of a partner. Where there is one with this URL,
// that is the answer, and no secret is told.
func (s *Service) CreateWebhookEndpoint(ctx context.Context, partner auth.Partner, in CreateWebhookEndpointInput) (OpenedWebhook, error) {
	return s.createWebhook(ctx, keptBy(ctx, partner), partner.ID, in.URL, auth.RequestFrom(ctx).At)
}

func (s *Service) createWebhook(ctx context.Context, k keeper, partner loan.PartnerID, address string, now time.Time) (opened OpenedWebhook, err error) {
	if err := s.Hooks.Check(address); err != nil {
		return opened, loan.Refuse(loan.CodeInvalidInput, "The URL begins with https:// and leads to the internet; it has no user, no fragment, no port but 443 and 8443, and at most 500 characters.", "url")
	}
	secret := newWebhookSecret()
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		opened = OpenedWebhook{}
		if p, err := tx.LockPartner(ctx, partner); errors.Is(err, store.ErrNotFound) || err == nil && p.RevokedAt != nil {
			return ErrPartner
		} else if err != nil {
			return err
		}
		there, err := tx.WebhookEndpoints(ctx, partner)
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(there, func(w *loan.WebhookEndpoint) bool { return w.URL == address }); at >= 0 {
			opened.Endpoint = there[at]
			return nil
		}
		if len(there) >= mostEndpoints {
			return loan.Refuse(loan.CodeInvalidInput, "There are five endpoints already. Delete one first.", "url")
		}
		opened = OpenedWebhook{&loan.WebhookEndpoint{PartnerID: partner, URL: address, CreatedAt: now}, secret}
		if err := tx.InsertWebhookEndpoint(ctx, opened.Endpoint); err != nil {
			return err
		}
		if err := s.replaceWebhookSecret(ctx, tx, opened.Endpoint, secret, now, now); err != nil {
			return err
		}
		return k.record(ctx, tx, now, "webhook.created", opened.Endpoint.ID, nil)
	})
	return opened, err
}

// newWebhookSecret is 256 random bits as Standard Webhooks spells them.
func newWebhookSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // does not fail
	return "whsec_" + base64.StdEncoding.EncodeToString(random[:])
}

func (s *Service) replaceWebhookSecret(ctx context.Context, tx *store.Tx, w *loan.WebhookEndpoint, secret string, now, until time.Time) error {
	sealed, err := s.Vault.Seal(secret, webhookBinding(w.PartnerID, fmt.Sprint(int64(w.ID))))
	if err != nil {
		return fmt.Errorf("seal the secret of an endpoint: %w", err)
	}
	return tx.ReplaceWebhookSecret(ctx, w, sealed, now, until)
}

// webhookBinding ties a secret to its endpoint.
func webhookBinding(partner loan.PartnerID, endpoint string) string {
	return fmt.Sprintf("webhook:%d:%s", partner, endpoint)
}

// unsealWebhook opens the secrets of an endpoint.
func unsealWebhook(v *vault.Vault, w *loan.WebhookEndpoint, sealed [][]byte) ([]string, error) {
	secrets := make([]string, len(sealed))
	for i, text := range sealed {
		var err error
		if secrets[i], err = v.Unseal(text, webhookBinding(w.PartnerID, fmt.Sprint(int64(w.ID)))); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

// RotateWebhookSecret gives an endpoint a new secret. What is sent is signed with the one
// before, too, for as many hours as the input says.
func (s *Service) RotateWebhookSecret(ctx context.Context, partner auth.Partner, in RotateWebhookSecretInput) (OpenedWebhook, error) {
	grace := webhookGrace
	if in.GraceHours != nil {
		if *in.GraceHours < 0 || *in.GraceHours > longestGrace {
			return OpenedWebhook{}, loan.Refuse(loan.CodeInvalidInput, "The old secret can be used for 0 to 168 hours more.", "graceHours")
		}
		grace = time.Duration(*in.GraceHours) * time.Hour
	}
	return s.rotateWebhook(ctx, keptBy(ctx, partner), partner.ID, in.EndpointID, grace, auth.RequestFrom(ctx).At)
}

func (s *Service) rotateWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, grace time.Duration, now time.Time) (OpenedWebhook, error) {
	secret := newWebhookSecret()
	w, err := s.changeWebhook(ctx, k, partner, id, now, "webhook.rotated", map[string]any{"grace": grace.String()}, func(tx *store.Tx, w *loan.WebhookEndpoint) error {
		return s.replaceWebhookSecret(ctx, tx, w, secret, now, now.Add(grace))
	})
	if err != nil {
		return OpenedWebhook{}, err
	}
	return OpenedWebhook{w, secret}, nil
}

// changeWebhook changes an endpoint of a partner, with an audit row.
func (s *Service) changeWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, now time.Time, action string, detail map[string]any, do func(*store.Tx, *loan.WebhookEndpoint) error) (*loan.WebhookEndpoint, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.WebhookEndpoint, error) {
		w, err := tx.LockWebhookEndpoint(ctx, partner, id)
		if err != nil {
			return nil, found(err, "endpointId")
		}
		if err := do(tx, w); err != nil {
			return nil, err
		}
		return w, k.record(ctx, tx, now, action, id, detail)
	})
}

// DisableWebhookEndpoint lets events wait for an endpoint until it is enabled.
func (s *Service) DisableWebhookEndpoint(ctx context.Context, partner auth.Partner, in DisableWebhookEndpointInput) (*loan.WebhookEndpoint, error) {
	return s.disableWebhook(ctx, keptBy(ctx, partner), partner.ID, in.EndpointID, auth.RequestFrom(ctx).At)
}

func (s *Service) disableWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, now time.Time) (*loan.WebhookEndpoint, error) {
	return s.changeWebhook(ctx, k, partner, id, now, "webhook.disabled", map[string]any{"why": k.disables}, func(tx *store.Tx, w *loan.WebhookEndpoint) error {
		if w.DisabledAt != nil {
			return nil
		}
		w.DisabledAt, w.DisabledWhy = &now, k.disables
		return tx.DisableWebhookEndpoint(ctx, id, k.disables, now)
	})
}

// EnableWebhookEndpoint sends an endpoint what has waited for it, and what comes.
func (s *Service) EnableWebhookEndpoint(ctx context.Context, partner auth.Partner, in EnableWebhookEndpointInput) (*loan.WebhookEndpoint, error) {
	return s.enableWebhook(ctx, keptBy(ctx, partner), partner.ID, in.EndpointID, auth.RequestFrom(ctx).At)
}

func (s *Service) enableWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, now time.Time) (*loan.WebhookEndpoint, error) {
	return s.changeWebhook(ctx, k, partner, id, now, "webhook.enabled", nil, func(tx *store.Tx, w *loan.WebhookEndpoint) error {
		w.DisabledAt, w.DisabledWhy, w.FailingSince = nil, "", nil
		return tx.EnableWebhookEndpoint(ctx, id, now)
	})
}

// DeleteWebhookEndpoint ends an endpoint, with what waits for it.
// It answers those that are left.
func (s *Service) DeleteWebhookEndpoint(ctx context.Context, partner auth.Partner, in DeleteWebhookEndpointInput) ([]*loan.WebhookEndpoint, error) {
	if err := s.deleteWebhook(ctx, keptBy(ctx, partner), partner.ID, in.EndpointID, auth.RequestFrom(ctx).At); err != nil {
		return nil, err
	}
	return s.WebhookEndpoints(ctx, partner)
}

// WebhookEndpoints lists the endpoints of a partner.
func (s *Service) WebhookEndpoints(ctx context.Context, partner auth.Partner) ([]*loan.WebhookEndpoint, error) {
	return s.Store.WebhookEndpoints(ctx, partner.ID)
}

// WebhookDeliveries lists up to limit deliveries to an endpoint of a partner before a
// place, the latest event first.
func (s *Service) WebhookDeliveries(ctx context.Context, partner auth.Partner, id loan.WebhookID, before int64, limit int) ([]*loan.WebhookDelivery, error) {
	return s.Store.Deliveries(ctx, partner.ID, id, before, limit)
}

func (s *Service) deleteWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, now time.Time) error {
	_, err := s.changeWebhook(ctx, k, partner, id, now, "webhook.deleted", nil, func(tx *store.Tx, _ *loan.WebhookEndpoint) error {
		return tx.DeleteWebhookEndpoint(ctx, id, now)
	})
	return err
}

// ReplayWebhook sends an endpoint all events behind a place, under the ids that they
// have, and tells how many there are.
func (s *Service) ReplayWebhook(ctx context.Context, partner auth.Partner, id loan.WebhookID, place int64) (n *int, err error) {
	now := auth.RequestFrom(ctx).At
	events, err := s.replayWebhook(ctx, keptBy(ctx, partner), partner.ID, id, now, nil, func(tx *store.Tx, _ *loan.WebhookEndpoint) (int64, error) {
		return tx.ReplayDeliveries(ctx, id, place, now)
	})
	if err != nil {
		return nil, err
	}
	return &events, nil
}

// replayWebhook lets deliveries to an endpoint be made anew, as again does, which tells
// how many there are.
func (s *Service) replayWebhook(ctx context.Context, k keeper, partner loan.PartnerID, id loan.WebhookID, now time.Time, detail map[string]any, again func(*store.Tx, *loan.WebhookEndpoint) (int64, error)) (n int, err error) {
	_, err = s.changeWebhook(ctx, k, partner, id, now, "webhook.replayed", detail, func(tx *store.Tx, w *loan.WebhookEndpoint) error {
		events, err := again(tx, w)
		n = int(events)
		return err
	})
	return n, err
}

// Resend says which deliveries to an endpoint are made anew.
type Resend struct {
	// Events are those whose deliveries are, however far these have got.
	Events []loan.PartnerEventID
	// FailedSince is where there are no events: all whose last try failed then or later, of
	// those that were given up and of those that wait to be tried again.
	FailedSince time.Time
}

// ResendWebhook lets deliveries to an endpoint be made anew for an operator, all of them or
// none, and tells how many there are.
// Refusals: NOT_FOUND, of the endpoint or of an event that is not for it or no longer
// kept; WEBHOOK_DISABLED.
func (s *Service) ResendWebhook(ctx context.Context, h ByHand, id loan.WebhookID, which Resend) (int, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	partner, err := s.Store.Books().PartnerOfWebhook(ctx, id)
	if err != nil {
		return 0, found(err, "endpointId")
	}
	events := slices.Compact(slices.Sorted(slices.Values(which.Events)))
	detail := map[string]any{"events": events}
	if len(events) == 0 {
		detail = map[string]any{"failedSince": which.FailedSince.UTC()}
	}
	k := keeper{operator: h.Operator, reason: h.Reason}
	return s.replayWebhook(ctx, k, partner, id, h.At, detail, func(tx *store.Tx, w *loan.WebhookEndpoint) (int64, error) {
		if w.DisabledAt != nil {
			return 0, loan.Refuse(loan.CodeWebhookDisabled, "This endpoint is disabled: nothing is sent to it. Enable it first, which sends what has waited.")
		}
		if _, err := tx.SharePartner(ctx, partner); errors.Is(err, store.ErrNotFound) {
			return 0, loan.Refuse(loan.CodeWebhookDisabled, "The partner was revoked: nothing is sent to it.")
		} else if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			return tx.ResendFailed(ctx, id, which.FailedSince, h.At)
		}
		n, err := tx.ResendDeliveries(ctx, id, events, h.At)
		if err == nil && n < int64(len(events)) {
			err = loan.NotFound("eventId")
		}
		return n, err
	})
}

// deliveriesShown is how many deliveries an operator is shown.
const deliveriesShown = 60

// LatestDeliveries lists the latest deliveries to an endpoint, whosever it is, for an
// operator. Refusal: NOT_FOUND.
func (s *Service) LatestDeliveries(ctx context.Context, id loan.WebhookID) ([]*loan.WebhookDelivery, error) {
	partner, err := s.Store.Books().PartnerOfWebhook(ctx, id)
	if err != nil {
		return nil, found(err, "endpointId")
	}
	return s.Store.Deliveries(ctx, partner, id, math.MaxInt64, deliveriesShown)
}

// Webhooks are the endpoints of partners in the hands of an operator.
type Webhooks struct {
	s        *Service
	operator loan.Operator
}

// WebhooksAs lets an operator look after the endpoints of partners. Refusal: INVALID_INPUT, of the name.
func (s *Service) WebhooksAs(operator string) (Webhooks, error) {
	by, err := loan.ParseOperator(operator)
	return Webhooks{s, by}, err
}

// ErrWebhook says that there is no such endpoint.
var ErrWebhook = errors.New("there is no such endpoint")

func (h Webhooks) keeper() keeper {
	return keeper{operator: h.operator, disables: loan.DisabledByOperator}
}

// ErrContact says that an address is none.
var ErrContact = errors.New("it is not an e-mail address")

// Contact says to whom at a partner is written when an endpoint is disabled; to nobody
// where the address is empty.
func (h Webhooks) Contact(ctx context.Context, partner loan.PartnerID, address string, now time.Time) error {
	if address != "" {
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || len(address) > 254 {
			return ErrContact
		}
	}
	return h.s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetPartnerContact(ctx, partner, address); errors.Is(err, store.ErrNotFound) {
			return ErrPartner
		} else if err != nil {
			return err
		}
		return recordOperator(ctx, tx, now, h.operator, "partner.contact_changed", partner, nil)
	})
}

// Create adds an endpoint of a partner.
func (h Webhooks) Create(ctx context.Context, partner loan.PartnerID, address string, now time.Time) (OpenedWebhook, error) {
	return h.s.createWebhook(ctx, h.keeper(), partner, address, now)
}

// Rotate gives an endpoint a new secret.
func (h Webhooks) Rotate(ctx context.Context, id loan.WebhookID, grace time.Duration, now time.Time) (opened OpenedWebhook, err error) {
	err = h.of(ctx, id, func(partner loan.PartnerID) error {
		opened, err = h.s.rotateWebhook(ctx, h.keeper(), partner, id, grace, now)
		return err
	})
	return opened, err
}

// Disable lets events wait for an endpoint.
func (h Webhooks) Disable(ctx context.Context, id loan.WebhookID, now time.Time) error {
	return h.of(ctx, id, func(partner loan.PartnerID) error {
		_, err := h.s.disableWebhook(ctx, h.keeper(), partner, id, now)
		return err
	})
}

// Enable sends an endpoint what has waited for it.
func (h Webhooks) Enable(ctx context.Context, id loan.WebhookID, now time.Time) error {
	return h.of(ctx, id, func(partner loan.PartnerID) error {
		_, err := h.s.enableWebhook(ctx, h.keeper(), partner, id, now)
		return err
	})
}

// Delete ends an endpoint.
func (h Webhooks) Delete(ctx context.Context, id loan.WebhookID, now time.Time) error {
	return h.of(ctx, id, func(partner loan.PartnerID) error {
		return h.s.deleteWebhook(ctx, h.keeper(), partner, id, now)
	})
}

func (h Webhooks) of(ctx context.Context, id loan.WebhookID, do func(loan.PartnerID) error) error {
	partner, err := h.s.Store.Books().PartnerOfWebhook(ctx, id)
	if err == nil {
		err = do(partner)
	}
	if errors.Is(err, store.ErrNotFound) || errors.As(err, new(loan.UserError)) {
		err = ErrWebhook
	}
	return err
}

// WebhooksDue lists the endpoints to which something is to be sent.
func (s *Service) WebhooksDue(ctx context.Context, now time.Time) ([]loan.WebhookID, error) {
	return s.Store.Books().WebhooksDue(ctx, now)
}

// DeliverWebhook sends an endpoint the next event that is due, and tells whether there can
// be another one to send at once. It may be called at any time and by several processes.
// An event is sent at least once: where a process dies between sending it and writing
// that it has, it is sent again, under the same id. Of one payment, an event waits until
// the one before has been taken or given up.
func (s *Service) DeliverWebhook(ctx context.Context, id loan.WebhookID, now time.Time) (next bool, err error) {
	var d *store.ClaimedDelivery
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) (err error) {
		d, err = tx.ClaimDelivery(ctx, id, now, now.Add(deliveryLease), WebhooksAtOnce)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	secrets, err := unsealWebhook(s.Vault, &d.Endpoint, d.Secrets)
	if err != nil {
		return false, err
	}
	ctx = context.WithoutCancel(ctx) // an event that is under way gets to its end
	sending, sent := telemetry.Within(ctx, "webhook sent", attribute.Int64("mobilepay.webhook.id", int64(id)), attribute.Int("mobilepay.try", d.Tries))
	status, failure := s.Hooks.Push(sending, d.Endpoint.URL, secrets, telemetry.Traceparent(sending), d.Event)
	sent(failureError(failure))
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		if failure == "" {
			return tx.DeliveryMade(ctx, d, now, status)
		}
		return s.deliveryFailed(ctx, tx, d, now, status, failure)
	})
	if errors.Is(err, store.ErrNotFound) { // somebody else has taken it meanwhile, or the endpoint is deleted
		err = nil
	}
	return err == nil, err
}

// errNotTaken is what a trace is told of a try that failed.
var errNotTaken = errors.New("the endpoint has not taken it")

func failureError(failure loan.WebhookFailure) error {
	if failure == "" {
		return nil
	}
	return errNotTaken
}

// deliveryFailed writes that an endpoint has not taken an event. An endpoint that has
// taken none for three days, or wants no more, is disabled: then nothing is given up,
// as all of it waits.
func (s *Service) deliveryFailed(ctx context.Context, tx *store.BooksTx, d *store.ClaimedDelivery, now time.Time, answered int, failure loan.WebhookFailure) error {
	var status *int
	if answered != 0 {
		status = &answered
	}
	since, err := tx.WebhookFails(ctx, d.Endpoint.ID, now)
	if err != nil {
		return err
	}
	why := loan.WebhookDisabled("")
	switch {
	case answered == gone:
		why = loan.DisabledGone
	case now.Sub(since) >= loan.WebhookPatience:
		why = loan.DisabledFailing
	}
	next, again := loan.RetryWebhook(now, *d.FirstTryAt, d.Tries)
	if why == "" && !again {
		return tx.DeliveryGivenUp(ctx, d, status, failure)
	}
	if !again {
		next = now
	}
	if err := tx.PostponeDelivery(ctx, d, next, status, failure); err != nil || why == "" {
		return err
	}
	err = tx.DisableWebhookEndpoint(ctx, d.Endpoint.ID, why, now)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is already
	}
	if err != nil {
		return err
	}
	return s.tellOfDisabled(ctx, tx, d, now, why)
}

// tellOfDisabled tells operators that an endpoint is disabled, by the list that they work
// off, and the partner by e-mail, where it has said to whom.
func (s *Service) tellOfDisabled(ctx context.Context, tx *store.BooksTx, d *store.ClaimedDelivery, now time.Time, why loan.WebhookDisabled) error {
	err := tx.InsertException(ctx, store.Exception{
		Source: ofWebhook(d.Endpoint.ID), Kind: "webhook endpoint disabled", CreatedAt: now,
		Detail: fmt.Sprintf("%s of %s: %s since %s", ofWebhook(d.Endpoint.ID), ofPartner(d.Endpoint.PartnerID), why, now.UTC().Format(time.RFC3339)),
	})
	if err != nil {
		return err
	}
	if d.Contact != "" {
		err := s.notify(ctx, tx.Tx, now, notice{
			kind: loan.NoticeWebhookDisabled, channel: loan.ByEmail, address: d.Contact, subject: ofWebhook(d.Endpoint.ID),
			values: map[string]string{"firstName": d.Partner, "partner": d.Partner, "host": hostOf(d.Endpoint.URL), "why": string(why)},
		})
		if err != nil {
			return err
		}
	}
	return keeper{actor: "webhooks"}.record(ctx, tx.Tx, now, "webhook.disabled", d.Endpoint.ID, map[string]any{"why": why})
}

// hostOf is what a letter names of a URL: the rest may be a secret of the partner's, and
// letters have no links.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ForgetPartnerEvents drops the events for partners whose time is over, some in each
// transaction.
func (s *Service) ForgetPartnerEvents(ctx context.Context, now time.Time) error {
	for {
		var some int64
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) (err error) {
			some, err = tx.ForgetPartnerEvents(ctx, now.Add(-partnerEventLife))
			return err
		})
		if err != nil || some == 0 {
			return err
		}
	}
}
