package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// inEffect is of a consent c: nobody has withdrawn it.
const inEffect = "c.withdraws IS NULL AND NOT EXISTS (SELECT 1 FROM consents w WHERE w.withdraws = c.id)"

var (
	insertDisclosure = prepare(`
INSERT INTO disclosures (hash, version, language, text) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`)
	// Who agrees is the primary borrower.
	insertConsent = prepare(`
INSERT INTO consents (customer_id, vehicle_id, text_hash, proof, at, session_id, address, request_id)
SELECT v.customer_id, v.id, $3, 'SAMPLE_CODE', $4, $5, $6, $7 FROM vehicles v WHERE v.customer_id = $1 AND v.id = $2
RETURNING id`)
	withdrawConsent = prepare(`
INSERT INTO consents (customer_id, vehicle_id, withdraws, proof, at, session_id, address, request_id)
SELECT c.customer_id, c.vehicle_id, c.id, '', $3, $4, $5, $6 FROM consents c
WHERE c.customer_id = $1 AND c.vehicle_id = $2 AND ` + inEffect)
	consentsOfOwner = prepare(`
SELECT c.id, c.customer_id, c.vehicle_id, d.version, d.language, d.hash, d.text, c.at AS agreed_at, c.session_id, c.address, c.request_id
FROM owners o
JOIN consents c ON c.vehicle_id = o.vehicle_id
JOIN disclosures d ON d.hash = c.text_hash
WHERE o.customer_id = $1 AND ` + inEffect + ` ORDER BY c.id`)
)

// InsertConsent adds a consent with its text, and gives it its id; [ErrNotFound] where
// the customer is not the primary borrower.
func (tx *Tx) InsertConsent(ctx context.Context, c *loan.Consent) error {
	if _, err := tx.exec(ctx, insertDisclosure, c.Hash, c.Version, c.Language, c.Text); err != nil {
		return err
	}
	return tx.get(ctx, &c.ID, insertConsent, c.CustomerID, c.VehicleID, c.Hash, utc(c.AgreedAt), c.SessionID, c.Address, c.RequestID)
}

// InsertConsents adds consents with their texts.
func (b *Bulk) InsertConsents(ctx context.Context, consents []*loan.Consent) error {
	texts := map[string]bool{}
	for _, c := range consents {
		if texts[c.Hash] {
			continue
		}
		texts[c.Hash] = true
		if _, err := b.exec(ctx, insertDisclosure, c.Hash, c.Version, c.Language, c.Text); err != nil {
			return err
		}
	}
	const columns = "customer_id, vehicle_id, text_hash, proof, at, session_id, address, request_id"
	return b.add(ctx, "consents", columns, len(consents), func(i int) []any {
		c := consents[i]
		return []any{c.CustomerID, c.VehicleID, c.Hash, "SAMPLE_CODE", c.AgreedAt, c.SessionID, c.Address, c.RequestID}
	})
}

// WithdrawConsent writes that the customer has withdrawn their consent for a vehicle,
// where there is one.
func (tx *Tx) WithdrawConsent(ctx context.Context, owner loan.CustomerID, vehicle loan.VehicleID, at time.Time, sessionID, address, requestID string) error {
	_, err := tx.exec(ctx, withdrawConsent, owner, vehicle, utc(at), sessionID, address, requestID)
	return err
}

// Consents lists the consents that are in effect for the vehicles that a customer
// owns, oldest first.
func (q *queries) Consents(ctx context.Context, owner loan.CustomerID) ([]*loan.Consent, error) {
	var consents []*loan.Consent
	err := q.list(ctx, &consents, consentsOfOwner, owner)
	return consents, err
}
