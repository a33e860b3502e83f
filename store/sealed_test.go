package store_test

import (
	"context"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// sealedRows are the bank accounts with what is sealed in them.
func (b *books) sealedRows(after int64, limit int) []store.SealedRow {
	b.t.Helper()
	rows, err := b.SealedRows(b.t.Context(), store.AccountNumbers, after, limit)
	must(b.t, err)
	return rows
}

// resealed is a row under new keys.
func resealed(r store.SealedRow) store.Resealed {
	return store.Resealed{ID: r.ID, Was: r.Sealed, Sealed: append([]byte("\x00\xff'new "), r.Sealed...), Fingerprint: append([]byte("new "), r.Fingerprint...)}
}

func TestReseal(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		reseal := func(rows ...store.Resealed) int64 {
			t.Helper()
			n, err := b.Reseal(t.Context(), store.AccountNumbers, rows)
			must(t, err)
			return n
		}
		rows := b.sealedRows(0, 10)
		if len(rows) != 2 || rows[0].ID != int64(b.account) || rows[0].Owner != int64(b.owner) || rows[1].Owner != int64(b.stranger) ||
			len(rows[0].Sealed) == 0 || len(rows[0].Fingerprint) == 0 || rows[0].With != sampleAccount(b.owner).RoutingNumber {
			t.Fatalf("got %s", text(t, rows))
		}
		same(t, b.sealedRows(0, 1), rows[:1])
		same(t, b.sealedRows(rows[0].ID, 10), rows[1:])
		same(t, b.sealedRows(rows[1].ID, 10), nil)

		stale := resealed(rows[1])
		stale.Was = []byte("something else")
		if n := reseal(resealed(rows[0]), stale); n != 1 {
			t.Errorf("%d rows were written", n)
		}
		after := b.sealedRows(0, 10)
		want := rows
		want[0].Sealed, want[0].Fingerprint = resealed(rows[0]).Sealed, resealed(rows[0]).Fingerprint
		same(t, after, want)

		// the fingerprint of another account of the same customer
		var other loan.PaymentAccountID
		b.tx(func(tx *store.BooksTx) { other = b.addAccount(tx, b.owner) })
		twin := resealed(b.sealedRows(int64(other)-1, 1)[0])
		twin.Fingerprint = want[0].Fingerprint
		_, err := b.Reseal(t.Context(), store.AccountNumbers, []store.Resealed{resealed(want[1]), twin})
		wantError(t, err, store.ErrConflict)
		same(t, b.sealedRows(0, 2), want)
		same(t, reseal(), int64(0))
	})
}

// A payment that holds an account is not waited for, and neither does it wait
// longer than a batch takes to write.
func TestResealLeavesOutWhatIsHeld(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		rows := b.sealedRows(0, 10)
		b.tx(func(tx *store.BooksTx) {
			_, err := tx.LockPaymentAccount(t.Context(), b.owner, b.account)
			must(t, err)
			n, err := b.Reseal(t.Context(), store.AccountNumbers, []store.Resealed{resealed(rows[0]), resealed(rows[1])})
			must(t, err)
			same(t, n, int64(1))
		})
		n, err := b.Reseal(t.Context(), store.AccountNumbers, []store.Resealed{resealed(rows[0])})
		must(t, err)
		same(t, n, int64(1))
	})
}

func TestWaitForOpen(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		must(t, b.WaitForOpen(t.Context()))
		waited := make(chan error, 1)
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.ClearDefaultPaymentAccount(t.Context(), b.owner)) // it writes
			_, err := tx.ClaimKey(t.Context(), b.owner, "key", "hash", noon)
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { waited <- b.WaitForOpen(ctx) }()
			cancel()
			if err := <-waited; err == nil {
				t.Error("it does not wait for a transaction that is open")
			}
			go func() { waited <- b.WaitForOpen(t.Context()) }()
		})
		must(t, <-waited)
	})
}

// Both engines have every column there is, with a fingerprint or without.
func TestSealedColumns(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		for _, c := range []*store.SealedColumn{
			store.AccountNumbers, store.EntryNumbers, store.ContractNumbers, store.SecondFactors, store.NoticeCodes, store.MessageTexts, store.NoFingerprint,
		} {
			_, err := b.SealedRows(t.Context(), c, 0, 1)
			must(t, err)
			n, err := b.Reseal(t.Context(), c, []store.Resealed{{ID: 1 << 40, Was: []byte("1")}})
			must(t, err)
			same(t, n, int64(0))
		}
		before := b.sealedRows(0, 1)[0]
		rows, err := b.SealedRows(t.Context(), store.NoFingerprint, 0, 1)
		must(t, err)
		same(t, rows, []store.SealedRow{{ID: before.ID, Owner: before.Owner, Sealed: before.Sealed}})
		n, err := b.Reseal(t.Context(), store.NoFingerprint, []store.Resealed{{ID: before.ID, Was: before.Sealed, Sealed: []byte("new")}})
		must(t, err)
		same(t, n, int64(1))
		before.Sealed = []byte("new")
		same(t, b.sealedRows(0, 1)[0], before)
	})
}
