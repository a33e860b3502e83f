package servicing_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// code is one that would be found wherever it is left.
const code = "code-canary-072451"

// post is an app that sends by a mail server of its own.
type post struct {
	*testenv.Env
	*servicing.Service
	t      *testing.T
	server *testenv.MailServer
	to     loan.CustomerID
}

// onEach runs a test on both engines, side by side.
func onEach(t *testing.T, test func(*testing.T, post)) {
	t.Helper()
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		server := testenv.NewMailServer(t, testenv.NoTLS)
		e := testenv.New(t, engine, func(c *config.Config) {
			c.SMTPURL, c.MailFrom, c.TextGateway = server.URL.String(), "Auto Lender <no-reply@lender.example>", "text.example"
		})
		test(t, post{e, e.App.Servicing, t, server, e.AddCustomer().ID})
	})
}

func (p post) notify(told servicing.Told) {
	p.t.Helper()
	if told.Channel == "" {
		told.Channel = loan.ByEmail
	}
	if err := p.Notify(p.t.Context(), p.Clock.Now(), told); err != nil {
		p.t.Fatal(err)
	}
}

func (p post) notifyCode() {
	p.t.Helper()
	p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeCodeIdentity, Code: code})
}

// send sends what waits.
func (p post) send() (errs []error) {
	p.t.Helper()
	for next := true; next; {
		var err error
		if next, err = p.SendNotice(p.t.Context(), p.Clock.Now()); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// sends sends what waits, which must work.
func (p post) sends() {
	p.t.Helper()
	if errs := p.send(); errs != nil {
		p.t.Error(errs)
	}
}

// state is how the latest notice stands, as the table has it.
func (p post) state() string {
	p.t.Helper()
	shown, err := p.ShowNotices(p.t.Context(), "")
	if err != nil || len(shown) == 0 {
		p.t.Fatal(shown, err)
	}
	waits, err := p.Service.Store.Books().NoticeWaits(p.t.Context(), p.Clock.Now().AddDate(1, 0, 0))
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("waits %t, code %t", waits, shown[0].Code != "")
}

// A code goes to the address that the customer has, and is nowhere before or after.
func TestCodeIsSent(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.notifyCode()
		shown, err := p.ShowNotices(t.Context(), "robin@example.com")
		if err != nil || len(shown) != 1 || shown[0].Code != code || !shown[0].At.Equal(p.Clock.Now()) || !strings.Contains(shown[0].Text, "Hello Robin") || !strings.Contains(shown[0].Text, code) {
			t.Errorf("shown is %+v, %v", shown, err)
		}
		if strings.Contains(p.Dump(), code) {
			t.Error("the database has the code in clear")
		}
		p.sends()
		got := p.server.Only()
		if got.To != "robin@example.com" || !strings.Contains(got.Raw, code) || !strings.HasPrefix(got.Header("Message-Id"), "<notice.") || got.Header("Date") != "Wed, 18 Nov 2026 17:00:00 +0000" {
			t.Errorf("to %s:\n%s", got.To, got.Raw)
		}
		p.sends()
		p.server.Only()
		if state := p.state(); state != "waits false, code false" {
			t.Error(state)
		}
		if strings.Contains(p.Dump(), code) || strings.Contains(p.Log.String(), code) || strings.Contains(p.Log.String(), "robin@") {
			t.Errorf("a secret is left in the database or in\n%s", p.Log)
		}
	})
}

// An address that is named is taken as it is, however the customer's changes.
func TestWhereNoticesGo(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		changed := map[string]string{"field": "phone"}
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeContactChanged, Address: "old@example.com", Values: changed})
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeContactChanged, Channel: loan.ByText, Address: "+17045550199", Values: changed})
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeCodeContact, Channel: loan.ByText, Code: "072451"})
		p.sends()
		want := map[string]string{
			"old@example.com": "The phone number that we have", "7045550199@text.example": "The phone number we have", "7045550100@text.example": "072451",
		}
		for _, letter := range p.server.Letters() {
			if text := want[letter.To]; text == "" || !strings.Contains(letter.Raw, text) {
				t.Errorf("to %s:\n%s", letter.To, letter.Raw)
			}
			delete(want, letter.To)
		}
		if len(want) > 0 {
			t.Errorf("nothing has come to %v", want)
		}
	})
}

// A notice to nobody takes the same statements as one to a customer, is shown to
// nobody and goes nowhere.
func TestNoticeToNobody(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		statements := map[loan.CustomerID]int64{}
		for _, to := range []loan.CustomerID{0, p.to} {
			ctx, count := store.CountStatements(t.Context())
			told := servicing.Told{Customer: to, Kind: loan.NoticeCodePasswordReset, Channel: loan.ByEmail, Address: "robin@example.com", Code: code}
			if err := p.Notify(ctx, p.Clock.Now(), told); err != nil {
				t.Fatal(err)
			}
			statements[to] = count.Load()
		}
		if statements[0] != statements[p.to] {
			t.Errorf("the statements are %v", statements)
		}
		if shown, err := p.ShowNotices(t.Context(), ""); err != nil || len(shown) != 1 {
			t.Errorf("shown are %v, %v", shown, err)
		}
		p.sends()
		p.server.Only()
		if state := p.state(); state != "waits false, code false" {
			t.Error(state)
		}
	})
}

// While the server is away a notice waits, longer each time; once it is back the
// notice comes.
func TestServerComesBack(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.server.Stop()
		p.notifyCode()
		if next, err := p.SendNotice(t.Context(), p.Clock.Now()); next || !errors.Is(err, mail.ErrUnavailable) {
			t.Fatalf("while it is away: %v, and the next one %t", err, next)
		}
		p.Clock.Advance(5*time.Second - time.Microsecond)
		p.sends() // nothing is due
		p.Clock.Advance(time.Microsecond)
		if errs := p.send(); len(errs) != 1 {
			t.Fatalf("after five seconds: %v", errs)
		}
		p.server.Start()
		p.Clock.Advance(10*time.Second - time.Microsecond)
		if p.sends(); len(p.server.Letters()) != 0 {
			t.Error("it was sent before its time")
		}
		p.Clock.Advance(time.Microsecond)
		p.sends()
		p.server.Only()
	})
}

// A notice is tried for a day and then given up, which the log is told without an
// address.
func TestGivenUpAfterADay(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.server.Stop()
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticePasswordChanged})
		began, tries := p.Clock.Now(), 0
		for {
			errs := p.send()
			if len(errs) == 1 && errors.Is(errs[0], servicing.ErrNoticeGivenUp) {
				if strings.Contains(errs[0].Error(), "robin") || !strings.Contains(errs[0].Error(), "PASSWORD_CHANGED") {
					t.Errorf("the error is %v", errs[0])
				}
				break
			}
			if tries += len(errs); tries > 100 {
				t.Fatal("it is never given up")
			}
			p.Clock.Advance(5 * time.Second)
			if p.Clock.Now().Sub(began) > time.Hour { // from then on it is tried once an hour
				p.Clock.Advance(10 * time.Minute)
			}
		}
		if lasted := p.Clock.Now().Sub(began); lasted < 24*time.Hour || lasted > 25*time.Hour+15*time.Minute || tries < 20 || tries > 40 {
			t.Errorf("it was given up after %v and %d tries", lasted, tries)
		}
		p.server.Start()
		p.Clock.Advance(48 * time.Hour)
		if p.sends(); len(p.server.Letters()) != 0 {
			t.Error("it was sent after that")
		}
	})
}

// A code is sent as long as it is valid, and not any longer.
func TestOldCodeIsNotSent(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.notifyCode()
		p.Clock.Advance(10*time.Minute - time.Microsecond)
		p.notifyCode()
		p.sends()
		if n := len(p.server.Letters()); n != 2 {
			t.Fatalf("%d are sent", n)
		}
		p.notifyCode()
		p.Clock.Advance(10 * time.Minute)
		if errs := p.send(); len(errs) != 1 || !errors.Is(errs[0], servicing.ErrNoticeGivenUp) || len(p.server.Letters()) != 2 {
			t.Errorf("an old one: %v, and %d letters", errs, len(p.server.Letters()))
		}
		if state := p.state(); state != "waits false, code false" {
			t.Error(state)
		}
	})
}

// What the server refuses for good is dead at once; what it refuses for now is tried
// again. Neither holds up the others.
func TestRefusedNotices(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.server.Refuse("RCPT", 550)
		p.notifyCode()
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticePasswordChanged})
		errs := p.send()
		if len(errs) != 2 || !errors.Is(errs[0], servicing.ErrNoticeGivenUp) || !errors.Is(errs[1], servicing.ErrNoticeGivenUp) || strings.Contains(errors.Join(errs...).Error(), "robin") {
			t.Errorf("refused for good: %v", errs)
		}
		if state := p.state(); state != "waits false, code false" {
			t.Error(state)
		}
		p.server.Refuse("RCPT", 450)
		p.notifyCode()
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeEnrolled})
		if errs := p.send(); len(errs) != 2 || errors.Is(errors.Join(errs...), servicing.ErrNoticeGivenUp) {
			t.Errorf("refused for now: %v", errs)
		}
		p.server.Refuse("RCPT", 0)
		p.Clock.Advance(5 * time.Second)
		p.sends()
		if letters := p.server.Letters(); len(letters) != 2 || !strings.Contains(letters[0].Raw, code) {
			t.Errorf("then %d letters have come", len(letters))
		}
		p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticeEnrolled, Address: "robin@example.com\r\nBcc: x@example.com"})
		p.notify(servicing.Told{Customer: p.AddUser("without-a-phone", "open-road-2026"), Kind: loan.NoticeEnrolled, Channel: loan.ByText})
		if errs := p.send(); len(errs) != 2 || strings.Contains(errors.Join(errs...).Error(), "x@example.com") || len(p.server.Letters()) != 2 {
			t.Errorf("without an address: %v, and %d letters", errs, len(p.server.Letters()))
		}
	})
}

// Whoever sends at the same time, in this process or another one, a notice is sent
// once.
func TestNoticesAreSentOnce(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		const n = 30
		for i := range n {
			p.notify(servicing.Told{Customer: p.to, Kind: loan.NoticePasswordChanged, Address: fmt.Sprintf("robin%d@example.com", i)})
		}
		other := *p.Service
		if !p.App.Store.Embedded() {
			var err error
			if other.Store, err = store.Open(t.Context(), p.App.Config.DatabaseURL, store.Options{Connections: 2}); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = other.Store.Close() }()
		}
		var group sync.WaitGroup
		for _, process := range []*servicing.Service{p.Service, &other, p.Service, &other} {
			group.Go(func() { post{p.Env, process, t, p.server, p.to}.sends() })
		}
		group.Wait()
		times := map[string]int{}
		for _, letter := range p.server.Letters() {
			times[letter.To]++
		}
		for to, n := range times {
			if n != 1 {
				t.Errorf("%s has %d letters", to, n)
			}
		}
		if len(times) != n {
			t.Errorf("%d notices are sent", len(times))
		}
	})
}

// Moved to another row, or sent elsewhere, a code does not open.
func TestSealedCodeStaysInItsRow(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		p.notifyCode()
		notices, err := p.Service.Store.Notices(t.Context(), p.to)
		if err != nil {
			t.Fatal(err)
		}
		moved := notices[0]
		for name, change := range map[string]func(*store.Notice){
			"customer": func(n *store.Notice) { n.CustomerID = p.AddCustomer().ID },
			"kind":     func(n *store.Notice) { n.Kind = loan.NoticeCodeUsername },
			"channel":  func(n *store.Notice) { n.Channel = loan.ByText },
			"address":  func(n *store.Notice) { n.Address = "thief@example.com" },
		} {
			n := moved
			change(&n)
			if err := p.Service.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertNotice(t.Context(), n) }); err != nil {
				t.Fatal(err)
			}
			errs := p.send()
			if len(errs) != 1 || strings.Contains(errs[0].Error(), code) {
				t.Errorf("another %s: %v", name, errs)
			}
		}
		p.server.Only() // the first one
	})
}

// A use case that leaves out what the wording needs fails there, and not later.
func TestNotifyRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, p post) {
		for name, told := range map[string]servicing.Told{
			"without a code":  {Customer: p.to, Kind: loan.NoticeCodeIdentity, Channel: loan.ByEmail},
			"without a value": {Customer: p.to, Kind: loan.NoticeContactChanged, Channel: loan.ByText},
			"of no kind":      {Customer: p.to, Kind: "OTHER", Channel: loan.ByEmail},
		} {
			if err := p.Notify(t.Context(), p.Clock.Now(), told); err == nil {
				t.Errorf("%s it is written", name)
			}
		}
		if err := p.Notify(t.Context(), p.Clock.Now(), servicing.Told{Customer: p.to, Kind: loan.NoticeEnrolled, Channel: "PIGEON"}); err == nil {
			t.Error("by no channel it is written")
		}
	})
}
