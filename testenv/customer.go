package testenv

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// Customer is a customer with a session, a loan, a lease and a checking account.
type Customer struct {
	ID      loan.CustomerID
	Token   string // of the session
	Account string // global ids
	Loan    string
	Lease   string
	LoanID  loan.VehicleID
	LeaseID loan.VehicleID
}

var customers atomic.Int64

// AddCustomer adds a customer. The loan is the golden case of the rules: $20,000
// at 5.75 % with interest paid through 30 days ago; $425.00 is due, as much again
// is past due, and there is a fee of $25.00. It pays off at $20,119.52 today. The
// lease owes $389.00 a month for 12 more months.
func (e *Env) AddCustomer() Customer {
	e.t.Helper()
	n := customers.Add(1)
	today := loan.DateOf(e.Clock.Now())
	vehicles := []*loan.Vehicle{
		{Year: 2022, Make: "Chevrolet", Model: "Equinox", VIN: fmt.Sprintf("1GNAX00000L%06d", n), Contract: &loan.Loan{
			Terms: loan.Terms{AccountNumberLast4: "4821", OpenedOn: today.AddMonths(-12), MaturesOn: today.AddMonths(48), TermMonths: 60,
				Instalment: 42500, CurrentDue: 42500, DueOn: today.AddDays(7), PastDue: 42500, Fees: 2500},
			AmountFinanced: 2_400_000, Principal: 2_000_000, AnnualRate: 5750, InterestPaidThrough: today.AddDays(-30), AllowsPrincipalOnly: true,
		}},
		{Year: 2025, Make: "GMC", Model: "Terrain", VIN: fmt.Sprintf("3GKAL00000L%06d", n), Contract: &loan.Lease{
			Terms: loan.Terms{AccountNumberLast4: "7730", OpenedOn: today.AddMonths(-24), MaturesOn: today.AddMonths(12), TermMonths: 36,
				Instalment: 38900, CurrentDue: 38900, DueOn: today.AddDays(12)},
			PurchaseOption: 1_650_000, InstalmentsRemaining: 12, MilesAllowed: 36_000,
		}},
	}
	return e.addCustomer(n, vehicles)
}

// AddContracts adds a customer with these contracts instead.
func (e *Env) AddContracts(first, second loan.Contract) Customer {
	e.t.Helper()
	return e.addCustomer(customers.Add(1), []*loan.Vehicle{
		{Year: 2024, Make: "Chevrolet", Model: "Equinox", VIN: "1", Contract: first}, {Year: 2025, Make: "GMC", Model: "Terrain", VIN: "2", Contract: second},
	})
}

func (e *Env) addCustomer(n int64, vehicles []*loan.Vehicle) Customer {
	e.t.Helper()
	c := Customer{}
	var account loan.PaymentAccount
	err := e.App.Store.InBooks(e.t.Context(), func(tx *store.BooksTx) error {
		customer := &loan.Customer{Username: fmt.Sprintf("test-%d", n), FirstName: "Robin", LastName: "Test", Email: "robin@example.com",
			Phone: "+17045550100", Address: loan.Address{Line1: "1 Main Street", City: "Charlotte", State: "NC", PostalCode: "28202"}}
		if err := tx.InsertCustomer(e.t.Context(), customer, ""); err != nil {
			return err
		}
		c.ID = customer.ID
		for _, v := range vehicles {
			v.CustomerID = c.ID
			if err := tx.InsertVehicle(e.t.Context(), v); err != nil {
				return err
			}
		}
		number := fmt.Sprintf("99%08d", n)
		fingerprint := servicing.AccountFingerprint(e.App.Vault, "122105155", number)
		sealed, err := e.App.Vault.Seal(number, servicing.AccountBinding(c.ID, fingerprint))
		if err != nil {
			return err
		}
		account = loan.PaymentAccount{CustomerID: c.ID, Type: loan.Checking, RoutingNumber: "122105155", Last4: number[6:], IsDefault: true, AddedAt: e.Clock.Now(), DebitableFrom: loan.DateOf(e.Clock.Now())}
		return tx.InsertPaymentAccount(e.t.Context(), &account, sealed, fingerprint)
	})
	if err != nil {
		e.t.Fatal(err)
	}
	c.LoanID, c.LeaseID = vehicles[0].ID, vehicles[1].ID
	c.Token = e.OpenSession(c.ID)
	home := e.Post(c.Token, `{ viewer { vehicles { id } paymentAccounts { id } } }`, nil)
	c.Loan, c.Lease = home.Text("viewer", "vehicles", 0, "id"), home.Text("viewer", "vehicles", 1, "id")
	c.Account = home.Text("viewer", "paymentAccounts", 0, "id")
	return c
}

// AddDemo adds the sandbox's demo data.
func (e *Env) AddDemo() {
	e.t.Helper()
	a := e.App
	deps := seed.Deps{Store: a.Store, Sessions: a.Sessions, Vault: a.Vault, Hasher: a.Servicing.Hasher, Timing: a.Servicing.Timing, Servicer: a.Servicing.Servicer}
	if err := seed.Demo(e.t.Context(), deps, e.Clock.Now()); err != nil {
		e.t.Fatal(err)
	}
}

// OpenSession opens a session without a password, in which no step-up is asked for
// however far the clock is moved.
func (e *Env) OpenSession(id loan.CustomerID) string {
	e.t.Helper()
	return e.openSession(session.Session{CustomerID: id, SteppedUpAt: e.Clock.Now().AddDate(100, 0, 0)})
}

// OpenPlainSession opens a session without a password and without a step-up.
func (e *Env) OpenPlainSession(id loan.CustomerID) string {
	e.t.Helper()
	return e.openSession(session.Session{CustomerID: id})
}

func (e *Env) openSession(s session.Session) string {
	e.t.Helper()
	token, _, err := e.App.Sessions.Create(e.t.Context(), e.Clock.Now(), s)
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

// AddUser adds a customer without vehicles, with a username and password.
func (e *Env) AddUser(username, password string) loan.CustomerID {
	e.t.Helper()
	hash, err := e.App.Servicing.Hasher.Hash(e.t.Context(), auth.Password(password))
	if err != nil {
		e.t.Fatal(err)
	}
	customer := &loan.Customer{Username: username, FirstName: "Sam", LastName: "User", Email: username + "@example.com"}
	err = e.App.Store.InTx(e.t.Context(), func(tx *store.Tx) error { return tx.InsertCustomer(e.t.Context(), customer, hash) })
	if err != nil {
		e.t.Fatal(err)
	}
	return customer.ID
}

// Holder is a customer of the lender with a loan who is not enrolled.
type Holder struct {
	ID                                          loan.CustomerID
	AccountNumber, LastName, BornOn, PostalCode string
	Email                                       string // on file
}

// AddHolder adds a customer who is not enrolled.
func (e *Env) AddHolder(lastName string) Holder {
	e.t.Helper()
	n := customers.Add(1)
	h := Holder{
		AccountNumber: fmt.Sprintf("55%06d", n), LastName: lastName, BornOn: "1988-05-17", PostalCode: "28202",
		Email: fmt.Sprintf("holder-%d@example.com", n),
	}
	today := loan.DateOf(e.Clock.Now())
	customer := &loan.Customer{FirstName: "Robin", LastName: lastName, BornOn: loan.Date{Year: 1988, Month: 5, Day: 17}, Email: h.Email,
		Address: loan.Address{Line1: "1 Main Street", City: "Charlotte", State: "NC", PostalCode: h.PostalCode}}
	vehicle := &loan.Vehicle{Year: 2024, Make: "Buick", Model: "Envista", VIN: fmt.Sprintf("1GNAX00000H%06d", n), Contract: &loan.Loan{
		Terms: loan.Terms{AccountNumberLast4: h.AccountNumber[4:], OpenedOn: today.AddMonths(-2), MaturesOn: today.AddMonths(58), TermMonths: 60,
			Instalment: 42500, CurrentDue: 42500, DueOn: today.AddDays(7)},
		AmountFinanced: 2_000_000, Principal: 1_900_000, AnnualRate: 4900, InterestPaidThrough: today.AddDays(-20),
	}}
	err := e.App.Store.InBooks(e.t.Context(), func(tx *store.BooksTx) error {
		if err := tx.InsertCustomer(e.t.Context(), customer, ""); err != nil {
			return err
		}
		vehicle.CustomerID = customer.ID
		if err := tx.InsertVehicle(e.t.Context(), vehicle); err != nil {
			return err
		}
		number, err := servicing.SealContractNumber(e.App.Vault, vehicle, h.AccountNumber)
		if err != nil {
			return err
		}
		return tx.InsertContractNumber(e.t.Context(), number)
	})
	if err != nil {
		e.t.Fatal(err)
	}
	h.ID = customer.ID
	return h
}

// Notice is a notice as the sandbox shows it.
type Notice struct{ To, Kind, Text, Code string }

// Mailbox is what was sent to an address, latest first.
func (e *Env) Mailbox(address string) []Notice {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.URL+"/sandbox/outbox?to="+url.QueryEscape(address), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var box struct{ Notices []Notice }
	if err := json.NewDecoder(response.Body).Decode(&box); err != nil {
		e.t.Fatal(err)
	}
	return box.Notices
}

// NoticesTo is the kinds of what was sent to an address, latest first.
func (e *Env) NoticesTo(address string) []string {
	e.t.Helper()
	var kinds []string
	for _, n := range e.Mailbox(address) {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// Code is the latest code that was sent to an address.
func (e *Env) Code(address string) string {
	e.t.Helper()
	for _, n := range e.Mailbox(address) {
		if n.Code != "" {
			return n.Code
		}
	}
	e.t.Fatalf("no code was sent to %s", address)
	return ""
}

// Payments is all payments for a customer's vehicles, as they are stored.
func (e *Env) Payments(id loan.CustomerID) []loan.Payment {
	e.t.Helper()
	vehicles, err := e.App.Store.Vehicles(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	ids := make([]loan.VehicleID, len(vehicles))
	for i, v := range vehicles {
		ids[i] = v.ID
	}
	payments, err := e.App.Store.Payments(e.t.Context(), id, ids, store.Page{Limit: 1000})
	if err != nil {
		e.t.Fatal(err)
	}
	return payments
}

// Accounts is all bank accounts of a customer, removed ones too.
func (e *Env) Accounts(id loan.CustomerID) []*loan.PaymentAccount {
	e.t.Helper()
	accounts, err := e.App.Store.PaymentAccounts(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	return accounts
}

// Actions is what the audit says was done in a customer's books, in order, but for the
// statements that come by themselves.
func (e *Env) Actions(id loan.CustomerID) []string {
	e.t.Helper()
	entries, err := e.App.Store.Audit(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	var actions []string
	for _, entry := range entries {
		if entry.Action != "statement.issued" {
			actions = append(actions, entry.Action)
		}
	}
	return actions
}
