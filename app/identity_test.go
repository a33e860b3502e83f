package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	goodPassword  = "a long enough password"
	otherPassword = "four quiet words in a row"

	enroll = `mutation($input: EnrollInput!) { enroll(input: $input) {
		session { token } viewer { username email pendingContacts { channel address } } userErrors { code message path } } }`
	confirmContact = `mutation($channel: ContactChannel!, $code: String!) { confirmContact(input: {channel: $channel, code: $code}) {
		viewer { email phone pendingContacts { address } } userErrors { code message path } } }`
	requestUsername = `mutation($account: AccountFactsInput!) { requestUsername(input: {account: $account}) { challengeId userErrors { code } } }`
	revealUsername  = `mutation($id: String!, $code: String!) { revealUsername(input: {challengeId: $id, code: $code}) { username userErrors { code } } }`
	requestReset    = `mutation($username: String!) { requestPasswordReset(input: {username: $username}) { challengeId userErrors { code } } }`
	resetPassword   = `mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { passwordChanged userErrors { code message path } } }`
	changePassword  = `mutation($old: String!, $new: String!) { changePassword(input: {currentPassword: $old, newPassword: $new}) {
		session { token } userErrors { code message path ... on StepUpRequiredError { methods } } } }`
	requestCode     = `mutation { requestIdentityCode { sentTo expiresAt userErrors { code } } }`
	confirmIdentity = `mutation($input: ConfirmIdentityInput!) { confirmIdentity(input: $input) {
		session { token expiresAt } confirmedUntil userErrors { code path ... on TooManyAttemptsError { retryAt } } } }`
	setUpTotp      = `mutation { setUpTotp { secret uri userErrors { code ... on StepUpRequiredError { methods } } } }`
	confirmTotp    = `mutation($code: String!) { confirmTotp(input: {code: $code}) { recoveryCodes viewer { secondFactor { recoveryCodesLeft } } userErrors { code } } }`
	turnOffTotp    = `mutation { turnOffTotp(input: {confirm: true}) { viewer { secondFactor { since } } userErrors { code } } }`
	sessions       = `{ viewer { sessions { id deviceName platform createdAt lastSeenAt address current } } }`
	revokeSession  = `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { viewer { sessions { id } } userErrors { code message path } } }`
	revokeOthers   = `mutation { revokeOtherSessions { viewer { sessions { id } } userErrors { code } } }`
	updateEmail    = `mutation($email: String!) { updateProfile(input: {email: $email}) { viewer { email pendingContacts { address } } userErrors { code message path ... on StepUpRequiredError { methods } } } }`
	logInThrottled = `mutation($input: LogInInput!) { logIn(input: $input) { session { token } deviceToken userErrors { code message path ... on TooManyAttemptsError { retryAt } } } }`
)

func facts(h testenv.Holder) testenv.Vars {
	return testenv.Vars{"accountNumber": h.AccountNumber, "lastName": h.LastName, "dateOfBirth": h.BornOn, "postalCode": h.PostalCode}
}

func enrollment(h testenv.Holder, username string) testenv.Vars {
	return testenv.Vars{"input": testenv.Vars{"account": facts(h), "username": username, "password": goodPassword, "email": username + "@example.org"}}
}

// with is vars with one value changed, at a path into it.
func with(vars testenv.Vars, value any, path ...string) testenv.Vars {
	changed := testenv.Vars{}
	for k, v := range vars {
		changed[k] = v
	}
	if len(path) == 1 {
		changed[path[0]] = value
		return changed
	}
	changed[path[0]] = with(changed[path[0]].(testenv.Vars), value, path[1:]...)
	return changed
}

func TestEnroll(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		h, other := e.AddHolder("D'Árcy Smith"), e.AddHolder("Other")
		right := enrollment(h, "robin.test")

		// Whichever fact is wrong: the same bytes.
		refused := map[string]string{}
		for name, wrong := range map[string]testenv.Vars{
			"number": with(right, "00000000", "input", "account", "accountNumber"), "another's number": with(right, other.AccountNumber, "input", "account", "accountNumber"),
			"name": with(right, "Jones", "input", "account", "lastName"), "no name": with(right, "", "input", "account", "lastName"),
			"birth": with(right, "1990-01-02", "input", "account", "dateOfBirth"), "ZIP": with(right, "99999", "input", "account", "postalCode"),
		} {
			got := e.Post("", enroll, wrong)
			refused[got.Raw] = name
			if got.Code() != "ENROLLMENT_NOT_MATCHED" {
				t.Errorf("wrong %s: %s", name, got.Raw)
			}
		}
		if len(refused) != 1 {
			t.Errorf("the answers differ by the fact: %v", refused)
		}
		for code, wrong := range map[string]testenv.Vars{
			"PASSWORD_REJECTED": with(right, "too short pass", "input", "password"),
			"INVALID_INPUT":     with(right, "no", "input", "username"),
		} {
			if got := e.Post("", enroll, wrong); got.Code() != code {
				t.Errorf("want %s: %s", code, got.Raw)
			}
		}

		// What people write differently does not count.
		written := with(with(with(right, "darcy  SMITH", "input", "account", "lastName"),
			h.AccountNumber[:4]+" - "+h.AccountNumber[4:], "input", "account", "accountNumber"), h.PostalCode+"-1234", "input", "account", "postalCode")
		got := e.Post("", enroll, written)
		token := got.Text("enroll", "session", "token")
		if token == "" || got.Text("enroll", "viewer", "username") != "robin.test" || got.Text("enroll", "viewer", "email") != h.Email {
			t.Fatalf("enrolled: %s", got.Raw)
		}
		if got.Text("enroll", "viewer", "pendingContacts", 0, "address") != "robin.test@example.org" {
			t.Errorf("the new e-mail does not wait: %s", got.Raw)
		}
		if got := e.Post("", enroll, enrollment(h, "another.name")); got.Code() != "ACCOUNT_ENROLLED" {
			t.Errorf("twice: %s", got.Raw)
		}
		if got := e.Post("", enroll, enrollment(other, "Robin.Test")); got.Code() != "USERNAME_TAKEN" {
			t.Errorf("another's username: %s", got.Raw)
		}

		// The e-mail counts with its code, and the old one is told.
		code := e.Code("robin.test@example.org")
		if got := e.Post(token, confirmContact, testenv.Vars{"channel": "EMAIL", "code": wrongCode(code)}); got.Code() != "CODE_WRONG" {
			t.Errorf("a wrong code: %s", got.Raw)
		}
		confirm := testenv.Vars{"channel": "EMAIL", "code": code}
		if got := e.Post(token, confirmContact, confirm); got.Text("confirmContact", "viewer", "email") != "robin.test@example.org" {
			t.Errorf("confirmed: %s", got.Raw)
		}
		if got := e.Post(token, confirmContact, confirm); got.Code() != "CODE_EXPIRED" {
			t.Errorf("confirmed twice: %s", got.Raw)
		}
		if kinds := e.NoticesTo(h.Email); !slices.Contains(kinds, "CONTACT_CHANGED") || !slices.Contains(kinds, "ENROLLED") {
			t.Errorf("the old address was told of %v", kinds)
		}
		if got := e.Post("", logIn, credentials("robin.test", goodPassword)); got.Text("logIn", "session", "token") == "" {
			t.Errorf("log-in: %s", got.Raw)
		}
	})
}

// wrongCode is another code than this one.
func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// Many at once enroll for one account, and for one username: one has it.
func TestEnrollAtOnce(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		h := e.AddHolder("Test")
		var inputs []testenv.Vars
		for i := range 4 {
			inputs = append(inputs, enrollment(h, fmt.Sprintf("same.account%d", i)), enrollment(e.AddHolder("Test"), "same.username"))
		}
		var won sync.Map
		var group sync.WaitGroup
		for i, input := range inputs {
			group.Go(func() {
				if got := e.Post("", enroll, input); got.Text("enroll", "session", "token") != "" {
					won.Store(i, i%2)
				}
			})
		}
		group.Wait()
		count := map[any]int{}
		won.Range(func(_, which any) bool { count[which]++; return true })
		if count[0] != 1 || count[1] != 1 {
			t.Errorf("%d have the account, %d have the username", count[0], count[1])
		}
	})
}

func TestForgotUsername(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		h := e.AddHolder("Test")
		e.Post("", enroll, enrollment(h, "robin.test"))
		known := e.Post("", requestUsername, testenv.Vars{"account": facts(h)})
		unknown := e.Post("", requestUsername, testenv.Vars{"account": with(facts(h), "Jones", "lastName")})
		id, none := known.Text("requestUsername", "challengeId"), unknown.Text("requestUsername", "challengeId")
		if strings.Replace(known.Raw, id, "", 1) != strings.Replace(unknown.Raw, none, "", 1) || len(id) != len(none) {
			t.Errorf("known %s\nunknown %s", known.Raw, unknown.Raw)
		}
		code := e.Code(h.Email)
		if got := e.Post("", revealUsername, testenv.Vars{"id": none, "code": code}); got.Code() != "CODE_WRONG" {
			t.Errorf("another's code: %s", got.Raw)
		}
		if got := e.Post("", revealUsername, testenv.Vars{"id": id, "code": code}); got.Text("revealUsername", "username") != "robin.test" {
			t.Errorf("revealed: %s", got.Raw)
		}
		if got := e.Post("", revealUsername, testenv.Vars{"id": id, "code": code}); got.Code() != "CODE_EXPIRED" {
			t.Errorf("twice: %s", got.Raw)
		}
	})
}

func TestForgotPassword(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam.user", goodPassword)
		before := e.OpenSession(id)
		known, unknown := e.Post("", requestReset, testenv.Vars{"username": "SAM.user"}), e.Post("", requestReset, testenv.Vars{"username": "nobody"})
		challenge, none := known.Text("requestPasswordReset", "challengeId"), unknown.Text("requestPasswordReset", "challengeId")
		if strings.Replace(known.Raw, challenge, "", 1) != strings.Replace(unknown.Raw, none, "", 1) || len(challenge) != len(none) {
			t.Errorf("known %s\nunknown %s", known.Raw, unknown.Raw)
		}
		code := e.Code("sam.user@example.com")
		input := testenv.Vars{"input": testenv.Vars{"challengeId": challenge, "code": code, "newPassword": otherPassword}}
		for name, refused := range map[string]struct {
			input testenv.Vars
			code  string
		}{
			"a common password": {with(input, "passwordpassword", "input", "newPassword"), "PASSWORD_REJECTED"},
			"a short password":  {with(input, "fourteen chars", "input", "newPassword"), "PASSWORD_REJECTED"},
			"a wrong code":      {with(input, wrongCode(code), "input", "code"), "CODE_WRONG"},
			"nobody's code":     {with(input, none, "input", "challengeId"), "CODE_WRONG"},
			"a made-up id":      {with(input, "x", "input", "challengeId"), "CODE_EXPIRED"},
		} {
			if got := e.Post("", resetPassword, refused.input); got.Code() != refused.code || got.Get("resetPassword", "passwordChanged") != false {
				t.Errorf("%s: %s", name, got.Raw)
			}
		}
		if got := e.Post("", resetPassword, input); got.Get("resetPassword", "passwordChanged") != true {
			t.Fatalf("reset: %s", got.Raw)
		}
		if got := e.Post("", resetPassword, input); got.Code() != "CODE_EXPIRED" {
			t.Errorf("reset twice: %s", got.Raw)
		}
		if got := e.Post(before, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("a session of before: %s", got.Raw)
		}
		if got := e.Post("", logIn, credentials("sam.user", goodPassword)); got.Code() != "INVALID_CREDENTIALS" {
			t.Errorf("the old password: %s", got.Raw)
		}
		if got := e.Post("", logIn, credentials("sam.user", otherPassword)); got.Text("logIn", "session", "token") == "" {
			t.Errorf("the new password: %s", got.Raw)
		}
		if kinds := e.NoticesTo("sam.user@example.com"); !slices.Contains(kinds, "PASSWORD_CHANGED") {
			t.Errorf("told of %v", kinds)
		}
	})
}

// A code is for ten minutes.
func TestCodesExpire(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		ask := func() (challenge, code string) {
			got := e.Post("", requestReset, testenv.Vars{"username": "sam.user"})
			return got.Text("requestPasswordReset", "challengeId"), e.Code("sam.user@example.com")
		}
		answer := func(challenge, code string) string {
			return e.Post("", resetPassword, testenv.Vars{"input": testenv.Vars{"challengeId": challenge, "code": code, "newPassword": otherPassword}}).Code()
		}
		challenge, code := ask()
		e.Clock.Advance(10 * time.Minute)
		if got := answer(challenge, code); got != "CODE_EXPIRED" {
			t.Errorf("after ten minutes: %q", got)
		}
		challenge, code = ask()
		for range 5 {
			if got := answer(challenge, wrongCode(code)); got != "CODE_WRONG" {
				t.Errorf("wrong: %q", got)
			}
		}
		if got := answer(challenge, code); got != "CODE_EXPIRED" {
			t.Errorf("after five wrong ones: %q", got)
		}
		challenge, code = ask()
		e.Clock.Advance(10*time.Minute - time.Microsecond)
		if got := answer(challenge, code); got != "" {
			t.Errorf("in time: %q", got)
		}
	})
}

// Whether a username exists shows neither in what is done nor in how much of it.
func TestKnownAndUnknownDoTheSame(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		for name, query := range map[string]string{
			"log-in": `mutation { logIn(input: {username: "%s", password: "wrong wrong wrong"}) { userErrors { code } } }`,
			"reset":  `mutation { requestPasswordReset(input: {username: "%s"}) { userErrors { code } } }`,
		} {
			known, unknown := e.Statements("", fmt.Sprintf(query, "sam.user")), e.Statements("", fmt.Sprintf(query, "sam.nobody"))
			if known != unknown || known == 0 {
				t.Errorf("%s takes %d statements for a known username, %d for an unknown one", name, known, unknown)
			}
		}
	})
}

// confirm confirms who it is by the password and a code, and is the new token.
func confirm(t *testing.T, e *testenv.Env, token, email string) string {
	t.Helper()
	if got := e.Post(token, requestCode, nil); got.Text("requestIdentityCode", "sentTo") == "" {
		t.Fatalf("the code was not sent: %s", got.Raw)
	}
	by := testenv.Vars{"input": testenv.Vars{"passwordAndCode": testenv.Vars{"password": goodPassword, "code": e.Code(email)}}}
	got := e.Post(token, confirmIdentity, by)
	if got.Text("confirmIdentity", "session", "token") == "" {
		t.Fatalf("not confirmed: %s", got.Raw)
	}
	return got.Text("confirmIdentity", "session", "token")
}

func TestStepUp(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		in := e.Post("", logIn, credentials("sam.user", goodPassword))
		token, ends := in.Text("logIn", "session", "token"), in.Text("logIn", "session", "expiresAt")
		email := testenv.Vars{"email": "new@example.org"}
		got := e.Post(token, updateEmail, email)
		if got.Code() != "STEP_UP_REQUIRED" || got.Text("updateProfile", "userErrors", 0, "methods", 0) != "PASSWORD_AND_CODE" {
			t.Fatalf("without a step-up: %s", got.Raw)
		}
		sent := e.Post(token, requestCode, nil)
		if sent.Text("requestIdentityCode", "sentTo") != "s•••@example.com" {
			t.Errorf("sent: %s", sent.Raw)
		}
		code := e.Code("sam.user@example.com")
		by := func(password, code string) testenv.Vars {
			return testenv.Vars{"input": testenv.Vars{"passwordAndCode": testenv.Vars{"password": password, "code": code}}}
		}
		for want, input := range map[string]testenv.Vars{
			"INVALID_CREDENTIALS": by("wrong", code), "CODE_WRONG": by(goodPassword, wrongCode(code)),
			"NOT_PERMITTED": {"input": testenv.Vars{"totp": "000000"}},
		} {
			if got := e.Post(token, confirmIdentity, input); got.Code() != want {
				t.Errorf("want %s: %s", want, got.Raw)
			}
		}
		e.Clock.Advance(time.Minute)
		confirmed := e.Post(token, confirmIdentity, by(goodPassword, code))
		next := confirmed.Text("confirmIdentity", "session", "token")
		if next == "" || next == token || confirmed.Text("confirmIdentity", "session", "expiresAt") != ends {
			t.Fatalf("the session that ends at %s: %s", ends, confirmed.Raw)
		}
		if got := e.Post(token, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("the token of before: %s", got.Raw)
		}
		e.Clock.Advance(5 * time.Minute)
		if got := e.Post(next, updateEmail, email); got.Code() != "" {
			t.Errorf("five minutes later: %s", got.Raw)
		}
		e.Clock.Advance(time.Microsecond)
		if got := e.Post(next, updateEmail, email); got.Code() != "STEP_UP_REQUIRED" {
			t.Errorf("later: %s", got.Raw)
		}
		// A new account while paying is a new account.
		c := e.AddCustomer()
		plain := e.OpenPlainSession(c.ID)
		pay := order(c, "new", testenv.Vars{"paymentAccount": newAccount("778899001122")})
		if got := e.Post(plain, schedule, pay); got.Code() != "STEP_UP_REQUIRED" {
			t.Errorf("paying with a new account: %s", got.Raw)
		}
		if got := e.Post(plain, schedule, order(c, "saved", testenv.Vars{"amount": testenv.Vars{"fixed": "60.00"}})); got.Code() != "" {
			t.Errorf("paying with a saved one: %s", got.Raw)
		}
		if got := e.Post(c.Token, schedule, pay); got.Code() != "" {
			t.Errorf("after a step-up, under the same key: %s", got.Raw)
		}
		if got := e.Post(plain, schedule, pay); got.Get("schedulePayment", "replayed") != true {
			t.Errorf("what was answered is answered again: %s", got.Raw)
		}
	})
}

// Every field that is marked @stepUp refuses without one, with a full input.
func TestStepUpMarks(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine := ownAll(t, e)
		mine.Token = e.OpenPlainSession(mine.ID)
		tried := 0
		for _, field := range schemaOf().Mutation.Fields {
			if field.Directives.ForName("stepUp") == nil {
				continue
			}
			tried++
			query, vars := operation(schemaOf(), schemaOf().Mutation, field, nil, mine, "")
			if field.Name == "updateProfile" {
				vars = testenv.Vars{"input": testenv.Vars{"email": "x@example.org"}}
			}
			if got := e.Post(mine.Token, query, vars); got.Code() != "STEP_UP_REQUIRED" {
				t.Errorf("%s: %s", field.Name, got.Raw)
			}
		}
		if tried < 9 {
			t.Errorf("only %d fields are marked", tried)
		}
	})
}

func totpOf(t *testing.T, e *testenv.Env, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, e.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestSecondFactor(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam.user", goodPassword)
		token := e.OpenSession(id)
		set := e.Post(token, setUpTotp, nil)
		secret := set.Text("setUpTotp", "secret")
		if !strings.HasPrefix(set.Text("setUpTotp", "uri"), "otpauth://totp/mobilepay:sam.user?") {
			t.Errorf("set up: %s", set.Raw)
		}
		if got := e.Post("", logIn, credentials("sam.user", goodPassword)); got.Code() != "" {
			t.Errorf("it counts before it is confirmed: %s", got.Raw)
		}
		if got := e.Post(token, confirmTotp, testenv.Vars{"code": wrongCode(totpOf(t, e, secret))}); got.Code() != "CODE_WRONG" {
			t.Errorf("a wrong code: %s", got.Raw)
		}
		first := totpOf(t, e, secret)
		on := e.Post(token, confirmTotp, testenv.Vars{"code": first})
		codes, _ := on.Get("confirmTotp", "recoveryCodes").([]any)
		if len(codes) != 10 || on.Get("confirmTotp", "viewer", "secondFactor", "recoveryCodesLeft") != 10.0 {
			t.Fatalf("turned on: %s", on.Raw)
		}
		if got := e.Post(token, setUpTotp, nil); got.Code() != "SECOND_FACTOR_ON" {
			t.Errorf("set up again: %s", got.Raw)
		}

		with2 := func(factor testenv.Vars) testenv.Vars {
			c := credentials("sam.user", goodPassword)
			if factor != nil {
				c["input"].(testenv.Vars)["secondFactor"] = factor
			}
			return c
		}
		if got := e.Post("", logIn, with2(nil)); got.Code() != "SECOND_FACTOR_REQUIRED" || got.Get("logIn", "session") != nil {
			t.Errorf("without it: %s", got.Raw)
		}
		if got := e.Post("", logIn, credentials("sam.user", "wrong password is wrong")); got.Code() != "INVALID_CREDENTIALS" {
			t.Errorf("whether there is one is told to who has the password only: %s", got.Raw)
		}
		if got := e.Post("", logIn, with2(testenv.Vars{"totp": first})); got.Code() != "CODE_WRONG" {
			t.Errorf("a code twice: %s", got.Raw)
		}
		e.Clock.Advance(30 * time.Second)
		in := e.Post("", logIn, with2(testenv.Vars{"totp": totpOf(t, e, secret)}))
		if in.Text("logIn", "session", "token") == "" {
			t.Fatalf("with it: %s", in.Raw)
		}
		// Such a log-in is a step-up, and a short password is long enough now.
		token = in.Text("logIn", "session", "token")
		if got := e.Post(token, changePassword, testenv.Vars{"old": goodPassword, "new": "q7#vLm2x"}); got.Text("changePassword", "session", "token") == "" {
			t.Errorf("eight characters: %s", got.Raw)
		} else {
			token = got.Text("changePassword", "session", "token")
		}
		if got := e.Post(token, turnOffTotp, nil); got.Code() != "PASSWORD_REJECTED" {
			t.Errorf("off with a short password: %s", got.Raw)
		}
		if got := e.Post(token, changePassword, testenv.Vars{"old": "q7#vLm2x", "new": goodPassword}); got.Code() != "" {
			t.Errorf("back: %s", got.Raw)
		} else {
			token = got.Text("changePassword", "session", "token")
		}

		// A recovery code does once, however it is typed.
		recovery := strings.ToLower(strings.ReplaceAll(codes[0].(string), "-", " "))
		if got := e.Post("", logIn, with2(testenv.Vars{"recoveryCode": recovery})); got.Text("logIn", "session", "token") == "" {
			t.Errorf("by a recovery code: %s", got.Raw)
		}
		if got := e.Post("", logIn, with2(testenv.Vars{"recoveryCode": codes[0]})); got.Code() != "CODE_WRONG" {
			t.Errorf("by the same again: %s", got.Raw)
		}
		if got := e.Post(token, requestCode, nil); got.Code() != "NOT_PERMITTED" {
			t.Errorf("a code by e-mail instead: %s", got.Raw)
		}

		// A reset needs it, and does not use up the code while it is missing.
		challenge := e.Post("", requestReset, testenv.Vars{"username": "sam.user"}).Text("requestPasswordReset", "challengeId")
		reset := testenv.Vars{"input": testenv.Vars{"challengeId": challenge, "code": e.Code("sam.user@example.com"), "newPassword": otherPassword}}
		if got := e.Post("", resetPassword, reset); got.Code() != "SECOND_FACTOR_REQUIRED" {
			t.Errorf("a reset without it: %s", got.Raw)
		}
		if got := e.Post("", resetPassword, with(reset, testenv.Vars{"recoveryCode": codes[1]}, "input", "secondFactor")); got.Get("resetPassword", "passwordChanged") != true {
			t.Errorf("a reset with it: %s", got.Raw)
		}

		token = e.OpenSession(id)
		if got := e.Post(token, turnOffTotp, nil); got.Code() != "" || got.Get("turnOffTotp", "viewer", "secondFactor") != nil {
			t.Errorf("off: %s", got.Raw)
		}
		if got := e.Post("", logIn, credentials("sam.user", otherPassword)); got.Text("logIn", "session", "token") == "" {
			t.Errorf("log-in after it: %s", got.Raw)
		}
		if kinds := e.NoticesTo("sam.user@example.com"); !slices.Contains(kinds, "SECOND_FACTOR_ON") || !slices.Contains(kinds, "SECOND_FACTOR_OFF") || !slices.Contains(kinds, "RECOVERY_CODE_USED") {
			t.Errorf("told of %v", kinds)
		}
	})
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		stranger := e.OpenSession(e.AddUser("stranger", "-"))
		phone := e.Post("", logIn, credentials("sam.user", goodPassword)).Text("logIn", "session", "token")
		e.Clock.Advance(time.Second)
		desk := credentials("sam.user", goodPassword)
		desk["input"].(testenv.Vars)["deviceName"], desk["input"].(testenv.Vars)["platform"] = "Desk", "WEB"
		web := e.Post("", logIn, desk).Text("logIn", "session", "token")

		e.Clock.Advance(time.Second)
		list := e.Post(phone, sessions, nil)
		if list.Text("viewer", "sessions", 0, "deviceName") != "Robin's phone" || list.Get("viewer", "sessions", 0, "current") != true ||
			list.Text("viewer", "sessions", 1, "deviceName") != "Desk" || list.Text("viewer", "sessions", 1, "platform") != "WEB" ||
			list.Get("viewer", "sessions", 1, "current") != false || list.Text("viewer", "sessions", 1, "address") == "" {
			t.Fatalf("the sessions are %s", list.Raw)
		}
		id := list.Text("viewer", "sessions", 1, "id")
		theirs, none := e.Post(stranger, revokeSession, testenv.Vars{"id": id}), e.Post(stranger, revokeSession, testenv.Vars{"id": strings.Repeat("0", 64)})
		if theirs.Code() != "NOT_FOUND" || theirs.Raw != none.Raw {
			t.Errorf("a stranger revokes: %s\nwhat is not there: %s", theirs.Raw, none.Raw)
		}
		if got := e.Post(phone, revokeSession, testenv.Vars{"id": id}); got.Code() != "" || got.Get("revokeSession", "viewer", "sessions", 1) != nil {
			t.Errorf("revoked: %s", got.Raw)
		}
		if got := e.Post(web, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("the revoked one: %s", got.Raw)
		}

		// At most five: the one unseen for longest goes.
		var tokens []string
		for range 5 {
			e.Clock.Advance(time.Second)
			tokens = append(tokens, e.Post("", logIn, desk).Text("logIn", "session", "token"))
		}
		if got := e.Post(phone, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("the sixth: %s", got.Raw)
		}
		if got := e.Post(tokens[4], revokeOthers, nil); got.Code() != "" || got.Get("revokeOtherSessions", "viewer", "sessions", 1) != nil {
			t.Errorf("all others revoked: %s", got.Raw)
		}
		for i, token := range tokens {
			want := "UNAUTHENTICATED"
			if i == 4 {
				want = ""
			}
			if got := e.Post(token, whoAmI, nil); got.Code() != want {
				t.Errorf("session %d: %s", i, got.Raw)
			}
		}
	})
}

func TestChangePassword(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam.user", goodPassword)
		token, other := e.OpenSession(id), e.OpenSession(id)
		for want, in := range map[string]testenv.Vars{
			"INVALID_CREDENTIALS": {"old": "wrong", "new": otherPassword}, "PASSWORD_REJECTED": {"old": goodPassword, "new": "sam.usersam.user"},
		} {
			if got := e.Post(token, changePassword, in); got.Code() != want {
				t.Errorf("want %s: %s", want, got.Raw)
			}
		}
		got := e.Post(token, changePassword, testenv.Vars{"old": goodPassword, "new": otherPassword})
		next := got.Text("changePassword", "session", "token")
		if next == "" || next == token {
			t.Fatalf("changed: %s", got.Raw)
		}
		for _, old := range []string{token, other} {
			if got := e.Post(old, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
				t.Errorf("a token of before: %s", got.Raw)
			}
		}
		if got := e.Post(next, whoAmI, nil); got.Text("viewer", "username") != "sam.user" {
			t.Errorf("the new token: %s", got.Raw)
		}
	})
}

// A new phone number counts with the code of its text message, and the old one is
// told.
func TestPhoneChange(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		got := e.Post(c.Token, `mutation { updateProfile(input: {phone: "(704) 555-0199", notifications: {byText: true}}) {
			viewer { phone notifications { byEmail byText } pendingContacts { channel address } } userErrors { code } } }`, nil)
		if got.Text("updateProfile", "viewer", "phone") != "+17045550100" || got.Text("updateProfile", "viewer", "pendingContacts", 0, "channel") != "TEXT" ||
			got.Get("updateProfile", "viewer", "notifications", "byText") != true {
			t.Fatalf("asked for: %s", got.Raw)
		}
		got = e.Post(c.Token, confirmContact, testenv.Vars{"channel": "TEXT", "code": e.Code("+17045550199")})
		if got.Text("confirmContact", "viewer", "phone") != "+17045550199" {
			t.Errorf("confirmed: %s", got.Raw)
		}
		if kinds := e.NoticesTo("+17045550100"); !slices.Equal(kinds, []string{"CONTACT_CHANGED"}) {
			t.Errorf("the old phone was told of %v", kinds)
		}
	})
}

func wrongLogIn(username string) testenv.Vars {
	return testenv.Vars{"input": testenv.Vars{"username": username, "password": "wrong wrong wrong"}}
}

func rightLogIn(username string, more ...testenv.Vars) testenv.Vars {
	input := testenv.Vars{"username": username, "password": goodPassword}
	for _, m := range more {
		for k, v := range m {
			input[k] = v
		}
	}
	return testenv.Vars{"input": input}
}

// The eleventh wrong guess in a row waits, known username or not, and from wherever
// it comes; the owner's own device does not.
func TestGuessesWait(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		remembered := e.Post("", logInThrottled, rightLogIn("sam.user", testenv.Vars{"rememberDevice": true})).Text("logIn", "deviceToken")
		if remembered == "" {
			t.Fatal("the device is not remembered")
		}
		guess := func(n int, in testenv.Vars) testenv.Answer {
			return e.PostFrom(fmt.Sprintf("203.0.113.%d", n), "", logInThrottled, in)
		}
		answers := map[string][]string{}
		for _, username := range []string{"sam.user", "nobody.at.all"} {
			for n := range 11 {
				answers[username] = append(answers[username], guess(n, wrongLogIn(username)).Raw)
			}
			if !strings.Contains(answers[username][9], "INVALID_CREDENTIALS") || !strings.Contains(answers[username][10], `"retryAt":"2026-11-18T17:00:30Z"`) {
				t.Errorf("%s: the tenth %s the eleventh %s", username, answers[username][9], answers[username][10])
			}
		}
		if !slices.Equal(answers["sam.user"], answers["nobody.at.all"]) {
			t.Errorf("known and unknown differ: %v", answers)
		}
		if got := guess(99, rightLogIn("sam.user")); got.Code() != "TOO_MANY_ATTEMPTS" {
			t.Errorf("the right password has to wait too: %s", got.Raw)
		}
		if got := guess(99, rightLogIn("sam.user", testenv.Vars{"deviceToken": remembered})); got.Text("logIn", "session", "token") == "" {
			t.Errorf("the owner's device is locked out: %s", got.Raw)
		}
		e.Clock.Advance(30 * time.Second)
		if got := guess(99, rightLogIn("sam.user")); got.Text("logIn", "session", "token") == "" {
			t.Errorf("after the wait: %s", got.Raw)
		}
	})
}

// A thousand addresses against one account, and one address against a thousand
// accounts.
func TestGuessesAreCountedBothWays(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.AddUser("sam.user", goodPassword)
		looked := 0
		for n := range 1000 {
			if e.PostFrom(fmt.Sprintf("10.1.%d.%d", n/250, n%250), "", logInThrottled, wrongLogIn("sam.user")).Code() == "INVALID_CREDENTIALS" {
				looked++
			}
		}
		if looked != 10 {
			t.Errorf("%d guesses of 1,000 addresses at one account were looked at", looked)
		}
		looked = 0
		for n := range 60 {
			if e.PostFrom("198.51.100.7", "", logInThrottled, wrongLogIn(fmt.Sprintf("somebody%d", n))).Code() == "INVALID_CREDENTIALS" {
				looked++
			}
		}
		if looked != 30 {
			t.Errorf("%d guesses of one address at 60 accounts were looked at", looked)
		}
	})
}

// Aliases are guesses each, where they are allowed at all.
func TestAliasedGuesses(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.Limits.Mutations = 20 })
		e.AddUser("sam.user", goodPassword)
		var query strings.Builder
		query.WriteString("mutation {")
		for n := range 14 {
			fmt.Fprintf(&query, `a%d: logIn(input: {username: "sam.user", password: "wrong wrong %d"}) { userErrors { code } } `, n, n)
		}
		query.WriteString("}")
		strict := testenv.New(t, testenv.Embedded)
		if got := strict.Post("", query.String(), nil); got.Code() != "COMPLEXITY_LIMIT_EXCEEDED" || got.Data != nil {
			t.Errorf("one request is one guess: %s", got.Raw)
		}
		got := e.Post("", query.String(), nil)
		if looked := strings.Count(got.Raw, "INVALID_CREDENTIALS"); looked != 10 || strings.Count(got.Raw, "TOO_MANY_ATTEMPTS") != 4 {
			t.Errorf("%d of 14 aliased guesses were looked at: %s", looked, got.Raw)
		}
		if got := e.Post("", logInThrottled, rightLogIn("sam.user")); got.Code() != "TOO_MANY_ATTEMPTS" {
			t.Errorf("after aliased guesses: %s", got.Raw)
		}
	})
}

// Without Redis nobody logs in, and it is said cleanly.
func TestGuessesWithoutRedis(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddUser("sam.user", goodPassword)
	if err := e.App.Sessions.Close(); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]testenv.Answer{
		"log-in": e.Post("", logInThrottled, rightLogIn("sam.user")),
		"reset":  e.Post("", requestReset, testenv.Vars{"username": "sam.user"}),
		"enroll": e.Post("", enroll, enrollment(testenv.Holder{AccountNumber: "1", LastName: "x", BornOn: "1990-01-01", PostalCode: "1"}, "somebody")),
	} {
		if got.Code() != "UNAVAILABLE" {
			t.Errorf("%s: %s", name, got.Raw)
		}
	}
}

// Two hundred log-ins at once: a few hash, the others wait or are sent away, and who
// is logged in is served meanwhile.
func TestManyLogInsAtOnce(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam.user", goodPassword)
		token := e.OpenSession(id)
		var group sync.WaitGroup
		codes := make([]string, 200)
		for n := range codes {
			group.Go(func() {
				codes[n] = e.PostFrom(fmt.Sprintf("10.2.0.%d", n), "", logInThrottled, wrongLogIn(fmt.Sprintf("somebody%d", n))).Code()
			})
		}
		for range 20 {
			if got := e.Post(token, whoAmI, nil); got.Text("viewer", "username") != "sam.user" {
				t.Errorf("others are not served: %s", got.Raw)
			}
		}
		group.Wait()
		for n, code := range codes {
			if code != "INVALID_CREDENTIALS" && code != "UNAVAILABLE" {
				t.Errorf("log-in %d: %q", n, code)
			}
		}
	})
}

// A session has so many operations a minute, and fewer that move money, whichever
// instance they go to.
func TestRateLimits(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.OperationsPerMinute, c.MoneyPerMinute = 20, 2 })
		c := e.AddCustomer()
		c.Token = e.OpenSession(c.ID)
		for n := range 3 {
			got := e.Post(c.Token, schedule, order(c, fmt.Sprint("key", n), testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 10+n)}}))
			want := ""
			if n == 2 {
				want = "RATE_LIMITED"
			}
			if got.Code() != want {
				t.Errorf("payment %d: %s", n, got.Raw)
			}
			if n == 2 && got.Errors[0].Extensions["retryAfter"] != 60.0 {
				t.Errorf("retry after: %s", got.Raw)
			}
		}
		if payments := e.Payments(c.ID); len(payments) != 2 {
			t.Errorf("%d payments are there", len(payments))
		}
		for n := range 17 {
			if got := e.Post(c.Token, whoAmI, nil); got.Code() != "" {
				t.Errorf("operation %d: %s", n, got.Raw)
			}
		}
		got := e.Post(c.Token, whoAmI, nil)
		if got.Status != http.StatusTooManyRequests || got.Code() != "RATE_LIMITED" || got.Data != nil {
			t.Errorf("one too many: %d %s", got.Status, got.Raw)
		}
		e.Clock.Advance(time.Minute)
		if got := e.Post(c.Token, whoAmI, nil); got.Code() != "" {
			t.Errorf("a minute later: %s", got.Raw)
		}
	})
}

// A log-in that races a change of the password leaves no session with the old one.
func TestLogInAgainstPasswordChange(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		for round := range 10 {
			username := fmt.Sprintf("sam.user%d", round)
			token := e.OpenSession(e.AddUser(username, goodPassword))
			var old []string
			var mu sync.Mutex
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					got := e.Post("", logIn, credentials(username, goodPassword))
					mu.Lock()
					defer mu.Unlock()
					if opened := got.Text("logIn", "session", "token"); opened != "" {
						old = append(old, opened)
					}
				})
			}
			got := e.Post(token, changePassword, testenv.Vars{"old": goodPassword, "new": otherPassword})
			group.Wait()
			if got.Code() != "" || len(got.Errors) > 0 {
				t.Fatalf("changed: %s", got.Raw)
			}
			for _, opened := range old {
				if got := e.Post(opened, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
					t.Errorf("a session with the old password lives: %s", got.Raw)
				}
			}
		}
	})
}

// Every event at the door is in the audit.
func TestAuditOfTheDoor(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam.user", goodPassword)
		e.Post("", logIn, credentials("sam.user", "wrong wrong wrong"))
		token := e.Post("", logIn, credentials("sam.user", goodPassword)).Text("logIn", "session", "token")
		token = confirm(t, e, token, "sam.user@example.com")
		e.Post(token, updateEmail, testenv.Vars{"email": "new@example.org"})
		e.Post(token, confirmContact, testenv.Vars{"channel": "EMAIL", "code": e.Code("new@example.org")})
		e.Post(token, revokeOthers, nil)
		e.Post(token, `mutation { logOut { loggedOut } }`, nil)
		want := "password.wrong session.opened identity.code_sent identity.confirmed profile.updated profile.contact_confirmed session.others_revoked session.closed"
		if got := strings.Join(e.Actions(id), " "); got != want {
			t.Errorf("the audit tells of\n%s, want\n%s", got, want)
		}
		e.Post("", logIn, credentials("nobody.at.all", "wrong wrong wrong"))
		if got := strings.Join(e.Actions(0), " "); got != "password.wrong" {
			t.Errorf("of nobody the audit tells of %s", got)
		}
	})
}
