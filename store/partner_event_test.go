package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// addPartner adds a partner to which customers have granted all.
func (b *books) addPartner(name string, customers ...loan.CustomerID) *loan.Partner {
	b.t.Helper()
	p := samplePartner(name)
	p.Scopes = loan.AllScopes()
	b.tx(func(tx *store.BooksTx) {
		must(b.t, tx.InsertPartner(b.t.Context(), p))
		for _, c := range customers {
			must(b.t, tx.InsertGrant(b.t.Context(), &loan.PartnerGrant{CustomerID: c, Partner: loan.Partner{ID: p.ID}, Scopes: loan.AllScopes(), GrantedAt: noon}))
		}
	})
	return p
}

// place gives up to limit events their places, and tells how many.
func (b *books) place(limit int) (placed int64) {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) {
		var err error
		placed, err = tx.PlacePartnerEvents(b.t.Context(), noon, limit)
		must(b.t, err)
	})
	return placed
}

// told are the events of a partner behind a place: each one's subject, with its place.
func (b *books) told(p *loan.Partner, place int64) (subjects []int64, last int64) {
	b.t.Helper()
	events, err := b.PartnerEventsAfter(b.t.Context(), p.ID, place, 100)
	must(b.t, err)
	last = place
	for _, e := range events {
		if e.Place <= last {
			b.t.Errorf("place %d comes after %d", e.Place, last)
		}
		subjects, last = append(subjects, e.SubjectID), e.Place
	}
	return subjects, last
}

func TestPartnerEvents(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		p, other := b.addPartner("A", b.owner), b.addPartner("B", b.stranger)
		grant := loan.PartnerEvent{PartnerID: p.ID, CustomerID: b.owner, At: noon, Kind: loan.GrantGiven, SubjectID: 5}
		b.tx(func(tx *store.BooksTx) {
			tx.InsertPartnerEvent(grant)
			must(t, tx.InsertAudit(t.Context(), store.AuditEntry{CustomerID: b.owner, At: noon, Actor: "test", Action: "test", Detail: "{}"}))
		})
		b.tell(b.owner, b.vehicle, 7, noon.In(loan.Eastern).Add(time.Microsecond+999))
		b.tell(b.stranger, b.theirs, 8, noon)
		if there, err := b.Books().NewPartnerEvents(t.Context()); err != nil || !there {
			t.Errorf("there are new ones: %t, %v", there, err)
		}
		if got, _ := b.told(p, 0); got != nil {
			t.Errorf("without a place there are %v", got)
		}
		if placed := b.place(100); placed != 3 || b.place(100) != 0 {
			t.Errorf("%d were placed", placed)
		}
		if there, err := b.Books().NewPartnerEvents(t.Context()); err != nil || there {
			t.Errorf("there are new ones: %t, %v", there, err)
		}
		got, err := b.PartnerEventsAfter(t.Context(), p.ID, 0, 10)
		must(t, err)
		want := []loan.PartnerEvent{grant, {
			PartnerID: p.ID, CustomerID: b.owner, VehicleID: b.vehicle, At: noon.Add(time.Microsecond), Kind: loan.PaymentScheduled, SubjectID: 7,
		}}
		for i := range want {
			want[i].ID, want[i].Place = got[i].ID, int64(i)+1
		}
		filled(t, got[1])
		same(t, got, want)
		if one, err := b.PartnerEventsAfter(t.Context(), p.ID, 0, 1); err != nil || len(one) != 1 || one[0].ID != got[0].ID {
			t.Errorf("of one event there are %v, %v", one, err)
		}
		if theirs, _ := b.told(other, 0); !slices.Equal(theirs, []int64{8}) {
			t.Errorf("the other partner is told %v", theirs)
		}
		// What is over is forgotten, with its deliveries.
		b.addEndpoint(other, "https://b.example")
		b.tell(b.stranger, b.theirs, 9, noon.AddDate(0, 0, 1))
		b.place(100)
		b.tx(func(tx *store.BooksTx) {
			n, err := tx.ForgetPartnerEvents(t.Context(), noon.AddDate(0, 0, 1))
			must(t, err)
			same(t, n, 3)
			n, err = tx.ForgetPartnerEvents(t.Context(), noon.AddDate(0, 0, 2))
			must(t, err)
			same(t, n, 1)
		})
		if n := b.count("SELECT COUNT(*) FROM partner_events") + b.count("SELECT COUNT(*) FROM webhook_deliveries"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// Only a grant that is live and has what an event needs is told of it; each of two
// owners who has given one is.
func TestWhichPartnersAreTold(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		all, gone := b.addPartner("all", b.owner, b.stranger), b.addPartner("gone", b.owner)
		few, none, ended := b.addPartner("few"), b.addPartner("none"), b.addPartner("ended")
		b.raw("INSERT INTO owners (customer_id, vehicle_id) VALUES ($1, $2)", b.stranger, b.vehicle)
		b.tx(func(tx *store.BooksTx) {
			grant := func(p *loan.Partner, scopes ...loan.Scope) *loan.PartnerGrant {
				g := &loan.PartnerGrant{CustomerID: b.owner, Partner: loan.Partner{ID: p.ID}, Scopes: scopes, GrantedAt: noon}
				must(t, tx.InsertGrant(t.Context(), g))
				return g
			}
			grant(few, loan.ScopeEventsRead, loan.ScopeVehiclesRead)
			grant(none, loan.ScopePaymentsRead, loan.ScopeVehiclesRead)
			must(t, tx.EndGrant(t.Context(), b.owner, grant(ended, loan.AllScopes()...).ID, noon))
			must(t, tx.RevokePartner(t.Context(), gone.ID, noon))
			for i, kind := range []loan.EventKind{loan.PaymentScheduled, loan.VehicleUpdated} {
				tx.InsertEvents(store.Event{CustomerID: b.owner, VehicleID: b.vehicle, At: noon, Kind: kind, SubjectID: int64(i)})
			}
		})
		b.place(100)
		for _, want := range []struct {
			partner  *loan.Partner
			subjects []int64
		}{{all, []int64{0, 0, 1, 1}}, {few, []int64{1}}, {none, nil}, {ended, nil}, {gone, nil}} {
			if got, _ := b.told(want.partner, 0); !slices.Equal(got, want.subjects) {
				t.Errorf("%s is told %v, want %v", want.partner.Name, got, want.subjects)
			}
		}
	})
}

// Places are given in the order of what is committed: a transaction that took its ids
// first and commits last comes last, and never behind a cursor that has been given.
func TestPlacesAreGivenWhenCommitted(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		p := b.addPartner("A", b.owner, b.stranger)
		// Its row is written, and its commit waits for the test.
		slow := b.admin.MustBegin()
		defer func() { _ = slow.Rollback() }()
		const write = `INSERT INTO partner_events (partner_id, customer_id, vehicle_id, at, kind, subject_id) VALUES ($1, $2, $3, $4, 'payment.scheduled', 1)`
		if _, err := slow.ExecContext(t.Context(), write, p.ID, b.owner, b.vehicle, noon); err != nil {
			t.Fatal(err)
		}
		b.tell(b.stranger, b.theirs, 2, noon)
		same(t, b.place(100), 1)
		before, cursor := b.told(p, 0)
		must(t, slow.Commit())
		b.tell(b.stranger, b.theirs, 3, noon)
		same(t, b.place(100), 2)
		after, _ := b.told(p, cursor)
		if !slices.Equal(before, []int64{2}) || !slices.Equal(after, []int64{1, 3}) {
			t.Errorf("first %v is told, then %v", before, after)
		}
		if n := b.count("SELECT COUNT(*) FROM partner_events e JOIN partner_events f ON f.place > e.place AND f.id < e.id"); n != 1 {
			t.Errorf("%d are placed against the order of ids: the test shows nothing", n)
		}
	})
}

// However many write and place at a time, who follows by cursor sees each event once,
// and those of one customer in their order.
func TestNothingTurnsUpBehindACursor(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const writers, each = 4, 8
		customers, vehicles := make([]loan.CustomerID, writers), make([]loan.VehicleID, writers)
		b.tx(func(tx *store.BooksTx) {
			for i := range customers {
				customers[i] = b.addCustomer(tx)
				vehicles[i] = b.addVehicle(tx, customers[i])
			}
		})
		p := b.addPartner("A", customers...)
		written := make(chan error, writers)
		for w := range customers {
			go func() {
				for n := range each {
					err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
						tx.InsertEvents(store.Event{CustomerID: customers[w], VehicleID: vehicles[w], At: noon, Kind: loan.PaymentScheduled, SubjectID: int64(100*w + n)})
						return nil
					})
					if err != nil {
						written <- err
						return
					}
				}
				written <- nil
			}()
		}
		placed := make(chan error, 1)
		stop := make(chan struct{})
		go func() { // another process that places
			for {
				select {
				case <-stop:
					placed <- nil
					return
				default:
				}
				err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					_, err := tx.PlacePartnerEvents(t.Context(), noon, 3)
					return err
				})
				if err != nil {
					placed <- err
					return
				}
			}
		}()
		var followed []int64
		cursor := int64(0)
		follow := func() {
			b.place(3)
			var some []int64
			some, cursor = b.told(p, cursor)
			followed = append(followed, some...)
		}
		for done := 0; done < writers; {
			select {
			case err := <-written:
				must(t, err)
				done++
			default:
				follow()
			}
		}
		close(stop)
		must(t, <-placed)
		for b.place(3) > 0 {
			follow()
		}
		follow()
		all, _ := b.told(p, 0)
		if len(all) != writers*each || !slices.Equal(followed, all) {
			t.Errorf("followed\n%v of\n%v", followed, all)
		}
		next := map[int64]int64{}
		for _, subject := range all {
			if w := subject / 100; subject%100 != next[w] {
				t.Errorf("of writer %d, %d comes when %d is to come", w, subject%100, next[w])
			}
			next[subject/100]++
		}
		if n := b.count(fmt.Sprintf("SELECT COUNT(*) FROM partner_event_places WHERE last = %d", len(all))); n != 1 {
			t.Error("a place was left out")
		}
	})
}
