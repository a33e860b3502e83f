package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// SandboxMoves is what the sandbox's own routes do. Production has none of them.
type SandboxMoves struct {
	// MoveClock sets the clock forward and runs, in order, what falls due on the
	// way.
	MoveClock func(ctx context.Context, to time.Time) error
	// ReturnPayment makes a payment, named by id or confirmation number, come back
	// from the bank with a code.
	ReturnPayment func(ctx context.Context, payment, code string) error
	// AddCustomer adds a test customer that has granted a partner what its token is for.
	AddCustomer func(ctx context.Context, partner auth.Partner) (TestCustomer, error)
	// ShowNotices lists the latest notices to an address, or to all where it is empty.
	ShowNotices func(ctx context.Context, to string) ([]servicing.OutboxNotice, error)
}

// TestCustomer is a customer that a partner tries its program with.
type TestCustomer struct {
	CustomerID string `json:"customerId"` // global id
	Username   string `json:"username"`
	Password   string `json:"password"`
}

// maxBody is the largest body of these routes in bytes.
const maxBody = 64 << 10

func (o Options) sandboxRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/clock", func(w http.ResponseWriter, _ *http.Request) { o.showClock(w) })
	mux.HandleFunc("POST /sandbox/clock", o.moveClock)
	mux.HandleFunc("POST /sandbox/return", o.returnPayment)
	mux.Handle("POST /sandbox/customers", o.identify(http.HandlerFunc(o.addCustomer)))
	mux.HandleFunc("GET /sandbox/outbox", o.showNotices)
	mux.HandleFunc("GET /schema.graphql", o.showSchema)
}

// showSchema is for the tools of who builds an app.
func (o Options) showSchema(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, o.SDL) // the client may be gone
}

func (o Options) showClock(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]time.Time{"now": o.Clock.Now()}) // the client may be gone
}

// moveClock takes {"now": "2026-12-01T12:00:00-05:00"} or {"advance": "26h"}.
func (o Options) moveClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Now     *time.Time `json:"now"`
		Advance *string    `json:"advance"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || (in.Now == nil) == (in.Advance == nil) {
		status(w, http.StatusBadRequest, `send {"now": "2026-12-01T12:00:00-05:00"} or {"advance": "26h"}`)
		return
	}
	to := o.Clock.Now()
	if in.Now != nil {
		to = *in.Now
	} else {
		advance, err := time.ParseDuration(*in.Advance)
		if err != nil {
			status(w, http.StatusBadRequest, "advance is a duration like 26h or 90m")
			return
		}
		to = to.Add(advance)
	}
	if to.Before(o.Clock.Now()) {
		status(w, http.StatusConflict, "the clock moves one way")
		return
	}
	// Years take longer than a request may.
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{})
	_ = control.SetReadDeadline(time.Time{})
	if err := o.Moves.MoveClock(context.WithoutCancel(r.Context()), to); err != nil {
		o.Log.ErrorContext(r.Context(), "the clock could not be moved", "error", err)
		status(w, http.StatusInternalServerError, "what fell due on the way failed; see the log")
		return
	}
	o.showClock(w)
}

// returnPayment takes {"payment": "ID or confirmation number", "code": "R01"} and
// lets the bank return the payment.
func (o Options) returnPayment(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Payment string `json:"payment"`
		Code    string `json:"code"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || in.Payment == "" || in.Code == "" {
		status(w, http.StatusBadRequest, `send {"payment": "MP-7K3Q-9XTD-2HVW", "code": "R01"}; the id will do too`)
		return
	}
	switch err := o.Moves.ReturnPayment(r.Context(), in.Payment, in.Code); {
	case errors.As(err, new(loan.UserError)):
		status(w, http.StatusNotFound, "no payment of this name has gone to the bank")
	case err != nil:
		o.Log.ErrorContext(r.Context(), "the payment could not be returned", "error", err)
		status(w, http.StatusUnprocessableEntity, "this payment cannot be returned with this code")
	default:
		status(w, http.StatusOK, "returned")
	}
}

// addCustomer adds a test customer for the partner whose token it is.
func (o Options) addCustomer(w http.ResponseWriter, r *http.Request) {
	partner, is := auth.PartnerFrom(r.Context())
	if !is {
		status(w, http.StatusUnauthorized, "send the token of a partner: Authorization: Bearer mpt_...")
		return
	}
	customer, err := o.Moves.AddCustomer(r.Context(), partner)
	if err != nil {
		o.Log.ErrorContext(r.Context(), "the customer could not be added", "error", err)
		status(w, http.StatusInternalServerError, "the customer could not be added; see the log")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(customer) // #nosec G117 -- an invented customer's, which all of them have; the client may be gone
}

// showNotices lists what customers are told, as they are told it; ?to= names an
// address or a phone number.
func (o Options) showNotices(w http.ResponseWriter, r *http.Request) {
	notices, err := o.Moves.ShowNotices(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		o.Log.ErrorContext(r.Context(), "the notices could not be read", "error", err)
		status(w, http.StatusInternalServerError, "the notices could not be read; see the log")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"notices": notices}) // the client may be gone
}
