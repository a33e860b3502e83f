package app

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/config"
)

// LongestTrickle is how long a client may take to send a request.
func LongestTrickle() time.Duration { return limitsOfConnections().body }

// ServeInHaste serves as [App.Serve] does, with every limit of time that a client
// may use up divided.
func (a *App) ServeInHaste(ctx context.Context, listener net.Listener, divisor time.Duration) error {
	l := limitsOfConnections()
	return a.serve(ctx, listener, connectionLimits{l.header / divisor, l.body / divisor, l.write / divisor, l.idle, l.drain})
}

// Needs is what a command works with; false where there is none of this name.
func Needs(command string) (config.Needs, bool) {
	c, rest := find(strings.Fields(command))
	if c == nil || len(rest) > 0 {
		return 0, false
	}
	return c.needs, true
}
