package servicing

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// order is a payment as a customer asks for it, whether to see it first, to make
// it, or to put it in another one's place.
type order struct {
	vehicle              loan.VehicleID
	amount               PaymentAmountInput
	on                   loan.Date
	source               *PaymentSourceInput
	principalOnly        bool
	acknowledgeDuplicate bool
	authorizationHash    *string
	language             loan.Language // of the text to authorise
	valid                bool          // whether a new account can be debited at once
}

// newAccount is the account that an order would add; nil where it adds none.
func newAccount(in *PaymentSourceInput) *NewPaymentAccountInput {
	if in == nil || in.Saved != nil {
		return nil
	}
	return in.New
}

// PaymentPreview is what would happen if a payment were made now.
type PaymentPreview struct {
	loan.Slot
	Amount          loan.Cents
	Kind            loan.PaymentKind
	Allocation      []loan.Share
	Authorization   *Authorization
	LikelyDuplicate *loan.Payment
}

// decide applies the rules to an order: the one place in which it is said what a
// payment would be. rivals are the payments of the vehicle that are pending or of
// the same date. account may be nil in a preview. There is no authorisation where the
// order has the hash of another.
func (s *Service) decide(now time.Time, o order, vehicle *loan.Vehicle, rivals []loan.Payment, account *loan.PaymentAccount) (*PaymentPreview, error) {
	if err := vehicle.CheckHold(); err != nil {
		return nil, err
	}
	slot, err := s.Timing.Schedule(now, o.on)
	if err != nil {
		return nil, err
	}
	var pending loan.Cents
	for _, rival := range rivals {
		if rival.Status == loan.Scheduled || rival.Status == loan.Processing {
			pending += rival.Amount
		}
	}
	if account != nil {
		if err := checkDebitable(account, slot.DebitedOn); err != nil {
			return nil, err
		}
	}
	payoff := max(vehicle.Contract.PayoffOn(slot.CreditedOn).Amount-pending, 0)
	p := &PaymentPreview{Slot: slot}
	if p.Amount, p.Kind, err = amountOf(o.amount, vehicle.Contract.Common(), payoff); err != nil {
		return nil, err
	}
	if o.principalOnly {
		p.Kind = loan.KindPrincipalOnly
	}
	if p.Amount > payoff {
		return nil, &loan.AmountNotAllowed{
			Refusal: loan.Refusal{Code: loan.CodeAmountOverPayoff, Path: []string{"amount"},
				Message: "The amount is more than would pay off the contract, with the payments that are pending."},
			Maximum: &payoff,
		}
	}
	if p.Allocation, err = vehicle.Contract.Allocate(p.Amount, p.Kind, slot.CreditedOn); err != nil {
		return nil, err
	}
	for i, rival := range rivals {
		if rival.ScheduledOn == slot.ScheduledOn && rival.Amount == p.Amount {
			p.LikelyDuplicate = &rivals[i]
			break
		}
	}
	if account != nil {
		p.Authorization = confirmedText(o.authorizationHash, o.language, paymentText(p, vehicle, account))
	}
	return p, nil
}

// amountOf is the amount of an order and what it is meant for.
func amountOf(in PaymentAmountInput, terms *loan.Terms, payoff loan.Cents) (loan.Cents, loan.PaymentKind, error) {
	switch {
	case (in.Fixed == nil) == (in.Due == nil):
		return 0, "", loan.Refuse(loan.CodeInvalidInput, "Give exactly one of fixed and due.", "amount")
	case in.Fixed != nil:
		cents, err := in.Fixed.Payable("amount", "fixed")
		return cents, loan.KindRegular, err
	}
	amount, kind := loan.Cents(0), loan.KindRegular
	switch *in.Due {
	case DuePastDue:
		amount, kind = terms.PastDue, loan.KindPastDue
	case DueAmountDue:
		amount = terms.AmountDue()
	case DuePayoff:
		amount, kind = payoff, loan.KindPayoff
	}
	if amount <= 0 {
		return 0, "", loan.Refuse(loan.CodeNothingDue, "There is nothing to pay.", "amount", "due")
	}
	return amount, kind, nil
}

// PreviewPayment says what would happen if the customer made a payment now. It
// reads in a transaction, as the payment would, and stores nothing.
func (s *Service) PreviewPayment(ctx context.Context, viewer auth.Viewer, in PreviewPaymentInput) (*PaymentPreview, error) {
	if err := savedOnly(viewer, in.PaymentAccount); err != nil {
		return nil, err
	}
	o := order{vehicle: in.VehicleID, amount: in.Amount, on: in.ScheduledOn, source: in.PaymentAccount, principalOnly: in.PrincipalOnly,
		language: auth.RequestFrom(ctx).Language, valid: s.validated(ctx, newAccount(in.PaymentAccount))}
	now := auth.RequestFrom(ctx).At
	return inTx(ctx, s, func(tx *store.Tx) (*PaymentPreview, error) {
		if err := permitted(ctx, tx, viewer, loan.ScopePaymentsRead); err != nil {
			return nil, err
		}
		vehicle, rivals, err := lockVehicle(ctx, tx, viewer, o)
		if err != nil {
			return nil, err
		}
		account, err := s.previewSource(ctx, tx, viewer, o.source, o.valid)
		if err != nil {
			return nil, err
		}
		p, err := s.decide(now, o, vehicle, rivals, account)
		if err == nil && p.LikelyDuplicate != nil {
			seenBy(viewer, now, p.LikelyDuplicate)
		}
		return p, err
	})
}

func lockVehicle(ctx context.Context, tx *store.Tx, viewer auth.Viewer, o order) (*loan.Vehicle, []loan.Payment, error) {
	vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, o.vehicle)
	if err != nil {
		return nil, nil, found(err, "vehicleId")
	}
	rivals, err := tx.RivalPayments(ctx, viewer.CustomerID, vehicle.ID, o.on)
	return vehicle, rivals, err
}

// SchedulePayment makes a payment. Same key and input: the first payment again.
func (s *Service) SchedulePayment(ctx context.Context, viewer auth.Viewer, in SchedulePaymentInput) (*loan.Payment, bool, error) {
	if err := savedOnly(viewer, &in.PaymentAccount); err != nil {
		return nil, false, err
	}
	valid := s.validated(ctx, newAccount(&in.PaymentAccount))
	payment, replayed, err := once(ctx, s, viewer, in.IdempotencyKey, "schedulePayment", in, func(tx *store.Tx) (*loan.Payment, error) {
		payment, vehicle, err := s.schedule(ctx, tx, viewer, order{
			vehicle: in.VehicleID, amount: in.Amount, on: in.ScheduledOn, source: &in.PaymentAccount,
			principalOnly: in.PrincipalOnly, acknowledgeDuplicate: in.AcknowledgeDuplicate, authorizationHash: in.AuthorizationHash,
			language: auth.RequestFrom(ctx).Language, valid: valid,
		})
		if err != nil {
			return nil, err
		}
		return payment, announce(ctx, tx, payment.SubmittedAt, scheduledNotice(payment, vehicle))
	})
	return seenBy(viewer, auth.RequestFrom(ctx).At, payment), replayed, err
}

// schedule is what a payment does inside a transaction: locks, rules, rows. The
// notice is left to who knows whether it takes another one's place.
func (s *Service) schedule(ctx context.Context, tx *store.Tx, viewer auth.Viewer, o order) (*loan.Payment, *loan.Vehicle, error) {
	now := auth.RequestFrom(ctx).At
	if err := permitted(ctx, tx, viewer, loan.ScopePaymentsWrite); err != nil {
		return nil, nil, err
	}
	vehicle, rivals, err := lockVehicle(ctx, tx, viewer, o)
	if err != nil {
		return nil, nil, err
	}
	account, err := s.source(ctx, tx, viewer, o.source, o.valid)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.decide(now, o, vehicle, rivals, account)
	if err != nil {
		return nil, nil, err
	}
	if first := p.LikelyDuplicate; first != nil && !o.acknowledgeDuplicate {
		return nil, nil, &loan.LikelyDuplicate{
			Refusal: loan.Refusal{Code: loan.CodeLikelyDuplicate,
				Message: "There is a payment of this amount for this vehicle and date already."},
			Payment: seenBy(viewer, now, first),
		}
	}
	if p.Authorization == nil { // no language has a text with this hash
		return nil, nil, &loan.PreviewChanged{
			Refusal: loan.Refusal{Code: loan.CodePreviewChanged, Path: []string{"authorizationHash"},
				Message: "What you confirmed has changed since. Please look at it again."},
			CancelBy: p.CancelBy,
		}
	}
	payment := &loan.Payment{
		CustomerID: vehicle.CustomerID, ScheduledBy: viewer.CustomerID, VehicleID: vehicle.ID, PaymentAccountID: account.ID,
		ConfirmationNumber: newConfirmationNumber(), Amount: p.Amount, Kind: p.Kind, Origin: loan.OriginCustomer, Status: loan.Scheduled,
		ScheduledOn: p.ScheduledOn, CreditedOn: p.CreditedOn, DebitedOn: p.DebitedOn, SubmittedAt: p.SubmittedAt, CancelBy: p.CancelBy,
	}
	if viewer.Partner != 0 {
		payment.PartnerID = &viewer.Partner
	}
	if err := tx.InsertPayment(ctx, payment); err != nil {
		return nil, nil, err
	}
	if err := tracePayment(ctx, tx, payment.ID); err != nil {
		return nil, nil, err
	}
	tx.InsertEvents(store.PaymentEvent(loan.PaymentScheduled, payment, now))
	return payment, vehicle, record(ctx, tx, viewer, vehicle.CustomerID, "payment.scheduled", subject(payment), p.Authorization)
}

// CancelPayment cancels a pending payment. One that this customer has cancelled
// before is answered as it is.
func (s *Service) CancelPayment(ctx context.Context, viewer auth.Viewer, in CancelPaymentInput) (*loan.Payment, error) {
	if err := confirmed(in.Confirm); err != nil {
		return nil, err
	}
	if err := s.allowMoney(ctx, viewer); err != nil {
		return nil, err
	}
	payment, err := inTx(ctx, s, func(tx *store.Tx) (*loan.Payment, error) {
		payment, err := lockPayment(ctx, tx, viewer, in.PaymentID)
		if err != nil {
			return nil, err
		}
		if payment.Status == loan.Canceled && payment.IsOf(viewer.Agent()) {
			return payment, nil
		}
		if err := cancel(ctx, tx, viewer, payment); err != nil {
			return nil, err
		}
		return payment, tellCanceled(ctx, tx, payment)
	})
	return seenBy(viewer, auth.RequestFrom(ctx).At, payment), err
}

// lockPayment gets a payment to change, and holds it.
func lockPayment(ctx context.Context, tx *store.Tx, viewer auth.Viewer, id loan.PaymentID) (*loan.Payment, error) {
	if err := permitted(ctx, tx, viewer, loan.ScopePaymentsWrite); err != nil {
		return nil, err
	}
	payment, err := tx.LockPayment(ctx, viewer.CustomerID, id)
	return payment, found(err, "paymentId")
}

// cancel is what a cancellation does inside a transaction that holds the payment.
// The window is judged at the instant of receipt; the row's lock and status decide
// against a cut-off run that takes the payment meanwhile.
func cancel(ctx context.Context, tx *store.Tx, viewer auth.Viewer, payment *loan.Payment) error {
	now := auth.RequestFrom(ctx).At
	if err := cancelFor(ctx, tx, payment, viewer.Agent(), now); err != nil {
		return err
	}
	return record(ctx, tx, viewer, payment.CustomerID, "payment.canceled", subject(payment), struct{}{})
}

// cancelFor cancels a payment that is held, for who asks: in the app, through a partner,
// or on the phone.
func cancelFor(ctx context.Context, tx *store.Tx, payment *loan.Payment, who loan.Agent, now time.Time) error {
	if err := payment.CheckCancel(who, now); err != nil {
		return err
	}
	if err := tx.CancelPayment(ctx, who.Customer, payment.ID, now); err != nil {
		return err
	}
	payment.Status, payment.CanceledAt = loan.Canceled, &now
	tx.InsertEvents(store.PaymentEvent(loan.PaymentCanceled, payment, now))
	return nil
}

// tellCanceled tells who scheduled a payment that they have cancelled it.
func tellCanceled(ctx context.Context, tx *store.Tx, payment *loan.Payment) error {
	vehicles, err := tx.Vehicles(ctx, payment.ScheduledBy) // not locked: a run may hold them
	if err != nil {
		return err
	}
	i := slices.IndexFunc(vehicles, func(v *loan.Vehicle) bool { return v.ID == payment.VehicleID })
	if i < 0 {
		return found(store.ErrNotFound, "paymentId")
	}
	return announce(ctx, tx, *payment.CanceledAt, canceledNotice(payment, vehicles[i], byCustomer))
}

// Rescheduled is a payment with the one that was cancelled for it.
type Rescheduled struct {
	Payment  *loan.Payment
	Canceled *loan.Payment
}

// ReschedulePayment cancels a pending payment and makes another in its place,
// both or neither.
func (s *Service) ReschedulePayment(ctx context.Context, viewer auth.Viewer, in ReschedulePaymentInput) (Rescheduled, bool, error) {
	if err := confirmed(in.Confirm); err != nil {
		return Rescheduled{}, false, err
	}
	if err := savedOnly(viewer, in.PaymentAccount); err != nil {
		return Rescheduled{}, false, err
	}
	valid := s.validated(ctx, newAccount(in.PaymentAccount))
	both, replayed, err := once(ctx, s, viewer, in.IdempotencyKey, "reschedulePayment", in, func(tx *store.Tx) (both Rescheduled, err error) {
		if both.Canceled, err = lockPayment(ctx, tx, viewer, in.PaymentID); err != nil {
			return both, err
		}
		if err := cancel(ctx, tx, viewer, both.Canceled); err != nil {
			return both, err
		}
		o := replacement(both.Canceled, in)
		o.language, o.valid = auth.RequestFrom(ctx).Language, valid
		var vehicle *loan.Vehicle
		if both.Payment, vehicle, err = s.schedule(ctx, tx, viewer, o); err != nil {
			return both, err
		}
		return both, announce(ctx, tx, both.Payment.SubmittedAt, changedNotice(both, vehicle))
	})
	now := auth.RequestFrom(ctx).At
	seenBy(viewer, now, both.Payment)
	seenBy(viewer, now, both.Canceled)
	return both, replayed, err
}

// replacement is the order for what comes in a cancelled payment's place.
func replacement(old *loan.Payment, in ReschedulePaymentInput) order {
	amount := old.Amount.Amount()
	o := order{
		vehicle: old.VehicleID, on: old.ScheduledOn,
		amount:        PaymentAmountInput{Fixed: &amount},
		source:        &PaymentSourceInput{Saved: &old.PaymentAccountID},
		principalOnly: old.Kind == loan.KindPrincipalOnly, acknowledgeDuplicate: in.AcknowledgeDuplicate,
	}
	if in.Amount != nil {
		o.amount = *in.Amount
	}
	if in.ScheduledOn != nil {
		o.on = *in.ScheduledOn
	}
	if in.PaymentAccount != nil {
		o.source = in.PaymentAccount
	}
	return o
}

// Cutoff is the next cut-off.
type Cutoff struct {
	Now         time.Time
	Today       loan.Date
	At          time.Time
	ScheduledOn loan.Date
}

// NextCutoff is the cut-off that a payment made now, as early as possible, would
// belong to.
func (s *Service) NextCutoff(now time.Time) *Cutoff {
	slot := s.Timing.NextSlot(now)
	return &Cutoff{Now: now, Today: loan.DateOf(now), At: slot.CancelBy, ScheduledOn: slot.ScheduledOn}
}

// seenBy fills in what of a payment depends on who looks and when.
func seenBy(viewer auth.Viewer, now time.Time, p *loan.Payment) *loan.Payment {
	if p != nil {
		p.CanCancel = p.MayBeCanceledBy(viewer.Agent(), now)
	}
	return p
}

func subject(p *loan.Payment) string { return fmt.Sprintf("payment:%d", p.ID) }

// newConfirmationNumber makes a number that a customer can read out over the
// phone: 60 random bits in letters and digits that are not mistaken for others.
func newConfirmationNumber() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base 32
	var random [12]byte
	_, _ = rand.Read(random[:]) // does not fail
	number := []byte("MP-0000-0000-0000")
	at := 3
	for i, b := range random {
		if i > 0 && i%4 == 0 {
			at++
		}
		number[at] = alphabet[b%32]
		at++
	}
	return string(number)
}
