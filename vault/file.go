package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// FileOptions say how a keyset file is kept.
type FileOptions struct {
	// Master is the key that wraps it; nil where it is in cleartext. One that is in
	// cleartext is read with a master key, too, and wrapped when it is next written.
	Master tink.AEAD
	// Private refuses a file with keys in cleartext that others than its owner can
	// read.
	Private bool
}

// file is a keyset in a file.
type file struct {
	path string
	FileOptions
}

// version tells one content of a file from the next.
type version struct{ info os.FileInfo }

func (v version) is(info os.FileInfo) bool {
	return v.info != nil && os.SameFile(v.info, info) && v.info.Size() == info.Size() && v.info.ModTime().Equal(info.ModTime())
}

// OpenFile reads a keyset file. Where it changes later, [Vault.Refresh] reads it
// again, and so does a ciphertext of a key that is not known yet.
func OpenFile(path string, o FileOptions) (*Vault, error) {
	v := &Vault{file: &file{path, o}}
	if err := v.Refresh(); err != nil {
		return nil, err
	}
	return v, nil
}

// load reads the file if it is another than one of the versions known.
func (f *file) load(known ...version) (*keys, version, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, version{}, fmt.Errorf("vault: %w", err)
	}
	for _, v := range known {
		if v.is(info) {
			return nil, v, nil
		}
	}
	content, err := f.content(info)
	if err != nil {
		return nil, version{info}, err
	}
	k, err := parse(content, f.Master)
	return k, version{info}, err
}

func (f *file) content(info os.FileInfo) ([]byte, error) {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if f.Private && !IsWrapped(content) {
		return content, checkPrivate(f.path, info)
	}
	return content, nil
}

// checkPrivate refuses a file of keys that its owner shares.
func checkPrivate(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("vault: %s holds keys and has mode %04o: only its owner may read it, so chmod 600 it", path, mode)
	}
	return nil
}

// Refresh reads the keyset file again where it has changed. Where that fails, the
// keys stay as they are.
func (v *Vault) Refresh() error {
	if v.file == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refresh(v.read)
}

func (v *Vault) refresh(known ...version) error {
	k, version, err := v.file.load(known...)
	switch {
	case err != nil:
		v.failed = version
		return err
	case k != nil:
		v.keys.Store(k)
		v.read = version
	}
	return nil
}

// meet looks for a key that is not known in the file: once for each change of it,
// as ciphertexts of a key that is nowhere may be many.
func (v *Vault) meet(id uint32) *keys {
	if v.file == nil {
		return v.keys.Load()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.keys.Load(); k.sealing[id] {
		return k // somebody else has met it
	}
	_ = v.refresh(v.read, v.failed) // Watch tells of it
	return v.keys.Load()
}

// Watch refreshes every so often until ctx ends, and hands what went wrong to tell.
func (v *Vault) Watch(ctx context.Context, every time.Duration, tell func(error)) {
	if v.file == nil {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := v.Refresh(); err != nil {
				tell(err)
			}
		}
	}
}

// replace writes a file whole or not at all. It keeps the owner and the mode of
// the one that was there, which the servers can read.
func replace(path string, content []byte) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	name := path + ".next"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one who was stopped
		return err
	}
	next, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	_, err = next.Write(content)
	err = errors.Join(err, inherit(next, before), next.Sync(), next.Close())
	if err != nil {
		return err
	}
	if err = os.Rename(name, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func inherit(next *os.File, before os.FileInfo) error {
	err := next.Chmod(before.Mode().Perm())
	if owner, ok := before.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		err = errors.Join(err, next.Chown(int(owner.Uid), int(owner.Gid)))
	}
	return err
}

// syncFolder makes a new name in a folder last.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
