package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/testenv"
)

// canaries are secrets that must not be found anywhere at rest. A new kind of
// secret is added where it comes up, by add; that is all there is to do.
type canaries struct {
	t      *testing.T
	values map[string]string // by what they are
}

// add takes a secret in, and returns it.
func (c *canaries) add(what, value string) string {
	c.t.Helper()
	if len(value) < 6 {
		c.t.Fatalf("the %s is too short to be looked for", what)
	}
	c.values[what] = value
	return value
}

// number is a canary in the shape of a bank account number, as long as they come.
func (c *canaries) number(what string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e14))
	if err != nil {
		c.t.Fatal(err)
	}
	return c.add(what, fmt.Sprintf("72%014d3", n)) // an end in 00 would have to wait for a prenote
}

// find lists which canaries are in a content, plain or encoded. It looks at each
// byte once, because there may be a lot of it.
func (c *canaries) find(content []byte) (found []string) {
	type needle struct {
		text []byte
		what string
	}
	var needles [1 << 16][]needle // by their first two bytes
	first := func(b []byte) int { return int(b[0])<<8 | int(b[1]) }
	for what, value := range c.values {
		for form, text := range forms(value) {
			needles[first(text)] = append(needles[first(text)], needle{text, what + ", " + form})
		}
	}
	for i := range max(len(content)-1, 0) {
		for _, n := range needles[first(content[i:])] {
			if bytes.HasPrefix(content[i:], n.text) && !slices.Contains(found, n.what) {
				found = append(found, n.what)
			}
		}
	}
	return found
}

// forms are the ways in which a value may be written down.
func forms(value string) map[string][]byte {
	all := map[string][]byte{
		"plain": []byte(value),
		"hex":   []byte(hex.EncodeToString([]byte(value))),
		"HEX":   []byte(strings.ToUpper(hex.EncodeToString([]byte(value)))),
	}
	for shift := range 3 { // within what is encoded, the value may begin at any of three places
		padded := append(make([]byte, shift), value...)
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.EncodeToString(padded)
			text = text[(shift*8+5)/6 : len(padded)*8/6] // without the characters that depend on what is beside it
			all[fmt.Sprint(name, " at ", shift)] = []byte(text)
		}
	}
	if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(value) == 43 { // a token
		all["bytes"] = raw
		all["hex of its bytes"] = []byte(hex.EncodeToString(raw))
	}
	return all
}

// resting is a place where things are kept.
type resting struct {
	name    string
	content []byte
}

// One customer's secrets go through all that there is to do. Afterwards they are in
// no table, no file of the database, no Redis, no line of the log, no trace and no metric. The files for
// the bank hold account numbers by their nature, and so do a bank's own: they are
// the one place.
func TestCanaries(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		var inProcess *miniredis.Miniredis
		collector := testenv.NewCollector(t)
		e := testenv.New(t, engine, withInbox(t), func(c *config.Config) {
			c.OTLPEndpoint = collector.URL
			c.SessionIdle = c.SessionAbsolute // the clock is moved by hours
			if engine == testenv.Embedded {   // the same Redis, where its content can be seen
				inProcess = miniredis.RunT(t)
				c.RedisURL = "redis://" + inProcess.Addr()
			}
		})
		wal := ""
		if engine == testenv.Real {
			wal = keepWAL(t, e)
		}
		birds := &canaries{t, map[string]string{}}
		// What is stored in plain text by right: it has to be found, or else nothing
		// was looked at.
		control := "control-" + rand.Text()
		live(t, e, birds, control)

		places := append(booksAtRest(t, e, wal), redisAtRest(t, e, inProcess))
		seen := map[string]bool{}
		for _, place := range places {
			for _, found := range birds.find(place.content) {
				t.Errorf("the %s: in %s", found, place.name)
			}
			kind, _, _ := strings.Cut(place.name, ":")
			seen[kind] = seen[kind] || bytes.Contains(place.content, []byte(control))
		}
		for kind, found := range seen {
			if !found {
				t.Errorf("the control is not in %s: it was not searched as it should be", kind)
			}
		}
		// Operators see no more of customers than that, and nothing of where they are.
		operators := &canaries{t, maps.Clone(birds.values)}
		for what, value := range map[string]string{
			"device name": control, "e-mail address": "robin@example.com", "address": "127.0.0.1", "user agent": "Go-http-client",
		} {
			operators.add(what, value)
		}
		told := []resting{{"the metrics", []byte(scrape(t, e))}}
		e.Stop() // which sends the last traces
		if len(collector.Spans()) < 100 {
			t.Errorf("only %d spans", len(collector.Spans()))
		}
		for _, place := range append(told, resting{"the traces", collector.Raw()}) {
			for _, found := range operators.find(place.content) {
				t.Errorf("the %s: in %s", found, place.name)
			}
		}
		log := []byte(e.Log.String())
		for _, found := range birds.find(log) {
			t.Errorf("the %s: in the log", found)
		}
		if !bytes.Contains(log, []byte(control)) {
			t.Error("the control is not in the log")
		}
	})
}

// live is what the customer does, and what is done for them.
func live(t *testing.T, e *testenv.Env, birds *canaries, control string) {
	t.Helper()
	c := e.AddCustomer()
	username, password := e.Post(c.Token, whoAmI, nil).Text("viewer", "username"), birds.add("password", "horse-"+rand.Text())
	hash, err := e.App.Servicing.Hasher.Hash(t.Context(), auth.Password(password))
	if err != nil {
		t.Fatal(err)
	}
	alter(t, e, "UPDATE customers SET password_hash = $1 WHERE id = $2", hash, int64(c.ID))
	stopWorker := startWorker(t, e)

	// log in, after some tries that fail
	in := credentials(username, password)
	in["input"].(testenv.Vars)["deviceName"] = control
	for _, wrong := range []testenv.Vars{credentials("nobody", password), credentials(username, birds.add("wrong password", "mule-"+rand.Text()))} {
		if got := e.Post("", logIn, wrong); got.Code() != "INVALID_CREDENTIALS" {
			t.Errorf("a wrong log-in: %s", got.Raw)
		}
	}
	in["input"].(testenv.Vars)["rememberDevice"] = true
	entered := e.Post("", logInThrottled, in)
	birds.add("device token", entered.Text("logIn", "deviceToken"))
	c.Token = prove(t, e, birds, birds.add("token", entered.Text("logIn", "session", "token")), password)
	e.Post(birds.add("unknown token", strings.Repeat("Q", 20)+rand.Text()[:23]), whoAmI, nil)

	if c.Token == "" {
		t.Fatal("the customer could not show who they are")
	}

	// add an account, and pay with it, with a new one, and with mistakes
	first, second, refused, corrected := birds.number("first number"), birds.number("second number"), birds.number("refused number"), birds.number("corrected number")
	added := e.Post(c.Token, addAccount, account("add", first, testenv.Vars{"nickname": control}))
	id := added.Text("addPaymentAccount", "paymentAccount", "id")
	paid := e.Post(c.Token, schedule, order(c, "saved", testenv.Vars{"paymentAccount": testenv.Vars{"saved": id}}))
	withNew := orderWithNew(c, "new", second)
	withNew["input"].(testenv.Vars)["scheduledOn"] = "2026-11-18"
	for _, answer := range []testenv.Answer{added, paid, e.Post(c.Token, payWithNew, withNew), e.Post(c.Token, payWithNew, withNew)} {
		if answer.Code() != "" || answer.Status != 200 {
			t.Fatal(answer.Raw)
		}
	}
	for _, answer := range []testenv.Answer{
		e.Post(c.Token, addAccount, account("add", second)), // the key was used
		e.Post(c.Token, addAccount, account("again", first)),
		e.Post(c.Token, addAccount, account("bad", refused, testenv.Vars{"routingNumber": "1"})),
		e.Post(c.Token, addAccount, account("long", refused+"0")),
		e.Post(c.Token, addAccount, account("odd", refused, testenv.Vars{"type": refused})),
		e.Post(c.Token, `{ node(id: "`+refused+`") { id } x`+refused+` }`, nil),
		e.PostRaw(c.Token, `{"query": "`+refused),
	} {
		if answer.Code() == "" {
			t.Errorf("not refused: %s", answer.Raw)
		}
	}

	// a partner, by two secrets and what is none
	p := e.AddPartner(everything)
	e.Grant(c, p, allGranted...)
	rotated, err := e.App.Servicing.RotatePartner(t.Context(), "test", p.PartnerID, time.Hour, e.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"partner secret": p.Secret, "rotated partner secret": rotated.Secret, "partner token": p.Token, "second partner token": e.PartnerToken(p.With(rotated.Secret), "events:read"),
	} {
		birds.add(name, value)
		birds.add("bare "+name, value[len(value)-43:])
	}
	askToken(t, e, "grant_type=client_credentials", p.ClientID, birds.add("wrong partner secret", "mps_"+rand.Text()+rand.Text()))
	e.Post(p.Token, schedule, partnerOrder(c, "partner", testenv.Vars{"paymentAccount": testenv.Vars{"saved": id}, "scheduledOn": "2026-12-02"}))
	e.Post(birds.add("unknown partner token", "mpt_1_"+strings.Repeat("Q", 20)+rand.Text()[:23]), asCustomer, testenv.Vars{"id": c.GlobalID()})

	// the run, what the bank answers, and the next run
	e.At("2026-11-18 15:00:00")
	const name, later = "20261118-1500-A.ach", "20261119-1500-A.ach"
	eventually(t, "the debits are in a file", func() bool { return e.Outbox()[name] != "" })
	file := e.Outbox()[name]
	for _, number := range []string{first, second} {
		if !strings.Contains(file, number) { // what the bank has to know
			t.Error("a number is not in the file for the bank")
		}
	}
	answerFile(t, e, file, traceOf(t, file, first), corrected)
	e.At("2026-11-19 15:00:00") // one is tried again, from the corrected account
	eventually(t, "the second try is in a file", func() bool { return strings.Contains(e.Outbox()[later], corrected) })

	// the keys
	r := newRotating(t, e)
	for _, o := range []servicing.Rotation{{Fingerprints: true}, {Retire: true}} {
		for i, value := range regexp.MustCompile(`"value": *"([^"]+)"`).FindAllStringSubmatch(contentOf(t, e.App.Config.Keyset), -1) {
			birds.add(fmt.Sprintf("key %d %t secret", i, o.Retire), value[1])
		}
		r.rotate(o)
	}

	// and what goes wrong, by somebody who takes no care of what is logged
	for what, value := range birds.values {
		name := strings.Fields(what)[len(strings.Fields(what))-1] // password, token, number
		e.App.Log.Error("a fault of "+control, name, value, "error", fmt.Errorf("%s: %q", name, value), "input", map[string]any{name: value})
		if strings.HasSuffix(what, "number") || strings.HasSuffix(what, "token") {
			e.App.Log.Error("a fault with "+value, "what", value, "error", errors.New("not like "+value))
		}
	}
	stopWorker()
}

// prove steps up by a code, turns the second factor on, and uses what that gives. It
// returns the token under which the session goes on. A code has six digits only, which
// may stand anywhere: what is looked for is the line of the notice that has it.
func prove(t *testing.T, e *testenv.Env, birds *canaries, token, password string) string {
	t.Helper()
	e.Post(token, requestCode, nil)
	sent := e.Mailbox("robin@example.com")[0]
	for line := range strings.Lines(sent.Text) {
		if strings.Contains(line, sent.Code) {
			birds.add("line with a code", strings.TrimSpace(line)+"\n")
		}
	}
	by := testenv.Vars{"input": testenv.Vars{"passwordAndCode": testenv.Vars{"password": password, "code": sent.Code}}}
	token = birds.add("second token", e.Post(token, confirmIdentity, by).Text("confirmIdentity", "session", "token"))
	secret := birds.add("TOTP secret", e.Post(token, setUpTotp, nil).Text("setUpTotp", "secret"))
	on := e.Post(token, confirmTotp, testenv.Vars{"code": totpOf(t, e, secret)})
	for i := range 10 {
		birds.add(fmt.Sprintf("recovery %d code", i), on.Text("confirmTotp", "recoveryCodes", i))
	}
	by = testenv.Vars{"input": testenv.Vars{"recoveryCode": on.Text("confirmTotp", "recoveryCodes", 0)}}
	token = birds.add("third token", e.Post(token, confirmIdentity, by).Text("confirmIdentity", "session", "token"))
	changed := e.Post(token, changePassword, testenv.Vars{"old": password, "new": birds.add("new password", "zebra-"+rand.Text())})
	return birds.add("fourth token", changed.Text("changePassword", "session", "token"))
}

// answerFile lets the bank correct the account of one entry of a file, and return it.
func answerFile(t *testing.T, e *testenv.Env, file, trace, number string) {
	t.Helper()
	changed, err := ach.BuildNotification([]byte(file), e.Clock.Now(), ach.Change{Trace: trace, Code: "C01", Correction: ach.Correction{AccountNumber: ach.AccountNumber(number)}})
	if err != nil {
		t.Fatal(err)
	}
	returned, err := ach.BuildReturn([]byte(file), e.Clock.Now(), ach.Rejection{Trace: trace, Code: "R01"})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"1.ach": changed, "2.ach": returned, "3.ach": []byte("noise " + number)} {
		if err := e.App.Servicing.TakeInbound(t.Context(), name, content, e.Clock.Now()); (err != nil) != (name == "3.ach") {
			t.Errorf("%s: %v", name, err)
		} else if err != nil {
			e.App.Log.Error("a file of the bank", "error", err)
		}
	}
}

// booksAtRest is the database as a thief of it would have it: what is in its
// tables, and its files, with what is deleted or replaced in them and in the
// write-ahead log.
func booksAtRest(t *testing.T, e *testenv.Env, fromWAL string) []resting {
	t.Helper()
	places := []resting{{"the dump", []byte(e.Dump())}}
	if fromWAL == "" {
		return places // which are SQLite's file and its log
	}
	db := openPostgres(t, e)
	// What is in memory goes to the disk.
	if _, err := db.ExecContext(t.Context(), "CHECKPOINT; SELECT pg_switch_wal()"); err != nil {
		t.Fatal(err)
	}
	var data, oid string
	err := db.QueryRowContext(t.Context(), `
SELECT setting, (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_settings WHERE name = 'data_directory'`).Scan(&data, &oid)
	if err != nil {
		t.Fatal(err)
	}
	places = append(places, filesIn(t, "Postgres's files", filepath.Join(data, "base", oid), "")...)
	return append(places, filesIn(t, "the write-ahead log", filepath.Join(data, "pg_wal"), fromWAL)...)
}

func openPostgres(t *testing.T, e *testenv.Env) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", testenv.AsAdmin(e.App.Config.DatabaseURL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// keepWAL has Postgres keep its write-ahead log until the test ends, and returns
// the name of the file that it writes now.
func keepWAL(t *testing.T, e *testenv.Env) (file string) {
	t.Helper()
	db := openPostgres(t, e)
	slot := "canary_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "SELECT pg_create_physical_replication_slot($1, TRUE)", slot); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "SELECT pg_drop_replication_slot($1)", slot); err != nil {
			t.Error(err)
		}
	})
	if err := db.QueryRowContext(t.Context(), "SELECT pg_walfile_name(pg_current_wal_lsn())").Scan(&file); err != nil {
		t.Fatal(err)
	}
	return file
}

// filesIn reads the files of a folder from one name on. Postgres may remove some
// meanwhile.
func filesIn(t *testing.T, kind, folder, from string) (places []resting) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (entry.IsDir() || entry.Name() < from) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		places = append(places, resting{kind + ": " + filepath.Base(path), content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// redisAtRest is what Redis writes to its disk.
func redisAtRest(t *testing.T, e *testenv.Env, inProcess *miniredis.Miniredis) resting {
	t.Helper()
	if inProcess != nil {
		return resting{"Redis in this process", contentOfRedis(t, inProcess)}
	}
	options, err := redis.ParseURL(e.App.Config.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	ctx := context.WithoutCancel(t.Context())
	// Compressed, it could not be searched.
	if err := errors.Join(client.ConfigSet(ctx, "rdbcompression", "no").Err(), client.Save(ctx).Err()); err != nil {
		t.Fatal(err)
	}
	where, err := client.ConfigGet(ctx, "dir").Result()
	if err != nil {
		t.Fatal(err)
	}
	name, err := client.ConfigGet(ctx, "dbfilename").Result()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(where["dir"], name["dbfilename"]))
	if err != nil {
		t.Fatal(err)
	}
	return resting{"the snapshot of Redis", content}
}

// contentOfRedis is the keys and all that is under them. Its own dump cuts long
// values short.
func contentOfRedis(t *testing.T, inProcess *miniredis.Miniredis) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, key := range inProcess.Keys() {
		var values any
		var err error
		switch kind := inProcess.Type(key); kind {
		case "string":
			values, err = inProcess.Get(key)
		case "hash":
			fields := map[string]string{}
			names, listErr := inProcess.HKeys(key)
			for _, name := range names {
				fields[name] = inProcess.HGet(key, name)
			}
			values, err = fields, listErr
		case "list":
			values, err = inProcess.List(key)
		case "set":
			values, err = inProcess.Members(key)
		case "zset":
			values, err = inProcess.ZMembers(key)
		default:
			t.Fatalf("this test does not know how to read a %s", kind)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, key, values)
	}
	return all.Bytes()
}

// contentOf is a file as text.
func contentOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
