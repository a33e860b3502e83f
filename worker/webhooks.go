package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

// mostPushes is how many events a process sends at a time to all endpoints.
const mostPushes = 256

// pushEvents gives what has happened its place in what partners are told, and sends it to
// their endpoints, until ctx ends. It looks as sendNotices does, and for the same reason:
// the rows are the queue, because they wait by the app's clock, which the sandbox moves,
// and for each other; River's jobs wait by the machine's.
func pushEvents(ctx context.Context, o Options) {
	p := pushing{o: o, busy: map[loan.WebhookID]int{}, all: make(chan struct{}, mostPushes)}
	defer p.group.Wait()
	for ctx.Err() == nil {
		if err := p.look(ctx); err != nil && ctx.Err() == nil {
			p.tell("events for partners have to wait", err)
		}
		select {
		case <-time.After(min(look, o.Every)):
		case <-ctx.Done():
		}
	}
}

// pushing is what a process sends at the moment.
type pushing struct {
	o     Options
	group sync.WaitGroup
	all   chan struct{}
	mu    sync.Mutex
	busy  map[loan.WebhookID]int // how many it sends to each
}

// look starts to send whatever is due and is not under way.
func (p *pushing) look(ctx context.Context) error {
	if err := p.o.Servicing.PlacePartnerEvents(ctx, p.o.Clock.Now()); err != nil {
		return err
	}
	due, err := p.o.Servicing.WebhooksDue(ctx, p.o.Clock.Now())
	if err != nil {
		return err
	}
	for _, id := range due {
		for p.begin(id) {
			p.group.Go(func() {
				defer p.end(id)
				p.push(ctx, id)
			})
		}
	}
	return nil
}

// begin takes a place for another sender to an endpoint; false where there is none.
func (p *pushing) begin(id loan.WebhookID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] >= servicing.WebhooksAtOnce {
		return false
	}
	select {
	case p.all <- struct{}{}:
		p.busy[id]++
		return true
	default:
		return false
	}
}

func (p *pushing) end(id loan.WebhookID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.all
	if p.busy[id]--; p.busy[id] == 0 {
		delete(p.busy, id)
	}
}

// push sends to an endpoint what is due, one after the other.
func (p *pushing) push(ctx context.Context, id loan.WebhookID) {
	for ctx.Err() == nil {
		delivery, ended := p.o.Observe(ctx, "push_webhook")
		next, err := p.o.Servicing.DeliverWebhook(delivery, id, p.o.Clock.Now())
		ended(string(ending(ctx, err))) // that an endpoint has not taken it is no failure of ours
		if err != nil && ctx.Err() == nil {
			p.tell("an event for a partner has to wait", err)
		}
		if !next {
			return
		}
	}
}

func (p *pushing) tell(what string, err error) {
	if errors.Is(err, store.ErrUnavailable) {
		p.o.Log.Warn(what, "error", err)
		return
	}
	p.o.Log.Error(what, "error", err)
}
