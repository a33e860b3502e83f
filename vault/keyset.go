package vault

import (
	"bytes"
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

// text is a keyset file: two Tink keysets as tinkey writes them with --out-format
// json, in cleartext or wrapped by a master key.
type text struct {
	AEAD        json.RawMessage `json:"aead"`
	Fingerprint json.RawMessage `json:"fingerprint"`
}

// handles are the keysets as Tink has them.
type handles struct{ sealing, hashing *keyset.Handle }

// keys are the keys of a keyset, ready for use. They do not change.
type keys struct {
	aead    tink.AEAD
	sealing map[uint32]bool // the ids of the sealing keys
	primary uint32          // of them
	// fingerprint are the keys of fingerprints, the primary first. All of them have
	// been tried: a fingerprint cannot fail.
	fingerprint []prf.PRF
}

// Generate makes a new keyset in cleartext, to be kept readable by the server
// alone. Without it nothing unseals: it is backed up apart from the database.
func Generate() ([]byte, error) { return GenerateWrapped(nil) }

// GenerateWrapped is [Generate] for a keyset that a master key wraps.
func GenerateWrapped(master tink.AEAD) ([]byte, error) {
	sealing, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: generating a key: %w", err)
	}
	hashing, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: generating a key: %w", err)
	}
	return handles{sealing, hashing}.write(master)
}

// Open reads a keyset in cleartext. Its errors name the part at fault and hold
// nothing of what was read, which is mostly keys; that is why causes are not
// wrapped.
func Open(keyset []byte) (*Vault, error) { return OpenWrapped(keyset, nil) }

// OpenWrapped is [Open] for a keyset that a master key may have wrapped.
func OpenWrapped(keyset []byte, master tink.AEAD) (*Vault, error) {
	k, err := parse(keyset, master)
	if err != nil {
		return nil, err
	}
	v := new(Vault)
	v.keys.Store(k)
	return v, nil
}

func parse(keyset []byte, master tink.AEAD) (*keys, error) {
	h, err := parseHandles(keyset, master)
	if err != nil {
		return nil, err
	}
	k := &keys{sealing: map[uint32]bool{}}
	if k.aead, err = aead.New(h.sealing); err != nil {
		return nil, errors.New("vault: aead in the keyset file does not hold AEAD keys")
	}
	info := h.sealing.KeysetInfo()
	k.primary = info.GetPrimaryKeyId()
	for _, key := range info.GetKeyInfo() {
		if key.GetStatus() == tinkpb.KeyStatusType_ENABLED {
			k.sealing[key.GetKeyId()] = true
		}
	}
	k.fingerprint, err = hashes(h.hashing)
	return k, err
}

// hashes are the keys of fingerprints: the primary first, then in the keyset's
// order from its end, which is where new keys are added.
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

func parseHandles(file []byte, master tink.AEAD) (h handles, err error) {
	var t text
	if err := json.Unmarshal(file, &t); err != nil {
		return h, errors.New("vault: the keyset file is not a JSON object with aead and fingerprint")
	}
	if h.sealing, err = unwrap("aead", t.AEAD, master); err != nil {
		return h, err
	}
	h.hashing, err = unwrap("fingerprint", t.Fingerprint, master)
	return h, err
}

// unwrap reads one of the two keysets of a file.
func unwrap(name string, part json.RawMessage, master tink.AEAD) (*keyset.Handle, error) {
	reader := keyset.NewJSONReader(bytes.NewReader(part))
	if !isWrapped(part) {
		handle, err := insecurecleartextkeyset.Read(reader)
		if err != nil {
			return nil, fmt.Errorf("vault: %s in the keyset file is not a Tink keyset", name)
		}
		return handle, nil
	}
	if master == nil {
		return nil, fmt.Errorf("vault: %s in the keyset file is wrapped by a master key, and there is none", name)
	}
	handle, err := keyset.Read(reader, master)
	if err != nil {
		return nil, fmt.Errorf("vault: %s in the keyset file does not open with this master key", name)
	}
	return handle, nil
}

func isWrapped(part json.RawMessage) bool {
	var wrapped struct {
		EncryptedKeyset string `json:"encryptedKeyset"`
	}
	return json.Unmarshal(part, &wrapped) == nil && wrapped.EncryptedKeyset != ""
}

// IsWrapped tells whether a keyset holds no key in cleartext.
func IsWrapped(file []byte) bool {
	var t text
	return json.Unmarshal(file, &t) == nil && isWrapped(t.AEAD) && isWrapped(t.Fingerprint)
}

// write makes the file, wrapped where there is a master key.
func (h handles) write(master tink.AEAD) ([]byte, error) {
	var t text
	var err error
	if t.AEAD, err = wrap(h.sealing, master); err == nil {
		t.Fingerprint, err = wrap(h.hashing, master)
	}
	if err != nil {
		return nil, errors.New("vault: the keyset cannot be written")
	}
	out, err := json.MarshalIndent(t, "", "  ")
	return append(out, '\n'), err
}

func wrap(handle *keyset.Handle, master tink.AEAD) (json.RawMessage, error) {
	var out bytes.Buffer
	writer := keyset.NewJSONWriter(&out)
	write := func() error { return handle.Write(writer, master) }
	if master == nil {
		write = func() error { return insecurecleartextkeyset.Write(handle, writer) }
	}
	err := write()
	return out.Bytes(), err
}
