package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// What the server's role may not do. That its rights suffice is shown by all other
// tests, which run as this role.
func TestGrants(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		b.chain(b.owner, 2)
		for _, statement := range []string{
			"UPDATE audit SET action = ''", "DELETE FROM audit", "TRUNCATE audit", "ALTER TABLE audit DISABLE TRIGGER ALL", "DROP TRIGGER audit_append_only ON audit",
			"UPDATE ledger SET posted_at = posted_at", "DELETE FROM ledger", "TRUNCATE ledger", "DROP TABLE ledger",
			"UPDATE consents SET at = at", "DELETE FROM consents", "UPDATE disclosures SET text = ''", "TRUNCATE disclosures CASCADE",
			"INSERT INTO audit_heads VALUES (4711, 1, '')", "UPDATE audit_heads SET seq = 1", "DELETE FROM audit_heads", "SELECT * FROM audit_heads FOR UPDATE",
			"UPDATE owners SET customer_id = customer_id", "DELETE FROM owners", "UPDATE payment_traces SET traceparent = ''", "DELETE FROM payment_traces", "DELETE FROM payments", "TRUNCATE payments CASCADE",
			"UPDATE goose_db_version SET version_id = 0", "DELETE FROM river_migration",
			"CREATE TABLE mine (id BIGINT)", "CREATE FUNCTION mine() RETURNS BIGINT LANGUAGE sql AS 'SELECT 1'", "ALTER TABLE payments ADD COLUMN mine BIGINT",
			"SET session_replication_role = replica",
		} {
			_, err := b.DB().ExecContext(t.Context(), statement)
			var pgErr *pq.Error
			if !errors.As(err, &pgErr) || pgErr.Code.Name() != "insufficient_privilege" {
				t.Errorf("%s: %v", statement, err)
			}
		}
		b.whole(2)
	})
}

// The server's role cannot bring a schema up to date, and says who can. It starts
// where nothing is to be done.
func TestOpenWithoutTheRightToMigrate(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		b.raw("DELETE FROM goose_db_version WHERE version_id = (SELECT MAX(version_id) FROM goose_db_version)")
		_, err := store.Open(t.Context(), b.url, store.Options{})
		if err == nil || !strings.Contains(err.Error(), "run mobilepay migrate as the owner") {
			t.Errorf("got %v", err)
		}
		b.raw("DROP TABLE goose_db_version")
		if _, err := store.Open(t.Context(), b.url, store.Options{}); err == nil || !strings.Contains(err.Error(), "run mobilepay migrate as the owner") {
			t.Errorf("got %v", err)
		}
	})
}

// A role that is given the rights again has the same, and one with an odd name gets
// them, too.
func TestGrantAgain(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		owner := openURL(t, testenv.AsOwner(b.url), store.Options{})
		rights := func() (list []string) {
			must(t, b.admin.SelectContext(t.Context(), &list, "SELECT relname || ' ' || relacl::text FROM pg_class WHERE relacl IS NOT NULL AND relnamespace = 'public'::regnamespace ORDER BY 1"))
			return list
		}
		before := rights()
		must(t, owner.Grant(t.Context(), "mobilepay_test_app"))
		same(t, rights(), before)
		if err := owner.Grant(t.Context(), `no such "role`); err == nil {
			t.Error("a role that is not there has got rights")
		}
	})
}
