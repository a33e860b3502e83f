package store_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

const (
	lease = 2 * time.Minute
	most  = 4
)

// addEndpoint opens an endpoint of a partner, with a secret.
func (b *books) addEndpoint(p *loan.Partner, url string) *loan.WebhookEndpoint {
	b.t.Helper()
	w := &loan.WebhookEndpoint{PartnerID: p.ID, URL: url, CreatedAt: noon}
	b.tx(func(tx *store.BooksTx) {
		must(b.t, tx.InsertWebhookEndpoint(b.t.Context(), w))
		must(b.t, tx.ReplaceWebhookSecret(b.t.Context(), w, []byte{0, 255, '\''}, noon, noon))
	})
	return w
}

// claimed takes the next delivery to an endpoint; nil where there is none.
func (b *books) claimed(w *loan.WebhookEndpoint, at time.Time) (d *store.ClaimedDelivery) {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) {
		var err error
		if d, err = tx.ClaimDelivery(b.t.Context(), w.ID, at, at.Add(lease), most); errors.Is(err, store.ErrNotFound) {
			d, err = nil, nil
		}
		must(b.t, err)
	})
	return d
}

// made writes that a delivery was made.
func (b *books) made(d *store.ClaimedDelivery, at time.Time) {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) { must(b.t, tx.DeliveryMade(b.t.Context(), d, at, 204)) })
}

// deliverAll makes all deliveries that are due, and tells of which subjects they are.
func (b *books) deliverAll(w *loan.WebhookEndpoint, at time.Time) (subjects []int64) {
	b.t.Helper()
	for d := b.claimed(w, at); d != nil; d = b.claimed(w, at) {
		subjects = append(subjects, d.Event.SubjectID)
		b.made(d, at)
	}
	return subjects
}

// delivery reads a delivery as its partner does.
func (b *books) delivery(w *loan.WebhookEndpoint, subject int64) *loan.WebhookDelivery {
	b.t.Helper()
	list, err := b.Deliveries(b.t.Context(), w.PartnerID, w.ID, math.MaxInt64, 100)
	must(b.t, err)
	for _, d := range list {
		if d.Event.SubjectID == subject {
			return d
		}
	}
	b.t.Fatalf("there is no delivery of %d", subject)
	return nil
}

func due(t *testing.T, b *books, at time.Time) []loan.WebhookID {
	t.Helper()
	list, err := b.Books().WebhooksDue(t.Context(), at)
	must(t, err)
	return list
}

// A delivery is nobody else's until its lease is over; then another one has it, and who
// had it can only say that it was made.
func TestClaimDelivery(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		p := b.addPartner("A "+awkward, b.owner)
		w := b.addEndpoint(p, "https://a.example")
		b.tx(func(tx *store.BooksTx) { must(t, tx.SetPartnerContact(ctx, p.ID, "hooks@a.example")) })
		b.tell(b.owner, b.vehicle, 1, noon)
		b.tell(b.owner, b.vehicle, 2, noon)
		b.place(100)
		if early := noon.Add(-time.Microsecond); len(due(t, b, early)) != 0 || b.claimed(w, early) != nil {
			t.Error("one is taken before its time")
		}
		same(t, due(t, b, noon), []loan.WebhookID{w.ID})
		first, second := b.claimed(w, noon), b.claimed(w, noon)
		if first == nil || second == nil || b.claimed(w, noon) != nil || len(due(t, b, noon)) != 0 {
			t.Fatalf("taken are %+v and %+v", first, second)
		}
		events, err := b.PartnerEventsAfter(ctx, p.ID, 0, 10)
		must(t, err)
		same(t, first.Event, events[0])
		same(t, first.Endpoint, *w)
		if first.Partner != p.Name || first.Contact != "hooks@a.example" || len(first.Secrets) != 1 || first.Tries != 1 || !first.FirstTryAt.Equal(noon) {
			t.Errorf("taken is %+v", first)
		}
		b.made(second, noon.Add(time.Second))
		if b.claimed(w, noon.Add(lease-time.Microsecond)) != nil {
			t.Error("it is taken before its lease is over")
		}
		again := b.claimed(w, noon.Add(lease))
		if again == nil || again.ID != first.ID || again.Tries != 2 || !again.FirstTryAt.Equal(noon) {
			t.Fatalf("then taken is %+v", again)
		}
		refused := func(do func(tx *store.BooksTx) error) {
			t.Helper()
			wantError(t, b.InBooks(ctx, do), store.ErrNotFound)
		}
		refused(func(tx *store.BooksTx) error {
			return tx.PostponeDelivery(ctx, first, noon.Add(time.Hour), nil, loan.FailedTimeout)
		})
		refused(func(tx *store.BooksTx) error { return tx.DeliveryGivenUp(ctx, first, nil, loan.FailedTimeout) })
		b.made(first, noon.Add(lease+time.Second)) // late, and true
		refused(func(tx *store.BooksTx) error { return tx.DeliveryMade(ctx, again, noon, 200) })
		refused(func(tx *store.BooksTx) error {
			return tx.PostponeDelivery(ctx, again, noon.Add(time.Hour), nil, loan.FailedTimeout)
		})
		if d := b.delivery(w, 1); d.Status() != loan.DeliveryDelivered || d.Tries != 2 || *d.LastStatus != 204 || d.LastFailure != "" || b.claimed(w, noon.Add(time.Hour)) != nil {
			t.Errorf("it is %+v", d)
		}
	})
}

// Of one object an event waits until the one before has ended, however long that waits;
// another object's passes.
func TestDeliveriesAreInOrderByObject(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		w := b.addEndpoint(b.addPartner("A", b.owner), "https://a.example")
		for _, kind := range []loan.EventKind{loan.PaymentScheduled, loan.PaymentApplied, loan.PaymentSettled} {
			b.tx(func(tx *store.BooksTx) {
				tx.InsertEvents(store.Event{CustomerID: b.owner, VehicleID: b.vehicle, At: noon, Kind: kind, SubjectID: 1})
			})
		}
		b.tell(b.owner, b.vehicle, 2, noon)
		b.place(100)
		first, other := b.claimed(w, noon), b.claimed(w, noon)
		if first.Event.Kind != loan.PaymentScheduled || other.Event.SubjectID != 2 || b.claimed(w, noon) != nil {
			t.Fatalf("taken are %+v and %+v", first.Event, other.Event)
		}
		b.made(other, noon)
		status := 500
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.PostponeDelivery(ctx, first, noon.Add(time.Hour), &status, loan.FailedStatus))
		})
		if b.claimed(w, noon.Add(time.Hour-time.Microsecond)) != nil {
			t.Error("a later one is taken while an earlier one waits")
		}
		first = b.claimed(w, noon.Add(time.Hour))
		b.tx(func(tx *store.BooksTx) { must(t, tx.DeliveryGivenUp(ctx, first, &status, loan.FailedStatus)) })
		for _, want := range []loan.EventKind{loan.PaymentApplied, loan.PaymentSettled} {
			d := b.claimed(w, noon.Add(time.Hour))
			if d == nil || d.Event.Kind != want || b.claimed(w, noon.Add(time.Hour)) != nil {
				t.Fatalf("then taken is %+v, want %s", d, want)
			}
			b.made(d, noon.Add(time.Hour))
		}
	})
}

// At the most four are under way to an endpoint, however many processes take them at a
// time; one that has ended, or whose lease is over, makes room.
func TestDeliveriesUnderWay(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		p := b.addPartner("A", b.owner)
		w, other := b.addEndpoint(p, "https://a.example"), b.addEndpoint(p, "https://a.example/other")
		for subject := range int64(9) {
			b.tell(b.owner, b.vehicle, 1+subject, noon)
		}
		b.place(100)
		another := openURL(t, b.url, store.Options{}) // as another process does
		var group sync.WaitGroup
		var mu sync.Mutex
		var taken []*store.ClaimedDelivery
		for n := range 10 {
			group.Go(func() {
				s := []*store.Store{b.Store, another}[n%2]
				err := s.InBooks(t.Context(), func(tx *store.BooksTx) error {
					d, err := tx.ClaimDelivery(t.Context(), w.ID, noon, noon.Add(lease), most)
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						taken = append(taken, d)
					}
					return err
				})
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(taken) != most {
			t.Fatalf("%d are under way", len(taken))
		}
		for range most {
			if b.claimed(other, noon) == nil {
				t.Error("one endpoint holds up another")
			}
		}
		same(t, due(t, b, noon), []loan.WebhookID{w.ID, other.ID})
		b.made(taken[0], noon)
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.PostponeDelivery(t.Context(), taken[1], noon.Add(time.Hour), nil, loan.FailedTimeout))
			must(t, tx.DeliveryGivenUp(t.Context(), taken[2], nil, loan.FailedTimeout))
		})
		for range 3 {
			if b.claimed(w, noon.Add(time.Second)) == nil {
				t.Error("there is no room after one has ended")
			}
		}
		if b.claimed(w, noon.Add(time.Second)) != nil {
			t.Error("a fifth is under way")
		}
		if b.claimed(w, noon.Add(lease)) == nil || b.claimed(w, noon.Add(lease)) != nil { // of taken[3] alone
			t.Error("one lease that is over makes room for another number than one")
		}
	})
}

// To an endpoint that is disabled or deleted, or whose partner was revoked, nothing is
// sent; enabled again it gets what has waited, at once.
func TestDisabledWebhook(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		p := b.addPartner("A", b.owner)
		w := b.addEndpoint(p, "https://a.example")
		b.tell(b.owner, b.vehicle, 1, noon)
		b.place(100)
		status := 500
		d := b.claimed(w, noon)
		b.tx(func(tx *store.BooksTx) {
			for range 2 { // the first failure counts
				since, err := tx.WebhookFails(ctx, w.ID, noon.Add(time.Second))
				must(t, err)
				same(t, since.UTC(), noon.Add(time.Second))
			}
			must(t, tx.PostponeDelivery(ctx, d, noon.Add(8*time.Hour), &status, loan.FailedStatus))
			must(t, tx.DisableWebhookEndpoint(ctx, w.ID, loan.DisabledFailing, noon.Add(time.Minute)))
		})
		err := b.InBooks(ctx, func(tx *store.BooksTx) error {
			return tx.DisableWebhookEndpoint(ctx, w.ID, loan.DisabledByPartner, noon.Add(time.Hour))
		})
		wantError(t, err, store.ErrNotFound)
		failing, disabled := noon.Add(time.Second), noon.Add(time.Minute)
		w.FailingSince, w.DisabledAt, w.DisabledWhy = &failing, &disabled, loan.DisabledFailing
		filled(t, *w)
		list, err := b.WebhookEndpoints(ctx, p.ID)
		must(t, err)
		same(t, list, []*loan.WebhookEndpoint{w})
		b.tell(b.owner, b.vehicle, 2, noon)
		b.place(100)
		later := noon.AddDate(0, 0, 1)
		if len(due(t, b, later)) != 0 || b.claimed(w, later) != nil {
			t.Error("a disabled endpoint is sent something")
		}
		b.tx(func(tx *store.BooksTx) { must(t, tx.EnableWebhookEndpoint(ctx, w.ID, noon.Add(2*time.Minute))) })
		w.FailingSince, w.DisabledAt, w.DisabledWhy = nil, nil, ""
		list, err = b.WebhookEndpoints(ctx, p.ID)
		must(t, err)
		same(t, list, []*loan.WebhookEndpoint{w})
		d = b.claimed(w, noon.Add(2*time.Minute))
		if d == nil || d.Tries != 1 || !d.FirstTryAt.Equal(noon.Add(2*time.Minute)) {
			t.Fatalf("enabled, it is sent %+v", d)
		}
		b.made(d, noon.Add(2*time.Minute))
		if got := b.deliverAll(w, noon.Add(2*time.Minute)); len(got) != 1 {
			t.Errorf("then %v", got)
		}
		// One success ends the failing.
		b.tell(b.owner, b.vehicle, 3, noon)
		b.place(100)
		b.tx(func(tx *store.BooksTx) {
			_, err := tx.WebhookFails(ctx, w.ID, noon)
			must(t, err)
		})
		b.made(b.claimed(w, noon), noon)
		if list, err = b.Books().WebhookEndpoints(ctx); err != nil || len(list) != 1 || list[0].FailingSince != nil {
			t.Errorf("it is %s, %v", text(t, list), err)
		}
		b.tell(b.owner, b.vehicle, 4, noon)
		b.place(100)
		b.tx(func(tx *store.BooksTx) { must(t, tx.RevokePartner(ctx, p.ID, noon)) })
		if len(due(t, b, later)) != 0 || b.claimed(w, later) != nil {
			t.Error("a partner that was revoked is sent something")
		}
		b.tx(func(tx *store.BooksTx) { must(t, tx.DeleteWebhookEndpoint(ctx, w.ID, noon)) })
		if n := b.count("SELECT COUNT(*) FROM webhook_deliveries") + b.count("SELECT COUNT(*) FROM webhook_secrets"); n != 0 {
			t.Errorf("%d rows of a deleted endpoint are left", n)
		}
	})
}

// Two secrets sign at the most, each until its end, to the microsecond; the latest is
// the first.
func TestWebhookSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		p := b.addPartner("A", b.owner)
		w, other := b.addEndpoint(p, "https://a.example"), b.addEndpoint(p, "https://a.example/other")
		b.tell(b.owner, b.vehicle, 1, noon)
		b.place(100)
		signs := func(at time.Time, want ...string) {
			t.Helper()
			b.raw("UPDATE webhook_deliveries SET next_try_at = $1", noon)
			var got []string
			for _, sealed := range b.claimed(w, at).Secrets {
				got = append(got, string(sealed))
			}
			if !slices.Equal(got, want) {
				t.Errorf("at %s there are %q, want %q", at, got, want)
			}
		}
		rotate := func(sealed string, until time.Time) {
			t.Helper()
			b.tx(func(tx *store.BooksTx) { must(t, tx.ReplaceWebhookSecret(t.Context(), w, []byte(sealed), noon, until)) })
		}
		first := "\x00\xff'"
		signs(noon, first)
		rotate("second", noon.Add(time.Hour))
		signs(noon.Add(time.Hour-time.Microsecond), "second", first)
		signs(noon.Add(time.Hour), "second")
		rotate("third", noon.Add(time.Hour))
		signs(noon, "third", "second")
		rotate("fourth", noon)
		signs(noon, "fourth")
		same(t, b.count("SELECT COUNT(*) FROM webhook_secrets WHERE endpoint_id = $1", other.ID), 1)
	})
}

// Another partner's endpoint is as one that does not exist, and so are one that is
// deleted and what is sent to them.
func TestWebhookOfAnotherPartner(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		p, other := b.addPartner("A", b.owner), b.addPartner("B", b.owner)
		w, gone := b.addEndpoint(p, "https://a.example"), b.addEndpoint(p, "https://a.example/gone")
		theirs := b.addEndpoint(other, "https://a.example") // the same URL is another endpoint
		b.tell(b.owner, b.vehicle, 1, noon)
		b.place(100)
		b.tx(func(tx *store.BooksTx) { must(t, tx.DeleteWebhookEndpoint(ctx, gone.ID, noon)) })
		for _, look := range []struct {
			partner loan.PartnerID
			id      loan.WebhookID
			there   bool
		}{{p.ID, w.ID, true}, {other.ID, w.ID, false}, {p.ID, gone.ID, false}, {p.ID, 4711, false}, {other.ID, theirs.ID, true}} {
			err := b.InBooks(ctx, func(tx *store.BooksTx) error {
				_, err := tx.LockWebhookEndpoint(ctx, look.partner, look.id)
				return err
			})
			deliveries, failed := b.Deliveries(ctx, look.partner, look.id, math.MaxInt64, 10)
			must(t, failed)
			if look.there {
				must(t, err)
			} else {
				wantError(t, err, store.ErrNotFound)
			}
			if (len(deliveries) == 1) != look.there {
				t.Errorf("%+v: %s", look, text(t, deliveries))
			}
		}
		list, err := b.WebhookEndpoints(ctx, p.ID)
		must(t, err)
		same(t, list, []*loan.WebhookEndpoint{w})
		list, err = b.Books().WebhookEndpoints(ctx)
		must(t, err)
		same(t, list, []*loan.WebhookEndpoint{w, theirs})
		owner, err := b.Books().PartnerOfWebhook(ctx, theirs.ID)
		must(t, err)
		same(t, owner, other.ID)
		_, err = b.Books().PartnerOfWebhook(ctx, 4711)
		wantError(t, err, store.ErrNotFound)
		err = b.InBooks(ctx, func(tx *store.BooksTx) error {
			return tx.InsertWebhookEndpoint(ctx, &loan.WebhookEndpoint{PartnerID: p.ID, URL: w.URL, CreatedAt: noon})
		})
		wantError(t, err, store.ErrConflict)
		b.addEndpoint(p, gone.URL) // of a deleted one the URL is free
	})
}

// All behind a place, some events or what has failed are sent again, and for the first
// time what is from before there was the endpoint; to this endpoint alone.
func TestReplayDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		p, other := b.addPartner("A", b.owner), b.addPartner("B", b.owner)
		b.tell(b.owner, b.vehicle, 1, noon)
		b.tell(b.owner, b.vehicle, 2, noon)
		b.place(100) // before there is an endpoint
		w, beside := b.addEndpoint(p, "https://a.example"), b.addEndpoint(p, "https://a.example/beside")
		for subject := range int64(4) {
			b.tell(b.owner, b.vehicle, 3+subject, noon)
		}
		b.place(100)
		if got := b.deliverAll(w, noon); !slices.Equal(got, []int64{3, 4, 5, 6}) {
			t.Fatalf("first %v is sent", got)
		}
		events, err := b.PartnerEventsAfter(ctx, p.ID, 0, 10)
		must(t, err)
		theirs, err := b.PartnerEventsAfter(ctx, other.ID, 0, 1)
		must(t, err)
		at := noon
		again := func(what string, want []int64, do func(tx *store.BooksTx) (int64, error)) {
			t.Helper()
			at = at.Add(time.Hour)
			b.tx(func(tx *store.BooksTx) {
				n, err := do(tx)
				must(t, err)
				if n != int64(len(want)) {
					t.Errorf("%s: %d are to be sent, want %v", what, n, want)
				}
			})
			if b.claimed(w, at.Add(-time.Microsecond)) != nil {
				t.Errorf("%s: one is sent before its time", what)
			}
			if got := b.deliverAll(w, at); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v is sent, want %v", what, got, want)
			}
		}
		again("behind the last", []int64{}, func(tx *store.BooksTx) (int64, error) {
			return tx.ReplayDeliveries(ctx, w.ID, events[5].Place, at)
		})
		again("behind the fourth", []int64{5, 6}, func(tx *store.BooksTx) (int64, error) {
			return tx.ReplayDeliveries(ctx, w.ID, events[3].Place, at)
		})
		again("some events", []int64{1, 6}, func(tx *store.BooksTx) (int64, error) {
			return tx.ResendDeliveries(ctx, w.ID, []loan.PartnerEventID{events[0].ID, events[5].ID, theirs[0].ID, 4711}, at)
		})
		again("all", []int64{1, 2, 3, 4, 5, 6}, func(tx *store.BooksTx) (int64, error) {
			return tx.ReplayDeliveries(ctx, w.ID, 0, at)
		})
		// Failed are what was given up and what waits to be tried again.
		b.tx(func(tx *store.BooksTx) {
			at = at.Add(time.Hour)
			_, err := tx.ResendDeliveries(ctx, w.ID, []loan.PartnerEventID{events[1].ID, events[2].ID, events[3].ID}, at)
			must(t, err)
		})
		status := 500
		up, waits := b.claimed(w, at), b.claimed(w, at)
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.DeliveryGivenUp(ctx, up, &status, loan.FailedStatus))
			must(t, tx.PostponeDelivery(ctx, waits, at.AddDate(0, 0, 1), nil, loan.FailedTimeout))
		})
		if d := b.delivery(w, up.Event.SubjectID); d.Status() != loan.DeliveryFailed || *d.LastStatus != 500 || d.LastFailure != loan.FailedStatus {
			t.Errorf("given up it is %+v", d)
		}
		if d := b.delivery(w, waits.Event.SubjectID); d.Status() != loan.DeliveryWaiting || d.LastStatus != nil || d.LastFailure != loan.FailedTimeout {
			t.Errorf("waiting it is %+v", d)
		}
		same(t, b.deliverAll(w, at), []int64{4})
		failedAt := at
		again("failed since later", []int64{}, func(tx *store.BooksTx) (int64, error) {
			return tx.ResendFailed(ctx, w.ID, failedAt.Add(time.Microsecond), at)
		})
		again("failed", []int64{2, 3}, func(tx *store.BooksTx) (int64, error) { return tx.ResendFailed(ctx, w.ID, failedAt, at) })
		again("failed, again", []int64{}, func(tx *store.BooksTx) (int64, error) { return tx.ResendFailed(ctx, w.ID, noon, at) })
		same(t, b.deliverAll(beside, noon), []int64{3, 4, 5, 6})
		// By pages, the latest first.
		page, err := b.Deliveries(ctx, p.ID, w.ID, events[4].Place, 2)
		must(t, err)
		if len(page) != 2 || page[0].Event.SubjectID != 4 || page[1].Event.SubjectID != 3 {
			t.Errorf("the page is %s", text(t, page))
		}
	})
}
