package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// The language that somebody enrols in is theirs; without one, theirs stays.
func TestEnrollInALanguage(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for language, want := range map[loan.Language]loan.Language{loan.English: loan.English, loan.Spanish: loan.Spanish, "": loan.Spanish} {
			holder := b.sampleCustomer() // speaks Spanish
			holder.Username = ""
			b.tx(func(tx *store.BooksTx) {
				must(t, tx.InsertCustomer(t.Context(), holder, ""))
				must(t, tx.Enroll(t.Context(), holder.ID, "name-"+string(language), "hash", language))
			})
			if got, err := b.Customer(t.Context(), holder.ID); err != nil || got.Language != want {
				t.Errorf("enrolled in %q: %+v, %v", language, got, err)
			}
		}
		c, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		c.Language = "de"
		if err := b.InTx(t.Context(), func(tx *store.Tx) error { return tx.UpdateContact(t.Context(), c) }); err == nil {
			t.Error("a language that is not spoken is stored")
		}
	})
}

func TestEnroll(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		enrolled, holder, other := b.sampleCustomer(), b.sampleCustomer(), b.sampleCustomer()
		holder.Username, other.Username = "", ""
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertCustomer(t.Context(), enrolled, "hash"))
			must(t, tx.InsertCustomer(t.Context(), holder, "")) // any number of them has no username
			must(t, tx.InsertCustomer(t.Context(), other, ""))
		})
		_, err := b.CredentialsOf(t.Context(), "", "", time.Time{})
		wantError(t, err, store.ErrNotFound)

		enroll := func(id loan.CustomerID, username string) error {
			return b.InTx(t.Context(), func(tx *store.Tx) error { return tx.Enroll(t.Context(), id, username, "new hash", "") })
		}
		wantError(t, enroll(enrolled.ID, "new.name"), store.ErrNotFound)
		wantError(t, enroll(holder.ID, enrolled.Username), store.ErrConflict)
		must(t, enroll(holder.ID, "new.name"))
		wantError(t, enroll(other.ID, "new.name"), store.ErrConflict)
		got, err := b.CredentialsOf(t.Context(), "new.name", "", time.Time{})
		must(t, err)
		same(t, got, store.Credentials{CustomerID: holder.ID, Username: "new.name", PasswordHash: "new hash"})

		b.tx(func(tx *store.BooksTx) {
			for username, want := range map[string]bool{"new.name": true, "no.name": false, "": false} {
				taken, err := tx.UsernameTaken(t.Context(), username)
				must(t, err)
				if taken != want {
					t.Errorf("%q is taken: %t", username, taken)
				}
			}
			must(t, tx.SetPassword(t.Context(), holder.ID, "third hash", true))
			locked, err := tx.LockCredentials(t.Context(), holder.ID)
			must(t, err)
			same(t, locked, store.Credentials{CustomerID: holder.ID, Username: "new.name", PasswordHash: "third hash", PasswordWeak: true})
		})
	})
}

// A contract's number leads to all who own its vehicle, by a fingerprint of any key.
func TestCustomersByContract(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var joint loan.CustomerID
		b.tx(func(tx *store.BooksTx) {
			joint = b.addCustomer(tx)
			must(t, tx.InsertOwner(t.Context(), joint, b.vehicle))
			must(t, tx.InsertContractNumber(t.Context(), store.ContractNumber{
				VehicleID: b.vehicle, CustomerID: b.owner, Sealed: []byte("sealed"), Fingerprint: []byte{0, 1, 255},
			}))
		})
		for name, test := range map[string]struct {
			keys [][]byte
			want int
		}{
			"its own": {[][]byte{{0, 1, 255}}, 2}, "among others": {[][]byte{{9}, {0, 1, 255}}, 2}, "another": {[][]byte{{0, 1}}, 0}, "none": {nil, 0},
		} {
			got, err := b.CustomersByContract(t.Context(), test.keys)
			must(t, err)
			if len(got) != test.want {
				t.Errorf("%s leads to %d customers", name, len(got))
			}
		}
	})
}

func TestSecondFactor(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		off := func(who loan.CustomerID) {
			t.Helper()
			factor, err := b.SecondFactor(t.Context(), who)
			must(t, err)
			if factor != nil {
				t.Errorf("customer %d has %v", who, factor)
			}
		}
		off(b.owner)
		b.tx(func(tx *store.BooksTx) {
			_, err := tx.LockSecret(t.Context(), b.owner)
			wantError(t, err, store.ErrNotFound)
			must(t, tx.PutSecret(t.Context(), b.owner, []byte("first")))
			must(t, tx.PutSecret(t.Context(), b.owner, []byte("second"))) // in its place
		})
		off(b.owner) // until it is confirmed
		b.tx(func(tx *store.BooksTx) {
			secret, err := tx.LockSecret(t.Context(), b.owner)
			must(t, err)
			same(t, secret, store.Secret{Sealed: []byte("second")})
			secret.TurnedOnAt, secret.LastStep = &noon, 42
			must(t, tx.UpdateSecret(t.Context(), b.owner, secret))
			must(t, tx.ReplaceRecoveryCodes(t.Context(), b.owner, []string{"a", "b", "c"}))
			wantError(t, tx.PutSecret(t.Context(), b.owner, []byte("third")), store.ErrNotFound)
			wantError(t, tx.UpdateSecret(t.Context(), b.stranger, secret), store.ErrNotFound)
			credentials, err := tx.LockCredentials(t.Context(), b.owner)
			must(t, err)
			if !credentials.SecondFactor {
				t.Error("the credentials tell of none")
			}
			must(t, tx.UseRecoveryCode(t.Context(), b.owner, "b", noon))
			wantError(t, tx.UseRecoveryCode(t.Context(), b.owner, "b", noon), store.ErrNotFound) // once
			wantError(t, tx.UseRecoveryCode(t.Context(), b.stranger, "a", noon), store.ErrNotFound)
		})
		factor, err := b.SecondFactor(t.Context(), b.owner)
		must(t, err)
		same(t, factor, &loan.SecondFactor{Since: noon, RecoveryCodesLeft: 2})
		off(b.stranger)
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.ReplaceRecoveryCodes(t.Context(), b.owner, []string{"d"}))
			wantError(t, tx.UseRecoveryCode(t.Context(), b.owner, "a", noon), store.ErrNotFound)
			wantError(t, tx.DeleteSecondFactor(t.Context(), b.stranger), store.ErrNotFound)
			must(t, tx.DeleteSecondFactor(t.Context(), b.owner))
			wantError(t, tx.UseRecoveryCode(t.Context(), b.owner, "d", noon), store.ErrNotFound)
		})
		off(b.owner)
	})
}

func TestDevices(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		customer := b.sampleCustomer()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCustomer(t.Context(), customer, "hash")) })
		known := func(hash string, seenAfter time.Time) bool {
			t.Helper()
			c, err := b.CredentialsOf(t.Context(), customer.Username, hash, seenAfter)
			must(t, err)
			return c.KnownDevice
		}
		b.tx(func(tx *store.BooksTx) {
			for n := range 11 {
				device := store.Device{CustomerID: customer.ID, TokenHash: fmt.Sprint("hash", n), Name: awkward, Platform: loan.PlatformIOS}
				must(t, tx.InsertDevice(t.Context(), device, noon.Add(time.Duration(n)*time.Minute)))
			}
		})
		if known("hash0", noon.Add(-time.Hour)) || !known("hash1", noon) || known("hash1", noon.Add(time.Minute)) || known("", noon) || known("other", noon) {
			t.Error("not the ten that were seen last are known")
		}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.SeeDevice(t.Context(), customer.ID, "hash1", noon.Add(time.Hour)))
			must(t, tx.SeeDevice(t.Context(), customer.ID, "hash1", noon)) // it never goes back
			must(t, tx.SeeDevice(t.Context(), b.owner, "hash1", noon.Add(2*time.Hour)))
		})
		if !known("hash1", noon.Add(59*time.Minute)) || known("hash1", noon.Add(time.Hour)) {
			t.Error("when it was seen is not noted")
		}
		b.tx(func(tx *store.BooksTx) { must(t, tx.ForgetDevices(t.Context(), customer.ID)) })
		if known("hash1", noon) {
			t.Error("a forgotten device is known")
		}
	})
}

func TestPendingContacts(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		first := loan.PendingContact{Channel: loan.ByEmail, Address: "a@example.com", RequestedAt: noon, ChallengeID: "1"}
		second, phone := first, first
		second.Address, second.ChallengeID = "b@example.com", "2"
		phone.Channel, phone.Address, phone.ChallengeID = loan.ByText, "+17045550100", "3"
		b.tx(func(tx *store.BooksTx) {
			for _, c := range []loan.PendingContact{first, phone, second} {
				must(t, tx.PutPendingContact(t.Context(), b.owner, c))
			}
			wantError(t, tx.DeletePendingContact(t.Context(), b.owner, first), store.ErrNotFound) // the second took its place
			wantError(t, tx.DeletePendingContact(t.Context(), b.stranger, phone), store.ErrNotFound)
		})
		got, err := b.PendingContacts(t.Context(), b.owner)
		must(t, err)
		same(t, got, []*loan.PendingContact{&second, &phone})
		b.tx(func(tx *store.BooksTx) { must(t, tx.DeletePendingContact(t.Context(), b.owner, second)) })
		got, err = b.PendingContacts(t.Context(), b.owner)
		must(t, err)
		same(t, got, []*loan.PendingContact{&phone})
	})
}
