package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/automobilepay/mobilepay/vault"
)

// keysetFile writes a file that only its owner can read.
func keysetFile(t *testing.T, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyset.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFile(t *testing.T, path string, o vault.FileOptions) *vault.Vault {
	t.Helper()
	v, err := vault.OpenFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// master makes a master key in a file and returns it with its URI.
func master(t *testing.T) (tink.AEAD, string) {
	t.Helper()
	content, err := vault.GenerateMaster()
	if err != nil {
		t.Fatal(err)
	}
	uri := "file://" + keysetFile(t, content)
	key, err := vault.Master(uri, vault.MasterFiles{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	return key, uri
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A process that has the file open goes on through every step of a rotation that
// another one makes, without being told.
func TestRotationOfAFile(t *testing.T) {
	t.Parallel()
	path := keysetFile(t, generate(t))
	server, operator := openFile(t, path, vault.FileOptions{}), openFile(t, path, vault.FileOptions{})
	before := seal(t, server, number, binding)
	fingerprint := server.Fingerprint(number)

	if added, err := operator.AddKeys(true); err != nil || !added {
		t.Fatalf("added %t, %v", added, err)
	}
	if !operator.Current(seal(t, operator, number, binding)) || !operator.Current(before) || len(operator.Fingerprints(number)) != 2 {
		t.Error("a new key is in use before it is the primary")
	}
	if _, err := operator.RetireKeys(); !errors.Is(err, vault.ErrNotPromoted) {
		t.Errorf("retired too early: %v", err)
	}
	if added, err := operator.AddKeys(true); err != nil || added {
		t.Errorf("added %t twice, %v", added, err)
	}
	if promoted, err := operator.PromoteKeys(); err != nil || !promoted {
		t.Fatalf("promoted %t, %v", promoted, err)
	}
	after := seal(t, operator, number, binding)
	if operator.Current(before) || !operator.Current(after) {
		t.Error("the new key is not in use")
	}
	unseals(t, server, after, binding, number)
	unseals(t, server, before, binding, number)
	if !server.Current(after) {
		t.Error("the server has not read the file again")
	}
	if again := server.Fingerprints(number); len(again) != 2 || bytes.Equal(again[0], fingerprint) || !bytes.Equal(again[1], fingerprint) {
		t.Errorf("the fingerprints are %x", again)
	}
	if promoted, err := operator.PromoteKeys(); err != nil || promoted {
		t.Errorf("promoted %t twice, %v", promoted, err)
	}
	if added, err := operator.AddKeys(false); err != nil || added {
		t.Errorf("added %t to a rotation that is under way, %v", added, err)
	}
	if n, err := operator.RetireKeys(); err != nil || n != 1 {
		t.Fatalf("retired %d, %v", n, err)
	}
	refuses(t, operator, before, binding)
	unseals(t, operator, after, binding, number)
	if n := len(operator.Fingerprints(number)); n != 2 {
		t.Errorf("%d fingerprint keys are left", n)
	}
	if n, err := operator.RetireKeys(); err != nil || n != 0 {
		t.Errorf("retired %d more, %v", n, err)
	}
	if err := server.Refresh(); err != nil {
		t.Fatal(err)
	}
	refuses(t, server, before, binding)
}

// A ciphertext of a key that is nowhere does not have the file read again and
// again: what is read is broken, which only reading it can tell.
func TestUnknownKeyReadsTheFileOnce(t *testing.T) {
	t.Parallel()
	path := keysetFile(t, generate(t))
	v := openFile(t, path, vault.FileOptions{})
	own, foreign := seal(t, v, number, binding), seal(t, open(t, generate(t)), number, binding)
	refuses(t, v, foreign, binding)
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, v, foreign, binding)
	unseals(t, v, own, binding, number)
	if err := v.Refresh(); err == nil {
		t.Error("a broken file is read without an error")
	}
	unseals(t, v, own, binding, number)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	path := keysetFile(t, generate(t))
	v := openFile(t, path, vault.FileOptions{})
	told := make(chan error)
	go v.Watch(t.Context(), time.Millisecond, func(err error) {
		select {
		case told <- err:
		case <-t.Context().Done():
		}
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := <-told; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("told %v", err)
	}
	unseals(t, v, seal(t, v, number, binding), binding, number)
}

// Whoever reads the file while it is rotated reads a whole one.
func TestFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	path := keysetFile(t, generate(t))
	operator := openFile(t, path, vault.FileOptions{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for reads := 0; ; reads++ {
				select {
				case <-done:
					if reads == 0 {
						t.Error("it was never read")
					}
					return
				default:
				}
				if _, err := vault.OpenFile(path, vault.FileOptions{Private: true}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		_, err := operator.AddKeys(true)
		_, promoteErr := operator.PromoteKeys()
		_, retireErr := operator.RetireKeys()
		if err := errors.Join(err, promoteErr, retireErr); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestLinkAndModeAreKept(t *testing.T) {
	t.Parallel()
	path := keysetFile(t, generate(t))
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".next", []byte("of one who was stopped"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(t, link, vault.FileOptions{}).AddKeys(false); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

func TestPrivateFile(t *testing.T) {
	t.Parallel()
	key, _ := master(t)
	wrapped, err := vault.GenerateWrapped(key)
	if err != nil {
		t.Fatal(err)
	}
	shown, hidden := keysetFile(t, generate(t)), keysetFile(t, wrapped)
	for _, mode := range []os.FileMode{0o600, 0o400, 0o640, 0o604, 0o660, 0o610} {
		for path, refused := range map[string]bool{shown: mode&0o077 != 0, hidden: false} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := vault.OpenFile(path, vault.FileOptions{Private: true, Master: key})
			if (err != nil) != refused {
				t.Errorf("mode %04o, in cleartext %t: %v", mode, path == shown, err)
			}
			if refused && !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode)) {
				t.Errorf("%v does not say %04o", err, mode)
			}
		}
	}
	if err := os.Chmod(shown, 0o644); err != nil {
		t.Fatal(err)
	}
	openFile(t, shown, vault.FileOptions{})
}

func TestWrappedKeyset(t *testing.T) {
	t.Parallel()
	key, _ := master(t)
	other, _ := master(t)
	plain := generate(t)
	path := keysetFile(t, plain)
	v := openFile(t, path, vault.FileOptions{Master: key})
	sealed := seal(t, v, number, binding)
	if err := v.Rewrap(key); err != nil { // what was in cleartext is wrapped
		t.Fatal(err)
	}
	content := readFile(t, path)
	if !vault.IsWrapped([]byte(content)) || vault.IsWrapped(plain) {
		t.Error("it is not wrapped")
	}
	noKeysIn(t, string(plain), content)
	unseals(t, openFile(t, path, vault.FileOptions{Master: key}), sealed, binding, number)
	for name, o := range map[string]vault.FileOptions{"no master key": {}, "another one": {Master: other}} {
		if _, err := vault.OpenFile(path, o); err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("with %s: %v", name, err)
		}
	}
	if _, err := openFile(t, path, vault.FileOptions{Master: key}).AddKeys(true); err != nil {
		t.Fatal(err)
	}
	if !vault.IsWrapped([]byte(readFile(t, path))) {
		t.Error("a rotation unwraps it")
	}
	if err := openFile(t, path, vault.FileOptions{Master: key}).Rewrap(other); err != nil {
		t.Fatal(err)
	}
	unseals(t, openFile(t, path, vault.FileOptions{Master: other}), sealed, binding, number)
	if _, err := vault.OpenFile(path, vault.FileOptions{Master: key}); err == nil {
		t.Error("the old master key opens it still")
	}
}

func TestMasterFiles(t *testing.T) {
	t.Parallel()
	_, uri := master(t)
	path := strings.TrimPrefix(uri, "file://")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	for uri, says := range map[string]string{
		"aws-kms://arn:1":              "no key service for aws-kms",
		"file://host/master.key":       "no key service for file",
		path:                           "no key service",
		uri:                            "mode 0640",
		uri + "x":                      "no such file",
		"file://" + keysetFile(t, nil): "is not a master key",
		"file://" + keysetFile(t, []byte(`{"primaryKeyId": 1, "key": []}`)): "is not a master key",
	} {
		if key, err := vault.Master(uri, vault.MasterFiles{Private: true}); err == nil || key != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, which does not say %q", uri, err, says)
		}
	}
}

func TestKeysetThatIsNotInAFile(t *testing.T) {
	t.Parallel()
	v := open(t, generate(t))
	_, addErr := v.AddKeys(true)
	_, promoteErr := v.PromoteKeys()
	_, retireErr := v.RetireKeys()
	for _, err := range []error{addErr, promoteErr, retireErr, v.Rewrap(nil)} {
		if !errors.Is(err, vault.ErrNoFile) {
			t.Errorf("got %v", err)
		}
	}
	if err := v.Refresh(); err != nil {
		t.Error(err)
	}
}
