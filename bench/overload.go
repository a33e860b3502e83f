package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"text/tabwriter"
	"time"
)

// overload measures what customers see of a server that is sent more than it can
// serve. Unlike in the other measurements requests come at a rate, whether those before
// are answered or not: it is how an overload comes about.
func (b *bench) overload(ctx context.Context) error {
	c, err := b.start(ctx, product, b.database)
	if err != nil {
		return err
	}
	defer c.stop()
	o := operations[0] // HOME
	if err := b.askOnce(ctx, c, o, 200); err != nil {
		return err
	}
	most, err := b.load(ctx, c, o, b.duration)
	if err != nil {
		return err
	}
	capacity := float64(len(most.latencies)) / most.took.Seconds()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "%s, of which %.0f a second can be served\n", o.name, capacity)
	_, _ = fmt.Fprintln(table, "LOAD\tSENT/S\tSERVED/S\tP50 MS\tP99 MS\tREFUSED\tP50 MS\tP99 MS")
	for _, times := range []float64{0.5, 0.8, 1, 3} {
		served, refused, err := b.arrive(ctx, c, o, capacity*times)
		if err != nil {
			return err
		}
		n := len(served.latencies) + len(refused.latencies)
		_, _ = fmt.Fprintf(table, "%.1f\t%.0f\t%.0f\t%.1f\t%.1f\t%.0f %%", times, float64(n)/b.duration.Seconds(), float64(len(served.latencies))/b.duration.Seconds(),
			served.percentile(50), served.percentile(99), 100*float64(len(refused.latencies))/float64(n))
		if len(refused.latencies) > 0 {
			_, _ = fmt.Fprintf(table, "\t%.1f\t%.1f", refused.percentile(50), refused.percentile(99))
		}
		_, _ = fmt.Fprintln(table)
	}
	return table.Flush()
}

// arrive sends requests at a rate a second.
func (b *bench) arrive(ctx context.Context, c *child, o operation, rate float64) (served, refused load, err error) {
	var (
		mutex sync.Mutex
		group sync.WaitGroup
		idle  []*conn
		errs  []error
	)
	send := func() {
		request := o.request(c.name, b.targets[rand.IntN(len(b.targets))])
		mutex.Lock()
		var connection *conn
		if n := len(idle); n > 0 {
			connection, idle = idle[n-1], idle[:n-1]
		}
		mutex.Unlock()
		err := error(nil)
		if connection == nil {
			connection, err = dial(ctx, c.address)
		}
		sent := time.Now()
		if err == nil {
			err = connection.ask(o, request)
		}
		took := time.Since(sent)
		mutex.Lock()
		defer mutex.Unlock()
		switch status := new(statusError); {
		case err == nil:
			served.latencies = append(served.latencies, took)
		case errors.As(err, &status) && status.code == http.StatusServiceUnavailable:
			refused.latencies = append(refused.latencies, took)
		default:
			errs = append(errs, err)
			return
		}
		idle = append(idle, connection)
	}
	start := time.Now()
	for i := 0; time.Since(start) < b.duration && ctx.Err() == nil; {
		for due := int(time.Since(start).Seconds() * rate); i < due; i++ {
			group.Go(send)
		}
		time.Sleep(time.Millisecond)
	}
	group.Wait()
	for _, connection := range idle {
		connection.close()
	}
	return served, refused, errors.Join(append(errs[:min(3, len(errs))], ctx.Err())...)
}
