package store_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// samplePosted is a posting of a payment, whose parts follow from one amount.
func (b *books) samplePosted(p *loan.Payment, kind loan.PostingKind, on loan.Date, amount loan.Cents) store.Posted {
	return store.Posted{CustomerID: p.CustomerID, VehicleID: p.VehicleID, PaymentID: &p.ID, Posting: loan.Posting{
		Kind: kind, EffectiveOn: on, DueOn: on,
		Cash: 15 * amount, Interest: -amount, Principal: -2 * amount, Fees: -4 * amount, Instalments: -5 * amount, Income: -3 * amount,
	}}
}

// Each year's totals are what a naive reading of the ledger gives, returns in the year
// of what they take back.
func TestYearlyTotals(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		rapid.Check(t, func(rt *rapid.T) {
			want := map[loan.VehicleID]map[int]loan.Receipts{}
			byPayment := map[loan.PaymentID]loan.Receipts{}
			var vehicles []loan.VehicleID
			var joint loan.CustomerID
			b.tx(func(tx *store.BooksTx) {
				joint = b.addCustomer(tx)
				for range rapid.IntRange(1, 3).Draw(rt, "vehicles") {
					v := b.addVehicle(tx, b.owner) // whose opening counts nowhere
					must(rt, tx.InsertOwner(t.Context(), joint, v))
					vehicles = append(vehicles, v)
					want[v] = map[int]loan.Receipts{}
				}
				for range rapid.IntRange(0, 12).Draw(rt, "payments") {
					p := b.addPayment(tx, func(p *loan.Payment) { p.VehicleID = rapid.SampledFrom(vehicles).Draw(rt, "vehicle") })
					on := rapid.SampledFrom([]loan.Date{day("2025-12-31"), day("2026-01-01"), day("2026-12-31"), day("0999-05-05")}).Draw(rt, "day")
					amount := loan.Cents(rapid.Int64Range(1, 1_000_000).Draw(rt, "amount"))
					postings := []store.Posted{b.samplePosted(p, loan.PostPayment, on, amount)}
					accrued := b.samplePosted(p, loan.PostInterest, on, 0)
					accrued.Interest, accrued.Income, accrued.PaymentID = 7, -7, nil
					postings = append(postings, accrued)
					if rapid.Bool().Draw(rt, "returned") {
						postings = append(postings, b.samplePosted(p, loan.PostReversal, on, -amount))
						amount = 0
					}
					must(rt, tx.InsertPostings(t.Context(), postings, noon))
					r := loan.Receipts{Paid: 15 * amount, InterestPaid: amount, PrincipalPaid: 2 * amount, FeesPaid: 4 * amount, InstalmentsPaid: 8 * amount}
					byPayment[p.ID] = r
					sum := want[p.VehicleID][on.Year]
					sum.Paid, sum.InterestPaid, sum.PrincipalPaid = sum.Paid+r.Paid, sum.InterestPaid+r.InterestPaid, sum.PrincipalPaid+r.PrincipalPaid
					sum.FeesPaid, sum.InstalmentsPaid = sum.FeesPaid+r.FeesPaid, sum.InstalmentsPaid+r.InstalmentsPaid
					want[p.VehicleID][on.Year] = sum
				}
			})
			for _, owner := range []loan.CustomerID{b.owner, joint} {
				got, err := b.YearlyTotals(t.Context(), owner)
				must(rt, err)
				var last *loan.YearlyTotals
				found := 0
				for _, totals := range got {
					if !slices.Contains(vehicles, totals.VehicleID) {
						continue // of an earlier draw
					}
					found++
					if totals.Receipts != want[totals.VehicleID][totals.Year] {
						rt.Fatalf("vehicle %d, %d: got %+v, want %+v", totals.VehicleID, totals.Year, totals.Receipts, want[totals.VehicleID][totals.Year])
					}
					if last != nil && last.VehicleID == totals.VehicleID && last.Year <= totals.Year {
						rt.Fatalf("%d comes after %d", totals.Year, last.Year)
					}
					last = totals
				}
				years := 0
				for _, v := range vehicles {
					years += len(want[v])
				}
				if found != years {
					rt.Fatalf("customer %d sees %d years, want %d", owner, found, years)
				}
				receipts, err := b.ReceiptsByPayment(t.Context(), owner, vehicles)
				must(rt, err)
				if text(t, receipts) != text(t, byPayment) {
					rt.Fatalf("got %v, want %v", receipts, byPayment)
				}
			}
			if strange, err := b.YearlyTotals(t.Context(), b.stranger); err != nil || len(strange) != 0 {
				rt.Fatalf("a stranger sees %v, %v", strange, err)
			}
		})
	})
}
