package testenv

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/testenv/redistest"
)

// Replicated is a Postgres of a test's own with the tables of the books, and a second one
// that follows it by streaming replication.
type Replicated struct {
	// URL is of the database for the app, ReplicaURL of its copy.
	URL, ReplicaURL string

	t                testing.TB
	primary, replica *postgres
}

// NewReplicated starts both servers, which end with the test.
func NewReplicated(t testing.TB) *Replicated {
	t.Helper()
	needReal(t)
	r := &Replicated{t: t, primary: newPostgres(t), replica: newPostgres(t)}
	r.primary.run("initdb", "-D", r.primary.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	r.primary.start()
	const database = "books"
	if err := makeTemplate(t.Context(), r.primary.url(), database); err != nil {
		t.Fatal(err)
	}
	r.primary.run("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(r.primary.port), "-U", "postgres", "-D", r.replica.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	r.replica.start()
	r.URL, r.ReplicaURL = as(appRole, r.primary.url(), database), as(appRole, r.replica.url(), database)
	return r
}

// Pause lets the replica fall behind, until Resume.
func (r *Replicated) Pause() {
	r.t.Helper()
	r.replica.exec("SELECT pg_wal_replay_pause()")
	for r.replica.exec("SELECT pg_get_wal_replay_pause_state()") != "paused" {
		if r.t.Context().Err() != nil {
			r.t.Fatal("the replica does not pause")
		}
	}
}

// Resume lets the replica go on.
func (r *Replicated) Resume() {
	r.t.Helper()
	r.replica.exec("SELECT pg_wal_replay_resume()")
}

// CatchUp returns once the replica has all that is committed.
func (r *Replicated) CatchUp() {
	r.t.Helper()
	position := r.primary.exec("SELECT pg_current_wal_insert_lsn()")
	for r.replica.exec("SELECT pg_last_wal_replay_lsn() >= '"+position+"'") != "true" {
		if r.t.Context().Err() != nil {
			r.t.Fatal("the replica does not catch up")
		}
	}
}

// Promote makes the replica a primary, as a failover does.
func (r *Replicated) Promote() {
	r.t.Helper()
	r.replica.exec("SELECT pg_promote()")
}

// KillReplica ends the replica as a crash does.
func (r *Replicated) KillReplica() { r.replica.kill() }

// StartReplica starts it again, at the same address.
func (r *Replicated) StartReplica() {
	r.t.Helper()
	r.replica.start()
}

// postgres is a server of a test's own.
type postgres struct {
	t          testing.TB
	data       string
	port       int
	credential *syscall.Credential // whom it runs as; nil for who runs the test
	process    *exec.Cmd
	ended      chan struct{}
}

func newPostgres(t testing.TB) *postgres {
	t.Helper()
	p := &postgres{t: t, port: redistest.FreePort()}
	dir, err := os.MkdirTemp("", "mobilepay-postgres") // not the test's, which is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p.data = filepath.Join(dir, "data")
	name := os.Getenv(postgresVariable + "_USER")
	if name == "" {
		return p
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, uid, gid)); err != nil {
		t.Fatal(err)
	}
	p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return p
}

// program is one of Postgres's, as the user whom it runs as.
func (p *postgres) program(name string, arguments ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(os.Getenv(postgresVariable+"_BIN"), name), arguments...)
	c.Dir = filepath.Dir(p.data)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return c
}

func (p *postgres) run(name string, arguments ...string) {
	p.t.Helper()
	if said, err := p.program(name, arguments...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, said)
	}
}

// start starts the server and returns once it answers.
func (p *postgres) start() {
	p.t.Helper()
	c := p.program("postgres", "-D", p.data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "wal_level=replica", "-c", "max_wal_senders=4", "-c", "hot_standby=on")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	p.process, p.ended = c, ended
	p.t.Cleanup(p.kill)
	db, err := sql.Open("postgres", p.url())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for db.PingContext(context.WithoutCancel(p.t.Context())) != nil {
		select {
		case <-ended:
			p.t.Fatalf("Postgres ended: %s", said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the server at once, with all its processes.
func (p *postgres) kill() {
	_ = p.process.Process.Signal(syscall.SIGQUIT)
	<-p.ended
}

func (p *postgres) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", p.port)
}

// exec runs a statement as who may do everything, and returns its one value.
func (p *postgres) exec(text string) string {
	p.t.Helper()
	db, err := sql.Open("postgres", p.url())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var value sql.NullString
	if err := db.QueryRowContext(p.t.Context(), text).Scan(&value); err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	return value.String
}
