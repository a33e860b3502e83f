package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

func (b *books) sampleConsent(by loan.CustomerID) *loan.Consent {
	return &loan.Consent{
		CustomerID: by, VehicleID: b.vehicle,
		Disclosure: loan.Disclosure{Version: "2026-11", Language: loan.Spanish, Hash: strings.Repeat("ab", 32), Text: awkward},
		AgreedAt:   noon, SessionID: strings.Repeat("cd", 32), Address: "2001:db8::1", RequestID: "0123",
	}
}

// A consent is in effect until it is withdrawn, and both stay on record.
func TestConsent(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		first, second := b.sampleConsent(b.owner), b.sampleConsent(b.owner)
		inEffect := func(want ...*loan.Consent) {
			t.Helper()
			got, err := b.Consents(t.Context(), b.owner)
			must(t, err)
			same(t, got, append([]*loan.Consent(nil), want...))
		}
		inEffect()
		withdraw := func(at time.Time) {
			t.Helper()
			b.tx(func(tx *store.BooksTx) {
				must(t, tx.WithdrawConsent(t.Context(), b.owner, b.vehicle, at, "session", "address", "request"))
			})
		}
		withdraw(noon) // there is none: nothing is written
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertConsent(t.Context(), first)) })
		filled(t, first)
		inEffect(first)
		withdraw(noon.Add(time.Hour))
		withdraw(noon.Add(2 * time.Hour)) // it is withdrawn once
		inEffect()
		second.AgreedAt = noon.Add(3 * time.Hour)
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertConsent(t.Context(), second)) }) // the text is there already
		inEffect(second)
		if n := b.count("SELECT COUNT(*) FROM consents"); n != 3 {
			t.Errorf("%d rows, want two consents and a withdrawal", n)
		}
		if n := b.count("SELECT COUNT(*) FROM consents WHERE withdraws = $1 AND at = $2 AND session_id = 'session' AND address = 'address' AND request_id = 'request' AND proof = ''",
			first.ID, noon.Add(time.Hour)); n != 1 {
			t.Errorf("%d withdrawals of the first", n)
		}
		if n := b.count("SELECT COUNT(*) FROM disclosures"); n != 1 {
			t.Errorf("the text is there %d times", n)
		}
		for _, change := range []string{"UPDATE consents SET address = ''", "DELETE FROM consents", "UPDATE disclosures SET text = ''", "DELETE FROM disclosures"} {
			if _, err := b.admin.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "only ever added") {
				t.Errorf("%s: %v", change, err)
			}
		}
		other := b.sampleConsent(b.stranger)
		if err := b.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertConsent(t.Context(), other) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("who does not own the vehicle agrees: %v", err)
		}
	})
}
