package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

func withMail(server *testenv.MailServer) func(*config.Config) {
	return func(c *config.Config) { c.SMTPURL, c.MailFrom = server.URL.String(), "no-reply@lender.example" }
}

// tell writes a notice.
func tell(t *testing.T, e *testenv.Env, c testenv.Customer, kind loan.NoticeKind) {
	t.Helper()
	err := e.App.Store.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.InsertNotice(t.Context(), store.Notice{CustomerID: c.ID, Kind: kind, Channel: loan.ByEmail, Detail: "{}", CreatedAt: e.Clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func waits(t *testing.T, e *testenv.Env) bool {
	t.Helper()
	yes, err := e.App.Store.Books().NoticeWaits(t.Context(), e.Clock.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

// A worker sends notices as they come, and tells the log of those that it cannot.
func TestWorkerSendsNotices(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		server := testenv.NewMailServer(t, testenv.NoTLS)
		e := testenv.New(t, engine, withInbox(t), withMail(server))
		c := e.AddCustomer()
		stop := startWorker(t, e)
		tell(t, e, c, loan.NoticePasswordChanged)
		eventually(t, "the notice is sent", func() bool { return len(server.Letters()) == 1 && !waits(t, e) })
		if log := e.Log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log:\n%s", log)
		}
		server.Refuse("RCPT", 550)
		tell(t, e, c, loan.NoticeNewDevice)
		eventually(t, "the log tells", func() bool { return strings.Contains(e.Log.String(), `level=ERROR msg="a customer was not told"`) })
		server.Refuse("RCPT", 450)
		tell(t, e, c, loan.NoticeNewDevice)
		eventually(t, "the log tells", func() bool { return strings.Contains(e.Log.String(), `level=WARN msg="a notice has to wait"`) })
		stop()
		if log := e.Log.String(); strings.Contains(log, "robin@example.com") || !strings.Contains(log, "NEW_DEVICE") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// A worker is killed when the server has a letter and nothing is written of it: the
// next one sends it again, as the same letter.
func TestKilledWhileSending(t *testing.T) {
	server := testenv.NewMailServer(t, testenv.NoTLS)
	e := testenv.New(t, testenv.Real)
	tell(t, e, e.AddCustomer(), loan.NoticeEnrolled)
	binary := builtProgram(t)
	killed := make(chan struct{})
	start := func(at time.Time, mortal bool) *process {
		t.Helper()
		p := &process{Cmd: exec.Command(binary, "worker"), log: new(testenv.Log), ended: make(chan error, 1)}
		p.Dir = t.TempDir()
		cfg := e.App.Config
		p.Env = []string{"DATABASE_URL=" + cfg.DatabaseURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_DATABASE_CONNECTIONS=4",
			"MOBILEPAY_SMTP_URL=" + server.URL.String(), "MOBILEPAY_MAIL_FROM=no-reply@lender.example", "MOBILEPAY_NOW=" + at.Format(time.RFC3339)}
		p.Stdout, p.Stderr = p.log, p.log
		started := make(chan struct{})
		server.OnLetter(func() {
			if <-started; mortal {
				_ = p.Process.Kill()
				<-killed
			}
		})
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			p.ended <- p.Wait()
			if mortal {
				close(killed)
			}
		}()
		close(started)
		t.Cleanup(func() { _ = p.Process.Kill() })
		return p
	}
	victim := start(e.Clock.Now(), true)
	eventually(t, "the letter has come", func() bool { return len(server.Letters()) == 1 })
	if err := <-victim.ended; err == nil || !waits(t, e) {
		t.Fatal("it was killed too late")
	}
	next := start(e.Clock.Now().Add(2*time.Minute), false) // before that, the letter may be under way
	eventually(t, "the letter has come again", func() bool { return len(server.Letters()) == 2 && !waits(t, e) })
	letters := server.Letters()
	if id := letters[0].Header("Message-Id"); id == "" || id != letters[1].Header("Message-Id") || letters[0].To != letters[1].To {
		t.Errorf("the letters are\n%s\nand\n%s", letters[0].Raw, letters[1].Raw)
	}
	eventually(t, "it works", func() bool { return strings.Contains(next.log.String(), "msg=working") })
	if err := next.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-next.ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, next.log)
	}
}

// The sandbox without a mail server shows what it would send, sends nothing and does
// not complain.
func TestSandboxOutbox(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, withInbox(t))
		c := e.AddCustomer()
		p := play{e, t, c}
		p.setUpAutoPay(c.Loan)
		e.MoveTo("2026-12-13 12:00:00") // the amount has changed: see TestAutoPayNotice
		tell(t, e, c, loan.NoticePasswordChanged)
		stop := startWorker(t, e)
		eventually(t, "the worker works", func() bool { return strings.Contains(e.Log.String(), "msg=working") })
		stop()
		if log := e.Log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") || !waits(t, e) {
			t.Errorf("the log:\n%s", log)
		}
		got := outbox(t, e, "?to=robin@example.com")
		if len(got) != 2 || got[0]["kind"] != "PASSWORD_CHANGED" {
			t.Fatalf("the outbox is %v", got)
		}
		want := map[string]any{
			"at": "2026-12-13T05:00:00Z", "channel": "EMAIL", "to": "robin@example.com", "kind": "AUTO_PAY_AMOUNT", "language": "en",
			"subject": "Your next Auto Pay payment has another amount", "text": got[1]["text"], "html": got[1]["html"],
		}
		if page := fmt.Sprint(got[1]["html"]); !strings.Contains(page, "<p ") || !strings.Contains(page, "will be $425.00. The one before was $875.00.") {
			t.Errorf("its page is\n%s", page)
		}
		if fmt.Sprint(got[1]) != fmt.Sprint(want) || !strings.Contains(fmt.Sprint(got[1]["text"]), "Hello Robin,\n\nYour Auto Pay payment on December 23, 2026 for the account ending in 4821\nwill be $425.00. The one before was $875.00.") {
			t.Errorf("the notice is %v", got[1])
		}
		if n := len(outbox(t, e, "")); n != 2 {
			t.Errorf("of all there are %d", n)
		}
		if got := outbox(t, e, "?to=sam@example.com"); got == nil || len(got) != 0 {
			t.Errorf("somebody else has %v", got)
		}
	})
}

func outbox(t *testing.T, e *testenv.Env, query string) []map[string]any {
	t.Helper()
	response, err := http.Get(e.URL + "/sandbox/outbox" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Notices []map[string]any }
	if err := json.Unmarshal(body, &out); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the outbox answers %d: %s", response.StatusCode, body)
	}
	return out.Notices
}

func TestProductionHasNoOutbox(t *testing.T) {
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.Mode = config.Production })
	if status := e.Fetch("/sandbox/outbox"); status != http.StatusNotFound {
		t.Errorf("it answers %d", status)
	}
	if status := testenv.New(t, testenv.Embedded).Fetch("/sandbox/outbox"); status != http.StatusOK {
		t.Errorf("the sandbox's answers %d", status)
	}
}
