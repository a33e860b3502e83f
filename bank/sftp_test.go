package bank_test

import (
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/automobilepay/mobilepay/bank"
)

func TestSFTP(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	outbox := server.outbox(t)
	for range 2 { // the same again changes nothing
		if err := outbox.Put(t.Context(), "20261118-1500-A.ach", []byte("101")); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"102", "1011", ""} {
		if err := outbox.Put(t.Context(), "20261118-1500-A.ach", []byte(other)); !errors.Is(err, bank.ErrTaken) {
			t.Errorf("%q under the name: %v", other, err)
		}
	}
	for _, name := range []string{"", ".", "..", "../escaped", "/tmp/escaped", "sub/escaped", `..\escaped`, "a\x00b"} {
		if err := outbox.Put(t.Context(), name, []byte("x")); err == nil || !strings.Contains(err.Error(), "not the name") {
			t.Errorf("%q as a name: %v", name, err)
		}
	}
	if err := outbox.Put(t.Context(), "empty.ach", nil); err != nil {
		t.Error(err)
	}
	want := map[string]string{"20261118-1500-A.ach": "101", "empty.ach": ""}
	if got := server.files(t); !maps.Equal(got, want) {
		t.Errorf("the folder holds %q", got)
	}

	// A name can be taken by what is no file.
	if err := os.Mkdir(filepath.Join(server.folder, "d.ach"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Put(t.Context(), "d.ach", nil); !errors.Is(err, bank.ErrTaken) {
		t.Errorf("a folder under the name: %v", err)
	}
}

func TestSFTPLargeFile(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	content := noise(10 << 20)
	for range 2 {
		if err := server.outbox(t).Put(t.Context(), "large.ach", content); err != nil {
			t.Fatal(err)
		}
	}
	if got := server.files(t); !maps.Equal(got, map[string]string{"large.ach": string(content)}) {
		t.Errorf("the folder holds %d files, or another", len(got))
	}
}

// What an attempt that was cut short has left is no obstacle.
func TestSFTPLeftover(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	content := "the whole file"
	part := filepath.Join(server.folder, fmt.Sprintf("a.ach.%.8x.part", sha256.Sum256([]byte(content))))
	leave := func(left string) {
		t.Helper()
		if err := os.WriteFile(part, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, left := range []string{"", "the wh", "\x00\x00\x00\x00whole", content} {
		leave(left)
		if err := server.outbox(t).Put(t.Context(), "a.ach", []byte(content)); err != nil {
			t.Errorf("after %q: %v", left, err)
		}
		if got := server.files(t); !maps.Equal(got, map[string]string{"a.ach": content}) {
			t.Errorf("after %q the folder holds %q", left, got)
		}
		if err := os.Remove(filepath.Join(server.folder, "a.ach")); err != nil {
			t.Fatal(err)
		}
	}

	// No attempt leaves more than the file: that is found out, and not sent.
	leave(content + " and more")
	if err := server.outbox(t).Put(t.Context(), "a.ach", []byte(content)); err == nil || errors.Is(err, bank.ErrTaken) {
		t.Errorf("after something longer: %v", err)
	}
	if got := server.files(t); len(got) > 0 {
		t.Errorf("the folder holds %q", got)
	}

	// A server that dies in the middle of a rename can leave both names.
	if err := server.outbox(t).Put(t.Context(), "a.ach", []byte(content)); err != nil {
		t.Fatal(err)
	}
	leave(content)
	if err := server.outbox(t).Put(t.Context(), "a.ach", []byte(content)); err != nil {
		t.Error(err)
	}
	if got := server.files(t); !maps.Equal(got, map[string]string{"a.ach": content}) {
		t.Errorf("the folder holds %q", got)
	}
}

func TestSFTPServerDies(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	content := noise(10 << 20)
	server.atLimit = func(session *exec.Cmd) { _ = syscall.Kill(-session.Process.Pid, syscall.SIGKILL) }
	for _, limit := range []int64{9 << 20, 4 << 20, 3000} {
		server.limit.Store(limit)
		if err := server.outbox(t).Put(t.Context(), "a.ach", content); err == nil {
			t.Fatalf("sent, although the server died after %d bytes", limit)
		}
		if _, there := server.files(t)["a.ach"]; there {
			t.Fatalf("there is a file, although the server died after %d bytes", limit)
		}
	}
	if len(server.files(t)) == 0 {
		t.Error("nothing was left by the way: the server died too early")
	}
	server.limit.Store(0)
	if err := server.outbox(t).Put(t.Context(), "a.ach", content); err != nil {
		t.Fatal(err)
	}
	if got := server.files(t); !maps.Equal(got, map[string]string{"a.ach": string(content)}) {
		t.Errorf("the folder holds %d files, or another", len(got))
	}
}

// The deadline ends every wait: for an answer, a greeting and a connection.
func TestSFTPDeadline(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	hung := make(chan struct{})
	defer close(hung)
	server.atLimit = func(*exec.Cmd) { <-hung }
	for _, limit := range []int64{1 << 20, 3000} {
		server.limit.Store(limit)
		put(t, server.outbox(t), noise(10<<20))
	}
	if _, there := server.files(t)["a.ach"]; there {
		t.Error("there is a file")
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0") // connects, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	server.addr = listener.Addr().String()
	put(t, open(t, server, server.hostKeys...), []byte("x"))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(t, server, server.hostKeys...).Put(ended, "a.ach", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// put has to end by its deadline.
func put(t *testing.T, outbox *bank.SFTP, content []byte) {
	t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	go func() { done <- outbox.Put(ctx, "a.ach", content) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still waiting")
	}
}

func TestSFTPUnreachable(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.addr = listener.Addr().String()
	_ = listener.Close()
	outbox := open(t, server, server.hostKeys...)
	if err := outbox.Put(t.Context(), "a.ach", nil); err == nil || !strings.Contains(err.Error(), server.addr) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}

// Two processes may send at the same time. A name is given once.
func TestSFTPAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	outbox := server.outbox(t)
	same, others := noise(1<<20), [2][]byte{noise(300_000), noise(300_001)}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := outbox.Put(t.Context(), "same.ach", same); err != nil {
				t.Error(err)
			}
		})
	}
	var refused [2]error
	for i, content := range others {
		wg.Go(func() { refused[i] = outbox.Put(t.Context(), "other.ach", content) })
	}
	wg.Wait()
	winner := 0
	if refused[0] != nil {
		winner = 1
	}
	if refused[winner] != nil || !errors.Is(refused[1-winner], bank.ErrTaken) {
		t.Errorf("of two others: %v", refused)
	}
	want := map[string]string{"same.ach": string(same), "other.ach": string(others[winner])}
	if got := server.files(t); !maps.Equal(got, want) {
		t.Errorf("the folder holds %d files, or others", len(got))
	}
}

func TestSFTPFolder(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	if err := os.WriteFile(filepath.Join(server.folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{"missing": "does not exist", "file": "is not a folder"} {
		folder = filepath.Join(server.folder, folder)
		outbox, err := bank.OpenSFTP(server.location(folder), server.key, server.knownHosts)
		if err != nil {
			t.Fatal(err)
		}
		err = outbox.Put(t.Context(), "a.ach", nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), folder) {
			t.Errorf("got %v", err)
		}
	}
}

// open is the outbox at the server's address, of which these keys are known.
func open(t *testing.T, server *sshd, known ...ssh.PublicKey) *bank.SFTP {
	t.Helper()
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(hosts, []byte("# the bank's\n"+server.lines(known...)), 0o600); err != nil {
		t.Fatal(err)
	}
	outbox, err := bank.OpenSFTP(server.location(server.folder), server.key, hosts)
	if err != nil {
		t.Fatal(err)
	}
	return outbox
}

func TestSFTPHostKey(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	for _, known := range server.hostKeys { // one of the server's two is enough
		if err := open(t, server, known).Put(t.Context(), "a.ach", nil); err != nil {
			t.Errorf("%s known: %v", known.Type(), err)
		}
	}
	stranger, _ := newKey(t, ed25519Key(t))
	err := open(t, server, stranger).Put(t.Context(), "b.ach", []byte("x"))
	if mismatch := (*knownhosts.KeyError)(nil); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "known_hosts") {
		t.Errorf("another host: %v", err)
	}
	if got := server.files(t); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestSFTPUserKey(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	_, text := newKey(t, ed25519Key(t))
	server.key = filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(server.key, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := server.outbox(t).Put(t.Context(), "a.ach", nil)
	if err == nil || !strings.Contains(err.Error(), "unable to authenticate") || !strings.Contains(err.Error(), server.user+"@"+server.addr) {
		t.Errorf("got %v", err)
	}
	if got := server.files(t); len(got) > 0 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestOpenSFTPRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	key := ed25519Key(t)
	public, text := newKey(t, key)
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	id, hosts := file("id", text), file("hosts", knownhosts.Line([]string{"bank.example"}, public)+"\n")
	open := func(location, id, hosts string) error {
		t.Helper()
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		_, err = bank.OpenSFTP(u, id, hosts)
		return err
	}
	if err := open("sftp://pay@bank.example/in", id, hosts); err != nil { // 22 when none is said
		t.Error(err)
	}
	if err := open("sftp://pay@bank.example:2222/in", id, hosts); err == nil || !strings.Contains(err.Error(), "no key of bank.example:2222") {
		t.Errorf("a host that is not known: %v", err)
	}
	for name, id := range map[string]string{
		"needs a passphrase":   file("locked", string(pem.EncodeToMemory(locked))),
		"is not a private key": file("broken", strings.Replace(text, "b3BlbnNz", "canary00", 1)),
		"no such file":         filepath.Join(dir, "none"),
	} {
		err := open("sftp://pay@bank.example/in", id, hosts)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := open("sftp://pay@bank.example/in", id, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no known hosts: %v", err)
	}
	if err := open("sftp://pay@bank.example/in", id, file("garbled", "bank.example\n")); err == nil {
		t.Error("known hosts that cannot be read")
	}
}

// noise is content that a mistake in the order of its parts would change.
func noise(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	return content
}
