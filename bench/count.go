package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync/atomic"
)

// countStatements finds out how many statements each operation takes on each
// server, by listening in on what is said to Postgres.
func (b *bench) countStatements(ctx context.Context) (map[string]map[string]float64, error) {
	const times = 50
	u, err := url.Parse(b.database)
	if err != nil {
		return nil, err
	}
	var statements atomic.Int64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if u.Host, err = listenIn(ctx, u.Host, &statements); err != nil {
		return nil, err
	}
	counts := map[string]map[string]float64{}
	for _, name := range []string{floor, product} {
		c, err := b.start(ctx, name, u.String())
		if err != nil {
			return nil, err
		}
		defer c.stop()
		counts[name] = map[string]float64{}
		for _, o := range operations {
			before := statements.Load()
			if err := b.askOnce(ctx, c, o, times); err != nil {
				return nil, err
			}
			counts[name][o.name] = float64(statements.Load()-before) / times
		}
	}
	return counts, nil
}

// listenIn passes connections on to a Postgres until ctx ends, and counts the
// statements that are run over them.
func listenIn(ctx context.Context, postgres string, statements *atomic.Int64) (address string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := new(net.Dialer).DialContext(ctx, "tcp", postgres)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			go func() {
				_ = passOn(server, bufio.NewReader(client), statements)
				_ = server.Close()
			}()
		}
	}()
	return listener.Addr().String(), nil
}

// passOn copies a client's messages. After the first, each is a letter, a length
// that counts itself, and the rest.
func passOn(to io.Writer, from *bufio.Reader, statements *atomic.Int64) error {
	for first := true; ; first = false {
		head := 5
		if first {
			head = 4
		}
		header, err := from.Peek(head)
		if err != nil {
			return err
		}
		if !first && (header[0] == 'Q' || header[0] == 'E') { // Query, Execute
			statements.Add(1)
		}
		length := int64(binary.BigEndian.Uint32(header[head-4:])) + int64(head-4)
		if _, err := io.CopyN(to, from, length); err != nil {
			return err
		}
	}
}
