// Package bank is the folders in which files are exchanged with the bank.
package bank

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

// ErrTaken says that there is another file under a name.
var ErrTaken = errors.New("bank: there is another file under this name")

// Outbox is a folder from which the bank's gateway takes files. It keeps the
// promises of the use cases' Outbox: a file appears whole under its name or not at
// all, and survives a power cut once Put has returned.
type Outbox string

// Put writes a file. The same again is fine; another under a name that is taken is
// [ErrTaken].
func (d Outbox) Put(_ context.Context, name string, content []byte) (err error) {
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(string(d), 0o700); err == nil {
			root, err = os.OpenRoot(string(d))
		}
	}
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()

	// What a crash left of an earlier attempt holds account numbers.
	left, err := fs.Glob(root.FS(), name+".*.part")
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	for _, part := range left {
		if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("bank: %w", err)
		}
	}
	part := name + "." + rand.Text() + ".part" // another process may be writing the same
	if err := write(root, part, content); err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	// The name is given last, so nobody sees half a file; and unlike a rename, a link
	// never takes the place of another file.
	err = root.Link(part, name)
	if removed := root.Remove(part); removed != nil {
		return fmt.Errorf("bank: %w", removed)
	}
	if errors.Is(err, fs.ErrExist) {
		present, err := root.ReadFile(name)
		if err == nil && !bytes.Equal(present, content) {
			err = ErrTaken
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	return sync(filepath.Clean(string(d)))
}

func write(root *os.Root, name string, content []byte) (err error) {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// sync makes a new name in a folder last.
func sync(folder string) (err error) {
	dir, err := os.Open(folder) //nolint:gosec // the operator names the folder
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return dir.Sync()
}

// Inbox is a folder into which the bank's gateway puts files, each whole under its
// name.
type Inbox string

// Each hands the files over in the order of their names. One that take accepts is
// moved to the folder done below, any other to the folder failed, and the errors
// are joined; the next ones are handed over all the same. A file that was taken
// when the process died before it was moved is handed over again.
func (in Inbox) Each(take func(name string, content []byte) error) (err error) {
	root, err := os.OpenRoot(string(in))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing has ever come
	}
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	var failed []error
	for _, entry := range entries { // sorted by name
		name := entry.Name()
		if !entry.Type().IsRegular() || name[0] == '.' {
			continue
		}
		content, err := root.ReadFile(name)
		if err != nil {
			failed = append(failed, fmt.Errorf("bank: %w", err))
			continue
		}
		folder := "done"
		if err := take(name, content); err != nil {
			folder = "failed"
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
		if err := errors.Join(root.MkdirAll(folder, 0o700), root.Rename(name, folder+"/"+name)); err != nil {
			failed = append(failed, fmt.Errorf("bank: %w", err))
		}
	}
	return errors.Join(failed...)
}

// SandboxValidator is the sandbox's instant validator: it knows every account but
// those whose number ends in 00, which need a prenote.
type SandboxValidator struct{}

// Validate implements the use cases' Validator.
func (SandboxValidator) Validate(_ context.Context, _, accountNumber string, _ loan.AccountType) (bool, error) {
	return !strings.HasSuffix(accountNumber, "00"), nil
}

// NoValidator knows no account at once: each is validated by a prenote or by
// micro-entries.
type NoValidator struct{}

// Validate implements the use cases' Validator.
func (NoValidator) Validate(context.Context, string, string, loan.AccountType) (bool, error) {
	return false, nil
}
