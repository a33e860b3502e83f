// Package redistest starts real Redis servers on this machine for tests: one, what
// Sentinels watch, and a cluster. They are gone when the test process ends, with its
// group of processes if it is killed.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Installed tells whether there is a redis-server on the PATH.
func Installed() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}

// patience is how long a server may take for what it has to do, on a machine that is
// busy with other things.
const patience = 60 * time.Second

// Server is a running Redis.
type Server struct {
	Addr    string // host:port
	Port    int
	process *exec.Cmd
	dir     string
	ended   chan struct{}
	stop    sync.Once
}

// Start starts a server with some lines of redis.conf, in which PORT is its port, FREE
// another free one and DIR a folder of its own. It returns once it listens.
func Start(settings ...string) (*Server, error) {
	return tryToStart(append([]string{`save ""`, "appendonly no"}, settings...))
}

func tryToStart(settings []string, arguments ...string) (s *Server, err error) {
	for range 5 { // another process may take the port first
		if s, err = start(settings, arguments); err == nil {
			break
		}
	}
	return s, err
}

func start(settings, arguments []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "mobilepay-redis")
	if err != nil {
		return nil, err
	}
	s := &Server{Port: FreePort(), dir: dir, ended: make(chan struct{})}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port))
	conf := strings.Join(append([]string{"bind 127.0.0.1", "port PORT", "dir DIR"}, settings...), "\n")
	conf = strings.NewReplacer("PORT", strconv.Itoa(s.Port), "FREE", strconv.Itoa(FreePort()), "DIR", dir).Replace(conf)
	path := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	s.process = exec.Command("redis-server", append([]string{path}, arguments...)...)
	s.process.Stdout, s.process.Stderr = &said, &said
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() { _ = s.process.Wait(); close(s.ended) }()
	for timeout := time.After(patience); ; {
		select {
		case <-s.ended:
			_ = os.RemoveAll(dir)
			return nil, fmt.Errorf("redis-server ended: %s", said.String())
		case <-timeout:
			s.Kill()
			return nil, errors.New("redis-server does not listen")
		case <-time.After(20 * time.Millisecond):
		}
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			_ = conn.Close()
			return s, nil
		}
	}
}

// FreePort is a port that nothing listens on, below those that the kernel takes for
// outgoing connections.
func FreePort() int {
	for {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = l.Close()
			return port
		}
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	s.stop.Do(func() {
		_ = s.process.Process.Kill()
		<-s.ended
		_ = os.RemoveAll(s.dir)
	})
}

// Pause lets the server hang, until Resume.
func (s *Server) Pause() error { return s.process.Process.Signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() error { return s.process.Process.Signal(syscall.SIGCONT) }

// client is for the server's owner.
func (s *Server) client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.Addr}) }

func (s *Server) do(ctx context.Context, arguments ...any) (string, error) {
	c := s.client()
	defer func() { _ = c.Close() }()
	reply, err := c.Do(ctx, arguments...).Result()
	return fmt.Sprint(reply), err
}

// Cluster is three primaries, and replicas of the first of them.
type Cluster struct {
	Primaries, Replicas []*Server
}

// slots is how many a cluster has.
const slots = 16384

// nodeTimeout is after how many milliseconds without an answer a node is taken for
// dead.
const nodeTimeout = "1500"

var shared struct {
	sync.Mutex
	*Cluster
}

// Shared is a cluster without replicas that all tests of a package have together. They
// must leave it whole, and each must have keys of its own. TestMain calls [EndShared].
func Shared() (*Cluster, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.Cluster == nil {
		c, err := StartCluster(0)
		if err != nil {
			return nil, err
		}
		shared.Cluster = c
	}
	return shared.Cluster, nil
}

// EndShared ends the cluster of [Shared], if it was started.
func EndShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.Cluster != nil {
		shared.Kill()
		shared.Cluster = nil
	}
}

// StartCluster starts a cluster with so many replicas, of the first primaries.
func StartCluster(replicas int) (_ *Cluster, err error) {
	c := new(Cluster)
	defer func() {
		if err != nil {
			c.Kill()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const primaries = 3
	for i := range primaries + replicas {
		s, err := Start("cluster-enabled yes", "cluster-port FREE", "cluster-node-timeout "+nodeTimeout, "cluster-config-file nodes.conf",
			"cluster-replica-validity-factor 0", "cluster-require-full-coverage no", "repl-diskless-sync-delay 0")
		if err != nil {
			return c, err
		}
		if i < primaries {
			c.Primaries = append(c.Primaries, s)
		} else {
			c.Replicas = append(c.Replicas, s)
		}
	}
	all := append(append([]*Server{}, c.Primaries...), c.Replicas...)
	for i, s := range c.Primaries {
		if _, err := s.do(ctx, "CLUSTER", "ADDSLOTSRANGE", i*slots/primaries, (i+1)*slots/primaries-1); err != nil {
			return c, err
		}
		if _, err := s.do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			return c, err
		}
	}
	for _, s := range all[1:] {
		bus, err := s.do(ctx, "CONFIG", "GET", "cluster-port")
		if err != nil {
			return c, err
		}
		bus = strings.Trim(strings.Fields(strings.ReplaceAll(bus, ":", " "))[1], "[]")
		if _, err := all[0].do(ctx, "CLUSTER", "MEET", "127.0.0.1", s.Port, bus); err != nil {
			return c, err
		}
	}
	for i, s := range c.Replicas {
		id, err := c.Primaries[i].do(ctx, "CLUSTER", "MYID")
		if err != nil {
			return c, err
		}
		if err := eventually(ctx, func() bool { _, err := s.do(ctx, "CLUSTER", "REPLICATE", id); return err == nil }); err != nil {
			return c, err
		}
	}
	for _, s := range all {
		if err := eventually(ctx, func() bool {
			info, _ := s.do(ctx, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", len(all)))
		}); err != nil {
			return c, err
		}
	}
	for _, s := range c.Replicas {
		if err := s.follows(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// follows waits until a replica has all that its primary has.
func (s *Server) follows(ctx context.Context) error {
	return eventually(ctx, func() bool {
		info, _ := s.do(ctx, "INFO", "replication")
		return strings.Contains(info, "master_link_status:up")
	})
}

// URL names two of the cluster's servers; a client learns the others from them.
func (c *Cluster) URL() string {
	return "redis+cluster://" + c.Primaries[1].Addr + "?addr=" + c.Primaries[2].Addr
}

// Keeps tells which of the primaries keeps a key, before any failover.
func (c *Cluster) Keeps(ctx context.Context, key string) (int, error) {
	text, err := c.Primaries[1].do(ctx, "CLUSTER", "KEYSLOT", key)
	if err != nil {
		return 0, err
	}
	slot, err := strconv.Atoi(text)
	return slot * len(c.Primaries) / slots, err
}

// Kill ends all of it.
func (c *Cluster) Kill() {
	for _, s := range append(append([]*Server{}, c.Primaries...), c.Replicas...) {
		s.Kill()
	}
}

// Settled waits until a server finds the cluster whole.
func (s *Server) Settled(ctx context.Context) error {
	return eventually(ctx, func() bool {
		info, _ := s.do(ctx, "CLUSTER", "INFO")
		return strings.Contains(info, "cluster_state:ok")
	})
}

// Promoted waits until a replica has become the primary.
func (s *Server) Promoted(ctx context.Context) error {
	return eventually(ctx, func() bool { info, _ := s.do(ctx, "ROLE"); return strings.HasPrefix(info, "[master") })
}

// Copied waits until the replica of a primary has all that was written until now.
func (s *Server) Copied(ctx context.Context) error {
	var written string
	return eventually(ctx, func() bool {
		info, _ := s.do(ctx, "INFO", "replication")
		if match := regexp.MustCompile(`master_repl_offset:(\d+)`).FindStringSubmatch(info); match != nil {
			written = match[1]
		}
		return strings.Contains(info, "offset="+written+",")
	})
}

// Sentinels is a primary, a replica, and a Sentinel that watches them.
type Sentinels struct{ Primary, Replica, Sentinel *Server }

// StartSentinels starts all three.
func StartSentinels() (_ *Sentinels, err error) {
	s := new(Sentinels)
	defer func() {
		if err != nil {
			s.Kill()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.Primary, err = Start("repl-diskless-sync-delay 0"); err != nil {
		return s, err
	}
	if s.Replica, err = Start("replicaof 127.0.0.1 " + strconv.Itoa(s.Primary.Port)); err != nil {
		return s, err
	}
	if err := s.Replica.follows(ctx); err != nil {
		return s, err
	}
	watch := fmt.Sprintf("sentinel monitor books 127.0.0.1 %d 1", s.Primary.Port)
	if s.Sentinel, err = tryToStart([]string{watch, "sentinel down-after-milliseconds books 1000"}, "--sentinel"); err != nil {
		return s, err
	}
	return s, eventually(ctx, func() bool {
		known, _ := s.Sentinel.do(ctx, "SENTINEL", "REPLICAS", "books")
		return strings.Contains(known, strconv.Itoa(s.Replica.Port))
	})
}

// URL names the Sentinel.
func (s *Sentinels) URL() string {
	return "redis+sentinel://" + s.Sentinel.Addr + "/0?master_name=books"
}

// Kill ends all three.
func (s *Sentinels) Kill() {
	for _, server := range []*Server{s.Sentinel, s.Replica, s.Primary} {
		if server != nil {
			server.Kill()
		}
	}
}

// eventually asks until it is so.
func eventually(ctx context.Context, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return errors.New("redistest: it took too long")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
