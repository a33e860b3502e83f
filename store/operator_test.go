package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// sampleCorrection is a correction that ada proposes.
func (b *books) sampleCorrection() *loan.CorrectionRequest {
	return &loan.CorrectionRequest{
		CustomerID: b.owner, VehicleID: b.vehicle,
		LedgerCorrection: loan.LedgerCorrection{Principal: -1, Interest: 2, Fees: -3, Instalments: 4, PastDue: -5, CurrentDue: 6, Against: loan.AgainstFunding},
		Reason:           awkward, Evidence: "case 4711", ProposedBy: "ada", ProposedAt: noon, ExpiresAt: noon.AddDate(0, 0, 7), Status: loan.CorrectionProposed,
	}
}

func TestCorrection(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := b.sampleCorrection()
		list := func(all bool) []loan.CorrectionRequest {
			t.Helper()
			list, err := b.Books().Corrections(t.Context(), all)
			must(t, err)
			return list
		}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertCorrection(t.Context(), want))
			got, err := tx.LockCorrection(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		})
		filled(t, want, "DecidedBy", "DecidedAt", "Decision")
		same(t, list(false), []loan.CorrectionRequest{*want})
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.DecideCorrection(t.Context(), want.ID, loan.CorrectionRejected, "ben", "no", noon.Add(time.Hour)))
		})
		by, at := loan.Operator("ben"), noon.Add(time.Hour)
		want.Status, want.DecidedBy, want.DecidedAt, want.Decision = loan.CorrectionRejected, &by, &at, "no"
		same(t, list(false), nil)
		same(t, list(true), []loan.CorrectionRequest{*want})
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			return tx.DecideCorrection(t.Context(), want.ID, loan.CorrectionApproved, "cay", "yes", noon)
		})
		wantError(t, err, store.ErrNotFound)
		err = b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.LockCorrection(t.Context(), want.ID+1)
			return err
		})
		wantError(t, err, store.ErrNotFound)
	})
}

// The database itself lets nobody approve their own correction, nor a late one, nor
// lets one be posted twice or a posting of its kind stand for none.
func TestCorrectionTakesTwo(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		decide := func(status loan.CorrectionStatus, by loan.Operator, at time.Time) error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				c := b.sampleCorrection()
				must(t, tx.InsertCorrection(t.Context(), c))
				return tx.DecideCorrection(t.Context(), c.ID, status, by, "", at)
			})
		}
		for name, c := range map[string]struct {
			status loan.CorrectionStatus
			by     loan.Operator
			at     time.Time
			taken  bool
		}{
			"a second operator":      {loan.CorrectionApproved, "ben", noon, true},
			"the same one":           {loan.CorrectionApproved, "ada", noon, false},
			"the same one in haste":  {loan.CorrectionApproved, "ADA", noon, false},
			"too late":               {loan.CorrectionApproved, "ben", noon.AddDate(0, 0, 7), false},
			"the same one takes it":  {loan.CorrectionRejected, "ada", noon, true},
			"nobody":                 {loan.CorrectionProposed, "ben", noon, false},
			"a state that is no one": {"POSTED", "ben", noon, false},
		} {
			if err := decide(c.status, c.by, c.at); (err == nil) != c.taken {
				t.Errorf("%s: %v", name, err)
			}
		}
		post := func(id *loan.CorrectionID, kind loan.PostingKind) error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				return tx.InsertPostings(t.Context(), []store.Posted{{
					CustomerID: b.owner, VehicleID: b.vehicle, CorrectionID: id,
					Posting: loan.Posting{Kind: kind, EffectiveOn: day("2026-11-18"), Fees: -1, Income: 1, DueOn: day("2026-12-01")},
				}}, noon)
			})
		}
		c := b.sampleCorrection()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCorrection(t.Context(), c)) })
		must(t, post(&c.ID, loan.PostCorrection))
		wantError(t, post(&c.ID, loan.PostCorrection), store.ErrConflict)
		if err := post(nil, loan.PostCorrection); err == nil {
			t.Error("a correction that nobody approved was posted")
		}
		if err := post(nil, "GIFT"); err == nil {
			t.Error("a posting of no kind was posted")
		}
		postings, err := b.Postings(t.Context(), b.owner, b.vehicle)
		must(t, err)
		if got := postings[len(postings)-1]; got.Kind != loan.PostCorrection || *got.CorrectionID != c.ID {
			t.Errorf("got %s", text(t, got))
		}
	})
}

func TestHold(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		hold := store.Hold{VehicleID: b.vehicle, Reason: awkward, PlacedBy: "ada", PlacedAt: noon}
		since := func() *time.Time {
			t.Helper()
			vehicles, err := b.Vehicles(t.Context(), b.owner)
			must(t, err)
			return vehicles[0].HeldSince
		}
		holds := func() []store.Hold {
			t.Helper()
			list, err := b.Books().Holds(t.Context(), []loan.VehicleID{b.vehicle, b.theirs})
			must(t, err)
			return list
		}
		lift := func() error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				_, err := tx.LiftHold(t.Context(), b.vehicle, "ben", "paid", noon)
				return err
			})
		}
		wantError(t, lift(), store.ErrNotFound)
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertHold(t.Context(), b.owner, &hold)) })
		same(t, holds(), []store.Hold{hold})
		same(t, since(), noon)
		again := hold
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertHold(t.Context(), b.owner, &again) })
		wantError(t, err, store.ErrConflict)
		must(t, lift())
		same(t, holds(), nil)
		if since() != nil {
			t.Error("it is held still")
		}
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertHold(t.Context(), b.owner, &again)) })
	})
}

// What can still be cancelled of a vehicle is, and nothing else.
func TestCancelCancelable(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var open, closed, theirs *loan.Payment
		b.tx(func(tx *store.BooksTx) {
			open = b.addPayment(tx)
			closed = b.addPayment(tx, func(p *loan.Payment) { p.CancelBy = noon.Add(time.Minute) })
			theirs = b.addPayment(tx, b.byStranger, func(p *loan.Payment) { p.VehicleID = b.theirs })
		})
		b.tx(func(tx *store.BooksTx) {
			canceled, err := tx.CancelCancelable(t.Context(), b.vehicle, noon.Add(time.Minute))
			must(t, err)
			if len(canceled) != 1 || canceled[0].ID != open.ID || canceled[0].Status != loan.Canceled {
				t.Errorf("got %s", text(t, canceled))
			}
		})
		if b.payment(closed.ID).Status != loan.Scheduled || b.count("SELECT COUNT(*) FROM payments WHERE status = 'SCHEDULED' AND id = $1", theirs.ID) != 1 {
			t.Error("another one was cancelled")
		}
	})
}

func TestException(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := store.Exception{ID: 1, Source: "returns.ach", Kind: "return to look at", Detail: awkward, CreatedAt: noon}
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertException(t.Context(), want)) })
		got, err := b.Books().Exception(t.Context(), 1)
		must(t, err)
		same(t, got, want)
		resolve := func() error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				return tx.ResolveException(t.Context(), 1, "ada", "the bank was called", noon)
			})
		}
		must(t, resolve())
		wantError(t, resolve(), store.ErrNotFound)
		got, err = b.Books().Exception(t.Context(), 1)
		must(t, err)
		want.ResolvedAt, want.ResolvedBy, want.Resolution = &noon, "ada", "the bank was called"
		same(t, got, want)
		_, err = b.Books().Exception(t.Context(), 2)
		wantError(t, err, store.ErrNotFound)
	})
}

// Customers are found by what they can say, and others are not.
func TestFindCustomers(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		c, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		for name, find := range map[string]func(context.Context) ([]loan.Customer, error){
			"username": func(ctx context.Context) ([]loan.Customer, error) {
				return b.Books().CustomersByUsername(ctx, c.Username)
			},
			"e-mail": func(ctx context.Context) ([]loan.Customer, error) { return b.Books().CustomersByEmail(ctx, c.Email) },
			"contract": func(ctx context.Context) ([]loan.Customer, error) {
				return b.Books().CustomersByContract(ctx, c.LastName, "4821")
			},
		} {
			found, err := find(t.Context())
			must(t, err)
			if len(found) == 0 || found[0].ID != b.owner {
				t.Errorf("by %s: %s", name, text(t, found))
			}
		}
		found, err := b.Books().CustomersByContract(t.Context(), c.LastName, "0000")
		must(t, err)
		same(t, found, nil)
		vehicles, err := b.Books().VehiclesByContract(t.Context(), c.LastName, "4821")
		must(t, err)
		if len(vehicles) == 0 || vehicles[0] != b.vehicle {
			t.Errorf("the vehicles are %v", vehicles)
		}
	})
}

// What was proposed or placed cannot be changed by the server's role, only decided.
func TestGrantsOfOperators(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCorrection(t.Context(), b.sampleCorrection())) })
		for _, statement := range []string{"UPDATE corrections SET fees_cents = 1", "UPDATE corrections SET proposed_by = 'ben'", "DELETE FROM corrections", "UPDATE holds SET reason = ''"} {
			if _, err := b.DB().ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was done", statement)
			}
		}
	})
}
