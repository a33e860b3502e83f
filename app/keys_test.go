package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
	"github.com/automobilepay/mobilepay/vault"
)

// rotating is processes on the same books and the same keyset file: one or two
// serve, another one rotates the keys.
type rotating struct {
	*testenv.Env
	t        *testing.T
	operator *servicing.Service
	second   *testenv.Env // nil where sessions are in the first server's process
}

func newRotating(t *testing.T, e *testenv.Env) *rotating {
	t.Helper()
	v, err := vault.OpenFile(e.App.Config.Keyset, vault.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &rotating{Env: e, t: t, operator: &servicing.Service{Store: e.App.Store, Vault: v}}
}

// seen is that the servers have looked at the file, which they else do every so often.
func (r *rotating) seen(context.Context) error {
	err := r.App.Vault.Refresh()
	if r.second != nil {
		err = errors.Join(err, r.second.App.Vault.Refresh())
	}
	return err
}

func (r *rotating) rotate(o servicing.Rotation) servicing.Rotated {
	r.t.Helper()
	o.Seen = r.seen
	done, err := r.operator.RotateKeys(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return done
}

// keyset is the keys of the file, from outside.
func (r *rotating) keyset() *vault.Vault {
	r.t.Helper()
	v, err := vault.OpenFile(r.App.Config.Keyset, vault.FileOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

var numberColumns = []*store.SealedColumn{store.AccountNumbers, store.EntryNumbers}

// rows is all that is sealed in a column.
func (r *rotating) rows(c *store.SealedColumn) []store.SealedRow {
	r.t.Helper()
	rows, err := r.App.Store.SealedRows(r.t.Context(), c, 0, 100_000)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

// check reads every row with the keys of the file, and tells how many rows there
// are and how many are sealed with the primary and have its fingerprint.
func (r *rotating) check() (rows, current int) {
	r.t.Helper()
	v := r.keyset()
	for _, c := range numberColumns {
		for _, row := range r.rows(c) {
			rows++
			number, err := v.Unseal(row.Sealed, servicing.AccountBinding(loan.CustomerID(row.Owner), row.Fingerprint))
			if err != nil {
				r.t.Errorf("%s %d: %v", c.Table, row.ID, err)
				continue
			}
			if v.Current(row.Sealed) && bytes.Equal(row.Fingerprint, servicing.AccountFingerprint(v, row.With, number)) {
				current++
			}
		}
	}
	return rows, current
}

const payWithNew = `mutation($input: SchedulePaymentInput!) { schedulePayment(input: $input) {
	payment { confirmationNumber } replayed userErrors { code message } } }`

// orderWithNew pays with a bank account that is added on the way.
func orderWithNew(c testenv.Customer, key, number string) testenv.Vars {
	return testenv.Vars{"input": testenv.Vars{
		"idempotencyKey": key, "vehicleId": c.Loan, "amount": testenv.Vars{"fixed": "10.00"}, "scheduledOn": "2026-12-01",
		"acknowledgeDuplicate": true,
		"paymentAccount": testenv.Vars{"new": testenv.Vars{
			"type": "CHECKING", "routingNumber": "122105155", "accountNumber": number, "authorized": true, "nickname": "",
		}},
	}}
}

// What shows who a customer is outlives the keys that it was sealed and hashed with:
// the second factor's secret, the number by which enrolment finds a contract, a code on
// its way.
func TestIdentityOutlivesItsKeys(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		r := newRotating(t, e)
		holder, id := e.AddHolder("Test"), e.AddUser("sam.user", goodPassword)
		token := e.OpenSession(id)
		secret := e.Post(token, setUpTotp, nil).Text("setUpTotp", "secret")
		if got := e.Post(token, confirmTotp, testenv.Vars{"code": totpOf(t, e, secret)}); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		if got := e.Post(token, updateEmail, testenv.Vars{"email": "new@example.org"}); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		for _, o := range []servicing.Rotation{{Fingerprints: true}, {Retire: true}} {
			r.rotate(o)
		}
		if got := e.Post(token, confirmContact, testenv.Vars{"channel": "EMAIL", "code": e.Code("new@example.org")}); got.Code() != "" {
			t.Errorf("a code on its way: %s", got.Raw)
		}
		e.Clock.Advance(30 * time.Second)
		in := rightLogIn("sam.user", testenv.Vars{"secondFactor": testenv.Vars{"totp": totpOf(t, e, secret)}})
		if got := e.Post("", logInThrottled, in); got.Text("logIn", "session", "token") == "" {
			t.Errorf("the second factor: %s", got.Raw)
		}
		if got := e.Post("", enroll, enrollment(holder, "robin.test")); got.Code() != "" {
			t.Errorf("enrolment: %s", got.Raw)
		}
	})
}

// While customers pay, with accounts that they have and with new ones, and a run
// files debits, the keys are rotated and retired three times. Nobody sees an error,
// and every number is there in the end.
func TestRotateKeysUnderLoad(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, func(c *config.Config) { c.SessionIdle = c.SessionAbsolute }) // the clock is moved
		r := newRotating(t, e)
		servers := []*testenv.Env{e}
		if engine != testenv.Embedded {
			r.second = testenv.New(t, engine, func(c *config.Config) { *c = e.App.Config })
			servers = append(servers, r.second)
		}
		var payers []testenv.Customer
		for range 4 {
			c := e.AddCustomer()
			if got := e.Post(c.Token, schedule, order(c, "today")); got.Code() != "" {
				t.Fatal(got.Raw)
			}
			payers = append(payers, c)
		}
		var paid atomic.Int64
		var wg sync.WaitGroup
		done := make(chan struct{})
		for i, c := range payers {
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					number := fmt.Sprintf("7%d%07d", i, n)
					vars := orderWithNew(c, "key-"+number, number)
					for replayed := range 2 { // the second time by what was answered, perhaps under another key
						answer := servers[(i+n+replayed)%len(servers)].Post(c.Token, payWithNew, vars)
						if answer.Status != 200 || answer.Code() != "" || answer.Get("schedulePayment", "replayed") != (replayed == 1) {
							t.Errorf("a payment while keys are rotated: %s", answer.Raw)
							return
						}
					}
					again := servers[n%len(servers)].Post(c.Token, payWithNew, orderWithNew(c, "again-"+number, number))
					if again.Code() != "PAYMENT_ACCOUNT_EXISTS" {
						t.Errorf("the account is not known again: %s", again.Raw)
						return
					}
					paid.Add(1)
				}
			})
		}
		until := func(n int64) { eventually(t, "payments go on", func() bool { return t.Failed() || paid.Load() >= n }) }
		until(8)
		var resealed int64
		for round := range 3 {
			did := r.rotate(servicing.Rotation{Fingerprints: round != 1})
			if !did.Added {
				t.Error("no key was added")
			}
			resealed += did.Resealed
			until(paid.Load() + 4)
			if round == 0 {
				e.MoveTo("2026-11-18 15:00:01")
				if len(e.Outbox()) != 1 {
					t.Errorf("the run made %d files", len(e.Outbox()))
				}
			}
			if did := r.rotate(servicing.Rotation{Retire: true}); did.Retired != 1 {
				t.Errorf("%d keys were retired", did.Retired)
			}
			until(paid.Load() + 4)
		}
		close(done)
		wg.Wait()
		rows, current := r.check()
		if rows != current || int64(rows) < paid.Load()+2*4 || resealed < 3*4 {
			t.Errorf("of %d rows %d are sealed with the new key, after %d payments", rows, current, paid.Load())
		}
		for _, server := range servers {
			if log := server.Log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
				t.Errorf("the log: %s", log)
			}
		}
		t.Logf("%d payments, %d rows, %d times sealed anew", paid.Load(), rows, resealed)
	})
}

// What was filed before a rotation comes back after it, is tried again with the
// key of now, and the file of the run can be made anew.
func TestEntriesOutliveTheirKey(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		r := newRotating(t, e)
		c := e.AddCustomer()
		e.Post(c.Token, schedule, order(c, "1"))
		e.MoveTo("2026-11-18 15:00:01")
		if statuses(e, c) != "APPLIED" || len(r.rows(store.EntryNumbers)) != 1 {
			t.Fatalf("got %s", statuses(e, c))
		}
		r.rotate(servicing.Rotation{Fingerprints: true})
		r.rotate(servicing.Rotation{Retire: true})
		if rows, current := r.check(); rows != 2 || current != 2 {
			t.Errorf("%d rows, %d current", rows, current)
		}
		payment := e.Payments(c.ID)[0]
		if code := e.Return(payment.ConfirmationNumber, "R01"); code != 200 {
			t.Fatalf("the return is answered %d: %s", code, e.Log)
		}
		if got := statuses(e, c); got != "RETURNED SCHEDULED" {
			t.Errorf("after the return: %s", got)
		}
		e.MoveTo("2026-11-20 15:00:01")
		if got := statuses(e, c); got != "RETURNED APPLIED" {
			t.Errorf("tried again: %s", got)
		}
		if rows, current := r.check(); rows != 3 || current != 3 {
			t.Errorf("%d rows, %d current", rows, current)
		}
	})
}

// errStopped stands for the end of the process.
var errStopped = errors.New("stopped")

// A rotation is stopped at each moment at which it waits, and in between, and goes
// on when it is run again. It is one rotation all the while: no second key is added.
func TestRotationGoesOn(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		r := newRotating(t, e)
		e.AddCustomer()
		added := 0
		stopped := func(o servicing.Rotation, after int) error {
			v := r.keyset() // a new process
			operator := &servicing.Service{Store: e.App.Store, Vault: v}
			o.Seen = func(ctx context.Context) error {
				if after--; after < 0 {
					return errStopped
				}
				return r.seen(ctx)
			}
			done, err := operator.RotateKeys(t.Context(), o)
			if done.Added {
				added++
			}
			return err
		}
		o := servicing.Rotation{Fingerprints: true}
		for _, step := range []struct {
			o     servicing.Rotation
			after int
			want  error
		}{
			{o, 0, errStopped}, // added
			{servicing.Rotation{Retire: true}, 9, vault.ErrNotPromoted}, {o, 0, errStopped}, {o, 1, errStopped}, // promoted
			{o, 0, errStopped}, {o, 9, nil}, {o, 9, nil}, {servicing.Rotation{Retire: true}, 0, errStopped},
		} {
			if err := stopped(step.o, step.after); !errors.Is(err, step.want) {
				t.Fatalf("stopped after %d: %v, want %v", step.after, err, step.want)
			}
			r.check()
		}
		if rows, current := r.check(); rows != 1 || current != 1 || added != 1 {
			t.Errorf("%d rows, %d current, %d keys added", rows, current, added)
		}
		if err := stopped(servicing.Rotation{Retire: true}, 9); err != nil {
			t.Error(err)
		}
		if n := len(r.keyset().Fingerprints("x")); n != 2 {
			t.Errorf("%d fingerprint keys are left, want both", n)
		}
		r.check()
	})
}

// Moved to another row, another customer's or the same one's, a ciphertext does
// not unseal; a rotation says so, goes through the others, and retires nothing.
func TestSwappedCiphertext(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		r := newRotating(t, e)
		first, _ := e.AddCustomer(), e.AddCustomer()
		if got := e.Post(first.Token, payWithNew, orderWithNew(first, "k", "4711471147")); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		rows := r.rows(store.AccountNumbers)
		if len(rows) != 3 || rows[0].Owner == rows[1].Owner || rows[0].Owner != rows[2].Owner {
			t.Fatalf("%d rows", len(rows))
		}
		for _, pair := range [][2]int{{0, 1}, {0, 2}} {
			a, b := rows[pair[0]], rows[pair[1]]
			if _, err := e.App.Vault.Unseal(a.Sealed, servicing.AccountBinding(loan.CustomerID(b.Owner), b.Fingerprint)); !errors.Is(err, vault.ErrSealed) {
				t.Errorf("the number of row %d unseals in row %d: %v", a.ID, b.ID, err)
			}
		}
		alter(t, e, "UPDATE payment_accounts SET number_sealed = $1 WHERE id = $2", rows[0].Sealed, rows[1].ID)
		for _, o := range []servicing.Rotation{{Seen: r.seen}, {Seen: r.seen, Retire: true}} {
			_, err := r.operator.RotateKeys(t.Context(), o)
			if !errors.Is(err, vault.ErrSealed) || !strings.Contains(err.Error(), fmt.Sprintf("payment_accounts anew: row %d", rows[1].ID)) {
				t.Errorf("got %v", err)
			}
		}

		v := r.keyset()
		for i, row := range r.rows(store.AccountNumbers) {
			_, err := v.Unseal(row.Sealed, servicing.AccountBinding(loan.CustomerID(row.Owner), row.Fingerprint))
			if (err != nil) != (i == 1) || v.Current(row.Sealed) != (i != 1) {
				t.Errorf("row %d: %v", row.ID, err)
			}
		}
	})
}

// A customer has one account twice: it was added at once by two processes, one of
// which had the new fingerprint key already. Both rows get the new sealing key.
func TestRotationWithAnAccountTwice(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		r := newRotating(t, e)
		c := e.AddCustomer()
		_, addErr := r.operator.Vault.AddKeys(true)
		_, promoteErr := r.operator.Vault.PromoteKeys()
		if err := errors.Join(addErr, promoteErr); err != nil {
			t.Fatal(err)
		}
		before := r.rows(store.AccountNumbers)[0]
		number, err := r.operator.Vault.Unseal(before.Sealed, servicing.AccountBinding(c.ID, before.Fingerprint))
		if err != nil {
			t.Fatal(err)
		}
		fingerprint := servicing.AccountFingerprint(r.operator.Vault, before.With, number)
		sealed, err := r.operator.Vault.Seal(number, servicing.AccountBinding(c.ID, fingerprint))
		if err != nil {
			t.Fatal(err)
		}
		alter(t, e, `INSERT INTO payment_accounts (customer_id, account_type, routing_number, last4, number_sealed, fingerprint, nickname, is_default, added_at)
			VALUES ($1, 'CHECKING', $2, '0000', $3, $4, '', FALSE, '2026-11-18 12:00:00+00:00')`, int64(c.ID), before.With, sealed, fingerprint)
		r.rotate(servicing.Rotation{})
		if did := r.rotate(servicing.Rotation{Retire: true}); did.Retired != 1 {
			t.Errorf("%d keys were retired", did.Retired)
		}
		rows := r.rows(store.AccountNumbers)
		if all, current := r.check(); all != 2 || current != 1 || !bytes.Equal(rows[0].Fingerprint, before.Fingerprint) {
			t.Errorf("%d rows, %d current", all, current)
		}
	})
}

// The commands, on a keyset that is wrapped.
func TestKeyCommands(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	environ := []string{"DATABASE_URL=sqlite:" + path("books.db"), "MOBILEPAY_KEYSET=" + path("keyset.json"), "MOBILEPAY_OUTBOX=" + path("outbox")}
	run := func(environ []string, args ...string) string {
		t.Helper()
		var stdout, out bytes.Buffer
		if err := app.Run(t.Context(), args, environ, &stdout, &out); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, &out)
		}
		return stdout.String()
	}
	for _, name := range []string{"a.key", "b.key"} {
		if err := os.WriteFile(path(name), []byte(run(nil, "master-key")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	withA := append(environ[:len(environ):len(environ)], "MOBILEPAY_KMS_KEY=file://"+path("a.key"))
	withB := append(environ[:len(environ):len(environ)], "MOBILEPAY_KMS_KEY=file://"+path("b.key"))
	if vault.IsWrapped([]byte(run(environ, "keyset"))) || !vault.IsWrapped([]byte(run(withA, "keyset"))) {
		t.Error("what keyset prints is not wrapped by whether there is a master key")
	}
	run(environ, "wrap-keyset", "--to", "file://"+path("a.key")) // made in cleartext, as it was not there
	if got := run(withA, "rotate-keys", "--grace", "0s", "--fingerprints"); !strings.Contains(got, "0 rows were sealed with a new key") {
		t.Errorf("rotated: %s", got)
	}
	if got := run(withA, "rotate-keys", "--grace", "0s"); !strings.Contains(got, "A rotation was under way") {
		t.Errorf("rotated again: %s", got)
	}
	if got := run(withA, "rotate-keys", "--grace", "0s", "--retire"); !strings.Contains(got, "1 old keys were removed") {
		t.Errorf("retired: %s", got)
	}
	run(withA, "wrap-keyset", "--to", "file://"+path("b.key"))
	run(withB, "rotate-keys", "--grace", "0s")
	var out bytes.Buffer
	for name, err := range map[string]error{
		"another master key": app.Run(t.Context(), []string{"rotate-keys", "--grace", "0s"}, withA, &out, &out),
		"none":               app.Run(t.Context(), []string{"rotate-keys", "--grace", "0s"}, environ, &out, &out),
		"no target":          app.Run(t.Context(), []string{"wrap-keyset"}, withB, &out, &out),
	} {
		if err == nil {
			t.Errorf("with %s: no error", name)
		}
	}
	content, err := os.ReadFile(path("keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	inEnvironment := []string{environ[0], "MOBILEPAY_KMS_KEY=file://" + path("b.key"), "MOBILEPAY_KEYSET_JSON=" + string(content)}
	err = app.Run(t.Context(), []string{"rotate-keys", "--grace", "0s"}, inEnvironment, &out, &out)
	if !errors.Is(err, vault.ErrNoFile) {
		t.Errorf("a keyset in the environment: %v", err)
	}
}

func TestProductionRefusesASharedKeyset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	keyset, err := vault.Generate()
	if err == nil {
		err = os.WriteFile(path, keyset, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Config{Mode: config.Production, Keyset: path, DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	_, err = app.New(t.Context(), cfg, nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "mode 0644") || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

// The command is killed at moments all over its way, and run again. In between all
// rows can be read with the keyset that is there, and in the end it is one rotation.
func TestKilledRotation(t *testing.T) {
	e := testenv.New(t, testenv.Real)
	binary := builtProgram(t)
	r := newRotating(t, e)
	k := &killing{Env: e, t: t}
	k.addCustomers()
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(binary, append([]string{"rotate-keys", "--grace", "0s"}, args...)...)
		c.Env = []string{"DATABASE_URL=" + e.App.Config.DatabaseURL, "MOBILEPAY_KEYSET=" + e.App.Config.Keyset, "MOBILEPAY_OUTBOX=" + t.TempDir(),
			"MOBILEPAY_DATABASE_CONNECTIONS=4"}
		return c
	}
	finish := func(round int) {
		t.Helper()
		for _, args := range [][]string{{"--fingerprints"}, {"--retire"}} {
			if out, err := command(args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		if rows, current := r.check(); rows != killPayments || current != rows {
			t.Fatalf("round %d: of %d rows %d are sealed with the new key", round, rows, current)
		}
	}
	began := time.Now()
	if out, err := command("--fingerprints").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lasts := time.Since(began)
	finish(0)
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	var stages []string
	for round := 1; round <= rounds; round++ {
		c := command("--fingerprints")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lasts * time.Duration(round) / time.Duration(rounds))
		_ = c.Process.Kill()
		_ = c.Wait()
		_, current := r.check()
		stages = append(stages, fmt.Sprint(current))
		finish(round)
	}
	if n := len(r.keyset().Fingerprints("x")); n != 2+rounds {
		t.Errorf("%d fingerprint keys after %d rotations of one", n, 1+rounds)
	}
	t.Logf("a rotation takes %v; sealed anew when it was killed: %s", lasts, strings.Join(stages, " "))
}
