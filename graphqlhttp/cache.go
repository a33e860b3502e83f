package graphqlhttp

import (
	"container/list"
	"sync"
)

// Cache keeps what was used last, up to a number of bytes. It is safe for
// concurrent use.
type Cache[V any] struct {
	mu      sync.Mutex
	max     int
	used    int
	recent  list.List // of *entry, the last used first
	entries map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
	bytes int
}

// NewCache is a cache of at most so many bytes; with zero it keeps nothing.
func NewCache[V any](maxBytes int) *Cache[V] {
	return &Cache[V]{max: maxBytes, entries: map[string]*list.Element{}}
}

// Get is the value of a key, which counts as used.
func (c *Cache[V]) Get(key string) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.recent.MoveToFront(element)
	return element.Value.(*entry[V]).value, true
}

// Add keeps a value that takes so many bytes, the key included, and forgets what
// was used longest ago to make room. A value that has no room at all is not kept,
// and one that is there stays.
func (c *Cache[V]) Add(key string, value V, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.entries[key]; there || bytes > c.max {
		return
	}
	for c.used += bytes; c.used > c.max; {
		oldest := c.recent.Remove(c.recent.Back()).(*entry[V])
		delete(c.entries, oldest.key)
		c.used -= oldest.bytes
	}
	c.entries[key] = c.recent.PushFront(&entry[V]{key, value, bytes})
}

// Bytes is how many bytes are taken.
func (c *Cache[V]) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}
