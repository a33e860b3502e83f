package vault_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/automobilepay/mobilepay/vault"
)

const (
	number  = "000123456789"
	binding = "payment_account:7"
)

func generate(t *testing.T) []byte {
	t.Helper()
	f, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, keysetFile []byte) *vault.Vault {
	t.Helper()
	v, err := vault.Open(keysetFile)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *vault.Vault, plaintext, binding string) []byte {
	t.Helper()
	c, err := v.Seal(plaintext, binding)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func unseals(t *testing.T, v *vault.Vault, c []byte, binding, want string) {
	t.Helper()
	if got, err := v.Unseal(c, binding); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func refuses(t *testing.T, v *vault.Vault, c []byte, binding string) {
	t.Helper()
	if got, err := v.Unseal(c, binding); !errors.Is(err, vault.ErrSealed) || got != "" {
		t.Errorf("got %q, %v, want %v", got, err, vault.ErrSealed)
	}
}

func TestSealAndUnseal(t *testing.T) {
	t.Parallel()
	f := generate(t)
	v := open(t, f)
	for _, plaintext := range []string{number, "1234", "", strings.Repeat("9", 17)} {
		c := seal(t, v, plaintext, binding)
		unseals(t, v, c, binding, plaintext)
		unseals(t, open(t, f), c, binding, plaintext) // after a restart
	}
	c := seal(t, v, number, binding)
	if bytes.Contains(c, []byte(number)) || bytes.Contains(c, []byte(number)[6:]) {
		t.Error("the number is in the ciphertext")
	}
	if bytes.Equal(c, seal(t, v, number, binding)) {
		t.Error("two ciphertexts of one number are equal")
	}
}

func TestOnlyItsOwnRowUnseals(t *testing.T) {
	t.Parallel()
	v := open(t, generate(t))
	a, b := seal(t, v, number, "payment_account:7"), seal(t, v, "987654321", "payment_account:8")
	refuses(t, v, a, "payment_account:8")
	refuses(t, v, b, "payment_account:7")
	refuses(t, v, a, "")
	refuses(t, v, a, "payment_account:70")
	unseals(t, v, a, "payment_account:7", number)
	unseals(t, v, b, "payment_account:8", "987654321")
}

func TestWhatWasAlteredDoesNotUnseal(t *testing.T) {
	t.Parallel()
	v := open(t, generate(t))
	c := seal(t, v, number, binding)
	for i := range c {
		altered := bytes.Clone(c)
		altered[i] ^= 1
		refuses(t, v, altered, binding)
		refuses(t, v, c[:i], binding)
	}
	refuses(t, v, nil, binding)
	refuses(t, v, []byte(number), binding)
	refuses(t, open(t, generate(t)), c, binding) // nor with another keyset
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	f := generate(t)
	v := open(t, f)
	same := v.Fingerprint("42", "021000021", number)
	if len(same) != 32 {
		t.Errorf("%d bytes", len(same))
	}
	if !bytes.Equal(same, v.Fingerprint("42", "021000021", number)) || !bytes.Equal(same, open(t, f).Fingerprint("42", "021000021", number)) {
		t.Error("equal parts have unequal fingerprints")
	}
	if bytes.Equal(same, open(t, generate(t)).Fingerprint("42", "021000021", number)) {
		t.Error("the fingerprint does not depend on the key")
	}
	seen := map[string][]string{}
	for _, parts := range [][]string{
		nil, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"a", "b", "c"}, {"c", "ab"},
		{"\x02ab\x01c"}, {strings.Repeat("x", 127) + "\x01y"}, {strings.Repeat("x", 127), "y"}, {strings.Repeat("x", 128), "y"},
	} {
		fp := string(v.Fingerprint(parts...))
		if other, ok := seen[fp]; ok {
			t.Errorf("%q and %q have the same fingerprint", parts, other)
		}
		seen[fp] = parts
	}
}

// rotate adds a key to one of the keysets, "aead" or "fingerprint", and makes it
// the primary.
func rotate(t *testing.T, keysetFile []byte, part string) []byte {
	t.Helper()
	template := map[string]*tinkpb.KeyTemplate{"aead": aead.AES256GCMKeyTemplate(), "fingerprint": prf.HMACSHA256PRFKeyTemplate()}[part]
	parts := split(t, keysetFile)
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(parts[part])))
	if err != nil {
		t.Fatal(err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(template)
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	if handle, err = manager.Handle(); err != nil {
		t.Fatal(err)
	}
	parts[part] = cleartext(t, handle)
	return join(t, parts)
}

func cleartext(t *testing.T, handle *keyset.Handle) json.RawMessage {
	t.Helper()
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func split(t *testing.T, keysetFile []byte) (parts map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal(keysetFile, &parts); err != nil {
		t.Fatal(err)
	}
	return parts
}

func join(t *testing.T, parts map[string]json.RawMessage) []byte {
	t.Helper()
	out, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before := generate(t)
	old := open(t, before)
	v := open(t, rotate(t, before, "aead"))
	sealedBefore, sealedAfter := seal(t, old, number, binding), seal(t, v, number, binding)
	unseals(t, v, sealedBefore, binding, number)
	unseals(t, v, sealedAfter, binding, number)
	refuses(t, old, sealedAfter, binding)
	// Tink's prefix: a version byte and the id of the key.
	if binary.BigEndian.Uint32(sealedBefore[1:]) == binary.BigEndian.Uint32(sealedAfter[1:]) {
		t.Error("the new key is not used")
	}
	if !bytes.Equal(old.Fingerprint(number), v.Fingerprint(number)) {
		t.Error("rotating the sealing key changed the fingerprints")
	}
}

func TestFingerprintsOfEveryKey(t *testing.T) {
	t.Parallel()
	first := generate(t)
	second := rotate(t, first, "fingerprint")
	third := rotate(t, second, "fingerprint")
	var primaries [][]byte
	for _, f := range [][]byte{third, second, first} {
		v := open(t, f)
		primaries = append(primaries, v.Fingerprint("42", number))
		if all := v.Fingerprints("42", number); !bytes.Equal(all[0], v.Fingerprint("42", number)) {
			t.Error("the primary's is not the first")
		}
	}
	if bytes.Equal(primaries[0], primaries[1]) || bytes.Equal(primaries[1], primaries[2]) {
		t.Error("a new primary makes the same fingerprints")
	}
	if got := open(t, third).Fingerprints("42", number); !slices.EqualFunc(got, primaries, bytes.Equal) {
		t.Errorf("got %x, want the newest first: %x", got, primaries)
	}
}

func TestKeysetFileAtFault(t *testing.T) {
	t.Parallel()
	good := split(t, generate(t))
	macHandle, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	with := func(part string, value json.RawMessage) []byte {
		return join(t, map[string]json.RawMessage{
			"aead": good["aead"], "fingerprint": good["fingerprint"], part: value, // the last wins
		})
	}
	file := string(join(t, good))
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"empty":             {nil, "not a JSON object"},
		"no JSON":           {[]byte("keys: " + file), "not a JSON object"},
		"cut off":           {[]byte(file[:len(file)-9]), "not a JSON object"},
		"text after it":     {[]byte(file + file), "not a JSON object"},
		"an empty object":   {[]byte("{}"), "aead"},
		"no fingerprint":    {join(t, map[string]json.RawMessage{"aead": good["aead"]}), "fingerprint"},
		"aead null":         {with("aead", json.RawMessage("null")), "aead"},
		"aead a string":     {with("aead", json.RawMessage(`"secret"`)), "aead"},
		"aead no base64":    {[]byte(strings.Replace(file, `"value":"`, `"value":"*`, 1)), "a"},
		"aead is PRF":       {with("aead", good["fingerprint"]), "aead"},
		"aead is MAC":       {with("aead", cleartext(t, macHandle)), "aead"},
		"fingerprint AEAD":  {with("fingerprint", good["aead"]), "fingerprint"},
		"fingerprint is []": {with("fingerprint", json.RawMessage("[]")), "fingerprint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := vault.Open(c.file)
			if err == nil || v != nil {
				t.Fatalf("got %v, %v", v, err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, which does not say %q", err, c.says)
			}
			noKeysIn(t, file, err.Error())
		})
	}
}

// noKeysIn fails if any piece of the keys of a keyset file is in out.
func noKeysIn(t *testing.T, keysetFile, out string) {
	t.Helper()
	values := regexp.MustCompile(`"value":\s*"([^"]+)"`).FindAllStringSubmatch(keysetFile, -1)
	if len(values) != 2 {
		t.Fatalf("%d keys", len(values))
	}
	for _, v := range values {
		for i := 0; i+8 <= len(v[1]); i++ {
			if strings.Contains(out, v[1][i:i+8]) {
				t.Errorf("key material is in %q", out)
				return
			}
		}
	}
}

func TestVaultDoesNotPrint(t *testing.T) {
	t.Parallel()
	v := open(t, generate(t))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, v); got != "[vault]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	v := open(t, generate(t))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			row := fmt.Sprint("payment_account:", i)
			c, err := v.Seal(number, row)
			if err != nil {
				t.Error(err)
			}
			if got, err := v.Unseal(c, row); got != number || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}
