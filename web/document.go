package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/resolvers"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/wording"
)

// document hands out what a ticket is for. No line of the log has the ticket, and no
// answer says why it opens nothing.
func (o Options) document(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	identity, _ := o.identity(ctx, r)
	ctx = auth.WithIdentity(ctx, identity)
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		o.noDocument(w, r, err)
		return
	}
	document, err := o.Documents(ctx, viewer, r.PathValue("ticket"))
	if err != nil {
		o.noDocument(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", document.Type)
	h.Set("Content-Length", strconv.Itoa(len(document.Content)))
	h.Set("Content-Disposition", `attachment; filename="`+document.Name+`"`)
	_, _ = w.Write(document.Content) // the client may be gone
}

func (o Options) noDocument(w http.ResponseWriter, r *http.Request, err error) {
	var limited *session.RateLimited
	var refusal loan.UserError
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", "Bearer")
		status(w, http.StatusUnauthorized, "log in first")
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(resolvers.Seconds(limited.RetryAfter)))
		status(w, http.StatusTooManyRequests, "too many requests")
	case errors.As(err, &refusal) && refusal.ErrorCode() == loan.CodeNotFound:
		status(w, http.StatusNotFound, "not found")
	case errors.As(err, &refusal):
		status(w, http.StatusUnprocessableEntity, wording.Say(auth.RequestFrom(r.Context()).Language, refusal.ErrorMessage()))
	case resolvers.IsUnavailable(err):
		o.Log.WarnContext(r.Context(), "unavailable", "error", err, "request", auth.RequestFrom(r.Context()).ID)
		status(w, http.StatusServiceUnavailable, "unavailable")
	default:
		o.Log.ErrorContext(r.Context(), "internal error", "error", err, "request", auth.RequestFrom(r.Context()).ID)
		status(w, http.StatusInternalServerError, "internal error")
	}
}
