package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	grantAccess = `mutation($input: GrantPartnerAccessInput!) { grantPartnerAccess(input: $input) {
		grant { id partner { id name } scopes grantedAt lastUsedAt } userErrors { code message path } } }`
	revokeAccess = `mutation($id: ID!) { revokePartnerAccess(input: {grantId: $id}) { viewer { partnerGrants { id } } userErrors { code path } } }`
	grants       = `{ viewer { partnerGrants { id partner { id name } scopes grantedAt lastUsedAt } } }`
	asCustomer   = `query($id: ID!) { customer(id: $id) { id scopes } }`
	theirCars    = `query($id: ID!) { customer(id: $id) { vehicles { id } } }`
	everything   = "vehicles:read payments:read payments:write statements:read events:read"
)

var allGranted = []string{"VEHICLES_READ", "PAYMENTS_READ", "PAYMENTS_WRITE", "STATEMENTS_READ", "EVENTS_READ"}

// tokenAnswer is what the token endpoint answers.
type tokenAnswer struct {
	status int
	header http.Header
	body   map[string]any
}

// askToken sends a request to the token endpoint. basic is an id and a secret for the
// header, or nothing.
func askToken(t *testing.T, e *testenv.Env, form string, basic ...string) tokenAnswer {
	t.Helper()
	return askTokenAs(t, e, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", form, basic...)
}

func askTokenAs(t *testing.T, e *testenv.Env, method, path, media, body string, basic ...string) tokenAnswer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	if len(basic) == 2 {
		request.SetBasicAuth(basic[0], basic[1])
	} else if len(basic) == 1 {
		request.Header.Set("Authorization", basic[0])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := tokenAnswer{status: response.StatusCode, header: response.Header, body: map[string]any{}}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(text, &answer.body) // of a wrong method it is text
	return answer
}

// RFC 6749, 2.3.1, 3.2, 4.4 and 5.
func TestTokenEndpoint(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p, other := e.AddPartner("payments:read vehicles:read"), e.AddPartner("payments:read")
		const grant = "grant_type=client_credentials"
		inBody := grant + "&client_id=" + p.ClientID + "&client_secret=" + p.Secret

		for name, got := range map[string]tokenAnswer{
			"header":                     askToken(t, e, grant, p.ClientID, p.Secret),
			"body":                       askToken(t, e, inBody),
			"header, and its id again":   askToken(t, e, grant+"&client_id="+p.ClientID, p.ClientID, p.Secret),
			"percent-encoded":            askToken(t, e, grant, strings.Replace(p.ClientID, "-", "%2D", 1), p.Secret),
			"what is not known":          askToken(t, e, inBody+"&audience=x&scope="),
			"charset":                    askTokenAs(t, e, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded; charset=UTF-8", inBody),
			"all that it has, backwards": askToken(t, e, inBody+"&scope=payments:read+vehicles:read"),
		} {
			token, _ := got.body["access_token"].(string)
			if got.status != http.StatusOK || got.body["token_type"] != "Bearer" || got.body["expires_in"] != 900.0 || got.body["scope"] != "vehicles:read payments:read" ||
				len(token) < 43 || len(got.body) != 4 {
				t.Errorf("%s: %d %v", name, got.status, got.body)
			}
			if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %v", name, got.header)
			}
			if answer := e.Post(token, `{ nextCutoff { at } }`, nil); answer.Text("nextCutoff", "at") == "" {
				t.Errorf("%s: the token opens %s", name, answer.Raw)
			}
		}
		narrow := askToken(t, e, grant+"&scope=vehicles:read", p.ClientID, p.Secret)
		if narrow.body["scope"] != "vehicles:read" {
			t.Errorf("narrowed: %v", narrow.body)
		}

		for name, c := range map[string]struct {
			got    tokenAnswer
			status int
			code   string
		}{
			"no grant type":            {askToken(t, e, "client_id="+p.ClientID+"&client_secret="+p.Secret), 400, "invalid_request"},
			"empty grant type":         {askToken(t, e, "grant_type=", p.ClientID, p.Secret), 400, "invalid_request"},
			"another grant type":       {askToken(t, e, "grant_type=password&username=a&password=b", p.ClientID, p.Secret), 400, "unsupported_grant_type"},
			"refresh":                  {askToken(t, e, "grant_type=refresh_token&refresh_token=x", p.ClientID, p.Secret), 400, "unsupported_grant_type"},
			"grant type twice":         {askToken(t, e, inBody+"&"+grant), 400, "invalid_request"},
			"scope twice":              {askToken(t, e, inBody+"&scope=payments:read&scope=payments:read"), 400, "invalid_request"},
			"in both places":           {askToken(t, e, inBody, p.ClientID, p.Secret), 400, "invalid_request"},
			"two clients":              {askToken(t, e, grant+"&client_id="+other.ClientID, p.ClientID, p.Secret), 400, "invalid_request"},
			"secret in the URL":        {askTokenAs(t, e, http.MethodPost, "/oauth/token?client_secret="+p.Secret, "application/x-www-form-urlencoded", grant+"&client_id="+p.ClientID), 400, "invalid_request"},
			"JSON":                     {askTokenAs(t, e, http.MethodPost, "/oauth/token", "application/json", `{"grant_type": "client_credentials"}`, p.ClientID, p.Secret), 400, "invalid_request"},
			"too large":                {askToken(t, e, inBody+"&x="+strings.Repeat("x", 9000)), 400, "invalid_request"},
			"not a form":               {askToken(t, e, "grant_type=%zz", p.ClientID, p.Secret), 400, "invalid_request"},
			"no client":                {askToken(t, e, grant), 401, "invalid_client"},
			"no secret":                {askToken(t, e, grant+"&client_id="+p.ClientID), 401, "invalid_client"},
			"wrong secret":             {askToken(t, e, grant, p.ClientID, other.Secret), 401, "invalid_client"},
			"empty secret":             {askToken(t, e, grant, p.ClientID, ""), 401, "invalid_client"},
			"unknown client":           {askToken(t, e, grant, "partner-4711", p.Secret), 401, "invalid_client"},
			"another spelling":         {askToken(t, e, grant, "partner-0"+strings.TrimPrefix(p.ClientID, "partner-"), p.Secret), 401, "invalid_client"},
			"no client id at all":      {askToken(t, e, grant, "demo", p.Secret), 401, "invalid_client"},
			"another scheme":           {askToken(t, e, grant, "Bearer "+p.Token), 401, "invalid_client"},
			"not base64":               {askToken(t, e, grant, "Basic %%%"), 401, "invalid_client"},
			"not percent-encoded":      {askToken(t, e, grant, "%zz", p.Secret), 401, "invalid_client"},
			"unknown scope":            {askToken(t, e, grant+"&scope=payments:admin", p.ClientID, p.Secret), 400, "invalid_scope"},
			"not the client's scope":   {askToken(t, e, grant+"&scope=payments:read+payments:write", p.ClientID, p.Secret), 400, "invalid_scope"},
			"blank scope":              {askToken(t, e, grant+"&scope=+", p.ClientID, p.Secret), 400, "invalid_scope"},
			"wrong secret, odd scopes": {askToken(t, e, grant+"&scope=x", p.ClientID, "x"), 401, "invalid_client"},
		} {
			if c.got.status != c.status || c.got.body["error"] != c.code || c.got.body["access_token"] != nil {
				t.Errorf("%s: %d %v, want %d %s", name, c.got.status, c.got.body, c.status, c.code)
			}
			if c.got.header.Get("Cache-Control") != "no-store" || (c.got.header.Get("WWW-Authenticate") != "") != (c.status == 401) {
				t.Errorf("%s: %v", name, c.got.header)
			}
		}
		wrong, unknown := askToken(t, e, grant, p.ClientID, other.Secret), askToken(t, e, grant, "partner-4711", other.Secret)
		if fmt.Sprint(wrong.body, wrong.status) != fmt.Sprint(unknown.body, unknown.status) {
			t.Errorf("wrong %v\nunknown %v", wrong.body, unknown.body)
		}
		if got := askTokenAs(t, e, http.MethodGet, "/oauth/token?"+inBody, "", ""); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" {
			t.Errorf("GET: %d %v", got.status, got.header)
		}
		if log := e.Log.String(); strings.Contains(log, p.Secret) || strings.Contains(log, p.Token) {
			t.Error("the log holds a secret")
		}
	})
}

// A client that others have written finds the endpoint by the metadata and gets along
// with it, by either way of naming itself.
func TestTokenEndpointWithAClient(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	p := e.AddPartner(everything)
	var metadata struct {
		Issuer        string   `json:"issuer"`
		TokenEndpoint string   `json:"token_endpoint"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
		Grants        []string `json:"grant_types_supported"`
		Responses     []string `json:"response_types_supported"`
		Scopes        []string `json:"scopes_supported"`
	}
	getJSON(t, e.URL+"/.well-known/oauth-authorization-server", &metadata)
	if metadata.Issuer != e.URL || metadata.TokenEndpoint != e.URL+"/oauth/token" || !slices.Equal(metadata.Grants, []string{"client_credentials"}) ||
		metadata.Responses == nil || strings.Join(metadata.Scopes, " ") != everything || len(metadata.Methods) != 2 {
		t.Errorf("got %+v", metadata)
	}
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		c := clientcredentials.Config{ClientID: p.ClientID, ClientSecret: p.Secret, TokenURL: metadata.TokenEndpoint, Scopes: []string{"payments:read"}, AuthStyle: style}
		token, err := c.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if token.Extra("scope") != "payments:read" || token.Type() != "Bearer" || token.Expiry.IsZero() {
			t.Errorf("got %+v", token)
		}
		if got := e.Post(token.AccessToken, `{ nextCutoff { at } }`, nil); got.Code() != "" {
			t.Errorf("the token opens %s", got.Raw)
		}
	}
	production := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode = config.Production })
	if status := production.Fetch("/.well-known/oauth-authorization-server"); status != http.StatusNotFound {
		t.Errorf("without an address production answers %d", status)
	}
	stated := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode, c.PublicURL = config.Production, "https://pay.lender.example" })
	getJSON(t, stated.URL+"/.well-known/oauth-authorization-server", &metadata)
	if metadata.Issuer != "https://pay.lender.example" || metadata.TokenEndpoint != "https://pay.lender.example/oauth/token" {
		t.Errorf("got %+v", metadata)
	}
}

func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, response.StatusCode, err)
	}
}

// Of tokens that are asked for too often, right or wrong, at one address; and Redis away.
func TestTokensAreLimited(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p, other := e.AddPartner(everything), e.AddPartner(everything)
		const grant = "grant_type=client_credentials"
		for range 59 { // one was asked for already
			if got := askToken(t, e, grant, p.ClientID, "wrong"); got.status != 401 {
				t.Fatalf("got %d", got.status)
			}
		}
		got := askToken(t, e, grant, p.ClientID, p.Secret)
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "60" || got.body["error"] != "temporarily_unavailable" {
			t.Errorf("the 61st: %d %v", got.status, got.header)
		}
		if got := askToken(t, e, grant, other.ClientID, other.Secret); got.status != 200 {
			t.Errorf("another client: %d", got.status)
		}
		e.Clock.Advance(time.Minute)
		if got := askToken(t, e, grant, p.ClientID, p.Secret); got.status != 200 {
			t.Errorf("a minute later: %d", got.status)
		}
		if err := e.App.Sessions.Close(); err != nil {
			t.Fatal(err)
		}
		if got := askToken(t, e, grant, p.ClientID, p.Secret); got.status != http.StatusServiceUnavailable || got.body["access_token"] != nil {
			t.Errorf("without Redis: %d %v", got.status, got.body)
		}
		if got := e.Post(p.Token, `{ nextCutoff { at } }`, nil); got.Code() != "UNAVAILABLE" {
			t.Errorf("without Redis: %s", got.Raw)
		}
	})
}

// Tokens end after 15 minutes, to the microsecond; malformed ones open nothing.
func TestPartnerTokenExpires(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p := e.AddPartner(everything)
		e.Clock.Advance(15*time.Minute - time.Microsecond)
		if got := e.Post(p.Token, `{ nextCutoff { at } }`, nil); got.Code() != "" {
			t.Errorf("in time: %s", got.Raw)
		}
		fresh := e.PartnerToken(p, "")
		e.Clock.Advance(time.Microsecond)
		number, secret, _ := strings.Cut(strings.TrimPrefix(fresh, "mpt_"), "_")
		for name, token := range map[string]string{
			"over": p.Token, "another's": "mpt_4711_" + secret, "with a zero": "mpt_0" + number + "_" + secret, "cut": fresh[:len(fresh)-1],
			"without a number": "mpt__" + secret, "prefix": "mpt_", "huge": "mpt_" + strings.Repeat("1", 10_000), "as a session": secret, "the secret": p.Secret,
		} {
			if got := e.Post(token, `{ nextCutoff { at } }`, nil); got.Code() != "UNAUTHENTICATED" || got.Data != nil {
				t.Errorf("%s: %s", name, got.Raw)
			}
		}
		if got := e.Post(fresh, `{ nextCutoff { at } }`, nil); got.Code() != "" {
			t.Errorf("the next one: %s", got.Raw)
		}
	})
}

// While a secret is rotated two count; at its end the one before does not.
func TestRotatePartner(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p := e.AddPartner(everything)
		works := func(secret string) bool {
			return askToken(t, e, "grant_type=client_credentials", p.ClientID, secret).status == 200
		}
		rotate := func(grace time.Duration) string {
			c, err := e.App.Servicing.RotatePartner(t.Context(), "test", p.PartnerID, grace, e.Clock.Now())
			if err != nil || c.ClientID != p.ClientID || !c.Until.Equal(e.Clock.Now().Add(grace)) {
				t.Fatalf("got %+v, %v", c.ClientID, err)
			}
			return c.Secret
		}
		first, second := p.Secret, rotate(24*time.Hour)
		if !works(first) || !works(second) || first == second {
			t.Error("during the rotation both should count")
		}
		e.Clock.Advance(24 * time.Hour)
		if works(first) || !works(second) {
			t.Error("after it the second one alone should")
		}
		third := rotate(time.Hour)
		fourth := rotate(time.Hour) // two at once, never three
		if works(second) || !works(third) || !works(fourth) {
			t.Error("of three the latest two should count")
		}
		// One that leaked ends at once, and what it has opened.
		leaked := e.PartnerToken(p.With(fourth), "")
		e.Clock.Advance(time.Second)
		fifth := rotate(0)
		if works(third) || works(fourth) || !works(fifth) {
			t.Error("without grace the new one alone should count")
		}
		if got := e.Post(leaked, `{ nextCutoff { at } }`, nil); got.Code() != "UNAUTHENTICATED" {
			t.Errorf("the token of the old secret: %s", got.Raw)
		}
		e.Clock.Advance(time.Microsecond)
		if got := e.Post(e.PartnerToken(p.With(fifth), ""), `{ nextCutoff { at } }`, nil); got.Code() != "" {
			t.Errorf("the token of the new secret: %s", got.Raw)
		}
		for _, hash := range []string{first, second, third, fourth, fifth} {
			if strings.Contains(e.Dump(), hash) {
				t.Error("a secret is in the database")
			}
		}
	})
}

// What a customer grants, sees and takes back.
func TestGrantPartnerAccess(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p := e.AddCustomer(), e.AddPartner("vehicles:read payments:read")
		listed := e.Post(c.Token, `{ partners { id name scopes } }`, nil)
		if listed.Text("partners", 0, "id") != p.ID || fmt.Sprint(listed.Get("partners", 0, "scopes")) != "[VEHICLES_READ PAYMENTS_READ]" {
			t.Errorf("listed: %s", listed.Raw)
		}
		input := func(consent bool, partner string, scopes ...string) testenv.Vars {
			return testenv.Vars{"input": testenv.Vars{"partnerId": partner, "scopes": scopes, "consent": consent}}
		}
		plain := e.OpenPlainSession(c.ID)
		for code, got := range map[string]testenv.Answer{
			"NOT_AUTHORIZED":   e.Post(c.Token, grantAccess, input(false, p.ID, "VEHICLES_READ")),
			"STEP_UP_REQUIRED": e.Post(plain, grantAccess, input(true, p.ID, "VEHICLES_READ")),
			"NOT_FOUND":        e.Post(c.Token, grantAccess, input(true, "UGFydG5lcjo0NzEx", "VEHICLES_READ")),
		} {
			if got.Code() != code || got.Get("grantPartnerAccess", "grant") != nil {
				t.Errorf("%s: %s", code, got.Raw)
			}
		}
		for _, scopes := range [][]string{{}, {"PAYMENTS_WRITE"}, {"VEHICLES_READ", "EVENTS_READ"}} {
			if got := e.Post(c.Token, grantAccess, input(true, p.ID, scopes...)); got.Code() != "INVALID_INPUT" {
				t.Errorf("%v: %s", scopes, got.Raw)
			}
		}
		if got := e.Post(c.Token, grants, nil); fmt.Sprint(got.Get("viewer", "partnerGrants")) != "[]" {
			t.Errorf("nothing was granted, and there is %s", got.Raw)
		}

		granted := e.Post(c.Token, grantAccess, input(true, p.ID, "PAYMENTS_READ", "VEHICLES_READ", "VEHICLES_READ"))
		id := granted.Text("grantPartnerAccess", "grant", "id")
		if granted.Text("grantPartnerAccess", "grant", "partner", "id") != p.ID || fmt.Sprint(granted.Get("grantPartnerAccess", "grant", "scopes")) != "[VEHICLES_READ PAYMENTS_READ]" {
			t.Fatalf("granted: %s", granted.Raw)
		}
		again := e.Post(c.Token, grantAccess, input(true, p.ID, "VEHICLES_READ", "PAYMENTS_READ"))
		if again.Text("grantPartnerAccess", "grant", "id") != id {
			t.Errorf("the same again: %s", again.Raw)
		}
		narrowed := e.Post(c.Token, grantAccess, input(true, p.ID, "VEHICLES_READ"))
		id = narrowed.Text("grantPartnerAccess", "grant", "id")
		if got := e.Post(p.Token, asCustomer, testenv.Vars{"id": c.GlobalID()}); fmt.Sprint(got.Get("customer", "scopes")) != "[VEHICLES_READ]" || got.Text("customer", "id") != c.GlobalID() {
			t.Errorf("narrowed: %s", got.Raw)
		}
		seen := e.Post(c.Token, grants, nil)
		if seen.Text("viewer", "partnerGrants", 0, "id") != id || seen.Get("viewer", "partnerGrants", 1) != nil || seen.Text("viewer", "partnerGrants", 0, "lastUsedAt") == "" {
			t.Errorf("seen: %s", seen.Raw)
		}
		revoked := e.Post(plain, revokeAccess, testenv.Vars{"id": id})
		if fmt.Sprint(revoked.Get("revokePartnerAccess", "viewer", "partnerGrants")) != "[]" {
			t.Errorf("revoked: %s", revoked.Raw)
		}
		if got := e.Post(c.Token, revokeAccess, testenv.Vars{"id": id}); got.Code() != "NOT_FOUND" {
			t.Errorf("twice: %s", got.Raw)
		}
		if actions := strings.Join(e.Actions(c.ID), " "); actions != "partner.granted partner.granted partner.grant_revoked" {
			t.Errorf("the audit tells of %s", actions)
		}
		if kinds := strings.Join(e.NoticesTo("robin@example.com"), " "); kinds != "PARTNER_REVOKED PARTNER_GRANTED PARTNER_GRANTED" {
			t.Errorf("the customer was told %s", kinds)
		}
		entries, err := e.App.Store.Audit(t.Context(), c.ID)
		if err != nil || !strings.Contains(entries[0].Detail, "see my vehicles and what I owe for them; see my payments") {
			t.Errorf("the consent is %q, %v", entries[0].Detail, err)
		}
	})
}

// lastUsedAt is written when the first minute is over, and not with each request.
func TestGrantLastUsed(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p := e.AddCustomer(), e.AddPartner(everything)
		e.Grant(c, p, "VEHICLES_READ")
		used := func() string { return e.Post(c.Token, grants, nil).Text("viewer", "partnerGrants", 0, "lastUsedAt") }
		ask := fmt.Sprintf(`{ customer(id: %q) { vehicles { id } } }`, c.GlobalID())
		if at := used(); at != "" {
			t.Errorf("used at %s before it was", at)
		}
		for _, step := range []struct {
			after      time.Duration
			statements int64
			at         string
		}{
			{0, 3, "2026-11-18T17:00:00Z"},
			{59 * time.Second, 2, "2026-11-18T17:00:00Z"},
			{time.Second, 3, "2026-11-18T17:01:00Z"},
		} {
			e.Clock.Advance(step.after)
			if n := e.Statements(p.Token, ask); n != step.statements {
				t.Errorf("after %s: %d statements, want %d", step.after, n, step.statements)
			}
			if at := used(); at != step.at {
				t.Errorf("after %s: used at %s", step.after, at)
			}
		}
	})
}

// A grant that is taken back, and a partner that is, stop on every instance at once.
func TestPartnerIsRevoked(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		if engine == testenv.Embedded {
			t.Skip("its Redis is in the process")
		}
		e := testenv.New(t, engine)
		second := e.Another()
		c, p := e.AddCustomer(), e.AddPartner(everything)
		id := e.Grant(c, p, allGranted...)
		vars := testenv.Vars{"id": c.GlobalID()}
		for _, instance := range []*testenv.Env{e, second} {
			if got := instance.Post(p.Token, theirCars, vars); got.Text("customer", "vehicles", 0, "id") != c.Loan {
				t.Fatalf("granted: %s", got.Raw)
			}
		}
		e.Post(c.Token, revokeAccess, testenv.Vars{"id": id})
		for _, instance := range []*testenv.Env{second, e} {
			if got := instance.Post(p.Token, theirCars, vars); got.Get("customer") != nil || got.Data == nil || got.Code() != "" {
				t.Errorf("after the grant was revoked: %s", got.Raw)
			}
			if got := instance.Post(p.Token, schedule, partnerOrder(c, "late")); got.Code() != "NOT_FOUND" {
				t.Errorf("after the grant was revoked: %s", got.Raw)
			}
		}
		e.Grant(c, p, allGranted...)
		if got := second.Post(p.Token, theirCars, vars); got.Text("customer", "vehicles", 0, "id") != c.Loan {
			t.Errorf("granted again: %s", got.Raw)
		}

		var told bytes.Buffer
		if err := app.Run(t.Context(), []string{"partner", "revoke", fmt.Sprint(p.PartnerID), "--operator", "sam"}, environment(e), &told, &told); err != nil {
			t.Fatalf("%v: %s", err, told.String())
		}
		for _, instance := range []*testenv.Env{second, e} {
			if got := instance.Post(p.Token, theirCars, vars); got.Code() != "UNAUTHENTICATED" {
				t.Errorf("after the partner was revoked: %s", got.Raw)
			}
			if got := askToken(t, instance, "grant_type=client_credentials", p.ClientID, p.Secret); got.status != 401 {
				t.Errorf("after the partner was revoked it gets a token: %v", got.body)
			}
		}
		if got := e.Post(c.Token, grants, nil); fmt.Sprint(got.Get("viewer", "partnerGrants")) != "[]" {
			t.Errorf("the customer sees %s", got.Raw)
		}
		if got := e.Post(c.Token, `{ partners { id } }`, nil); fmt.Sprint(got.Get("partners")) != "[]" {
			t.Errorf("the customer could choose %s", got.Raw)
		}
	})
}

// environment is the settings of an instance, for a command beside it.
func environment(e *testenv.Env) []string {
	cfg := e.App.Config
	environ := []string{"DATABASE_URL=" + cfg.DatabaseURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_NOW=" + e.Clock.Now().Format(time.RFC3339Nano)}
	if cfg.RedisURL != "" {
		environ = append(environ, "REDIS_URL="+cfg.RedisURL)
	}
	return environ
}

// The commands, as an operator types them.
func TestPartnerCommands(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		run := func(args ...string) (string, error) {
			var stdout, out bytes.Buffer
			err := app.Run(t.Context(), append([]string{"partner"}, args...), environment(e), &stdout, &out)
			return stdout.String(), err
		}
		created, err := run("create", "--operator", "sam", "--name", " Budget & Co. ", "--scopes", "payments:write payments:read")
		if err != nil {
			t.Fatal(err)
		}
		id, secret := wordAfter(created, "client_id"), wordAfter(created, "client_secret")
		if got := askToken(t, e, "grant_type=client_credentials", id, secret); got.body["scope"] != "payments:read payments:write" {
			t.Errorf("created %s, and got %v", id, got.body)
		}
		number := strings.TrimPrefix(id, "partner-")
		rotated, err := run("rotate", number, "--operator", "sam", "--grace", "1h")
		if err != nil || wordAfter(rotated, "client_id") != id || !strings.Contains(rotated, "The one before counts until 2026-11-18T18:00:00Z.") {
			t.Errorf("rotated: %v", err)
		}
		if got := askToken(t, e, "grant_type=client_credentials", id, wordAfter(rotated, "client_secret")); got.status != 200 {
			t.Errorf("rotated, and got %v", got.body)
		}
		if _, err := run("revoke", number, "--operator", "sam"); err != nil {
			t.Error(err)
		}
		if _, err := run("revoke", number, "--operator", "sam"); err != nil {
			t.Errorf("again: %v", err)
		}
		list, err := run("list")
		if err != nil || !strings.Contains(list, id+"  Budget & Co.  payments:read payments:write  2026-11-18T17:00:00Z  2026-11-18T17:00:00Z") {
			t.Errorf("listed %q, %v", list, err)
		}
		for _, wrong := range [][]string{
			{}, {"delete"}, {"create"}, {"create", "--operator", "sam", "--name", "N"}, {"create", "--operator", "sam", "--name", "N", "--scopes", "all"},
			{"create", "--operator", "sam", "--name", "a\nb", "--scopes", "payments:read"}, {"create", "--name", "N", "--scopes", "payments:read"},
			{"create", "--operator", "a b", "--name", "N", "--scopes", "payments:read"}, {"rotate", "--operator", "sam"}, {"rotate", number, "--operator", "sam"}, // it was revoked
			{"rotate", number, "--operator", "sam", "--grace", "-1h"}, {"revoke", "4711", "--operator", "sam"}, {"revoke", "x", "--operator", "sam"}, {"revoke", number},
		} {
			if got, err := run(wrong...); err == nil || got != "" {
				t.Errorf("%v: %q", wrong, got)
			}
		}
		entries, err := e.App.Store.Audit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, entry := range entries {
			told = append(told, entry.Actor+" "+entry.Action+" "+entry.Subject)
			if strings.Contains(entry.Detail, "mps_") {
				t.Error("a secret is in the audit")
			}
		}
		want := fmt.Sprintf("operator:sam partner.created partner:%[1]s, operator:sam partner.rotated partner:%[1]s, operator:sam partner.revoked partner:%[1]s", number)
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("the audit tells of %s", got)
		}
	})
}

// wordAfter is the word that follows another one.
func wordAfter(text, word string) string {
	_, rest, _ := strings.Cut(text, word+" ")
	return strings.Fields(rest + " ")[0]
}

// partnerOrder is an order as a partner sends it.
func partnerOrder(c testenv.Customer, key string, change ...testenv.Vars) testenv.Vars {
	return order(c, key, append([]testenv.Vars{{"customerId": c.GlobalID()}}, change...)...)
}

// A partner pays for a customer from a saved account, and cancels what it has made.
func TestPartnerPays(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p, other := e.AddCustomer(), e.AddPartner(everything), e.AddPartner(everything)
		e.Grant(c, p, "VEHICLES_READ", "PAYMENTS_READ", "PAYMENTS_WRITE")
		e.Grant(c, other, "VEHICLES_READ", "PAYMENTS_READ", "PAYMENTS_WRITE")
		paid := e.Post(p.Token, schedule, partnerOrder(c, "one"))
		id := paid.Text("schedulePayment", "payment", "id")
		if id == "" || paid.Get("schedulePayment", "payment", "canCancel") != true {
			t.Fatalf("paid: %s", paid.Raw)
		}
		if again := e.Post(p.Token, schedule, partnerOrder(c, "one")); again.Text("schedulePayment", "payment", "id") != id || again.Get("schedulePayment", "replayed") != true {
			t.Errorf("again: %s", again.Raw)
		}
		// The key is the partner's for this customer: to others it is another one.
		duplicate := testenv.Vars{"acknowledgeDuplicate": true}
		for name, got := range map[string]testenv.Answer{
			"the customer's":     e.Post(c.Token, schedule, order(c, "one", duplicate)),
			"another partner's":  e.Post(other.Token, schedule, partnerOrder(c, "one", duplicate)),
			"the customer's own": e.Post(c.Token, schedule, order(c, "two", duplicate, testenv.Vars{"customerId": c.GlobalID()})),
		} {
			if got.Text("schedulePayment", "payment", "id") == "" || got.Get("schedulePayment", "replayed") != false {
				t.Errorf("%s key: %s", name, got.Raw)
			}
		}
		payments := e.Payments(c.ID)
		if len(payments) != 4 || payments[0].PartnerID == nil || *payments[0].PartnerID != p.PartnerID || payments[0].ScheduledBy != c.ID || payments[0].Origin != loan.OriginCustomer {
			t.Errorf("stored: %+v", payments[0])
		}
		made := func(token, id, customer string) testenv.Answer {
			return e.Post(token, `query($c: ID!, $id: ID!) { customer(id: $c) { node(id: $id) { ... on Payment { canCancel partner { name } } } } }`, testenv.Vars{"c": customer, "id": id})
		}
		if got := made(p.Token, id, c.GlobalID()); got.Get("customer", "node", "canCancel") != true || got.Text("customer", "node", "partner", "name") != "Budget & Co." {
			t.Errorf("the partner sees %s", got.Raw)
		}
		if got := made(other.Token, id, c.GlobalID()); got.Get("customer", "node", "canCancel") != false || got.Get("customer", "node", "partner") != nil {
			t.Errorf("another partner sees %s", got.Raw)
		}
		if got := e.Post(c.Token, `query($id: ID!) { node(id: $id) { ... on Payment { canCancel partner { name } } } }`, testenv.Vars{"id": id}); got.Get("node", "canCancel") != true || got.Text("node", "partner", "name") != "Budget & Co." {
			t.Errorf("the customer sees %s", got.Raw)
		}

		cancelAs := func(token string, id any, customer any) testenv.Answer {
			return e.Post(token, `mutation($id: ID!, $c: ID) { cancelPayment(input: {paymentId: $id, customerId: $c, confirm: true}) { payment { status } userErrors { code path } } }`,
				testenv.Vars{"id": id, "c": customer})
		}
		own := e.Post(c.Token, schedule, order(c, "one", duplicate)).Text("schedulePayment", "payment", "id")
		for name, got := range map[string]testenv.Answer{
			"another partner's": cancelAs(other.Token, id, c.GlobalID()), "the customer's": cancelAs(p.Token, own, c.GlobalID()),
		} {
			if got.Code() != "NOT_PERMITTED" {
				t.Errorf("%s payment: %s", name, got.Raw)
			}
		}
		if got := cancelAs(p.Token, id, nil); got.Code() != "INVALID_INPUT" {
			t.Errorf("for nobody: %s", got.Raw)
		}
		for range 2 {
			if got := cancelAs(p.Token, id, c.GlobalID()); got.Text("cancelPayment", "payment", "status") != "CANCELED" {
				t.Errorf("cancelled: %s", got.Raw)
			}
		}
		second := e.Post(p.Token, schedule, partnerOrder(c, "three", testenv.Vars{"amount": testenv.Vars{"fixed": "61.00"}})).Text("schedulePayment", "payment", "id")
		if got := cancelAs(c.Token, second, nil); got.Text("cancelPayment", "payment", "status") != "CANCELED" {
			t.Errorf("the customer cancels: %s", got.Raw)
		}

		// From a new account nobody pays but the customer, and the bank is not asked.
		withNew := orderWithNew(c, "four", "12345678")
		withNew["input"].(testenv.Vars)["customerId"] = c.GlobalID()
		if got := e.Post(p.Token, payWithNew, withNew); got.Code() != "NOT_PERMITTED" || len(e.Accounts(c.ID)) != 1 {
			t.Errorf("from a new account: %s", got.Raw)
		}
		preview := e.Post(p.Token, `query($input: PreviewPaymentInput!) { previewPayment(input: $input) { preview { amount { amount } authorization { hash } } userErrors { code } } }`,
			testenv.Vars{"input": testenv.Vars{"customerId": c.GlobalID(), "vehicleId": c.Loan, "amount": testenv.Vars{"due": "AMOUNT_DUE"}, "scheduledOn": "2026-11-20"}})
		if preview.Text("previewPayment", "preview", "authorization", "hash") == "" {
			t.Errorf("preview: %s", preview.Raw)
		}

		entries, err := e.App.Store.Audit(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]int{}
		for _, entry := range entries {
			by[entry.Actor+" "+entry.Action]++
			if strings.HasPrefix(entry.Actor, "partner:") && len(entry.SessionID) != 64 {
				t.Errorf("the token is %q", entry.SessionID)
			}
		}
		actor := fmt.Sprintf("partner:%d for customer:%d", p.PartnerID, c.ID)
		if by[actor+" payment.scheduled"] != 2 || by[actor+" payment.canceled"] != 1 {
			t.Errorf("the audit tells of %v", by)
		}
	})
}

// A payment that came back and is tried again is of the partner that made it: it can
// cancel it, and another partner cannot.
func TestPartnerOfRepresentedPayment(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p, other := e.AddCustomer(), e.AddPartner(everything), e.AddPartner(everything)
		e.Grant(c, p, allGranted...)
		e.Grant(c, other, allGranted...)
		id := e.Post(p.Token, schedule, partnerOrder(c, "1")).Text("schedulePayment", "payment", "id")
		e.MoveTo("2026-11-18 15:00:00")
		if code := e.Return(id, "R01"); code != http.StatusOK {
			t.Fatal(code)
		}
		payments := e.Payments(c.ID)
		if len(payments) != 2 || payments[1].Represents == nil {
			t.Fatalf("there are %+v", payments)
		}
		again := testenv.Vars{"c": c.GlobalID(), "id": paymentID(payments[1].ID)}
		const look = `query($c: ID!, $id: ID!) { customer(id: $c) { node(id: $id) { ... on Payment { canCancel partner { name } } } } }`
		const cancel = `mutation($c: ID!, $id: ID!) { cancelPayment(input: {customerId: $c, paymentId: $id, confirm: true}) { payment { status } userErrors { code } } }`
		token, others := e.PartnerToken(p, ""), e.PartnerToken(other, "")
		if got := e.Post(others, look, again); got.Get("customer", "node", "canCancel") != false || got.Get("customer", "node", "partner") != nil {
			t.Errorf("another partner sees %s", got.Raw)
		}
		if got := e.Post(others, cancel, again); got.Code() != "NOT_PERMITTED" {
			t.Errorf("another partner cancels: %s", got.Raw)
		}
		if got := e.Post(token, look, again); got.Get("customer", "node", "canCancel") != true || got.Text("customer", "node", "partner", "name") != "Budget & Co." {
			t.Errorf("the partner sees %s", got.Raw)
		}
		if got := e.Post(token, cancel, again); got.Text("cancelPayment", "payment", "status") != "CANCELED" {
			t.Errorf("the partner cancels: %s", got.Raw)
		}
	})
}

// Limits are a partner's for all its tokens and customers.
func TestPartnerLimits(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.PartnerOperations, c.PartnerMoney = 8, 2 })
		p := e.AddPartner(everything)
		tokens := []string{p.Token, e.PartnerToken(p, "payments:write")}
		for i := range 3 {
			c := e.AddCustomer()
			e.Grant(c, p, "PAYMENTS_WRITE")
			got := e.Post(tokens[i%2], schedule, partnerOrder(c, "key"))
			if limited := got.Code() == "RATE_LIMITED"; limited != (i == 2) {
				t.Errorf("payment %d: %s", i, got.Raw)
			}
			if i == 2 && got.Errors[0].Extensions["retryAfter"] != 60.0 {
				t.Errorf("wait for %v", got.Errors[0].Extensions)
			}
		}
		for i := range 6 {
			got := e.Post(tokens[i%2], `{ nextCutoff { at } }`, nil)
			if limited := got.Code() == "RATE_LIMITED"; limited != (i == 5) || limited != (got.Status == http.StatusTooManyRequests) {
				t.Errorf("operation %d: %d %s", i, got.Status, got.Raw)
			}
		}
		e.Clock.Advance(time.Minute)
		if got := e.Post(p.Token, `{ nextCutoff { at } }`, nil); got.Code() != "" {
			t.Errorf("a minute later: %s", got.Raw)
		}
	})
}

// Partners are no apps: where only the apps' documents run, theirs do, too.
func TestPartnerDocuments(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Documents = config.TrustedDocuments })
	p := e.AddPartner(everything)
	if got := e.Post(p.Token, `query Mine { nextCutoff { at } }`, nil); got.Text("nextCutoff", "at") == "" {
		t.Errorf("a partner's: %s", got.Raw)
	}
	session := e.OpenSession(e.AddUser("sam", "-"))
	for _, token := range []string{"", session, "mpt_1_" + strings.Repeat("A", 43)} {
		if got := e.Post(token, `query Mine { nextCutoff { at } }`, nil); got.Code() != "DOCUMENT_NOT_TRUSTED" {
			t.Errorf("another's: %s", got.Raw)
		}
	}
}

// An operation is for one customer.
func TestOneCustomerAnOperation(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	a, b, p := e.AddCustomer(), e.AddCustomer(), e.AddPartner(everything)
	e.Grant(a, p, "VEHICLES_READ")
	e.Grant(b, p, "VEHICLES_READ")
	const two = `query($a: ID!, $b: ID!) { a: customer(id: $a) { id vehicles { id autoPay { id } } } b: customer(id: $b) { id vehicles { id } } }`
	for range 20 {
		got := e.Post(p.Token, two, testenv.Vars{"a": a.GlobalID(), "b": b.GlobalID()})
		for name, c := range map[string]testenv.Customer{"a": a, "b": b} {
			if id := got.Text(name, "vehicles", 0, "id"); id != "" && id != c.Loan {
				t.Fatalf("one is shown the other's: %s", got.Raw)
			}
		}
		if got.Get("a") != nil && got.Get("b") != nil || !strings.Contains(got.Raw, "BAD_USER_INPUT") {
			t.Fatalf("two customers: %s", got.Raw)
		}
	}
	if got := e.Post(p.Token, strings.Replace(two, "autoPay { id }", "", 1), testenv.Vars{"a": a.GlobalID(), "b": a.GlobalID()}); got.Text("a", "vehicles", 0, "id") != a.Loan || got.Text("b", "vehicles", 0, "id") != a.Loan {
		t.Errorf("the same one twice: %s", got.Raw)
	}
}
