package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// What is another customer's is exactly like what does not exist.
func TestOwner(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		auto, statement := b.sampleAutoPay(), b.sampleStatement()
		var payment *loan.Payment
		b.tx(func(tx *store.Tx) {
			payment = b.addPayment(tx)
			must(t, tx.InsertAutoPay(t.Context(), auto))
			must(t, tx.InsertStatement(t.Context(), statement))
		})
		page := store.Page{Limit: 10}
		one := func(_ any, err error) (int, error) { return 1, err }
		ofAccount := func(owner loan.CustomerID, tx *store.Tx) error {
			a := sampleAccount(owner)
			a.ID = b.account
			return tx.UpdatePaymentAccount(t.Context(), a)
		}
		// How many of the owner's things a call finds for somebody.
		calls := map[string]struct {
			call  func(context.Context, *store.Tx, loan.CustomerID) (int, error)
			joint bool // a joint owner finds it too
		}{
			"Vehicles": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				vehicles, err := tx.Vehicles(ctx, who)
				n := 0
				for _, v := range vehicles {
					if v.ID == b.vehicle {
						n++
					}
				}
				return n, err
			}, true},
			"LockVehicle": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockVehicle(ctx, who, b.vehicle))
			}, true},
			"SetPaperless": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.SetPaperless(ctx, who, b.vehicle, &noon))
			}, true},
			"Payments": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Payments(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found), err
			}, true},
			"PendingPayments": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PendingPayments(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found), err
			}, true},
			"PaymentsByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PaymentsByID(ctx, who, []loan.PaymentID{payment.ID})
				return len(found), err
			}, true},
			"LockPayment": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockPayment(ctx, who, payment.ID))
			}, true},
			"AutoPays": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.AutoPays(ctx, who)
				return len(found), err
			}, true},
			"LockAutoPay": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockAutoPay(ctx, who, auto.ID))
			}, true},
			"Statements": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Statements(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found), err
			}, true},
			"StatementsByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.StatementsByID(ctx, who, []loan.StatementID{statement.ID})
				return len(found), err
			}, true},
			"PaymentAccounts": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PaymentAccounts(ctx, who)
				n := 0
				for _, a := range found {
					if a.ID == b.account {
						n++
					}
				}
				return n, err
			}, false},
			"LockPaymentAccount": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockPaymentAccount(ctx, who, b.account))
			}, false},
			"PaymentAccountByFingerprint": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.PaymentAccountByFingerprint(ctx, who, []byte("fingerprint of 1")))
			}, false},
			"UpdatePaymentAccount": {func(_ context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, ofAccount(who, tx))
			}, false},
			"Audit": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Audit(ctx, who)
				return len(found), err
			}, false},
			"AnswerKey": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.AnswerKey(ctx, who, "the owner's key", "answer"))
			}, false},
		}
		var joint loan.CustomerID
		b.tx(func(tx *store.Tx) {
			joint = b.addCustomer(tx)
			must(t, tx.InsertOwner(t.Context(), joint, b.vehicle))
			must(t, tx.InsertAudit(t.Context(), store.AuditEntry{CustomerID: b.owner, At: noon}))
			if _, err := tx.ClaimKey(t.Context(), b.owner, "the owner's key", "hash", noon); err != nil {
				t.Fatal(err)
			}
		})
		for name, c := range calls {
			for who, finds := range map[loan.CustomerID]bool{b.owner: true, joint: c.joint, b.stranger: false, 0: false, -1: false, 1 << 40: false} {
				n, err := 0, error(nil)
				err = b.InTx(t.Context(), func(tx *store.Tx) (err error) {
					n, err = c.call(t.Context(), tx, who)
					return err
				})
				if errors.Is(err, store.ErrNotFound) {
					n, err = 0, nil
				}
				want := 0
				if finds {
					want = 1
				}
				if n != want || err != nil {
					t.Errorf("%s for customer %d (owner %d, joint owner %d, stranger %d): found %d, %v, want %d", name, who, b.owner, joint, b.stranger, n, err, want)
				}
			}
		}
	})
}
