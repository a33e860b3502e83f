// Package vault seals bank account numbers, so that a copy of the database, a
// backup or a log of it holds none.
//
// Sealing is AES-256-GCM by Tink. A ciphertext begins with the id of its key, so
// keys can be rotated: the primary key seals, every key of the keyset unseals.
// It is bound to its row: moved to another row it does not unseal. Equal numbers
// have unequal ciphertexts, so duplicates are found by a keyed hash, the
// fingerprint (HMAC-SHA256).
package vault

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrSealed says that a ciphertext does not unseal: it was altered, belongs to
// another row, or its key is not in the keyset. Which of them cannot be told.
var ErrSealed = errors.New("vault: does not unseal")

// Vault seals and unseals. It is safe for concurrent use and does not print.
type Vault struct {
	aead tink.AEAD
	// fingerprint are the keys of fingerprints, the primary first.
	fingerprint []prf.PRF
}

// file is a keyset file: two Tink keysets in cleartext JSON, as tinkey writes
// them with --out-format json.
type file struct {
	AEAD        json.RawMessage `json:"aead"`
	Fingerprint json.RawMessage `json:"fingerprint"`
}

// Generate makes a new keyset file, to be kept readable by the server alone.
// Without it nothing unseals: it is backed up apart from the database.
func Generate() ([]byte, error) {
	var f file
	for _, part := range []struct {
		to       *json.RawMessage
		template *tinkpb.KeyTemplate
	}{
		{&f.AEAD, aead.AES256GCMKeyTemplate()},
		{&f.Fingerprint, prf.HMACSHA256PRFKeyTemplate()},
	} {
		handle, err := keyset.NewHandle(part.template)
		if err != nil {
			return nil, fmt.Errorf("vault: generating a key: %w", err)
		}
		var out bytes.Buffer
		if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
			return nil, fmt.Errorf("vault: writing a key: %w", err)
		}
		*part.to = out.Bytes()
	}
	out, err := json.MarshalIndent(f, "", "  ")
	return append(out, '\n'), err
}

// Open reads a keyset file. Its errors name the part at fault and hold nothing of
// what was read, which is mostly keys; that is why causes are not wrapped.
func Open(keysetFile []byte) (*Vault, error) {
	var f file
	if err := json.Unmarshal(keysetFile, &f); err != nil {
		return nil, errors.New("vault: the keyset file is not a JSON object with aead and fingerprint")
	}
	sealing, err := read(f.AEAD)
	if err != nil {
		return nil, errors.New("vault: aead in the keyset file is not a Tink keyset")
	}
	hashing, err := read(f.Fingerprint)
	if err != nil {
		return nil, errors.New("vault: fingerprint in the keyset file is not a Tink keyset")
	}
	var v Vault
	if v.aead, err = aead.New(sealing); err != nil {
		return nil, errors.New("vault: aead in the keyset file does not hold AEAD keys")
	}
	if v.fingerprint, err = hashes(hashing); err != nil {
		return nil, err
	}
	return &v, nil
}

// hashes are the keys of fingerprints: the primary first, then in the keyset's
// order from its end, which is where new keys are added. All of them have been
// tried: from here on a fingerprint cannot fail.
func hashes(handle *keyset.Handle) ([]prf.PRF, error) {
	set, err := prf.NewPRFSet(handle)
	if err != nil {
		return nil, errors.New("vault: fingerprint in the keyset file does not hold PRF keys")
	}
	keys := []prf.PRF{set.PRFs[set.PrimaryID]}
	for _, key := range slices.Backward(handle.KeysetInfo().GetKeyInfo()) {
		if other, enabled := set.PRFs[key.GetKeyId()]; enabled && key.GetKeyId() != set.PrimaryID {
			keys = append(keys, other)
		}
	}
	for _, key := range keys {
		if _, err := key.ComputePRF(nil, fingerprintBytes); err != nil {
			return nil, errors.New("vault: fingerprint in the keyset file does not hold HMAC-SHA256 keys")
		}
	}
	return keys, nil
}

func read(part json.RawMessage) (*keyset.Handle, error) {
	return insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(part)))
}

// Seal encrypts plaintext for the row that binding names. The same binding
// unseals it; it must not change as long as the row lives.
func (v *Vault) Seal(plaintext, binding string) ([]byte, error) {
	ciphertext, err := v.aead.Encrypt([]byte(plaintext), []byte(binding))
	if err != nil {
		return nil, errors.New("vault: sealing failed")
	}
	return ciphertext, nil
}

// Unseal is the inverse of [Vault.Seal]. The error is [ErrSealed].
func (v *Vault) Unseal(ciphertext []byte, binding string) (string, error) {
	plaintext, err := v.aead.Decrypt(ciphertext, []byte(binding))
	if err != nil {
		return "", ErrSealed
	}
	return string(plaintext), nil
}

const fingerprintBytes = 32

// Fingerprint is a keyed hash of parts, equal for equal parts only. Unlike a
// plain hash it cannot be reversed by trying all account numbers. It is made
// with the primary fingerprint key: another primary means other fingerprints, so
// what is compared with a stored one asks for [Vault.Fingerprints].
func (v *Vault) Fingerprint(parts ...string) []byte {
	return hash(v.fingerprint[0], parts)
}

// Fingerprints are the fingerprints of parts by every fingerprint key, that of
// the primary first. One that was stored before the key was rotated is among
// them.
func (v *Vault) Fingerprints(parts ...string) [][]byte {
	list := make([][]byte, len(v.fingerprint))
	for i, key := range v.fingerprint {
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
		panic("vault: " + err.Error()) // hashes has tried it
	}
	return hash
}

// Format prints a placeholder, whatever the verb: the fields lead to the keys.
func (*Vault) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[vault]")) }
