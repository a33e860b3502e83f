package mail_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
	"github.com/automobilepay/mobilepay/testenv"
)

// sender sends by a mail server as production does.
func sender(t *testing.T, server *testenv.MailServer, change ...func(*mail.Options)) *mail.SMTP {
	t.Helper()
	o := mail.Options{Server: server.URL, From: "Auto Lender <no-reply@lender.example>", TextGateway: "text.example", RequireTLS: true,
		TLS: &tls.Config{RootCAs: server.Roots, MinVersion: tls.VersionTLS12}, Timeout: 5 * time.Second}
	for _, c := range change {
		c(&o)
	}
	s, err := mail.NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letter(channel loan.Channel, to string) mail.Letter {
	return mail.Letter{ID: "notice.7.1", At: time.Date(2026, 11, 18, 12, 0, 0, 0, loan.Eastern), Channel: channel, To: to,
		Message: mail.Message{Language: loan.English, Subject: "Your code", Text: "Hello Zoë,\n\n.\nYour code is 072451.\n"}}
}

func TestSend(t *testing.T) {
	for _, security := range []testenv.Security{testenv.StartTLS, testenv.Implicit} {
		s := testenv.NewMailServer(t, security)
		if err := sender(t, s).Send(t.Context(), letter(loan.ByEmail, "zoe@example.com")); err != nil {
			t.Fatal(err)
		}
		got := s.Only()
		if got.To != "zoe@example.com" || !got.Secure || got.User != testenv.MailUser {
			t.Errorf("%s: to %s, secure %t, by %q", security, got.To, got.Secure, got.User)
		}
		for name, want := range map[string]string{
			"Message-Id": "<notice.7.1@lender.example>", "Auto-Submitted": "auto-generated", "Date": "Wed, 18 Nov 2026 12:00:00 -0500",
			"Subject": "Your code", "From": `"Auto Lender" <no-reply@lender.example>`, "To": "<zoe@example.com>",
			"User-Agent": "", "X-Mailer": "", "List-Unsubscribe": "", "Mime-Version": "1.0",
		} {
			if got := got.Header(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		// The plain one first: programs show the last that they can (RFC 2046, 5.1.4).
		plain, page := strings.Index(got.Raw, "Content-Type: text/plain; charset=UTF-8"), strings.Index(got.Raw, "Content-Type: text/html; charset=UTF-8")
		if !strings.HasPrefix(got.Header("Content-Type"), "multipart/alternative;") || plain < 0 || page < plain {
			t.Errorf("the letter is\n%s", got.Raw)
		}
		if text := got.Part("text/plain"); strings.TrimSpace(text) != strings.TrimSpace(letter(loan.ByEmail, "").Text) {
			t.Errorf("the text is %q", text)
		}
		want, err := letter(loan.ByEmail, "").HTML()
		if text := got.Part("text/html"); err != nil || strings.TrimSpace(text) != strings.TrimSpace(want) {
			t.Errorf("%v, the page is\n%s", err, text)
		}
		for line := range strings.SplitSeq(got.Raw, "\r\n") {
			if len(line) > 78 || strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("a server may not take the line %q", line)
			}
		}
	}
}

// Sent again, a letter is the same to the byte; another one is set apart otherwise.
func TestSentAgain(t *testing.T) {
	s := testenv.NewMailServer(t, testenv.NoTLS)
	send := sender(t, s, func(o *mail.Options) { o.RequireTLS = false }).Send
	l, other := letter(loan.ByEmail, "zoe@example.com"), letter(loan.ByEmail, "zoe@example.com")
	other.ID = "notice.8.1"
	for _, l := range []mail.Letter{l, l, other} {
		if err := send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Letters()
	if got[0].Raw != got[1].Raw || got[0].Header("Content-Type") == got[2].Header("Content-Type") {
		t.Errorf("the letters are\n%s\n%s\n%s", got[0].Raw, got[1].Raw, got[2].Raw)
	}
}

// What is not ASCII is encoded, in subjects and text messages, too.
func TestSendSpanish(t *testing.T) {
	s := testenv.NewMailServer(t, testenv.NoTLS)
	send := sender(t, s, func(o *mail.Options) { o.RequireTLS = false }).Send
	email, text := letter(loan.ByEmail, "zoe@example.com"), letter(loan.ByText, "+17045550100")
	email.Subject = "Su contraseña cambió"
	text.Message = mail.Message{Language: loan.Spanish, Text: "Se ha cambiado su contraseña."}
	for _, l := range []mail.Letter{email, text} {
		if err := send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range s.Letters() {
		if strings.ContainsFunc(got.Raw, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Errorf("the letter is\n%s", got.Raw)
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(s.Letters()[0].Header("Subject"))
	if said := s.Letters()[1].Part("text/plain"); err != nil || subject != email.Subject || strings.TrimSpace(said) != text.Text {
		t.Errorf("%v, the subject is %q, and the text message %q", err, subject, said)
	}
}

// A text message is mail to the phone's number at the gateway, plain and without a
// subject.
func TestSendText(t *testing.T) {
	s := testenv.NewMailServer(t, testenv.StartTLS)
	l := letter(loan.ByText, "+17045550100")
	l.Message = mail.Message{Text: "Your code is 072451, valid for 10 minutes. We never ask for it: tell nobody. Not you? Then ignore this message, please, and go on."}
	if err := sender(t, s).Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got := s.Only()
	if _, body, _ := strings.Cut(got.Raw, "\r\n\r\n"); got.To != "7045550100@text.example" || strings.TrimSpace(body) != l.Text || strings.Contains(got.Raw, "Subject:") {
		t.Errorf("to %s:\n%s", got.To, got.Raw)
	}
	without := sender(t, s, func(o *mail.Options) { o.TextGateway = "" })
	if err := without.Send(t.Context(), l); !errors.Is(err, mail.ErrRefused) {
		t.Errorf("without a gateway: %v", err)
	}
}

func TestTLSIsRequired(t *testing.T) {
	l := letter(loan.ByEmail, "zoe@example.com")
	plain := testenv.NewMailServer(t, testenv.NoTLS)
	if err := sender(t, plain).Send(t.Context(), l); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("without TLS: %v", err)
	}
	optional := func(o *mail.Options) { o.RequireTLS = false }
	stranger := func(o *mail.Options) { o.TLS = nil }
	if err := sender(t, testenv.NewMailServer(t, testenv.StartTLS), stranger).Send(t.Context(), l); err == nil {
		t.Error("a certificate of nobody was taken")
	}
	credentials := func(o *mail.Options) {
		o.RequireTLS = false
		u := *o.Server
		u.User = url.UserPassword(testenv.MailUser, testenv.MailPassword)
		o.Server = &u
	}
	if err := sender(t, plain, credentials).Send(t.Context(), l); err == nil || len(plain.Letters()) > 0 {
		t.Errorf("a password without TLS: %v, and %d letters", err, len(plain.Letters()))
	}
	if err := sender(t, plain, optional).Send(t.Context(), l); err != nil || plain.Only().Secure {
		t.Errorf("a sandbox's server, without TLS or a password: %v", err)
	}
}

// What is refused for good and what is worth another try; no error has the address,
// the text or the password in it.
func TestRefusals(t *testing.T) {
	away, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = away.Close()
	for _, test := range []struct {
		name, at string
		code     int
		change   func(*mail.Options)
		want     error
	}{
		{name: "no such addressee", at: "RCPT", code: 550, want: mail.ErrRefused},
		{name: "mailbox busy", at: "RCPT", code: 450},
		{name: "content", at: "DATA", code: 554, want: mail.ErrRefused},
		{name: "disk full", at: "DATA", code: 452},
		{name: "sender", at: "MAIL", code: 553, want: mail.ErrUnavailable},
		{name: "wrong password", want: mail.ErrUnavailable, change: func(o *mail.Options) {
			u := *o.Server
			u.User = url.UserPassword(testenv.MailUser, testenv.MailPassword+"-not")
			o.Server = &u
		}},
		{name: "away", want: mail.ErrUnavailable, change: func(o *mail.Options) { o.Server = &url.URL{Scheme: "smtp", Host: away.Addr().String()} }},
	} {
		s := testenv.NewMailServer(t, testenv.StartTLS)
		s.Refuse(test.at, test.code)
		var change []func(*mail.Options)
		if test.change != nil {
			change = append(change, test.change)
		}
		err := sender(t, s, change...).Send(t.Context(), letter(loan.ByEmail, "zoe@example.com"))
		if errors.Is(err, mail.ErrRefused) != errors.Is(test.want, mail.ErrRefused) || errors.Is(err, mail.ErrUnavailable) != errors.Is(test.want, mail.ErrUnavailable) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil || test.code > 0 && !strings.Contains(err.Error(), fmt.Sprint(test.code)) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for _, canary := range []string{"zoe", "robin", "072451", testenv.MailPassword} {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %q is in %v", test.name, canary, err)
			}
		}
	}
}

// Nothing that somebody entered becomes a header, a command or a second addressee.
func TestInjection(t *testing.T) {
	s := testenv.NewMailServer(t, testenv.StartTLS)
	send := sender(t, s).Send
	for channel, addresses := range map[loan.Channel][]string{
		loan.ByEmail: {"", "zoe", "zoe@example.com\r\nBcc: x@example.com", "zoe@example.com, x@example.com", "zoe@example.com>\r\nRCPT TO:<x@example.com", "a b@example.com"},
		loan.ByText:  {"", "7045550100", "+17045550100, x@example.com", "+17045550100\r\n", "+4930123456", "+17045550100@example.com"},
	} {
		for _, to := range addresses {
			if err := send(t.Context(), letter(channel, to)); !errors.Is(err, mail.ErrRefused) {
				t.Errorf("to %q: %v", to, err)
			}
		}
	}
	l := letter(loan.ByEmail, "zoe@example.com")
	l.Text = "Hello\r\n.\r\nMAIL FROM:<x@example.com>\r\nRCPT TO:<x@example.com>\r\nDATA\r\nBcc: x@example.com\r\n\n.\n\r.\r"
	l.Subject = "Your\r\nBcc: x@example.com\r\n\r\ncode"
	if err := send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	message, err := netmail.ReadMessage(strings.NewReader(s.Only().Raw))
	if err != nil {
		t.Fatal(err)
	}
	if message.Header.Get("Bcc") != "" || message.Header.Get("Message-Id") == "" {
		t.Errorf("the headers are %v", message.Header)
	}
}

// A server that says nothing does not hold the sender up for good.
func TestSilentServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	silent := sender(t, &testenv.MailServer{URL: &url.URL{Scheme: "smtp", Host: listener.Addr().String()}}, func(o *mail.Options) { o.Timeout = 50 * time.Millisecond })
	if err := silent.Send(t.Context(), letter(loan.ByEmail, "zoe@example.com")); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("got %v", err)
	}
}
