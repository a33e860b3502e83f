package session

import (
	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Redis is the client, for tests that look behind the store.
func (s *Store) Redis() redis.UniversalClient { return s.redis }

// Engine is the Redis in this process.
func (s *Store) Engine() *miniredis.Miniredis { return s.embedded }
