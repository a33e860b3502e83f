package vault

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Master is the master key that a URI names, from the first of the key services
// that knows its kind.
func Master(uri string, services ...registry.KMSClient) (tink.AEAD, error) {
	for _, service := range services {
		if service.Supported(uri) {
			return service.GetAEAD(uri)
		}
	}
	scheme, _, _ := strings.Cut(uri, ":")
	return nil, fmt.Errorf("vault: there is no key service for %s", scheme)
}

// MasterFiles is a key service without a service: its master keys are in files,
// file:///path. What it protects is no safer than that file, which belongs on
// another disk than the keyset.
type MasterFiles struct {
	// Private refuses a file that others than its owner can read.
	Private bool
}

var _ registry.KMSClient = MasterFiles{}

// Supported tells whether a URI names a file.
func (MasterFiles) Supported(uri string) bool {
	_, ok := masterPath(uri)
	return ok
}

func masterPath(uri string) (path string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Host != "" || u.Path == "" || u.Path[0] != '/' {
		return "", false
	}
	return u.Path, true
}

// GetAEAD reads the master key in a file. Its errors hold nothing of the key.
func (m MasterFiles) GetAEAD(uri string) (tink.AEAD, error) {
	path, ok := masterPath(uri)
	if !ok {
		return nil, errors.New("vault: the master key is not at file:///path")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if m.Private {
		if err := checkPrivate(path, info); err != nil {
			return nil, err
		}
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the path
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return nil, fmt.Errorf("vault: %s is not a master key", path)
	}
	master, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("vault: %s is not a master key", path)
	}
	return master, nil
}

// GenerateMaster makes the content of a file for [MasterFiles]: a Tink keyset in
// cleartext.
func GenerateMaster() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: generating a key: %w", err)
	}
	out, err := wrap(handle, nil)
	return append(out, '\n'), err
}
