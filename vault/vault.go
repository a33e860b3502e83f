// Package vault seals what a copy of the database, a backup or a log of it must
// not tell: bank account numbers above all.
//
// Sealing is AES-256-GCM by Tink. A ciphertext begins with the id of its key, so
// keys can be rotated: the primary key seals, every key of the keyset unseals.
// It is bound to its row: moved to another row it does not unseal. Equal numbers
// have unequal ciphertexts, so duplicates are found by a keyed hash, the
// fingerprint (HMAC-SHA256).
//
// A keyset in a file is read again when the file has changed, so that keys can be
// rotated while servers run. docs/keys.md says how.
package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrSealed says that a ciphertext does not unseal: it was altered, belongs to
// another row, or its key is not in the keyset. Which of them cannot be told.
var ErrSealed = errors.New("vault: does not unseal")

// Vault seals and unseals. It is safe for concurrent use and does not print.
type Vault struct {
	keys atomic.Pointer[keys]
	file *file // nil where the keyset is not in a file

	mu     sync.Mutex // held while the file is read
	read   version    // of the file that the keys are from
	failed version    // of the file that could not be read
}

// Seal encrypts plaintext for the row that binding names. The same binding
// unseals it; it must not change as long as the row lives.
func (v *Vault) Seal(plaintext, binding string) ([]byte, error) {
	ciphertext, err := v.keys.Load().aead.Encrypt([]byte(plaintext), []byte(binding))
	if err != nil {
		return nil, errors.New("vault: sealing failed")
	}
	return ciphertext, nil
}

// Unseal is the inverse of [Vault.Seal]. The error is [ErrSealed].
func (v *Vault) Unseal(ciphertext []byte, binding string) (string, error) {
	k := v.keys.Load()
	if id, ok := keyOf(ciphertext); ok && !k.sealing[id] {
		k = v.meet(id)
	}
	plaintext, err := k.aead.Decrypt(ciphertext, []byte(binding))
	if err != nil {
		return "", ErrSealed
	}
	return string(plaintext), nil
}

// Current tells whether a ciphertext was made with the key that seals now.
func (v *Vault) Current(ciphertext []byte) bool {
	id, ok := keyOf(ciphertext)
	return ok && id == v.keys.Load().primary
}

// keyOf is the id of the key that a ciphertext was made with: Tink's prefix is a
// version byte and the id.
func keyOf(ciphertext []byte) (id uint32, ok bool) {
	if len(ciphertext) < 5 || ciphertext[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:]), true
}

const fingerprintBytes = 32

// Fingerprint is a keyed hash of parts, equal for equal parts only. Unlike a
// plain hash it cannot be reversed by trying all account numbers. It is made
// with the primary fingerprint key: another primary means other fingerprints, so
// what is compared with a stored one asks for [Vault.Fingerprints].
func (v *Vault) Fingerprint(parts ...string) []byte {
	return hash(v.keys.Load().fingerprint[0], parts)
}

// Fingerprints are the fingerprints of parts by every fingerprint key, that of
// the primary first. One that was stored before the key was rotated is among
// them.
func (v *Vault) Fingerprints(parts ...string) [][]byte {
	keys := v.keys.Load().fingerprint
	list := make([][]byte, len(keys))
	for i, key := range keys {
		list[i] = hash(key, parts)
	}
	return list
}

func hash(key prf.PRF, parts []string) []byte {
	var input []byte
	for _, part := range parts { // with their lengths: ("ab","c") is not ("a","bc")
		input = binary.AppendUvarint(input, uint64(len(part)))
		input = append(input, part...)
	}
	hash, err := key.ComputePRF(input, fingerprintBytes)
	if err != nil {
		panic("vault: " + err.Error()) // it was tried when the keyset was read
	}
	return hash
}

// Format prints a placeholder, whatever the verb: the fields lead to the keys.
func (*Vault) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[vault]")) }
