package session

import (
	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/loan"
)

// Redis is the client, for tests that look behind the store.
func (s *Store) Redis() redis.UniversalClient { return s.redis }

// Engine is the Redis in this process.
func (s *Store) Engine() *miniredis.Miniredis { return s.embedded }

// URL is where the store's Redis is, for a second store on the same one.
func (s *Store) URL() string {
	switch client := s.redis.(type) {
	case *redis.ClusterClient:
		return "redis+cluster://" + client.Options().Addrs[0]
	case *redis.Client:
		o := client.Options()
		return "redis://:" + o.Password + "@" + o.Addr
	}
	panic("another client")
}

// Index is the key of a customer's sessions.
func (s *Store) Index(customer loan.CustomerID) string { return s.keys.sessionsOf(customer) }
