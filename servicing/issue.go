package servicing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// statementsAtOnce is for how many vehicles statements are made in one transaction.
const statementsAtOnce = 200

// balancesShown is how many closing balances of statements before are on a statement.
const balancesShown = 12

// issueStatements issues what has fallen due by a day, some in each transaction. A
// statement is issued once: who comes at the same time waits for the contracts, and
// then finds that nothing is due.
func (s *Service) issueStatements(ctx context.Context, today loan.Date, now time.Time) error {
	for after := loan.VehicleID(0); ; {
		ids, err := s.Store.Books().VehiclesForStatements(ctx, today, after, statementsAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err = func() error {
			ctx, done := finishing(ctx)
			defer done()
			return s.Store.InBooks(ctx, func(tx *store.BooksTx) error { return s.issueBatch(ctx, tx, ids, today, now) })
		}()
		if err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// issued is a statement with what is on it.
type issued struct {
	*loan.Statement
	vehicle *loan.Vehicle
	entries []loan.LedgerEntry
}

// issueBatch issues the statements of these vehicles that are due, and notes when to
// look at each of them again.
func (s *Service) issueBatch(ctx context.Context, tx *store.BooksTx, ids []loan.VehicleID, today loan.Date, now time.Time) error {
	vehicles, err := tx.LockVehicles(ctx, ids)
	if err != nil {
		return err
	}
	ledgers, err := tx.Ledgers(ctx, ids)
	if err != nil {
		return err
	}
	before, err := tx.Closings(ctx, ids, balancesShown)
	if err != nil {
		return err
	}
	through := func(id loan.VehicleID) (day loan.Date) {
		if len(before[id]) > 0 {
			day = before[id][0].On
		}
		return day
	}
	due := map[loan.VehicleID]loan.Cycle{}
	for _, id := range ids {
		if cycle, is := loan.NextCycle(vehicles[id].Contract, ledgers[id], through(id), today); is {
			due[id] = cycle
		}
	}
	auto, err := autoPayOf(ctx, tx, due)
	if err != nil {
		return err
	}
	made, days := make([]issued, 0, len(due)), make([]store.StatementDay, len(ids))
	for i, id := range ids {
		ledger, covered := ledgers[id], through(id)
		if cycle, is := due[id]; is {
			statement, entries := cycle.Statement(vehicles[id], ledger, auto.planned[id], auto.active[id])
			made = append(made, issued{statement, vehicles[id], entries})
			ledger, covered = stated(ledger, statement), cycle.To
		}
		days[i] = store.StatementDay{VehicleID: id, On: loan.StatementOn(vehicles[id].Contract, ledger, covered, today)}
	}
	return errors.Join(s.putOut(ctx, tx, made, before, "statements", "statement.issued", nil, now), tx.SetStatementDays(ctx, days))
}

// stated is a ledger once a statement is made of it.
func stated(ledger []loan.LedgerEntry, s *loan.Statement) []loan.LedgerEntry {
	after := slices.Clone(ledger)
	for i, e := range after {
		if e.StatementID == nil && !e.EffectiveOn.After(s.PeriodTo) {
			after[i].StatementID = &s.ID
		}
	}
	return after
}

// autoPaid is what Auto Pay does about vehicles: the payment that it has planned for
// the due date of a statement, or what plans it later.
type autoPaid struct {
	planned map[loan.VehicleID]*loan.Run
	active  map[loan.VehicleID]*loan.AutoPay
}

func autoPayOf(ctx context.Context, tx *store.BooksTx, due map[loan.VehicleID]loan.Cycle) (autoPaid, error) {
	auto := autoPaid{planned: map[loan.VehicleID]*loan.Run{}}
	if len(due) == 0 {
		return auto, nil
	}
	var ids []loan.VehicleID
	from := loan.Never
	for id, cycle := range due {
		ids = append(ids, id)
		if cycle.IssuedOn().Before(from) {
			from = cycle.IssuedOn()
		}
	}
	var err error
	if auto.active, err = tx.ActiveAutoPaysOf(ctx, ids); err != nil {
		return auto, err
	}
	payments, err := tx.AutoPaymentsFrom(ctx, ids, from)
	for _, p := range payments {
		cycle := due[p.VehicleID]
		if p.DueOn != cycle.DueOn || p.ScheduledOn.Before(cycle.IssuedOn()) {
			continue
		}
		delete(auto.active, p.VehicleID) // it plans nothing more for this due date
		if p.Status != loan.Canceled {
			auto.planned[p.VehicleID] = &loan.Run{On: p.ScheduledOn, DueOn: p.DueOn, Amount: p.Amount}
		}
	}
	return auto, err
}

// putOut writes statements with all that goes with them: whom they are for, what is on
// them, the audit, the event, and for who gets none on paper a notice.
func (s *Service) putOut(ctx context.Context, tx *store.BooksTx, made []issued, before map[loan.VehicleID][]store.Closing, actor, action string, detail map[string]any, now time.Time) error {
	if len(made) == 0 {
		return nil
	}
	owners, statements := make([]loan.CustomerID, len(made)), make([]*loan.Statement, len(made))
	for i, m := range made {
		owners[i], statements[i] = m.CustomerID, m.Statement
	}
	customers, err := tx.CustomersByID(ctx, owners)
	if err != nil {
		return err
	}
	for _, m := range made {
		var balances []loan.StatementBalance
		for _, c := range before[m.VehicleID] {
			balances = append(balances, loan.StatementBalance{On: c.On, Amount: c.Amount})
		}
		m.Head(s.Servicer, customers[m.CustomerID], balances)
	}
	if err := tx.InsertStatements(ctx, statements); err != nil {
		return err
	}
	var on []store.OnStatement
	var notices []notice
	audits := make([]store.AuditEntry, len(made))
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("write the detail of %s: %w", action, err)
	}
	if detail == nil {
		text = []byte("{}")
	}
	for i, m := range made {
		subject := fmt.Sprintf("statement:%d", m.ID)
		on = append(on, store.NewOnStatement(m.Statement, m.entries)...)
		audits[i] = store.AuditEntry{CustomerID: m.CustomerID, At: now, Actor: actor, Action: action, Subject: subject, Detail: string(text)}
		tx.InsertEvents(store.StatementEvent(m.Statement, now))
		if m.vehicle.PaperlessSince == nil {
			continue
		}
		notices = append(notices, notice{
			customer: m.CustomerID, kind: loan.NoticeStatementReady, subject: subject,
			values: map[string]string{"dueOn": m.DueOn.String(), "amount": string(m.AmountDue.Amount()), "last4": m.AccountNumberLast4},
		})
	}
	return errors.Join(tx.InsertStatementPostings(ctx, on), announce(ctx, tx.Tx, now, notices...), tx.InsertAudits(ctx, audits))
}

// longestReason is how many characters a reason has at the most.
const longestReason = 200

// Why a statement is not corrected.
var (
	ErrNotLatest = errors.New("only the latest statement of a vehicle can be corrected")
	ErrNoReason  = errors.New("a correction has a reason of 1 to 200 characters")
)

// CorrectStatement issues a statement in the place of the latest one of a vehicle: of the
// same period, by what the ledger says of it by now, to the present name and address. The
// old one stays. [store.ErrNotFound], [ErrNotLatest], [ErrNoReason].
func (s *Service) CorrectStatement(ctx context.Context, id loan.StatementID, reason string, now time.Time) (*loan.Statement, error) {
	if reason = strings.TrimSpace(reason); reason == "" || utf8.RuneCountInString(reason) > longestReason {
		return nil, ErrNoReason
	}
	var correction *loan.Statement
	err := s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		old, err := tx.AnyStatement(ctx, id)
		if err != nil {
			return err
		}
		ids := []loan.VehicleID{old.VehicleID}
		vehicles, err := tx.LockVehicles(ctx, ids)
		if err != nil {
			return err
		}
		before, err := tx.Closings(ctx, ids, balancesShown+1)
		if err != nil {
			return err
		}
		if latest := before[old.VehicleID]; len(latest) == 0 || latest[0].ID != id {
			return ErrNotLatest
		}
		before[old.VehicleID] = before[old.VehicleID][1:]
		ledgers, err := tx.Ledgers(ctx, ids)
		if err != nil {
			return err
		}
		v := vehicles[old.VehicleID]
		statement, entries := loan.Correction(old, v, ledgers[v.ID], loan.DateOf(now))
		correction = statement
		detail := map[string]any{"corrects": id, "reason": reason}
		return s.putOut(ctx, tx, []issued{{statement, v, entries}}, before, "operator", "statement.corrected", detail, now)
	})
	if err != nil {
		return nil, err
	}
	return correction, nil
}
