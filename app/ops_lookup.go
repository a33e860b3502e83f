package app

import (
	"context"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

var lookupCommands = []command{
	{
		name: "ops customer", takes: "FIND...", needs: opsNeeds,
		about: "who it is, what they owe and what is pending: by number, global id, username,\ne-mail address, or last name and last four digits of a contract's number",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return h.looking(ctx, c, func(w handwork) error { return w.showCustomers(ctx, strings.Join(c.args, " ")) })
			}
		},
	},
	{
		name: "ops payment", takes: "CONFIRMATION", needs: opsNeeds,
		about: "where a payment is, until when it can be cancelled, the file and trace number\nit went out in, its return and its history; a number or global id does, too",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return h.looking(ctx, c, func(w handwork) error { return w.showPayment(ctx, c.args[0]) })
			}
		},
	},
	{
		name: "ops cancel", takes: "CONFIRMATION", needs: opsNeeds,
		about: "cancel a payment for who calls, within the same window as the app:\nops cancel CONFIRMATION --operator NAME --reason TEXT",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			return func(ctx context.Context, c call) error {
				return h.changing(ctx, c, func(w handwork) error { return w.cancelPayment(ctx, c.args[0]) })
			}
		},
	},
}

// customerLine is a customer as operators see it.
type customerLine struct {
	ID       loan.CustomerID `json:"id"`
	GlobalID string          `json:"globalId"`
	Username string          `json:"username"` // empty where they are not enrolled
	Name     string          `json:"name"`
	Email    string          `json:"email"`
	Phone    string          `json:"phone"`
	Address  string          `json:"address"`
}

func lineOf(c *loan.Customer) customerLine {
	address := strings.Join(strings.Fields(strings.Join([]string{c.Line1, c.Line2, c.City, c.State, c.PostalCode}, " ")), " ")
	return customerLine{c.ID, globalID(graph.MarshalCustomerID, c.ID), c.Username, c.FirstName + " " + c.LastName, c.Email, c.Phone, address}
}

type vehicleLine struct {
	ID         loan.VehicleID `json:"id"`
	GlobalID   string         `json:"globalId"`
	Vehicle    string         `json:"vehicle"`
	Contract   string         `json:"contract"` // Loan or Lease
	Last4      string         `json:"accountNumberLast4"`
	AmountDue  loan.Decimal   `json:"amountDue"`
	DueOn      loan.Date      `json:"dueOn"`
	PastDue    loan.Decimal   `json:"pastDue"`
	Payoff     loan.Decimal   `json:"payoffToday"`
	AutoPay    string         `json:"autoPay,omitempty"`
	HeldSince  *time.Time     `json:"heldSince,omitempty"`
	HoldReason string         `json:"holdReason,omitempty"`
	HeldBy     loan.Operator  `json:"heldBy,omitempty"`
}

type pendingLine struct {
	Confirmation string             `json:"confirmationNumber"`
	Vehicle      loan.VehicleID     `json:"vehicleId"`
	Amount       loan.Decimal       `json:"amount"`
	ScheduledOn  loan.Date          `json:"scheduledOn"`
	Status       loan.PaymentStatus `json:"status"`
	Origin       loan.PaymentOrigin `json:"origin"`
	CancelBy     time.Time          `json:"cancelBy"`
}

type accountLine struct {
	ID            loan.PaymentAccountID `json:"id"`
	Type          loan.AccountType      `json:"type"`
	Last4         string                `json:"last4"`
	DebitableFrom *loan.Date            `json:"debitableFrom,omitempty"`
	BlockedAt     *time.Time            `json:"blockedAt,omitempty"`
}

type customerView struct {
	customerLine
	Vehicles []vehicleLine `json:"vehicles"`
	Pending  []pendingLine `json:"pendingPayments"`
	Accounts []accountLine `json:"paymentAccounts"`
}

func viewCustomer(f *servicing.CustomerFile, today loan.Date) customerView {
	v := customerView{customerLine: lineOf(f.Customer), Vehicles: []vehicleLine{}, Pending: []pendingLine{}, Accounts: []accountLine{}}
	for _, vehicle := range f.Vehicles {
		line := vehicleLine{
			ID: vehicle.ID, GlobalID: globalID(graph.MarshalVehicleID, vehicle.ID), Vehicle: vehicle.Make + " " + vehicle.Model, Contract: "Loan",
			Last4: vehicle.AccountNumberLast4(), AmountDue: vehicle.AmountDue().Amount(), DueOn: vehicle.DueOn(), PastDue: vehicle.PastDue().Amount(),
			Payoff: vehicle.Contract.PayoffOn(today).Amount.Amount(), HeldSince: vehicle.HeldSince,
		}
		if _, lease := vehicle.Contract.(*loan.Lease); lease {
			line.Contract = "Lease"
		}
		if auto := f.AutoPays[vehicle.ID]; auto != nil {
			line.AutoPay = string(auto.Status)
		}
		if hold, held := f.Holds[vehicle.ID]; held {
			line.HoldReason, line.HeldBy = hold.Reason, hold.PlacedBy
		}
		v.Vehicles = append(v.Vehicles, line)
	}
	for _, p := range f.Pending {
		v.Pending = append(v.Pending, pendingLine{p.ConfirmationNumber, p.VehicleID, p.Amount.Amount(), p.ScheduledOn, p.Status, p.Origin, p.CancelBy})
	}
	for _, a := range f.Accounts {
		v.Accounts = append(v.Accounts, accountLine{a.ID, a.Type, a.Last4, a.Debitable(), a.BlockedAt})
	}
	return v
}

func (w handwork) showCustomers(ctx context.Context, by string) error {
	id, known := graph.DecodeNodeID(by).(loan.CustomerID)
	if !known {
		found, err := w.Servicing.FindCustomers(ctx, by)
		if err != nil {
			return err
		}
		if len(found) > 1 {
			return w.listCustomers(ctx, found)
		}
		id = found[0].ID
	}
	f, err := w.Servicing.OpenFile(ctx, w.ByHand, id)
	if err != nil {
		return err
	}
	v := viewCustomer(f, loan.DateOf(w.At))
	return w.answer(v, func(t io.Writer) {
		row(t, "CUSTOMER", "GLOBAL ID", "USERNAME", "NAME", "E-MAIL", "PHONE", "ADDRESS")
		row(t, v.ID, v.GlobalID, v.Username, v.Name, v.Email, v.Phone, v.Address)
		row(t, "\nVEHICLE", "GLOBAL ID", "MODEL", "CONTRACT", "ACCOUNT", "DUE", "ON", "PAST DUE", "PAYOFF", "AUTO PAY", "HOLD")
		for _, l := range v.Vehicles {
			hold := ""
			if l.HeldSince != nil {
				hold = onClock(l.HeldSince) + " by " + string(l.HeldBy) + ": " + l.HoldReason
			}
			row(t, l.ID, l.GlobalID, l.Vehicle, l.Contract, "..."+l.Last4, l.AmountDue, l.DueOn, l.PastDue, l.Payoff, l.AutoPay, hold)
		}
		row(t, "\nPENDING", "VEHICLE", "AMOUNT", "ON", "STATUS", "ORIGIN", "CANCEL BY")
		for _, l := range v.Pending {
			row(t, l.Confirmation, l.Vehicle, l.Amount, l.ScheduledOn, l.Status, l.Origin, onClock(&l.CancelBy))
		}
		row(t, "\nBANK ACCOUNT", "TYPE", "NUMBER", "DEBITABLE FROM", "BLOCKED")
		for _, l := range v.Accounts {
			from := ""
			if l.DebitableFrom != nil {
				from = l.DebitableFrom.String()
			}
			row(t, l.ID, l.Type, "..."+l.Last4, from, onClock(l.BlockedAt))
		}
	})
}

// listCustomers lists several who fit.
func (w handwork) listCustomers(ctx context.Context, found []loan.Customer) error {
	lines, ids := make([]customerLine, len(found)), make([]loan.CustomerID, len(found))
	for i := range found {
		lines[i], ids[i] = lineOf(&found[i]), found[i].ID
	}
	if err := w.Servicing.Looked(ctx, w.ByHand, ids, "customer.looked_up", nil); err != nil {
		return err
	}
	return w.answer(lines, func(t io.Writer) {
		row(t, "CUSTOMER", "GLOBAL ID", "USERNAME", "NAME", "E-MAIL", "PHONE", "ADDRESS")
		for _, l := range lines {
			row(t, l.ID, l.GlobalID, l.Username, l.Name, l.Email, l.Phone, l.Address)
		}
	})
}

type paymentView struct {
	ID           loan.PaymentID     `json:"id"`
	GlobalID     string             `json:"globalId"`
	Confirmation string             `json:"confirmationNumber"`
	Status       loan.PaymentStatus `json:"status"`
	Amount       loan.Decimal       `json:"amount"`
	Applied      loan.Decimal       `json:"applied"`
	Kind         loan.PaymentKind   `json:"kind"`
	Origin       loan.PaymentOrigin `json:"origin"`
	Customer     customerLine       `json:"scheduledBy"`
	Vehicle      loan.VehicleID     `json:"vehicleId"`
	SubmittedAt  time.Time          `json:"submittedAt"`
	ScheduledOn  loan.Date          `json:"scheduledOn"`
	CreditedOn   loan.Date          `json:"creditedOn"`
	DebitedOn    loan.Date          `json:"debitedOn"`
	CancelBy     time.Time          `json:"cancelBy"`
	CanCancel    bool               `json:"canCancel"`
	CanceledAt   *time.Time         `json:"canceledAt,omitempty"`
	AppliedAt    *time.Time         `json:"appliedAt,omitempty"`
	Account      accountLine        `json:"paymentAccount"`
	CutoffAt     *time.Time         `json:"cutoffAt,omitempty"` // of the run that took it
	File         string             `json:"file,omitempty"`
	Trace        string             `json:"trace,omitempty"`
	ReturnedAt   *time.Time         `json:"returnedAt,omitempty"`
	ReturnCode   string             `json:"returnCode,omitempty"`
	Returns      []store.Returned   `json:"returns"`
	Tries        *loan.PaymentID    `json:"tries,omitempty"`      // the returned payment that it tries again
	TriedAgain   *loan.PaymentID    `json:"triedAgain,omitempty"` // what tries this one again
	History      []auditLine        `json:"history"`
}

func viewPayment(f *servicing.PaymentFile) paymentView {
	p := f.Payment
	v := paymentView{
		ID: p.ID, GlobalID: globalID(graph.MarshalPaymentID, p.ID), Confirmation: p.ConfirmationNumber, Status: p.Status,
		Amount: p.Amount.Amount(), Applied: p.Applied.Amount(), Kind: p.Kind, Origin: p.Origin, Customer: lineOf(f.Customer), Vehicle: p.VehicleID,
		SubmittedAt: p.SubmittedAt.UTC(), ScheduledOn: p.ScheduledOn, CreditedOn: p.CreditedOn, DebitedOn: p.DebitedOn, CancelBy: p.CancelBy.UTC(),
		CanCancel: p.CanCancel, CanceledAt: p.CanceledAt, AppliedAt: p.AppliedAt,
		Account:  accountLine{ID: f.Sent.AccountID, Type: f.Sent.AccountType, Last4: f.Sent.Last4},
		CutoffAt: f.Sent.CutoffAt, File: f.File, Trace: f.Sent.Trace, ReturnedAt: p.ReturnedAt, ReturnCode: p.ReturnCode,
		Returns: f.Returns, Tries: p.Represents, TriedAgain: f.Again, History: auditLines(f.History),
	}
	if v.Returns == nil {
		v.Returns = []store.Returned{}
	}
	return v
}

func (w handwork) showPayment(ctx context.Context, by string) error {
	id, err := w.paymentNamed(ctx, by)
	if err != nil {
		return err
	}
	f, err := w.Servicing.OpenPayment(ctx, w.ByHand, id)
	if err != nil {
		return err
	}
	v := viewPayment(f)
	return w.answer(v, func(t io.Writer) {
		can := "no"
		if v.CanCancel {
			can = "yes"
		}
		for _, pair := range [][2]any{
			{"payment", v.ID}, {"global id", v.GlobalID}, {"confirmation", v.Confirmation}, {"status", v.Status},
			{"amount", v.Amount}, {"applied", v.Applied}, {"kind", v.Kind}, {"origin", v.Origin},
			{"scheduled by", v.Customer.Name}, {"customer", v.Customer.ID}, {"vehicle", v.Vehicle},
			{"submitted", onClock(&v.SubmittedAt)}, {"scheduled on", v.ScheduledOn}, {"credited on", v.CreditedOn}, {"debited on", v.DebitedOn},
			{"cancel by", onClock(&v.CancelBy)}, {"can be cancelled", can}, {"cancelled", onClock(v.CanceledAt)}, {"applied at", onClock(v.AppliedAt)},
			{"bank account", string(v.Account.Type) + " ..." + v.Account.Last4},
			{"cut-off", onClock(v.CutoffAt)}, {"file", v.File}, {"trace", v.Trace}, {"returned", strings.TrimSpace(onClock(v.ReturnedAt) + " " + v.ReturnCode)},
		} {
			row(t, pair[0], pair[1])
		}
		for _, again := range []struct {
			what string
			id   *loan.PaymentID
		}{{"tries again", v.Tries}, {"tried again as", v.TriedAgain}} {
			if again.id != nil {
				row(t, again.what, *again.id)
			}
		}
		row(t, "\nAT", "WHO", "WHAT", "DETAIL")
		for _, l := range v.History {
			row(t, onClock(&l.At), l.Actor, l.Action, string(l.Detail))
		}
	})
}

func (w handwork) cancelPayment(ctx context.Context, by string) error {
	id, err := w.paymentNamed(ctx, by)
	if err != nil {
		return err
	}
	p, err := w.Servicing.CancelByHand(ctx, w.ByHand, id)
	if err != nil {
		return err
	}
	return w.done(map[string]any{"id": p.ID, "confirmationNumber": p.ConfirmationNumber, "status": p.Status, "canceledAt": p.CanceledAt},
		"Payment %s of %s was cancelled.", p.ConfirmationNumber, p.Amount)
}
