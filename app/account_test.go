package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/automobilepay/mobilepay/testenv"
)

const addAccount = `mutation($input: AddPaymentAccountInput!) { addPaymentAccount(input: $input) {
	paymentAccount { id type routingNumber last4 nickname isDefault addedAt } replayed userErrors { code path } } }`

func account(key, number string, change ...testenv.Vars) testenv.Vars {
	fields := testenv.Vars{"type": "CHECKING", "routingNumber": "021000021", "accountNumber": number, "authorized": true}
	for _, vars := range change {
		for name, value := range vars {
			fields[name] = value
		}
	}
	return testenv.Vars{"input": testenv.Vars{"idempotencyKey": key, "account": fields}}
}

func TestPaymentAccounts(t *testing.T) {
	const update = `mutation($input: UpdatePaymentAccountInput!) { updatePaymentAccount(input: $input) { paymentAccount { nickname isDefault } userErrors { code path } } }`
	const remove = `mutation($input: RemovePaymentAccountInput!) { removePaymentAccount(input: $input) { paymentAccount { id removedAt isDefault } userErrors { code } } }`
	const list = `{ viewer { paymentAccounts { id nickname isDefault } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		got := e.Post(c.Token, addAccount, account("1", "000123456789", testenv.Vars{"nickname": "  Joint savings ", "makeDefault": true}))
		id := got.Text("addPaymentAccount", "paymentAccount", "id")
		if got.Text("addPaymentAccount", "paymentAccount", "last4") != "6789" || got.Text("addPaymentAccount", "paymentAccount", "nickname") != "Joint savings" ||
			got.Get("addPaymentAccount", "paymentAccount", "isDefault") != true {
			t.Fatalf("added: %s", got.Raw)
		}
		if again := e.Post(c.Token, addAccount, account("1", "000123456789", testenv.Vars{"nickname": "  Joint savings ", "makeDefault": true})); again.Get("addPaymentAccount", "replayed") != true {
			t.Errorf("same key: %s", again.Raw)
		}
		for key, test := range map[string]struct {
			input testenv.Vars
			code  string
		}{
			"2": {account("2", "000123456789"), "PAYMENT_ACCOUNT_EXISTS"},
			"3": {account("3", "123456789", testenv.Vars{"authorized": false}), "NOT_AUTHORIZED"},
			"4": {account("4", "123456789", testenv.Vars{"routingNumber": "123456789"}), "ROUTING_NUMBER_INVALID"},
			"5": {account("5", "123456789012345678"), "ACCOUNT_NUMBER_INVALID"},
			"6": {account("6", "123456789", testenv.Vars{"nickname": "two\nlines"}), "INVALID_INPUT"},
		} {
			if got := e.Post(c.Token, addAccount, test.input); got.Code() != test.code {
				t.Errorf("%s: want %s: %s", key, test.code, got.Raw)
			}
		}
		both := e.Post(c.Token, addAccount, account("7", "x", testenv.Vars{"routingNumber": "x"}))
		if errors, _ := both.Get("addPaymentAccount", "userErrors").([]any); len(errors) != 2 {
			t.Errorf("two mistakes are not both told: %s", both.Raw)
		}
		if got := e.Post(c.Token, list, nil); got.Get("viewer", "paymentAccounts", 0, "isDefault") != false || got.Get("viewer", "paymentAccounts", 1, "isDefault") != true {
			t.Errorf("the default moved: %s", got.Raw)
		}
		change := func(vars testenv.Vars) testenv.Answer { return e.Post(c.Token, update, testenv.Vars{"input": vars}) }
		if got := change(testenv.Vars{"paymentAccountId": c.Account, "makeDefault": true, "nickname": "Mine"}); got.Get("updatePaymentAccount", "paymentAccount", "isDefault") != true {
			t.Errorf("made default: %s", got.Raw)
		}
		if got := change(testenv.Vars{"paymentAccountId": id, "makeDefault": false}); got.Code() != "INVALID_INPUT" {
			t.Errorf("makeDefault: false: %s", got.Raw)
		}
		drop := func(id string, yes bool) testenv.Answer {
			return e.Post(c.Token, remove, testenv.Vars{"input": testenv.Vars{"paymentAccountId": id, "confirm": yes}})
		}
		e.Post(c.Token, schedule, order(c, "p"))
		for id, code := range map[string]string{c.Account: "PAYMENT_ACCOUNT_IN_USE", c.Loan: "NOT_FOUND"} {
			if got := drop(id, true); got.Code() != code {
				t.Errorf("want %s: %s", code, got.Raw)
			}
		}
		if got := drop(id, false); got.Code() != "NOT_CONFIRMED" {
			t.Errorf("not confirmed: %s", got.Raw)
		}
		if got := drop(id, true); got.Text("removePaymentAccount", "paymentAccount", "removedAt") == "" {
			t.Errorf("removed: %s", got.Raw)
		}
		if got := drop(id, true); got.Code() != "NOT_FOUND" {
			t.Errorf("removed twice: %s", got.Raw)
		}
		if got := e.Post(c.Token, list, nil); strings.Contains(got.Raw, id) || !strings.Contains(got.Raw, "Mine") {
			t.Errorf("after removing: %s", got.Raw)
		}
		// What was removed can be added again.
		if got := e.Post(c.Token, addAccount, account("8", "000123456789")); got.Code() != "" {
			t.Errorf("added again: %s", got.Raw)
		}
	})
}

// The number is in no answer, no log line and no row, not even in the hash of a
// request.
func TestAccountNumberStaysIn(t *testing.T) {
	const canary = "49290000111122"
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		var answers strings.Builder
		answers.WriteString(e.Post(c.Token, addAccount, account("1", canary)).Raw)
		answers.WriteString(e.Post(c.Token, addAccount, account("2", canary)).Raw)
		answers.WriteString(e.Post(c.Token, schedule, order(c, "3", testenv.Vars{"paymentAccount": newAccount(canary + "9"), "scheduledOn": "2020-01-01"})).Raw)
		answers.WriteString(e.PostRaw(c.Token, `{"query": "{ `+canary+` }"`).Raw)
		for where, text := range map[string]string{"an answer": answers.String(), "the log": e.Log.String(), "the database": e.Dump()} {
			if strings.Contains(text, canary) {
				t.Errorf("the account number is in %s", where)
			}
		}
	})
}

// Two that are added at the same time: one is the default, and both are there.
func TestAccountsTogether(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("fresh", "-")
		token := e.OpenSession(id)
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				number := fmt.Sprintf("10000%d", i/2) // each number twice
				got := e.Post(token, addAccount, account(fmt.Sprint(i), number))
				if code := got.Code(); code != "" && code != "PAYMENT_ACCOUNT_EXISTS" {
					t.Errorf("added together: %s", got.Raw)
				}
			})
		}
		group.Wait()
		defaults := 0
		accounts := e.Accounts(id)
		for _, a := range accounts {
			if a.IsDefault {
				defaults++
			}
		}
		if len(accounts) != 4 || defaults != 1 {
			t.Errorf("%d accounts, %d of them the default; want 4 and 1", len(accounts), defaults)
		}
	})
}
