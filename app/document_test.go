package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/redact"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	links = `{ viewer { statements(first: 1) { edges { node { id downloadUrl } } } paymentsExportUrl onlineStatementsDisclosure { sampleUrl } } }`
	// The one answer to whatever opens nothing.
	noDocument = "{\"status\":\"not found\"}\n"
)

// addStatement issues a statement of the customer's loan.
func addStatement(t *testing.T, e *testenv.Env, c testenv.Customer) {
	t.Helper()
	addStatementOf(t, e, c, loan.DateOf(e.Clock.Now()))
}

// addStatementOf issues the statement of a day.
func addStatementOf(t *testing.T, e *testenv.Env, c testenv.Customer, today loan.Date) {
	t.Helper()
	s := &loan.Statement{
		CustomerID: c.ID, VehicleID: c.LoanID, Kind: loan.ContractLoan, IssuedOn: today, PeriodFrom: today.AddMonths(-1), PeriodTo: today.AddDays(-1), DueOn: today.AddDays(21),
		OpeningBalance: 2_000_000, ClosingBalance: 2_000_000, AmountDue: 87500, CurrentDue: 42500, PastDue: 42500, FeesDue: 2500,
		Paper: loan.Paper{Layout: 1, Servicer: e.App.Servicing.Servicer, Name: "Robin Test", Address: loan.Address{Line1: "1 Main Street", City: "Charlotte", State: "NC", PostalCode: "28202"},
			Vehicle: "2022 Chevrolet Equinox", AccountNumberLast4: "4821", Rate: 5750, MaturesOn: today.AddMonths(48),
			Balances: []loan.StatementBalance{{On: today.AddDays(-1), Amount: 2_000_000}}},
	}
	if err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertStatements(t.Context(), []*loan.Statement{s}) }); err != nil {
		t.Fatal(err)
	}
}

// viewerOf is who makes requests with a customer's token.
func viewerOf(c testenv.Customer) auth.Viewer {
	return auth.Viewer{CustomerID: c.ID, SessionID: session.IDOf(c.Token)}
}

// requestAt is the context of a request at the time of the clock.
func requestAt(t *testing.T, e *testenv.Env) context.Context {
	t.Helper()
	return auth.WithRequest(t.Context(), auth.Request{At: e.Clock.Now()})
}

// linksOf are the links that a session can get, by what they are for.
func linksOf(t *testing.T, e *testenv.Env, token string) map[string]string {
	t.Helper()
	got := e.Post(token, links, nil)
	all := map[string]string{
		"statement": got.Text("viewer", "statements", "edges", 0, "node", "downloadUrl"),
		"export":    got.Text("viewer", "paymentsExportUrl"),
		"sample":    got.Text("viewer", "onlineStatementsDisclosure", "sampleUrl"),
	}
	for what, link := range all {
		if !strings.HasPrefix(link, "/documents/") || len(link) < 60 {
			t.Fatalf("the link to the %s is %q: %s", what, link, got.Raw)
		}
	}
	return all
}

// A link opens its document for five minutes, for the session that asked for it.
func TestDocuments(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		addStatement(t, e, c)
		given := linksOf(t, e, c.Token)
		for what, want := range map[string]struct{ media, name, begin string }{
			"statement": {"application/pdf", "statement-2026-11-18.pdf", "%PDF-"},
			"sample":    {"application/pdf", "sample-statement.pdf", "%PDF-"},
			"export":    {"text/csv; charset=utf-8; header=present", "payments-2026-11-18.csv", "Date,"},
		} {
			code, header, content := e.Download(c.Token, given[what])
			if code != http.StatusOK || !strings.HasPrefix(content, want.begin) {
				t.Errorf("the %s: %d %.40q", what, code, content)
			}
			for name, value := range map[string]string{
				"Content-Type": want.media, "Content-Disposition": `attachment; filename="` + want.name + `"`, "Cache-Control": "no-store",
				"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
			} {
				if header.Get(name) != value {
					t.Errorf("the %s: %s is %q, want %q", what, name, header.Get(name), value)
				}
			}
			again, _, same := e.Download(c.Token, given[what])
			if again != http.StatusOK || same != content {
				t.Errorf("the %s is another one the second time: %d", what, again)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, e.URL+given[what], nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+c.Token)
			head, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = head.Body.Close()
			if head.StatusCode != http.StatusOK || head.ContentLength != int64(len(content)) || head.Header.Get("Content-Type") != want.media {
				t.Errorf("HEAD of the %s: %d, %d bytes", what, head.StatusCode, head.ContentLength)
			}
		}
		e.At("2026-11-18 12:04:59.999999")
		for what, link := range given {
			if code, _, _ := e.Download(c.Token, link); code != http.StatusOK {
				t.Errorf("the %s just before its time is over: %d", what, code)
			}
		}
		e.At("2026-11-18 12:05:00")
		for what, link := range given {
			if code, _, content := e.Download(c.Token, link); code != http.StatusNotFound || content != noDocument {
				t.Errorf("the %s after its time: %d %s", what, code, content)
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			request, err := http.NewRequestWithContext(t.Context(), method, e.URL+given["export"], nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d", method, response.StatusCode)
			}
		}
	})
}

// A link is worth nothing to anybody else, and none of them learns why.
func TestDocumentsOfOthers(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, stranger := e.AddCustomer(), e.AddCustomer()
		addStatement(t, e, c)
		another := e.OpenSession(c.ID)
		given := linksOf(t, e, c.Token)
		refused := func(what string, token, link string) {
			t.Helper()
			if code, header, content := e.Download(token, link); code != http.StatusNotFound || content != noDocument || header.Get("Content-Disposition") != "" {
				t.Errorf("%s: %d %s", what, code, content)
			}
		}
		for what, link := range given {
			refused("another session of the customer's, the "+what, another, link)
			refused("another customer, the "+what, stranger.Token, link)
			for _, token := range []string{"", "nonsense", strings.Repeat("A", 43)} {
				code, header, content := e.Download(token, link)
				if code != http.StatusUnauthorized || content != "{\"status\":\"log in first\"}\n" || header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("with the token %q, the %s: %d %s", token, what, code, content)
				}
			}
		}
		link := given["statement"]
		// Each character of it counts, and each has one spelling.
		for i := len("/documents/"); i < len(link); i++ {
			for _, other := range []byte{'A', 'B', link[i] ^ 1} {
				if other == link[i] || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", rune(other)) {
					continue
				}
				refused("altered", c.Token, link[:i]+string(other)+link[i+1:])
			}
		}
		for what, guess := range map[string]string{
			"shorter": link[:len(link)-1], "longer": link + "A", "a line more": link + "%0A", "padded": link + "=", "a slash": link + "%2F..",
			"guessed": "/documents/" + strings.Repeat("A", 100), "long": "/documents/" + strings.Repeat("A", 5000), "an id": "/documents/1", "odd": "/documents/%00%ff",
		} {
			refused(what, c.Token, guess)
		}
		if code, _, content := e.Download(c.Token, link); code != http.StatusOK {
			t.Errorf("the link itself: %d %s", code, content)
		}

		// A ticket is no leave to see what is not one's own: that is asked when it is used.
		viewer := viewerOf(stranger)
		ctx := requestAt(t, e)
		forged, err := e.App.Servicing.StatementLink(ctx, viewer, 1)
		if err != nil {
			t.Fatal(err)
		}
		refused("a ticket of ours for another's statement", stranger.Token, forged)
		forged, err = e.App.Servicing.PaymentsExportLink(ctx, viewer, loan.PaymentFilter{VehicleIDs: []loan.VehicleID{c.LoanID}})
		if err != nil {
			t.Fatal(err)
		}
		if e.Post(c.Token, schedule, order(c, "paid")).Code() != "" {
			t.Fatal("the payment was refused")
		}
		if code, _, content := e.Download(stranger.Token, forged); code != http.StatusOK || strings.Count(content, "\n") != 1 {
			t.Errorf("an export of another's vehicle: %d %s", code, content)
		}

		if got := e.Post(c.Token, `mutation { logOut { loggedOut } }`, nil); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		if code, _, _ := e.Download(c.Token, link); code != http.StatusUnauthorized {
			t.Errorf("after logging out: %d", code)
		}
		refused("after logging out, with a new session", e.OpenSession(c.ID), link)
	})
}

// A step-up gives the session a new token: links from before it open nothing, those
// that are asked for in the same request do.
func TestDocumentsAfterStepUp(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		id := e.AddUser("sam", goodPassword)
		before := e.Post("", logIn, credentials("sam", goodPassword)).Text("logIn", "session", "token")
		old := e.Post(before, `{ viewer { paymentsExportUrl } }`, nil).Text("viewer", "paymentsExportUrl")
		e.Post(before, requestCode, nil)
		in := testenv.Vars{"input": testenv.Vars{"passwordAndCode": testenv.Vars{"password": goodPassword, "code": e.Code("sam@example.com")}}}
		after := e.Post(before, confirmIdentity, in).Text("confirmIdentity", "session", "token")
		if after == "" {
			t.Fatal("no step-up")
		}
		if code, _, _ := e.Download(before, old); code != http.StatusUnauthorized {
			t.Errorf("with the old token: %d", code)
		}
		if code, _, content := e.Download(after, old); code != http.StatusNotFound || content != noDocument {
			t.Errorf("an old link with the new token: %d %s", code, content)
		}
		// What a log-in answers is read as who has logged in.
		entered := e.Post("", `mutation($input: LogInInput!) { logIn(input: $input) { session { token } viewer { paymentsExportUrl } } }`, credentials("sam", goodPassword))
		if code, _, content := e.Download(entered.Text("logIn", "session", "token"), entered.Text("logIn", "viewer", "paymentsExportUrl")); code != http.StatusOK {
			t.Errorf("a link that came with the log-in: %d %s (customer %d)", code, content, id)
		}
	})
}

// Keys that are rotated meanwhile do not break a link.
func TestDocumentsOutliveRotation(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		addStatement(t, e, c)
		given := linksOf(t, e, c.Token)
		newRotating(t, e).rotate(servicing.Rotation{Fingerprints: true})
		for what, link := range given {
			if code, _, content := e.Download(c.Token, link); code != http.StatusOK {
				t.Errorf("the %s: %d %s", what, code, content)
			}
		}
	})
}

// Downloads are operations like others, as far as their number goes, and links cost no
// statement.
func TestDocumentsAreLimited(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.OperationsPerMinute = 10 })
		c := e.AddCustomer() // who has asked once
		addStatement(t, e, c)
		link := linksOf(t, e, c.Token)["export"]
		for i := range 8 {
			if code, _, content := e.Download(c.Token, link); code != http.StatusOK {
				t.Fatalf("download %d: %d %s", i, code, content)
			}
		}
		code, header, content := e.Download(c.Token, link)
		if code != http.StatusTooManyRequests || header.Get("Retry-After") != "60" || content != "{\"status\":\"too many requests\"}\n" {
			t.Errorf("one too many: %d, after %q: %s", code, header.Get("Retry-After"), content)
		}
		if got := e.Post(c.Token, whoAmI, nil); got.Code() != "RATE_LIMITED" {
			t.Errorf("an operation then: %s", got.Raw)
		}
	})
}

func TestLinksCostNothing(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		for i := range 20 {
			addStatementOf(t, e, c, loan.DateOf(e.Clock.Now()).AddMonths(-i))
		}
		without := e.Statements(c.Token, `{ viewer { statements { edges { node { id } } } } }`)
		with := e.Statements(c.Token, `{ viewer { statements { edges { node { id downloadUrl } } } paymentsExportUrl onlineStatementsDisclosure { hash sampleUrl } } }`)
		if with != without {
			t.Errorf("%d statements with links, %d without", with, without)
		}
	})
}

// No line of the log has a ticket, whatever becomes of it; and if somebody logged one,
// it would be hidden.
func TestNoTicketInTheLog(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		addStatement(t, e, c)
		given := linksOf(t, e, c.Token)
		for _, link := range given {
			ticket := strings.TrimPrefix(link, "/documents/")
			e.Download(c.Token, link)
			e.Download("", link)
			e.Download(c.Token, link+"x")
			if log := redact.String("GET " + link); strings.Contains(log, ticket) {
				t.Errorf("it would be logged: %s", log)
			}
			e.App.Log.Error("a fault", "path", link)
		}
		for what, link := range given {
			if strings.Contains(e.Log.String(), strings.TrimPrefix(link, "/documents/")[:40]) {
				t.Errorf("the ticket of the %s is in the log:\n%s", what, e.Log)
			}
		}
	})
}
