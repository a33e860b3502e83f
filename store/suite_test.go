package store_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// noon is where time starts in these tests, with a fraction that Postgres can
// just hold.
var noon = time.Date(2026, 11, 18, 17, 0, 0, 123_456_000, time.UTC)

// books is a store on a database of its own with what most tests need in it: a
// primary borrower with a loan, a checking account, and a stranger who has the
// like.
type books struct {
	*store.Store
	t     testing.TB
	url   string
	admin *sqlx.DB // of who may do everything, where the store may not

	owner, stranger     loan.CustomerID
	vehicle, theirs     loan.VehicleID
	account, theirsToo  loan.PaymentAccountID
	customers, payments int
}

// onEach runs a test on both engines, side by side.
func onEach(t *testing.T, test func(*testing.T, *books)) {
	t.Helper()
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) { test(t, open(t, engine)) })
}

// onPostgres runs a test that has no meaning elsewhere.
func onPostgres(t *testing.T, test func(*testing.T, *books)) {
	t.Helper()
	t.Parallel()
	test(t, open(t, testenv.Real))
}

func open(t testing.TB, engine testenv.Engine) *books {
	t.Helper()
	b := &books{t: t, url: databaseURL(t, engine)}
	b.Store = openURL(t, b.url, store.Options{})
	b.admin = b.DB()
	if engine == testenv.Real {
		b.admin = sqlx.MustOpen("postgres", withParam(t, testenv.AsAdmin(b.url), "timezone", "UTC"))
		t.Cleanup(func() { must(t, b.admin.Close()) })
	}
	b.tx(func(tx *store.BooksTx) {
		b.owner, b.stranger = b.addCustomer(tx), b.addCustomer(tx)
		b.vehicle, b.theirs = b.addVehicle(tx, b.owner), b.addVehicle(tx, b.stranger)
		b.account, b.theirsToo = b.addAccount(tx, b.owner), b.addAccount(tx, b.stranger)
	})
	return b
}

// databaseURL names a fresh database, which ends with the test.
func databaseURL(t testing.TB, engine testenv.Engine) string {
	t.Helper()
	for _, setting := range testenv.Services(t, engine) {
		if u, ok := strings.CutPrefix(setting, "DATABASE_URL="); ok {
			return u
		}
	}
	t.Fatal("no database")
	return ""
}

func openURL(t testing.TB, databaseURL string, opts store.Options) *store.Store {
	t.Helper()
	if opts.Connections == 0 {
		opts.Connections = 6 // many tests run at a time, and a Postgres takes 100
	}
	if opts.AuditKeys == nil {
		opts.AuditKeys = auditKeys{"the key"}
	}
	s, err := store.Open(t.Context(), databaseURL, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests have cut its connections
	return s
}

// auditKeys chain the audit of these tests; the first is the present one.
type auditKeys []string

func (keys auditKeys) Fingerprints(parts ...string) (list [][]byte) {
	for _, key := range keys {
		mac := hmac.New(sha256.New, []byte(key))
		_, _ = fmt.Fprintf(mac, "%q", parts) // quoted: other parts are another text
		list = append(list, mac.Sum(nil))
	}
	return list
}

// withParam adds a parameter to a URL.
func withParam(t testing.TB, rawURL, name, value string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// tx runs do in a transaction that must commit.
func (b *books) tx(do func(*store.BooksTx)) {
	b.t.Helper()
	must(b.t, b.InBooks(b.t.Context(), func(tx *store.BooksTx) error { do(tx); return nil }))
}

// raw runs SQL that the store has no call for.
func (b *books) raw(query string, args ...any) {
	b.t.Helper()
	if _, err := b.admin.ExecContext(context.WithoutCancel(b.t.Context()), query, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *books) count(query string, args ...any) (n int) {
	b.t.Helper()
	must(b.t, b.DB().GetContext(b.t.Context(), &n, query, args...))
	return n
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

// same compares by JSON, which shows every field, and of an instant the zone too.
func same(t testing.TB, got, want any) {
	t.Helper()
	if g, w := text(t, got), text(t, want); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	must(t, err)
	return string(b)
}

// filled refuses a sample with a field that is zero: its round trip would show
// nothing. A field that a noun gets later is thereby demanded of its sample.
func filled(t testing.TB, noun any, except ...string) {
	t.Helper()
	v := reflect.Indirect(reflect.ValueOf(noun))
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			filled(t, v.Field(i).Interface(), except...)
			continue
		}
		named := false
		for _, name := range except {
			named = named || name == field.Name
		}
		if v.Field(i).IsZero() != named {
			t.Errorf("sample of %s: zero value in %s: %t", v.Type(), field.Name, !named)
		}
	}
}

func day(s string) loan.Date {
	d, err := loan.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// awkward is text that quoting or folding would spoil.
const awkward = `Zoë "O'Brien" \ 李 😀 $1 {{id}} ?`

func (b *books) sampleCustomer() *loan.Customer {
	b.customers++
	return &loan.Customer{
		Username: fmt.Sprintf("customer-%d", b.customers), FirstName: awkward, LastName: "Ångström", BornOn: day("1984-02-29"), Email: "zoë@example.com",
		Phone: "+17045550100", Address: loan.Address{Line1: "1 Main Street", Line2: "Apartment 2", City: "Charlotte", State: "NC", PostalCode: "28202-0001"},
		Notifications: loan.Notifications{ByEmail: true, ByText: true}, Language: loan.Spanish,
	}
}

func (b *books) addCustomer(tx *store.BooksTx) loan.CustomerID {
	b.t.Helper()
	c := b.sampleCustomer()
	must(b.t, tx.InsertCustomer(b.t.Context(), c, "hash of "+c.Username))
	return c.ID
}

func sampleLoan() *loan.Loan {
	return &loan.Loan{
		Terms: loan.Terms{AccountNumberLast4: "4821", OpenedOn: day("2024-02-29"), MaturesOn: day("2029-02-28"), TermMonths: 60,
			Instalment: 42500, CurrentDue: 42400, DueOn: day("2026-12-01"), DueDay: 31, PastDue: 42300, Fees: 2500},
		AmountFinanced: 2_400_000, Principal: 2_000_001, AnnualRate: 5750, InterestPaidThrough: day("2026-10-19"), InterestUnpaid: 17,
		AllowsPrincipalOnly: true, AllocationOrder: []loan.Bucket{loan.BucketFees, loan.BucketInterest},
	}
}

func sampleLease() *loan.Lease {
	return &loan.Lease{
		Terms: loan.Terms{AccountNumberLast4: "7730", OpenedOn: day("2025-01-31"), MaturesOn: day("2028-01-31"), TermMonths: 36,
			Instalment: 38900, CurrentDue: 38800, DueOn: day("2026-12-31"), DueDay: 30, PastDue: 1, Fees: 2},
		PurchaseOption: loan.MaxCents, InstalmentsRemaining: 12, MilesAllowed: 36_000, Prepaid: 7,
	}
}

func sampleVehicle(owner loan.CustomerID) *loan.Vehicle {
	return &loan.Vehicle{CustomerID: owner, Year: 2022, Make: "Chevrolet", Model: awkward, VIN: "1GNAX00000L000001", Contract: sampleLoan()}
}

func (b *books) addVehicle(tx *store.BooksTx, owner loan.CustomerID) loan.VehicleID {
	b.t.Helper()
	v := sampleVehicle(owner)
	must(b.t, tx.InsertVehicle(b.t.Context(), v))
	return v.ID
}

func sampleAccount(owner loan.CustomerID) *loan.PaymentAccount {
	return &loan.PaymentAccount{CustomerID: owner, Type: loan.Savings, RoutingNumber: "021000021", Last4: "0042", Nickname: awkward, AddedAt: noon, DebitableFrom: loan.DateOf(noon)}
}

func (b *books) addAccount(tx *store.BooksTx, owner loan.CustomerID) loan.PaymentAccountID {
	b.t.Helper()
	a := sampleAccount(owner)
	must(b.t, tx.InsertPaymentAccount(b.t.Context(), a, []byte{0, 1, 255}, fmt.Appendf(nil, "fingerprint of %d", owner)))
	return a.ID
}

// samplePayment is a payment of the owner's that can be cancelled until an hour
// from noon.
func (b *books) samplePayment() *loan.Payment {
	b.payments++
	return &loan.Payment{
		CustomerID: b.owner, ScheduledBy: b.owner, VehicleID: b.vehicle, PaymentAccountID: b.account,
		ConfirmationNumber: fmt.Sprintf("MP-%d", b.payments), Amount: 42500, Kind: loan.KindPastDue, Origin: loan.OriginAutoPay, Status: loan.Scheduled,
		ScheduledOn: day("2026-11-18"), CreditedOn: day("2026-11-19"), DebitedOn: day("2026-11-20"),
		SubmittedAt: noon, CancelBy: noon.Add(time.Hour),
	}
}

// byStranger makes the stranger the one who schedules a payment.
func (b *books) byStranger(p *loan.Payment) {
	p.ScheduledBy, p.PaymentAccountID = b.stranger, b.theirsToo
}

func (b *books) addPayment(tx *store.BooksTx, change ...func(*loan.Payment)) *loan.Payment {
	b.t.Helper()
	p := b.samplePayment()
	for _, c := range change {
		c(p)
	}
	must(b.t, tx.InsertPayment(b.t.Context(), p))
	return p
}

func (b *books) payment(id loan.PaymentID) loan.Payment {
	b.t.Helper()
	payments, err := b.PaymentsByID(b.t.Context(), b.owner, []loan.PaymentID{id})
	must(b.t, err)
	if len(payments) != 1 {
		b.t.Fatalf("got %d payments", len(payments))
	}
	return payments[0]
}

func (b *books) sampleAutoPay() *loan.AutoPay {
	monthly := 31
	return &loan.AutoPay{
		CustomerID: b.owner, SetUpBy: b.owner, VehicleID: b.vehicle, PaymentAccountID: b.account, Status: loan.AutoPayActive,
		AmountKind: loan.AutoPayFixed, Amount: 42500, DayOfMonth: &monthly, SetUpAt: noon, ChangedAt: noon.Add(time.Microsecond),
	}
}

func (b *books) sampleStatement() *loan.Statement {
	return &loan.Statement{
		CustomerID: b.owner, VehicleID: b.vehicle, Kind: loan.ContractLease, IssuedOn: day("2026-11-04"), PeriodFrom: day("2026-10-04"), PeriodTo: day("2026-11-03"),
		DueOn: day("2026-12-01"), OpeningBalance: -1, ClosingBalance: loan.MaxCents, AmountDue: 42500, PastDue: 3,
		InterestCharged: 4, FeesCharged: 5, Received: 6, PrincipalPaid: 7, InterestPaid: 8, FeesPaid: 9, InstalmentsPaid: 10, CurrentDue: 11, FeesDue: 12,
		InterestUnpaid: 13, PayoffAmount: 14, PayoffPerDiem: 15, InstalmentsRemaining: 16, YearInterestPaid: 17, YearFeesPaid: 18,
		Lines: []loan.StatementLine{{On: day("2026-10-05"), Kind: loan.PostPayment, Confirmation: "MP-1", Amount: 1, Principal: 2, Interest: 3, Fees: 4, Instalments: 5, Balance: 6}},
		Paper: loan.Paper{Layout: 1, Servicer: loan.Servicer{Name: "Lender", Address: []string{"a", "b"}}, Name: "Zoë Nuñez", Vehicle: "2024 GMC Acadia", AccountNumberLast4: "4821", Rate: 5750, MaturesOn: day("2030-01-01"), Address: loan.Address{Line1: "1 \"Main\" Street"},
			Messages: []loan.StatementMessage{{Kind: loan.MessagePastDue, Amount: 3}}, Balances: []loan.StatementBalance{{On: day("2026-11-03"), Amount: 2}}},
	}
}

func (b *books) sampleConversation() *loan.Conversation {
	return &loan.Conversation{
		CustomerID: b.owner, Topic: loan.HelpLoanOrLease, VehicleID: &b.vehicle, State: loan.ConversationOpen, OpenedAt: noon, LatestMessageAt: noon,
	}
}

// addMessage adds a message to a conversation, a minute after the one before.
func (b *books) addMessage(tx *store.BooksTx, c *loan.Conversation, author loan.MessageAuthor) *loan.SecureMessage {
	b.t.Helper()
	m := &loan.SecureMessage{Author: author, Sealed: []byte{0, 1, 255}, SentAt: c.LatestMessageAt.Add(time.Minute)}
	if author == loan.ByServicer {
		m.Operator = awkward
	}
	c.Write(m)
	must(b.t, tx.InsertMessage(b.t.Context(), m))
	c.LatestMessageID = m.ID
	must(b.t, tx.UpdateConversation(b.t.Context(), c.CustomerID, c))
	return m
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("a scheme that is none of ours", func(t *testing.T) {
		t.Parallel()
		_, err := store.Open(t.Context(), "mysql://user:canary@localhost/books", store.Options{})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a URL that cannot be read does not show its password", func(t *testing.T) {
		t.Parallel()
		_, err := store.Open(t.Context(), "postgres://user:can ary%@local host/books", store.Options{})
		if err == nil || strings.Contains(err.Error(), "ary") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the folder of the file is made, for its owner only", func(t *testing.T) {
		t.Parallel()
		folder := filepath.Join(t.TempDir(), "new folder", "ours")
		s := openURL(t, "sqlite:"+filepath.Join(folder, "books.db"), store.Options{})
		must(t, s.Ping(t.Context()))
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder: %v, %v", info, err)
		}
	})
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		s := openURL(t, databaseURL(t, engine), store.Options{})
		if s.Embedded() != (engine == testenv.Embedded) {
			t.Errorf("Embedded is %t", s.Embedded())
		}
		must(t, s.Ping(t.Context()))
		must(t, s.Close())
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a closed store answers")
		}
	})
}
