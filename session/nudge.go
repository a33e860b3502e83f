package session

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// Topic is what somebody waits for. A nudge may be another installation's that shares the
// Redis.
type Topic string

// EventsOf is that something has happened in the books that a customer sees.
func EventsOf(customer loan.CustomerID) Topic {
	return Topic("events:" + strconv.FormatInt(int64(customer), 10))
}

// SessionsOf is that a session of a customer's has ended.
func SessionsOf(customer loan.CustomerID) Topic {
	return Topic("sessions:" + strconv.FormatInt(int64(customer), 10))
}

const (
	// mostNudges is how many topics wait to be published; what is more is lost.
	mostNudges = 10_000
	// nudgesAtOnce are published in one round trip.
	nudgesAtOnce = 1000
)

// Nudges wake those who wait for something, in all processes. A nudge tells nothing
// but that there may be something to read, and can be lost: whoever waits also looks
// by themselves now and then. A process publishes and listens by one connection each,
// however many wait. A cluster hands what one node is told to all others, so that it
// does not matter to which of them somebody listens; channels of a shard would take a
// connection to each.
type Nudges struct {
	redis   redis.UniversalClient
	keys    keys
	waiting chan Topic // to be published
	done    chan struct{}
	stop    context.CancelFunc

	mu        sync.Mutex
	listening *redis.PubSub // nil until somebody listens
	listeners map[Topic]map[chan struct{}]struct{}
}

func newNudges(client redis.UniversalClient, k keys) *Nudges {
	ctx, stop := context.WithCancel(context.Background())
	n := &Nudges{
		redis: client, keys: k, waiting: make(chan Topic, mostNudges), done: make(chan struct{}), stop: stop,
		listeners: map[Topic]map[chan struct{}]struct{}{},
	}
	go n.publish(ctx)
	return n
}

// OpenNudges is for a process that only publishes: it opens although the Redis at url
// does not answer, and what is published meanwhile is lost.
func OpenNudges(url string, opts Options) (*Nudges, error) {
	opts.PoolSize = 2
	client, k, err := newClient(url, opts)
	if err != nil {
		return nil, err
	}
	return newNudges(client, k), nil
}

// Publish wakes those who wait for any of these, soon. It does not wait for Redis.
func (n *Nudges) Publish(topics ...Topic) {
	for _, topic := range topics {
		select {
		case n.waiting <- topic:
		default: // lost
		}
	}
}

// publish sends what waits until ctx ends. An error loses nudges, which may be.
func (n *Nudges) publish(ctx context.Context) {
	defer close(n.done)
	for {
		select {
		case topic := <-n.waiting:
			pipe := n.redis.Pipeline()
			pipe.Publish(ctx, n.keys.channel(topic), "")
			for len(n.waiting) > 0 && pipe.Len() < nudgesAtOnce {
				pipe.Publish(ctx, n.keys.channel(<-n.waiting), "")
			}
			_, _ = pipe.Exec(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Listen gets a nudge each time that there may be something new, several of them as
// one, and one at first, once nothing can be missed. stop ends it.
func (n *Nudges) Listen(topic Topic) (nudge <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listening == nil {
		n.listening = n.redis.Subscribe(context.Background())
		go n.listen(n.listening.ChannelWithSubscriptions(redis.WithChannelSendTimeout(time.Second)))
	}
	if n.listeners[topic] == nil {
		n.listeners[topic] = map[chan struct{}]struct{}{}
		// After an error the client subscribes anew as soon as it can.
		_ = n.listening.Subscribe(context.Background(), n.keys.channel(topic))
	} else {
		c <- struct{}{}
	}
	n.listeners[topic][c] = struct{}{}
	return c, sync.OnceFunc(func() { n.leave(topic, c) })
}

func (n *Nudges) leave(topic Topic, c chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners[topic], c)
	if len(n.listeners[topic]) == 0 {
		delete(n.listeners, topic)
		_ = n.listening.Unsubscribe(context.Background(), n.keys.channel(topic))
	}
}

// listen hands nudges on until the connection is closed. That a topic is subscribed
// to is one as well, also after the connection was lost: there may have been some.
func (n *Nudges) listen(received <-chan any) {
	for message := range received {
		switch m := message.(type) {
		case *redis.Message:
			n.hand(m.Channel)
		case *redis.Subscription:
			n.hand(m.Channel)
		}
	}
}

func (n *Nudges) hand(channel string) {
	topic := Topic(strings.TrimPrefix(channel, string(n.keys)))
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.listeners[topic] {
		select {
		case c <- struct{}{}:
		default: // it has one already
		}
	}
}

// end stops publishing and listening; the client stays.
func (n *Nudges) end() {
	n.stop()
	<-n.done
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listening != nil {
		_ = n.listening.Close()
	}
}

// Close ends the connections of what [OpenNudges] opened.
func (n *Nudges) Close() error {
	n.end()
	return unavailable(n.redis.Close())
}
