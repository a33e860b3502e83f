package store_test

import (
	"context"
	"testing"

	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

func TestMigrateTwice(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		before := b.schema()
		again := &books{Store: openURL(t, b.url, store.Options{}), t: t}
		same(t, again.schema(), before)
		c, err := again.Customer(t.Context(), b.owner)
		must(t, err)
		same(t, c.ID, b.owner)
		migrations, err := b.Migrations()
		must(t, err)
		results, err := migrations.Up(t.Context())
		must(t, err)
		if len(results) != 0 {
			t.Errorf("%d migrations ran again", len(results))
		}
	})
}

// schema is all columns, indexes and constraints.
func (b *books) schema() (schema []string) {
	b.t.Helper()
	query := `SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master ORDER BY 1`
	if !b.Embedded() {
		query = `
SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, is_identity) FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1`
	}
	must(b.t, b.DB().SelectContext(b.t.Context(), &schema, query))
	return schema
}

// Instances that start on an empty database at once: one makes the schema, the
// others wait for it.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	databaseURL := testenv.EmptyDatabase(t, testenv.Real)
	const instances = 3
	results := make(chan error, instances)
	for range instances {
		go func() {
			s, err := store.Open(t.Context(), databaseURL, store.Options{Connections: 2})
			if err == nil {
				err = s.Close()
			}
			results <- err
		}()
	}
	for range instances {
		must(t, <-results)
	}
	(&books{Store: openURL(t, databaseURL, store.Options{}), t: t}).works0()
}

// works0 is works on empty books.
func (b *books) works0() {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) { b.owner = b.addCustomer(tx) })
	b.works()
}

func TestMigrateDownAndUp(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		databaseURL := testenv.EmptyDatabase(t, engine)
		b := &books{Store: openURL(t, databaseURL, store.Options{}), t: t}
		before := b.schema()
		b.works0()
		migrations, err := b.Migrations()
		must(t, err)
		_, err = migrations.DownTo(t.Context(), 0)
		must(t, err)
		if left := b.count(map[testenv.Engine]string{
			testenv.Embedded: `SELECT COUNT(*) FROM sqlite_master WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`,
			testenv.Real:     `SELECT (SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%') + (SELECT COUNT(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)`,
		}[engine]); left != 0 {
			t.Errorf("%d things are left", left)
		}
		again := &books{Store: openURL(t, databaseURL, store.Options{}), t: t}
		same(t, again.schema(), before)
		again.works0()
	})
}

func TestMigrateWithoutADatabase(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		if _, err := store.Open(ctx, databaseURL(t, engine), store.Options{}); err == nil {
			t.Error("it opened with a context that had ended")
		}
	})
}
