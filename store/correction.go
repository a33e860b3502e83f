package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const correctionColumns = "id, customer_id, vehicle_id, principal_cents, interest_cents, fees_cents, instalments_cents, past_due_cents, " +
	"current_due_cents, against, reason, evidence, proposed_by, proposed_at, expires_at, status, decided_by, decided_at, decision"

var (
	insertCorrection = prepare(`
INSERT INTO corrections (customer_id, vehicle_id, principal_cents, interest_cents, fees_cents, instalments_cents, past_due_cents,
    current_due_cents, against, reason, evidence, proposed_by, proposed_at, expires_at, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`)
	lockCorrection   = prepare(`SELECT ` + correctionColumns + ` FROM corrections WHERE id = $1 {{lock}}`)
	decideCorrection = prepare(`
UPDATE corrections SET status = $2, decided_by = $3, decided_at = $4, decision = $5 WHERE id = $1 AND status = 'PROPOSED'`)
	openCorrections   = prepare(`SELECT ` + correctionColumns + ` FROM corrections WHERE status = 'PROPOSED' ORDER BY id LIMIT 1000`)
	latestCorrections = prepare(`SELECT ` + correctionColumns + ` FROM corrections ORDER BY id DESC LIMIT 1000`)
)

// InsertCorrection adds a correction that is proposed and gives it its id.
func (tx *BooksTx) InsertCorrection(ctx context.Context, c *loan.CorrectionRequest) error {
	return tx.get(ctx, &c.ID, insertCorrection, c.CustomerID, c.VehicleID, c.Principal, c.Interest, c.Fees, c.Instalments, c.PastDue,
		c.CurrentDue, c.Against, c.Reason, c.Evidence, c.ProposedBy, utc(c.ProposedAt), utc(c.ExpiresAt), c.Status)
}

// LockCorrection gets a correction and holds it until the transaction ends: of two who
// decide one comes first. [ErrNotFound].
func (tx *BooksTx) LockCorrection(ctx context.Context, id loan.CorrectionID) (*loan.CorrectionRequest, error) {
	c := new(loan.CorrectionRequest)
	return c, tx.get(ctx, c, lockCorrection, id)
}

// DecideCorrection writes what an operator has decided; [ErrNotFound] where somebody
// has before.
func (tx *BooksTx) DecideCorrection(ctx context.Context, id loan.CorrectionID, status loan.CorrectionStatus, by loan.Operator, decision string, at time.Time) error {
	return tx.execOne(ctx, decideCorrection, id, status, by, utc(at), decision)
}

// Corrections lists up to 1,000 corrections that nobody has decided, oldest first, or
// the latest of all.
func (b Books) Corrections(ctx context.Context, all bool) ([]loan.CorrectionRequest, error) {
	var list []loan.CorrectionRequest
	statement := openCorrections
	if all {
		statement = latestCorrections
	}
	err := b.q.list(ctx, &list, statement)
	return list, err
}
