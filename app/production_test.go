package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/seed"
	"github.com/automobilepay/mobilepay/testenv"
)

// Production does not start on a database in which anybody can log in with the
// password that the README publishes; what is called demo by chance is none.
func TestProductionRefusesDemoData(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		cfg := e.App.Config
		cfg.Mode = config.Production
		start := func() error {
			a, err := app.New(t.Context(), cfg, e.Clock, slog.New(slog.DiscardHandler))
			if err == nil {
				err = a.Close()
			}
			return err
		}
		if err := start(); err != nil {
			t.Fatal(err)
		}
		deps := seed.Deps{Store: e.App.Store, Sessions: e.App.Sessions, Vault: e.App.Vault, Hasher: e.App.Servicing.Hasher, Timing: e.App.Servicing.Timing}
		if err := seed.Demo(t.Context(), deps, e.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if err := start(); err == nil || !strings.Contains(err.Error(), "demo data") {
			t.Errorf("with demo data: %v", err)
		}
		hash, err := deps.Hasher.Hash(t.Context(), "a password of one's own")
		if err != nil {
			t.Fatal(err)
		}
		alter(t, e, "UPDATE customers SET password_hash = $1", hash)
		if err := start(); err != nil {
			t.Errorf("with a customer who is called demo: %v", err)
		}
	})
}

// The address in the audit is that of the client, behind our proxies, and nobody
// else can name another one.
func TestForwardedFor(t *testing.T) {
	t.Parallel()
	for trusted, cases := range map[string]map[string]string{
		"": {"": "127.0.0.1", "203.0.113.9": "127.0.0.1"},
		"127.0.0.0/8,10.0.0.0/8": {
			"": "127.0.0.1", "203.0.113.9": "203.0.113.9", "198.51.100.1, 203.0.113.9": "203.0.113.9", "203.0.113.9, 10.1.2.3,10.0.0.1": "203.0.113.9",
			"2001:db8::9": "2001:db8::9", "::ffff:203.0.113.9": "203.0.113.9", "10.0.0.7": "10.0.0.7", "unknown": "127.0.0.1", "203.0.113.9, _hidden, 10.0.0.1": "10.0.0.1",
		},
		"192.0.2.0/24": {"203.0.113.9": "127.0.0.1"},
	} {
		e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.TrustedProxies = trusted })
		for header, want := range cases {
			c := e.AddCustomer()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/graphql", strings.NewReader(`{"query": "mutation { logOut { loggedOut } }"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.Token}}
			if header != "" {
				request.Header.Set("X-Forwarded-For", header)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			entries, err := e.App.Store.Audit(t.Context(), c.ID)
			if err != nil || len(entries) != 1 || entries[0].Address != want {
				t.Errorf("proxies %q, header %q: got %+v, %v, want %s", trusted, header, entries, err, want)
			}
		}
	}
}

// writeCertificate makes a certificate for 127.0.0.1 that signs itself.
func writeCertificate(t *testing.T, number int64, written time.Time, certPath, keyPath string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(number), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certPath: {Type: "CERTIFICATE", Bytes: der}, keyPath: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	return pool
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.TLSCert, c.TLSKey = certPath, keyPath })
	listen := func() net.Listener { return must(net.Listen("tcp", "127.0.0.1:0")) }
	if err := e.App.Serve(t.Context(), listen()); err == nil {
		t.Error("it serves without a certificate")
	}
	pool := writeCertificate(t, 1, testenv.Noon, certPath, keyPath)
	listener := listen()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- e.App.Serve(ctx, listener) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	get := func(c *tls.Config) (*tls.ConnectionState, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
		response, err := client.Get("https://" + listener.Addr().String() + "/healthz")
		if err != nil {
			return nil, err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Errorf("got %s %s", response.Proto, response.Status)
		}
		return response.TLS, nil
	}
	state, err := get(&tls.Config{RootCAs: pool})
	if err != nil || state.Version != tls.VersionTLS13 {
		t.Fatalf("got %+v, %v", state, err)
	}
	if _, err := get(&tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := get(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is served")
	}
	weak := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}
	if _, err := get(weak); err == nil {
		t.Error("a cipher without authentication is served")
	}

	again := writeCertificate(t, 2, testenv.Noon.Add(time.Second), certPath, keyPath)
	if state, err := get(&tls.Config{RootCAs: again}); err != nil || state.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("with another certificate: %v", err)
	}
	if err := os.WriteFile(keyPath, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(&tls.Config{RootCAs: again}); err != nil {
		t.Errorf("while the key is being written: %v", err)
	}
}
