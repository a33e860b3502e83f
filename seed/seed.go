// Package seed fills a sandbox with invented customers: two to try the product
// with, and any number to measure it with. The same index gives the same customer;
// dates are counted from the "now" that is handed in.
//
// What it makes obeys the rules of package loan, and the figures agree with each
// other: a loan is paid down by its own interest, one statement opens with what
// the last one closed with, and each payment has the slot that it would have been
// given when it was submitted.
package seed

import (
	"context"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// Password opens the account of every customer made here.
const Password auth.Password = "open-road-2026" // #nosec G101 -- it is printed on the sandbox's door

// Deps are what the data is made with and goes to.
type Deps struct {
	Store    *store.Store
	Sessions *session.Store
	Vault    *vault.Vault
	Hasher   *auth.Hasher
	Timing   loan.Timing
	Servicer loan.Servicer // who sends statements
}

// household is a customer with all that is theirs.
type household struct {
	customer *store.NewCustomer
	accounts []*account
	lives    []*life
}

// account is a bank account with its number in clear, which goes no further.
type account struct {
	store.NewPaymentAccount
	number string
}

// insert adds households, a table at a time, so that each row names rows that
// are there.
func insert(ctx context.Context, d Deps, b *store.Bulk, households []*household) error {
	var customers []*store.NewCustomer
	for _, h := range households {
		customers = append(customers, h.customer)
	}
	if err := b.InsertCustomers(ctx, customers); err != nil {
		return err
	}
	var vehicles []*loan.Vehicle
	var accounts []*store.NewPaymentAccount
	for _, h := range households {
		for _, l := range h.lives {
			l.vehicle.CustomerID = h.customer.ID
			vehicles = append(vehicles, l.vehicle)
		}
		for _, a := range h.accounts {
			if err := a.seal(d.Vault, h.customer.ID); err != nil {
				return err
			}
			accounts = append(accounts, &a.NewPaymentAccount)
		}
	}
	if err := b.InsertVehiclesWithoutLedger(ctx, vehicles); err != nil {
		return err
	}
	if err := insertConsents(ctx, d, b, vehicles); err != nil {
		return err
	}
	if err := insertNumbers(ctx, d, b, households); err != nil {
		return err
	}
	if err := b.InsertPaymentAccounts(ctx, accounts); err != nil {
		return err
	}
	var payments []*loan.Payment
	var autoPays []*loan.AutoPay
	for _, h := range households {
		for _, l := range h.lives {
			l.belongTo(h)
			payments = append(payments, l.payments...)
			if l.autoPay != nil {
				autoPays = append(autoPays, l.autoPay)
			}
		}
	}
	if err := b.InsertAutoPays(ctx, autoPays); err != nil {
		return err
	}
	if err := insertPayments(ctx, d, b, payments); err != nil {
		return err
	}
	return insertBooks(ctx, d, b, households)
}

// insertBooks adds the ledgers and the statements that were made of them.
func insertBooks(ctx context.Context, d Deps, b *store.Bulk, households []*household) error {
	var entries []store.NewLedgerEntry
	var statements []*loan.Statement
	var days []store.StatementDay
	for _, h := range households {
		for _, l := range h.lives {
			owner, vehicle := h.customer.ID, l.vehicle.ID
			for _, e := range l.ledger {
				entries = append(entries, store.NewLedgerEntry{CustomerID: owner, VehicleID: vehicle, At: e.at, LedgerEntry: &e.LedgerEntry})
			}
			for _, s := range l.statements {
				s.CustomerID, s.VehicleID = owner, vehicle
				s.Head(d.Servicer, &h.customer.Customer, s.balances)
				statements = append(statements, s.Statement)
			}
			days = append(days, store.StatementDay{VehicleID: vehicle, On: l.looksOn})
		}
	}
	if err := b.InsertLedger(ctx, entries); err != nil {
		return err
	}
	if err := b.InsertStatements(ctx, statements); err != nil {
		return err
	}
	var on []store.OnStatement
	for _, h := range households {
		for _, l := range h.lives {
			for _, s := range l.statements {
				for _, e := range s.entries {
					on = append(on, store.OnStatement{StatementID: s.ID, LedgerID: e.ID, CustomerID: s.CustomerID, IsFirst: true})
				}
			}
		}
	}
	if err := b.InsertStatementPostings(ctx, on); err != nil {
		return err
	}
	return b.SetStatementDays(ctx, days)
}

// insertNumbers adds the numbers by which enrolment finds the contracts.
func insertNumbers(ctx context.Context, d Deps, b *store.Bulk, households []*household) error {
	var numbers []store.ContractNumber
	for _, h := range households {
		for _, l := range h.lives {
			n, err := servicing.SealContractNumber(d.Vault, l.vehicle, l.number)
			if err != nil {
				return err
			}
			numbers = append(numbers, n)
		}
	}
	return b.InsertContractNumbers(ctx, numbers)
}

// insertPayments adds payments. Those that are not settled yet get there as they
// do elsewhere, so that the day is known on which they will be.
func insertPayments(ctx context.Context, d Deps, b *store.Bulk, payments []*loan.Payment) error {
	var applied []*loan.Payment
	for _, p := range payments {
		if p.Status == loan.Applied {
			p.Status = loan.Scheduled
			applied = append(applied, p)
		}
	}
	if err := b.InsertPayments(ctx, payments); err != nil {
		return err
	}
	for _, p := range applied {
		on := settlesOn(d.Timing, p)
		row := store.AppliedPayment{ID: p.ID, Status: loan.Applied, Applied: p.Applied, SettlesOn: &on}
		if err := b.ApplyPayments(ctx, []store.AppliedPayment{row}, *p.AppliedAt); err != nil {
			return err
		}
	}
	return nil
}

// seal does what adding a bank account does.
func (a *account) seal(v *vault.Vault, owner loan.CustomerID) (err error) {
	a.CustomerID = owner
	a.Last4 = a.number[len(a.number)-4:]
	a.Fingerprint = servicing.AccountFingerprint(v, a.RoutingNumber, a.number)
	if a.Sealed, err = v.Seal(a.number, servicing.AccountBinding(owner, a.Fingerprint)); err != nil {
		return fmt.Errorf("seal an account number: %w", err)
	}
	return nil
}

// belongTo says in the rows of a life whose they are, once the ids are known.
// Auto Pay and most payments draw on the first account.
func (l *life) belongTo(h *household) {
	owner, vehicle := h.customer.ID, l.vehicle.ID
	for i, p := range l.payments {
		p.CustomerID, p.ScheduledBy, p.VehicleID = owner, owner, vehicle
		p.PaymentAccountID = h.accounts[0].ID
		switch {
		case p.Origin == loan.OriginAutoPay:
			p.AutoPayID = &l.autoPay.ID // which it has before its payments do
		case i%5 == 4:
			p.PaymentAccountID = h.accounts[len(h.accounts)-1].ID
		}
	}
	if a := l.autoPay; a != nil {
		a.CustomerID, a.SetUpBy, a.VehicleID, a.PaymentAccountID = owner, owner, vehicle, h.accounts[0].ID
	}
}

// bankAccounts makes a checking account, which is the default one, and a savings
// account. Their routing numbers pass every check and belong to no bank.
func bankAccounts(d *dice, nickname string, added time.Time) []*account {
	bankAccount := func(kind loan.AccountType, routing, nickname string, number string) *account {
		a := &account{number: number}
		a.Type, a.RoutingNumber, a.Nickname, a.AddedAt = kind, routing, nickname, added
		a.DebitableFrom = loan.DateOf(added)
		return a
	}
	checking := bankAccount(loan.Checking, "123456780", nickname, d.digits(11))
	checking.IsDefault = true
	return []*account{checking, bankAccount(loan.Savings, "110000000", "", d.digits(12))}
}
