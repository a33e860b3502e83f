package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/testenv"
)

// askIn sends a query without a session, in a language.
func askIn(t *testing.T, e *testenv.Env, language, query string, vars testenv.Vars) (data map[string]any, raw string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", language)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Data map[string]any }
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data, text.String()
}

const searchHelp = `query($search: String) { helpTopics(search: $search) { id slug category title excerpt bodyText } }`

// The FAQ's answers are found by their key words before log-in, in both languages.
func TestHelpBeforeLogIn(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	for _, c := range []struct{ language, search, slug, says string }{
		{"en", "payment applied", "payment-applied", "before 3 pm"},
		{"en", "safe and secure", "security", "128 bits"},
		{"en", "what can i do", "what-the-app-does", "Auto Pay"},
		{"en", "get the app", "get-the-app", "App Store"},
		{"en", "need username password", "username-needed", "Online Services"},
		{"en", "iphone android versions supported", "supported-phones", "iOS 4.2.6"},
		{"en", "update payment account", "add-bank-account", "routing number"},
		{"en", "cancle pending paymet", "cancel-payment", "Choose Cancel Payment, then Yes."},
		{"fr, en;q=0.5", "payment applied", "payment-applied", "before 3 pm"},
		{"es-MX, en;q=0.5", "cuando se aplica mi pago", "payment-applied", "antes de las 3 p. m."},
		{"es", "cancelar pago", "cancel-payment", "hora del Este"},
		{"es", "es seguro", "security", "128 bits"},
		{"es", "versiones de android", "supported-phones", "Android 4.0.3 y 4.0.4"},
	} {
		data, raw := askIn(t, e, c.language, searchHelp, testenv.Vars{"search": c.search})
		topics, _ := data["helpTopics"].([]any)
		if len(topics) == 0 {
			t.Errorf("%q: %s", c.search, raw)
			continue
		}
		first, _ := topics[0].(map[string]any)
		if first["slug"] != c.slug || !strings.Contains(first["bodyText"].(string), c.says) || first["id"] != c.language[:2]+"/"+c.slug && c.language[:2] != "fr" {
			t.Errorf("%s: %q finds %v", c.language, c.search, first)
		}
	}
	data, raw := askIn(t, e, "en", `{ all: helpTopics { slug } security: helpTopics(category: SECURITY, first: 3) { category } nothing: helpTopics(search: "qwxzk") { slug }
		topic: helpTopic(slug: "payoff") { title body } none: helpTopic(slug: "x") { slug } }`, nil)
	all, _ := data["all"].([]any)
	security, _ := data["security"].([]any)
	topic, _ := data["topic"].(map[string]any)
	if nothing, _ := data["nothing"].([]any); len(all) < 40 || len(security) != 3 || nothing == nil || len(nothing) > 0 || topic["title"] != "How do I pay off my loan?" || data["none"] != nil {
		t.Errorf("it answers %.500s", raw)
	}
	for _, first := range []string{"0", "101", "-1"} {
		if got := e.Post("", `{ helpTopics(first: `+first+`) { slug } }`, nil); got.Code() != "BAD_USER_INPUT" {
			t.Errorf("%s topics: %s", first, got.Raw)
		}
	}
}

// Searching is limited by address, reading is not.
func TestHelpIsLimited(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		const many = `{ helpTopics(search: "pay") { slug } }`
		for i := range 300 {
			if got := e.PostFrom("203.0.113.7", "", many, nil); got.Code() != "" {
				t.Fatalf("search %d: %s", i+1, got.Raw)
			}
		}
		if got := e.PostFrom("203.0.113.7", "", many, nil); got.Code() != "RATE_LIMITED" || !strings.Contains(got.Raw, `"retryAfter":60`) {
			t.Errorf("one more: %s", got.Raw)
		}
		for address, query := range map[string]string{"203.0.113.8": many, "203.0.113.7": `{ helpTopics { slug } helpTopic(slug: "payoff") { slug } appSupport(platform: IOS, osVersion: "9") { status } }`} {
			if got := e.PostFrom(address, "", query, nil); got.Code() != "" {
				t.Errorf("%s from %s: %s", query, address, got.Raw)
			}
		}
	})
}

// The seed's cases, and other settings.
func TestAppSupport(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	const query = `query($p: AppPlatform!, $v: String!) { appSupport(platform: $p, osVersion: $v) { status minimumVersion upgradeAdvised message } }`
	for _, c := range []struct{ platform, version, status, minimum string }{
		{"IOS", "4.2.6", "SUPPORTED", "4.2.6"},
		{"IOS", "4.10", "SUPPORTED", "4.2.6"},
		{"IOS", "4.2.5", "NOT_SUPPORTED", "4.2.6"},
		{"IOS", "4.2", "NOT_SUPPORTED", "4.2.6"},
		{"ANDROID", "2.3.3", "SUPPORTED", "2.3.3"},
		{"ANDROID", "2.3.2", "NOT_SUPPORTED", "2.3.3"},
		{"ANDROID", "4.0.3", "SUPPORTED_WITH_WARNING", "2.3.3"},
		{"ANDROID", "4.0.4", "SUPPORTED_WITH_WARNING", "2.3.3"},
		{"ANDROID", "4.0.5", "SUPPORTED", "2.3.3"},
	} {
		data, raw := askIn(t, e, "en", query, testenv.Vars{"p": c.platform, "v": c.version})
		got, _ := data["appSupport"].(map[string]any)
		if got["status"] != c.status || got["minimumVersion"] != c.minimum || got["upgradeAdvised"] != (c.status != "SUPPORTED") {
			t.Errorf("%s %s: %s", c.platform, c.version, raw)
		}
	}
	if _, raw := askIn(t, e, "es-US", query, testenv.Vars{"p": "ANDROID", "v": "4.0.3"}); !strings.Contains(raw, "Android 4.0.3. Actualice a una versión más reciente.") {
		t.Errorf("in Spanish: %s", raw)
	}
	for _, odd := range []string{"", "x", "4.2.6-beta", "4.2.6.1.1", "4..2", strings.Repeat("9", 100)} {
		if got := e.Post("", query, testenv.Vars{"p": "IOS", "v": odd}); got.Code() != "BAD_USER_INPUT" {
			t.Errorf("%q: %s", odd, got.Raw)
		}
	}
	other := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.AppVersions = "IOS 15; ANDROID 9 warned 9.1" })
	if got := other.Post("", query, testenv.Vars{"p": "ANDROID", "v": "9.1"}); got.Text("appSupport", "status") != "SUPPORTED_WITH_WARNING" || got.Text("appSupport", "minimumVersion") != "9.0" {
		t.Errorf("with other settings: %s", got.Raw)
	}
}
