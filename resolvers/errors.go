package resolvers

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/wording"
)

// The codes of top-level errors, in extensions.code. Those of documents that do
// not parse or validate begin with GRAPHQL_.
const (
	codeUnauthenticated = "UNAUTHENTICATED"
	CodeUnavailable     = "UNAVAILABLE"
	codeRateLimited     = "RATE_LIMITED"
	codeBadUserInput    = "BAD_USER_INPUT"
	CodeInternal        = "INTERNAL"
	codeForbidden       = "FORBIDDEN"
	codeNoScope         = "INSUFFICIENT_SCOPE"
)

// documentCodes are the others that are about a document and come from the
// engine. A client reads the message of the one that is not found.
var documentCodes = []string{"COMPLEXITY_LIMIT_EXCEEDED", "DOCUMENT_NOT_TRUSTED", "BAD_REQUEST", codeNotFound}

const codeNotFound = "PERSISTED_QUERY_NOT_FOUND"

// Presenter is the one place where errors become answers. What is not known here
// is internal: it is logged with the request id, and tells the outside nothing.
// terse is for production: documents that do not parse or validate get one
// constant message.
func Presenter(log *slog.Logger, terse bool) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		path := graphql.GetPath(ctx)
		var known *gqlerror.Error
		if errors.As(err, &known) && known.Path != nil {
			path = known.Path
		}
		language := auth.RequestFrom(ctx).Language
		answer := func(code string, message loan.Phrase) *gqlerror.Error {
			said := wording.Say(language, loan.Message{Phrase: message})
			return &gqlerror.Error{Message: said, Path: path, Extensions: map[string]any{"code": code}}
		}
		var bad graph.InputError
		var limited *session.RateLimited
		var forbidden *auth.Forbidden
		switch {
		case errors.Is(err, auth.ErrUnauthenticated):
			return answer(codeUnauthenticated, "Log in first.")
		case IsUnavailable(err):
			log.WarnContext(ctx, "unavailable", "error", err)
			return answer(CodeUnavailable, unavailable)
		case errors.As(err, &forbidden) && forbidden.Scope != "":
			e := answer(codeNoScope, "The partner lacks the scope that extensions.scope names.")
			e.Extensions["scope"] = forbidden.Scope
			return e
		case forbidden != nil && forbidden.Partners:
			return answer(codeForbidden, "This is for partners alone.")
		case forbidden != nil:
			return answer(codeForbidden, "This is for customers alone.")
		case errors.As(err, &limited):
			return RateLimited(language, limited.RetryAfter, path)
		case errors.As(err, &bad):
			return answer(codeBadUserInput, bad.Phrase)
		case known != nil && isDocumentError(known):
			if terse && documentCode(known) != codeNotFound {
				return answer(documentCode(known), "The request is not a valid GraphQL operation.")
			}
			return known
		}
		log.ErrorContext(ctx, "internal error", "error", err, "path", path.String())
		e := answer(CodeInternal, "Something went wrong on our side.")
		e.Extensions["requestId"] = requestID(ctx)
		return e
	}
}

// IsUnavailable tells whether an error is of something that did not answer in time, and
// may do so the next time.
func IsUnavailable(err error) bool {
	for _, known := range []error{auth.ErrUnavailable, session.ErrUnavailable, store.ErrUnavailable, auth.ErrBusy, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// RateLimited is the error of who has asked too often. Its extensions say after how
// many seconds to ask again.
func RateLimited(l loan.Language, retryAfter time.Duration, path ast.Path) *gqlerror.Error {
	return &gqlerror.Error{
		Message: wording.Say(l, loan.Message{Phrase: "Too many requests. Try again later."}), Path: path,
		Extensions: map[string]any{"code": codeRateLimited, "retryAfter": Seconds(retryAfter)},
	}
}

const unavailable loan.Phrase = "The service cannot answer at the moment. Try again."

// Overloaded is the error of a request that was not begun because there are too many.
// Its extensions say after how many seconds to send it again.
func Overloaded(l loan.Language, seconds int) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    wording.Say(l, loan.Message{Phrase: unavailable}),
		Extensions: map[string]any{"code": CodeUnavailable, "retryAfter": seconds},
	}
}

// Seconds is a wait in whole seconds, none of which is too short.
func Seconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }

// isDocumentError tells whether the engine itself refused the document or its
// variables.
func isDocumentError(err *gqlerror.Error) bool { return documentCode(err) != "" }

func documentCode(err *gqlerror.Error) string {
	code, _ := err.Extensions["code"].(string)
	if strings.HasPrefix(code, "GRAPHQL_") || slices.Contains(documentCodes, code) {
		return code
	}
	return ""
}

// Recover turns a panic into an internal error.
func Recover(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, panicked any) error {
		log.ErrorContext(ctx, "panic", "panic", panicked, "stack", string(debug.Stack()))
		return errors.New("panic")
	}
}

func requestID(ctx context.Context) string { return auth.RequestFrom(ctx).ID }
