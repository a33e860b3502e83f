package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
)

// hand is the server written by hand: no GraphQL, no loaders, no layers.
type hand struct {
	db       *sql.DB
	sessions *session.Store
	stmt     map[string]*sql.Stmt
}

// The product's statements, with the columns that are needed.
var sqlText = map[string]string{
	"customer": `SELECT first_name, last_name FROM customers WHERE id = $1`,
	"vehicles": vehicleSelect + ` ORDER BY v.id`,
	"accounts": `SELECT id, account_type, last4, nickname, is_default, removed_at FROM payment_accounts WHERE customer_id = $1 ORDER BY id`,
	"autoPays": `SELECT id, vehicle_id, payment_account_id, status, amount_kind, day_of_month, days_before_due
FROM auto_pays WHERE status <> 'CANCELED' AND vehicle_id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`,
	"pending": `SELECT t.id, t.vehicle_id, t.scheduled_by, t.payment_account_id, t.confirmation_number, t.amount_cents, t.status, t.scheduled_on, t.cancel_by
FROM owners o JOIN payments t ON t.id = ANY(ARRAY(
    SELECT q.id FROM payments q WHERE q.vehicle_id = o.vehicle_id AND q.status IN ('SCHEDULED', 'PROCESSING')
      AND (q.scheduled_on, q.id) > ($3, $4) AND (q.scheduled_on, q.id) < ($5, $6)
    ORDER BY q.scheduled_on, q.id LIMIT $7))
WHERE o.customer_id = $1 AND o.vehicle_id = ANY($2) ORDER BY t.vehicle_id, t.scheduled_on, t.id`,
	"statements": `SELECT t.id, t.vehicle_id, t.issued_on, t.due_on, t.closing_balance_cents, t.amount_due_cents
FROM owners o JOIN statements t ON t.id = ANY(ARRAY(
    SELECT q.id FROM statements q WHERE q.vehicle_id = o.vehicle_id
      AND (q.issued_on, q.id) > ($3, $4) AND (q.issued_on, q.id) < ($5, $6)
    ORDER BY q.issued_on DESC, q.id DESC LIMIT $7))
WHERE o.customer_id = $1 AND o.vehicle_id = ANY($2) ORDER BY t.vehicle_id, t.issued_on DESC, t.id DESC`,

	"claim": `INSERT INTO idempotency_keys (customer_id, idempotency_key, request_hash, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING`,
	"lockVehicle": vehicleSelect + ` AND o.vehicle_id = $2 FOR UPDATE OF c`,
	"rivals": `SELECT amount_cents, status, scheduled_on FROM payments
WHERE vehicle_id = $1 AND (status IN ('SCHEDULED', 'PROCESSING') OR scheduled_on = $2 AND status NOT IN ('CANCELED', 'RETURNED'))
ORDER BY id`,
	"lockAccount": `SELECT last4 FROM payment_accounts WHERE customer_id = $1 AND id = $2 AND removed_at IS NULL FOR UPDATE`,
	"insert": `INSERT INTO payments (customer_id, scheduled_by, vehicle_id, payment_account_id, confirmation_number, amount_cents,
  kind, origin, status, scheduled_on, credited_on, debited_on, submitted_at, cancel_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
	"lockHead": `SELECT seq, hash FROM lock_audit_heads(ARRAY[CAST($1 AS BIGINT)])`,
	"audit": `INSERT INTO audit (customer_id, seq, at, actor, session_id, address, request_id, action, subject, detail, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
	"answer": `UPDATE idempotency_keys SET answer = $3 WHERE customer_id = $1 AND idempotency_key = $2`,
}

const vehicleSelect = `SELECT v.id, v.customer_id, v.year, v.make, v.model,
  c.kind, c.account_number_last4, c.matures_on, c.instalment_cents, c.current_due_cents, c.due_on, c.past_due_cents, c.fees_cents,
  c.principal_cents, c.annual_rate, c.interest_paid_through, c.interest_unpaid_cents,
  c.purchase_option_cents, c.instalments_remaining, c.prepaid_cents
FROM owners o JOIN vehicles v ON v.id = o.vehicle_id JOIN contracts c ON c.vehicle_id = o.vehicle_id
WHERE o.customer_id = $1`

func serveFloor(ctx context.Context) error {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL")+"&timezone=UTC&statement_timeout=10000&lock_timeout=10000&idle_in_transaction_session_timeout=10000")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	h := &hand{db: db, stmt: map[string]*sql.Stmt{}}
	for name, text := range sqlText {
		stmt, err := db.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer func() { _ = stmt.Close() }()
		h.stmt[name] = stmt
	}
	if h.sessions, err = session.Open(ctx, os.Getenv("REDIS_URL"), session.Options{}); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /home", h.authenticated(h.home))
	mux.Handle("POST /small", h.authenticated(h.small))
	mux.Handle("POST /pay", h.authenticated(h.pay))
	return serveChild(ctx, func(ctx context.Context, listener net.Listener) error {
		server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		context.AfterFunc(ctx, func() { _ = server.Close() })
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

func (h *hand) authenticated(answer func(*http.Request, session.Session, time.Time) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Time is limited in the database: a context that can be cancelled costs a
		// goroutine a statement.
		r = r.WithContext(context.WithoutCancel(r.Context()))
		now := time.Now().UTC()
		who, _, err := h.sessions.Touch(r.Context(), now, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "")
		if err != nil {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		content, err := answer(r, who, now)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, err := json.Marshal(content)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(body)
	})
}

// What is answered.
type (
	homeAnswer struct {
		FirstName       string          `json:"firstName"`
		LastName        string          `json:"lastName"`
		Vehicles        []vehicleAnswer `json:"vehicles"`
		PaymentAccounts []accountAnswer `json:"paymentAccounts"`
	}
	vehicleAnswer struct {
		ID                 loan.VehicleID    `json:"id"`
		Year               int               `json:"year"`
		Make               string            `json:"make"`
		Model              string            `json:"model"`
		AccountNumberLast4 string            `json:"accountNumberLast4"`
		Contract           contractAnswer    `json:"contract"`
		AmountDue          loan.Decimal      `json:"amountDue"`
		DueOn              loan.Date         `json:"dueOn"`
		PastDue            loan.Decimal      `json:"pastDue"`
		AutoPay            *autoPayAnswer    `json:"autoPay"`
		PendingPayments    []paymentAnswer   `json:"pendingPayments"`
		Statements         []statementAnswer `json:"statements"`
	}
	contractAnswer struct {
		Kind                 string       `json:"kind"`
		MaturesOn            loan.Date    `json:"maturesOn"`
		Instalment           loan.Decimal `json:"instalment"`
		Principal            loan.Decimal `json:"principal,omitempty"`
		InstalmentsRemaining *int         `json:"instalmentsRemaining,omitempty"`
	}
	accountAnswer struct {
		ID        loan.PaymentAccountID `json:"id"`
		Type      loan.AccountType      `json:"type"`
		Last4     string                `json:"last4"`
		Nickname  string                `json:"nickname"`
		IsDefault bool                  `json:"isDefault"`
	}
	autoPayAnswer struct {
		ID             loan.AutoPayID         `json:"id"`
		Status         loan.AutoPayStatus     `json:"status"`
		AmountKind     loan.AutoPayAmountKind `json:"amountKind"`
		DaysBeforeDue  *int                   `json:"daysBeforeDue"`
		DayOfMonth     *int                   `json:"dayOfMonth"`
		PaymentAccount accountAnswer          `json:"paymentAccount"`
	}
	paymentAnswer struct {
		ID                 loan.PaymentID     `json:"id"`
		ConfirmationNumber string             `json:"confirmationNumber"`
		Amount             loan.Decimal       `json:"amount"`
		ScheduledOn        loan.Date          `json:"scheduledOn"`
		CancelBy           time.Time          `json:"cancelBy"`
		CanCancel          bool               `json:"canCancel"`
		Status             loan.PaymentStatus `json:"status"`
		PaymentAccount     *accountAnswer     `json:"paymentAccount,omitempty"`
	}
	statementAnswer struct {
		ID             loan.StatementID `json:"id"`
		IssuedOn       loan.Date        `json:"issuedOn"`
		DueOn          loan.Date        `json:"dueOn"`
		AmountDue      loan.Decimal     `json:"amountDue"`
		ClosingBalance loan.Decimal     `json:"closingBalance"`
	}
)

func (h *hand) small(r *http.Request, who session.Session, _ time.Time) (any, error) {
	c, err := h.customer(r.Context(), who.CustomerID)
	return map[string]string{"firstName": c.FirstName}, err
}

func (h *hand) customer(ctx context.Context, id loan.CustomerID) (c loan.Customer, err error) {
	err = h.stmt["customer"].QueryRowContext(ctx, id).Scan(&c.FirstName, &c.LastName)
	return c, err
}

func (h *hand) home(r *http.Request, who session.Session, now time.Time) (any, error) {
	ctx := r.Context()
	c, err := h.customer(ctx, who.CustomerID)
	if err != nil {
		return nil, err
	}
	vehicles, err := collect(h.stmt["vehicles"], ctx, scanVehicle, who.CustomerID)
	if err != nil {
		return nil, err
	}
	accounts, err := collect(h.stmt["accounts"], ctx, scanAccount, who.CustomerID)
	if err != nil {
		return nil, err
	}
	autoPays, err := collect(h.stmt["autoPays"], ctx, scanAutoPay, who.CustomerID)
	if err != nil {
		return nil, err
	}
	ids := make(pq.Int64Array, len(vehicles))
	for i, v := range vehicles {
		ids[i] = int64(v.ID)
	}
	const first, last = "0001-01-01", "9999-12-31"
	pending, err := collect(h.stmt["pending"], ctx, scanPayment, who.CustomerID, ids, first, 0, last, int64(1)<<62, 11)
	if err != nil {
		return nil, err
	}
	statements, err := collect(h.stmt["statements"], ctx, scanStatement, who.CustomerID, ids, first, 0, last, int64(1)<<62, 4)
	if err != nil {
		return nil, err
	}

	answer := homeAnswer{FirstName: c.FirstName, LastName: c.LastName}
	byID := make(map[loan.PaymentAccountID]accountAnswer, len(accounts))
	for _, a := range accounts {
		shown := accountAnswer{a.ID, a.Type, a.Last4, a.Nickname, a.IsDefault}
		byID[a.ID] = shown
		if a.RemovedAt == nil {
			answer.PaymentAccounts = append(answer.PaymentAccounts, shown)
		}
	}
	for _, v := range vehicles {
		t := v.Contract.Common()
		shown := vehicleAnswer{
			ID: v.ID, Year: v.Year, Make: v.Make, Model: v.Model, AccountNumberLast4: t.AccountNumberLast4,
			Contract:  contractAnswer{Kind: "Loan", MaturesOn: t.MaturesOn, Instalment: t.Instalment.Amount()},
			AmountDue: t.AmountDue().Amount(), DueOn: t.DueOn, PastDue: t.PastDue.Amount(),
		}
		switch contract := v.Contract.(type) {
		case *loan.Loan:
			shown.Contract.Principal = contract.Principal.Amount()
		case *loan.Lease:
			shown.Contract.Kind, shown.Contract.InstalmentsRemaining = "Lease", &contract.InstalmentsRemaining
		}
		for _, a := range autoPays {
			if a.VehicleID == v.ID {
				shown.AutoPay = &autoPayAnswer{a.ID, a.Status, a.AmountKind, a.DaysBeforeDue, a.DayOfMonth, byID[a.PaymentAccountID]}
			}
		}
		for i := range pending {
			if p := &pending[i]; p.VehicleID == v.ID && len(shown.PendingPayments) < 10 {
				account := byID[p.PaymentAccountID]
				shown.PendingPayments = append(shown.PendingPayments, paymentAnswer{
					p.ID, p.ConfirmationNumber, p.Amount.Amount(), p.ScheduledOn, p.CancelBy, p.MayBeCanceledBy(loan.Agent{Customer: who.CustomerID}, now), p.Status, &account,
				})
			}
		}
		for _, s := range statements {
			if s.VehicleID == v.ID && len(shown.Statements) < 3 {
				shown.Statements = append(shown.Statements, statementAnswer{s.ID, s.IssuedOn, s.DueOn, s.AmountDue.Amount(), s.ClosingBalance.Amount()})
			}
		}
		answer.Vehicles = append(answer.Vehicles, shown)
	}
	return answer, nil
}

type payAnswer struct {
	Payment  *paymentAnswer `json:"payment"`
	Replayed bool           `json:"replayed"`
}

// pay does what a payment does, in one transaction: the key, the locks, the
// rules, the row, the audit and the stored answer.
func (h *hand) pay(r *http.Request, who session.Session, now time.Time) (any, error) {
	ctx := r.Context()
	var in paymentInput
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	amount, err := in.Amount.Payable()
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(input)

	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	stmt := func(name string) *sql.Stmt { return tx.StmtContext(ctx, h.stmt[name]) }                           // which the transaction closes
	exec := func(name string, args ...any) (sql.Result, error) { return stmt(name).ExecContext(ctx, args...) } //nolint:sqlclosecheck // see above

	claimed, err := exec("claim", who.CustomerID, in.IdempotencyKey, hex.EncodeToString(hash[:]), now)
	if err != nil {
		return nil, err
	}
	if n, err := claimed.RowsAffected(); n != 1 {
		return nil, errors.Join(err, errors.New("the key was used before"))
	}
	vehicles, err := collect(stmt("lockVehicle"), ctx, scanVehicle, who.CustomerID, in.VehicleID)
	if err != nil || len(vehicles) != 1 {
		return nil, errors.Join(err, errors.New("no such vehicle"))
	}
	vehicle := vehicles[0]
	rivals, err := collect(stmt("rivals"), ctx, scanRival, in.VehicleID, in.ScheduledOn)
	if err != nil {
		return nil, err
	}
	accounts, err := collect(stmt("lockAccount"), ctx, scanLast4, who.CustomerID, in.PaymentAccountID)
	if err != nil || len(accounts) != 1 {
		return nil, errors.Join(err, errors.New("no such account"))
	}

	slot, err := timing.Schedule(now, in.ScheduledOn)
	if err != nil {
		return nil, err
	}
	payoff := vehicle.Contract.PayoffOn(slot.CreditedOn).Amount
	for _, rival := range rivals {
		if rival.Status == loan.Scheduled || rival.Status == loan.Processing {
			payoff -= rival.Amount
		}
		if rival.ScheduledOn == in.ScheduledOn && rival.Amount == amount && !in.AcknowledgeDuplicate {
			return nil, errors.New("a likely duplicate")
		}
	}
	if amount > payoff {
		return nil, errors.New("over the payoff")
	}
	if _, err := vehicle.Contract.Allocate(amount, loan.KindRegular, slot.CreditedOn); err != nil {
		return nil, err
	}

	p := loan.Payment{
		CustomerID: vehicle.CustomerID, ScheduledBy: who.CustomerID, VehicleID: vehicle.ID, PaymentAccountID: loan.PaymentAccountID(in.PaymentAccountID),
		ConfirmationNumber: "MP-" + rand.Text()[:12], Amount: amount, Kind: loan.KindRegular, Origin: loan.OriginCustomer, Status: loan.Scheduled,
		ScheduledOn: slot.ScheduledOn, CreditedOn: slot.CreditedOn, DebitedOn: slot.DebitedOn, SubmittedAt: slot.SubmittedAt, CancelBy: slot.CancelBy,
	}
	ids, err := collect(stmt("insert"), ctx, scanPaymentID, p.CustomerID, p.ScheduledBy, p.VehicleID, p.PaymentAccountID, p.ConfirmationNumber, p.Amount,
		p.Kind, p.Origin, p.Status, p.ScheduledOn, p.CreditedOn, p.DebitedOn, p.SubmittedAt, p.CancelBy)
	if err != nil {
		return nil, err
	}
	p.ID = ids[0]
	text := fmt.Sprintf("I authorize a one-time debit of %s on or after %s from my account ending in %s, to be credited on %s to the contract ending in %s.",
		p.Amount, p.DebitedOn, accounts[0], p.CreditedOn, vehicle.AccountNumberLast4())
	textHash := sha256.Sum256([]byte(text))
	detail, err := json.Marshal(map[string]string{"text": text, "hash": hex.EncodeToString(textHash[:])})
	if err != nil {
		return nil, err
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	stored, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if _, err := exec("answer", who.CustomerID, in.IdempotencyKey, string(stored)); err != nil {
		return nil, err
	}
	heads, err := collect(stmt("lockHead"), ctx, scanHead, p.CustomerID)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte("the floor's key"))
	_, _ = fmt.Fprintf(mac, "%s %d %s %d %s %s", heads[0].Hash, heads[0].Seq+1, now, p.ID, who.ID, detail)
	_, err = exec("audit", p.CustomerID, heads[0].Seq+1, now, fmt.Sprintf("customer:%d", who.CustomerID), who.ID, address, rand.Text(),
		"payment.scheduled", fmt.Sprintf("payment:%d", p.ID), string(detail), hex.EncodeToString(mac.Sum(nil)))
	if err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return payAnswer{Payment: &paymentAnswer{
		ID: p.ID, ConfirmationNumber: p.ConfirmationNumber, Amount: p.Amount.Amount(), ScheduledOn: p.ScheduledOn, CancelBy: p.CancelBy, CanCancel: true, Status: p.Status,
	}}, nil
}

// collect runs a statement and scans its rows.
func collect[T any](stmt *sql.Stmt, ctx context.Context, scan func(*sql.Rows, *T) error, args ...any) (list []T, err error) { //nolint:revive // reads as stmt.collect
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

func scanVehicle(rows *sql.Rows, v *loan.Vehicle) error {
	var (
		t     loan.Terms
		l     loan.Loan
		lease loan.Lease
		kind  string
	)
	err := rows.Scan(&v.ID, &v.CustomerID, &v.Year, &v.Make, &v.Model,
		&kind, &t.AccountNumberLast4, &t.MaturesOn, &t.Instalment, &t.CurrentDue, &t.DueOn, &t.PastDue, &t.Fees,
		&l.Principal, &l.AnnualRate, &l.InterestPaidThrough, &l.InterestUnpaid,
		&lease.PurchaseOption, &lease.InstalmentsRemaining, &lease.Prepaid)
	if kind == "LOAN" {
		l.Terms = t
		v.Contract = &l
	} else {
		lease.Terms = t
		v.Contract = &lease
	}
	return err
}

func scanAccount(rows *sql.Rows, a *loan.PaymentAccount) error {
	return rows.Scan(&a.ID, &a.Type, &a.Last4, &a.Nickname, &a.IsDefault, &a.RemovedAt)
}

func scanLast4(rows *sql.Rows, last4 *string) error { return rows.Scan(last4) }

func scanAutoPay(rows *sql.Rows, a *loan.AutoPay) error {
	return rows.Scan(&a.ID, &a.VehicleID, &a.PaymentAccountID, &a.Status, &a.AmountKind, &a.DayOfMonth, &a.DaysBeforeDue)
}

func scanPayment(rows *sql.Rows, p *loan.Payment) error {
	return rows.Scan(&p.ID, &p.VehicleID, &p.ScheduledBy, &p.PaymentAccountID, &p.ConfirmationNumber, &p.Amount, &p.Status, &p.ScheduledOn, &p.CancelBy)
}

func scanRival(rows *sql.Rows, p *loan.Payment) error {
	return rows.Scan(&p.Amount, &p.Status, &p.ScheduledOn)
}

func scanPaymentID(rows *sql.Rows, id *loan.PaymentID) error { return rows.Scan(id) }

func scanHead(rows *sql.Rows, h *store.AuditHead) error { return rows.Scan(&h.Seq, &h.Hash) }

func scanStatement(rows *sql.Rows, s *loan.Statement) error {
	return rows.Scan(&s.ID, &s.VehicleID, &s.IssuedOn, &s.DueOn, &s.ClosingBalance, &s.AmountDue)
}
