package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/vault"
)

// keyCommands make and change keys (docs/keys.md).
var keyCommands = []command{
	{
		name:  "keyset",
		about: "print a new keyset to seal bank account numbers with",
		bind:  does(func(_ context.Context, c call) error { return printKeyset(c.cfg, c.stdout) }),
	},
	{
		name: "rotate-keys", needs: config.Database | config.Keyset,
		about: "seal everything with a new key, beside servers that run:\nrotate-keys --fingerprints for that key, too; then\nrotate-keys --retire to remove the old key",
		bind: func(flags *flag.FlagSet) action {
			var r servicing.Rotation
			flags.BoolVar(&r.Fingerprints, "fingerprints", false, "whether to rotate the fingerprint key, too")
			flags.BoolVar(&r.Retire, "retire", false, "whether to remove the old key")
			grace := flags.Duration("grace", seenWithin, "how long every process may take to see the keyset")
			return func(ctx context.Context, c call) error { return rotateKeys(ctx, c.cfg, r, *grace, c.stdout, c.out) }
		},
	},
	{
		name: "wrap-keyset", needs: config.Keyset,
		about: "wrap the keyset by a master key: wrap-keyset --to URI",
		bind: func(flags *flag.FlagSet) action {
			to := flags.String("to", "", "the master key")
			return func(_ context.Context, c call) error {
				if *to == "" {
					return ErrUsage
				}
				return wrapKeyset(c.cfg, *to)
			}
		},
	},
	{
		name: "master-key", bare: true,
		about: "print a new master key for a file",
		bind: does(func(_ context.Context, c call) error {
			key, err := vault.GenerateMaster()
			if err == nil {
				_, err = c.stdout.Write(key)
			}
			return err
		}),
	},
}

// keyServices are the services that keep master keys. One of a cloud is registered
// here: Tink has a client for each (tink-go-awskms, tink-go-gcpkms).
func keyServices(cfg config.Config) []registry.KMSClient {
	return []registry.KMSClient{vault.MasterFiles{Private: cfg.Mode == config.Production}}
}

// masterKey is the key that wraps the keyset; nil where there is none.
func masterKey(cfg config.Config) (tink.AEAD, error) {
	if cfg.KMSKey == "" {
		return nil, nil
	}
	return vault.Master(cfg.KMSKey, keyServices(cfg)...)
}

// openVault reads the keyset. In the sandbox one is made where there is none.
func openVault(cfg config.Config) (*vault.Vault, error) {
	master, err := masterKey(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.KeysetJSON != "" {
		return vault.OpenWrapped([]byte(cfg.KeysetJSON), master)
	}
	if _, err := os.Stat(cfg.Keyset); errors.Is(err, fs.ErrNotExist) && cfg.Mode == config.Sandbox {
		if err := makeKeyset(cfg.Keyset, master); err != nil {
			return nil, fmt.Errorf("make a keyset: %w", err)
		}
	}
	return vault.OpenFile(cfg.Keyset, vault.FileOptions{Master: master, Private: cfg.Mode == config.Production})
}

func makeKeyset(path string, master tink.AEAD) error {
	keyset, err := vault.GenerateWrapped(master)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, keyset, 0o600)
}

const (
	// lookAtKeyset is how often a process looks whether the keyset file has changed.
	lookAtKeyset = 5 * time.Second
	// seenWithin is how long rotate-keys gives every process to see a change: much
	// longer, as a file may take a minute to come to where it is read.
	seenWithin = 2 * time.Minute
)

// watchKeyset reads the keyset file again when it changes, until the function that
// it returns is called.
func watchKeyset(v *vault.Vault, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go v.Watch(ctx, lookAtKeyset, func(err error) { log.Warn("the keyset cannot be read again", "error", err) })
	return cancel
}

// printKeyset makes a keyset, wrapped where there is a master key.
func printKeyset(cfg config.Config, stdout io.Writer) error {
	master, err := masterKey(cfg)
	if err != nil {
		return err
	}
	keyset, err := vault.GenerateWrapped(master)
	if err == nil {
		_, err = stdout.Write(keyset)
	}
	return err
}

// wrapKeyset wraps the keyset file by the master key that a URI names.
func wrapKeyset(cfg config.Config, uri string) error {
	v, err := openVault(cfg)
	if err != nil {
		return err
	}
	master, err := vault.Master(uri, keyServices(cfg)...)
	if err != nil {
		return err
	}
	return v.Rewrap(master)
}

// rotateKeys rotates the keys and tells what it did. After each change of the
// keyset it waits as long as grace says.
func rotateKeys(ctx context.Context, cfg config.Config, r servicing.Rotation, grace time.Duration, stdout, out io.Writer) (err error) {
	a, err := newWithoutSessions(ctx, cfg, newClock(cfg), newLog(cfg, out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	r.Seen = func(ctx context.Context) error {
		a.Log.Info("waiting until every process has seen the keyset", "for", grace)
		select {
		case <-time.After(grace):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done, err := a.Servicing.RotateKeys(ctx, r)
	if err != nil {
		return fmt.Errorf("rotate the keys (run it again to go on): %w", err)
	}
	switch {
	case r.Retire:
		_, err = fmt.Fprintf(stdout, "%d old keys were removed.\n", done.Retired)
	case done.Added:
		_, err = fmt.Fprintf(stdout, "%d rows were sealed with a new key. The old one can be removed: rotate-keys --retire\n", done.Resealed)
	default:
		_, err = fmt.Fprintf(stdout, "A rotation was under way: %d more rows were sealed with its key. The old one can be removed: rotate-keys --retire\n", done.Resealed)
	}
	return err
}
