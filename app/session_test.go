package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/testenv"
)

const logIn = `mutation($input: LogInInput!) { logIn(input: $input) {
	session { token expiresAt } viewer { firstName vehicles { id autoPay { id } } pendingPayments { edges { node { id } } } } userErrors { code message } } }`

const whoAmI = `{ viewer { username } }`

func credentials(username, password string) testenv.Vars {
	return testenv.Vars{"input": testenv.Vars{"username": username, "password": password, "deviceName": "Robin's phone"}}
}

func TestLogIn(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam", "a long enough password")
		got := e.Post("", logIn, credentials("  SAM ", "a long enough password"))
		token := got.Text("logIn", "session", "token")
		if len(token) != 43 || got.Text("logIn", "viewer", "firstName") != "Sam" || got.Text("logIn", "session", "expiresAt") != "2026-11-19T05:00:00Z" {
			t.Fatalf("logged in: %s", got.Raw)
		}
		if got := e.Post(token, whoAmI, nil); got.Text("viewer", "username") != "sam" {
			t.Errorf("with the token: %s", got.Raw)
		}
		unknown := e.Post("", logIn, credentials("nobody", "a long enough password"))
		wrong := e.Post("", logIn, credentials("sam", "another password"))
		if wrong.Code() != "INVALID_CREDENTIALS" || wrong.Raw != unknown.Raw {
			t.Errorf("wrong password %s\nunknown user %s", wrong.Raw, unknown.Raw)
		}
		for _, input := range []testenv.Vars{credentials("sam", strings.Repeat("p", 1000)), credentials("sam\x00", "p"), credentials(strings.Repeat("u", 5000), "p")} {
			if got := e.Post("", logIn, input); got.Code() != "INVALID_CREDENTIALS" {
				t.Errorf("odd credentials: %s", got.Raw)
			}
		}
		if got := e.Post(token, `mutation { logOut { loggedOut } }`, nil); got.Get("logOut", "loggedOut") != true {
			t.Errorf("logged out: %s", got.Raw)
		}
		if got := e.Post(token, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("after logging out: %s", got.Raw)
		}
		if actions := strings.Join(e.Actions(id), " "); actions != "session.opened password.wrong password.wrong session.closed" {
			t.Errorf("the audit tells of %s", actions)
		}
		if log := e.Log.String(); strings.Contains(log, token) || strings.Contains(log, "password") {
			t.Errorf("the log holds a secret: %s", log)
		}
	})
}

func TestSessionExpires(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		idle, busy := e.OpenSession(e.AddUser("idle", "-")), e.OpenSession(e.AddUser("busy", "-"))
		for range 71 { // to ten minutes before the twelve hours are over
			e.Clock.Advance(10 * time.Minute)
			if got := e.Post(busy, whoAmI, nil); got.Text("viewer", "username") != "busy" {
				t.Fatalf("in use: %s", got.Raw)
			}
		}
		e.Clock.Advance(10 * time.Minute)
		for name, token := range map[string]string{
			"idle": idle, "absolute": busy, "none": "", "malformed": "Ünsinn", "chosen": strings.Repeat("A", 43), "huge": strings.Repeat("A", 20_000),
		} {
			if got := e.Post(token, whoAmI, nil); got.Code() != "UNAUTHENTICATED" || got.Data != nil {
				t.Errorf("%s: %s", name, got.Raw)
			}
		}
	})
}

// Without Redis nobody gets in, and nobody is told to log in again.
func TestSessionsUnavailable(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddUser("sam", "a long enough password")
	token := e.OpenSession(1)
	if err := e.App.Sessions.Close(); err != nil {
		t.Fatal(err)
	}
	for _, got := range []testenv.Answer{
		e.Post(token, whoAmI, nil), e.Post("", logIn, credentials("sam", "a long enough password")), e.Post(token, `mutation { logOut { loggedOut } }`, nil),
	} {
		if got.Code() != "UNAVAILABLE" {
			t.Errorf("without sessions: %s", got.Raw)
		}
	}
	if status := e.Fetch("/readyz"); status != 503 {
		t.Errorf("/readyz answers %d", status)
	}
	if status := e.Fetch("/healthz"); status != 200 {
		t.Errorf("/healthz answers %d", status)
	}
}

func TestProductionTellsLess(t *testing.T) {
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode = config.Production })
	for _, query := range []string{`{ __schema { types { name } } }`, `{ viewr { id } }`, `{`, `query A { viewer { id } } query B { viewer { id } }`} {
		got := e.Post("", query, nil)
		if got.Data != nil || len(got.Errors) != 1 || strings.Contains(got.Raw, "viewr") || strings.Contains(got.Raw, "Did you mean") {
			t.Errorf("%s: %s", query, got.Raw)
		}
	}
	if status := e.Fetch("/playground"); status != 404 {
		t.Errorf("/playground answers %d", status)
	}
}

func TestDeferIsRefused(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	for _, query := range []string{
		`{ viewer { firstName ... @defer { vehicles { id } } } }`,
		`{ viewer { ...F @defer } } fragment F on Viewer { vehicles { id } }`,
	} {
		if got := e.Post(c.Token, query, nil); got.Code() != "GRAPHQL_VALIDATION_FAILED" || got.Data != nil {
			t.Errorf("%s: %s", query, got.Raw)
		}
	}
}

func TestBodies(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"not JSON":   {`{"query": "account 4929000011112222`, 400},
		"an array":   {`[{"query":"{ nextCutoff { at } }"}]`, 400},
		"two bodies": {`{"query":"{ __typename }"}{}`, 400},
		"too large":  {`{"query":"` + strings.Repeat(" ", 65<<10) + `"}`, 413},
		"empty":      {``, 400},
	} {
		got := e.PostRaw("", test.body)
		if got.Status != test.status || got.Data != nil || got.Code() != "BAD_REQUEST" || strings.Contains(got.Raw, "4929") {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
	}
}
