package app_test

import (
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/testenv"
)

func TestAutoPay(t *testing.T) {
	const fields = `{ autoPay { id status amountKind amount { amount } dayOfMonth daysBeforeDue paymentAccount { id } vehicle { id } nextRun { on dueOn amount { amount } } }
		userErrors { code path } } }`
	const (
		setUp  = `mutation($input: SetUpAutoPayInput!) { setUpAutoPay(input: $input) ` + fields
		update = `mutation($input: UpdateAutoPayInput!) { updateAutoPay(input: $input) ` + fields
		pause  = `mutation($input: PauseAutoPayInput!) { pauseAutoPay(input: $input) ` + fields
		resume = `mutation($input: ResumeAutoPayInput!) { resumeAutoPay(input: $input) ` + fields
		end    = `mutation($input: CancelAutoPayInput!) { cancelAutoPay(input: $input) ` + fields
	)
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		input := func(change testenv.Vars) testenv.Vars {
			vars := testenv.Vars{"idempotencyKey": "k", "vehicleId": c.Lease, "paymentAccountId": c.Account,
				"amount": testenv.Vars{"amountDue": true}, "day": testenv.Vars{"daysBeforeDue": 2}, "authorized": true}
			for name, value := range change {
				vars[name] = value
			}
			return testenv.Vars{"input": vars}
		}
		for name, test := range map[string]struct {
			change testenv.Vars
			code   string
		}{
			"not authorised":  {testenv.Vars{"authorized": false}, "NOT_AUTHORIZED"},
			"no such vehicle": {testenv.Vars{"vehicleId": c.Account}, "NOT_FOUND"},
			"no such account": {testenv.Vars{"paymentAccountId": c.Lease}, "NOT_FOUND"},
			"day 32":          {testenv.Vars{"day": testenv.Vars{"dayOfMonth": 32}}, "INVALID_INPUT"},
			"26 days before":  {testenv.Vars{"day": testenv.Vars{"daysBeforeDue": 26}}, "INVALID_INPUT"},
			"amountDue false": {testenv.Vars{"amount": testenv.Vars{"amountDue": false}}, "INVALID_INPUT"},
			"fixed 0":         {testenv.Vars{"amount": testenv.Vars{"fixed": "0"}}, "AMOUNT_INVALID"},
			"two amounts":     {testenv.Vars{"amount": testenv.Vars{"fixed": "1", "amountDue": true}}, "GRAPHQL_VALIDATION_FAILED"},
		} {
			if got := e.Post(c.Token, setUp, input(test.change)); got.Code() != test.code {
				t.Errorf("%s: want %s: %s", name, test.code, got.Raw)
			}
		}
		got := e.Post(c.Token, setUp, input(nil))
		id := got.Text("setUpAutoPay", "autoPay", "id")
		// Due on November 30, two days before.
		if got.Text("setUpAutoPay", "autoPay", "nextRun", "on") != "2026-11-28" || got.Text("setUpAutoPay", "autoPay", "nextRun", "amount", "amount") != "389.00" ||
			got.Get("setUpAutoPay", "autoPay", "amount") != nil {
			t.Fatalf("set up: %s", got.Raw)
		}
		if got := e.Post(c.Token, setUp, input(nil)); got.Text("setUpAutoPay", "autoPay", "id") != id {
			t.Errorf("same key: %s", got.Raw)
		}
		if got := e.Post(c.Token, setUp, input(testenv.Vars{"idempotencyKey": "l"})); got.Code() != "AUTO_PAY_EXISTS" {
			t.Errorf("a second one: %s", got.Raw)
		}
		got = e.Post(c.Token, update, testenv.Vars{"input": testenv.Vars{"autoPayId": id, "authorized": true,
			"amount": testenv.Vars{"amountDuePlus": "25.50"}, "day": testenv.Vars{"dayOfMonth": 31}}})
		if got.Text("updateAutoPay", "autoPay", "amountKind") != "AMOUNT_DUE_PLUS" || got.Text("updateAutoPay", "autoPay", "amount", "amount") != "25.50" ||
			got.Get("updateAutoPay", "autoPay", "daysBeforeDue") != nil || got.Text("updateAutoPay", "autoPay", "nextRun", "on") != "2026-11-30" ||
			got.Text("updateAutoPay", "autoPay", "nextRun", "amount", "amount") != "414.50" {
			t.Errorf("changed: %s", got.Raw)
		}
		if got := e.Post(c.Token, update, testenv.Vars{"input": testenv.Vars{"autoPayId": id, "authorized": false}}); got.Code() != "NOT_AUTHORIZED" {
			t.Errorf("changed without authorisation: %s", got.Raw)
		}
		one := testenv.Vars{"input": testenv.Vars{"autoPayId": id}}
		if got := e.Post(c.Token, pause, one); got.Text("pauseAutoPay", "autoPay", "status") != "PAUSED" || got.Get("pauseAutoPay", "autoPay", "nextRun") != nil {
			t.Errorf("paused: %s", got.Raw)
		}
		if got := e.Post(c.Token, resume, one); got.Text("resumeAutoPay", "autoPay", "status") != "ACTIVE" {
			t.Errorf("resumed: %s", got.Raw)
		}
		if got := e.Post(c.Token, `{ viewer { vehicles { autoPay { id } } } }`, nil); got.Get("viewer", "vehicles", 0, "autoPay") != nil || got.Text("viewer", "vehicles", 1, "autoPay", "id") != id {
			t.Errorf("read back: %s", got.Raw)
		}
		ending := func(yes bool) testenv.Vars {
			return testenv.Vars{"input": testenv.Vars{"autoPayId": id, "confirm": yes}}
		}
		if got := e.Post(c.Token, end, ending(false)); got.Code() != "NOT_CONFIRMED" {
			t.Errorf("not confirmed: %s", got.Raw)
		}
		if got := e.Post(c.Token, end, ending(true)); got.Text("cancelAutoPay", "autoPay", "status") != "CANCELED" {
			t.Errorf("ended: %s", got.Raw)
		}
		if got := e.Post(c.Token, pause, one); got.Code() != "NOT_FOUND" {
			t.Errorf("paused after its end: %s", got.Raw)
		}
		if got := e.Post(c.Token, setUp, input(testenv.Vars{"idempotencyKey": "m"})); got.Code() != "" {
			t.Errorf("set up anew: %s", got.Raw)
		}
		want := "auto_pay.set_up auto_pay.updated auto_pay.paused auto_pay.resumed auto_pay.canceled auto_pay.set_up"
		if actions := strings.Join(e.Actions(c.ID), " "); actions != want {
			t.Errorf("the audit tells of %s", actions)
		}
	})
}

func TestUpdateProfile(t *testing.T) {
	const update = `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
		viewer { email phone pendingContacts { channel address } address { line1 line2 city state postalCode } } userErrors { code path } } }`
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		change := func(vars testenv.Vars) testenv.Answer {
			return e.Post(c.Token, update, testenv.Vars{"input": vars})
		}
		got := change(testenv.Vars{"phone": "(704) 555-0199", "address": testenv.Vars{"line1": "2 Oak Lane", "city": "Raleigh", "state": "nc", "postalCode": "27601"}})
		if got.Text("updateProfile", "viewer", "pendingContacts", 0, "address") != "+17045550199" || got.Text("updateProfile", "viewer", "email") != "robin@example.com" ||
			got.Text("updateProfile", "viewer", "address", "state") != "NC" {
			t.Errorf("changed: %s", got.Raw)
		}
		bad := change(testenv.Vars{"email": "robin", "phone": "911", "address": testenv.Vars{"line1": "", "city": "R", "state": "N", "postalCode": "x"}})
		if errors, _ := bad.Get("updateProfile", "userErrors").([]any); len(errors) != 5 || bad.Get("updateProfile", "viewer") != nil {
			t.Errorf("five mistakes: %s", bad.Raw)
		}
		if kinds := e.NoticesTo("robin@example.com"); len(kinds) != 1 || kinds[0] != "CONTACT_CHANGED" {
			t.Errorf("the e-mail on file was told of %v", kinds)
		}
		if got := e.Post(c.Token, `{ viewer { phone address { city } } }`, nil); got.Text("viewer", "phone") != "+17045550100" || got.Text("viewer", "address", "city") != "Raleigh" {
			t.Errorf("read back: %s", got.Raw)
		}
	})
}
