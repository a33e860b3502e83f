package testenv

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/lib/pq" // to make and drop databases

	"github.com/automobilepay/mobilepay/store"
)

// The roles of production: the one that owns the tables and migrates, and the one
// as which the app runs. Every test shows that its rights suffice.
const (
	ownerRole = "mobilepay_test_owner"
	appRole   = "mobilepay_test_app"
)

// template is the database that is copied for each test, with all tables and no
// rows. It stays, with the server that the tests have for themselves.
var template = sync.OnceValues(func() (string, error) {
	name := randomName("template")
	return name, makeTemplate(context.Background(), os.Getenv(postgresVariable), name)
})

// embeddedTemplate is the file of an embedded database with all tables and no rows.
var embeddedTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "mobilepay-template")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "books.db")
	s, err := store.Open(context.Background(), "sqlite:"+path, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.MigrateJobs(context.Background(), slog.New(slog.DiscardHandler)), s.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // the last connection has moved all into it
})

func makeTemplate(ctx context.Context, admin, name string) error {
	db, err := sql.Open("postgres", admin)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, role := range []string{ownerRole, appRole} {
		// Another package's tests may do so at the same time.
		create := `DO $$ BEGIN CREATE ROLE ` + role + ` LOGIN PASSWORD 'test'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`
		if _, err := db.ExecContext(ctx, create); err != nil {
			return err
		}
	}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" OWNER "+ownerRole); err != nil {
		return err
	}
	s, err := store.Open(ctx, as(ownerRole, admin, name), store.Options{Connections: 2})
	if err != nil {
		return err
	}
	return errors.Join(s.MigrateJobs(ctx, slog.New(slog.DiscardHandler)), s.Grant(ctx, appRole), s.Close())
}

// as is the URL of a database for a role; for the administrator where it is empty.
func as(role, rawURL, database string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		panic(err) // it has been connected to
	}
	if role != "" {
		u.User = url.UserPassword(role, "test")
	}
	u.Path = "/" + database
	return u.String()
}

func randomName(kind string) string {
	var random [8]byte
	_, _ = rand.Read(random[:])
	return kind + "_" + hex.EncodeToString(random[:])
}

// newDatabase makes a database like another one, and drops it in the end. It returns
// its URL for the app.
func newDatabase(t testing.TB, like string) string {
	t.Helper()
	admin := os.Getenv(postgresVariable)
	db, err := sql.Open("postgres", admin)
	if err != nil {
		t.Fatal(err)
	}
	name := randomName("test")
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, like, ownerRole)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)")
		if err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	return as(appRole, admin, name)
}

// AsOwner is the URL of a test's database for the role that may change its tables;
// of an embedded one, what it was.
func AsOwner(databaseURL string) string { return asIn(databaseURL, ownerRole) }

// AsAdmin is the URL for who may do everything.
func AsAdmin(databaseURL string) string { return asIn(databaseURL, "") }

func asIn(databaseURL, role string) string {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Scheme == "sqlite" {
		return databaseURL
	}
	return as(role, os.Getenv(postgresVariable), cmp.Or(u.Path, "/")[1:])
}

// EmptyDatabase is the URL, for the owner, of a database without tables.
func EmptyDatabase(t testing.TB, engine Engine) string {
	t.Helper()
	if engine == Embedded {
		return "sqlite:" + filepath.Join(t.TempDir(), "books.db")
	}
	needReal(t)
	if _, err := template(); err != nil { // which makes the roles
		t.Fatal(err)
	}
	return AsOwner(newDatabase(t, "template0"))
}
