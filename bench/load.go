package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is what clients saw.
type load struct {
	took      time.Duration
	latencies []time.Duration
	sorted    bool
}

func (l *load) add(other load) {
	l.took += other.took
	l.latencies = append(l.latencies, other.latencies...)
	l.sorted = false
}

// percentile is in milliseconds.
func (l *load) percentile(p int) float64 {
	if !l.sorted {
		slices.Sort(l.latencies)
		l.sorted = true
	}
	return l.latencies[len(l.latencies)*p/100].Seconds() * 1000
}

// load asks a server with all clients for a time, each for a customer by chance
// and again as soon as it is answered.
func (b *bench) load(ctx context.Context, c *child, o operation, duration time.Duration) (load, error) {
	var (
		mutex sync.Mutex
		group sync.WaitGroup
		all   load
		errs  []error
	)
	start := time.Now()
	for range b.connections {
		group.Go(func() {
			latencies, err := b.client(ctx, c, o, start.Add(duration))
			mutex.Lock()
			defer mutex.Unlock()
			all.latencies = append(all.latencies, latencies...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	all.took = time.Since(start)
	return all, errors.Join(errs...)
}

func (b *bench) client(ctx context.Context, c *child, o operation, until time.Time) (latencies []time.Duration, err error) {
	conn, err := dial(ctx, c.address)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	for time.Now().Before(until) {
		request := o.request(c.name, b.targets[rand.IntN(len(b.targets))])
		sent := time.Now()
		if err := conn.ask(o, request); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(sent))
	}
	return latencies, ctx.Err()
}

// conn is a client's connection. It is less than an [http.Client], which would
// take as much time as the servers.
type conn struct {
	net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
}

func dial(ctx context.Context, address string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, reader: bufio.NewReader(c)}, nil
}

func (c *conn) close() { _ = c.Close() }

func (c *conn) ask(o operation, request []byte) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Contains(c.body.Bytes(), []byte(o.want)) || bytes.Contains(c.body.Bytes(), []byte(`"errors":`)) {
		return &statusError{response.StatusCode, fmt.Sprintf("%.500s", c.body.String())}
	}
	return nil
}

// statusError is an answer that is not what was asked for.
type statusError struct {
	code int
	said string
}

func (e *statusError) Error() string { return fmt.Sprintf("%d answers %s", e.code, e.said) }
