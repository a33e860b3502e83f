package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	// ErrRefused says that a message will not be taken, however often it is sent:
	// there is no such address, or none that could be one.
	ErrRefused = errors.New("the message is refused for good")
	// ErrUnavailable says that the mail server cannot be used, for no message.
	ErrUnavailable = errors.New("the mail server cannot be used")
)

// Letter is a message with the address that it goes to.
type Letter struct {
	// ID is the same whenever the letter is sent, so that a mail server can drop the
	// second one; unique for all time in the domain of the sender.
	ID      string
	At      time.Time // when it is sent
	Channel loan.Channel
	To      string // an e-mail address, or the number of a phone
	Message
}

// Options say which mail server there is and how to talk to it.
type Options struct {
	// Server is smtp://user:password@host:587 or smtps://host:465.
	Server *url.URL
	// From is the sender, name@domain or Name <name@domain>.
	From string
	// TextGateway is the domain whose addresses are phone numbers; empty where there
	// is none, and text messages are refused.
	TextGateway string
	// RequireTLS refuses a server that does not offer STARTTLS. A password is sent over
	// TLS only, in any case.
	RequireTLS bool
	// TLS may add a certificate authority; nil for the machine's.
	TLS *tls.Config
	// Timeout is how long the server may take to say hello, and then to take a letter;
	// 0 means 10 s.
	Timeout time.Duration
}

// SMTP sends letters by a mail server. It is safe for concurrent use.
type SMTP struct {
	client  *gomail.Client
	from    *netmail.Address
	gateway string
	domain  string // of the sender
}

// NewSMTP makes a sender. It does not ask the server yet.
func NewSMTP(o Options) (*SMTP, error) {
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		return nil, errors.New("the sender of mail is not an address")
	}
	domain := from.Address[strings.LastIndex(from.Address, "@")+1:]
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	settings := &tls.Config{}
	if o.TLS != nil {
		settings = o.TLS.Clone()
	}
	settings.ServerName, settings.MinVersion = o.Server.Hostname(), tls.VersionTLS12
	// The host of this machine is nobody's business.
	options := []gomail.Option{
		gomail.WithTimeout(o.Timeout), gomail.WithTLSConfig(settings), gomail.WithHELO(domain), gomail.WithoutNoop(), gomail.WithPort(587),
		gomail.WithTLSPolicy(gomail.TLSOpportunistic),
	}
	switch {
	case o.Server.Scheme == "smtps":
		options = append(options, gomail.WithSSL(), gomail.WithPort(465))
	case o.RequireTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if port, err := strconv.Atoi(o.Server.Port()); err == nil {
		options = append(options, gomail.WithPort(port))
	}
	if password, ok := o.Server.User.Password(); ok {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(o.Server.User.Username()), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(o.Server.Hostname(), options...)
	if err != nil {
		return nil, errors.New("the mail server is not named as it should be") // err could show the settings
	}
	return &SMTP{client, from, o.TextGateway, domain}, nil
}

// Send hands a letter to the server. Once it is sent, the server has it; where the
// error is not [ErrRefused], it may have it all the same, or take it later. No
// error names the addressee.
func (s *SMTP) Send(ctx context.Context, l Letter) error {
	// What sets the parts apart follows from the letter, which thereby is the same
	// whenever it is sent; and no text holds its own hash.
	boundary := sha256.Sum256([]byte(l.ID + "\n" + l.Text))
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(hex.EncodeToString(boundary[:16])))
	to, err := s.address(l)
	if err == nil && m.To(to) != nil {
		err = fmt.Errorf("%w: the address is not one", ErrRefused)
	}
	if err != nil {
		return err
	}
	m.FromMailAddress(s.from)
	if l.Subject != "" {
		m.Subject(l.Subject)
	}
	m.SetMessageIDWithValue(l.ID + "@" + s.domain)
	m.SetDateWithValue(l.At)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody answers that he is away
	encoding := gomail.EncodingQP
	if l.Channel == loan.ByText && isASCII(l.Text) {
		encoding = gomail.NoEncoding // gateways may show what they do not decode
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text, gomail.WithPartEncoding(encoding))
	if l.Channel == loan.ByEmail {
		page, err := l.HTML()
		if err != nil {
			return err
		}
		m.AddAlternativeString(gomail.TypeTextHTML, page, gomail.WithPartEncoding(gomail.EncodingQP))
	}
	err = s.client.DialAndSendWithContext(ctx, m)
	if m.IsDelivered() {
		return nil // what went wrong did so afterwards
	}
	return translate(err)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

var phoneNumber = regexp.MustCompile(`^\+1([2-9][0-9]{9})$`)

// address is where a letter goes. A phone's is its ten digits at the gateway.
func (s *SMTP) address(l Letter) (string, error) {
	if l.Channel != loan.ByText {
		return l.To, nil
	}
	number := phoneNumber.FindStringSubmatch(l.To)
	switch {
	case s.gateway == "":
		return "", fmt.Errorf("%w: there is no gateway for text messages", ErrRefused)
	case number == nil:
		return "", fmt.Errorf("%w: the phone number is not one", ErrRefused)
	}
	return number[1] + "@" + s.gateway, nil
}

// translate drops what the server said, which mostly repeats the address, and keeps
// its code. What the network says stays. Only what the server says of the addressee
// or the content is about this letter: that it does not take the sender is for an
// operator to put right, within the notice's life.
func translate(err error) error {
	var sending *gomail.SendError
	var said *textproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &sending):
		what := fmt.Sprintf("the mail server answers %d %s when %s", sending.ErrorCode(), sending.EnhancedStatusCode(), sending.Reason)
		switch about := sending.Reason == gomail.ErrSMTPRcptTo || sending.Reason == gomail.ErrSMTPData || sending.Reason == gomail.ErrSMTPDataClose; {
		case !about || sending.ErrorCode() == 0:
			return fmt.Errorf("%w: %s", ErrUnavailable, what)
		case sending.ErrorCode() >= 500:
			return fmt.Errorf("%w: %s", ErrRefused, what)
		default:
			return errors.New(what)
		}
	case errors.As(err, &said):
		return fmt.Errorf("%w: it answers %d before a letter", ErrUnavailable, said.Code)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
