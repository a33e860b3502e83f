package testenv

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// Partner is a partner with its credentials and a token for all its scopes.
type Partner struct {
	servicing.Credentials
	PartnerID loan.PartnerID
	ID        string // global id
	Token     string
}

// With is the partner with another secret.
func (p Partner) With(secret string) Partner {
	p.Secret = secret
	return p
}

// AddPartner adds a partner as an operator does.
func (e *Env) AddPartner(scopes string) Partner {
	e.t.Helper()
	c, err := e.App.Servicing.CreatePartner(e.t.Context(), "test", "Budget & Co.", scopes, e.Clock.Now())
	if err != nil {
		e.t.Fatal(err)
	}
	p := Partner{Credentials: c}
	partners, err := e.App.Store.Partners(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	for _, other := range partners {
		if servicing.ClientID(other.ID) == c.ClientID {
			p.PartnerID = other.ID
		}
	}
	p.ID = GlobalID(graph.MarshalPartnerID(p.PartnerID))
	p.Token = e.PartnerToken(p, "")
	return p
}

// GlobalID is an id as clients have it.
func GlobalID(id interface{ MarshalGQL(io.Writer) }) string {
	var text strings.Builder
	id.MarshalGQL(&text)
	return strings.Trim(text.String(), `"`)
}

// PartnerToken gets a token by the token endpoint; for all scopes where none are named.
func (e *Env) PartnerToken(p Partner, scopes string) string {
	e.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.ClientID}, "client_secret": {p.Secret}}
	if scopes != "" {
		form.Set("scope", scopes)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(e.t.Context()), http.MethodPost, e.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		e.t.Fatalf("no token: %d, %v", response.StatusCode, err)
	}
	return answer.Token
}

// GlobalID is the id of a customer as a partner names it.
func (c Customer) GlobalID() string { return GlobalID(graph.MarshalCustomerID(c.ID)) }

const grantAccess = `mutation($input: GrantPartnerAccessInput!) { grantPartnerAccess(input: $input) { grant { id } userErrors { code path } } }`

// Grant lets a partner act for a customer, and returns the id of the grant. The scopes
// are those of the schema, such as PAYMENTS_READ.
func (e *Env) Grant(c Customer, p Partner, scopes ...string) string {
	e.t.Helper()
	got := e.Post(c.Token, grantAccess, Vars{"input": Vars{"partnerId": p.ID, "scopes": scopes, "consent": true}})
	id := got.Text("grantPartnerAccess", "grant", "id")
	if id == "" {
		e.t.Fatal(got.Raw)
	}
	return id
}
