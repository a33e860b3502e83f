package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/testenv"
)

// serveInHaste serves the app on a real socket, with time limits divided by 20.
func serveInHaste(t *testing.T, e *testenv.Env) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.App.ServeInHaste(ctx, listener, 20) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// Clients that send byte by byte, in the header or in the body, are cut off while
// others are served.
func TestTricklingClients(t *testing.T) {
	t.Parallel()
	if longest := 12 * time.Second; app.LongestTrickle() > longest {
		t.Errorf("a request may take %s to come in, want at most %s", app.LongestTrickle(), longest)
	}
	e := testenv.New(t, testenv.Embedded)
	address := serveInHaste(t, e)
	cut := make(chan error, 150)
	for i := range 150 {
		start := "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		if i%2 == 0 {
			start += "Content-Length: 60000\r\n\r\n{"
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() { cut <- trickle(conn, start) }()
	}
	for range 20 {
		response, err := http.Post("http://"+address+"/graphql", "application/json", strings.NewReader(`{"query":"{ __typename }"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("another is answered %d", response.StatusCode)
		}
	}
	for range 150 {
		if err := <-cut; err != nil {
			t.Error(err)
		}
	}
}

// trickle sends a start and then a byte at a time, until the server ends it.
func trickle(conn net.Conn, start string) error {
	if _, err := io.WriteString(conn, start); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(12 * time.Second)) // or the test would hang
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("still open after %q", start)
			}
			return nil
		case <-time.After(20 * time.Millisecond):
			_, _ = io.WriteString(conn, "x") // an error shows on the other side
		}
	}
}

func TestHeaderIsLimited(t *testing.T) {
	t.Parallel()
	address := serveInHaste(t, testenv.New(t, testenv.Embedded))
	for size, want := range map[int]string{60_000: "200", 66_000: "431"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", size)) // it may be cut
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, " "+want+" ") {
			t.Errorf("a header of %d bytes: %q, %v", size, line, err)
		}
		_ = conn.Close()
	}
}
