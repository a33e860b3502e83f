package servicing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
)

// Outbox takes the files that are for the bank.
//
// Put MUST return only once the file is safely out, whole, under its name; MUST
// take the same file under the same name again without sending it twice; and MUST
// refuse another file under a name that is taken.
type Outbox interface {
	Put(ctx context.Context, name string, content []byte) error
}

// batch is how many payments or contracts a run takes in one transaction.
const batch = 2000

// settleAtOnce is how many payments are settled in one transaction: their customers'
// other changes wait for it.
const settleAtOnce = 5000

// ErrOutOfBalance says that files, ledger and payments do not agree. No run goes
// on until an operator has seen to it.
var ErrOutOfBalance = errors.New("the books are out of balance")

// RunDue does all that has fallen due by now, in the order of time: each cut-off
// since the last one, and what each day brings. It may be called at any time and
// by several processes: each step is done once, and one that was cut short is
// taken up where it stopped.
func (s *Service) RunDue(ctx context.Context, now time.Time) error {
	last, err := s.lastCutoff(ctx, now)
	if err != nil {
		return err
	}
	cutoffs := loan.CutoffsBetween(last, now)
	if len(cutoffs) > 0 {
		if err := s.checkRun(ctx, last); err != nil {
			return fmt.Errorf("the run of %s: %w", last.Format(time.RFC3339), err)
		}
	}
	for _, cutoff := range cutoffs {
		if err := s.startDay(ctx, loan.DateOf(cutoff), now); err != nil {
			return err
		}
		if err := s.runCutoff(ctx, cutoff, now); err != nil {
			return fmt.Errorf("cut-off %s: %w", cutoff.Format(time.RFC3339), err)
		}
	}
	return s.startDay(ctx, loan.DateOf(now), now)
}

// lastCutoff is the instant after which runs are due: just before the first one
// that was begun and is not complete; the last complete one; just before the first
// payment that is due; on a new database, the cut-off before now, from which the
// books begin.
func (s *Service) lastCutoff(ctx context.Context, now time.Time) (time.Time, error) {
	// The very first run may have been cut short with its payments applied already.
	first, err := s.Store.Books().FirstUnfinished(ctx)
	if err == nil {
		return first.Add(-time.Microsecond), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return first, err
	}
	last, err := s.Store.Books().LastCutoff(ctx)
	if !errors.Is(err, store.ErrNotFound) {
		return last, err
	}
	first, err = s.Store.Books().FirstDue(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && first.After(now):
		return s.begin(ctx, now)
	case err != nil:
		return first, err
	}
	return first.Add(-time.Microsecond), nil
}

// begin notes the cut-off before now as done, with nothing in it: what comes after
// it is due. Where somebody else has begun its run meanwhile, that run is due.
func (s *Service) begin(ctx context.Context, now time.Time) (time.Time, error) {
	cutoffs := loan.CutoffsBetween(now.AddDate(0, 0, -2), now)
	last := cutoffs[len(cutoffs)-1]
	begun := false
	err := s.step(ctx, last, func(tx *store.BooksTx, run *store.Run) error {
		totals, err := tx.TotalsOfRun(ctx, last)
		begun = run.AppliedAt != nil || totals.Entries > 0
		if err == nil && !begun {
			run.AppliedAt, run.FiledAt, run.DeliveredAt, run.ReconciledAt = &now, &now, &now, &now
		}
		return err
	})
	if begun {
		last = last.Add(-time.Microsecond)
	}
	return last, err
}

// startDay does what a day brings: contracts whose due date has gone by are
// billed, payments settle, Auto Pay plans ahead, and statements are issued. Doing it
// again changes nothing.
func (s *Service) startDay(ctx context.Context, today loan.Date, now time.Time) error {
	for after := loan.VehicleID(0); ; {
		ids, err := s.Store.Books().VehiclesToBill(ctx, today, after, batch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
			vehicles, err := tx.LockVehicles(ctx, ids)
			if err != nil {
				return err
			}
			billed := make([]*loan.Vehicle, 0, len(vehicles))
			for _, v := range vehicles {
				if v.Contract.Bill(today) {
					billed = append(billed, v)
				}
			}
			for _, v := range billed {
				tx.InsertEvents(store.VehicleEvent(v, now))
			}
			return tx.UpdateContracts(ctx, billed)
		})
		if err != nil {
			return fmt.Errorf("bill: %w", err)
		}
		after = ids[len(ids)-1]
	}
	if err := s.settle(ctx, today, now); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := s.planAutoPays(ctx, today, now); err != nil {
		return fmt.Errorf("plan Auto Pay: %w", err)
	}
	// After Auto Pay, whose payments they name.
	if err := s.issueStatements(ctx, today, now); err != nil {
		return fmt.Errorf("issue statements: %w", err)
	}
	return nil
}

// settle settles the payments whose time of ordinary returns is over, some in each
// transaction.
func (s *Service) settle(ctx context.Context, today loan.Date, now time.Time) error {
	for {
		settled := 0
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
			payments, err := tx.SettlePayments(ctx, today, settleAtOnce)
			for _, p := range payments {
				tx.InsertEvents(p.Event(loan.PaymentSettled, now))
			}
			settled = len(payments)
			return err
		})
		if err != nil || settled < settleAtOnce {
			return err
		}
	}
}

// runCutoff takes the run of a cut-off through the steps that it has not done:
// apply the payments, put the debits in files, deliver them, reconcile.
func (s *Service) runCutoff(ctx context.Context, cutoff, now time.Time) (err error) {
	ctx, ended := telemetry.Within(ctx, "cut-off run", attribute.String(cutoffAttribute, cutoff.Format(time.RFC3339)))
	defer func() { ended(err) }()
	for {
		if err := ctx.Err(); err != nil {
			return err // each step ends, and the next one waits for the next call
		}
		complete, err := s.nextStep(ctx, cutoff, now)
		if err != nil || complete {
			return err
		}
	}
}

// nextStep does the next step of a run, and tells whether there was none left.
func (s *Service) nextStep(ctx context.Context, cutoff, now time.Time) (complete bool, err error) {
	whole := ctx
	ctx, ended := telemetry.Within(ctx, "cut-off step")
	defer func() { ended(err) }()
	var run, done store.Run
	if err := s.step(ctx, cutoff, func(tx *store.BooksTx, r *store.Run) (err error) {
		run = *r
		switch {
		case r.AppliedAt == nil:
			r.AppliedAt, err = s.applyBatch(ctx, tx, cutoff, now)
		case r.FiledAt == nil:
			r.FiledAt, err = &now, s.fileEntries(ctx, tx, cutoff, now)
		case r.DeliveredAt != nil && r.ReconciledAt == nil:
			r.ReconciledAt, err = &now, reconcileRun(ctx, tx, cutoff)
		}
		done = *r
		return err
	}); err != nil {
		return false, err
	}
	step := func(name string) { telemetry.Annotate(ctx, attribute.String(stepAttribute, name)) }
	switch {
	case run.ReconciledAt != nil:
		return true, nil
	case run.AppliedAt == nil:
		step("apply")
		if done.AppliedAt != nil {
			s.tellPayments(whole, cutoff, "applied")
		}
	case run.FiledAt == nil:
		step("file")
		s.tellPayments(ctx, cutoff, "filed")
	case run.DeliveredAt == nil:
		step("deliver")
		// Sending takes its time: no transaction waits for it. A file that the
		// bank has fetched must not be put there again by who comes late.
		deliver := func() error { return s.deliver(ctx, cutoff, now) }
		if err := s.Store.Alone(ctx, "deliver", deliver); err != nil {
			return false, err
		}
		s.tellPayments(ctx, cutoff, "delivered")
	default:
		step("reconcile")
	}
	return false, nil
}

// step does one step of a run in a transaction that holds the run, and writes how
// far it has got.
func (s *Service) step(ctx context.Context, cutoff time.Time, do func(*store.BooksTx, *store.Run) error) error {
	ctx, done := finishing(ctx)
	defer done()
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		run, err := tx.LockRun(ctx, cutoff)
		if err != nil {
			return err
		}
		before := *run
		if err := do(tx, run); err != nil || *run == before {
			return err
		}
		return tx.UpdateRun(ctx, run)
	})
}

// stepGrace is how long a step that is under way may go on once its caller stops.
const stepGrace = 5 * time.Second

// finishing is a context that ends some time after ctx.
func finishing(ctx context.Context) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stepGrace, cancel) })
	return longer, func() { stop(); cancel() }
}

// applyBatch posts the next payments of a cut-off. It returns the instant once
// none is left, and nil before.
func (s *Service) applyBatch(ctx context.Context, tx *store.BooksTx, cutoff, now time.Time) (*time.Time, error) {
	due, err := tx.DuePayments(ctx, cutoff, batch)
	if err != nil {
		return nil, err
	}
	if len(due) == 0 {
		effectiveOn := ach.EffectiveOn(loan.DateOf(cutoff), now)
		return &now, tx.TakeWaitingEntries(ctx, cutoff, effectiveOn, ach.AddBankingDays(effectiveOn, prenoteDays))
	}
	ids := make([]loan.VehicleID, len(due))
	for i := range due {
		ids[i] = due[i].VehicleID
	}
	vehicles, err := tx.LockVehicles(ctx, ids)
	if err != nil {
		return nil, err
	}
	autoPays, err := autoPaysOf(ctx, tx, due)
	if err != nil {
		return nil, err
	}
	w := work{vehicles: vehicles, autoPays: autoPays, entries: []store.NewEntry{}} // none where nothing is owed by now
	for i := range due {
		if err := w.apply(&due[i], now); err != nil {
			return nil, fmt.Errorf("apply payment %d: %w", due[i].ID, err)
		}
	}
	tx.InsertEvents(w.events(due, now)...)
	return nil, errors.Join(
		announce(ctx, tx.Tx, now, w.notices(due)...),
		tx.InsertPostings(ctx, w.postings, now),
		tx.UpdateContracts(ctx, w.changed()),
		tx.ApplyPayments(ctx, w.applied, now),
		tx.InsertEntries(ctx, cutoff, w.entries),
		recordRun(ctx, tx, w.applied, due, now),
	)
}

// work gathers what a batch of payments changes.
type work struct {
	vehicles map[loan.VehicleID]*loan.Vehicle
	autoPays map[loan.AutoPayID]*loan.AutoPay
	postings []store.Posted
	applied  []store.AppliedPayment
	entries  []store.NewEntry
}

// autoPaysOf are the Auto Pays that made some of these payments.
func autoPaysOf(ctx context.Context, tx *store.BooksTx, due []loan.Payment) (map[loan.AutoPayID]*loan.AutoPay, error) {
	var ids []loan.AutoPayID
	for _, p := range due {
		if p.AutoPayID != nil {
			ids = append(ids, *p.AutoPayID)
		}
	}
	byID := make(map[loan.AutoPayID]*loan.AutoPay, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	autoPays, err := tx.AutoPaysByID(ctx, ids)
	for _, a := range autoPays {
		byID[a.ID] = a
	}
	return byID, err
}

func (w *work) changed() []*loan.Vehicle {
	list := make([]*loan.Vehicle, 0, len(w.vehicles))
	for _, v := range w.vehicles {
		list = append(list, v)
	}
	return list
}

// apply posts one payment, with the date on which it is credited. Where less is
// owed by now than the customer meant to pay, less is debited, and nothing where
// nothing is.
func (w *work) apply(p *loan.Payment, now time.Time) error {
	v := w.vehicles[p.VehicleID]
	if v == nil {
		return errors.New("its vehicle is gone")
	}
	v.Contract.Bill(p.CreditedOn)
	amount := min(p.Amount, loan.MostPayable(v.Contract, p.Kind, p.CreditedOn))
	if p.AutoPayID != nil && w.autoPays[*p.AutoPayID] != nil {
		amount = min(amount, w.autoPays[*p.AutoPayID].MostFor(p.DueOn, v.Contract))
	}
	if amount == 0 {
		w.applied = append(w.applied, store.AppliedPayment{ID: p.ID, Status: loan.Canceled})
		return nil
	}
	postings, err := v.Contract.Post(amount, p.Kind, p.CreditedOn)
	if err != nil {
		return err
	}
	for _, posting := range postings {
		w.postings = append(w.postings, store.Posted{CustomerID: v.CustomerID, VehicleID: v.ID, PaymentID: &p.ID, Posting: posting})
	}
	debitedOn := ach.EffectiveOn(p.DebitedOn, now)
	settlesOn := ach.AddBankingDays(debitedOn, loan.SettlementDays)
	w.applied = append(w.applied, store.AppliedPayment{ID: p.ID, Status: loan.Applied, Applied: amount, SettlesOn: &settlesOn})
	w.entries = append(w.entries, store.NewEntry{
		N: len(w.entries), CustomerID: p.CustomerID, PaymentID: p.ID, PaymentAccountID: p.PaymentAccountID,
		Amount: amount, Recurring: p.Origin == loan.OriginAutoPay, EffectiveOn: debitedOn,
	})
	return nil
}

// events tell of each payment that a run took. One that is applied tells of its vehicle
// as well; where nothing was owed, the contract may still have been billed.
func (w *work) events(due []loan.Payment, now time.Time) []store.Event {
	events := make([]store.Event, 0, len(w.applied))
	for i, a := range w.applied {
		kind := loan.PaymentApplied
		if a.Status == loan.Canceled {
			kind = loan.PaymentCanceled
			events = append(events, store.VehicleEvent(w.vehicles[due[i].VehicleID], now))
		}
		events = append(events, store.PaymentEvent(kind, &due[i], now))
	}
	return events
}

// notices tell of each payment that a run took.
func (w *work) notices(due []loan.Payment) []notice {
	notices := make([]notice, len(w.applied))
	for i, a := range w.applied {
		p, v := &due[i], w.vehicles[due[i].VehicleID]
		if a.Status == loan.Canceled {
			notices[i] = canceledNotice(p, v, nothingOwed)
		} else {
			notices[i] = appliedNotice(p, a.Applied, v)
		}
	}
	return notices
}

// recordRun adds an audit row for each payment that a run took.
func recordRun(ctx context.Context, tx *store.BooksTx, applied []store.AppliedPayment, due []loan.Payment, now time.Time) error {
	entries := make([]store.AuditEntry, len(applied))
	for i, a := range applied {
		action := "payment.applied"
		if a.Status == loan.Canceled {
			action = "payment.canceled"
		}
		entries[i] = store.AuditEntry{CustomerID: due[i].CustomerID, At: now, Actor: "cut-off", Action: action, Subject: subject(&due[i]), Detail: "{}"}
	}
	return tx.InsertAudits(ctx, entries)
}

// fileEntries puts the debits of a run into files and gives them their trace
// numbers. The files are described and not kept: deliver makes the same again.
func (s *Service) fileEntries(ctx context.Context, tx *store.BooksTx, cutoff, now time.Time) error {
	today := loan.DateOf(now)
	made, err := tx.FilesMade(ctx, today.At(0), today.AddDays(1).At(0))
	if err != nil {
		return err
	}
	return s.eachFile(ctx, tx, cutoff, made, now, func(f ach.File, traced []store.Traced) error {
		described := store.File{
			CutoffAt: cutoff, IDModifier: string(f.IDModifier), Name: fileName(cutoff, f.IDModifier), SHA256: checksum(f.Content),
			Entries: f.Entries, Total: f.Debits, CreatedAt: now,
		}
		return errors.Join(tx.InsertFile(ctx, described), tx.TraceEntries(ctx, traced))
	})
}

var kinds = map[store.EntryKind]ach.Kind{store.DebitEntry: ach.Debit, store.PrenoteEntry: ach.Prenote, store.MicroEntry: ach.MicroEntry}

// individualID is the number in an entry that comes back with it: the payment's,
// or that of an entry which is for none.
func individualID(entry int64, payment *loan.PaymentID) string {
	if payment != nil {
		return strconv.FormatInt(int64(*payment), 10)
	}
	return "E" + strconv.FormatInt(entry, 10)
}

// modifiers tell the files that are made on a day apart, in their order.
const modifiers = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// eachFile makes the files of a run from its entries, as of the instant at which
// they were put into files, and hands them over with the trace numbers in them.
// before is how many files had been made on that day. It takes as many entries at a
// time as fill a file: memory does not grow with the run.
func (s *Service) eachFile(ctx context.Context, books entryLister, cutoff time.Time, before int, madeAt time.Time, take func(ach.File, []store.Traced) error) error {
	left := modifiers[min(before, len(modifiers)):]
	for after := int64(0); ; {
		entries, err := books.EntriesOfRun(ctx, cutoff, after, ach.MaxFileEntries)
		if err != nil || len(entries) == 0 {
			return err
		}
		after = entries[len(entries)-1].ID
		if left == "" {
			return ach.ErrTooManyFiles
		}
		files, traced, err := s.buildFiles(entries, left[0], madeAt)
		if err != nil {
			return err
		}
		if len(files) > len(left) {
			return ach.ErrTooManyFiles
		}
		left = left[len(files):]
		for _, f := range files {
			if err := take(f, traced[:f.Entries]); err != nil {
				return err
			}
			traced = traced[f.Entries:]
		}
	}
}

type entryLister interface {
	EntriesOfRun(ctx context.Context, cutoff time.Time, after int64, limit int) ([]store.Entry, error)
}

// traceNumbers is how many trace numbers there are.
const traceNumbers = 10_000_000

// buildFiles makes files of entries, the first one with a modifier.
func (s *Service) buildFiles(entries []store.Entry, modifier byte, madeAt time.Time) ([]ach.File, []store.Traced, error) {
	// Trace numbers come round again after ten million, and must ascend.
	slices.SortFunc(entries, func(a, b store.Entry) int { return cmp.Compare(a.ID%traceNumbers, b.ID%traceNumbers) })
	lines, traced := make([]ach.Entry, len(entries)), make([]store.Traced, len(entries))
	for i, e := range entries {
		number, err := s.Vault.Unseal(e.Sealed, AccountBinding(e.AccountOwner, e.Fingerprint))
		if err != nil {
			return nil, nil, fmt.Errorf("unseal the account of entry %d: %w", e.ID, err)
		}
		traced[i] = store.Traced{ID: e.ID, Trace: fmt.Sprintf("%s%07d", s.Originator.ODFI, e.ID%traceNumbers)}
		lines[i] = ach.Entry{
			ID: individualID(e.ID, e.PaymentID), Kind: kinds[e.Kind], Recurring: e.Recurring, Amount: e.Amount, RoutingNumber: e.RoutingNumber,
			AccountNumber: ach.AccountNumber(number), AccountType: e.AccountType, Name: e.Name,
			EffectiveOn: e.EffectiveOn, Trace: traced[i].Trace,
		}
	}
	files, err := ach.Build(s.Originator, madeAt, modifier, lines)
	return files, traced, err
}

// deliver hands the files of a run to the outbox, unless that has been done. They
// are made anew from the debits, and must be what was described when they were made
// first.
func (s *Service) deliver(ctx context.Context, cutoff, now time.Time) error {
	described, err := s.Store.Books().FilesOfRun(ctx, cutoff)
	if err != nil {
		return err
	}
	if len(described) > 0 && described[0].DeliveredAt == nil {
		left := described
		before := strings.Index(modifiers, described[0].IDModifier)
		err := s.eachFile(ctx, s.Store.Books(), cutoff, before, described[0].CreatedAt, func(f ach.File, _ []store.Traced) error {
			if len(left) == 0 || checksum(f.Content) != left[0].SHA256 {
				return fmt.Errorf("%w: file %c is not what it was", ErrOutOfBalance, f.IDModifier)
			}
			name := left[0].Name
			left = left[1:]
			if err := s.Outbox.Put(ctx, name, f.Content); err != nil {
				return fmt.Errorf("deliver %s: %w", name, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("%w: %d files of the run are missing", ErrOutOfBalance, len(left))
		}
	}
	return s.step(ctx, cutoff, func(tx *store.BooksTx, run *store.Run) error {
		if run.DeliveredAt != nil {
			return nil
		}
		run.DeliveredAt = &now
		return tx.DeliverFiles(ctx, cutoff, now)
	})
}

// checkRun checks a complete run again before the next one begins.
func (s *Service) checkRun(ctx context.Context, cutoff time.Time) error {
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error { return reconcileRun(ctx, tx, cutoff) })
}

// reconcileRun checks to the cent that files, ledger and payments of a run agree.
func reconcileRun(ctx context.Context, tx *store.BooksTx, cutoff time.Time) error {
	totals, err := tx.TotalsOfRun(ctx, cutoff)
	if err == nil && !totals.Agree() {
		err = fmt.Errorf("%w: %+v", ErrOutOfBalance, totals)
	}
	return err
}

// Reconcile checks that every contract is what its ledger adds up to.
func (s *Service) Reconcile(ctx context.Context) ([]store.Imbalance, error) {
	list, err := s.Store.Books().OutOfBalance(ctx)
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("%w: %d contracts", ErrOutOfBalance, len(list))
	}
	return list, err
}

func fileName(cutoff time.Time, modifier byte) string {
	return fmt.Sprintf("%s-%c.ach", cutoff.In(loan.Eastern).Format("20060102-1504"), modifier)
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
