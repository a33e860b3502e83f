package webhook

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/automobilepay/mobilepay/loan"
)

var sample = loan.PartnerEvent{
	ID: 7, Place: 9, PartnerID: 1, CustomerID: 2, VehicleID: 3, At: time.Date(2026, 11, 18, 17, 0, 0, 123000, time.UTC), Kind: loan.PaymentApplied, SubjectID: 4,
}

const (
	firstSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secondSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
)

// What is no endpoint in production, and where each address leads that has a special
// use (IANA's registries), however it is spelled.
func TestCheckInProduction(t *testing.T) {
	t.Parallel()
	p := New(false)
	for _, good := range []string{
		"https://partner.example/hooks?a=1", "https://partner.example:443/", "https://partner.example:8443", "https://8.8.8.8/", "https://[2606:4700::1111]/x",
		"https://localhost/", // a name: where it leads is seen when it is connected to
	} {
		if err := p.Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "partner.example", "http://partner.example/", "ftp://partner.example/", "https://", "https:///x", "https:partner.example", "https://:443/",
		"https://user@partner.example/", "https://user:secret@partner.example/", "https://partner.example/#x", "https://partner.example:22/", "https://partner.example:99999/",
		"https://partner.example/\n", "https://partner.example/" + strings.Repeat("x", 500),
		"https://127.0.0.1/", "https://127.1.2.3:8443/", "https://10.1.2.3/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
		"https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://100.127.255.255/", "https://0.0.0.0/", "https://224.0.0.1/", "https://239.1.1.1/",
		"https://255.255.255.255/", "https://192.0.2.1/", "https://198.18.0.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://240.0.0.1/",
		"https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[fd12::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:a9fe:a9fe]/", "https://[::127.0.0.1]/",
		"https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::1]/", "https://[2001::1]/",
	} {
		if p.Check(bad) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	sandbox := New(true)
	for url, good := range map[string]bool{
		"http://127.0.0.1:9999/": true, "http://localhost:80/": true, "https://[::1]:1/": true, "http://partner.example/": true,
		"http://10.0.0.1/": false, "http://169.254.169.254/": false, "http://[fe80::1]/": false, "http://[::ffff:10.0.0.1]/": false,
	} {
		if err := sandbox.Check(url); (err == nil) != good {
			t.Errorf("the sandbox says of %s: %v", url, err)
		}
	}
}

// What is sent is signed with each secret, over what arrives, and says the same each
// time.
func TestPush(t *testing.T) {
	t.Parallel()
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, secret := range []string{firstSecret, secondSecret} {
			verifier, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.Verify(body, r.Header); err != nil {
				t.Error(err)
			}
			if verifier.Verify(append(body, ' '), r.Header) == nil {
				t.Error("a changed body is taken")
			}
		}
		if got := r.Header.Get("webhook-id"); got != "RXZlbnQ6Nw" || strings.Count(r.Header.Get("webhook-signature"), " ") != 1 {
			t.Errorf("%v", r.Header)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		bodies = append(bodies, string(body))
	}))
	defer server.Close()
	p := New(true)
	for range 2 {
		if status, failure := p.Push(t.Context(), server.URL, []string{firstSecret, secondSecret}, "", sample); status != 200 || failure != "" {
			t.Errorf("%d %s", status, failure)
		}
	}
	const want = `{"type":"payment.applied","timestamp":"2026-11-18T17:00:00.000123Z","data":{"id":"RXZlbnQ6Nw","cursor":"MjAyNi0xMS0xODoxMA","customerId":"Vmlld2VyOjI","objectId":"UGF5bWVudDo0","vehicleId":"VmVoaWNsZToz"}}`
	if len(bodies) != 2 || bodies[0] != want || bodies[1] != want {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(bodies, "\n"), want)
	}
	grant := sample
	grant.VehicleID, grant.Kind = 0, loan.GrantRevoked
	body, err := Body(grant)
	var got struct {
		Type string
		Data map[string]any
	}
	if err != nil || json.Unmarshal(body, &got) != nil || got.Type != "grant.revoked" || got.Data["objectId"] != "UGFydG5lckdyYW50OjQ" || got.Data["vehicleId"] != nil {
		t.Errorf("%s, %v", body, err)
	}
	auto := sample
	auto.Kind = loan.AutoPayChanged
	if body, err := Body(auto); err != nil || !strings.HasPrefix(string(body), `{"type":"autopay.changed"`) {
		t.Errorf("%s, %v", body, err)
	}
}

// The specification's own figures.
func TestSignature(t *testing.T) {
	t.Parallel()
	webhook, err := standardwebhooks.NewWebhook(firstSecret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// Each answer but 2xx is a failure; a redirect is not followed; and of a long answer no
// more is read than is needed.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without which the server does not see that the client is gone
		switch r.URL.Path {
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		case "/302", "/307", "/308":
			http.Redirect(w, r, other.URL, map[string]int{"/302": 302, "/307": 307, "/308": 308}[r.URL.Path])
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/410":
			w.WriteHeader(http.StatusGone)
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/hang":
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	p := New(true)
	for path, want := range map[string]struct {
		status  int
		failure loan.WebhookFailure
	}{
		"/204": {204, ""}, "/endless": {200, ""}, "/500": {500, loan.FailedStatus}, "/410": {410, loan.FailedStatus},
		"/302": {302, loan.FailedStatus}, "/307": {307, loan.FailedStatus}, "/308": {308, loan.FailedStatus},
	} {
		if status, failure := p.Push(t.Context(), server.URL+path, []string{firstSecret}, "", sample); status != want.status || failure != want.failure {
			t.Errorf("%s: %d %q, want %v", path, status, failure, want)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if status, failure := p.Push(soon, server.URL+"/hang", []string{firstSecret}, "", sample); status != 0 || failure != loan.FailedTimeout {
		t.Errorf("no answer: %d %q", status, failure)
	}
	server.Close()
	if status, failure := p.Push(t.Context(), server.URL, []string{firstSecret}, "", sample); status != 0 || failure != loan.FailedUnreachable {
		t.Errorf("nobody there: %d %q", status, failure)
	}
	if status, failure := p.Push(t.Context(), server.URL, []string{"whsec_%%%"}, "", sample); status != 0 || failure == "" {
		t.Errorf("a secret that cannot be read: %d %q", status, failure)
	}
}

// production is a pusher as production has it, to which one address of this machine,
// 127.0.0.2, is the internet.
func production(t *testing.T) *Pusher {
	t.Helper()
	p := New(false)
	p.guard = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.2/32")))
	transport := p.client.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return p
}

// tlsAt serves at an address of this machine.
func tlsAt(t *testing.T, address string, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// In production nothing on this machine is reached: by its address, by a name, by a
// redirect, even if redirects were followed, and by a name that led elsewhere before.
func TestThisMachineIsOutOfReach(t *testing.T) {
	t.Parallel()
	var inside, outside atomic.Int64
	private := tlsAt(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) { inside.Add(1) })
	port := private.Listener.Addr().(*net.TCPAddr).Port
	public := tlsAt(t, net.JoinHostPort("127.0.0.2", port2(port)), func(w http.ResponseWriter, r *http.Request) {
		outside.Add(1)
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, private.URL, http.StatusTemporaryRedirect)
		}
	})
	push := func(p *Pusher, url string) (int, loan.WebhookFailure) {
		return p.Push(t.Context(), url, []string{firstSecret}, "", sample)
	}
	p := production(t)
	if status, failure := push(p, public.URL); status != 200 || failure != "" {
		t.Fatalf("the internet: %d %q", status, failure)
	}
	if status, failure := push(p, "https://localhost:"+port2(port)); status != 0 || failure != loan.FailedAddress {
		t.Errorf("by a name: %d %q", status, failure)
	}
	if status, failure := push(p, private.URL); status != 0 || failure == "" {
		t.Errorf("by its address: %d %q", status, failure)
	}
	if status, failure := push(p, public.URL+"/redirect"); status != http.StatusTemporaryRedirect || failure != loan.FailedStatus {
		t.Errorf("by a redirect: %d %q", status, failure)
	}
	p.client.CheckRedirect = nil
	if status, failure := push(p, public.URL+"/redirect"); status != 0 || failure != loan.FailedAddress {
		t.Errorf("by a redirect that is followed: %d %q", status, failure)
	}

	// The name leads to the internet when it is first looked up, and then to this machine.
	rebound := production(t)
	var asked atomic.Int64
	names := dns(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{127, 0, 0, 2}
		}
		return [4]byte{127, 0, 0, 1}
	})
	dialer := rebound.dialer()
	dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names)
	}}
	transport := rebound.client.Transport.(*http.Transport)
	transport.DialContext, transport.DisableKeepAlives = dialer.DialContext, true
	url := "https://partner.example:" + port2(port)
	if status, failure := push(rebound, url); status != 200 || failure != "" {
		t.Errorf("before the change: %d %q", status, failure)
	}
	if status, failure := push(rebound, url); status != 0 || failure != loan.FailedAddress {
		t.Errorf("after the change: %d %q", status, failure)
	}
	if inside.Load() != 0 || outside.Load() != 4 {
		t.Errorf("this machine was reached %d times, the internet %d times", inside.Load(), outside.Load())
	}
}

func port2(port int) string {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)).String()[len("0.0.0.0:"):]
}

// dns is a server of names that answers each question for an IPv4 address.
func dns(t *testing.T, answer func() [4]byte) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: answer()},
				}}
			}
			if text, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(text, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// A proxy of the environment would connect for us, and ask nobody.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	transport := New(false).client.Transport.(*http.Transport)
	if transport.Proxy != nil {
		to, err := transport.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "partner.example"}})
		t.Errorf("it goes by %v, %v", to, err)
	}
}
