package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

// An account that the validator does not know is debited after its prenote has
// had three banking days; one that comes back is blocked.
func TestPrenote(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		p := play{e, t, c}
		source := testenv.Vars{"paymentAccount": newAccount("55500012300")}
		got := e.Post(c.Token, schedule, order(c, "1", source))
		// The prenote goes out today at 15:00; Thanksgiving is not yet near.
		if got.Code() != "PAYMENT_ACCOUNT_NOT_VALIDATED" || got.Text("schedulePayment", "userErrors", 0, "earliestOn") != "2026-11-23" {
			t.Fatalf("paid today from an account that is not validated: %s", got.Raw)
		}
		good, bad := "11100012300", "22200012300"
		paid := e.Post(c.Token, schedule, order(c, "2", testenv.Vars{"paymentAccount": newAccount(good), "scheduledOn": "2026-11-23"}))
		if paid.Code() != "" {
			t.Fatalf("paid on the earliest date: %s", paid.Raw)
		}
		added := p.ask(addAccount, account("3", bad)).Text("addPaymentAccount", "paymentAccount", "id")
		e.MoveTo("2026-11-18 16:00:00")
		file := e.Outbox()["20261118-1500-A.ach"]
		for _, number := range []string{good, bad} {
			if !strings.Contains(file, number) {
				t.Errorf("there is no prenote for %s in\n%s", number, file)
			}
		}
		inbound, err := ach.BuildReturn([]byte(file), e.Clock.Now(), ach.Rejection{Trace: traceOf(t, file, bad), Code: "R03"})
		if err == nil {
			err = e.App.Servicing.TakeInbound(t.Context(), "returns.ach", inbound, e.Clock.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		blocked := p.ask(`query($id: ID!) { node(id: $id) { ... on PaymentAccount { blockedAt bankName } } }`, testenv.Vars{"id": added})
		if blocked.Text("node", "blockedAt") == "" || blocked.Text("node", "bankName") == "" {
			t.Errorf("after its prenote came back: %s", blocked.Raw)
		}
		later := testenv.Vars{"paymentAccount": testenv.Vars{"saved": added}, "scheduledOn": "2026-12-01"}
		if got := e.Post(e.OpenSession(c.ID), schedule, order(c, "4", later)); got.Code() != "PAYMENT_ACCOUNT_BLOCKED" {
			t.Errorf("paid from the blocked account: %s", got.Raw)
		}
		e.MoveTo("2026-11-23 16:00:00")
		if payments := e.Payments(c.ID); len(payments) != 1 || payments[0].Status != loan.Applied {
			t.Errorf("the payment is %+v", payments)
		}
		balanced(t, e)
	})
}

// traceOf is the trace number of the entry to an account in a file.
func traceOf(t *testing.T, file, number string) string {
	t.Helper()
	for line := range strings.Lines(file) {
		if line[0] == '6' && strings.TrimSpace(line[12:29]) == number {
			return line[79:94]
		}
	}
	t.Fatalf("no entry to %s", number)
	return ""
}

func TestMicroEntries(t *testing.T) {
	const confirm = `mutation($id: ID!, $amounts: [Decimal!]!) { confirmMicroEntries(input: {paymentAccountId: $id, amounts: $amounts}) {
		paymentAccount { debitableFrom } userErrors { code path } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		p := play{e, t, c}
		add := func(number string) string {
			return p.ask(addAccount, account("key-"+number, number, testenv.Vars{"validateBy": "MICRO_ENTRIES"})).Text("addPaymentAccount", "paymentAccount", "id")
		}
		right, wrong := add("777000111"), add("777000222")
		pay := order(c, "1", testenv.Vars{"paymentAccount": testenv.Vars{"saved": right}, "scheduledOn": "2026-12-01"})
		if got := e.Post(c.Token, schedule, pay); got.Code() != "PAYMENT_ACCOUNT_NOT_VALIDATED" {
			t.Errorf("before the amounts are told: %s", got.Raw)
		}
		e.MoveTo("2026-11-19 12:00:00")
		c.Token = e.OpenSession(c.ID)
		var amounts []string
		for line := range strings.Lines(e.Outbox()["20261118-1500-A.ach"]) {
			if line[0] == '6' && strings.TrimSpace(line[12:29]) == "777000111" {
				amounts = append(amounts, "0."+line[37:39])
			}
		}
		if len(amounts) != 2 {
			t.Fatalf("the file has the amounts %v", amounts)
		}
		tell := func(id string, amounts ...string) testenv.Answer {
			return e.Post(c.Token, confirm, testenv.Vars{"id": id, "amounts": amounts})
		}
		if got := tell(right, amounts[1], amounts[0]); got.Text("confirmMicroEntries", "paymentAccount", "debitableFrom") != "2026-11-19" {
			t.Errorf("told right, the other way round: %s", got.Raw)
		}
		if got := e.Post(c.Token, schedule, pay); got.Code() != "" {
			t.Errorf("after that: %s", got.Raw)
		}
		for i, code := range []string{"MICRO_ENTRIES_WRONG", "MICRO_ENTRIES_WRONG", "MICRO_ENTRIES_WRONG", "PAYMENT_ACCOUNT_BLOCKED"} {
			if got := tell(wrong, "1.00", "0.01"); got.Code() != code {
				t.Errorf("try %d: %s", i+1, got.Raw)
			}
		}
		if got := tell(c.Account, "0.01", "0.02"); got.Code() != "NOT_FOUND" {
			t.Errorf("an account without micro-entries: %s", got.Raw)
		}
	})
}

// What the bank corrects is in the next file, and does not change one that was
// sent.
func TestNotificationOfChange(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		e.Post(c.Token, schedule, order(c, "2", testenv.Vars{"scheduledOn": "2026-11-20"}))
		e.MoveTo("2026-11-18 16:00:00")
		file := e.Outbox()["20261118-1500-A.ach"]
		payment := e.Payments(c.ID)[0]
		cutoff, trace, err := e.App.Store.Books().EntryOfPayment(t.Context(), payment.ID)
		if err != nil {
			t.Fatal(err)
		}
		change := ach.Change{Trace: trace, Code: "C03", Correction: ach.Correction{RoutingNumber: "021000021", AccountNumber: "8888777766"}}
		inbound, err := ach.BuildNotification([]byte(file), e.Clock.Now(), change)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if err := e.App.Servicing.TakeInbound(t.Context(), "noc.ach", inbound, e.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		e.MoveTo("2026-11-20 16:00:00")
		if next := e.Outbox()["20261120-1500-A.ach"]; !strings.Contains(next, "8888777766") || !strings.Contains(next, "02100002") {
			t.Errorf("the next file:\n%s", next)
		}
		if a := e.Accounts(c.ID)[0]; a.Last4 != "7766" || a.RoutingNumber != "021000021" {
			t.Errorf("the account is %+v", a)
		}
		if exceptions, err := e.App.Store.Books().OpenExceptions(t.Context()); err != nil || len(exceptions) != 0 {
			t.Errorf("exceptions %v, %v", exceptions, err)
		}
		// The file that was sent can still be made again, as it was.
		if code := e.Return(payment.ConfirmationNumber, "R01"); code != 200 {
			t.Errorf("a return of the first debit (%v) answers %d: %s", cutoff, code, e.Log)
		}
		balanced(t, e)
	})
}

// Each return does to the payment, the account, what is pending and Auto Pay what
// its code says.
func TestReturns(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		for _, test := range []struct {
			code                   string
			blocked, canceled      bool
			autoPay                string
			again                  bool
			exceptions, afterwards int
		}{
			{code: "R01", autoPay: "ACTIVE", again: true},
			{code: "R09", autoPay: "ACTIVE", again: true},
			{code: "R08", autoPay: "ACTIVE"},
			{code: "R02", blocked: true, canceled: true, autoPay: "PAUSED"},
			{code: "R03", blocked: true, canceled: true, autoPay: "PAUSED"},
			{code: "R04", blocked: true, canceled: true, autoPay: "PAUSED"},
			{code: "R16", blocked: true, canceled: true, autoPay: "PAUSED"},
			{code: "R20", blocked: true, canceled: true, autoPay: "PAUSED"},
			{code: "R07", canceled: true, autoPay: ""},
			{code: "R10", blocked: true, canceled: true, autoPay: "PAUSED", exceptions: 1},
			{code: "R05", canceled: true, autoPay: "PAUSED", exceptions: 1},
			{code: "R11", canceled: true, autoPay: "PAUSED", exceptions: 1},
			{code: "R29", blocked: true, canceled: true, autoPay: "PAUSED"},
		} {
			t.Run(test.code, func(t *testing.T) {
				e := testenv.New(t, engine)
				c := e.AddCustomer()
				p := play{e, t, c}
				p.setUpAutoPay(c.Lease)
				first := p.ask(schedule, order(c, "1", testenv.Vars{"amount": testenv.Vars{"fixed": "425.00"}})).Text("schedulePayment", "payment", "id")
				p.ask(schedule, order(c, "2", testenv.Vars{"scheduledOn": "2026-12-15"}))
				e.MoveTo("2026-11-19 12:00:00")
				for range 2 { // the same return twice
					if status := e.Return(first, test.code); status != 200 {
						t.Fatalf("answers %d: %s", status, e.Log)
					}
				}
				balanced(t, e)
				status := map[loan.PaymentStatus]int{}
				for _, payment := range e.Payments(c.ID) {
					status[payment.Status]++
				}
				pending := 2 // the other payment, and that of Auto Pay
				if test.canceled {
					pending = 0
				}
				if test.again {
					pending++
				}
				if status[loan.Returned] != 1 || status[loan.Scheduled] != pending {
					t.Errorf("the payments are %v, want %d scheduled", status, pending)
				}
				home := p.ask(`{ viewer { paymentAccounts { blockedAt } vehicles { pastDue { amount } autoPay { status } contract { ... on Loan { principal { amount } } } } } }`, nil)
				if blocked := home.Text("viewer", "paymentAccounts", 0, "blockedAt") != ""; blocked != test.blocked {
					t.Errorf("the account is blocked: %t", blocked)
				}
				if got := home.Text("viewer", "vehicles", 1, "autoPay", "status"); got != test.autoPay {
					t.Errorf("Auto Pay is %q, want %q", got, test.autoPay)
				}
				if home.Text("viewer", "vehicles", 0, "contract", "principal", "amount") != "20000.00" || home.Text("viewer", "vehicles", 0, "pastDue", "amount") != "425.00" {
					t.Errorf("the credit was not taken back: %s", home.Raw)
				}
				if exceptions, err := e.App.Store.Books().OpenExceptions(t.Context()); err != nil || len(exceptions) != test.exceptions {
					t.Errorf("exceptions %v, %v", exceptions, err)
				}
			})
		}
	})
}

// A second return of the same payment, with another code, is for an operator.
func TestReturnedAgain(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		id := e.Post(c.Token, schedule, order(c, "1")).Text("schedulePayment", "payment", "id")
		e.MoveTo("2026-11-19 12:00:00")
		for _, code := range []string{"R01", "R10"} {
			if status := e.Return(id, code); status != 200 {
				t.Fatalf("%s answers %d: %s", code, status, e.Log)
			}
		}
		balanced(t, e)
		exceptions, err := e.App.Store.Books().OpenExceptions(t.Context())
		if err != nil || len(exceptions) != 2 {
			t.Errorf("exceptions %+v, %v", exceptions, err)
		}
		if e.Accounts(c.ID)[0].BlockedAt == nil {
			t.Error("the second code did not block the account")
		}
	})
}

// A debit without money behind it is tried again twice, and no more.
func TestRepresentedTwice(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	id := e.Post(c.Token, schedule, order(c, "1")).Text("schedulePayment", "payment", "id")
	for i, on := range []string{"2026-11-19", "2026-11-23", "2026-11-25"} {
		e.MoveTo(on + " 12:00:00")
		if status := e.Return(id, "R01"); status != 200 {
			t.Fatalf("return %d answers %d: %s", i, status, e.Log)
		}
		payments := e.Payments(c.ID)
		if want := min(i+2, 3); len(payments) != want {
			t.Fatalf("after return %d there are %d payments, want %d", i+1, len(payments), want)
		}
		id = payments[len(payments)-1].ConfirmationNumber
	}
	balanced(t, e)
}

// What cannot be read changes nothing, and what cannot be placed is shown to an
// operator.
func TestInboundThatIsWrong(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		e.MoveTo("2026-11-18 16:00:00")
		file := e.Outbox()["20261118-1500-A.ach"]
		_, trace, err := e.App.Store.Books().EntryOfPayment(t.Context(), e.Payments(c.ID)[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		good, err := ach.BuildReturn([]byte(file), e.Clock.Now(), ach.Rejection{Trace: trace, Code: "R01"})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{
			"truncated": string(good[:len(good)/2]), "empty": "", "text": "hello", "wrong sum": strings.Replace(string(good), "5000", "6000", 1),
		} {
			if err := e.App.Servicing.TakeInbound(t.Context(), name, []byte(content), e.Clock.Now()); err == nil {
				t.Errorf("%s was taken", name)
			}
		}
		// A return of a debit that was never sent: another sequence in the same place.
		unknown := strings.ReplaceAll(string(good), trace, fmt.Sprintf("%s%07d", trace[:8], 7_654_321))
		if err := e.App.Servicing.TakeInbound(t.Context(), "unknown", []byte(unknown), e.Clock.Now()); err != nil {
			t.Errorf("a return of an unknown debit: %v", err)
		}
		exceptions, err := e.App.Store.Books().OpenExceptions(t.Context())
		if err != nil || len(exceptions) != 1 || exceptions[0].Kind != "return of an unknown entry" {
			t.Errorf("exceptions %+v, %v", exceptions, err)
		}
		if payments := e.Payments(c.ID); payments[0].Status != loan.Applied {
			t.Errorf("the payment is %s", payments[0].Status)
		}
		balanced(t, e)
	})
}

// The customer is told ten days before an Auto Pay payment whose amount differs
// from the one before.
func TestAutoPayNotice(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		p := play{e, t, c}
		p.setUpAutoPay(c.Loan) // 875.00 with what is past due, 425.00 from then on
		runs := p.ask(`{ viewer { vehicles { autoPay { nextRuns(first: 3) { on dueOn amount { amount } } } } } }`, nil)
		for i, want := range []string{"2026-11-23 2026-11-25 875.00", "2026-12-23 2026-12-25 425.00", "2027-01-23 2027-01-25 425.00"} {
			run := func(field ...any) string {
				return runs.Text(append([]any{"viewer", "vehicles", 0, "autoPay", "nextRuns", i}, field...)...)
			}
			if got := run("on") + " " + run("dueOn") + " " + run("amount", "amount"); got != want {
				t.Errorf("run %d is %s, want %s", i, got, want)
			}
		}
		e.MoveTo("2026-12-12 12:00:00")
		if notices, err := e.App.Store.Notices(t.Context(), c.ID); err != nil || len(notices) != 0 {
			t.Errorf("eleven days before: %v, %v", notices, err)
		}
		e.MoveTo("2026-12-13 12:00:00")
		notices, err := e.App.Store.Notices(t.Context(), c.ID)
		if err != nil || len(notices) != 1 || notices[0].Detail != `{"amount":"425.00","before":"875.00","last4":"4821","on":"2026-12-23"}` {
			t.Errorf("ten days before: %+v, %v", notices, err)
		}
		e.MoveTo("2027-01-20 12:00:00")
		if notices, err := e.App.Store.Notices(t.Context(), c.ID); err != nil || len(notices) != 1 {
			t.Errorf("the same amount again: %+v, %v", notices, err)
		}
		balanced(t, e)
	})
}

// What the customer has paid by hand meanwhile, Auto Pay does not debit again.
func TestAutoPayDebitsWhatIsStillDue(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		for _, test := range []struct{ byHand, byAutoPay string }{
			{"300.00", "575.00"}, // of 875.00 due
			{"875.00", ""},
			{"900.00", ""},
		} {
			e := testenv.New(t, engine)
			c := e.AddCustomer()
			p := play{e, t, c}
			p.setUpAutoPay(c.Loan)
			e.MoveTo("2026-11-19 12:00:00") // planned for November 23
			p.ask(schedule, order(c, "1", testenv.Vars{"scheduledOn": "2026-11-20", "amount": testenv.Vars{"fixed": test.byHand}}))
			e.MoveTo("2026-11-23 16:00:00")
			var applied string
			for _, payment := range e.Payments(c.ID) {
				if payment.Origin == loan.OriginAutoPay && payment.Status == loan.Applied {
					applied = string(payment.Applied.Amount())
				}
			}
			if applied != test.byAutoPay {
				t.Errorf("after %s by hand, Auto Pay debits %q, want %q", test.byHand, applied, test.byAutoPay)
			}
			balanced(t, e)
		}
	})
}
