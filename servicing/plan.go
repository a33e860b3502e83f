package servicing

import (
	"context"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// planAhead is how many days before its date an Auto Pay payment is planned: from
// then on the customer sees it, and can cancel it until 15:00 Eastern on the day.
const planAhead = 10

// planAutoPays makes the payments of Auto Pay that come within the next days. A
// due date is paid once: what was planned, and cancelled, is not planned again.
func (s *Service) planAutoPays(ctx context.Context, today loan.Date, now time.Time) error {
	for after := loan.AutoPayID(0); ; {
		var last loan.AutoPayID
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) (err error) {
			last, err = s.planBatch(ctx, tx, today, now, after)
			return err
		})
		if err != nil || last == 0 {
			return err
		}
		after = last
	}
}

// planBatch plans for the next Auto Pays after one, and tells the last; zero where
// there is none.
func (s *Service) planBatch(ctx context.Context, tx *store.BooksTx, today loan.Date, now time.Time, after loan.AutoPayID) (loan.AutoPayID, error) {
	autoPays, err := tx.ActiveAutoPays(ctx, after, batch)
	if err != nil || len(autoPays) == 0 {
		return 0, err
	}
	ids := make([]loan.VehicleID, len(autoPays))
	for i, a := range autoPays {
		ids[i] = a.VehicleID
	}
	vehicles, err := tx.LockVehicles(ctx, ids)
	if err != nil {
		return 0, err
	}
	var planned []*loan.Payment
	for _, a := range autoPays {
		if p := s.planned(a, vehicles[a.VehicleID], today, now); p != nil {
			planned = append(planned, p)
		}
	}
	before, err := lastAmounts(ctx, tx, planned)
	if err != nil {
		return 0, err
	}
	inserted, err := tx.InsertAutoPayments(ctx, planned, now)
	if err != nil {
		return 0, err
	}
	if err := announce(ctx, tx.Tx, now, plannedNotices(planned, vehicles, inserted, before)...); err != nil {
		return 0, err
	}
	audits := make([]store.AuditEntry, len(inserted))
	for i, p := range inserted {
		tx.InsertEvents(store.Event{CustomerID: p.CustomerID, VehicleID: p.VehicleID, At: now, Kind: loan.PaymentScheduled, SubjectID: int64(p.ID)})
		audits[i] = store.AuditEntry{CustomerID: p.CustomerID, At: now, Actor: "auto pay", Action: "payment.scheduled", Subject: fmt.Sprintf("payment:%d", p.ID), Detail: "{}"}
	}
	return autoPays[len(autoPays)-1].ID, tx.InsertAudits(ctx, audits)
}

// lastAmounts is what each Auto Pay paid last, of those that pay now.
func lastAmounts(ctx context.Context, tx *store.BooksTx, planned []*loan.Payment) (map[loan.AutoPayID]loan.Cents, error) {
	ids := make([]loan.AutoPayID, len(planned))
	for i, p := range planned {
		ids[i] = *p.AutoPayID
	}
	amounts := make(map[loan.AutoPayID]loan.Cents, len(ids))
	if len(ids) == 0 {
		return amounts, nil
	}
	last, err := tx.LastAutoPayments(ctx, ids)
	for _, p := range last {
		amounts[p.AutoPayID] = p.Amount
	}
	return amounts, err
}

// plannedNotices tell of the payments that were added. Where the amount differs from
// that of the payment before, the notice is the one that is due 10 days ahead, to whose
// account is debited (Regulation E, 12 CFR 1005.10(d)).
func plannedNotices(planned []*loan.Payment, vehicles map[loan.VehicleID]*loan.Vehicle, inserted []store.AutoPayment, before map[loan.AutoPayID]loan.Cents) []notice {
	of := make(map[loan.AutoPayID]*loan.Payment, len(planned))
	for _, p := range planned {
		of[*p.AutoPayID] = p
	}
	notices := make([]notice, len(inserted))
	for i, added := range inserted {
		p := of[added.AutoPayID]
		p.ID = added.ID
		v := vehicles[p.VehicleID]
		notices[i] = scheduledNotice(p, v)
		if last, paid := before[added.AutoPayID]; paid && last != p.Amount {
			notices[i] = notice{customer: p.ScheduledBy, kind: loan.NoticeAutoPayAmount, subject: subject(p), values: map[string]string{
				"on": p.ScheduledOn.String(), "amount": string(p.Amount.Amount()), "before": string(last.Amount()), "last4": v.AccountNumberLast4(),
			}}
		}
	}
	return notices
}

// planned is the payment that Auto Pay makes for the next due date, where its day
// has come near and there is no hold.
func (s *Service) planned(a *loan.AutoPay, v *loan.Vehicle, today loan.Date, now time.Time) *loan.Payment {
	if v.OnHold() {
		return nil
	}
	dueOn := v.Contract.Common().DueOn
	on := a.PaysOn(dueOn)
	if on.After(today.AddDays(planAhead)) {
		return nil
	}
	slot, err := s.Timing.Schedule(now, on)
	amount := a.AmountOn(v.Contract, on)
	if err != nil || amount <= 0 {
		return nil // its day has gone by, or nothing is owed
	}
	return &loan.Payment{
		CustomerID: a.CustomerID, ScheduledBy: a.SetUpBy, VehicleID: a.VehicleID, PaymentAccountID: a.PaymentAccountID,
		ConfirmationNumber: newConfirmationNumber(), Amount: amount, Kind: loan.KindRegular, Origin: loan.OriginAutoPay, Status: loan.Scheduled,
		ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn, SubmittedAt: now, CancelBy: slot.CancelBy,
		AutoPayID: &a.ID, DueOn: dueOn,
	}
}
