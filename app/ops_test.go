package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// environ is the settings with which a program works on the books of a test, at the
// instant of its clock.
func environ(e *testenv.Env) []string {
	return []string{
		"DATABASE_URL=" + e.App.Config.DatabaseURL, "REDIS_URL=" + e.App.Config.RedisURL, "MOBILEPAY_KEYSET=" + e.App.Config.Keyset,
		"MOBILEPAY_OUTBOX=" + e.App.Config.Outbox, "MOBILEPAY_NOW=" + e.Clock.Now().Format(time.RFC3339Nano),
	}
}

// console runs the program's commands as operators do.
type console struct {
	*testenv.Env
	t *testing.T
}

func (c console) run(args ...string) (string, error) {
	c.t.Helper()
	var out bytes.Buffer
	err := app.Run(c.t.Context(), args, environ(c.Env), &out, io.Discard)
	return out.String(), err
}

// must is run for what has to be done; want are parts of what is printed.
func (c console) must(args []string, want ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	for _, part := range want {
		if !strings.Contains(out, part) {
			c.t.Errorf("%q does not say %q:\n%s", args, part, out)
		}
	}
	return out
}

// refused is run for what a rule has to refuse.
func (c console) refused(code loan.Code, args ...string) {
	c.t.Helper()
	out, err := c.run(args...)
	var refusal loan.UserError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code || out != "" {
		c.t.Errorf("%q: want %s, got %v\n%s", args, code, err, out)
	}
}

// by is the flags of a command that changes something.
func by(operator string, args ...string) []string {
	return append(args, "--operator", operator, "--reason", "the customer called, case 4711")
}

// pay schedules a payment and tells its confirmation number.
func pay(t *testing.T, e *testenv.Env, in testenv.Vars) (confirmation, id string) {
	t.Helper()
	got := e.Post(e.OpenSession(1), schedule, in)
	if got.Code() != "" || len(got.Errors) > 0 {
		t.Fatal(got.Raw)
	}
	return got.Text("schedulePayment", "payment", "confirmationNumber"), got.Text("schedulePayment", "payment", "id")
}

// ofOperators is what an operator did in a customer's books, by the audit.
func ofOperators(t *testing.T, e *testenv.Env, books loan.CustomerID) string {
	t.Helper()
	entries, err := e.App.Store.Audit(t.Context(), books)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		if name, ok := strings.CutPrefix(entry.Actor, "operator:"); ok {
			list = append(list, name+" "+entry.Action)
		}
	}
	return strings.Join(list, ", ")
}

// What an agent on the phone sees of a customer and of a payment, and that it is
// written down who has looked.
func TestOpsLookups(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		other := e.AddCustomer()
		confirmation, id := pay(t, e, order(c, "1"))
		customer, err := e.App.Store.Customer(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, find := range [][]string{{fmt.Sprint(int64(c.ID))}, {customer.Username}, {e.Post(c.Token, `{ viewer { id } }`, nil).Text("viewer", "id")}} {
			out := ops.must(append([]string{"ops", "customer", "--operator", "Ada"}, find...), "Robin Test", "...4821", "Lease", "875.00", "20119.52", confirmation, "CHECKING")
			if strings.Contains(out, "990000") {
				t.Errorf("it shows an account number:\n%s", out)
			}
		}
		var several []struct{ ID loan.CustomerID }
		if err := json.Unmarshal([]byte(ops.must([]string{"ops", "customer", "Test", "4821", "--json"})), &several); err != nil || len(several) != 2 || several[1].ID != other.ID {
			t.Errorf("two fit, and got %v, %v", several, err)
		}
		ops.must([]string{"ops", "customer", "ROBIN@example.com"}, "Robin Test")
		for _, nobody := range []string{"999", "nobody-here", "no@example.org", "Test 0000", "Vmlld2VyOjk5OQ"} {
			ops.refused(loan.CodeNotFound, "ops", "customer", nobody)
		}

		var seen struct {
			Status, CancelBy, File, Trace, ReturnCode string
			CanCancel                                 bool
			TriedAgain                                *int64
			History                                   []struct{ Actor, Action string }
		}
		look := func() string {
			t.Helper()
			out := ops.must([]string{"ops", "payment", confirmation, "--json", "--operator", "ada"})
			if err := json.Unmarshal([]byte(out), &seen); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return out
		}
		look()
		if seen.Status != "SCHEDULED" || seen.CancelBy != "2026-11-18T20:00:00Z" || !seen.CanCancel || seen.File != "" || len(seen.History) != 1 {
			t.Errorf("got %+v", seen)
		}
		e.MoveTo("2026-11-18 15:00:00")
		look()
		if seen.Status != "APPLIED" || seen.CanCancel || seen.File != "20261118-1500-A.ach" || !strings.Contains(e.Outbox()[seen.File], seen.Trace) || seen.Trace == "" {
			t.Errorf("got %+v", seen)
		}
		if status := e.Return(id, "R01"); status != 200 {
			t.Fatalf("the return answers %d", status)
		}
		if out := look(); seen.Status != "RETURNED" || seen.ReturnCode != "R01" || seen.TriedAgain == nil || strings.Contains(out, "990000") {
			t.Errorf("got %s", out)
		}
		ops.must([]string{"ops", "payment", id}, "R01", "payment.returned", "tried again as", "...")
		ops.refused(loan.CodeNotFound, "ops", "payment", "MP-0000-0000-0000")
		if got := ofOperators(t, e, c.ID); got != "ada customer.looked_up, ada customer.looked_up, ada customer.looked_up, unnamed customer.looked_up, unnamed customer.looked_up, "+
			"ada payment.looked_up, ada payment.looked_up, ada payment.looked_up, unnamed payment.looked_up" {
			t.Errorf("the audit has %s", got)
		}
		ops.must([]string{"audit", "verify"})
	})
}

// An operator cancels within the window of the app, and not after it.
func TestOpsCancel(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		alter(t, e, "UPDATE customers SET notify_by_email = TRUE")
		first, _ := pay(t, e, order(c, "1"))
		second, _ := pay(t, e, order(c, "2", testenv.Vars{"amount": testenv.Vars{"fixed": "60.00"}}))
		third, _ := pay(t, e, order(c, "3", testenv.Vars{"amount": testenv.Vars{"fixed": "70.00"}, "scheduledOn": "2026-11-19"}))
		ops.refused(loan.CodeInvalidInput, "ops", "cancel", first)
		ops.refused(loan.CodeInvalidInput, "ops", "cancel", first, "--operator", "ada")
		ops.refused(loan.CodeInvalidInput, "ops", "cancel", first, "--operator", "ada", "--reason", "for account 123456789")
		ops.refused(loan.CodeNotFound, by("ada", "ops", "cancel", "MP-0000-0000-0000")...)
		if _, err := ops.run("ops", "cancel"); !errors.Is(err, app.ErrUsage) {
			t.Errorf("without a payment: %v", err)
		}

		e.At("2026-11-18 14:58:00") // the program's clock runs on
		ops.must(by("ada", "ops", "cancel", first), "Payment "+first+" of $50.00 was cancelled.")
		ops.refused(loan.CodeNotCancelable, by("ada", "ops", "cancel", first)...)
		e.At("2026-11-18 15:00:00")
		ops.refused(loan.CodeCancelWindowClosed, by("ada", "ops", "cancel", second)...)
		e.MoveTo("2026-11-18 15:01:00")
		ops.refused(loan.CodeCancelWindowClosed, by("ada", "ops", "cancel", second)...)
		if out := ops.must(by("ada", "ops", "cancel", third, "--json")); !strings.Contains(out, `"status": "CANCELED"`) {
			t.Errorf("got %s", out)
		}
		if got := statuses(e, c); got != "CANCELED APPLIED CANCELED" {
			t.Errorf("the payments are %s", got)
		}
		if got := ofOperators(t, e, c.ID); got != "ada payment.canceled, ada payment.canceled" {
			t.Errorf("the audit has %s", got)
		}
		if told := strings.Join(e.NoticesTo("robin@example.com"), " "); strings.Count(told, "PAYMENT_CANCELED") != 2 {
			t.Errorf("the customer was told %s", told)
		}
		ops.must([]string{"audit", "verify"})
		balanced(t, e)
	})
}

// A hold lets nothing new be debited, by whomever, and is lifted again.
func TestOpsHold(t *testing.T) {
	t.Parallel()
	const setUp = `mutation($input: SetUpAutoPayInput!) { setUpAutoPay(input: $input) { autoPay { id } userErrors { code } } }`
	const resume = `mutation($id: ID!) { resumeAutoPay(input: {autoPayId: $id}) { autoPay { id } userErrors { code } } }`
	const pause = `mutation($id: ID!) { pauseAutoPay(input: {autoPayId: $id}) { autoPay { id } userErrors { code } } }`
	const move = `mutation($id: ID!) { reschedulePayment(input: {idempotencyKey: "m", paymentId: $id, scheduledOn: "2026-11-20", confirm: true}) { payment { id } userErrors { code message } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		alter(t, e, "UPDATE customers SET notify_by_email = TRUE")
		auto := testenv.Vars{"input": testenv.Vars{"idempotencyKey": "a", "vehicleId": c.Lease, "paymentAccountId": c.Account,
			"amount": testenv.Vars{"amountDue": true}, "day": testenv.Vars{"daysBeforeDue": 5}, "authorized": true}} // on November 25
		id := e.Post(c.Token, setUp, auto).Text("setUpAutoPay", "autoPay", "id")
		_, pending := pay(t, e, order(c, "1"))
		later, _ := pay(t, e, order(c, "2", testenv.Vars{"scheduledOn": "2026-11-19"}))
		ask := func(query string, vars testenv.Vars) testenv.Answer { return e.Post(e.OpenSession(c.ID), query, vars) }
		onHold := func(v int) any {
			return ask(`{ viewer { vehicles { onHold autoPay { nextRun { on } } } } }`, nil).Get("viewer", "vehicles", v, "onHold")
		}
		lease := fmt.Sprint(int64(c.LeaseID))

		ops.refused(loan.CodeNoHold, by("ada", "ops", "hold", "lift", lease)...)
		ops.must(by("ada", "ops", "hold", "place", "Test", "4821"), "0 payments were cancelled")
		ops.must(by("ada", "ops", "hold", "place", c.Lease, "--json"), `"onHold": true`)
		ops.refused(loan.CodeHoldExists, by("ben", "ops", "hold", "place", lease)...)
		ops.refused(loan.CodeNotFound, by("ada", "ops", "hold", "place", "999")...)
		ops.must([]string{"ops", "customer", fmt.Sprint(int64(c.ID))}, "by ada: the customer called, case 4711")
		if onHold(0) != true || onHold(1) != true {
			t.Error("the API does not tell of the hold")
		}
		if got := ask(schedule, order(c, "3", testenv.Vars{"amount": testenv.Vars{"fixed": "51.00"}})); got.Code() != "ACCOUNT_ON_HOLD" {
			t.Errorf("paid: %s", got.Raw)
		}
		if got := ask(move, testenv.Vars{"id": pending}); got.Code() != "ACCOUNT_ON_HOLD" {
			t.Errorf("rescheduled: %s", got.Raw)
		}
		if got := ask(pause, testenv.Vars{"id": id}); got.Code() != "" {
			t.Errorf("paused: %s", got.Raw)
		}
		if got := ask(resume, testenv.Vars{"id": id}); got.Code() != "ACCOUNT_ON_HOLD" {
			t.Errorf("resumed: %s", got.Raw)
		}
		auto["input"].(testenv.Vars)["idempotencyKey"], auto["input"].(testenv.Vars)["vehicleId"] = "b", c.Loan
		if got := ask(setUp, auto); got.Code() != "ACCOUNT_ON_HOLD" {
			t.Errorf("set up: %s", got.Raw)
		}

		// What was pending goes on, and a return of it is not tried again.
		e.MoveTo("2026-11-18 15:00:00")
		if status := e.Return(pending, "R01"); status != 200 {
			t.Fatalf("the return answers %d", status)
		}
		if got := statuses(e, c); got != "RETURNED SCHEDULED" {
			t.Errorf("the payments are %s", got)
		}

		// Auto Pay plans nothing, and goes on once the hold is lifted.
		ops.must(by("ben", "ops", "hold", "lift", lease))
		if got := ask(resume, testenv.Vars{"id": id}); got.Code() != "" {
			t.Errorf("resumed: %s", got.Raw)
		}
		ops.must(by("ada", "ops", "hold", "place", lease))
		if next := ask(`{ viewer { vehicles { autoPay { nextRun { on } nextRuns(first: 2) { on } } } } }`, nil); next.Get("viewer", "vehicles", 1, "autoPay", "nextRun") != nil ||
			next.Get("viewer", "vehicles", 1, "autoPay", "nextRuns", 0) != nil {
			t.Errorf("Auto Pay would pay: %s", next.Raw)
		}
		e.MoveTo("2026-11-18 18:00:00")
		if got := statuses(e, c); got != "RETURNED SCHEDULED" {
			t.Errorf("the payments are %s", got)
		}
		ops.must(by("ben", "ops", "hold", "lift", lease))
		e.MoveTo("2026-11-18 18:01:00")
		if got := statuses(e, c); got != "RETURNED SCHEDULED SCHEDULED" {
			t.Errorf("the payments are %s", got)
		}

		// With --cancel-pending what still can be cancelled is.
		loanVehicle := fmt.Sprint(int64(c.LoanID))
		ops.must(by("ben", "ops", "hold", "lift", loanVehicle))
		ops.must(by("ben", "ops", "hold", "place", loanVehicle, "--cancel-pending"), "1 payments were cancelled")
		ops.must([]string{"ops", "payment", later}, "CANCELED", "operator:ben")
		told := false
		for _, n := range e.Mailbox("robin@example.com") {
			told = told || n.Kind == "PAYMENT_CANCELED" && strings.Contains(n.Text, "because there is a hold on your account")
		}
		if !told {
			t.Errorf("the customer was told %v", e.NoticesTo("robin@example.com"))
		}
		ops.must([]string{"audit", "verify"})
		balanced(t, e)
	})
}

// What the bank sent and nobody could place is listed, shown and resolved once.
func TestOpsExceptions(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		ops := console{e, t}
		err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
			return tx.InsertException(t.Context(), store.Exception{Source: "file", Kind: "return to look at", Detail: "R10", CreatedAt: testenv.Noon})
		})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := ops.must([]string{"ops", "exceptions", "list"}, "return to look at  R10"), ops.must([]string{"exceptions"}); a != b {
			t.Errorf("two lists:\n%s\n%s", a, b)
		}
		ops.refused(loan.CodeInvalidInput, "ops", "exceptions", "resolve", "1", "--operator", "ada")
		ops.refused(loan.CodeNotFound, by("ada", "ops", "exceptions", "resolve", "2")...)
		ops.must(by("ada", "ops", "exceptions", "resolve", "1"), "Exception 1 is resolved.")
		ops.refused(loan.CodeExceptionResolved, by("ben", "ops", "exceptions", "resolve", "1")...)
		ops.must([]string{"ops", "exceptions", "show", "1"}, "ada", "the customer called, case 4711")
		if out := ops.must([]string{"ops", "exceptions", "list", "--json"}); strings.TrimSpace(out) != "[]" {
			t.Errorf("listed still: %s", out)
		}
		ops.refused(loan.CodeNotFound, "ops", "exceptions", "show", "x")
		if got := ofOperators(t, e, 0); got != "ada exception.resolved" {
			t.Errorf("the audit has %s", got)
		}
	})
}

// It takes two operators to correct the ledger, and it is corrected once.
func TestOpsCorrect(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		vehicle := fmt.Sprint(int64(c.LoanID))
		propose := func(operator string, flags ...string) string {
			t.Helper()
			args := append(by(operator, "ops", "correct", "propose", vehicle, "--evidence", "letter of November 16", "--json"), flags...)
			var r struct{ ID int64 }
			if err := json.Unmarshal([]byte(ops.must(args)), &r); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(r.ID)
		}
		owed := func() string {
			got := e.Post(e.OpenSession(c.ID), `{ viewer { vehicles { pastDue { amount } contract { ... on Loan { fees { amount } principal { amount } payoff(on: "2026-11-18") { amount { amount } } } } } } }`, nil)
			if len(got.Errors) > 0 {
				t.Fatal(got.Raw)
			}
			return got.Text("viewer", "vehicles", 0, "pastDue", "amount") + " " + got.Text("viewer", "vehicles", 0, "contract", "fees", "amount") + " " +
				got.Text("viewer", "vehicles", 0, "contract", "principal", "amount") + " " + got.Text("viewer", "vehicles", 0, "contract", "payoff", "amount", "amount")
		}
		before := owed()
		id := propose("ada", "--fees", "-25.00")
		if owed() != before {
			t.Error("a proposal has changed something")
		}
		ops.refused(loan.CodeNotPermitted, by("ada", "ops", "correct", "approve", id)...)
		ops.refused(loan.CodeNotPermitted, by("ADA", "ops", "correct", "approve", id)...)
		ops.refused(loan.CodeNotFound, by("ben", "ops", "correct", "approve", "999")...)
		ops.must([]string{"ops", "correct", "list"}, "PROPOSED", "-25.00", "letter of November 16")

		// Several approve at a time: one of them has.
		var approvals sync.WaitGroup
		outcomes := make([]error, 6)
		for i := range outcomes {
			approvals.Go(func() { _, outcomes[i] = ops.run(by("op-"+string(rune('a'+i)), "ops", "correct", "approve", id)...) })
		}
		approvals.Wait()
		done := 0
		var refusal loan.UserError
		for _, err := range outcomes {
			if err == nil {
				done++
			} else if !errors.As(err, &refusal) || refusal.ErrorCode() != loan.CodeCorrectionDecided {
				t.Error(err)
			}
		}
		postings, err := e.App.Store.Postings(t.Context(), c.ID, c.LoanID)
		if err != nil {
			t.Fatal(err)
		}
		corrected := 0
		for _, p := range postings {
			if p.Kind == loan.PostCorrection {
				corrected++
			}
		}
		if done != 1 || corrected != 1 || owed() != "425.00 0.00 20000.00 20094.52" {
			t.Errorf("%d have approved, %d were posted, and owed is %s", done, corrected, owed())
		}

		// Approved again by the same one it is answered as it is.
		second := propose("ada", "--principal", "-330.48", "--interest", "-94.52", "--past-due", "-425", "--against", "cash")
		ops.must(by("ben", "ops", "correct", "approve", second), "APPROVED")
		ops.must(by("ben", "ops", "correct", "approve", second), "APPROVED")
		if owed() != "0.00 0.00 19669.52 19669.52" {
			t.Errorf("owed is %s", owed())
		}
		balanced(t, e)

		// Rejected, taken back, and too old.
		third, fourth, fifth := propose("ada", "--fees", "1"), propose("ada", "--fees", "2"), propose("ada", "--fees", "3")
		ops.must(by("ben", "ops", "correct", "reject", third), "REJECTED")
		ops.refused(loan.CodeCorrectionDecided, by("cay", "ops", "correct", "approve", third)...)
		ops.must(by("ada", "ops", "correct", "reject", fourth), "REJECTED")
		e.At("2026-11-25 12:05:00")
		ops.refused(loan.CodeCorrectionExpired, by("ben", "ops", "correct", "approve", fifth)...)
		ops.must([]string{"ops", "correct", "list"}, "EXPIRED")
		ops.must([]string{"ops", "correct", "list", "--all"}, "EXPIRED", "REJECTED", "APPROVED")

		// What no contract allows is refused when it is proposed.
		ops.refused(loan.CodeCorrectionNotAllowed, by("ada", "ops", "correct", "propose", vehicle, "--fees", "-0.01", "--evidence", "letter of November 16")...)
		ops.refused(loan.CodeInvalidInput, by("ada", "ops", "correct", "propose", vehicle, "--fees", "1", "--against", "me", "--evidence", "letter of November 16")...)
		ops.refused(loan.CodeInvalidInput, by("ada", "ops", "correct", "propose", vehicle, "--fees", "1")...)
		if _, err := ops.run(by("ada", "ops", "correct", "propose", vehicle, "--fees", "1.001")...); !errors.Is(err, app.ErrUsage) {
			t.Errorf("a third of a cent: %v", err)
		}
		if got := ofOperators(t, e, c.ID); strings.Count(got, "correction.approved") != 2 || !strings.Contains(got, "ada correction.proposed, ben correction.approved") {
			t.Errorf("the audit has %s", got)
		}
		ops.must([]string{"audit", "verify"})
		ops.must([]string{"reconcile"})
	})
}

// A file is sent again only to a bank that has lost it, as the same bytes; a cut-off
// that was missed is made up for once.
func TestOpsFilesAndRuns(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		pay(t, e, order(c, "1"))
		ops.refused(loan.CodeNotACutoff, by("ada", "ops", "run", "2026-11-18T15:00")...)
		e.At("2026-11-18 15:05:00")
		ops.refused(loan.CodeNotACutoff, by("ada", "ops", "run", "2026-11-18T15:01")...)
		if _, err := ops.run(by("ada", "ops", "run", "yesterday")...); !errors.Is(err, app.ErrUsage) {
			t.Errorf("at no time: %v", err)
		}
		const name = "20261118-1500-A.ach"
		ops.must(by("ada", "ops", "run", "2026-11-18T15:00"), "2026-11-18 15:05:")
		first := e.Outbox()[name]
		ops.must(by("ada", "ops", "run", "2026-11-18T20:00:00Z"), "2026-11-18 15:05:")
		if len(e.Outbox()) != 1 || statuses(e, c) != "APPLIED" {
			t.Fatalf("%d files, and the payment is %s", len(e.Outbox()), statuses(e, c))
		}
		ops.must([]string{"ops", "file", "list"}, name, "50.00")
		if err := os.Remove(e.App.Config.Outbox + "/" + name); err != nil { // the bank has fetched it
			t.Fatal(err)
		}
		ops.refused(loan.CodeBankMayDebitTwice, by("ada", "ops", "file", "resend", name)...)
		ops.refused(loan.CodeNotFound, by("ada", "ops", "file", "resend", "another.ach", "--yes-the-bank-lost-it")...)
		if len(e.Outbox()) != 0 {
			t.Error("it was sent")
		}
		ops.must(by("ada", "ops", "file", "resend", name, "--yes-the-bank-lost-it"), "1 entries, $50.00")
		if got := e.Outbox()[name]; got != first || got == "" {
			t.Errorf("other bytes:\n%s\n%s", got, first)
		}
		if got := ofOperators(t, e, 0); got != "ada cutoff.run, ada cutoff.run, ada file.resent" {
			t.Errorf("the audit has %s", got)
		}

		// One that has not been sent is its run's affair.
		pay(t, e, order(c, "2", testenv.Vars{"amount": testenv.Vars{"fixed": "60.00"}}))
		e.At("2026-11-18 18:00:00")
		process := *e.App.Servicing
		process.Outbox = noOutbox{}
		if err := process.RunDue(t.Context(), e.Clock.Now()); err == nil {
			t.Fatal("the outbox is not away")
		}
		ops.refused(loan.CodeFileNotSent, by("ada", "ops", "file", "resend", "20261118-1800-B.ach", "--yes-the-bank-lost-it")...)
		ops.must(by("ada", "ops", "run", "2026-11-18T18:00"), "2026-11-18 18:00:")
		if len(e.Outbox()) != 2 {
			t.Errorf("there are %d files", len(e.Outbox()))
		}
		balanced(t, e)
	})
}

// Usage lists each command, those of operators by themselves.
func TestUsage(t *testing.T) {
	t.Parallel()
	say := func(args ...string) string {
		var out bytes.Buffer
		if err := app.Run(t.Context(), args, nil, io.Discard, &out); !errors.Is(err, app.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
		return out.String()
	}
	if got := say("help"); !strings.Contains(got, "\n  serve      serve the API") || !strings.Contains(got, "\n  rotate-keys\n             seal") || strings.Contains(got, "hold place") {
		t.Errorf("usage is\n%s", got)
	}
	for _, args := range [][]string{{"ops"}, {"ops", "hold"}, {"ops", "hold", "place"}, {"ops", "customer", "1", "--what"}, {"ops", "payment", "1", "2"}} {
		if got := say(args...); !strings.Contains(got, "\n  hold place VEHICLE...\n") || strings.Contains(got, "serve the API") {
			t.Errorf("%q: usage is\n%s", args, got)
		}
	}
	for _, args := range [][]string{{"reconcile", "--customers", "3"}, {"serve", "now"}, {"audit"}, {"seed", "--customers", "0"}, {"wrap-keyset"}} {
		if got := say(args...); !strings.Contains(got, "\n  serve      serve the API") {
			t.Errorf("%q: usage is\n%s", args, got)
		}
	}
}
