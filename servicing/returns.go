package servicing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// TakeInbound takes a file of returns and notifications of change. A file that
// cannot be read whole changes nothing. Each return is a transaction of its own
// and is done once, however often its file comes; what cannot be placed goes to
// the operators' list.
func (s *Service) TakeInbound(ctx context.Context, source string, content []byte, now time.Time) error {
	in, err := ach.Parse(content)
	if err != nil {
		return err
	}
	for _, r := range in.Returns {
		if err := s.takeReturn(ctx, source, r, now); err != nil {
			return fmt.Errorf("return %s of trace %s: %w", r.Code, r.OriginalTrace, err)
		}
	}
	for _, n := range in.Notifications {
		if err := s.takeNotification(ctx, source, n, now); err != nil {
			return fmt.Errorf("notification %s of trace %s: %w", n.Code, n.OriginalTrace, err)
		}
	}
	for _, other := range in.Others {
		if err := s.except(ctx, source, "unexpected entry", other.Trace, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) except(ctx context.Context, source, kind, detail string, now time.Time) error {
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		return tx.InsertException(ctx, store.Exception{Source: source, Kind: kind, Detail: detail, CreatedAt: now})
	})
}

func (s *Service) takeReturn(ctx context.Context, source string, r ach.Return, now time.Time) error {
	entry, err := s.Store.Books().EntryByTrace(ctx, r.OriginalTrace)
	detail := fmt.Sprintf("%s for trace %s, %s", r.Code, r.OriginalTrace, r.Amount)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.except(ctx, source, "return of an unknown entry", detail, now)
	case err != nil:
		return err
	case r.Credit != (entry.Kind == store.MicroEntry) || r.Amount != entry.Amount || r.ID != individualID(entry.ID, entry.PaymentID):
		return s.except(ctx, source, "return that does not fit its entry", detail, now)
	}
	action, known := ach.ActionFor(r.Code)
	if entry.Kind != store.DebitEntry {
		// No money is to be taken back: the account is not valid.
		action.ReverseCredit, action.BlockAccount = false, true
	}
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		claimed, err := tx.ClaimReturn(ctx, entry, r.OriginalTrace, r.Code, now)
		if err != nil || !claimed {
			return err
		}
		if action.OpenCase || !known {
			exception := store.Exception{Source: source, Kind: "return to look at", Detail: detail, CreatedAt: now}
			if err := tx.InsertException(ctx, exception); err != nil {
				return err
			}
		}
		if action.ReverseCredit {
			if err := s.reverse(ctx, tx, source, entry, r.Code, action, now); err != nil {
				return err
			}
		}
		return s.restrict(ctx, tx, entry, r.Code, action, now)
	})
}

// reverse takes the credit of a returned payment back, and tries the debit again
// where that may be done.
func (s *Service) reverse(ctx context.Context, tx *store.BooksTx, source string, entry store.SentEntry, code string, action ach.Action, now time.Time) error {
	vehicles, err := tx.LockVehicles(ctx, []loan.VehicleID{entry.VehicleID})
	if err != nil {
		return err
	}
	payment, err := tx.AnyPayment(ctx, *entry.PaymentID)
	if err != nil {
		return err
	}
	if payment.Status != loan.Applied && payment.Status != loan.Settled {
		// It came back before, with another code.
		detail := fmt.Sprintf("%s for payment %d, which is %s", code, payment.ID, payment.Status)
		return tx.InsertException(ctx, store.Exception{Source: source, Kind: "return of a payment that is not applied", Detail: detail, CreatedAt: now})
	}
	posted, err := tx.PaymentPosting(ctx, payment.ID)
	if err != nil {
		return err
	}
	vehicle := vehicles[entry.VehicleID]
	postings := make([]store.Posted, 0, 2)
	for _, p := range vehicle.Contract.Reverse(posted.Posting) {
		postings = append(postings, store.Posted{CustomerID: vehicle.CustomerID, VehicleID: vehicle.ID, PaymentID: &payment.ID, Posting: p})
	}
	tx.InsertEvents(store.PaymentEvent(loan.PaymentReturned, payment, now))
	err = errors.Join(
		tx.ReturnPayment(ctx, payment.ID, code, now),
		tx.InsertPostings(ctx, postings, now),
		tx.UpdateContracts(ctx, []*loan.Vehicle{vehicle}),
		tx.InsertAudits(ctx, []store.AuditEntry{{
			CustomerID: payment.CustomerID, At: now, Actor: "bank", Action: "payment.returned", Subject: subject(payment), Detail: `{"code":"` + code + `"}`,
		}}),
	)
	var again *loan.Payment
	if err == nil && action.Represent && !vehicle.OnHold() {
		again, err = s.represent(ctx, tx, payment, now)
	}
	if err != nil {
		return err
	}
	return announce(ctx, tx.Tx, now, returnedNotice(payment, again, vehicle, code))
}

// represent schedules a returned payment again for the next banking day, at most
// twice and within 180 days of the first debit; nil where that may not be done. It is the
// same order: whoever made it, a partner too, can cancel it again.
func (s *Service) represent(ctx context.Context, tx *store.BooksTx, payment *loan.Payment, now time.Time) (*loan.Payment, error) {
	first, attempts := payment, 0
	for first.Represents != nil {
		attempts++
		before, err := tx.AnyPayment(ctx, *first.Represents)
		if err != nil {
			return nil, err
		}
		first = before
	}
	on := ach.AddBankingDays(loan.DateOf(now), 1)
	if attempts >= ach.MaxRepresentments || first.DebitedOn.DaysUntil(on) > ach.RepresentDays {
		return nil, nil
	}
	slot, err := s.Timing.Schedule(now, on)
	if err != nil {
		return nil, nil //nolint:nilerr // the policy about dates allows no second try
	}
	again := &loan.Payment{
		CustomerID: payment.CustomerID, ScheduledBy: payment.ScheduledBy, VehicleID: payment.VehicleID, PaymentAccountID: payment.PaymentAccountID,
		ConfirmationNumber: newConfirmationNumber(), Amount: payment.Applied, Kind: payment.Kind, Origin: payment.Origin, Status: loan.Scheduled,
		ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn, SubmittedAt: now, CancelBy: slot.CancelBy,
		AutoPayID: payment.AutoPayID, DueOn: payment.DueOn, Represents: &payment.ID, PartnerID: payment.PartnerID,
	}
	if err := tx.InsertPayment(ctx, again); err != nil {
		return nil, err
	}
	tx.InsertEvents(store.PaymentEvent(loan.PaymentScheduled, again, now))
	return again, tx.InsertAudits(ctx, []store.AuditEntry{{
		CustomerID: again.CustomerID, At: now, Actor: "bank", Action: "payment.represented", Subject: subject(again), Detail: "{}",
	}})
}

// restrict does what a return means for the account and what draws on it.
func (s *Service) restrict(ctx context.Context, tx *store.BooksTx, entry store.SentEntry, code string, action ach.Action, now time.Time) error {
	var audits []store.AuditEntry
	note := func(owner loan.CustomerID, what, subject string) {
		audits = append(audits, store.AuditEntry{CustomerID: owner, At: now, Actor: "bank", Action: what, Subject: subject, Detail: `{"code":"` + code + `"}`})
	}
	stopped := stopped{last4: entry.AccountLast4}
	if action.BlockAccount {
		blocked, err := tx.BlockAccount(ctx, entry.AccountOwner, entry.PaymentAccountID, code, now)
		if err != nil {
			return err
		}
		stopped.blocked = blocked
		note(entry.CustomerID, "payment_account.blocked", fmt.Sprintf("payment_account:%d", entry.PaymentAccountID))
	}
	if action.CancelPending {
		canceled, err := tx.CancelOnAccount(ctx, entry.PaymentAccountID, now)
		if err != nil {
			return err
		}
		stopped.canceled = len(canceled)
		for _, p := range canceled {
			tx.InsertEvents(p.Event(loan.PaymentCanceled, now))
			note(p.CustomerID, "payment.canceled", fmt.Sprintf("payment:%d", p.ID))
		}
	}
	if action.AutoPay != ach.KeepAutoPay {
		status, what := loan.AutoPayPaused, "auto_pay.paused"
		if action.AutoPay == ach.EndAutoPay {
			status, what = loan.AutoPayCanceled, "auto_pay.canceled"
		}
		changed, err := tx.AutoPaysOnAccount(ctx, entry.PaymentAccountID, status, now)
		if err != nil {
			return err
		}
		if len(changed) > 0 {
			stopped.autoPay = action.AutoPay
		}
		for _, a := range changed {
			tx.InsertEvents(a.Event(loan.AutoPayChanged, now))
			note(a.CustomerID, what, fmt.Sprintf("auto_pay:%d", a.ID))
		}
	}
	if stopped.blocked || stopped.canceled > 0 || stopped.autoPay != ach.KeepAutoPay {
		n := blockedNotice(entry.AccountOwner, fmt.Sprintf("payment_account:%d", entry.PaymentAccountID), code, stopped)
		if err := announce(ctx, tx.Tx, now, n); err != nil {
			return err
		}
	}
	return tx.InsertAudits(ctx, audits)
}

// SimulateReturn lets the bank return a payment with a code: the sandbox's bank
// makes the file that a real one would send, and the file is taken.
func (s *Service) SimulateReturn(ctx context.Context, id loan.PaymentID, code string, now time.Time) error {
	cutoff, trace, err := s.Store.Books().EntryOfPayment(ctx, id)
	if err != nil {
		return found(err, "paymentId")
	}
	described, err := s.Store.Books().FilesOfRun(ctx, cutoff)
	if err != nil || len(described) == 0 {
		return errors.Join(err, store.ErrNotFound)
	}
	var content []byte
	before := strings.Index(modifiers, described[0].IDModifier)
	err = s.eachFile(ctx, s.Store.Books(), cutoff, before, described[0].CreatedAt, func(f ach.File, traced []store.Traced) (err error) {
		if slices.ContainsFunc(traced, func(t store.Traced) bool { return t.Trace == trace }) {
			content, err = ach.BuildReturn(f.Content, now, ach.Rejection{Trace: trace, Code: code})
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.TakeInbound(ctx, "sandbox-"+trace+"-"+code, content, now)
}
