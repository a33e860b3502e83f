package store

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const grantColumns = `g.id, g.customer_id, g.scopes, g.granted_at, g.last_used_at,
    p.id AS partner_id, p.name AS partner_name, p.scopes AS partner_scopes, p.created_at AS partner_created_at`

// isLive is that neither the grant nor the partner has ended.
const isLive = "g.revoked_at IS NULL AND p.revoked_at IS NULL"

var (
	allPartners   = prepare(`SELECT id, name, scopes, created_at, revoked_at FROM partners ORDER BY name, id`)
	insertPartner = prepare(`INSERT INTO partners (name, scopes, created_at) VALUES ($1, $2, $3) RETURNING id`)
	lockPartner   = prepare(`SELECT id, name, scopes, created_at, revoked_at FROM partners WHERE id = $1 {{lock}}`)
	sharePartner  = prepare(`SELECT id, name, scopes, created_at, revoked_at FROM partners WHERE id = $1 AND revoked_at IS NULL {{share}}`)
	revokePartner = prepare(`UPDATE partners SET revoked_at = $2 WHERE id = $1`)

	// The hash last, so that it is compared here and not by an index.
	partnerSecrets = prepare(`
SELECT p.id, p.name, p.scopes, p.created_at, s.secret_hash
FROM partners p JOIN partner_secrets s ON s.partner_id = p.id
WHERE p.id = $1 AND p.revoked_at IS NULL AND (s.ends_at IS NULL OR s.ends_at > $2)`)
	insertSecret = prepare(`INSERT INTO partner_secrets (secret_hash, partner_id, created_at) VALUES ($1, $2, $3)`)
	// Of those that are live the latest stays until then; the others end now.
	endLatestSecret = prepare(`UPDATE partner_secrets SET ends_at = $2 WHERE partner_id = $1 AND ends_at IS NULL`)
	endOtherSecrets = prepare(`UPDATE partner_secrets SET ends_at = $2 WHERE partner_id = $1 AND ends_at > $2`)

	grantsOfCustomer = prepare(`
SELECT ` + grantColumns + ` FROM partner_grants g JOIN partners p ON p.id = g.partner_id
WHERE g.customer_id = $1 AND ` + isLive + ` ORDER BY g.granted_at DESC, g.id DESC`)
	grantOf = prepare(`
SELECT ` + grantColumns + ` FROM partner_grants g JOIN partners p ON p.id = g.partner_id
WHERE g.customer_id = $1 AND g.partner_id = $2 AND ` + isLive)
	shareGrant = prepare(`
SELECT ` + grantColumns + ` FROM partner_grants g JOIN partners p ON p.id = g.partner_id
WHERE g.customer_id = $1 AND g.partner_id = $2 AND ` + isLive + ` {{share}}`)
	insertGrant = prepare(`
INSERT INTO partner_grants (customer_id, partner_id, scopes, granted_at) VALUES ($1, $2, $3, $4) RETURNING id`)
	endGrant = prepare(`UPDATE partner_grants SET revoked_at = $3 WHERE customer_id = $1 AND id = $2 AND revoked_at IS NULL`)
	useGrant = prepare(`UPDATE partner_grants SET last_used_at = $3 WHERE customer_id = $1 AND id = $2 AND revoked_at IS NULL`)
)

type partnerRow struct {
	ID        loan.PartnerID `db:"id"`
	Name      string         `db:"name"`
	Scopes    string         `db:"scopes"`
	CreatedAt time.Time      `db:"created_at"`
	RevokedAt *time.Time     `db:"revoked_at"`
}

func (r partnerRow) partner() loan.Partner {
	return loan.Partner{ID: r.ID, Name: r.Name, Scopes: scopes(r.Scopes), CreatedAt: r.CreatedAt, RevokedAt: r.RevokedAt}
}

// scopes are those of a column that are known to this release.
func scopes(text string) loan.Scopes {
	known, _ := loan.ParseScopes(text)
	return known
}

type grantRow struct {
	ID               loan.PartnerGrantID `db:"id"`
	CustomerID       loan.CustomerID     `db:"customer_id"`
	Scopes           string              `db:"scopes"`
	GrantedAt        time.Time           `db:"granted_at"`
	LastUsedAt       *time.Time          `db:"last_used_at"`
	PartnerID        loan.PartnerID      `db:"partner_id"`
	PartnerName      string              `db:"partner_name"`
	PartnerScopes    string              `db:"partner_scopes"`
	PartnerCreatedAt time.Time           `db:"partner_created_at"`
}

func (r grantRow) grant() *loan.PartnerGrant {
	return &loan.PartnerGrant{
		ID: r.ID, CustomerID: r.CustomerID, Scopes: scopes(r.Scopes), GrantedAt: r.GrantedAt, LastUsedAt: r.LastUsedAt,
		Partner: loan.Partner{ID: r.PartnerID, Name: r.PartnerName, Scopes: scopes(r.PartnerScopes), CreatedAt: r.PartnerCreatedAt},
	}
}

// Partners lists all partners by name, with those that were revoked.
func (q *queries) Partners(ctx context.Context) ([]*loan.Partner, error) {
	var rows []partnerRow
	err := q.list(ctx, &rows, allPartners)
	partners := make([]*loan.Partner, len(rows))
	for i, row := range rows {
		partner := row.partner()
		partners[i] = &partner
	}
	return partners, err
}

// PartnerSecrets gets a partner that was not revoked, with the hashes of the secrets
// that it has at an instant; [ErrNotFound] where there is none.
func (q *queries) PartnerSecrets(ctx context.Context, id loan.PartnerID, now time.Time) (partner loan.Partner, hashes []string, err error) {
	var rows []struct {
		partnerRow
		Hash string `db:"secret_hash"`
	}
	if err := q.list(ctx, &rows, partnerSecrets, id, utc(now)); err != nil {
		return loan.Partner{}, nil, err
	}
	for _, row := range rows {
		partner, hashes = row.partner(), append(hashes, row.Hash)
	}
	if len(rows) == 0 {
		return loan.Partner{}, nil, ErrNotFound
	}
	return partner, hashes, nil
}

// InsertPartner adds a partner and gives it its id.
func (tx *Tx) InsertPartner(ctx context.Context, p *loan.Partner) error {
	return tx.get(ctx, &p.ID, insertPartner, p.Name, p.Scopes.String(), utc(p.CreatedAt))
}

// LockPartner gets a partner, revoked or not, and holds it until the transaction ends;
// [ErrNotFound].
func (tx *Tx) LockPartner(ctx context.Context, id loan.PartnerID) (loan.Partner, error) {
	var row partnerRow
	err := tx.get(ctx, &row, lockPartner, id)
	return row.partner(), err
}

// SharePartner gets a partner that was not revoked, and keeps it from being so until
// the transaction ends; [ErrNotFound].
func (tx *Tx) SharePartner(ctx context.Context, id loan.PartnerID) (loan.Partner, error) {
	var row partnerRow
	err := tx.get(ctx, &row, sharePartner, id)
	return row.partner(), err
}

// RevokePartner writes since when a partner is revoked.
func (tx *Tx) RevokePartner(ctx context.Context, id loan.PartnerID, at time.Time) error {
	return tx.execOne(ctx, revokePartner, id, utc(at))
}

// ReplaceSecret gives a partner a secret, of which hash is the hash. The one that was
// the latest counts until an instant, and any before it no longer. The partner must be
// locked.
func (tx *Tx) ReplaceSecret(ctx context.Context, id loan.PartnerID, hash string, now, until time.Time) error {
	if _, err := tx.exec(ctx, endOtherSecrets, id, utc(now)); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, endLatestSecret, id, utc(until)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, insertSecret, hash, id, utc(now))
	return err
}

// PartnerGrants lists what a customer lets partners do, the latest first.
func (q *queries) PartnerGrants(ctx context.Context, owner loan.CustomerID) ([]*loan.PartnerGrant, error) {
	var rows []grantRow
	err := q.list(ctx, &rows, grantsOfCustomer, owner)
	grants := make([]*loan.PartnerGrant, len(rows))
	for i, row := range rows {
		grants[i] = row.grant()
	}
	return grants, err
}

// PartnerGrant gets what a customer lets a partner do; [ErrNotFound] where that is
// nothing, or there is no such customer.
func (q *queries) PartnerGrant(ctx context.Context, owner loan.CustomerID, partner loan.PartnerID) (*loan.PartnerGrant, error) {
	var row grantRow
	if err := q.get(ctx, &row, grantOf, owner, partner); err != nil {
		return nil, err
	}
	return row.grant(), nil
}

// ShareGrant is PartnerGrant for who then changes something: neither the grant nor the
// partner can be revoked before the transaction ends.
func (tx *Tx) ShareGrant(ctx context.Context, owner loan.CustomerID, partner loan.PartnerID) (*loan.PartnerGrant, error) {
	var row grantRow
	if err := tx.get(ctx, &row, shareGrant, owner, partner); err != nil {
		return nil, err
	}
	return row.grant(), nil
}

// InsertGrant adds a grant and gives it its id; [ErrConflict] where the customer has
// granted the partner something already.
func (tx *Tx) InsertGrant(ctx context.Context, g *loan.PartnerGrant) error {
	return tx.get(ctx, &g.ID, insertGrant, g.CustomerID, g.Partner.ID, g.Scopes.String(), utc(g.GrantedAt))
}

// EndGrant ends a grant; [ErrNotFound] where the customer has none like it.
func (tx *Tx) EndGrant(ctx context.Context, owner loan.CustomerID, id loan.PartnerGrantID, at time.Time) error {
	return tx.execOne(ctx, endGrant, owner, id, utc(at))
}

// UseGrant writes when a grant was used; nothing happens where it has ended.
func (tx *Tx) UseGrant(ctx context.Context, owner loan.CustomerID, id loan.PartnerGrantID, at time.Time) error {
	_, err := tx.exec(ctx, useGrant, owner, id, utc(at))
	return err
}
