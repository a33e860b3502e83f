package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// documented is the command lines of a document's shell blocks, as a shell splits them.
func documented(t *testing.T, file string, variables map[string]string) [][]string {
	t.Helper()
	var script strings.Builder
	script.WriteString("mobilepay() { printf '%s\\0' \"$@\"; printf '\\n'; }\nset -eu\n")
	for name, value := range variables {
		fmt.Fprintf(&script, "%s=%q\n", name, value)
	}
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(read(t, file), -1) {
		script.WriteString(block[1] + "\n")
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	out, err := shell.Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\x00\n"), "\x00"))
	}
	return lines
}

// Each command of docs/operations.md does what it is for, in the document's order.
func TestOperationsDocument(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash")
	}
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
			return tx.InsertException(t.Context(), store.Exception{Source: "file", Kind: "return to look at", Detail: "R10", CreatedAt: testenv.Noon})
		})
		if err != nil {
			t.Fatal(err)
		}
		confirmation, _ := pay(t, e, order(c, "1", testenv.Vars{"scheduledOn": "2026-11-19"}))
		pay(t, e, order(c, "2"))
		partner, rec := e.AddPartner(everything), newReceiver(t)
		endpoint := rec.endpoint(t, e, partner)
		e.Grant(c, partner, allGranted...)
		push(t, e)
		e.MoveTo("2026-11-18 15:00:00")
		const file = "20261118-1500-A.ach"
		if err := os.Remove(filepath.Join(e.App.Config.Outbox, file)); err != nil {
			t.Fatal(err)
		}
		lines := documented(t, "docs/operations.md", map[string]string{
			"CONFIRMATION": confirmation, "VEHICLE": fmt.Sprint(int64(c.LoanID)), "EXCEPTION": "1", "CORRECTION": "1", "SECOND": "2", "FILE": file,
			"ENDPOINT": endpoint, "EVENT": toldTo(t, e, partner)[0].id,
		})
		for _, line := range lines {
			ops.must(line)
		}
		if len(lines) != 22 {
			t.Errorf("there are %d commands", len(lines))
		}
		if e.Outbox()[file] == "" || !strings.Contains(statuses(e, c), "CANCELED") {
			t.Error("the document's commands have not done it")
		}
		pushLater(t, e, time.Minute)
		all, _ := rec.hooks()
		again := 0
		for _, h := range all {
			if h == all[0] {
				again++
			}
		}
		if again != 2 {
			t.Errorf("the receiver was sent %v", all)
		}
		// Each command of operators has its example.
		for _, name := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)(?: [A-Z.]+)*$`).FindAllStringSubmatch(opsUsage(t), -1) {
			words := append([]string{"ops"}, strings.Fields(name[1])...)
			if !slices.ContainsFunc(lines, func(line []string) bool { return len(line) >= len(words) && slices.Equal(line[:len(words)], words) }) {
				t.Errorf("docs/operations.md has no example of mobilepay %s", strings.Join(words, " "))
			}
		}
		balanced(t, e)
	})
}

// opsUsage is what mobilepay ops prints.
func opsUsage(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	_ = app.Run(t.Context(), []string{"ops"}, nil, &out, &out)
	return out.String()
}

// postgresTool is one of Postgres's own, of the server's version.
func postgresTool(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s", name)
	}
	return path
}

// backedUp is the URL of another database that was restored from a backup of the
// test's, as docs/operations.md says.
func backedUp(t *testing.T, e *testenv.Env, engine testenv.Engine) string {
	t.Helper()
	if engine == testenv.Embedded {
		file := filepath.Join(t.TempDir(), "backup.db")
		console{e, t}.must([]string{"backup", file}, file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup: %v, %v", info, err)
		}
		if _, err := (console{e, t}).run("backup", file); err == nil {
			t.Error("a backup was written over another one")
		}
		return "sqlite:" + file
	}
	if _, err := (console{e, t}).run("backup", filepath.Join(t.TempDir(), "no.db")); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("Postgres: %v", err)
	}
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), postgresTool(t, name), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	restored := testenv.EmptyDatabase(t, engine) // for the owner
	dump := filepath.Join(t.TempDir(), "mobilepay.dump")
	run("pg_dump", "--format=custom", "--file="+dump, testenv.AsAdmin(e.App.Config.DatabaseURL))
	run("pg_restore", "--exit-on-error", "--single-transaction", "--dbname="+testenv.AsAdmin(restored), dump)
	server, err := url.Parse(e.App.Config.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := url.Parse(restored)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(t.Context(), []string{"migrate", "--grant", server.User.Username()}, append(environ(e), "DATABASE_URL="+restored), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	server.Path = owner.Path
	return server.String()
}

// A used database that was dumped and restored is whole: the books agree, the audit is
// what was written, payments can be made, and no file is sent twice, not even one of a
// run that the backup was taken in the middle of.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, ops := e.AddCustomer(), console{e, t}
		_, first := pay(t, e, order(c, "1"))
		e.MoveTo("2026-11-18 15:00:00")
		if status := e.Return(first, "R01"); status != 200 {
			t.Fatalf("the return answers %d", status)
		}
		ops.must(by("ada", "ops", "correct", "propose", fmt.Sprint(int64(c.LoanID)), "--fees", "-25", "--evidence", "letter of November 16"))
		ops.must(by("ben", "ops", "correct", "approve", "1"))
		ops.must(by("ben", "ops", "hold", "place", fmt.Sprint(int64(c.LeaseID))))
		pay(t, e, order(c, "2", testenv.Vars{"amount": testenv.Vars{"fixed": "60.00"}}))
		heads := filepath.Join(t.TempDir(), "heads")
		ops.must([]string{"audit", "verify", "--heads", heads})
		// The backup is taken when the file of 18:00 is made and not yet out.
		e.At("2026-11-18 18:00:00")
		process := *e.App.Servicing
		process.Outbox = noOutbox{}
		if err := process.RunDue(t.Context(), e.Clock.Now()); err == nil {
			t.Fatal("the outbox is not away")
		}
		database := backedUp(t, e, engine)
		if err := e.App.Servicing.RunDue(t.Context(), e.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		sent := e.Outbox()
		if len(sent) != 2 {
			t.Fatalf("%d files were sent", len(sent))
		}

		again := testenv.New(t, engine, func(cfg *config.Config) {
			cfg.DatabaseURL, cfg.Keyset, cfg.Outbox = database, e.App.Config.Keyset, e.App.Config.Outbox
		})
		again.At("2026-11-18 18:05:00")
		restored := console{again, t}
		restored.must([]string{"reconcile"})
		restored.must([]string{"audit", "verify", "--against", heads})
		for range 2 {
			if err := again.App.Servicing.RunDue(t.Context(), again.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		now := again.Outbox()
		for name, content := range now {
			if sent[name] != content {
				t.Errorf("%s is not what was sent", name)
			}
		}
		if len(now) != 2 {
			t.Errorf("there are %d files", len(now))
		}
		balanced(t, again)
		pay(t, again, order(c, "3", testenv.Vars{"scheduledOn": "2026-11-19", "amount": testenv.Vars{"fixed": "61.00"}}))
		if got := again.Post(again.OpenSession(c.ID), schedule, order(c, "4", testenv.Vars{"scheduledOn": "2026-11-19", "vehicleId": c.Lease})); got.Code() != "ACCOUNT_ON_HOLD" {
			t.Errorf("the hold is gone: %s", got.Raw)
		}
		again.MoveTo("2026-11-19 15:00:00")
		var seen struct{ Status string }
		if err := json.Unmarshal([]byte(restored.must([]string{"ops", "payment", "4", "--json"})), &seen); err != nil || seen.Status == "" {
			t.Errorf("the payment is %v, %v", seen, err)
		}
		if len(again.Outbox()) != 3 {
			t.Errorf("there are %d files after a day", len(again.Outbox()))
		}
		restored.must([]string{"reconcile"})
		restored.must([]string{"audit", "verify"})
	})
}
