package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof" // on the side listener
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// child is a server in a process of its own.
type child struct {
	name          string
	address, side string
	started       time.Duration // until its first answer
	own, resident int           // the most memory in MiB
	command       *exec.Cmd
	stdin         io.Closer
}

// start starts a server on a database and waits for its first answer.
func (b *bench) start(ctx context.Context, name, database string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	q.Set("application_name", "bench_"+name) // to find its sessions by
	u.RawQuery = q.Encode()

	c := &child{name: name, command: exec.CommandContext(ctx, self, name)}
	c.command.Stderr = os.Stderr
	c.command.Env = append(os.Environ(), "DATABASE_URL="+u.String(), "REDIS_URL="+b.redis, "MOBILEPAY_KEYSET="+b.keyset,
		"MOBILEPAY_MODE=production", "MOBILEPAY_LOG_LEVEL=warn", "MOBILEPAY_SMTP_URL=smtp://localhost", "MOBILEPAY_MAIL_FROM=bench@localhost",
		"MOBILEPAY_SERVICER_NAME=Bench", "MOBILEPAY_SERVICER_ADDRESS=Here", "MOBILEPAY_SERVICER_PHONE=0", "MOBILEPAY_SERVICER_WEBSITE=localhost",
		"MOBILEPAY_TRUSTED_PROXIES=127.0.0.1/32")
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if _, scan := fmt.Sscan(line, &c.address, &c.side); err != nil || scan != nil {
		c.stop()
		return nil, fmt.Errorf("%s did not start: %w", name, errors.Join(err, scan))
	}
	err = b.askOnce(ctx, c, operations[1], 1)
	c.started = time.Since(begin)
	return c, err
}

// askOnce sends an operation a few times, one after the other.
func (b *bench) askOnce(ctx context.Context, c *child, o operation, times int) error {
	conn, err := dial(ctx, c.address)
	if err != nil {
		return err
	}
	defer conn.close()
	for i := range times {
		if err := conn.ask(o, o.request(c.name, b.targets[i%len(b.targets)])); err != nil {
			return fmt.Errorf("%s on %s: %w", o.name, c.name, err)
		}
	}
	return nil
}

// stop ends the process: it goes when its standard input does.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.command.Wait()
}

// serveChild is the end of a child: it serves a handler, tells the parent where,
// and answers on the side how much it allocated.
func serveChild(ctx context.Context, serve func(context.Context, net.Listener) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	side, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	http.HandleFunc("GET /mallocs", func(w http.ResponseWriter, _ *http.Request) {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		_ = json.NewEncoder(w).Encode(stats.Mallocs)
	})
	go func() { _ = http.Serve(side, nil) }()
	fmt.Println(listener.Addr(), side.Addr())
	return serve(ctx, listener)
}

// mallocs is how many objects the process has allocated.
func (c *child) mallocs(ctx context.Context) (uint64, error) {
	body, err := get(ctx, "http://"+c.side+"/mallocs")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(body)), 10, 64)
}

func get(ctx context.Context, from string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func (c *child) cpu() time.Duration { return cpuOf(c.command.Process.Pid) }

// tick is the unit of the times in /proc, the same on all Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that a process has used; zero where there is none.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// After the name, which may hold anything: state is field 3, utime 14, stime 15.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// weigh notes how much memory the process holds: its own, and with the pages of its
// executable, which the kernel shares and takes back as it likes. Both servers are in the
// one executable, most of which the floor has no use for.
func (c *child) weigh() {
	status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.command.Process.Pid), "status"))
	mib := func(name string) int {
		_, rest, _ := strings.Cut(string(status), name+":")
		kib, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
		return kib >> 10
	}
	c.own, c.resident = max(c.own, mib("RssAnon")), max(c.resident, mib("VmHWM"))
}

// postgresCPU is the processor time of a server's database sessions; zero where
// the database is on another machine.
func (b *bench) postgresCPU(ctx context.Context, name string) (sum time.Duration) {
	rows, err := b.db.QueryContext(ctx, "SELECT pid FROM pg_stat_activity WHERE application_name = $1", "bench_"+name)
	if err != nil {
		return 0
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if rows.Scan(&pid) == nil {
			sum += cpuOf(pid)
		}
	}
	if rows.Err() != nil {
		return 0
	}
	return sum
}
