package app

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificate is the server's, read anew when its files have changed. While they
// do not fit each other, the one before is served.
type certificate struct {
	cert, key string // paths

	mu      sync.Mutex
	loaded  *tls.Certificate
	written time.Time
}

// tlsConfig is TLS as it is served: 1.2 with forward secrecy and authenticated
// ciphers, or 1.3.
func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get() },
	}
}

func (c *certificate) get() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	written, err := lastWritten(c.cert, c.key)
	if err == nil && !written.Equal(c.written) {
		var loaded tls.Certificate
		if loaded, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.loaded, c.written = &loaded, written
		}
	}
	if c.loaded == nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return c.loaded, nil
}

// lastWritten is when the later of two files was written.
func lastWritten(paths ...string) (latest time.Time, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return latest, err
		}
		if info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest, nil
}

// certificateEnds is when the certificate ends that is served; false where none is.
func (a *App) certificateEnds() (time.Time, bool) {
	c := a.certificate.Load()
	if c == nil {
		return time.Time{}, false
	}
	served, err := c.get()
	if err != nil || served.Leaf == nil {
		return time.Time{}, false
	}
	return served.Leaf.NotAfter, true
}
