package session_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/testenv/redistest"
)

// person is who has a session, or had one.
type person struct {
	token string
	alive bool
}

func needServers(t *testing.T) {
	t.Helper()
	if os.Getenv("MOBILEPAY_TEST_REDIS") == "" || !redistest.Installed() {
		t.Skip("needs redis-server: run it with scripts/with-services")
	}
	t.Parallel()
}

// A primary dies. Until its replica has taken over, whoever's session was on it is
// refused as unavailable, and never let in, nor told to log in again; afterwards all
// is as it was. Sessions that had ended before stay ended.
func TestClusterFailover(t *testing.T) {
	needServers(t)
	c, err := redistest.StartCluster(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	s := open(t, c.URL(), session.Options{Operations: session.Limit{N: 1000, Per: time.Minute}})
	people := make([]person, 30)
	for i := range people {
		customer := someone()
		people[i] = person{createFor(t, s, start, customer), i%3 != 0}
		if !people[i].alive {
			if err := s.End(t.Context(), customer, session.IDOf(people[i].token)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What was acknowledged is on the replica before the primary dies: it is copied
	// after the answer, and what was not copied is lost.
	if err := c.Primaries[0].Copied(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := session.EventsOf(someone())
	heard, stop := s.Nudges().Listen(topic)
	defer stop()
	within(t, heard, "the first nudge")

	c.Primaries[0].Kill()
	away, err := check(t.Context(), s, people)
	if err != nil {
		t.Error(err)
	}
	if away == 0 {
		t.Error("no session was on the primary that died, or nobody noticed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := errors.Join(c.Replicas[0].Promoted(ctx), c.Replicas[0].Settled(ctx), c.Primaries[1].Settled(ctx), c.Primaries[2].Settled(ctx)); err != nil {
		t.Fatal(err)
	}
	for away > 0 { // the client learns of it by asking
		if away, err = check(ctx, s, people); err != nil || ctx.Err() != nil {
			t.Fatal(err, ctx.Err())
		}
	}
	for range 10 { // and everything else works, on each node
		customer := someone()
		token := createFor(t, s, start, customer)
		touch(t, s, start, token)
		next, _, err := s.Rotate(t.Context(), start, session.IDOf(token), true)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, s, start, token)
		if n, err := s.EndOthers(t.Context(), customer, ""); n != 1 || err != nil {
			t.Error(n, err)
		}
		refused(t, s, start, next)
	}
	for done := false; !done; { // a nudge may be lost, but not for ever
		again(t, s, session.Options{}).Nudges().Publish(topic)
		select {
		case <-heard:
			done = true
		case <-time.After(100 * time.Millisecond):
			if ctx.Err() != nil {
				t.Fatal("no nudge is heard any more")
			}
		}
	}
}

// check asks for everybody's session and counts those that are not answered.
func check(ctx context.Context, s *session.Store, people []person) (away int, err error) {
	for _, p := range people {
		_, _, err := s.Touch(ctx, start, p.token, "")
		switch {
		case errors.Is(err, session.ErrUnavailable):
			away++
		case p.alive && err != nil:
			return away, err
		case !p.alive && !errors.Is(err, session.ErrNoSession):
			return away, errors.New("somebody was let in whose session had ended")
		}
	}
	return away, nil
}

// Sentinels name another primary when the first one dies.
func TestSentinelFailover(t *testing.T) {
	needServers(t)
	servers, err := redistest.StartSentinels()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Kill)
	s := open(t, servers.URL(), session.Options{})
	token := create(t, s, start)
	if err := servers.Primary.Copied(t.Context()); err != nil {
		t.Fatal(err)
	}
	servers.Primary.Kill()
	if _, _, err := s.Touch(t.Context(), start, token, ""); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("without a primary: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := servers.Replica.Promoted(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		_, _, err := s.Touch(ctx, start, token, "")
		if err == nil {
			break
		}
		if !errors.Is(err, session.ErrUnavailable) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	touch(t, s, start, create(t, s, start))
}

// By TLS a server is believed whose certificate somebody has signed who is trusted,
// for the name that it was asked by.
func TestTLS(t *testing.T) {
	needServers(t)
	dir := t.TempDir()
	authorities := writeCertificate(t, dir, "127.0.0.1")
	server, err := redistest.Start("port 0", "tls-port PORT", "tls-auth-clients no", "requirepass 0123456789abcdef",
		"tls-cert-file "+filepath.Join(dir, "cert.pem"), "tls-key-file "+filepath.Join(dir, "key.pem"), "tls-ca-cert-file "+filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	url := "rediss://:0123456789abcdef@" + server.Addr
	s := open(t, url, session.Options{RootCAs: authorities})
	touch(t, s, start, create(t, s, start))
	for name, test := range map[string]struct {
		url         string
		authorities *x509.CertPool
	}{
		"the machine's authorities": {url, nil},
		"another name":              {"rediss://:0123456789abcdef@" + net.JoinHostPort("localhost", server.Addr[len("127.0.0.1:"):]), authorities},
		"no TLS":                    {"redis://:0123456789abcdef@" + server.Addr, nil},
	} {
		if _, err := session.Open(t.Context(), test.url, session.Options{RootCAs: test.authorities}); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// writeCertificate writes a certificate that signs itself, and its key.
func writeCertificate(t *testing.T, dir, address string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Redis"}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": certificate, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}
