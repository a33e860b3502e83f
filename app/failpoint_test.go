package app_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

// mortal is the program, built so that it can die at any of its failpoints, on
// the database of an environment that looks at what is left.
type mortal struct {
	*testenv.Env
	t      *testing.T
	db     *sql.DB
	binary string
	day    loan.Date // the last one that was used
}

// attempt is an operation that is cut short: when it happens, what is asked, and
// what must be so once it has been asked again.
type attempt struct {
	at    time.Time
	ask   func(url string) (answer string, err error)
	check func()
}

// The program dies before each statement and around each commit of what moves
// money, is started again and asked again: everything has happened once.
func TestDeathAtEachStatement(t *testing.T) {
	testenv.Services(t, testenv.Real) // or the test is skipped
	binary := compile(t, "..", "-tags", "failpoints")
	for _, operation := range []struct {
		name    string
		prepare func(*mortal) attempt
		atLeast int // so many points there are
	}{
		{"cut-off", (*mortal).cutoff, 20},
		{"schedule", (*mortal).schedule, 10},
		{"cancel", (*mortal).cancel, 5},
		{"return for want of money", func(m *mortal) attempt { return m.sendBack("R01") }, 12},
		{"return of a closed account", func(m *mortal) attempt { return m.sendBack("R02") }, 12},
	} {
		// Two halves of the points, each in books of its own, wait for two programs at once.
		for first := range 2 {
			t.Run(fmt.Sprint(operation.name, " from ", first+1), func(t *testing.T) {
				t.Parallel()
				m := newMortal(t, binary)
				step := 2
				if testing.Short() {
					step = 6
				}
				point := first + 1
				for done := false; !done; point += step {
					a := operation.prepare(m)
					if done = m.try(a, point); t.Failed() {
						t.Fatalf("cut short at point %d", point)
					}
					if point > 200 {
						t.Fatal("it never ends")
					}
				}
				if t.Logf("there are about %d points", point-step); point-step <= operation.atLeast {
					t.Error("there are too few points")
				}
				m.nothingLeft()
			})
		}
	}
}

func newMortal(t *testing.T, binary string) *mortal {
	t.Helper()
	m := &mortal{Env: testenv.New(t, testenv.Real), t: t, binary: binary, day: loan.DateOf(testenv.Noon)}
	var err error
	if m.db, err = sql.Open("postgres", testenv.AsAdmin(m.App.Config.DatabaseURL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.db.Close() })
	// Trace numbers come round on the way.
	if _, err := m.db.Exec(`ALTER TABLE ach_entries ALTER COLUMN id RESTART WITH 9999999`); err != nil {
		t.Fatal(err)
	}
	return m
}

// try lets the program die at a point of an attempt and asks it again after a new
// start. It tells whether the first time went through.
func (m *mortal) try(a attempt, point int) bool {
	m.t.Helper()
	first, err := m.serve(a, point)
	again, retryErr := m.serve(a, 0)
	if retryErr != nil {
		m.t.Fatalf("asked again: %v", retryErr)
	}
	if err == nil && first != again {
		m.t.Errorf("first %s\nasked again %s", first, again)
	}
	a.check()
	balanced(m.t, m.Env)
	return err == nil
}

var (
	errDied = errors.New("the program died")
	address = regexp.MustCompile(`msg=serving address=(\S+)`)
)

// serve runs the program. With a point it is expected to die there, or not to come
// so far; else it is asked twice and must give the same answer.
func (m *mortal) serve(a attempt, point int) (string, error) {
	m.t.Helper()
	log, cfg := new(testenv.Log), m.App.Config
	server := exec.Command(m.binary, "serve")
	server.Dir = m.t.TempDir()
	server.Stdout, server.Stderr = log, log
	server.Env = []string{
		"DATABASE_URL=" + cfg.DatabaseURL, "REDIS_URL=" + cfg.RedisURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_OUTBOX=" + cfg.Outbox,
		"MOBILEPAY_ADDR=127.0.0.1:0", "MOBILEPAY_DATABASE_CONNECTIONS=4",
		"MOBILEPAY_WORKER=off", // which could be in a run of its own when the test ends the program
		"MOBILEPAY_NOW=" + a.at.Format(time.RFC3339Nano), fmt.Sprint("MOBILEPAY_FAIL_AFTER=", point),
	}
	if err := server.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	defer func() {
		_ = server.Process.Kill()
		<-ended
	}()
	var found []string
	for deadline := time.After(time.Minute); found == nil; found = address.FindStringSubmatch(log.String()) {
		select {
		case <-ended:
			m.t.Fatalf("it did not start\n%s", log)
		case <-deadline:
			m.t.Fatalf("not ready\n%s", log)
		case <-time.After(2 * time.Millisecond):
		}
	}
	answer, err := a.ask("http://" + found[1])
	switch {
	case err == nil && point == 0:
		if replay, err := a.ask("http://" + found[1]); replay != answer || err != nil {
			m.t.Errorf("asked again %s\nonce more %s, %v", answer, replay, err)
		}
		return answer, nil
	case err == nil:
		return answer, nil
	case !errors.Is(err, errDied):
		m.t.Fatalf("%v\n%s", err, log)
	}
	<-ended
	if code := server.ProcessState.ExitCode(); point == 0 || code != 3 {
		m.t.Fatalf("it ended with %d\n%s", code, log)
	}
	return "", err
}

// post sends a body. An answer must be 200.
func post(url, token string, body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", errDied
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", errDied
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %d: %s", url, response.StatusCode, answer)
	}
	// What is allowed to differ when it is asked again.
	return strings.Replace(testenv.Bare(string(answer)), `"replayed":false`, `"replayed":true`, 1), nil
}

func (m *mortal) mutate(c testenv.Customer, query string, vars testenv.Vars) func(string) (string, error) {
	return func(url string) (string, error) {
		answer, err := post(url+"/graphql", c.Token, testenv.Vars{"query": query, "variables": vars})
		if err == nil && (!strings.Contains(answer, `"userErrors":[]`) || strings.Contains(answer, `"errors"`)) {
			err = errors.New(answer)
		}
		return answer, err
	}
}

// has fails the test unless a customer has payments in these states, newest id
// last, and the audit tells of these actions, in any order.
func (m *mortal) has(c testenv.Customer, states, actions string) {
	m.t.Helper()
	payments := m.Payments(c.ID)
	slices.SortFunc(payments, func(a, b loan.Payment) int { return int(a.ID - b.ID) })
	var got []string
	for _, p := range payments {
		got = append(got, string(p.Status))
	}
	told := m.Actions(c.ID)
	slices.Sort(told)
	want := strings.Fields(actions)
	slices.Sort(want)
	if strings.Join(got, " ") != states || !slices.Equal(told, want) {
		m.t.Errorf("the payments are %v, want %s; the audit tells of %v, want %v", got, states, told, want)
	}
}

// customer is one who wants to be told by e-mail.
func (m *mortal) customer() testenv.Customer {
	m.t.Helper()
	c := m.AddCustomer()
	if _, err := m.db.ExecContext(m.t.Context(), `UPDATE customers SET notify_by_email = TRUE WHERE id = $1`, c.ID); err != nil {
		m.t.Fatal(err)
	}
	return c
}

// told fails the test unless a customer is told these things, once each.
func (m *mortal) told(c testenv.Customer, kinds string) {
	m.t.Helper()
	notices, err := m.App.Store.Notices(m.t.Context(), c.ID)
	if err != nil {
		m.t.Fatal(err)
	}
	var got []string
	for _, n := range notices {
		got = append(got, string(n.Kind))
	}
	if strings.Join(got, " ") != kinds {
		m.t.Errorf("the customer is told %v, want %s", got, kinds)
	}
}

func (m *mortal) schedule() attempt {
	c := m.customer()
	return attempt{
		at:  m.Clock.Now(),
		ask: m.mutate(c, schedule, order(c, "once", testenv.Vars{"paymentAccount": newAccount("5550001234")})),
		check: func() {
			m.has(c, "SCHEDULED", "payment_account.added payment.scheduled")
			if accounts := m.Accounts(c.ID); len(accounts) != 2 {
				m.t.Errorf("there are %d accounts, want 2", len(accounts))
			}
			m.told(c, "PAYMENT_SCHEDULED")
		},
	}
}

func (m *mortal) cancel() attempt {
	c := m.customer()
	id := m.pay(c, loan.DateOf(m.Clock.Now()), "20.00")
	return attempt{
		at: m.Clock.Now(), ask: m.mutate(c, cancel, testenv.Vars{"id": id, "yes": true}),
		check: func() {
			m.has(c, "CANCELED", "payment.scheduled payment.canceled")
			m.told(c, "PAYMENT_SCHEDULED PAYMENT_CANCELED")
		},
	}
}

// pay schedules a payment, in this process, and returns its id.
func (m *mortal) pay(c testenv.Customer, on loan.Date, amount string, change ...testenv.Vars) string {
	m.t.Helper()
	change = append(change, testenv.Vars{"scheduledOn": on.String(), "amount": testenv.Vars{"fixed": amount}})
	got := m.Post(m.OpenSession(c.ID), schedule, order(c, amount+on.String(), change...))
	id := got.Text("schedulePayment", "payment", "id")
	if id == "" {
		m.t.Fatal(got.Raw)
	}
	return id
}

// morrow brings the next noon, in this process, with all that is due until then.
func (m *mortal) morrow() loan.Date {
	m.t.Helper()
	m.day = m.day.AddDays(1)
	m.MoveTo(m.day.String() + " 12:00:00")
	return m.day
}

func (m *mortal) cutoff() attempt {
	on := m.morrow()
	customers := []testenv.Customer{m.customer(), m.customer()}
	ids := []string{m.pay(customers[0], on, "425.00"), m.pay(customers[1], on, "20.00", testenv.Vars{"principalOnly": true})}
	asked := ""
	return attempt{
		at: on.At(15).Add(-time.Minute),
		ask: func(url string) (string, error) {
			move := testenv.Vars{"now": on.At(15)}
			if url == asked { // it is past three there
				move = testenv.Vars{"advance": "1s"}
			}
			asked = url
			_, err := post(url+"/sandbox/clock", "", move)
			return "", err
		},
		check: func() {
			for i, c := range customers {
				m.has(c, "APPLIED", "payment.scheduled payment.applied")
				m.told(c, "PAYMENT_SCHEDULED PAYMENT_APPLIED")
				m.posted(c, loan.PostPayment)
				m.inOneFile(ids[i])
			}
			m.count(`SELECT COUNT(*) FROM cutoff_runs WHERE reconciled_at IS NULL`, 0)
		},
	}
}

// sendBack lets the bank return a payment with a code. R01 is tried again; R02
// blocks the account and cancels what is pending on it.
func (m *mortal) sendBack(code string) attempt {
	on := m.morrow()
	c := m.customer()
	id := m.pay(c, on, "425.00")
	m.MoveTo(on.String() + " 15:00:00")
	m.pay(c, on.AddDays(20), "30.00")
	return attempt{
		at: on.At(20),
		ask: func(url string) (string, error) {
			return post(url+"/sandbox/return", "", testenv.Vars{"payment": id, "code": code})
		},
		check: func() {
			m.posted(c, loan.PostPayment)
			m.posted(c, loan.PostReversal)
			m.inOneFile(id)
			if code == "R01" {
				m.has(c, "RETURNED SCHEDULED SCHEDULED", "payment.scheduled payment.applied payment.scheduled payment.returned payment.represented")
				m.told(c, "PAYMENT_SCHEDULED PAYMENT_APPLIED PAYMENT_SCHEDULED PAYMENT_RETURNED")
				return
			}
			m.has(c, "RETURNED CANCELED", "payment.scheduled payment.applied payment.scheduled payment.returned payment_account.blocked payment.canceled")
			m.told(c, "PAYMENT_SCHEDULED PAYMENT_APPLIED PAYMENT_SCHEDULED PAYMENT_RETURNED ACCOUNT_BLOCKED")
		},
	}
}

// posted fails the test unless a customer's loan has one posting of a kind.
func (m *mortal) posted(c testenv.Customer, kind loan.PostingKind) {
	m.t.Helper()
	postings, err := m.App.Store.Postings(m.t.Context(), c.ID, c.LoanID)
	if err != nil {
		m.t.Fatal(err)
	}
	n := 0
	for _, p := range postings {
		if p.Kind == kind {
			n++
		}
	}
	if n != 1 {
		m.t.Errorf("there are %d postings of kind %s, want 1", n, kind)
	}
}

// inOneFile fails the test unless a payment is in the files for the bank once.
func (m *mortal) inOneFile(payment string) {
	m.t.Helper()
	id, _ := graph.DecodeNodeID(payment).(loan.PaymentID)
	_, trace, err := m.App.Store.Books().EntryOfPayment(m.t.Context(), id)
	if n := tracesIn(m.Outbox())[trace]; err != nil || n != 1 {
		m.t.Errorf("payment %d, trace %q, is in files %d times (%v)", id, trace, n, err)
	}
}

func (m *mortal) count(query string, want int) {
	m.t.Helper()
	var n int
	if err := m.db.QueryRowContext(m.t.Context(), query).Scan(&n); err != nil || n != want {
		m.t.Errorf("%s: %d, %v, want %d", query, n, err, want)
	}
}

// nothingLeft looks at the whole database in the end.
func (m *mortal) nothingLeft() {
	m.t.Helper()
	m.count(`SELECT COUNT(*) FROM idempotency_keys WHERE answer = ''`, 0)
	m.count(`SELECT COUNT(*) FROM cutoff_runs WHERE reconciled_at IS NULL`, 0)
	m.count(`SELECT COUNT(*) FROM ach_files WHERE delivered_at IS NULL`, 0)
	for trace, n := range tracesIn(m.Outbox()) {
		if n != 1 {
			m.t.Errorf("trace %s is in files %d times", trace, n)
		}
	}
}
