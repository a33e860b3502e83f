package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/automobilepay/mobilepay/clock"
)

// Security is how a mail server offers TLS.
type Security string

// The ways, of which the last two ask for a password.
const (
	NoTLS    Security = "none"
	StartTLS Security = "STARTTLS"
	Implicit Security = "implicit"
)

// The credentials that a mail server takes.
const (
	MailUser     = "mobilepay"
	MailPassword = "p@ss/word-canary"
)

// MailServer is a mail server on loopback that keeps what it is given.
type MailServer struct {
	URL   *url.URL       // with the credentials, where it takes any
	Roots *x509.CertPool // the authority of its certificate

	t        testing.TB
	security Security
	config   *tls.Config
	server   *smtp.Server

	mu       sync.Mutex
	refusals map[string]int
	onLetter func()
	letters  []Received
}

// Received is a letter that was taken.
type Received struct {
	To     string // all addressees
	Raw    string
	User   string // who logged in
	Secure bool
}

// Header is a header of the letter; empty where it has none.
func (r Received) Header(name string) string {
	message, err := mail.ReadMessage(strings.NewReader(r.Raw))
	if err != nil {
		return ""
	}
	return message.Header.Get(name)
}

// Part is what the letter says in a media type, decoded; empty where it says nothing
// in it.
func (r Received) Part(mediaType string) string {
	message, err := mail.ReadMessage(strings.NewReader(r.Raw))
	if err != nil {
		return ""
	}
	header, body := textproto.MIMEHeader(message.Header), message.Body
	kind, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return ""
			}
			if kind, _, _ = mime.ParseMediaType(part.Header.Get("Content-Type")); kind == mediaType {
				header, body = part.Header, part
				break
			}
		}
	}
	if header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil || kind != mediaType {
		return ""
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// NewMailServer starts a mail server, which ends with the test.
func NewMailServer(t testing.TB, security Security) *MailServer {
	t.Helper()
	s := &MailServer{URL: &url.URL{Scheme: "smtp", Host: "127.0.0.1:0"}, t: t, security: security, refusals: map[string]int{}}
	if security != NoTLS {
		var certificate tls.Certificate
		certificate, s.Roots = selfSigned(t)
		s.config = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		s.URL.User = url.UserPassword(MailUser, MailPassword)
	}
	if security == Implicit {
		s.URL.Scheme = "smtps"
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts it again after [MailServer.Stop], where it was.
func (s *MailServer) Start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.URL.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.URL.Host = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{MailServer: s, conn: c}, nil }))
	server.Domain = "localhost"
	switch s.security {
	case StartTLS:
		server.TLSConfig = s.config
	case Implicit:
		listener = tls.NewListener(listener, s.config)
	case NoTLS:
	}
	s.server = server
	go func() { _ = server.Serve(listener) }() // until it is closed
}

// Stop makes it refuse connections.
func (s *MailServer) Stop() { _ = s.server.Close() }

// Refuse makes it answer a command (MAIL, RCPT or DATA) with a code; 0 for as it
// should.
func (s *MailServer) Refuse(command string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals[command] = code
}

// OnLetter is called whenever it has taken a letter, and has not said so yet.
func (s *MailServer) OnLetter(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLetter = do
}

// Letters are what it has taken.
func (s *MailServer) Letters() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.letters...)
}

// Only is the one letter that it has taken.
func (s *MailServer) Only() Received {
	s.t.Helper()
	letters := s.Letters()
	if len(letters) != 1 {
		s.t.Fatalf("the mail server has taken %d letters", len(letters))
	}
	return letters[0]
}

func (s *MailServer) answer(command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.refusals[command]
	if code == 0 {
		return nil
	}
	// as chatty as real ones
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "<robin@example.com> is not taken, " + MailPassword}
}

// mailSession is a connection.
type mailSession struct {
	*MailServer
	conn *smtp.Conn
	to   []string
	user string
}

func (s *mailSession) Reset()      { s.to = nil }
func (*mailSession) Logout() error { return nil }

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.security != NoTLS && s.user == "" {
		return smtp.ErrAuthRequired
	}
	return s.answer("MAIL")
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return s.answer("RCPT")
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err == nil {
		err = s.answer("DATA")
	}
	if err != nil {
		return err
	}
	_, secure := s.conn.TLSConnectionState()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, Received{strings.Join(s.to, " "), string(raw), s.user, secure || s.security == Implicit})
	if s.onLetter != nil {
		s.onLetter()
	}
	return nil
}

func (s *mailSession) AuthMechanisms() []string {
	if s.security == NoTLS {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, password string) error {
		if name != MailUser || password != MailPassword {
			return smtp.ErrAuthFailed
		}
		s.user = name
		return nil
	}), nil
}

// selfSigned is a certificate for loopback, and its authority.
func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.System().Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
