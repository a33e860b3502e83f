package servicing

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// sealed is a column that holds something sealed: what its rows are bound to, and
// the fingerprint that is kept beside it.
type sealed struct {
	column      *store.SealedColumn
	binding     func(store.SealedRow) string
	fingerprint func(v *vault.Vault, r store.SealedRow, plaintext string) []byte // nil where there is none
}

// sealedColumns are all of them: what is not here is lost when a key is retired.
var sealedColumns = []sealed{
	{store.AccountNumbers, accountBinding, accountFingerprint},
	{store.EntryNumbers, accountBinding, accountFingerprint}, // after the accounts, of which they are copies
	{store.ContractNumbers, contractBinding, contractFingerprint},
	{store.SecondFactors, func(r store.SealedRow) string { return SecretBinding(loan.CustomerID(r.Owner)) }, nil},
	{store.NoticeCodes, func(r store.SealedRow) string { return noticeBinding(loan.CustomerID(r.Owner), r.With) }, nil},
	{store.MessageTexts, func(r store.SealedRow) string { return messageBinding(loan.CustomerID(r.Owner), r.With) }, nil},
	{store.WebhookSecrets, func(r store.SealedRow) string { return webhookBinding(loan.PartnerID(r.Owner), r.With) }, nil},
}

func contractBinding(r store.SealedRow) string {
	return ContractBinding(loan.VehicleID(r.ID), r.Fingerprint)
}

func contractFingerprint(v *vault.Vault, _ store.SealedRow, number string) []byte {
	return ContractFingerprint(v, number)
}

func accountBinding(r store.SealedRow) string {
	return AccountBinding(loan.CustomerID(r.Owner), r.Fingerprint)
}

func accountFingerprint(v *vault.Vault, r store.SealedRow, number string) []byte {
	return AccountFingerprint(v, r.With, number)
}

// Rotation says how keys are rotated.
type Rotation struct {
	// Fingerprints rotates the fingerprint key, too.
	Fingerprints bool
	// Retire removes the old sealing key, once nothing is sealed with it. A new
	// rotation is not begun.
	Retire bool
	// Seen waits until every process has seen the keyset as it is now.
	Seen func(context.Context) error
}

// Rotated is what a rotation did.
type Rotated struct {
	Added    bool // a new key; otherwise a rotation was under way, and was gone on with
	Resealed int64
	Retired  int // keys
}

// ErrOldKeyInUse says that a process goes on sealing with an old key.
var ErrOldKeyInUse = errors.New("something is sealed with an old key again and again: a process does not see the keyset file")

// mostRounds is how often what was sealed with an old key is looked for before a
// key is retired.
const mostRounds = 5

// RotateKeys gives everything sealed a new key, while payments go on. It may be
// broken off at any moment and called again: it then goes on. The old key is kept
// until it is called to retire it.
func (s *Service) RotateKeys(ctx context.Context, o Rotation) (done Rotated, err error) {
	err = s.Store.Alone(ctx, "rotate keys", func() error {
		if o.Retire {
			return s.retireKeys(ctx, o, &done)
		}
		return s.rotateKeys(ctx, o, &done)
	})
	return done, err
}

func (s *Service) rotateKeys(ctx context.Context, o Rotation, done *Rotated) (err error) {
	if done.Added, err = s.Vault.AddKeys(o.Fingerprints); err != nil {
		return err
	}
	// Whoever does not know the new keys could not tell that a stored fingerprint is
	// equal: they are made the primaries when everybody does.
	if err := o.Seen(ctx); err != nil {
		return err
	}
	promoted, err := s.Vault.PromoteKeys()
	if err != nil {
		return err
	}
	if promoted {
		if err := o.Seen(ctx); err != nil {
			return err
		}
	}
	_, err = s.resealAll(ctx, done)
	return err
}

// retireKeys looks for what is sealed with an old key until there is none, and then
// removes it.
func (s *Service) retireKeys(ctx context.Context, o Rotation, done *Rotated) (err error) {
	for range mostRounds {
		if err := o.Seen(ctx); err != nil {
			return err
		}
		found, err := s.resealAll(ctx, done)
		if err != nil {
			return err
		}
		if !found {
			done.Retired, err = s.Vault.RetireKeys()
			return err
		}
	}
	return ErrOldKeyInUse
}

// resealAll seals with the new keys whatever is not, until a look at everything
// finds nothing more. It tells whether the first look found something.
func (s *Service) resealAll(ctx context.Context, done *Rotated) (found bool, err error) {
	for {
		// What somebody has read before it was sealed anew may yet be copied.
		if err := s.Store.WaitForOpen(ctx); err != nil {
			return found, err
		}
		stale := 0
		for _, c := range sealedColumns {
			n, err := s.resealColumn(ctx, c, done)
			stale += n
			if err != nil {
				return found, fmt.Errorf("seal %s anew: %w", c.column.Table, err)
			}
		}
		if stale == 0 {
			return found, nil
		}
		found = true
	}
}

// resealBatch is how many rows are sealed anew in a transaction: few, as whoever
// wants one of them waits until it ends.
const resealBatch = 200

// resealColumn goes through a column once, and tells how many rows were stale. Those
// that somebody holds are still.
func (s *Service) resealColumn(ctx context.Context, c sealed, done *Rotated) (stale int, err error) {
	var unread []error
	for after := int64(0); ; {
		rows, err := s.Store.SealedRows(ctx, c.column, after, resealBatch)
		if err != nil {
			return stale, err
		}
		if len(rows) == 0 {
			return stale, errors.Join(unread...)
		}
		after = rows[len(rows)-1].ID
		batch := rows[:0]
		for _, row := range rows {
			switch _, changed, err := c.reseal(s.Vault, row, false); {
			case err != nil && len(unread) < mostUnread:
				unread = append(unread, fmt.Errorf("row %d: %w", row.ID, err))
			case changed:
				batch = append(batch, row)
			}
		}
		n, err := s.resealRows(ctx, c, batch, done)
		stale += n
		if err != nil {
			return stale, err
		}
	}
}

// mostUnread is how many rows that do not unseal are told of.
const mostUnread = 10

// resealRows seals stale rows anew, and tells how many these were. A customer may
// have one account twice, where two processes added it while they had different
// fingerprint keys: then the second keeps the fingerprint that it has.
func (s *Service) resealRows(ctx context.Context, c sealed, rows []store.SealedRow, done *Rotated) (int, error) {
	stale, err := s.writeResealed(ctx, c, rows, false, done)
	if !errors.Is(err, store.ErrConflict) {
		return stale, err
	}
	stale = 0
	for i := range rows {
		n, err := s.writeResealed(ctx, c, rows[i:i+1], false, done)
		if errors.Is(err, store.ErrConflict) {
			n, err = s.writeResealed(ctx, c, rows[i:i+1], true, done)
		}
		stale += n
		if err != nil {
			return stale, err
		}
	}
	return stale, nil
}

func (s *Service) writeResealed(ctx context.Context, c sealed, rows []store.SealedRow, keepFingerprint bool, done *Rotated) (stale int, err error) {
	var batch []store.Resealed
	for _, row := range rows {
		next, changed, err := c.reseal(s.Vault, row, keepFingerprint)
		if err != nil {
			return 0, err
		}
		if changed {
			batch = append(batch, next)
		}
	}
	n, err := s.Store.Reseal(ctx, c.column, batch)
	done.Resealed += n
	return len(batch), err
}

// reseal seals a row with the new keys; it tells false where it is.
func (c sealed) reseal(v *vault.Vault, row store.SealedRow, keepFingerprint bool) (store.Resealed, bool, error) {
	plaintext, err := v.Unseal(row.Sealed, c.binding(row))
	if err != nil {
		return store.Resealed{}, false, err
	}
	next := row
	if c.fingerprint != nil && !keepFingerprint {
		next.Fingerprint = c.fingerprint(v, row, plaintext)
	}
	if v.Current(row.Sealed) && bytes.Equal(next.Fingerprint, row.Fingerprint) {
		return store.Resealed{}, false, nil
	}
	next.Sealed, err = v.Seal(plaintext, c.binding(next))
	return store.Resealed{ID: row.ID, Was: row.Sealed, Sealed: next.Sealed, Fingerprint: next.Fingerprint}, true, err
}
