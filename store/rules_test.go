package store_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// What may be there once only.
func TestUnique(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		insertAccount := func(owner loan.CustomerID, fingerprint string, isDefault bool) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				a := sampleAccount(owner)
				a.IsDefault = isDefault
				return tx.InsertPaymentAccount(t.Context(), a, []byte{1}, []byte(fingerprint))
			}
		}
		removeAccount := func(tx *store.BooksTx) error {
			a, err := tx.PaymentAccountByFingerprint(t.Context(), b.owner, []byte("a"))
			must(t, err)
			a.RemovedAt = &noon
			return tx.UpdatePaymentAccount(t.Context(), b.owner, a)
		}
		insertUser := func(username string) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				return tx.InsertCustomer(t.Context(), &loan.Customer{Username: username}, "hash")
			}
		}
		auto := b.sampleAutoPay()
		insertAuto := func(vehicle loan.VehicleID) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				auto = b.sampleAutoPay()
				if auto.VehicleID = vehicle; vehicle == b.theirs {
					auto.SetUpBy, auto.PaymentAccountID = b.stranger, b.theirsToo
				}
				return tx.InsertAutoPay(t.Context(), auto)
			}
		}
		setAuto := func(status loan.AutoPayStatus) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				auto.Status = status
				return tx.UpdateAutoPay(t.Context(), auto.SetUpBy, auto)
			}
		}
		insertPayment := func(confirmation string) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				p := b.samplePayment()
				p.ConfirmationNumber = confirmation
				return tx.InsertPayment(t.Context(), p)
			}
		}
		steps := []struct {
			what     string
			do       func(*store.BooksTx) error
			conflict bool
		}{
			{"a username", insertUser("robin"), false},
			{"the same username", insertUser("robin"), true},
			{"a username in other letters is another: who calls folds it", insertUser("Robin"), false},

			{"an account", insertAccount(b.owner, "a", true), false},
			{"the same account", insertAccount(b.owner, "a", false), true},
			{"another customer's same account", insertAccount(b.stranger, "a", true), false},
			{"a second default", insertAccount(b.owner, "b", true), true},
			{"a second account", insertAccount(b.owner, "b", false), false},
			{"to remove the account", removeAccount, false},
			{"the account that was removed again, and as the default", insertAccount(b.owner, "a", true), false},
			{"and once more", insertAccount(b.owner, "a", false), true},

			{"Auto Pay", insertAuto(b.vehicle), false},
			{"a second one", insertAuto(b.vehicle), true},
			{"another vehicle's", insertAuto(b.theirs), false},
			{"to pause it", setAuto(loan.AutoPayPaused), false},
			{"a second one beside one that is paused", insertAuto(b.theirs), true},

			{"a confirmation number", insertPayment("MP-SAME"), false},
			{"the same one", insertPayment("MP-SAME"), true},

			{"another owner of a vehicle", func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), b.stranger, b.vehicle) }, false},
			{"the same owner", func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), b.stranger, b.vehicle) }, true},
		}
		for _, step := range steps {
			if err := b.InBooks(t.Context(), step.do); errors.Is(err, store.ErrConflict) != step.conflict || !step.conflict && err != nil {
				t.Errorf("%s: got %v, want a conflict: %t", step.what, err, step.conflict)
			}
		}
		b.raw("UPDATE auto_pays SET status = 'CANCELED' WHERE vehicle_id = $1", b.vehicle)
		must(t, b.InBooks(t.Context(), insertAuto(b.vehicle)))
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			canceled := b.sampleAutoPay()
			canceled.Status = loan.AutoPayCanceled
			must(t, tx.InsertAutoPay(t.Context(), canceled))
			canceled.Status = loan.AutoPayActive // back to life, beside the other
			return tx.UpdateAutoPay(t.Context(), b.owner, canceled)
		}), store.ErrConflict)
	})
}

// What the database refuses by itself, whatever a use case lets through. The
// error tells nothing of the row, and is none that a use case knows.
func TestChecks(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const canary = "canary-4711"
		payment := func(change func(*loan.Payment)) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				p := b.samplePayment()
				p.ConfirmationNumber = canary
				change(p)
				return tx.InsertPayment(t.Context(), p)
			}
		}
		auto := func(change func(*loan.AutoPay)) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				a := b.sampleAutoPay()
				change(a)
				return tx.InsertAutoPay(t.Context(), a)
			}
		}
		contract := func(change func(*loan.Loan)) func(*store.BooksTx) error {
			return func(tx *store.BooksTx) error {
				v := sampleVehicle(b.owner)
				v.VIN = canary
				l := sampleLoan()
				l.AccountNumberLast4 = canary
				change(l)
				v.Contract = l
				return tx.InsertVehicle(t.Context(), v)
			}
		}
		zero, thirtyTwo, twentySix, minus, one := 0, 32, 26, -1, 1
		for what, do := range map[string]func(*store.BooksTx) error{
			"amount 0":                     payment(func(p *loan.Payment) { p.Amount = 0 }),
			"amount below 0":               payment(func(p *loan.Payment) { p.Amount = -1 }),
			"smallest amount":              payment(func(p *loan.Payment) { p.Amount = math.MinInt64 }),
			"kind":                         payment(func(p *loan.Payment) { p.Kind = canary }),
			"origin":                       payment(func(p *loan.Payment) { p.Origin = "" }),
			"status":                       payment(func(p *loan.Payment) { p.Status = "scheduled" }),
			"window that ends as it opens": payment(func(p *loan.Payment) { p.CancelBy = p.SubmittedAt }),
			"window that ends within the microsecond in which it opens": payment(func(p *loan.Payment) { p.CancelBy = p.SubmittedAt.Add(time.Nanosecond) }),
			"no date":                 payment(func(p *loan.Payment) { p.ScheduledOn = loan.Date{} }),
			"no date of credit":       payment(func(p *loan.Payment) { p.CreditedOn = loan.Date{} }),
			"Auto Pay status":         auto(func(a *loan.AutoPay) { a.Status = "" }),
			"Auto Pay kind of amount": auto(func(a *loan.AutoPay) { a.AmountKind = "SOME" }),
			"Auto Pay amount":         auto(func(a *loan.AutoPay) { a.Amount = -1 }),
			"Auto Pay without a day":  auto(func(a *loan.AutoPay) { a.DayOfMonth = nil }),
			"Auto Pay with two days":  auto(func(a *loan.AutoPay) { a.DaysBeforeDue = &one }),
			"Auto Pay on the 0th":     auto(func(a *loan.AutoPay) { a.DayOfMonth = &zero }),
			"Auto Pay on the 32nd":    auto(func(a *loan.AutoPay) { a.DayOfMonth = &thirtyTwo }),
			"Auto Pay 26 days before": auto(func(a *loan.AutoPay) { a.DayOfMonth, a.DaysBeforeDue = nil, &twentySix }),
			"Auto Pay a day after":    auto(func(a *loan.AutoPay) { a.DayOfMonth, a.DaysBeforeDue = nil, &minus }),
			"instalment":              contract(func(l *loan.Loan) { l.Instalment = -1 }),
			"current due":             contract(func(l *loan.Loan) { l.CurrentDue = -1 }),
			"past due":                contract(func(l *loan.Loan) { l.PastDue = -1 }),
			"fees":                    contract(func(l *loan.Loan) { l.Fees = -1 }),
			"principal":               contract(func(l *loan.Loan) { l.Principal = -1 }),
			"interest":                contract(func(l *loan.Loan) { l.InterestUnpaid = -1 }),
			"no due date":             contract(func(l *loan.Loan) { l.DueOn = loan.Date{} }),
			"account type": func(tx *store.BooksTx) error {
				a := sampleAccount(b.owner)
				a.Type, a.Nickname = "MONEY_MARKET", canary
				return tx.InsertPaymentAccount(t.Context(), a, []byte(canary), []byte(canary))
			},
			"an account without a sealed number": func(tx *store.BooksTx) error {
				return tx.InsertPaymentAccount(t.Context(), sampleAccount(b.owner), nil, []byte(canary))
			},
			"an account without a fingerprint": func(tx *store.BooksTx) error {
				return tx.InsertPaymentAccount(t.Context(), sampleAccount(b.owner), []byte(canary), nil)
			},
			"a vehicle of nobody": func(tx *store.BooksTx) error { return tx.InsertVehicle(t.Context(), sampleVehicle(0)) },
			"an owner of nothing": func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), b.owner, 1<<40) },
		} {
			err := b.InBooks(t.Context(), do)
			switch {
			case err == nil:
				t.Errorf("%s was stored", what)
			case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrRetry):
				t.Errorf("%s: %v", what, err)
			case strings.Contains(err.Error(), "canary"):
				t.Errorf("%s: the error shows the row: %v", what, err)
			}
		}
		if n := b.count("SELECT COUNT(*) FROM payments") + b.count("SELECT COUNT(*) FROM auto_pays"); n != 0 {
			t.Errorf("%d rows are there", n)
		}
	})
}

// A payment is cancelled if it is scheduled and its window is open: from when it
// was submitted, up to and without cancel_by.
func TestCancelPayment(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		whole := noon.Truncate(time.Second).Add(time.Hour)
		for _, by := range []time.Time{
			// SQLite compares instants as text, in which a whole second is shorter
			whole, whole.Add(500 * time.Millisecond), whole.Add(time.Microsecond), whole.Add(-time.Microsecond), whole.Add(100 * time.Millisecond),
			whole.AddDate(0, 1, 0), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		} {
			for after, want := range map[time.Duration]error{
				-2 * time.Microsecond: nil, -time.Microsecond: nil, -time.Nanosecond: nil, -500 * time.Nanosecond: nil,
				-600 * time.Millisecond: nil, -time.Second: nil, -40 * time.Minute: nil, -28 * 24 * time.Hour: nil,
				0: store.ErrNotFound, 1: store.ErrNotFound, time.Microsecond: store.ErrNotFound, 100 * time.Millisecond: store.ErrNotFound,
				600 * time.Millisecond: store.ErrNotFound, time.Second: store.ErrNotFound, 24 * time.Hour: store.ErrNotFound,
			} {
				at := by.Add(after)
				if at.Year() > 9999 {
					continue
				}
				var p *loan.Payment
				b.tx(func(tx *store.BooksTx) { p = b.addPayment(tx, func(p *loan.Payment) { p.CancelBy = by }) })
				err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
					return tx.CancelPayment(t.Context(), b.owner, p.ID, at.In(loan.Eastern))
				})
				if !errors.Is(err, want) {
					t.Errorf("window until %v, at %v: got %v, want %v", by, at, err, want)
				}
				if want == nil {
					at = at.Truncate(time.Microsecond)
					p.Status, p.CanceledAt = loan.Canceled, &at
				}
				same(t, b.payment(p.ID), p)
			}
		}
		for _, status := range []loan.PaymentStatus{loan.Processing, loan.Applied, loan.Settled, loan.Canceled, loan.Returned} {
			var p *loan.Payment
			b.tx(func(tx *store.BooksTx) { p = b.addPayment(tx, func(p *loan.Payment) { p.Status = status }) })
			err := b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.CancelPayment(t.Context(), b.owner, p.ID, noon) })
			wantError(t, err, store.ErrNotFound)
			same(t, b.payment(p.ID), p)
		}
	})
}

// Of two who change one payment's status, one does.
func TestCancelRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const races = 50
		for range races {
			var p *loan.Payment
			b.tx(func(tx *store.BooksTx) { p = b.addPayment(tx) })
			const racers = 4
			results := make(chan error, racers)
			for range racers {
				go func() {
					results <- b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.CancelPayment(t.Context(), b.owner, p.ID, noon) })
				}()
			}
			won := 0
			for range racers {
				if err := <-results; err == nil {
					won++
				} else {
					wantError(t, err, store.ErrNotFound)
				}
			}
			if won != 1 {
				t.Fatalf("%d have cancelled it", won)
			}
		}
	})
}
