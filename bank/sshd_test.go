package bank_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/automobilepay/mobilepay/bank"
)

// sshd is OpenSSH's server, with one process for each connection to a port of the
// test's own, so that the test decides how a session ends.
type sshd struct {
	addr, user string
	folder     string // where the files go
	key        string // file of the private key that gets in
	knownHosts string // file with both host keys
	hostKeys   []ssh.PublicKey

	program, config string
	limit           atomic.Int64 // how many bytes a session may receive; 0 is no limit
	atLimit         func(session *exec.Cmd)
	sessions        sync.WaitGroup

	mu  sync.Mutex
	log bytes.Buffer
}

// startSSHD starts a server that is gone when the test ends.
func startSSHD(t *testing.T) *sshd {
	t.Helper()
	s := &sshd{program: findSSHD(t)}
	current, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // where root's sshd locks itself up; boot makes it elsewhere
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	userPublic, userText := newKey(t, ed25519Key(t))
	s.user, s.folder, s.key = current.Username, filepath.Join(dir, "in bound"), file("id", userText)
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	config := "AuthorizedKeysFile " + file("authorized_keys", string(ssh.MarshalAuthorizedKey(userPublic))) + `
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
LogLevel VERBOSE
Subsystem sftp internal-sftp
`
	for i, key := range []crypto.Signer{ecdsaKey, ed25519Key(t)} {
		public, text := newKey(t, key)
		s.hostKeys = append(s.hostKeys, public)
		config += "HostKey " + file(fmt.Sprintf("host%d", i), text) + "\n"
	}
	s.config = file("sshd_config", config)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.knownHosts = file("known_hosts", s.lines(s.hostKeys...))
	s.sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.sessions.Go(func() { s.serve(t, conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.sessions.Wait()
		if t.Failed() {
			t.Logf("sshd said:\n%s", &s.log)
		}
	})
	return s
}

func findSSHD(t *testing.T) string {
	t.Helper()
	const usual = "/usr/sbin/sshd" // seldom on the PATH
	if _, err := os.Stat(usual); err == nil {
		return usual
	}
	if program, err := exec.LookPath("sshd"); err == nil {
		program, err = filepath.Abs(program) // sshd starts itself anew by its path
		if err == nil {
			return program
		}
	}
	if os.Getenv("MOBILEPAY_TEST_POSTGRES") == "" {
		t.Skip("there is no sshd (Debian: openssh-server); scripts/with-services installs it")
	}
	t.Fatal("there is no sshd next to the other services")
	return ""
}

// lines are the host keys as known_hosts has them.
func (s *sshd) lines(keys ...ssh.PublicKey) (text string) {
	for _, key := range keys {
		text += knownhosts.Line([]string{s.addr}, key) + "\n"
	}
	return text
}

// serve runs a session until either side ends it.
func (s *sshd) serve(t *testing.T, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	session := exec.Command(s.program, "-i", "-e", "-f", s.config)
	session.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	session.Stdout, session.Stderr = conn, s
	stdin, err := session.StdinPipe()
	if err != nil {
		t.Error(err)
		return
	}
	if err := session.Start(); err != nil {
		t.Error(err)
		return
	}
	s.sessions.Go(func() {
		defer stdin.Close()
		if limit := s.limit.Load(); limit > 0 {
			if _, err := io.CopyN(stdin, conn, limit); err != nil {
				return
			}
			s.atLimit(session)
		}
		_, _ = io.Copy(stdin, conn)
	})
	_ = session.Wait() // how it ended is in the log
}

func (s *sshd) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(line)
}

// location is the URL of a folder on the server.
func (s *sshd) location(folder string) *url.URL {
	return &url.URL{Scheme: "sftp", User: url.User(s.user), Host: s.addr, Path: folder}
}

// outbox is the server's folder.
func (s *sshd) outbox(t *testing.T) *bank.SFTP {
	t.Helper()
	outbox, err := bank.OpenSFTP(s.location(s.folder), s.key, s.knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	return outbox
}

// files is what the folder holds, by name.
func (s *sshd) files(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(s.folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(content)
	}
	return files
}

func ed25519Key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newKey is a key in the forms of OpenSSH.
func newKey(t *testing.T, key crypto.Signer) (ssh.PublicKey, string) {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return public, string(pem.EncodeToMemory(block))
}
