package vault

import (
	"errors"
	"fmt"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// A rotation takes three changes of the keyset file, and time between them for
// every process to see them: keys are added (AddKeys), made the primary
// (PromoteKeys), and when nothing is sealed with the old key any more, that is
// removed (RetireKeys). How far a rotation has got is read from the file, so it can
// be broken off anywhere: the newest key is the last of a keyset, and while there
// is a second sealing key, a rotation is under way.

// ErrNoFile says that a keyset is not in a file, so it cannot be changed here.
var ErrNoFile = errors.New("vault: the keyset is not in a file, and can be changed only where it is kept")

// ErrNotPromoted says that the newest key is not the primary.
var ErrNotPromoted = errors.New("vault: the new key is not in use yet: finish the rotation first")

// AddKeys adds a sealing key, and on demand a fingerprint key, that are not used
// yet. It does nothing and tells false where a rotation is under way.
func (v *Vault) AddKeys(fingerprints bool) (added bool, err error) {
	err = v.edit(func(sealing, hashing *keyset.Handle) (*handles, error) {
		if sealing.Len() > 1 || !newestIsPrimary(hashing) {
			return nil, nil
		}
		added = true
		next := &handles{sealing, hashing}
		var err error
		if next.sealing, err = withKey(sealing, aead.AES256GCMKeyTemplate()); err == nil && fingerprints {
			next.hashing, err = withKey(hashing, prf.HMACSHA256PRFKeyTemplate())
		}
		return next, err
	})
	return added, err
}

// PromoteKeys makes the newest keys the primaries, of both kinds at once; it tells
// false where they are. Every process must know the keys.
func (v *Vault) PromoteKeys() (promoted bool, err error) {
	err = v.edit(func(sealing, hashing *keyset.Handle) (*handles, error) {
		if newestIsPrimary(sealing) && newestIsPrimary(hashing) {
			return nil, nil
		}
		promoted = true
		next := new(handles)
		var err error
		if next.sealing, err = promote(sealing); err == nil {
			next.hashing, err = promote(hashing)
		}
		return next, err
	})
	return promoted, err
}

// RetireKeys removes the sealing keys that are not the primary, and tells how many
// these were. Whatever is sealed with them is lost. Fingerprint keys stay: there
// are fingerprints that cannot be made anew.
func (v *Vault) RetireKeys() (retired int, err error) {
	err = v.edit(func(sealing, hashing *keyset.Handle) (*handles, error) {
		if !newestIsPrimary(sealing) || !newestIsPrimary(hashing) {
			return nil, ErrNotPromoted
		}
		if retired = sealing.Len() - 1; retired == 0 {
			return nil, nil
		}
		manager := keyset.NewManagerFromHandle(sealing)
		info := sealing.KeysetInfo()
		for _, key := range info.GetKeyInfo() {
			if id := key.GetKeyId(); id != info.GetPrimaryKeyId() {
				if err := manager.Delete(id); err != nil {
					return nil, err
				}
			}
		}
		left, err := manager.Handle()
		return &handles{left, hashing}, err
	})
	return retired, err
}

// Rewrap writes the keyset file anew, wrapped by another master key.
func (v *Vault) Rewrap(master tink.AEAD) error {
	if v.file == nil {
		return ErrNoFile
	}
	return v.rewrite(master, func(sealing, hashing *keyset.Handle) (*handles, error) { return &handles{sealing, hashing}, nil })
}

// edit changes the keyset file by what change makes of its keysets; nil leaves it.
func (v *Vault) edit(change func(sealing, hashing *keyset.Handle) (*handles, error)) error {
	if v.file == nil {
		return ErrNoFile
	}
	if err := v.rewrite(v.file.Master, change); err != nil {
		return err
	}
	return v.Refresh()
}

func (v *Vault) rewrite(master tink.AEAD, change func(sealing, hashing *keyset.Handle) (*handles, error)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	info, err := os.Stat(v.file.path)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	content, err := v.file.content(info)
	if err != nil {
		return err
	}
	before, err := parseHandles(content, v.file.Master)
	if err != nil {
		return err
	}
	next, err := change(before.sealing, before.hashing)
	if err != nil || next == nil {
		return err
	}
	if content, err = next.write(master); err != nil {
		return err
	}
	if err := replace(v.file.path, content); err != nil {
		return fmt.Errorf("vault: writing the keyset: %w", err)
	}
	return nil
}

func newest(handle *keyset.Handle) uint32 {
	list := handle.KeysetInfo().GetKeyInfo()
	return list[len(list)-1].GetKeyId()
}

func newestIsPrimary(handle *keyset.Handle) bool {
	return newest(handle) == handle.KeysetInfo().GetPrimaryKeyId()
}

func withKey(handle *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(handle)
	if _, err := manager.Add(template); err != nil {
		return nil, err
	}
	return manager.Handle()
}

func promote(handle *keyset.Handle) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(handle)
	if err := manager.SetPrimary(newest(handle)); err != nil {
		return nil, err
	}
	return manager.Handle()
}
