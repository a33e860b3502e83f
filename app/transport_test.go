package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/operations"
	"github.com/automobilepay/mobilepay/testenv"
)

func production(c *config.Config) { c.Mode = config.Production }

// Every answer of every route has the headers that keep it out of caches, frames
// and the hands of other origins.
func TestHeadersOfAnswers(t *testing.T) {
	t.Parallel()
	for _, mode := range []config.Mode{config.Sandbox, config.Production} {
		e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode = mode })
		for _, route := range []string{"GET /healthz", "GET /readyz", "GET /graphql", "POST /graphql", "PUT /graphql", "OPTIONS /graphql", "GET /none", "GET /sandbox/clock", "POST /healthz"} {
			method, path, _ := strings.Cut(route, " ")
			request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{"query":"{ viewer { id } }"}`))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Origin", "https://evil.example")
			recorder := httptest.NewRecorder()
			e.App.Handler.ServeHTTP(recorder, request)
			h := recorder.Header()
			for header, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Server": "", "Access-Control-Allow-Origin": "",
			} {
				if h.Get(header) != want {
					t.Errorf("%s %s: %s is %q", mode, route, header, h.Get(header))
				}
			}
			if transport := h.Get("Strict-Transport-Security"); (mode == config.Production) != strings.HasPrefix(transport, "max-age=63072000") {
				t.Errorf("%s %s: HSTS is %q", mode, route, transport)
			}
			if media := h.Get("Content-Type"); recorder.Body.Len() > 0 && !strings.HasSuffix(media, "; charset=utf-8") {
				t.Errorf("%s %s: %q has no charset", mode, route, media)
			}
			if h.Get("X-Request-Id") == "" {
				t.Errorf("%s %s has no request id", mode, route)
			}
		}
	}
}

// Production answers POST alone, and says no word about the schema.
func TestProductionIsShut(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded, production)
	response, err := http.Get(e.URL + "/graphql?query=" + url.QueryEscape("{ __schema { description } }"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, allows %q", response.StatusCode, response.Header.Get("Allow"))
	}
	const constant = "The request is not a valid GraphQL operation."
	for _, query := range []string{
		"{ __schema { types { name } } }", `{ a: __type(name: "Viewer") { name } }`, "{ ...F } fragment F on Query { __schema { description } }",
		"# comment\n{ __schema # another\n { description } }", "{ viewr { id } }", "{ viewer { vehicle { id } } }", "{", "{ viewer }", `{ node(id: 1, of: 2) { id } }`,
		"{ viewer { payments(frst: 1) { edges { cursor } } } }", "{ ...F } fragment F on Vehicl { id }", "query($s: PaymentStatu) { viewer { id } }",
		"{ viewer { id ... @defer { phone } } }", "{" + strings.Repeat(" viewer { id }", 61) + "}", "query A { viewer { id } } query B { viewer { id } }",
		`mutation { logIn(input: {username: "a"}) { viewer { id } } }`, "subscription { x }",
	} {
		got := e.Post("", query, nil)
		if strings.Contains(got.Raw, `"data"`) || len(got.Errors) == 0 || len(got.Errors) > 5 || strings.Contains(got.Raw, "Did you mean") || strings.Contains(got.Raw, "extensions\":{\"cost") {
			t.Errorf("%s: %s", query, got.Raw)
		}
		for _, err := range got.Errors {
			if err.Message != constant {
				t.Errorf("%s: %q", query, err.Message)
			}
		}
	}
}

// The directive is not offered, so it is not valid; see graph.SDL.
func TestDeferIsNotInTheSchema(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	got := e.Post("", "{ __schema { directives { name } } }", nil)
	if strings.Contains(got.Raw, `"defer"`) || !strings.Contains(got.Raw, `"include"`) {
		t.Errorf("the directives are %s", got.Raw)
	}
}

// Sixty guesses of a password in one request are none.
func TestOneLogInPerRequest(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	e.AddUser("sam", "a long enough password")
	for _, n := range []int{2, 15, 60} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` a%d: logIn(input: {username: "sam", password: "a long enough password"}) { session { token } }`, i)
		}
		for _, document := range []string{"mutation {" + b.String() + "}", "mutation { ...F } fragment F on Mutation {" + b.String() + "}"} {
			if got := e.Post("", document, nil); got.Code() != "COMPLEXITY_LIMIT_EXCEEDED" || got.Data != nil {
				t.Errorf("%d at once: %s", n, got.Raw)
			}
		}
	}
}

// A document is registered once, and is then known on every instance by its hash.
func TestRegisteredDocuments(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		for _, mode := range []config.Mode{config.Sandbox, config.Production} {
			e := testenv.New(t, engine, func(c *config.Config) { c.Mode = mode })
			c := e.AddCustomer()
			document := fmt.Sprintf("query Mine%d { viewer { id } }", rand.Uint64())
			named := func(document string) string {
				body, _ := json.Marshal(map[string]any{"query": document, "extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": sha256Of(document)}}})
				return string(body)
			}
			hash := strings.Replace(named(document), `"query":`+quote(document), `"operationName":null`, 1)
			if got := e.PostRaw(c.Token, hash); got.Status != http.StatusOK || got.Code() != "PERSISTED_QUERY_NOT_FOUND" || got.Errors[0].Message != "PersistedQueryNotFound" || got.Data != nil {
				t.Errorf("%s: a miss: %d %s", mode, got.Status, got.Raw)
			}
			if mode == config.Production { // strangers register nothing there
				e.PostRaw("", named(document))
				if got := e.PostRaw("", hash); got.Code() != "PERSISTED_QUERY_NOT_FOUND" {
					t.Errorf("registered by a stranger: %s", got.Raw)
				}
			}
			if got := e.PostRaw(c.Token, named(document)); got.Text("viewer", "id") == "" {
				t.Errorf("%s: %s", mode, got.Raw)
			}
			if got := e.PostRaw(c.Token, hash); got.Text("viewer", "id") == "" {
				t.Errorf("%s: by its hash: %s", mode, got.Raw)
			}
		}
	})
}

// With trusted documents alone, the apps' operations run and no other, and nobody
// registers one.
func TestTrustedDocumentsAlone(t *testing.T) {
	t.Parallel()
	var manifest struct {
		Operations []struct{ ID, Name, Body string }
	}
	if err := json.Unmarshal(operations.Manifest(), &manifest); err != nil || len(manifest.Operations) == 0 {
		t.Fatal(err)
	}
	e := testenv.New(t, testenv.Embedded, production, func(c *config.Config) { c.Documents = config.TrustedDocuments })
	c := e.AddCustomer()
	for _, o := range manifest.Operations {
		for _, body := range []string{
			`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":` + quote(o.ID) + `}}}`, `{"query":` + quote(o.Body) + `}`,
		} {
			if got := e.PostRaw(c.Token, body); got.Code() == "DOCUMENT_NOT_TRUSTED" || got.Code() == "PERSISTED_QUERY_NOT_FOUND" || got.Code() == "COMPLEXITY_LIMIT_EXCEEDED" {
				t.Errorf("%s: %s", o.Name, got.Raw)
			}
		}
	}
	other := "query Other { viewer { id } }"
	for _, body := range []string{
		`{"query":` + quote(other) + `}`,
		`{"query":` + quote(other) + `,"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + sha256Of(other) + `"}}}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + sha256Of(other) + `"}}}`,
		`{"query":"{ __typename }"}`,
	} {
		if got := e.PostRaw(c.Token, body); got.Code() != "DOCUMENT_NOT_TRUSTED" || got.Data != nil {
			t.Errorf("%s: %s", body, got.Raw)
		}
	}
}

// Two thousand requests that no app would send, always the same ones. None is a
// fault of the server, none gets far, and no answer repeats what was in it.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	const canary = "4929000011112222"
	e := testenv.New(t, testenv.Embedded, production)
	c := e.AddCustomer()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for i := range 2000 {
		document := hostileDocument(random, canary)
		body := `{"query":` + quote(document) + `,"variables":{"input":{"accountNumber":"` + canary + `","a":` + pick("1", "1e999", "null", `"\u0000"`, "[]") + `}}}`
		switch random.IntN(8) {
		case 0:
			body = body[:random.IntN(len(body))]
		case 1:
			at := random.IntN(len(body))
			body = body[:at] + pick("\xff", "\x00", "{", "]", `"`, canary) + body[at:]
		case 2:
			body = strings.Repeat(pick("[", `{"a":`, " ", canary), random.IntN(20_000)) + body
		case 3:
			body += pick(canary, "{}", "\x00", body)
		}
		request := httptest.NewRequestWithContext(t.Context(), pick("POST", "POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "TRACE"), "/graphql?query="+url.QueryEscape(document), strings.NewReader(body))
		request.Header.Set("Content-Type", pick("application/json", "application/json", "application/json", "application/json; charset=utf-8", "text/plain", "", "application/json; charset=utf-7", "multipart/form-data"))
		request.Header.Set("Accept", pick("application/json", "application/graphql-response+json", "*/*", "", "text/html", "application/json;q="+canary, ",,,;"))
		request.Header.Set("Authorization", pick("Bearer "+c.Token, "Bearer "+canary, "Basic "+canary, "", "Bearer "+strings.Repeat("x", 5000)))
		request.Header.Set("Content-Encoding", pick("", "", "", "", "gzip"))
		recorder := httptest.NewRecorder()
		e.App.Handler.ServeHTTP(recorder, request)
		answer := recorder.Body.String()
		if recorder.Code >= 500 || strings.Contains(answer, canary) || len(answer) > len(body)+len(document)+2<<10 || strings.Contains(answer, `"INTERNAL"`) {
			t.Fatalf("request %d: %s %.500s\nis answered %d %.500s", i, request.Method, body, recorder.Code, answer)
		}
		if request.Method != http.MethodHead && request.Method != http.MethodOptions && !json.Valid([]byte(answer)) {
			t.Fatalf("request %d is answered %q", i, answer)
		}
	}
	if log := e.Log.String(); strings.Contains(log, canary) {
		t.Error("what was sent is in the log")
	}
}

// hostileDocument is a document that is too large, too deep, too wide, circular,
// malformed or about what is not there.
func hostileDocument(random *rand.Rand, canary string) string {
	n := 1 + random.IntN(400)
	switch random.IntN(14) {
	case 0:
		return strings.Repeat("{ viewer ", n)
	case 1:
		return "{ " + strings.Repeat("viewer { id } ", n) + "}"
	case 2:
		return "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }"
	case 3:
		return "{ viewer { payments(first: " + strings.Repeat("9", n) + ") { edges { node { id } } } } }"
	case 4:
		return "query($v: [" + strings.Repeat("[", n) + "Int" + strings.Repeat("]", n) + "]) { viewer { id } }"
	case 5:
		return `{ node(id: "` + strings.Repeat("A", n) + canary + `") { id } }`
	case 6:
		return `{ nodes(ids: [` + strings.Repeat(`"`+canary+`" `, n) + `]) { id } }`
	case 7:
		return "query " + strings.Repeat("a"+canary, n/20+1) + " { a" + canary + " }"
	case 8:
		return "{ viewer { id " + strings.Repeat("@skip(if: false) ", n) + "} }"
	case 9:
		return `mutation($input: SchedulePaymentInput!) { schedulePayment(input: $input) { userErrors { message } } }`
	case 10:
		return `{ __type(name: "` + canary + `") { name } }`
	case 11:
		return `mutation { logIn(input: {username: "` + canary + `", password: "` + canary + `", x: ` + strings.Repeat("{a: ", n) + `1` + strings.Repeat("}", n) + `}) { viewer { id } } }`
	case 12:
		return "\"\"\"" + canary + strings.Repeat("\\", n)
	}
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(random.IntN(256))
	}
	return string(text)
}

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
