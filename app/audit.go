package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

var auditCommands = []command{{
	name: "audit verify", needs: config.Database | config.Keyset,
	about: "audit verify: look for rows of the audit that were changed, added or\nremoved; ends with 1 where there are any. --heads FILE writes down\n" +
		"where the chains end, and --against FILE checks what was written down",
	bind: func(flags *flag.FlagSet) action {
		heads := flags.String("heads", "", "the file that gets the ends of the audit's chains")
		against := flags.String("against", "", "a file of ends that must be there still")
		return func(ctx context.Context, c call) error {
			return withKeys(ctx, c.cfg, func(s *servicing.Service) error { return verifyAudit(ctx, s.Store.Books(), *heads, *against, c.stdout) })
		}
	},
}}

// errAuditBroken says that the audit is not what was written.
var errAuditBroken = errors.New("the audit is not what was written")

// mostFaults is how many faults are printed; with the wrong keyset every row is one.
const mostFaults = 100

// verifyAudit walks through the audit and prints what is wrong with it, or that
// nothing is. The ends of the chains go to a file, and those in an older file must
// be there still; either path may be empty.
func verifyAudit(ctx context.Context, books store.Books, heads, against string, out io.Writer) error {
	faults := 0
	fault := func(f store.AuditFault) {
		if faults++; faults <= mostFaults {
			_, _ = fmt.Fprintf(out, "customer %d, row %d: %s\n", f.CustomerID, f.Seq, f.What)
		}
	}
	if against != "" {
		if err := checkHeads(ctx, books, against, fault); err != nil {
			return fmt.Errorf("read %s: %w", against, err)
		}
	}
	// Before the rows are: so every end that is written down has been verified.
	chains, digest, err := writeHeads(ctx, books, heads)
	if err != nil {
		return err
	}
	rows, err := books.VerifyAudit(ctx, fault)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%d rows in %d chains, whose ends have the SHA-256 digest %x\n", rows, chains, digest)
	if faults > 0 {
		return fmt.Errorf("%w: %d faults", errAuditBroken, faults)
	}
	_, err = fmt.Fprintln(out, "No row was changed, added or removed.")
	return err
}

// writeHeads writes the ends of all chains into a file, and digests it.
func writeHeads(ctx context.Context, books store.Books, path string) (chains int, digest []byte, err error) {
	hash := sha256.New()
	to := bufio.NewWriter(hash)
	if path != "" {
		file, openErr := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the path
		if openErr != nil {
			return 0, nil, openErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = bufio.NewWriter(io.MultiWriter(file, hash))
	}
	err = books.AuditHeads(ctx, func(heads []store.AuditHead) error {
		chains += len(heads)
		for _, h := range heads {
			if _, err := fmt.Fprintln(to, h.CustomerID, h.Seq, h.Hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, to.Flush()); err != nil {
		return 0, nil, err
	}
	return chains, hash.Sum(nil), nil
}

// checkHeads finds the ends in a file that are rows of the audit no longer.
func checkHeads(ctx context.Context, books store.Books, path string, fault func(store.AuditFault)) error {
	file, err := os.Open(path) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it has been read
	const atOnce = 1000
	var heads []store.AuditHead
	check := func() error {
		lost, err := books.LostAuditHeads(ctx, heads)
		for _, head := range lost {
			fault(store.AuditFault{CustomerID: head.CustomerID, Seq: head.Seq, What: "is missing, or not what was kept of it"})
		}
		heads = heads[:0]
		return err
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var h store.AuditHead
		if _, err := fmt.Sscan(lines.Text(), &h.CustomerID, &h.Seq, &h.Hash); err != nil {
			return errors.New("a line is not what audit verify --heads writes")
		}
		if heads = append(heads, h); len(heads) == atOnce {
			if err := check(); err != nil {
				return err
			}
		}
	}
	return errors.Join(lines.Err(), check())
}
