package bank

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// longestPut ends a Put whose caller set no deadline: a server that says nothing
// more must not hold a run for ever.
const longestPut = 5 * time.Minute

// SFTP is an outbox in a folder of the bank's own server. It keeps the promises of
// [Outbox], as far as the server lets it: what a file holds is made to last where
// the server knows fsync@openssh.com, and nothing in SFTP makes a new name last.
//
// The folder has to exist, and this user must be able to write, rename and read in
// it: a file is read back before it gets its name.
type SFTP struct {
	user, addr string
	folder     string
	config     *ssh.ClientConfig
}

// OpenSFTP makes an outbox of sftp://user@host:port/folder. The user is who has the
// private key in the file key, and the host who has a key that the file knownHosts,
// in the form of OpenSSH, lists for it. No connection is made yet.
func OpenSFTP(location *url.URL, key, knownHosts string) (*SFTP, error) {
	port := location.Port()
	if port == "" {
		port = "22"
	}
	s := &SFTP{
		user: location.User.Username(), addr: net.JoinHostPort(location.Hostname(), port), folder: path.Clean(location.Path),
	}
	signer, err := readKey(key)
	if err != nil {
		return nil, fmt.Errorf("bank: private key %s: %w", key, err)
	}
	verify, err := knownhosts.New(knownHosts)
	if err != nil {
		return nil, fmt.Errorf("bank: known hosts: %w", err)
	}
	algorithms := hostKeyAlgorithms(verify, s.addr)
	if len(algorithms) == 0 {
		return nil, fmt.Errorf("bank: %s lists no key of %s", knownHosts, s.addr)
	}
	s.config = &ssh.ClientConfig{
		User: s.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(hostname string, remote net.Addr, shown ssh.PublicKey) error {
			err := verify(hostname, remote, shown)
			if err != nil {
				err = fmt.Errorf("the host shows key %s, which is not the one in %s: %w", ssh.FingerprintSHA256(shown), knownHosts, err)
			}
			return err
		},
	}
	return s, nil
}

func readKey(file string) (ssh.Signer, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return nil, pathErr.Err // without the name once more
	}
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, errors.New("it needs a passphrase, which nobody is there to give")
	}
	if err != nil {
		return nil, errors.New("it is not a private key in the form of OpenSSH or PEM")
	}
	return signer, nil
}

// hostKeyAlgorithms are those of the keys that are known of a host. A server with
// keys of several kinds would otherwise show one that is not listed, and look like
// another host.
func hostKeyAlgorithms(verify ssh.HostKeyCallback, addr string) (algorithms []string) {
	nobodys, err := ssh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if err != nil {
		return nil
	}
	var unlike *knownhosts.KeyError
	if !errors.As(verify(addr, &net.TCPAddr{}, nobodys), &unlike) {
		return nil
	}
	for _, known := range unlike.Want {
		switch kind := known.Key.Type(); kind {
		case ssh.KeyAlgoRSA: // the key is of use; the signature with SHA-1 is not
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			algorithms = append(algorithms, kind)
		}
	}
	slices.Sort(algorithms)
	return slices.Compact(algorithms)
}

// Put sends a file, over a connection of its own. The same again is fine; another
// under a name that is taken is [ErrTaken]. When Put fails, nothing is under the
// name, or the whole file where only the server's answer was lost; in both cases
// the same Put can be done again.
func (s *SFTP) Put(ctx context.Context, name string, content []byte) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
		return fmt.Errorf("bank: %q is not the name of a file", name)
	}
	ctx, cancel := context.WithTimeout(ctx, longestPut)
	defer cancel()
	err := s.connect(ctx, func(c *sftp.Client) error { return put(c, s.folder, name, content) })
	if err == nil || errors.Is(err, ErrTaken) {
		return err
	}
	if ctx.Err() != nil { // the cause of what then failed
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return fmt.Errorf("bank: sftp %s@%s: %w", s.user, s.addr, err)
}

// connect calls do with a connection, which ends with do or with ctx.
func (s *SFTP) connect(ctx context.Context, do func(*sftp.Client) error) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Whatever waits for the server then fails at once.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	secured, channels, requests, err := ssh.NewClientConn(conn, s.addr, s.config)
	if err != nil {
		return err
	}
	client := ssh.NewClient(secured, channels, requests)
	// Parts of a file may come in any order: a file is read back once all are there.
	transfer, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true))
	if err != nil {
		return errors.Join(err, client.Close())
	}
	err = do(transfer)
	// All has been answered by now. The transfer's end comes second: it waits for
	// that of the connection, which the server may put off.
	_ = client.Close()
	_ = transfer.Close()
	return err
}

// put sends a file under another name and renames it. That name is one of the
// content, and the file there is not emptied first: whoever sends the same at the
// same time, as two processes may, writes what is there already, and whoever sends
// something else writes elsewhere.
func put(c *sftp.Client, folder, name string, content []byte) error {
	switch info, err := c.Stat(folder); {
	case err != nil:
		return fmt.Errorf("folder %s: %w", folder, err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	}
	sum := sha256.Sum256(content)
	target := path.Join(folder, name)
	part := fmt.Sprintf("%s.%x.part", target, sum[:8])

	there, err := holds(c, target, content)
	if err == nil && !there {
		err = send(c, part, target, content)
		if err == nil {
			return nil
		}
		// Somebody else may have been faster.
		again, taken := holds(c, target, content)
		if !again && !errors.Is(taken, ErrTaken) {
			return err
		}
		there, err = again, taken
	}
	if there || errors.Is(err, ErrTaken) {
		_ = c.Remove(part) // nobody needs what is left of another attempt
	}
	return err
}

// send writes a file to part, makes sure of it and gives it its name.
func send(c *sftp.Client, part, target string, content []byte) error {
	if err := upload(c, part, content); err != nil {
		return fmt.Errorf("write %s: %w", part, err)
	}
	switch whole, err := holds(c, part, content); {
	case errors.Is(err, ErrTaken):
		_ = c.Remove(part) // the next attempt begins anew
		return fmt.Errorf("%s does not hold what was written to it", part)
	case err != nil:
		return err
	case !whole:
		return fmt.Errorf("%s is gone", part)
	}
	// Not posix-rename@openssh.com, which would replace a file that came under the
	// name meanwhile: this one refuses (draft-ietf-secsh-filexfer-02, 6.5).
	if err := c.Rename(part, target); err != nil {
		return fmt.Errorf("rename %s: %w", part, err)
	}
	return nil
}

func upload(c *sftp.Client, name string, content []byte) (err error) {
	file, err := c.OpenFile(name, os.O_CREATE|os.O_WRONLY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if _, ok := c.HasExtension("fsync@openssh.com"); !ok {
		return nil
	}
	return file.Sync()
}

// holds tells whether a file is there with this content. Where something else is,
// that is [ErrTaken].
func holds(c *sftp.Client, name string, content []byte) (bool, error) {
	switch info, err := c.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at %s: %w", name, err)
	case !info.Mode().IsRegular() || info.Size() != int64(len(content)):
		return false, ErrTaken
	}
	file, err := c.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // taken away since
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := file.WriteTo(hash); err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if sum := sha256.Sum256(content); !bytes.Equal(hash.Sum(nil), sum[:]) {
		return false, ErrTaken
	}
	return true, nil
}
