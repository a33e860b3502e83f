package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

const schedule = `mutation($input: SchedulePaymentInput!) { schedulePayment(input: $input) {
	payment { id confirmationNumber amount { amount } scheduledOn submittedAt cancelBy canCancel status kind origin creditedOn debitedOn
		paymentAccount { id last4 } vehicle { id } }
	replayed
	userErrors { __typename code message path
		... on DateNotAllowedError { earliestOn }
		... on AmountNotAllowedError { minimum { amount } maximum { amount } }
		... on LikelyDuplicateError { payment { id confirmationNumber } }
		... on PreviewChangedError { cancelBy }
		... on PaymentAccountExistsError { paymentAccount { id } } } } }`

const cancel = `mutation($id: ID!, $yes: Boolean!) { cancelPayment(input: {paymentId: $id, confirm: $yes}) {
	payment { id status canceledAt canCancel } userErrors { code path ... on CancelWindowClosedError { closedAt } } } }`

// order is a payment of $50.00 for the loan today, with what a test changes.
func order(c testenv.Customer, key string, change ...testenv.Vars) testenv.Vars {
	input := testenv.Vars{
		"idempotencyKey": key, "vehicleId": c.Loan, "scheduledOn": "2026-11-18",
		"amount": testenv.Vars{"fixed": "50.00"}, "paymentAccount": testenv.Vars{"saved": c.Account},
	}
	for _, vars := range change {
		for name, value := range vars {
			input[name] = value
		}
	}
	return testenv.Vars{"input": input}
}

func newAccount(number string) testenv.Vars {
	return testenv.Vars{"new": testenv.Vars{"type": "SAVINGS", "routingNumber": "021000021", "accountNumber": number, "authorized": true}}
}

// The rules of the lender's help page, as an app meets them.
func TestPaymentTiming(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		for i, step := range []struct{ at, on, cancelBy, refused, earliest string }{
			{"2026-11-18 14:59:59.999", "2026-11-18", "2026-11-18T20:00:00Z", "", ""},
			{"2026-11-18 15:00:00", "2026-11-18", "2026-11-18T23:00:00Z", "", ""},
			{"2026-11-18 17:59:59.999", "2026-11-18", "2026-11-18T23:00:00Z", "", ""},
			{"2026-11-18 18:00:00", "2026-11-18", "", "CUTOFF_PASSED", "2026-11-19"},
			{"2026-11-18 21:30:00", "2026-11-21", "2026-11-21T20:00:00Z", "", ""},
			{"2026-11-19 00:30:00", "2026-11-18", "", "DATE_IN_PAST", "2026-11-19"},
			{"2026-11-21 10:00:00", "2026-11-21", "2026-11-21T20:00:00Z", "", ""},
			{"2026-11-21 16:00:00", "2026-11-21", "2026-11-21T23:00:00Z", "", ""},
			{"2026-11-21 18:00:00", "2026-11-21", "", "CUTOFF_PASSED", "2026-11-22"},
			{"2026-11-21 18:00:00", "2027-01-21", "", "DATE_TOO_FAR", "2026-11-22"},
		} {
			e.At(step.at)
			token := e.OpenSession(c.ID)
			input := order(c, fmt.Sprint("timing-", i), testenv.Vars{
				"scheduledOn": step.on, "amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 10+i)},
			})
			got := e.Post(token, schedule, input)
			if got.Code() != step.refused || got.Text("schedulePayment", "payment", "cancelBy") != step.cancelBy {
				t.Errorf("at %s for %s: %s", step.at, step.on, got.Raw)
			}
			if got.Text("schedulePayment", "userErrors", 0, "earliestOn") != step.earliest {
				t.Errorf("at %s for %s: earliest date in %s", step.at, step.on, got.Raw)
			}
		}
		if payments := e.Payments(c.ID); len(payments) != 6 {
			t.Errorf("%d payments are stored, want the 6 that were accepted", len(payments))
		}
	})
}

func TestCancelWindow(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		pay := func(amount string) string {
			return e.Post(c.Token, schedule, order(c, "pay-"+amount, testenv.Vars{"amount": testenv.Vars{"fixed": amount}})).Text("schedulePayment", "payment", "id")
		}
		early, late, other := pay("11.00"), pay("12.00"), pay("13.00")

		if got := e.Post(c.Token, cancel, testenv.Vars{"id": early, "yes": false}); got.Code() != "NOT_CONFIRMED" {
			t.Errorf("confirm: false answers %s", got.Raw)
		}
		e.At("2026-11-18 14:59:59.999")
		c.Token = e.OpenSession(c.ID)
		got := e.Post(c.Token, cancel, testenv.Vars{"id": early, "yes": true})
		if got.Text("cancelPayment", "payment", "status") != "CANCELED" || got.Text("cancelPayment", "payment", "canceledAt") != "2026-11-18T19:59:59.999Z" {
			t.Errorf("before the cut-off: %s", got.Raw)
		}
		again := e.Post(c.Token, cancel, testenv.Vars{"id": early, "yes": true})
		if again.Raw != got.Raw {
			t.Errorf("cancelled again: %s, first %s", again.Raw, got.Raw)
		}
		e.At("2026-11-18 15:00:00")
		got = e.Post(c.Token, cancel, testenv.Vars{"id": late, "yes": true})
		if got.Code() != "CANCEL_WINDOW_CLOSED" || got.Text("cancelPayment", "userErrors", 0, "closedAt") != "2026-11-18T20:00:00Z" {
			t.Errorf("at the cut-off: %s", got.Raw)
		}
		status := map[loan.PaymentStatus]int{}
		for _, p := range e.Payments(c.ID) {
			status[p.Status]++
		}
		if status[loan.Canceled] != 1 || status[loan.Scheduled] != 2 {
			t.Errorf("the payments are %v", status)
		}
		node := e.Post(c.Token, `query($id: ID!) { node(id: $id) { ... on Payment { status canCancel } } }`, testenv.Vars{"id": other})
		if node.Get("node", "canCancel") != false {
			t.Errorf("canCancel after the cut-off: %s", node.Raw)
		}
		if actions := e.Actions(c.ID); strings.Join(actions, " ") != "payment.scheduled payment.scheduled payment.scheduled payment.canceled" {
			t.Errorf("the audit tells of %v", actions)
		}
	})
}

func TestIdempotency(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		first := e.Post(c.Token, schedule, order(c, "one"))
		e.Clock.Advance(time.Minute)
		second := e.Post(c.Token, schedule, order(c, "one"))
		if first.Code() != "" || strings.Replace(first.Raw, `"replayed":false`, `"replayed":true`, 1) != second.Raw {
			t.Errorf("first %s\nagain %s", first.Raw, second.Raw)
		}
		other := e.Post(c.Token, schedule, order(c, "one", testenv.Vars{"amount": testenv.Vars{"fixed": "51.00"}}))
		if other.Code() != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("same key, other amount: %s", other.Raw)
		}
		stranger := e.AddCustomer()
		if got := e.Post(stranger.Token, schedule, order(stranger, "one")); got.Code() != "" || got.Get("schedulePayment", "replayed") != false {
			t.Errorf("another customer's key is their own: %s", got.Raw)
		}
		for _, key := range []string{"", strings.Repeat("k", 256)} {
			if got := e.Post(c.Token, schedule, order(c, key)); got.Code() != "INVALID_INPUT" {
				t.Errorf("a key of %d characters: %s", len(key), got.Raw)
			}
		}
		if payments := e.Payments(c.ID); len(payments) != 1 {
			t.Errorf("%d payments are stored, want 1", len(payments))
		}
	})
}

func TestIdempotencyTogether(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		answers := make([]testenv.Answer, 100)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() { answers[i] = e.Post(c.Token, schedule, order(c, "together")) })
		}
		group.Wait()
		firsts := 0
		for _, a := range answers {
			if a.Get("schedulePayment", "replayed") == false {
				firsts++
			}
			same := strings.Replace(a.Raw, `"replayed":false`, `"replayed":true`, 1)
			if want := strings.Replace(answers[0].Raw, `"replayed":false`, `"replayed":true`, 1); same != want {
				t.Fatalf("one answer is %s\nanother %s", same, want)
			}
		}
		if payments := e.Payments(c.ID); firsts != 1 || len(payments) != 1 {
			t.Errorf("%d answers say they were first, and %d payments are stored", firsts, len(payments))
		}
	})
}

func TestLikelyDuplicate(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		first := e.Post(c.Token, schedule, order(c, "a"))
		second := e.Post(c.Token, schedule, order(c, "b"))
		if second.Code() != "LIKELY_DUPLICATE" ||
			second.Text("schedulePayment", "userErrors", 0, "payment", "id") != first.Text("schedulePayment", "payment", "id") {
			t.Errorf("a second one: %s", second.Raw)
		}
		if got := e.Post(c.Token, schedule, order(c, "b", testenv.Vars{"acknowledgeDuplicate": true})); got.Code() != "" {
			t.Errorf("acknowledged: %s", got.Raw)
		}
		// What was cancelled is no first payment.
		tomorrow := testenv.Vars{"scheduledOn": "2026-11-19"}
		third := e.Post(c.Token, schedule, order(c, "c", tomorrow))
		e.Post(c.Token, cancel, testenv.Vars{"id": third.Text("schedulePayment", "payment", "id"), "yes": true})
		if got := e.Post(c.Token, schedule, order(c, "d", tomorrow)); got.Code() != "" {
			t.Errorf("after a cancelled one: %s", got.Raw)
		}
	})
}

func TestDueAmounts(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		due := func(what string) testenv.Vars {
			return testenv.Vars{"amount": testenv.Vars{"due": what}, "acknowledgeDuplicate": true}
		}
		lease := testenv.Vars{"vehicleId": c.Lease}
		for _, test := range []struct {
			name, amount, kind, code string
			input                    testenv.Vars
		}{
			{"past due", "425.00", "PAST_DUE", "", order(c, "1", due("PAST_DUE"))},
			{"amount due", "875.00", "REGULAR", "", order(c, "2", due("AMOUNT_DUE"))},
			// 20,000.00 and 94.52 interest and 25.00 in fees, less the 1,300.00 pending
			{"payoff", "18819.52", "PAYOFF", "", order(c, "3", due("PAYOFF"))},
			{"payoff again", "", "", "NOTHING_DUE", order(c, "4", due("PAYOFF"))},
			{"lease past due", "", "", "NOTHING_DUE", order(c, "5", due("PAST_DUE"), lease)},
			{"lease payoff", "21557.00", "PAYOFF", "", order(c, "6", due("PAYOFF"), lease)},
		} {
			got := e.Post(c.Token, schedule, test.input)
			if got.Code() != test.code || got.Text("schedulePayment", "payment", "amount", "amount") != test.amount ||
				got.Text("schedulePayment", "payment", "kind") != test.kind {
				t.Errorf("%s: %s", test.name, got.Raw)
			}
		}
	})
}

// What is refused is refused with a code that says why, and stores nothing.
func TestPaymentRefused(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		fixed := func(amount string) testenv.Vars { return testenv.Vars{"amount": testenv.Vars{"fixed": amount}} }
		bad := func(field string, value any) testenv.Vars {
			account := newAccount("123456789012")
			account["new"].(testenv.Vars)[field] = value
			return testenv.Vars{"paymentAccount": account}
		}
		for name, test := range map[string]struct {
			input testenv.Vars
			code  string
		}{
			"no such vehicle":       {order(c, "k", testenv.Vars{"vehicleId": "VmVoaWNsZTo5OTk5"}), "NOT_FOUND"},
			"an id of another type": {order(c, "k", testenv.Vars{"vehicleId": c.Account}), "NOT_FOUND"},
			"an id that is none":    {order(c, "k", testenv.Vars{"vehicleId": "x"}), "NOT_FOUND"},
			"no such account":       {order(c, "k", testenv.Vars{"paymentAccount": testenv.Vars{"saved": c.Loan}}), "NOT_FOUND"},
			"amount zero":           {order(c, "k", fixed("0")), "AMOUNT_INVALID"},
			"amount negative":       {order(c, "k", fixed("-5.00")), "AMOUNT_INVALID"},
			"three decimals":        {order(c, "k", fixed("5.001")), "AMOUNT_INVALID"},
			"too large":             {order(c, "k", fixed("999999999999")), "AMOUNT_INVALID"},
			"over the payoff":       {order(c, "k", fixed("20119.53")), "AMOUNT_OVER_PAYOFF"},
			"a number as amount":    {order(c, "k", testenv.Vars{"amount": testenv.Vars{"fixed": 5}}), "BAD_USER_INPUT"},
			"no amount":             {order(c, "k", testenv.Vars{"amount": testenv.Vars{}}), "GRAPHQL_VALIDATION_FAILED"},
			"two amounts":           {order(c, "k", testenv.Vars{"amount": testenv.Vars{"fixed": "1", "due": "PAYOFF"}}), "GRAPHQL_VALIDATION_FAILED"},
			"two sources": {order(c, "k", testenv.Vars{"paymentAccount": testenv.Vars{"saved": c.Account, "new": newAccount("1234")["new"]}}),
				"GRAPHQL_VALIDATION_FAILED"},
			"past date":             {order(c, "k", testenv.Vars{"scheduledOn": "2026-11-17"}), "DATE_IN_PAST"},
			"beyond 60 days":        {order(c, "k", testenv.Vars{"scheduledOn": "2027-01-18"}), "DATE_TOO_FAR"},
			"no such day":           {order(c, "k", testenv.Vars{"scheduledOn": "2026-02-30"}), "BAD_USER_INPUT"},
			"bad routing number":    {order(c, "k", bad("routingNumber", "021000022")), "ROUTING_NUMBER_INVALID"},
			"zero routing number":   {order(c, "k", bad("routingNumber", "000000000")), "ROUTING_NUMBER_INVALID"},
			"bad account number":    {order(c, "k", bad("accountNumber", "12-34")), "ACCOUNT_NUMBER_INVALID"},
			"missing authorisation": {order(c, "k", bad("authorized", false)), "NOT_AUTHORIZED"},
			"nickname too long":     {order(c, "k", bad("nickname", strings.Repeat("n", 41))), "INVALID_INPUT"},
			"lease principal":       {order(c, "k", testenv.Vars{"vehicleId": c.Lease, "principalOnly": true}), "PRINCIPAL_ONLY_NOT_ALLOWED"},
			"stale preview":         {order(c, "k", testenv.Vars{"authorizationHash": "0"}), "PREVIEW_CHANGED"},
		} {
			got := e.Post(c.Token, schedule, test.input)
			if got.Code() != test.code {
				t.Errorf("%s: want %s, got %s", name, test.code, got.Raw)
			}
		}
		if got := e.Post(c.Token, schedule, order(c, "k", fixed("20119.53"))); got.Text("schedulePayment", "userErrors", 0, "maximum", "amount") != "20119.52" {
			t.Errorf("over the payoff, the largest amount is not said: %s", got.Raw)
		}
		if payments, accounts := e.Payments(c.ID), e.Accounts(c.ID); len(payments) != 0 || len(accounts) != 1 || len(e.Actions(c.ID)) != 0 {
			t.Errorf("%d payments, %d accounts and %d audit rows are stored, want 0, 1 and 0", len(payments), len(accounts), len(e.Actions(c.ID)))
		}
		// A refusal leaves its key free.
		if got := e.Post(c.Token, schedule, order(c, "k")); got.Code() != "" {
			t.Errorf("after the refusals: %s", got.Raw)
		}
	})
}

func TestPayFromNewAccount(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		source := testenv.Vars{"paymentAccount": newAccount("5550001234")}
		// The account is good, the payment is not: neither is kept.
		if got := e.Post(c.Token, schedule, order(c, "1", source, testenv.Vars{"scheduledOn": "2020-01-01"})); got.Code() != "DATE_IN_PAST" {
			t.Errorf("a payment in the past: %s", got.Raw)
		}
		if accounts := e.Accounts(c.ID); len(accounts) != 1 {
			t.Fatalf("a failed payment left %d accounts, want 1", len(accounts))
		}
		got := e.Post(c.Token, schedule, order(c, "1", source))
		if got.Code() != "" || got.Text("schedulePayment", "payment", "paymentAccount", "last4") != "1234" {
			t.Fatalf("paid from a new account: %s", got.Raw)
		}
		// The same account again is named, not added.
		again := e.Post(c.Token, schedule, order(c, "2", source))
		if again.Code() != "PAYMENT_ACCOUNT_EXISTS" ||
			again.Text("schedulePayment", "userErrors", 0, "paymentAccount", "id") != got.Text("schedulePayment", "payment", "paymentAccount", "id") {
			t.Errorf("the same account again: %s", again.Raw)
		}
		if accounts := e.Accounts(c.ID); len(accounts) != 2 {
			t.Errorf("%d accounts, want 2", len(accounts))
		}
	})
}

func TestPreview(t *testing.T) {
	const preview = `query($input: PreviewPaymentInput!) { previewPayment(input: $input) {
		preview { amount { amount } kind scheduledOn cancelBy creditedOn debitedOn allocation { bucket amount { amount } }
			authorization { text version hash } likelyDuplicate { id } }
		userErrors { code } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		input := testenv.Vars{"vehicleId": c.Loan, "amount": testenv.Vars{"fixed": "425.00"}, "scheduledOn": "2026-11-18",
			"paymentAccount": testenv.Vars{"saved": c.Account}}
		got := e.Post(c.Token, preview, testenv.Vars{"input": input})
		if got.Text("previewPayment", "preview", "allocation", 0, "amount", "amount") != "94.52" ||
			got.Text("previewPayment", "preview", "allocation", 1, "amount", "amount") != "330.48" {
			t.Errorf("the golden case: %s", got.Raw)
		}
		text := got.Text("previewPayment", "preview", "authorization", "text")
		for _, part := range []string{"$425.00", "November 18, 2026", "checking account", "4821", "3 pm Eastern"} {
			if !strings.Contains(text, part) {
				t.Errorf("the authorisation does not say %q: %s", part, text)
			}
		}
		hash := got.Text("previewPayment", "preview", "authorization", "hash")
		pay := order(c, "p", testenv.Vars{"amount": testenv.Vars{"fixed": "425.00"}, "authorizationHash": hash})

		// Confirmed after the cut-off that the preview named: it must be confirmed anew.
		e.At("2026-11-18 15:00:00")
		c.Token = e.OpenSession(c.ID)
		late := e.Post(c.Token, schedule, pay)
		if late.Code() != "PREVIEW_CHANGED" || late.Text("schedulePayment", "userErrors", 0, "cancelBy") != "2026-11-18T23:00:00Z" {
			t.Errorf("confirmed after the cut-off: %s", late.Raw)
		}
		fresh := e.Post(c.Token, preview, testenv.Vars{"input": input})
		pay["input"].(testenv.Vars)["authorizationHash"] = fresh.Text("previewPayment", "preview", "authorization", "hash")
		paid := e.Post(c.Token, schedule, pay)
		for _, field := range []string{"cancelBy", "creditedOn", "debitedOn", "scheduledOn", "kind"} {
			if paid.Text("schedulePayment", "payment", field) != fresh.Text("previewPayment", "preview", field) {
				t.Errorf("%s was shown as %s: %s", field, fresh.Text("previewPayment", "preview", field), paid.Raw)
			}
		}
		delete(input, "paymentAccount")
		again := e.Post(c.Token, preview, testenv.Vars{"input": input})
		if again.Text("previewPayment", "preview", "likelyDuplicate", "id") != paid.Text("schedulePayment", "payment", "id") ||
			again.Text("previewPayment", "preview", "authorization", "text") == "" {
			t.Errorf("from the default account, after the payment: %s", again.Raw)
		}
		if payments := e.Payments(c.ID); len(payments) != 1 {
			t.Errorf("%d payments, want 1: a preview stores nothing", len(payments))
		}
	})
}

func TestReschedule(t *testing.T) {
	const reschedule = `mutation($input: ReschedulePaymentInput!) { reschedulePayment(input: $input) {
		payment { id amount { amount } scheduledOn status kind paymentAccount { id } } canceledPayment { id status } replayed userErrors { code path } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		first := e.Post(c.Token, schedule, order(c, "1")).Text("schedulePayment", "payment", "id")
		change := func(key string, vars testenv.Vars) testenv.Answer {
			input := testenv.Vars{"idempotencyKey": key, "paymentId": first, "confirm": true}
			for name, value := range vars {
				input[name] = value
			}
			return e.Post(c.Token, reschedule, testenv.Vars{"input": input})
		}
		for _, refused := range []struct {
			vars testenv.Vars
			code string
		}{
			{testenv.Vars{"confirm": false}, "NOT_CONFIRMED"},
			{testenv.Vars{"scheduledOn": "2026-11-01"}, "DATE_IN_PAST"},
			{testenv.Vars{"amount": testenv.Vars{"fixed": "30000.00"}}, "AMOUNT_OVER_PAYOFF"},
			{testenv.Vars{"paymentId": c.Loan}, "NOT_FOUND"},
		} {
			if got := change("2", refused.vars); got.Code() != refused.code {
				t.Errorf("want %s: %s", refused.code, got.Raw)
			}
		}
		if p := e.Payments(c.ID); len(p) != 1 || p[0].Status != loan.Scheduled {
			t.Fatalf("a refused change left %v", p)
		}
		got := change("2", testenv.Vars{"scheduledOn": "2026-11-21"})
		if got.Text("reschedulePayment", "payment", "scheduledOn") != "2026-11-21" || got.Text("reschedulePayment", "payment", "amount", "amount") != "50.00" ||
			got.Text("reschedulePayment", "canceledPayment", "id") != first || got.Text("reschedulePayment", "canceledPayment", "status") != "CANCELED" {
			t.Errorf("changed: %s", got.Raw)
		}
		again := change("2", testenv.Vars{"scheduledOn": "2026-11-21"})
		if again.Get("reschedulePayment", "replayed") != true || again.Text("reschedulePayment", "payment", "id") != got.Text("reschedulePayment", "payment", "id") {
			t.Errorf("again: %s", again.Raw)
		}
		if got := change("3", testenv.Vars{"scheduledOn": "2026-11-22"}); got.Code() != "NOT_CANCELABLE" {
			t.Errorf("a cancelled payment cannot be changed: %s", got.Raw)
		}
		if p := e.Payments(c.ID); len(p) != 2 {
			t.Errorf("%d payments, want 2", len(p))
		}
	})
}
