package store_test

import (
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

func samplePartner(name string) *loan.Partner {
	return &loan.Partner{Name: name, Scopes: loan.Scopes{loan.ScopePaymentsRead, loan.ScopePaymentsWrite}, CreatedAt: noon}
}

func TestPartners(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		second, first, third := samplePartner("B "+awkward), samplePartner("A"), samplePartner("C")
		third.Scopes = loan.Scopes{}
		b.tx(func(tx *store.BooksTx) {
			for _, p := range []*loan.Partner{second, first, third} {
				must(t, tx.InsertPartner(t.Context(), p))
			}
			must(t, tx.RevokePartner(t.Context(), third.ID, noon.Add(time.Hour)))
		})
		revoked := noon.Add(time.Hour)
		third.RevokedAt = &revoked
		filled(t, *third)
		got, err := b.Partners(t.Context())
		must(t, err)
		same(t, got, []*loan.Partner{first, second, third}) // by name
		b.tx(func(tx *store.BooksTx) {
			for _, want := range got {
				locked, err := tx.LockPartner(t.Context(), want.ID)
				must(t, err)
				same(t, locked, want)
				if _, err := tx.SharePartner(t.Context(), want.ID); (err == nil) != (want.RevokedAt == nil) {
					t.Errorf("%s: %v", want.Name, err)
				}
			}
			_, err := tx.LockPartner(t.Context(), third.ID+1)
			wantError(t, err, store.ErrNotFound)
			wantError(t, tx.RevokePartner(t.Context(), third.ID+1, noon), store.ErrNotFound)
		})
	})
}

// Two secrets count at the most, each until its end, to the microsecond.
func TestPartnerSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		p, other := samplePartner("A"), samplePartner("B")
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertPartner(t.Context(), p))
			must(t, tx.InsertPartner(t.Context(), other))
			must(t, tx.ReplaceSecret(t.Context(), other.ID, "theirs", noon, noon))
		})
		has := func(at time.Time, want ...string) {
			t.Helper()
			got, hashes, err := b.PartnerSecrets(t.Context(), p.ID, at)
			if len(want) == 0 {
				wantError(t, err, store.ErrNotFound)
				return
			}
			must(t, err)
			same(t, got, p)
			live := map[string]bool{}
			for _, hash := range hashes {
				live[hash] = true
			}
			for _, hash := range want {
				if !live[hash] || len(hashes) != len(want) {
					t.Errorf("at %s there are %v, want %v", at, hashes, want)
				}
			}
		}
		replace := func(hash string, at, until time.Time) {
			t.Helper()
			b.tx(func(tx *store.BooksTx) { must(t, tx.ReplaceSecret(t.Context(), p.ID, hash, at, until)) })
		}
		has(noon)
		replace("one", noon, noon)
		has(noon, "one")
		end := noon.Add(time.Hour)
		replace("two", noon, end)
		has(noon, "one", "two")
		has(end.Add(-time.Microsecond), "one", "two")
		has(end, "two")
		replace("three", noon, end)
		has(noon, "two", "three")
		replace("four", noon, noon)
		has(noon, "four")
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.ReplaceSecret(t.Context(), p.ID, "theirs", noon, noon) }), store.ErrConflict)
		b.tx(func(tx *store.BooksTx) { must(t, tx.RevokePartner(t.Context(), p.ID, noon)) })
		has(noon)
	})
}

func TestPartnerGrants(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		p, other := samplePartner("A"), samplePartner("B")
		earlier := &loan.PartnerGrant{CustomerID: b.owner, Scopes: loan.Scopes{loan.ScopePaymentsRead}, GrantedAt: noon}
		later := &loan.PartnerGrant{CustomerID: b.owner, Scopes: loan.AllScopes(), GrantedAt: noon.Add(time.Microsecond)}
		theirs := &loan.PartnerGrant{CustomerID: b.stranger, Scopes: loan.AllScopes(), GrantedAt: noon}
		insert := func(g *loan.PartnerGrant) error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertGrant(t.Context(), g) })
		}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertPartner(t.Context(), p))
			must(t, tx.InsertPartner(t.Context(), other))
		})
		earlier.Partner, later.Partner, theirs.Partner = *p, *other, *p
		for _, g := range []*loan.PartnerGrant{earlier, later, theirs} {
			must(t, insert(g))
		}
		used := noon.Add(time.Hour)
		b.tx(func(tx *store.BooksTx) { must(t, tx.UseGrant(t.Context(), b.owner, later.ID, used)) })
		later.LastUsedAt = &used
		filled(t, *later)
		got, err := b.PartnerGrants(t.Context(), b.owner)
		must(t, err)
		same(t, got, []*loan.PartnerGrant{later, earlier})
		one, err := b.PartnerGrant(t.Context(), b.owner, other.ID)
		must(t, err)
		same(t, one, later)
		b.tx(func(tx *store.BooksTx) {
			one, err := tx.ShareGrant(t.Context(), b.stranger, p.ID)
			must(t, err)
			same(t, one, theirs)
		})
		for _, none := range []struct {
			customer loan.CustomerID
			partner  loan.PartnerID
		}{{b.stranger, other.ID}, {b.stranger + 100, p.ID}, {0, p.ID}, {b.owner, 0}} {
			_, err := b.PartnerGrant(t.Context(), none.customer, none.partner)
			wantError(t, err, store.ErrNotFound)
		}

		// one at a time
		wantError(t, insert(&loan.PartnerGrant{CustomerID: b.owner, Partner: *p, GrantedAt: noon}), store.ErrConflict)
		b.tx(func(tx *store.BooksTx) { must(t, tx.EndGrant(t.Context(), b.owner, earlier.ID, noon)) })
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.EndGrant(t.Context(), b.owner, earlier.ID, noon) }), store.ErrNotFound)
		must(t, insert(&loan.PartnerGrant{CustomerID: b.owner, Partner: *p, GrantedAt: noon}))

		// and none of a partner that was revoked
		b.tx(func(tx *store.BooksTx) { must(t, tx.RevokePartner(t.Context(), p.ID, noon)) })
		got, err = b.PartnerGrants(t.Context(), b.owner)
		must(t, err)
		same(t, got, []*loan.PartnerGrant{later})
		_, err = b.PartnerGrant(t.Context(), b.stranger, p.ID)
		wantError(t, err, store.ErrNotFound)
		err = b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.ShareGrant(t.Context(), b.stranger, p.ID)
			return err
		})
		wantError(t, err, store.ErrNotFound)
	})
}

// Who acts under a grant has it until the transaction ends: taking it back waits.
func TestShareGrantHolds(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		p := samplePartner("A")
		g := &loan.PartnerGrant{CustomerID: b.owner, Scopes: loan.AllScopes(), GrantedAt: noon}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertPartner(t.Context(), p))
			g.Partner = *p
			must(t, tx.InsertGrant(t.Context(), g))
		})
		ended := make(chan error, 1)
		b.tx(func(tx *store.BooksTx) {
			_, err := tx.ShareGrant(t.Context(), b.owner, p.ID)
			must(t, err)
			go func() {
				ended <- b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.EndGrant(t.Context(), b.owner, g.ID, noon) })
			}()
			for b.count("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")+
				b.count("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'") == 0 {
				select {
				case err := <-ended:
					t.Fatalf("it was taken back meanwhile: %v", err)
				case <-time.After(time.Millisecond):
				}
			}
		})
		must(t, <-ended)
	})
}
