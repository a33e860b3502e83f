package servicing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// CustomerFile is what an operator on the phone sees of a customer.
type CustomerFile struct {
	Customer *loan.Customer
	Vehicles []*loan.Vehicle
	Holds    map[loan.VehicleID]store.Hold
	AutoPays map[loan.VehicleID]*loan.AutoPay
	Pending  []loan.Payment
	Accounts []*loan.PaymentAccount // that were not removed
}

// lastNameAndContract is a last name with the last four digits of a contract's number.
var lastNameAndContract = regexp.MustCompile(`^(.+) ([0-9]{4})$`)

// FindCustomers finds customers by what they can say on the phone: their number, their
// username, their e-mail address, or their last name with the last four digits of the
// number of a contract. Refusal: NOT_FOUND.
func (s *Service) FindCustomers(ctx context.Context, by string) (list []loan.Customer, err error) {
	books := s.Store.Books()
	id, notANumber := strconv.ParseInt(by, 10, 64)
	contract := lastNameAndContract.FindStringSubmatch(by)
	switch {
	case notANumber == nil:
		var c *loan.Customer
		if c, err = s.Store.Customer(ctx, loan.CustomerID(id)); err == nil {
			list = append(list, *c)
		}
	case strings.Contains(by, "@"):
		list, err = books.CustomersByEmail(ctx, by)
	case contract != nil:
		list, err = books.CustomersByContract(ctx, contract[1], contract[2])
	default:
		list, err = books.CustomersByUsername(ctx, by)
	}
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	return list, found(err)
}

// FindVehicle finds the vehicle of a contract by the last name of an owner and the last
// four digits of the contract's number. Refusals: NOT_FOUND and AMBIGUOUS.
func (s *Service) FindVehicle(ctx context.Context, by string) (loan.VehicleID, error) {
	contract := lastNameAndContract.FindStringSubmatch(by)
	if contract == nil {
		return 0, loan.NotFound()
	}
	ids, err := s.Store.Books().VehiclesByContract(ctx, contract[1], contract[2])
	switch {
	case err != nil:
		return 0, err
	case len(ids) == 0:
		return 0, loan.NotFound()
	case len(ids) > 1:
		return 0, loan.Refuse(loan.CodeAmbiguous, "Several accounts fit: give the number of the vehicle.")
	}
	return ids[0], nil
}

// OpenFile shows what there is about a customer, and writes down who has looked.
func (s *Service) OpenFile(ctx context.Context, h ByHand, id loan.CustomerID) (*CustomerFile, error) {
	f := &CustomerFile{Holds: map[loan.VehicleID]store.Hold{}, AutoPays: map[loan.VehicleID]*loan.AutoPay{}}
	var err error
	if f.Customer, err = s.Store.Customer(ctx, id); err != nil {
		return nil, found(err)
	}
	if f.Vehicles, err = s.Store.Vehicles(ctx, id); err != nil {
		return nil, err
	}
	ids := make([]loan.VehicleID, len(f.Vehicles))
	for i, v := range f.Vehicles {
		ids[i] = v.ID
	}
	holds, err := s.Store.Books().Holds(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, hold := range holds {
		f.Holds[hold.VehicleID] = hold
	}
	autoPays, err := s.Store.AutoPays(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, a := range autoPays {
		f.AutoPays[a.VehicleID] = a
	}
	if f.Pending, err = s.Store.PendingPayments(ctx, id, ids, store.Page{Limit: 100}); err != nil {
		return nil, err
	}
	accounts, err := s.Store.PaymentAccounts(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if a.RemovedAt == nil {
			f.Accounts = append(f.Accounts, a)
		}
	}
	return f, s.Looked(ctx, h, []loan.CustomerID{id}, "customer.looked_up", nil)
}

// Looked writes down that an operator has looked into the books of customers.
func (s *Service) Looked(ctx context.Context, h ByHand, books []loan.CustomerID, action string, detail map[string]any) error {
	return s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		entries := make([]store.AuditEntry, len(books))
		for i, id := range books {
			var err error
			if entries[i], err = h.entry(id, action, ofCustomer(id), maps.Clone(detail)); err != nil {
				return err
			}
		}
		return tx.InsertAudits(ctx, entries)
	})
}

// PaymentFile is what an operator on the phone sees of a payment.
type PaymentFile struct {
	Payment  *loan.Payment
	Customer *loan.Customer // who scheduled it
	Sent     store.SentAs
	File     string // in which it went out; empty where it has not
	Returns  []store.Returned
	Again    *loan.PaymentID // what tries it again
	History  []store.AuditEntry
}

// FindPayment finds a payment by its confirmation number or its own. Refusal:
// NOT_FOUND.
func (s *Service) FindPayment(ctx context.Context, by string) (loan.PaymentID, error) {
	if id, err := strconv.ParseInt(by, 10, 64); err == nil {
		return loan.PaymentID(id), nil
	}
	id, err := s.Store.Books().PaymentByConfirmation(ctx, strings.ToUpper(by))
	return id, found(err)
}

// OpenPayment shows what there is about a payment, and writes down who has looked.
func (s *Service) OpenPayment(ctx context.Context, h ByHand, id loan.PaymentID) (*PaymentFile, error) {
	books, f := s.Store.Books(), new(PaymentFile)
	var err error
	if f.Payment, err = books.SeePayment(ctx, id); err != nil {
		return nil, found(err)
	}
	f.Payment.CanCancel = f.Payment.MayBeCanceledBy(loan.Agent{Customer: f.Payment.ScheduledBy}, h.At)
	if f.Customer, err = s.Store.Customer(ctx, f.Payment.ScheduledBy); err != nil {
		return nil, err
	}
	if f.Sent, err = books.SentAs(ctx, id); err != nil {
		return nil, err
	}
	if f.File, err = s.fileOf(ctx, f.Sent); err != nil {
		return nil, err
	}
	if f.Returns, err = books.ReturnsOfPayment(ctx, id); err != nil {
		return nil, err
	}
	switch again, err := books.RepresentedBy(ctx, id); {
	case err == nil:
		f.Again = &again
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	if f.History, err = books.AuditOf(ctx, f.Payment.CustomerID, subject(f.Payment)); err != nil {
		return nil, err
	}
	return f, s.Looked(ctx, h, []loan.CustomerID{f.Payment.CustomerID}, "payment.looked_up", map[string]any{"payment": id})
}

// fileOf is the name of the file in which an entry went out. A run's entries are in its
// files in the order of their numbers.
func (s *Service) fileOf(ctx context.Context, sent store.SentAs) (string, error) {
	if sent.CutoffAt == nil || sent.Trace == "" || sent.Before == nil {
		return "", nil
	}
	files, err := s.Store.Books().FilesOfRun(ctx, *sent.CutoffAt)
	before := 0
	for _, f := range files {
		if before += f.Entries; *sent.Before < before {
			return f.Name, err
		}
	}
	return "", err
}

// filesShown is how many files are listed.
const filesShown = 60

// Files lists the latest files for the bank.
func (s *Service) Files(ctx context.Context) ([]store.File, error) {
	return s.Store.Books().LatestFiles(ctx, filesShown)
}

// ResendFile hands a file that the bank has lost to the outbox once more: the same
// bytes under the same name. lost is whether the operator says that the bank has lost
// it. A bank that has not may debit all of it twice.
func (s *Service) ResendFile(ctx context.Context, h ByHand, name string, lost bool) (store.File, error) {
	if err := h.check(); err != nil {
		return store.File{}, err
	}
	file, err := s.Store.Books().FileByName(ctx, name)
	if err != nil {
		return file, found(err)
	}
	switch {
	case file.DeliveredAt == nil:
		return file, loan.Refuse(loan.CodeFileNotSent, "This file has not been sent yet: its run sends it by itself.")
	case !lost:
		return file, loan.Refuse(loan.CodeBankMayDebitTwice, "A bank that has this file already may debit every payment in it twice. Ask the bank for the file by its name, and send it again only where the bank says that it has lost it.")
	}
	var content []byte
	described, err := s.Store.Books().FilesOfRun(ctx, file.CutoffAt)
	if err != nil {
		return file, err
	}
	before := strings.Index(modifiers, described[0].IDModifier)
	err = s.eachFile(ctx, s.Store.Books(), file.CutoffAt, before, described[0].CreatedAt, func(f ach.File, _ []store.Traced) error {
		if string(f.IDModifier) == file.IDModifier {
			content = f.Content
		}
		return nil
	})
	if err != nil {
		return file, err
	}
	if checksum(content) != file.SHA256 {
		return file, fmt.Errorf("%w: file %s is not what it was", ErrOutOfBalance, name)
	}
	// Written down first: where sending fails, somebody has tried.
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		return recordByHand(ctx, tx.Tx, h, nobodysBooks, "file.resent", "file:"+name, map[string]any{"sha256": file.SHA256})
	})
	if err != nil {
		return file, err
	}
	return file, s.Store.Alone(ctx, "deliver", func() error { return s.Outbox.Put(ctx, name, content) })
}

// RunCutoff does what is due, and with it a cut-off that was missed. It tells how far the
// run of the cut-off has got; what is done is not done again.
func (s *Service) RunCutoff(ctx context.Context, h ByHand, cutoff time.Time) (store.Run, error) {
	if err := h.check(); err != nil {
		return store.Run{}, err
	}
	if at := loan.CutoffsBetween(cutoff.Add(-time.Microsecond), cutoff); len(at) != 1 || cutoff.After(h.At) {
		return store.Run{}, loan.Refuse(loan.CodeNotACutoff, "This is no cut-off that has come: they are at 3 pm and 6 pm Eastern.")
	}
	err := s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		return recordByHand(ctx, tx.Tx, h, nobodysBooks, "cutoff.run", "cutoff:"+cutoff.UTC().Format(time.RFC3339), nil)
	})
	if err != nil {
		return store.Run{}, err
	}
	if err := s.RunDue(ctx, h.At); err != nil {
		return store.Run{}, err
	}
	run, err := s.Store.Books().RunOf(ctx, cutoff)
	if errors.Is(err, store.ErrNotFound) {
		return store.Run{CutoffAt: cutoff}, nil // a later run has taken its payments
	}
	return run, err
}
