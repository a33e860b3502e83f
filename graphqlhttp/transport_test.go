package graphqlhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

const (
	jsonType     = "application/json; charset=utf-8"
	responseType = "application/graphql-response+json; charset=utf-8"
)

// What the specification says with MUST, and what is made of its SHOULDs, row by
// row. A document is well-formed when it is a string, whatever is in it.
func TestSpecification(t *testing.T) {
	t.Parallel()
	open := newServer(options{transport: graphqlhttp.Transport{GET: true}})
	get := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add(pairs[i], pairs[i+1])
		}
		return "/graphql?" + values.Encode()
	}
	const good = `{"query":"query Q { name }"}`
	for name, test := range map[string]struct {
		method, target, body string
		headers              map[string]string
		status               int
		media                string
		data, failed         bool
	}{
		"POST": {body: good, status: 200, media: jsonType, data: true},
		"POST, graphql-response+json": {
			body: good, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 200, media: responseType, data: true,
		},
		"UTF-8 is said": {
			body: good, headers: map[string]string{"Content-Type": `application/json; charset="UTF-8"`}, status: 200, media: jsonType, data: true,
		},
		"another charset": {
			body: good, headers: map[string]string{"Content-Type": "application/json; charset=iso-8859-1"}, status: 415, media: jsonType, failed: true,
		},
		"no Content-Type":  {body: good, headers: map[string]string{"Content-Type": ""}, status: 415, media: jsonType, failed: true},
		"a form":           {body: "query={name}", headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, media: jsonType, failed: true},
		"plain text":       {body: good, headers: map[string]string{"Content-Type": "text/plain"}, status: 415, media: jsonType, failed: true},
		"multipart":        {body: good, headers: map[string]string{"Content-Type": "multipart/form-data; boundary=b"}, status: 415, media: jsonType, failed: true},
		"compressed":       {body: good, headers: map[string]string{"Content-Encoding": "gzip"}, status: 415, media: jsonType, failed: true},
		"not acceptable":   {body: good, headers: map[string]string{"Accept": "text/html"}, status: 406, media: jsonType, failed: true},
		"PUT":              {method: http.MethodPut, body: good, status: 405, media: jsonType, failed: true},
		"no body":          {status: 400, media: jsonType, failed: true},
		"other properties": {body: `{"query":"{ name }","id":7,"future":{"a":[1]}}`, status: 200, media: jsonType, data: true},
		"nulls":            {body: `{"query":"{ name }","operationName":null,"variables":null,"extensions":null}`, status: 200, media: jsonType, data: true},
		"no query":         {body: `{"qeury":"{ name }"}`, status: 400, media: jsonType, failed: true},
		"null query":       {body: `{"query":null}`, status: 400, media: jsonType, failed: true},
		"variables are a list": {
			body: `{"query":"{ name }","variables":[7]}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 400, media: responseType, failed: true,
		},
		"extensions are text":   {body: `{"query":"{ name }","extensions":"x"}`, status: 400, media: jsonType, failed: true},
		"operationName a bool":  {body: `{"query":"{ name }","operationName":false}`, status: 400, media: jsonType, failed: true},
		"does not parse":        {body: `{"query":"{"}`, status: 200, media: jsonType, failed: true},
		"does not parse, 4xx":   {body: `{"query":"{"}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 400, media: responseType, failed: true},
		"not valid":             {body: `{"query":"{ nme }"}`, status: 200, media: jsonType, failed: true},
		"not valid, 4xx":        {body: `{"query":"{ nme }"}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 400, media: responseType, failed: true},
		"no such operation":     {body: `{"query":"query A { name } query B { name }","operationName":"C"}`, status: 200, media: jsonType, failed: true},
		"which operation":       {body: `{"query":"query A { name } query B { name }"}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 400, media: responseType, failed: true},
		"variable is not given": {body: `{"query":"query($n: Int!) { top(first: $n) { id } }"}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 400, media: responseType, failed: true},
		"errors with data null": {body: `{"query":"query Fail { fail }"}`, headers: map[string]string{"Accept": "application/graphql-response+json"}, status: 200, media: responseType, data: true, failed: true},
		"a subscription":        {body: `{"query":"subscription { sold { id } }"}`, status: 400, media: jsonType, failed: true},

		"GET":                   {method: http.MethodGet, target: get("query", "query Q { name }"), status: 200, media: jsonType, data: true},
		"GET with variables":    {method: http.MethodGet, target: get("query", "query Q($n: Int!) { top(first: $n) { id } }", "variables", `{"n":2}`, "operationName", "Q"), status: 200, media: jsonType, data: true},
		"GET, empty operation":  {method: http.MethodGet, target: get("query", "{ name }", "operationName", "", "variables", ""), status: 200, media: jsonType, data: true},
		"GET a mutation":        {method: http.MethodGet, target: get("query", `mutation { buy(id: "1") { id } }`), status: 405, media: jsonType, failed: true},
		"GET chooses mutation":  {method: http.MethodGet, target: get("query", `query Q { name } mutation M { buy(id: "1") { id } }`, "operationName", "M"), status: 405, media: jsonType, failed: true},
		"GET chooses query":     {method: http.MethodGet, target: get("query", `query Q { name } mutation M { buy(id: "1") { id } }`, "operationName", "Q"), status: 200, media: jsonType, data: true},
		"GET without query":     {method: http.MethodGet, target: "/graphql", status: 400, media: jsonType, failed: true},
		"GET twice the same":    {method: http.MethodGet, target: get("query", "{ name }", "query", "{ fail }"), status: 400, media: jsonType, failed: true},
		"GET, variables a list": {method: http.MethodGet, target: get("query", "{ name }", "variables", "[1]"), status: 400, media: jsonType, failed: true},
		"GET, a bad escape":     {method: http.MethodGet, target: "/graphql?query=%7B%zz", status: 400, media: jsonType, failed: true},
		"HEAD":                  {method: http.MethodHead, target: get("query", "{ name }"), status: 200, media: jsonType, data: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.method == "" {
				test.method, test.target = http.MethodPost, "/graphql"
			}
			if test.target == "" {
				test.target = "/graphql"
			}
			got := ask(t, open, test.method, test.target, test.body, test.headers)
			if got.StatusCode != test.status || got.Header.Get("Content-Type") != test.media || got.has("data") != test.data || got.has("errors") != test.failed {
				t.Errorf("%d %s %s", got.StatusCode, got.Header.Get("Content-Type"), got.Raw)
			}
			if got.StatusCode == http.StatusMethodNotAllowed && !strings.Contains(got.Header.Get("Allow"), http.MethodPost) {
				t.Errorf("405 allows %q", got.Header.Get("Allow"))
			}
		})
	}
}

func TestWithoutGET(t *testing.T) {
	t.Parallel()
	h := newServer(options{})
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		got := ask(t, h, method, "/graphql?query=%7Bname%7D", "", nil)
		if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" || got.has("data") {
			t.Errorf("%s: %d, allows %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
	}
	got := ask(t, h, http.MethodOptions, "/graphql", "", map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
	if got.StatusCode != http.StatusNoContent || got.Header.Get("Allow") != "POST" {
		t.Errorf("OPTIONS: %d, allows %q", got.StatusCode, got.Header.Get("Allow"))
	}
}

// A foreign origin is told nothing, however it asks.
func TestOriginIsNotReflected(t *testing.T) {
	t.Parallel()
	h := newServer(options{transport: graphqlhttp.Transport{GET: true}})
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		got := ask(t, h, method, "/graphql?query=%7Bname%7D", query("{ name }"), map[string]string{"Origin": "https://evil.example"})
		for header, values := range got.Header {
			if strings.HasPrefix(header, "Access-Control") || strings.Contains(strings.Join(values, " "), "evil") {
				t.Errorf("%s is answered %s: %s", method, header, values)
			}
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	h := newServer(options{})
	for accept, want := range map[string]string{
		"":                                  jsonType,
		"*/*":                               jsonType,
		"application/*":                     jsonType,
		"application/json":                  jsonType,
		"application/graphql-response+json": responseType,
		"application/graphql-response+json, application/json":                               responseType,
		"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8": responseType,
		"application/json, application/graphql-response+json":                               jsonType,
		"application/json;q=0.5, application/graphql-response+json;q=0.9":                   responseType,
		"application/graphql-response+json;q=0.1, application/json;q=0.2":                   jsonType,
		"application/graphql-response+json;q=0.001, */*;q=0":                                responseType,
		"*/*, application/graphql-response+json":                                            responseType,
		"application/json;q=0, */*":                                                         responseType,
		"application/graphql-response+json;q=0, application/*;q=0.1":                        jsonType,
		"Application/GraphQL-Response+JSON":                                                 responseType,
		"text/html, application/xhtml+xml, */*;q=0.8":                                       jsonType,
		"text/html":                           "",
		"application/json;q=0":                "",
		"*/*;q=0":                             "",
		"application/json;charset=iso-8859-1": "",
		"application/json;q=2":                "",
		"application/json;q=1.001, application/graphql-response+json;q=nonsense":                "",
		"nonsense; ; ,, application/graphql-response+json":                                      responseType,
		"application/xml;q=0.9, application/graphql-response+json; q=0.3, application/*; q=0.2": responseType,
	} {
		got := ask(t, h, http.MethodPost, "/graphql", query("{ name }"), map[string]string{"Accept": accept})
		switch {
		case want == "" && (got.StatusCode != http.StatusNotAcceptable || got.Header.Get("Content-Type") != jsonType || got.has("data")):
			t.Errorf("%q: %d %s", accept, got.StatusCode, got.Raw)
		case want != "" && (got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != want):
			t.Errorf("%q: %d %s", accept, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
}

// Bodies that two readers could understand differently, and those that are none.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	h := newServer(options{})
	nested := func(n int) string {
		return `{"query":"{ name }","variables":{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}`
	}
	const canary = "4929000011112222"
	for name, body := range map[string]string{
		"a key twice":             `{"query":"{ name }","query":"{ fail }"}`,
		"twice, escaped":          `{"query":"{ name }","qu\u0065ry":"{ fail }"}`,
		"twice in variables":      `{"query":"{ name }","variables":{"a":{"b":1,"b":2}}}`,
		"something after it":      `{"query":"{ name }"} {}`,
		"letters after it":        `{"query":"{ name }"}` + canary,
		"not UTF-8":               "{\"query\":\"{ name }\",\"variables\":{\"a\":\"\xff\"}}",
		"UTF-16":                  "\xff\xfe{\x00}\x00",
		"a byte order mark":       "\ufeff" + `{"query":"{ name }"}`,
		"too deep":                nested(19),
		"very deep":               nested(30_000),
		"an array":                `[{"query":"{ name }"}]`,
		"a string":                `"` + canary + `"`,
		"cut off":                 `{"query":"{ name }","variables":{"account":"` + canary,
		"a comma too many":        `{"query":"{ name }",}`,
		"a comment":               `{"query":"{ name }"/* ` + canary + ` */}`,
		"a key without quotes":    `{query:"{ name }"}`,
		"not a number":            `{"query":"{ name }","variables":{"a":NaN}}`,
		"a control character":     "{\"query\":\"{ name }\",\"variables\":{\"a\":\"\x01\"}}",
		"a list with a hole":      `{"query":"{ name }","variables":{"a":[1,,2]}}`,
		"brackets that cross":     `{"query":"{ name }","variables":{"a":[1}]}`,
		"numbers with zeros":      `{"query":"{ name }","variables":{"a":007}}`,
		"the word " + canary:      canary,
		"nothing but white space": " \n ",
	} {
		got := post(t, h, body)
		if got.StatusCode != http.StatusBadRequest || got.code() != "BAD_REQUEST" || got.has("data") || strings.Contains(got.Raw, canary) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	for name, body := range map[string]string{
		"as deep as may be": nested(18),
		"white space":       " \n{ \"query\" : \"{ name }\" }\t\n",
		"text of all kinds": `{"query":"{ name }","variables":{"a":"\u00e9🏃\ud83c\udfca","b":1e400,"c":-0.5}}`,
	} {
		if got := post(t, h, body); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
}

func TestBodyIsLimited(t *testing.T) {
	t.Parallel()
	h := newServer(options{transport: graphqlhttp.Transport{MaxBody: 100}})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	for size, status := range map[int]int{100: http.StatusOK, 101: http.StatusRequestEntityTooLarge, 1 << 20: http.StatusRequestEntityTooLarge} {
		body := query("{ name }")
		body += strings.Repeat(" ", size-len(body))
		for name, reader := range map[string]io.Reader{"with its length": strings.NewReader(body), "in chunks": io.MultiReader(strings.NewReader(body))} {
			response, err := http.Post(server.URL, "application/json", reader)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != status {
				t.Errorf("%d bytes %s: %d", size, name, response.StatusCode)
			}
			_ = response.Body.Close()
		}
	}
}

func TestAnswersAreLimited(t *testing.T) {
	t.Parallel()
	h := newServer(options{documents: graphqlhttp.Documents{Suggestions: true}})
	many := "query Many { name }"
	var errs []any
	if got := post(t, h, query(many)); got.StatusCode != http.StatusOK || json.Unmarshal(got.Body["errors"], &errs) != nil || len(errs) != 5 {
		t.Errorf("%d errors: %s", len(errs), got.Raw)
	}
	for name, document := range map[string]string{
		"many mistakes":       "{ " + strings.Repeat("nam nme ame fal things ", 11) + "}",
		"a long name":         "{ " + strings.Repeat("x", 12_000) + " }",
		"many long names":     "{ " + strings.Repeat(strings.Repeat("y", 1000)+" ", 12) + "}",
		"characters to quote": `{ things(ids: "` + strings.Repeat("<&>", 500) + `\n\t") { nme } pick(by: {id: 1, name: "` + strings.Repeat("<", 500) + `"}) { id } }`,
		"a long operation":    "query " + strings.Repeat("é", 1) + " { name }",
	} {
		got := post(t, h, query(document))
		if got.StatusCode != http.StatusBadRequest || len(got.Raw) > len(query(document))+2<<10 {
			t.Errorf("%s: %d, %d bytes for %d", name, got.StatusCode, len(got.Raw), len(document))
		}
	}
	name := strings.Repeat("N", 20_000)
	if got := post(t, h, `{"query":"query A { name } query B { name }","operationName":"`+name+`"}`); len(got.Raw) > 1000 {
		t.Errorf("the name of an operation is repeated in %d bytes", len(got.Raw))
	}
}

// Validation's mistakes are told one by one, not the first alone.
func TestEveryMistakeIsTold(t *testing.T) {
	t.Parallel()
	var errs []any
	got := post(t, newServer(options{}), query("{ nme fal }"))
	if json.Unmarshal(got.Body["errors"], &errs) != nil || len(errs) != 2 {
		t.Errorf("two mistakes: %s", got.Raw)
	}
}

// late is a body that does not come in time.
type late struct{}

func (late) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestBodyIsLate(t *testing.T) {
	t.Parallel()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", late{})
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	newServer(options{}).ServeHTTP(recorder, request)
	if recorder.Code != http.StatusRequestTimeout {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	h := newServer(options{transport: graphqlhttp.Transport{Statuses: map[string]int{"COMPLEXITY_LIMIT_EXCEEDED": 429}}})
	for _, accept := range []string{"application/json", "application/graphql-response+json"} {
		got := ask(t, h, http.MethodPost, "/graphql", query("{"+strings.Repeat("name ", 61)+"}"), map[string]string{"Accept": accept})
		if got.StatusCode != http.StatusTooManyRequests || got.has("data") {
			t.Errorf("%s: %d %s", accept, got.StatusCode, got.Raw)
		}
	}
}

// Who is refused on the way is answered as by the transport.
func TestRefuse(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		graphqlhttp.Refuse(w, r, http.StatusTooManyRequests, &gqlerror.Error{Message: "Later.", Extensions: map[string]any{"code": "RATE_LIMITED"}})
	})
	for accept, media := range map[string]string{"application/json": jsonType, "application/graphql-response+json": responseType, "text/html": jsonType} {
		got := ask(t, h, http.MethodPost, "/graphql", query("{ name }"), map[string]string{"Accept": accept})
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Content-Type") != media || got.code() != "RATE_LIMITED" || got.has("data") {
			t.Errorf("%s: %d %s %s", accept, got.StatusCode, got.Header.Get("Content-Type"), got.Raw)
		}
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	h := newServer(options{transport: graphqlhttp.Transport{Extensions: func(ctx context.Context) map[string]any {
		cost, _ := graphqlhttp.CostOf(ctx)
		return map[string]any{"cost": cost}
	}}})
	if got := post(t, h, query("{ name fail }")); string(got.Body["extensions"]) != `{"cost":{"requested":2,"maximum":20000}}` {
		t.Errorf("%s", got.Raw)
	}
	if got := post(t, h, query("{ nme }")); got.StatusCode != http.StatusBadRequest || !got.has("extensions") {
		t.Errorf("%s", got.Raw)
	}
}

// A panic outside of resolvers is told to Recover, and is answered like any fault.
func TestPanic(t *testing.T) {
	t.Parallel()
	var told any
	h := newServer(options{transport: graphqlhttp.Transport{Recover: func(_ context.Context, panicked any) error {
		told = panicked
		return errors.New("sorry")
	}}})
	got := post(t, h, query("query Panic { name }"))
	if got.StatusCode != http.StatusInternalServerError || got.Header.Get("Content-Type") != responseType || got.has("data") || told != "all is lost" || strings.Contains(got.Raw, "lost") {
		t.Errorf("%d %s, told %v", got.StatusCode, got.Raw, told)
	}
}

// When the deadline comes before the answer, the answer says so.
func TestDeadline(t *testing.T) {
	t.Parallel()
	h := newServer(options{})
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	got := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(expired)) }),
		http.MethodPost, "/graphql", query("{ name }"), nil)
	if got.StatusCode != http.StatusServiceUnavailable || got.has("data") || !got.has("errors") {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
}
