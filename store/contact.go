package store

import (
	"context"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	pendingContacts = prepare(`
SELECT channel, address, challenge_id, requested_at FROM pending_contacts WHERE customer_id = $1 ORDER BY channel`)
	putPendingContact = prepare(`
INSERT INTO pending_contacts (customer_id, channel, address, challenge_id, requested_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (customer_id, channel) DO UPDATE
SET address = excluded.address, challenge_id = excluded.challenge_id, requested_at = excluded.requested_at`)
	deletePendingContact = prepare(`DELETE FROM pending_contacts WHERE customer_id = $1 AND channel = $2 AND challenge_id = $3`)
)

// PendingContacts lists the contacts of a customer that wait for their code.
func (q *queries) PendingContacts(ctx context.Context, owner loan.CustomerID) ([]*loan.PendingContact, error) {
	contacts := []*loan.PendingContact{}
	err := q.list(ctx, &contacts, pendingContacts, owner)
	return contacts, err
}

// PutPendingContact keeps a contact that waits for its code, in place of another of
// the same channel.
func (tx *Tx) PutPendingContact(ctx context.Context, owner loan.CustomerID, c loan.PendingContact) error {
	_, err := tx.exec(ctx, putPendingContact, owner, c.Channel, c.Address, c.ChallengeID, utc(c.RequestedAt))
	return err
}

// DeletePendingContact removes a contact that waits no more; [ErrNotFound] where
// another has taken its place.
func (tx *Tx) DeletePendingContact(ctx context.Context, owner loan.CustomerID, c loan.PendingContact) error {
	return tx.execOne(ctx, deletePendingContact, owner, c.Channel, c.ChallengeID)
}
