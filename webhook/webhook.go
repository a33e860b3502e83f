// Package webhook pushes events to the endpoints of partners, signed by the Standard
// Webhooks specification, and reaches nothing but the internet.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

const (
	// timeout is for all of it: name, connection, TLS, request and answer.
	timeout = 10 * time.Second
	// mostRead of an answer, whose status alone counts, so that the connection can be
	// used again.
	mostRead   = 16 << 10
	mostHeader = 16 << 10
	longestURL = 500
)

// Pusher pushes events.
type Pusher struct {
	client *http.Client
	guard  *ssrf.Guardian
	clock  clock.Clock
	// insecure is that http:// will do.
	insecure bool
}

// New makes a pusher that reaches what is on the internet, by https alone. In the
// sandbox it reaches this machine, too, and by http.
func New(sandbox bool) *Pusher {
	p := &Pusher{insecure: sandbox, clock: clock.System(), guard: ssrf.New(ssrf.WithPorts(443, 8443))}
	if sandbox {
		p.guard = ssrf.New(ssrf.WithAnyPort(),
			ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8")), ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128")))
	}
	p.client = &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // which would connect for us, unguarded
			DialContext: p.dialer().DialContext, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: mostHeader, MaxIdleConnsPerHost: 4, MaxIdleConns: 256, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// dialer asks the guard about each address when it connects to it, after the name has
// been looked up: what the name led to before does not count.
func (p *Pusher) dialer() *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(network, address string, c syscall.RawConn) error { return p.guard.Safe(network, address, c) }}
}

// errURL is what Check says.
var errURL = errors.New("webhook: it cannot be an endpoint")

// Check refuses what cannot be an endpoint. Where a name leads is looked at when it is
// connected to.
func (p *Pusher) Check(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > longestURL || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return errURL
	}
	standard := uint64(443)
	switch {
	case u.Scheme == "http" && p.insecure:
		standard = 80
	case u.Scheme != "https":
		return errURL
	}
	port := standard
	if u.Port() != "" {
		if port, err = strconv.ParseUint(u.Port(), 10, 16); err != nil {
			return errURL
		}
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		address = netip.MustParseAddr("1.1.1.1") // any on the internet: a name is looked up later
	}
	if err := p.guard.SafeAddrPort(netip.AddrPortFrom(address.Unmap(), uint16(port))); err != nil {
		return errURL
	}
	return nil
}

// Body is what is sent of an event: its type, when it happened, and which objects it is
// about. It is the same at each try.
func Body(e loan.PartnerEvent) ([]byte, error) {
	told := graph.PartnerEvent{PartnerEvent: e}
	return json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      data      `json:"data"`
	}{e.Kind.TypeForPartners(), e.At.UTC(), data{told.GlobalID(), told.Cursor(), told.CustomerGlobalID(), told.ObjectID(), told.VehicleGlobalID()}})
}

type data struct {
	ID         string  `json:"id"`
	Cursor     string  `json:"cursor"`
	CustomerID string  `json:"customerId"`
	ObjectID   string  `json:"objectId"`
	VehicleID  *string `json:"vehicleId"`
}

// Push sends an event. The time that is signed is the machine's, to which receivers
// compare it, also in a sandbox whose clock is moved. A trace goes along as it is: it is
// two random numbers, and no tracestate or baggage.
func (p *Pusher) Push(ctx context.Context, to string, secrets []string, traceparent string, e loan.PartnerEvent) (int, loan.WebhookFailure) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := p.request(ctx, to, secrets, e)
	if err != nil {
		return 0, loan.FailedUnreachable
	}
	if traceparent != "" {
		request.Header.Set("traceparent", traceparent)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, failureOf(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, mostRead) // the status has come, which is what counts
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return response.StatusCode, loan.FailedStatus
	}
	return response.StatusCode, ""
}

func (p *Pusher) request(ctx context.Context, to string, secrets []string, e loan.PartnerEvent) (*http.Request, error) {
	if err := p.Check(to); err != nil { // what the sandbox took, production may not
		return nil, err
	}
	body, err := Body(e)
	if err != nil {
		return nil, err
	}
	id, at := graph.PartnerEvent{PartnerEvent: e}.GlobalID(), p.clock.Now()
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		webhook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("webhook: a secret cannot be read") // the cause may tell of it
		}
		if signatures[i], err = webhook.Sign(id, at, body); err != nil {
			return nil, fmt.Errorf("webhook: sign: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "mobilepay-webhooks/1")
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}

// failureOf says in a word why there was no answer.
func failureOf(err error) loan.WebhookFailure {
	refused := func(by error) bool { return errors.Is(err, by) }
	var timedOut net.Error
	switch {
	case slices.ContainsFunc([]error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedPort, ssrf.ErrProhibitedNetwork, ssrf.ErrInvalidHostPort}, refused):
		return loan.FailedAddress
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return loan.FailedTimeout
	}
	return loan.FailedUnreachable
}
