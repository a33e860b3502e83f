package store_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// With each release: scripts/with-services go test ./store -run TestRelease -args -release
var writeRelease = flag.Bool("release", false, "write down what this version asks of the database")

// release is what a released version asks of the database. It is what the version
// itself prepared, and needs neither its source nor its program to be there.
type release struct {
	Statements []string
	Columns    []column
}

type column struct {
	Table, Name, Type string
	// Required is whether who adds a row must give a value.
	Required bool
}

// columns are those of all tables but the queue's and the migrations', which their
// libraries look after.
func (b *books) columns() (columns []column) {
	b.t.Helper()
	query := `
SELECT m.name AS "table", c.name, c.type, c."notnull" AND c.dflt_value IS NULL AND NOT (c.pk AND c.type = 'INTEGER') AS required
FROM sqlite_master m JOIN pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'river%' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2`
	if !b.Embedded() {
		query = `
SELECT table_name AS "table", column_name AS name, data_type AS type,
       is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AS required
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE 'river%' AND table_name NOT LIKE 'goose%' ORDER BY 1, 2`
	}
	must(b.t, b.DB().SelectContext(b.t.Context(), &columns, query))
	return columns
}

// The version that was released last goes on working while a deployment replaces it:
// each of its statements can still be asked on the newest schema, and what it adds and
// reads has no column less, and none more that it would have to fill.
func TestReleasedVersionRunsOnTheNewSchema(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		path := filepath.Join("testdata", "released-postgres.json")
		if b.Embedded() {
			path = filepath.Join("testdata", "released-sqlite.json")
		}
		if *writeRelease {
			text, err := json.MarshalIndent(release{b.Texts(), b.columns()}, "", " ")
			must(t, err)
			must(t, os.WriteFile(path, append(text, '\n'), 0o644))
		}
		text, err := os.ReadFile(path)
		must(t, err)
		var released release
		must(t, json.Unmarshal(text, &released))
		if len(released.Statements) < 100 || len(released.Columns) < 100 {
			t.Fatalf("%s holds %d statements and %d columns", path, len(released.Statements), len(released.Columns))
		}
		for _, breaks := range b.breaks(released) {
			t.Error(breaks)
		}

		// It would be seen.
		at := func(table, name string) int {
			return slices.IndexFunc(released.Columns, func(c column) bool { return c.Table == table && c.Name == name })
		}
		broken := release{Statements: []string{"SELECT gone FROM payments"}, Columns: slices.Clone(released.Columns)}
		broken.Columns[at("payments", "status")].Type = "another"
		broken.Columns = append(broken.Columns, column{"payments", "gone", "text", false})
		broken.Columns = slices.Delete(broken.Columns, at("owners", "vehicle_id"), at("owners", "vehicle_id")+1)
		if breaks := b.breaks(broken); len(breaks) != 4 {
			t.Errorf("of four breaks it sees %q", breaks)
		}
	})
}

// breaks is what would no longer work for a released version.
func (b *books) breaks(released release) (breaks []string) {
	b.t.Helper()
	for _, text := range released.Statements {
		stmt, err := b.DB().PrepareContext(b.t.Context(), text)
		if err != nil {
			breaks = append(breaks, err.Error()+": "+text)
			continue
		}
		_ = stmt.Close() //nolint:sqlclosecheck // many are prepared, one after the other
	}
	now, before, tables := map[string]column{}, map[string]column{}, map[string]bool{}
	for _, c := range b.columns() {
		now[c.Table+"."+c.Name] = c
	}
	for _, c := range released.Columns {
		name := c.Table + "." + c.Name
		before[name], tables[c.Table] = c, true
		switch is, there := now[name]; {
		case !there:
			breaks = append(breaks, name+" is gone")
		case is.Type != c.Type:
			breaks = append(breaks, name+" is "+is.Type+" and was "+c.Type)
		case is.Required && !c.Required:
			breaks = append(breaks, name+" is required and was not")
		}
	}
	for name, c := range now {
		if _, known := before[name]; !known && tables[c.Table] && c.Required {
			breaks = append(breaks, name+" is new and required")
		}
	}
	return breaks
}

// A process notices what is done to the schema under it: it goes on where it can, and
// says so where it cannot.
func TestCheckSchema(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		check := func(ok bool, what string) {
			t.Helper()
			if err := b.CheckSchema(t.Context()); (err == nil) != ok {
				t.Errorf("%s: %v", what, err)
			}
		}
		owner := &books{Store: openURL(t, testenv.AsOwner(b.url), store.Options{}), t: t}
		alter := func(statement string) {
			t.Helper()
			_, err := owner.DB().ExecContext(t.Context(), statement)
			must(t, err)
		}
		migrated := func(version string) {
			alter(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (` + version + `, TRUE)`)
		}
		check(true, "its own schema")
		alter(`ALTER TABLE customers ADD COLUMN shoe_size BIGINT`)
		migrated("90001")
		check(true, "a later schema")
		check(true, "a later schema, asked again")
		again := openURL(t, b.url, store.Options{}) // such as after a roll-back of the version
		must(t, again.CheckSchema(t.Context()))
		alter(`ALTER TABLE customers RENAME COLUMN first_name TO given_name`)
		migrated("90002")
		check(false, "a later schema that lacks something")
		check(false, "the same, asked again")
		if s, err := store.Open(t.Context(), b.url, store.Options{}); err == nil {
			t.Error("it starts on a schema that lacks something")
			must(t, s.Close())
		}
		alter(`ALTER TABLE customers RENAME COLUMN given_name TO first_name`)
		check(true, "mended")
		alter(`DELETE FROM goose_db_version WHERE version_id > 1`)
		check(false, "an earlier schema")
	})
}
