package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	insertDevice = prepare(`
INSERT INTO devices (customer_id, token_hash, name, platform, added_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $5)`)
	seeDevice     = prepare(`UPDATE devices SET last_seen_at = $3 WHERE customer_id = $1 AND token_hash = $2 AND last_seen_at < $3`)
	forgetDevices = prepare(`DELETE FROM devices WHERE customer_id = $1`)
	// all but the ones seen last
	pruneDevices = prepare(`
DELETE FROM devices WHERE customer_id = $1 AND token_hash NOT IN (
    SELECT token_hash FROM devices WHERE customer_id = $1 ORDER BY last_seen_at DESC, token_hash LIMIT $2)`)
)

// mostDevices is how many devices of a customer are remembered.
const mostDevices = 10

// Device is a device that is remembered.
type Device struct {
	CustomerID loan.CustomerID
	TokenHash  string
	Name       string
	Platform   loan.Platform
}

// InsertDevice remembers a device, and forgets the one unseen for longest where
// there would be more than ten.
func (tx *Tx) InsertDevice(ctx context.Context, d Device, at time.Time) error {
	if _, err := tx.exec(ctx, insertDevice, d.CustomerID, d.TokenHash, d.Name, d.Platform, utc(at)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, pruneDevices, d.CustomerID, mostDevices)
	return err
}

// SeeDevice notes that a device was seen; where it is not known, nothing happens.
func (tx *Tx) SeeDevice(ctx context.Context, owner loan.CustomerID, tokenHash string, at time.Time) error {
	_, err := tx.exec(ctx, seeDevice, owner, tokenHash, utc(at))
	return err
}

// ForgetDevices forgets all devices of a customer.
func (tx *Tx) ForgetDevices(ctx context.Context, owner loan.CustomerID) error {
	_, err := tx.exec(ctx, forgetDevices, owner)
	return err
}
