package servicing

import (
	"maps"
	"strconv"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

// Who is told of a payment is who scheduled it: a joint owner sees it in the app.

// paymentNotice tells of a payment for a vehicle.
func paymentNotice(kind loan.NoticeKind, p *loan.Payment, amount loan.Cents, on loan.Date, v *loan.Vehicle, more map[string]string) notice {
	values := map[string]string{
		"amount": string(amount.Amount()), "on": on.String(), "confirmation": p.ConfirmationNumber, "last4": v.AccountNumberLast4(),
	}
	maps.Copy(values, more)
	return notice{customer: p.ScheduledBy, kind: kind, subject: subject(p), values: values}
}

func scheduledNotice(p *loan.Payment, v *loan.Vehicle) notice {
	return paymentNotice(loan.NoticePaymentScheduled, p, p.Amount, p.ScheduledOn, v, map[string]string{
		"origin": string(p.Origin), "cancelBy": p.CancelBy.Format(time.RFC3339),
	})
}

// changedNotice is one notice of the payment that was cancelled and of the one in its
// place: two would look as if there were two payments.
func changedNotice(both Rescheduled, v *loan.Vehicle) notice {
	p, before := both.Payment, both.Canceled
	return paymentNotice(loan.NoticePaymentChanged, p, p.Amount, p.ScheduledOn, v, map[string]string{
		"cancelBy": p.CancelBy.Format(time.RFC3339),
		"before":   string(before.Amount.Amount()), "beforeOn": before.ScheduledOn.String(), "replaced": before.ConfirmationNumber,
	})
}

// Why a payment was cancelled, as its notice says it.
const (
	byCustomer  = "CUSTOMER"
	nothingOwed = "NOTHING_OWED"
	onHold      = "ON_HOLD"
)

func canceledNotice(p *loan.Payment, v *loan.Vehicle, why string) notice {
	return paymentNotice(loan.NoticePaymentCanceled, p, p.Amount, p.ScheduledOn, v, map[string]string{"why": why})
}

// appliedNotice tells what was credited, which may be less than was scheduled.
func appliedNotice(p *loan.Payment, applied loan.Cents, v *loan.Vehicle) notice {
	return paymentNotice(loan.NoticePaymentApplied, p, applied, p.CreditedOn, v, map[string]string{"planned": string(p.Amount.Amount())})
}

// returnedNotice tells of a payment that has come back, and of the one that tries it
// again; nil where none does.
func returnedNotice(p, again *loan.Payment, v *loan.Vehicle, code string) notice {
	values := map[string]string{"reason": string(ach.ReasonFor(code)), "retryOn": "", "cancelBy": ""}
	if again != nil {
		values["retryOn"], values["cancelBy"] = again.ScheduledOn.String(), again.CancelBy.Format(time.RFC3339)
	}
	return paymentNotice(loan.NoticePaymentReturned, p, p.Applied, p.ScheduledOn, v, values)
}

// stopped is what a return has ended on a bank account.
type stopped struct {
	last4    string
	blocked  bool // by this return
	canceled int  // payments
	autoPay  ach.AutoPayEffect
}

// blockedNotice tells the owner of a bank account what has ended on it.
func blockedNotice(owner loan.CustomerID, subject, code string, s stopped) notice {
	blocked := "no"
	if s.blocked {
		blocked = "yes"
	}
	effect := map[ach.AutoPayEffect]string{ach.KeepAutoPay: "KEPT", ach.PauseAutoPay: "PAUSED", ach.EndAutoPay: "ENDED"}[s.autoPay]
	return notice{customer: owner, kind: loan.NoticeAccountBlocked, subject: subject, values: map[string]string{
		"last4": s.last4, "reason": string(ach.ReasonFor(code)), "blocked": blocked, "canceled": strconv.Itoa(s.canceled), "autoPay": effect,
	}}
}
