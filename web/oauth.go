package web

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/session"
)

const (
	tokenPath    = "/oauth/token" //nolint:gosec // G101: a path is no credential
	metadataPath = "/.well-known/oauth-authorization-server"
	// maxTokenBody is the largest request for a token in bytes.
	maxTokenBody = 8 << 10
	// grantType is the only one: a partner shows its own credentials.
	grantType = "client_credentials"
)

// oauthError is a refusal of RFC 6749, 5.2. Its text is for developers and always the
// same: nothing of the request is in it.
type oauthError struct {
	Code   string `json:"error"`
	Text   string `json:"error_description"`
	status int
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Text }

func invalidRequest(text string) *oauthError {
	return &oauthError{"invalid_request", text, http.StatusBadRequest}
}

var errInvalidClient = &oauthError{"invalid_client", "The client id or the secret is wrong.", http.StatusUnauthorized}

// issueToken is the token endpoint of RFC 6749, for the grant of client credentials.
func (o Options) issueToken(w http.ResponseWriter, r *http.Request) {
	asked, refused := readTokenRequest(w, r)
	if refused != nil {
		o.refuseToken(w, r, refused)
		return
	}
	token, err := o.IssueToken(r.Context(), asked.clientID, asked.secret, asked.scope)
	if err != nil {
		o.refuseToken(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Token     string `json:"access_token"`
		Type      string `json:"token_type"`
		ExpiresIn int    `json:"expires_in"`
		Scope     string `json:"scope"`
	}{token.Token, "Bearer", int(session.PartnerTokenLife.Seconds()), token.Scopes.String()})
}

// tokenRequest is what a client asks for.
type tokenRequest struct{ clientID, secret, scope string }

// readTokenRequest reads a request for a token, whose client is named in the header or
// in the body (RFC 6749, 2.3.1).
func readTokenRequest(w http.ResponseWriter, r *http.Request) (asked tokenRequest, refused error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return asked, invalidRequest("The body must be application/x-www-form-urlencoded.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenBody)
	if err := r.ParseForm(); err != nil {
		return asked, invalidRequest("The body cannot be read, or is too large.")
	}
	// What is in the URL ends in logs.
	if r.URL.RawQuery != "" {
		return asked, invalidRequest("Parameters belong into the body.")
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return asked, invalidRequest("A parameter is there twice.")
		}
	}
	switch r.PostForm.Get("grant_type") {
	case grantType:
	case "":
		return asked, invalidRequest("grant_type is missing.")
	default:
		return asked, &oauthError{"unsupported_grant_type", "The grant_type must be " + grantType + ".", http.StatusBadRequest}
	}
	asked.scope = r.PostForm.Get("scope")
	asked.clientID, asked.secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if r.Header.Get("Authorization") == "" {
		if asked.clientID == "" || asked.secret == "" {
			return asked, errInvalidClient
		}
		return asked, nil
	}
	inBody := asked.clientID
	if asked.secret != "" {
		return asked, invalidRequest("The client is to be named in one way.")
	}
	id, secret, ok := r.BasicAuth()
	var idErr, secretErr error
	asked.clientID, idErr = url.QueryUnescape(id)
	asked.secret, secretErr = url.QueryUnescape(secret)
	switch {
	case !ok || idErr != nil || secretErr != nil:
		return asked, errInvalidClient
	case inBody != "" && inBody != asked.clientID:
		return asked, invalidRequest("The client is to be named in one way.")
	}
	return asked, nil
}

// refuseToken says why there is no token.
func (o Options) refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	var refused *oauthError
	var limited *session.RateLimited
	switch {
	case errors.As(err, &refused):
	case errors.Is(err, servicing.ErrClient):
		refused = errInvalidClient
	case errors.Is(err, servicing.ErrScope):
		refused = &oauthError{"invalid_scope", "A scope is unknown, or not one of the client's.", http.StatusBadRequest}
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(resolvers.Seconds(limited.RetryAfter)))
		refused = &oauthError{"temporarily_unavailable", "Tokens are asked for too often.", http.StatusTooManyRequests}
	case resolvers.IsUnavailable(err):
		o.Log.WarnContext(r.Context(), "unavailable", "error", err, "request", auth.RequestFrom(r.Context()).ID)
		refused = &oauthError{"temporarily_unavailable", "The service cannot answer at the moment.", http.StatusServiceUnavailable}
	default:
		o.Log.ErrorContext(r.Context(), "internal error", "error", err, "request", auth.RequestFrom(r.Context()).ID)
		refused = &oauthError{"server_error", "Something went wrong on our side.", http.StatusInternalServerError}
	}
	if refused.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="mobilepay", charset="UTF-8"`)
	}
	writeJSON(w, refused.status, refused)
}

// writeJSON answers with an object. That no cache keeps it is said for every answer; a
// token's answer says it to caches of HTTP/1.0, too.
func writeJSON(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // the client may be gone
}

// showMetadata tells clients where to get tokens (RFC 8414). In production the address
// has to be stated: that in a request is the client's own word.
func (o Options) showMetadata(w http.ResponseWriter, r *http.Request) {
	issuer := o.PublicURL
	if issuer == "" && !o.Sandbox {
		status(w, http.StatusNotFound, "not found")
		return
	}
	if issuer == "" {
		issuer = "http://" + r.Host
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"token_endpoint":                        issuer + tokenPath,
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"grant_types_supported":                 []string{grantType},
		"response_types_supported":              []string{}, // there is no authorization endpoint
		"scopes_supported":                      loan.AllScopes(),
	})
}
