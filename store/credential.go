package store

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// #nosec G101 -- these are names of columns
const credentialColumns = `
SELECT c.id, c.username, c.password_hash, c.password_weak, f.customer_id IS NOT NULL AS second_factor, `

// #nosec G101 -- these are names of columns
const credentialsOfOwner = credentialColumns + `FALSE AS known_device
FROM customers c
LEFT JOIN second_factors f ON f.customer_id = c.id AND f.turned_on_at IS NOT NULL
WHERE c.id = $1`

var (
	// username <> '' is what the index asks for
	credentialsOf = prepare(credentialColumns + `d.customer_id IS NOT NULL AS known_device
FROM customers c
LEFT JOIN second_factors f ON f.customer_id = c.id AND f.turned_on_at IS NOT NULL
LEFT JOIN devices d ON d.customer_id = c.id AND d.token_hash = $2 AND d.last_seen_at > $3
WHERE c.username = $1 AND c.username <> ''`)
	credentialsByID = prepare(credentialsOfOwner)
	lockCredentials = prepare(credentialsOfOwner + ` {{lock customer}}`)
	setPassword     = prepare(`UPDATE customers SET password_hash = $2, password_weak = $3 WHERE id = $1`)
	enroll          = prepare(`
UPDATE customers SET username = $2, password_hash = $3, password_weak = FALSE, language = COALESCE(NULLIF(CAST($4 AS TEXT), ''), language)
WHERE id = $1 AND username = ''`)

	customersByContract = prepare(`
SELECT ` + customerColumns + ` FROM customers WHERE id IN (
    SELECT o.customer_id FROM contract_numbers n JOIN owners o ON o.vehicle_id = n.vehicle_id WHERE n.fingerprint {{in bytes $1}})
ORDER BY id`)
	insertContractNumber = prepare(`
INSERT INTO contract_numbers (vehicle_id, customer_id, number_sealed, fingerprint) VALUES ($1, $2, $3, $4)`)
)

// Credentials are what a log-in is checked against.
type Credentials struct {
	CustomerID   loan.CustomerID `db:"id"`
	Username     string          `db:"username"`
	PasswordHash string          `db:"password_hash"`
	PasswordWeak bool            `db:"password_weak"` // too short without a second factor
	SecondFactor bool            `db:"second_factor"` // whether there is one
	KnownDevice  bool            `db:"known_device"`  // whether the device is one that was remembered
}

// CredentialsOf gets the credentials of a username, folded to lower case;
// [ErrNotFound]. A device is known by the hash of its token if it was last seen
// after an instant.
func (q *queries) CredentialsOf(ctx context.Context, username, deviceHash string, seenAfter time.Time) (Credentials, error) {
	var c Credentials
	err := q.get(ctx, &c, credentialsOf, username, deviceHash, utc(seenAfter))
	return c, err
}

// Credentials gets a customer's credentials; [ErrNotFound].
func (q *queries) Credentials(ctx context.Context, owner loan.CustomerID) (Credentials, error) {
	var c Credentials
	err := q.get(ctx, &c, credentialsByID, owner)
	return c, err
}

// LockCredentials gets a customer's credentials and holds them until the transaction
// ends; [ErrNotFound].
func (tx *Tx) LockCredentials(ctx context.Context, owner loan.CustomerID) (Credentials, error) {
	var c Credentials
	err := tx.get(ctx, &c, lockCredentials, owner)
	return c, err
}

// SetPassword writes the hash of a customer's password, and whether it is too short
// to stand without a second factor.
func (tx *Tx) SetPassword(ctx context.Context, owner loan.CustomerID, hash string, weak bool) error {
	return tx.execOne(ctx, setPassword, owner, hash, weak)
}

// Enroll gives a customer without a username one, a password and a language; theirs
// stays where it is empty. [ErrNotFound] where they have a username, [ErrConflict]
// where it is somebody else's.
func (tx *Tx) Enroll(ctx context.Context, owner loan.CustomerID, username, passwordHash string, language loan.Language) error {
	return tx.execOne(ctx, enroll, owner, username, passwordHash, language)
}

// UsernameTaken tells whether somebody has a username.
func (tx *Tx) UsernameTaken(ctx context.Context, username string) (bool, error) {
	_, err := tx.CredentialsOf(ctx, username, "", time.Time{})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CustomersByContract lists who owns the vehicle of a contract, by any fingerprint of
// its number.
func (q *queries) CustomersByContract(ctx context.Context, fingerprints [][]byte) ([]*loan.Customer, error) {
	var customers []*loan.Customer
	err := q.list(ctx, &customers, customersByContract, byteKeys(q.dialect, fingerprints))
	return customers, err
}

// ContractNumber is the number of a vehicle's contract, sealed, and by which it is
// found.
type ContractNumber struct {
	VehicleID   loan.VehicleID
	CustomerID  loan.CustomerID // the primary borrower
	Sealed      []byte
	Fingerprint []byte
}

func (n ContractNumber) row() []any { return []any{n.VehicleID, n.CustomerID, n.Sealed, n.Fingerprint} }

// InsertContractNumber adds the number of a vehicle's contract.
func (tx *BooksTx) InsertContractNumber(ctx context.Context, n ContractNumber) error {
	_, err := tx.exec(ctx, insertContractNumber, n.row()...)
	return err
}

// InsertContractNumbers adds the numbers of many vehicles' contracts.
func (b *Bulk) InsertContractNumbers(ctx context.Context, numbers []ContractNumber) error {
	return b.add(ctx, "contract_numbers", columnsOf(insertContractNumber), len(numbers), func(i int) []any { return numbers[i].row() })
}
