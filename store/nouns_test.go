package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// Every noun is read as it was written, with all its fields.

func TestCustomersByID(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		owner, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		stranger, err := b.Customer(t.Context(), b.stranger)
		must(t, err)
		b.tx(func(tx *store.BooksTx) {
			got, err := tx.CustomersByID(t.Context(), []loan.CustomerID{b.owner, b.stranger, b.owner, 0, 1 << 40})
			must(t, err)
			same(t, got, map[loan.CustomerID]*loan.Customer{b.owner: owner, b.stranger: stranger})
		})
	})
}

func TestCustomer(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := b.sampleCustomer()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCustomer(t.Context(), want, "$argon2id$v=19$…")) })
		filled(t, want)
		got, err := b.Customer(t.Context(), want.ID)
		must(t, err)
		same(t, got, want)

		credentials, err := b.CredentialsOf(t.Context(), want.Username, "", time.Time{})
		must(t, err)
		same(t, credentials, store.Credentials{CustomerID: want.ID, Username: want.Username, PasswordHash: "$argon2id$v=19$…"})
		_, err = b.CredentialsOf(t.Context(), want.Username+" ", "", time.Time{})
		wantError(t, err, store.ErrNotFound)
		_, err = b.Customer(t.Context(), want.ID+1)
		wantError(t, err, store.ErrNotFound)
		_, err = b.Customer(t.Context(), 0)
		wantError(t, err, store.ErrNotFound)

		// only what a customer can change is written
		changed := *want
		changed.Email, changed.Phone = "new@example.com", ""
		changed.Address = loan.Address{Line1: "2", Line2: "", City: "c", State: "SC", PostalCode: "29401"}
		changed.Notifications = loan.Notifications{}
		written := changed
		written.BornOn = day("2000-01-01")
		written.Username, written.FirstName, written.LastName = "x", "y", "z"
		b.tx(func(tx *store.BooksTx) { must(t, tx.UpdateContact(t.Context(), &written)) })
		got, err = b.Customer(t.Context(), want.ID)
		must(t, err)
		same(t, got, changed)
		written.ID = 0
		err = b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.UpdateContact(t.Context(), &written) })
		wantError(t, err, store.ErrNotFound)
	})
}

func TestVehicle(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		enrolled := noon
		aLoan, aLease, bare := sampleVehicle(b.owner), sampleVehicle(b.owner), sampleVehicle(b.owner)
		aLoan.PaperlessSince, aLease.Contract = &enrolled, sampleLease()
		bare.Contract = &loan.Loan{
			Terms:               loan.Terms{OpenedOn: day("0001-01-01"), MaturesOn: day("9999-12-31"), DueOn: day("2026-12-01")},
			InterestPaidThrough: day("0001-01-01"),
		}
		b.tx(func(tx *store.BooksTx) {
			for _, v := range []*loan.Vehicle{aLoan, aLease, bare} {
				must(t, tx.InsertVehicle(t.Context(), v))
			}
		})
		filled(t, aLoan, "HeldSince")
		filled(t, aLoan.Contract)
		filled(t, aLease.Contract)

		vehicles, err := b.Vehicles(t.Context(), b.owner)
		must(t, err)
		same(t, vehicles[1:], []*loan.Vehicle{aLoan, aLease, bare}) // oldest first
		b.tx(func(tx *store.BooksTx) {
			for _, want := range vehicles {
				got, err := tx.LockVehicle(t.Context(), b.owner, want.ID)
				must(t, err)
				same(t, got, want)
			}
		})
	})
}

func TestPaperless(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		eastern := noon.In(loan.Eastern).Add(999 * time.Nanosecond)
		for _, since := range []*time.Time{&eastern, nil} {
			b.tx(func(tx *store.BooksTx) { must(t, tx.SetPaperless(t.Context(), b.owner, b.vehicle, since)) })
			vehicles, err := b.Vehicles(t.Context(), b.owner)
			must(t, err)
			want := since
			if since != nil {
				want = &noon
			}
			same(t, vehicles[0].PaperlessSince, want)
		}
		v := sampleVehicle(b.owner)
		v.PaperlessSince = &eastern
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertVehicle(t.Context(), v)) })
		vehicles, err := b.Vehicles(t.Context(), b.owner)
		must(t, err)
		same(t, vehicles[1].PaperlessSince, noon)
	})
}

func TestPaymentAccount(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := sampleAccount(b.owner)
		want.IsDefault = true
		sealed, fingerprint := []byte("\x00\xff sealed"), []byte("\x00\xfe fingerprint")
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertPaymentAccount(t.Context(), want, sealed, fingerprint)) })
		filled(t, want, "RemovedAt", "BlockedAt")
		read := func() *loan.PaymentAccount {
			t.Helper()
			accounts, err := b.PaymentAccounts(t.Context(), b.owner)
			must(t, err)
			if len(accounts) != 2 || accounts[0].ID != b.account {
				t.Fatalf("want the oldest first: %s", text(t, accounts))
			}
			return accounts[1]
		}
		same(t, read(), want)
		if n := b.count("SELECT COUNT(*) FROM payment_accounts WHERE number_sealed = $1 AND fingerprint = $2", sealed, fingerprint); n != 1 {
			t.Errorf("the bytes were not stored as they are: %d", n)
		}
		got, err := b.PaymentAccountByFingerprint(t.Context(), b.owner, fingerprint)
		must(t, err)
		same(t, got, want)
		b.tx(func(tx *store.BooksTx) {
			got, err := tx.LockPaymentAccount(t.Context(), b.owner, want.ID)
			must(t, err)
			same(t, got, want)
		})

		// the default is cleared for this customer only
		b.raw("UPDATE payment_accounts SET is_default = TRUE WHERE customer_id = $1", b.stranger)
		b.tx(func(tx *store.BooksTx) { must(t, tx.ClearDefaultPaymentAccount(t.Context(), b.owner)) })
		want.IsDefault = false
		same(t, read(), want)
		if n := b.count("SELECT COUNT(*) FROM payment_accounts WHERE is_default"); n != 1 {
			t.Errorf("%d defaults are left, want the stranger's", n)
		}

		// an update writes what can change, and nothing else
		removed := noon.In(loan.Eastern).Add(time.Second)
		changed := *want
		changed.Nickname, changed.RemovedAt = "", &removed
		written := changed
		written.Type, written.RoutingNumber, written.Last4, written.AddedAt = loan.Checking, "1", "2", noon.AddDate(1, 0, 0)
		b.tx(func(tx *store.BooksTx) { must(t, tx.UpdatePaymentAccount(t.Context(), b.owner, &written)) })
		inUTC := removed.UTC()
		changed.RemovedAt = &inUTC
		same(t, read(), changed)

		// what was removed is there in the list alone, and stays removed
		_, err = b.PaymentAccountByFingerprint(t.Context(), b.owner, fingerprint)
		wantError(t, err, store.ErrNotFound)
		err = b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.LockPaymentAccount(t.Context(), b.owner, want.ID)
			return err
		})
		wantError(t, err, store.ErrNotFound)
		written.RemovedAt = nil
		err = b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.UpdatePaymentAccount(t.Context(), b.owner, &written) })
		wantError(t, err, store.ErrNotFound)
		same(t, read(), changed)
	})
}

func TestPaymentAccountInUse(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		inUse := func() (yes bool) {
			b.tx(func(tx *store.BooksTx) {
				var err error
				yes, err = tx.PaymentAccountInUse(t.Context(), b.owner, b.account)
				must(t, err)
			})
			return yes
		}
		if inUse() {
			t.Error("nothing draws on it")
		}
		var p *loan.Payment
		b.tx(func(tx *store.BooksTx) { p = b.addPayment(tx) })
		for status, want := range map[loan.PaymentStatus]bool{
			loan.Scheduled: true, loan.Processing: true, loan.Applied: false, loan.Settled: false, loan.Canceled: false, loan.Returned: false,
		} {
			b.raw("UPDATE payments SET status = $2 WHERE id = $1", p.ID, status)
			if got := inUse(); got != want {
				t.Errorf("with a payment that is %s: %t", status, got)
			}
		}
		b.raw("UPDATE payments SET status = 'CANCELED'")
		auto := b.sampleAutoPay()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertAutoPay(t.Context(), auto)) })
		for status, want := range map[loan.AutoPayStatus]bool{loan.AutoPayActive: true, loan.AutoPayPaused: true, loan.AutoPayCanceled: false} {
			b.raw("UPDATE auto_pays SET status = $2 WHERE id = $1", auto.ID, status)
			if got := inUse(); got != want {
				t.Errorf("with Auto Pay that is %s: %t", status, got)
			}
		}
	})
}

func TestPayment(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var want, exact *loan.Payment
		b.tx(func(tx *store.BooksTx) {
			auto := b.sampleAutoPay()
			must(t, tx.InsertAutoPay(t.Context(), auto))
			returned := b.addPayment(tx, b.byStranger, func(p *loan.Payment) { p.VehicleID = b.theirs })
			partner := samplePartner("A")
			must(t, tx.InsertPartner(t.Context(), partner))
			want = b.addPayment(tx, func(p *loan.Payment) {
				p.AutoPayID, p.DueOn, p.Represents, p.PartnerID = &auto.ID, day("2026-12-01"), &returned.ID, &partner.ID
			})
			// another zone, and more than the microseconds that are kept
			exact = b.addPayment(tx, func(p *loan.Payment) {
				p.Amount, p.ScheduledOn = loan.MaxCents, day("2028-02-29")
				p.SubmittedAt = noon.In(loan.Eastern).Add(999 * time.Nanosecond)
				p.CancelBy = noon.Add(time.Hour + 500*time.Nanosecond)
			})
		})
		// the others come with what happens to a payment later
		filled(t, want, "CanceledAt", "CanCancel", "Applied", "AppliedAt", "ReturnedAt", "ReturnCode")
		same(t, b.payment(want.ID), want)
		exact.SubmittedAt, exact.CancelBy = noon, noon.Add(time.Hour)
		same(t, b.payment(exact.ID), exact)
		b.tx(func(tx *store.BooksTx) {
			got, err := tx.LockPayment(t.Context(), b.owner, want.ID)
			must(t, err)
			same(t, got, want)
		})
		page, err := b.Payments(t.Context(), b.owner, []loan.VehicleID{b.vehicle}, store.Page{Limit: 5})
		must(t, err)
		same(t, page, []*loan.Payment{want, exact})
		page, err = b.PendingPayments(t.Context(), b.owner, []loan.VehicleID{b.vehicle}, store.Page{Limit: 1, Descending: true})
		must(t, err)
		same(t, page, []*loan.Payment{exact})

		if got, err := b.PaymentsByID(t.Context(), b.owner, nil); err != nil || len(got) != 0 {
			t.Errorf("no ids: %v, %v", got, err)
		}
		got, err := b.PaymentsByID(t.Context(), b.owner, []loan.PaymentID{want.ID, want.ID, exact.ID, 0, -1, 1 << 62})
		must(t, err)
		if len(got) != 2 {
			t.Errorf("got %d payments for two of the ids", len(got))
		}
	})
}

func TestAutoPay(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := b.sampleAutoPay()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertAutoPay(t.Context(), want)) })
		filled(t, want, "DaysBeforeDue")
		read := func() []*loan.AutoPay {
			t.Helper()
			got, err := b.AutoPays(t.Context(), b.owner)
			must(t, err)
			return got
		}
		same(t, read(), []*loan.AutoPay{want})

		zero := 0
		var account loan.PaymentAccountID
		b.tx(func(tx *store.BooksTx) {
			a := sampleAccount(b.owner)
			must(t, tx.InsertPaymentAccount(t.Context(), a, []byte{1}, []byte{2}))
			account = a.ID
		})
		changed := *want
		changed.PaymentAccountID, changed.Status, changed.AmountKind, changed.Amount = account, loan.AutoPayPaused, loan.AutoPayAmountDue, 0
		changed.DayOfMonth, changed.DaysBeforeDue, changed.ChangedAt = nil, &zero, noon.In(loan.Eastern).Add(time.Hour)
		written := changed
		written.SetUpBy, written.SetUpAt = b.stranger, noon.AddDate(1, 0, 0)
		b.tx(func(tx *store.BooksTx) { must(t, tx.UpdateAutoPay(t.Context(), b.owner, &written)) })
		changed.ChangedAt = noon.Add(time.Hour)
		same(t, read(), []*loan.AutoPay{&changed})
		b.tx(func(tx *store.BooksTx) {
			got, err := tx.LockAutoPay(t.Context(), b.owner, want.ID)
			must(t, err)
			same(t, got, changed)
		})

		// what was cancelled is gone
		changed.Status = loan.AutoPayCanceled
		b.tx(func(tx *store.BooksTx) { must(t, tx.UpdateAutoPay(t.Context(), b.owner, &changed)) })
		if got := read(); len(got) != 0 {
			t.Errorf("got %s", text(t, got))
		}
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error {
			_, err := tx.LockAutoPay(t.Context(), b.owner, want.ID)
			return err
		})
		wantError(t, err, store.ErrNotFound)
	})
}

func TestStatement(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := b.sampleStatement()
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertStatements(t.Context(), []*loan.Statement{want})) })
		full, err := b.StatementsInFull(t.Context(), b.owner, []loan.StatementID{want.ID, want.ID + 1})
		must(t, err)
		same(t, full, []*loan.Statement{want})
		whole, err := b.Books().AnyStatement(t.Context(), want.ID)
		must(t, err)
		same(t, whole, want)
		_, err = b.Books().AnyStatement(t.Context(), want.ID+1)
		wantError(t, err, store.ErrNotFound)

		correction := b.sampleStatement()
		correction.Corrects = &want.ID
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertStatements(t.Context(), []*loan.Statement{correction})) })
		filled(t, correction)
		for _, s := range []*loan.Statement{want, correction} {
			s.Lines, s.Paper = nil, loan.Paper{} // which are not read in lists
		}
		page, err := b.Statements(t.Context(), b.owner, []loan.VehicleID{b.vehicle}, store.Page{Limit: 5})
		must(t, err)
		same(t, page, []*loan.Statement{want, correction})
		byID, err := b.StatementsByID(t.Context(), b.owner, []loan.StatementID{want.ID, correction.ID + 1})
		must(t, err)
		same(t, byID, []*loan.Statement{want})
		for of, related := range map[*loan.Statement]*loan.Statement{want: correction, correction: want} {
			got, err := b.RelatedStatements(t.Context(), b.owner, []loan.StatementID{of.ID})
			must(t, err)
			same(t, got, []*loan.Statement{related})
		}
		closings, err := b.Books().Closings(t.Context(), []loan.VehicleID{b.vehicle, b.theirs}, 13)
		must(t, err)
		same(t, closings, map[loan.VehicleID][]store.Closing{b.vehicle: {{ID: correction.ID, VehicleID: b.vehicle, On: want.PeriodTo, Amount: want.ClosingBalance}}})
	})
}

// A day is on one statement, a posting is on one, and a statement is corrected once.
// None of them changes afterwards.
func TestStatementOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		first := b.sampleStatement()
		ledgers, err := b.Books().Ledgers(t.Context(), []loan.VehicleID{b.vehicle})
		must(t, err)
		entries := ledgers[b.vehicle]
		if len(entries) != 1 || entries[0].Kind != loan.PostOpening || entries[0].StatementID != nil {
			t.Fatalf("the ledger is %+v", entries)
		}
		put := func(change func(*loan.Statement)) error {
			return b.InBooks(t.Context(), func(tx *store.BooksTx) error {
				s := b.sampleStatement()
				change(s)
				if err := tx.InsertStatements(t.Context(), []*loan.Statement{s}); err != nil {
					return err
				}
				return tx.InsertStatementPostings(t.Context(), store.NewOnStatement(s, entries))
			})
		}
		must(t, put(func(s *loan.Statement) {}))
		page, err := b.Statements(t.Context(), b.owner, []loan.VehicleID{b.vehicle}, store.Page{Limit: 1})
		must(t, err)
		first.ID = page[0].ID
		wantError(t, put(func(s *loan.Statement) {}), store.ErrConflict)
		wantError(t, put(func(s *loan.Statement) { s.PeriodFrom = s.PeriodFrom.AddDays(1) }), store.ErrConflict) // the posting is on one already
		ledgers, err = b.Books().Ledgers(t.Context(), []loan.VehicleID{b.vehicle})
		must(t, err)
		if entries = ledgers[b.vehicle]; entries[0].StatementID == nil || *entries[0].StatementID != first.ID {
			t.Fatalf("the posting is on statement %v, want %d", entries[0].StatementID, first.ID)
		}
		must(t, put(func(s *loan.Statement) { s.Corrects = &first.ID }))
		wantError(t, put(func(s *loan.Statement) { s.Corrects = &first.ID }), store.ErrConflict)
		for _, statement := range []string{
			"UPDATE statements SET amount_due_cents = 0", "DELETE FROM statements", "UPDATE statement_postings SET is_first = FALSE", "DELETE FROM statement_postings",
		} {
			if _, err := b.admin.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "only ever added") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// When a statement is looked for is kept with the contract, until something is posted
// that ends it or brings it back.
func TestStatementDays(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		due := func(on string, want ...loan.VehicleID) {
			t.Helper()
			ids, err := b.Books().VehiclesForStatements(t.Context(), day(on), 0, 10)
			must(t, err)
			if !slices.Equal(ids, want) {
				t.Errorf("on %s: %v, want %v", on, ids, want)
			}
		}
		set := func(id loan.VehicleID, on loan.Date) {
			b.tx(func(tx *store.BooksTx) {
				must(t, tx.SetStatementDays(t.Context(), []store.StatementDay{{VehicleID: id, On: on}}))
			})
		}
		post := func(principal loan.Cents) {
			b.tx(func(tx *store.BooksTx) {
				vehicles, err := tx.LockVehicles(t.Context(), []loan.VehicleID{b.vehicle})
				must(t, err)
				l := vehicles[b.vehicle].Contract.(*loan.Loan)
				l.Principal, l.InterestUnpaid, l.PastDue, l.CurrentDue, l.Fees = principal, 0, 0, 0, 0
				must(t, tx.UpdateContracts(t.Context(), []*loan.Vehicle{vehicles[b.vehicle]}))
			})
		}
		due("2026-11-18", b.vehicle, b.theirs) // one that is new is looked at
		set(b.theirs, loan.Never)
		set(b.vehicle, day("2026-12-01"))
		due("2026-11-30")
		due("2026-12-01", b.vehicle)
		post(1)
		due("2026-11-30")
		post(0)
		due("2026-11-30", b.vehicle)
		set(b.vehicle, loan.Never)
		due("9999-12-30")
		post(1)
		due("2026-11-30", b.vehicle)
	})
}

func TestAudit(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := []store.AuditEntry{
			{CustomerID: b.owner, At: noon, Actor: "customer:1", SessionID: "s", Address: "2001:db8::1", RequestID: "r", Action: "payment.scheduled", Subject: "payment:1", Detail: `{"name":"Zoë 😀"}`},
			{CustomerID: b.owner, At: noon.Add(-time.Hour)}, // in the order in which they were added
		}
		filled(t, want[0])
		b.tx(func(tx *store.BooksTx) {
			for _, e := range want {
				e.At = e.At.In(loan.Eastern)
				must(t, tx.InsertAudit(t.Context(), e))
			}
		})
		got, err := b.Audit(t.Context(), b.owner)
		must(t, err)
		same(t, got, want)
	})
}

func TestRivalPayments(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		today, later := day("2026-11-18"), day("2026-11-25")
		var want []loan.PaymentID
		b.tx(func(tx *store.BooksTx) {
			for _, on := range []loan.Date{today, later} {
				for _, status := range []loan.PaymentStatus{loan.Scheduled, loan.Processing, loan.Applied, loan.Settled, loan.Canceled, loan.Returned} {
					p := b.addPayment(tx, func(p *loan.Payment) { p.Status, p.ScheduledOn = status, on })
					pending := status == loan.Scheduled || status == loan.Processing
					if pending || on == today && (status == loan.Applied || status == loan.Settled) {
						want = append(want, p.ID)
					}
				}
			}
		})
		b.tx(func(tx *store.BooksTx) {
			rivals, err := tx.RivalPayments(t.Context(), b.owner, b.vehicle, today)
			must(t, err)
			got := []loan.PaymentID{}
			for _, p := range rivals {
				got = append(got, p.ID)
			}
			same(t, got, want)
			if others, err := tx.RivalPayments(t.Context(), b.stranger, b.theirs, today); err != nil || len(others) != 0 {
				t.Errorf("another vehicle: %v, %v", others, err)
			}
		})
	})
}
