package resolvers_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// Every fault is presented in the language of the request, and logged in English.
func TestPresenterSpeaks(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	present := resolvers.Presenter(slog.New(slog.NewTextHandler(&log, nil)), true)
	document := func(code string) error {
		return &gqlerror.Error{Message: "as the engine says it", Extensions: map[string]any{"code": code}}
	}
	const invalid, inSpanish = "The request is not a valid GraphQL operation.", "La solicitud no es una operación válida de GraphQL."
	for _, c := range []struct {
		err                    error
		code, english, spanish string
	}{
		{auth.ErrUnauthenticated, "UNAUTHENTICATED", "Log in first.", "Primero inicie sesión."},
		{store.ErrUnavailable, "UNAVAILABLE", "The service cannot answer at the moment. Try again.", "El servicio no puede responder en este momento. Inténtelo de nuevo."},
		{&session.RateLimited{RetryAfter: time.Second}, "RATE_LIMITED", "Too many requests. Try again later.", "Demasiadas solicitudes. Inténtelo más tarde."},
		{graph.BadInput("a page has 1 to 100 entries"), "BAD_USER_INPUT", "a page has 1 to 100 entries", "una página tiene de 1 a 100 elementos"},
		{errors.New("a secret"), "INTERNAL", "Something went wrong on our side.", "Algo falló de nuestro lado."},
		{document("GRAPHQL_PARSE_FAILED"), "GRAPHQL_PARSE_FAILED", invalid, inSpanish},
		{document("GRAPHQL_VALIDATION_FAILED"), "GRAPHQL_VALIDATION_FAILED", invalid, inSpanish},
		{document("COMPLEXITY_LIMIT_EXCEEDED"), "COMPLEXITY_LIMIT_EXCEEDED", invalid, inSpanish},
		{document("DOCUMENT_NOT_TRUSTED"), "DOCUMENT_NOT_TRUSTED", invalid, inSpanish},
		{document("BAD_REQUEST"), "BAD_REQUEST", invalid, inSpanish},
		{document("PERSISTED_QUERY_NOT_FOUND"), "PERSISTED_QUERY_NOT_FOUND", "as the engine says it", "as the engine says it"},
	} {
		for l, want := range map[loan.Language]string{"": c.english, loan.English: c.english, loan.Spanish: c.spanish} {
			got := present(auth.WithRequest(t.Context(), auth.Request{ID: "r", Language: l}), c.err)
			if got.Message != want || got.Extensions["code"] != c.code {
				t.Errorf("%s in %q: %v", c.code, l, got)
			}
		}
	}
	if strings.Contains(log.String(), "falló") || !strings.Contains(log.String(), "a secret") {
		t.Errorf("the log has %s", &log)
	}
}
