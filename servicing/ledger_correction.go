package servicing

import (
	"context"
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// ProposeCorrection asks for a correction of a contract's ledger. Nothing is posted
// until a second operator approves it. What the contract would not allow today is
// refused at once.
func (s *Service) ProposeCorrection(ctx context.Context, h ByHand, id loan.VehicleID, c loan.LedgerCorrection, evidence string) (*loan.CorrectionRequest, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := loan.CheckReason(evidence); err != nil {
		return nil, err
	}
	return inBooks(ctx, s, func(tx *store.BooksTx) (*loan.CorrectionRequest, error) {
		vehicle, err := lockAnyVehicle(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if _, err := correctContract(vehicle.Contract.Clone(), c, h.At); err != nil {
			return nil, err
		}
		r := &loan.CorrectionRequest{
			CustomerID: vehicle.CustomerID, VehicleID: id, LedgerCorrection: c, Reason: h.Reason, Evidence: evidence,
			ProposedBy: h.Operator, ProposedAt: h.At, ExpiresAt: h.At.AddDate(0, 0, loan.CorrectionDays), Status: loan.CorrectionProposed,
		}
		if err := tx.InsertCorrection(ctx, r); err != nil {
			return nil, err
		}
		return r, recordByHand(ctx, tx.Tx, h, r.CustomerID, "correction.proposed", correctionSubject(r.ID),
			map[string]any{"vehicle": id, "correction": c, "evidence": evidence})
	})
}

// correctContract corrects a contract as of today, once it is billed up to it.
func correctContract(c loan.Contract, by loan.LedgerCorrection, now time.Time) ([]loan.Posting, error) {
	today := loan.DateOf(now)
	c.Bill(today)
	return c.Correct(by, today)
}

// ApproveCorrection posts a correction that another operator proposed, and changes the
// contract by it. Who has approved it before is answered with it as it is.
func (s *Service) ApproveCorrection(ctx context.Context, h ByHand, id loan.CorrectionID) (*loan.CorrectionRequest, error) {
	return s.decideCorrection(ctx, h, id, loan.CorrectionApproved, func(tx *store.BooksTx, r *loan.CorrectionRequest) error {
		// The contract is locked after the correction, and nobody does it the other way.
		vehicle, err := lockAnyVehicle(ctx, tx, r.VehicleID)
		if err != nil {
			return err
		}
		postings, err := correctContract(vehicle.Contract, r.LedgerCorrection, h.At)
		if err != nil {
			return err
		}
		posted := make([]store.Posted, len(postings))
		for i, p := range postings {
			posted[i] = store.Posted{CustomerID: vehicle.CustomerID, VehicleID: vehicle.ID, Posting: p}
			if p.Kind == loan.PostCorrection {
				posted[i].CorrectionID = &r.ID
			}
		}
		if err := tx.InsertPostings(ctx, posted, h.At); err != nil {
			return err
		}
		tx.InsertEvents(store.VehicleEvent(vehicle, h.At))
		return tx.UpdateContracts(ctx, []*loan.Vehicle{vehicle})
	})
}

// RejectCorrection ends a correction that was proposed. Who proposed it may.
func (s *Service) RejectCorrection(ctx context.Context, h ByHand, id loan.CorrectionID) (*loan.CorrectionRequest, error) {
	return s.decideCorrection(ctx, h, id, loan.CorrectionRejected, func(*store.BooksTx, *loan.CorrectionRequest) error { return nil })
}

// decideCorrection writes down what an operator decides and, in the same transaction,
// does what follows.
func (s *Service) decideCorrection(ctx context.Context, h ByHand, id loan.CorrectionID, status loan.CorrectionStatus, do func(*store.BooksTx, *loan.CorrectionRequest) error) (*loan.CorrectionRequest, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return inBooks(ctx, s, func(tx *store.BooksTx) (*loan.CorrectionRequest, error) {
		r, err := tx.LockCorrection(ctx, id)
		if err != nil {
			return nil, found(err)
		}
		if r.Status == status && r.DecidedBy != nil && *r.DecidedBy == h.Operator {
			return r, nil
		}
		if err := r.CheckDecision(h.Operator, status == loan.CorrectionApproved, h.At); err != nil {
			return nil, err
		}
		if err := do(tx, r); err != nil {
			return nil, err
		}
		if err := tx.DecideCorrection(ctx, id, status, h.Operator, h.Reason, h.At); err != nil {
			return nil, err
		}
		r.Status, r.DecidedBy, r.DecidedAt, r.Decision = status, &h.Operator, &h.At, h.Reason
		action := map[loan.CorrectionStatus]string{loan.CorrectionApproved: "correction.approved", loan.CorrectionRejected: "correction.rejected"}[status]
		return r, recordByHand(ctx, tx.Tx, h, r.CustomerID, action, correctionSubject(id),
			map[string]any{"vehicle": r.VehicleID, "correction": r.LedgerCorrection, "proposedBy": r.ProposedBy})
	})
}

func correctionSubject(id loan.CorrectionID) string { return fmt.Sprintf("correction:%d", id) }
