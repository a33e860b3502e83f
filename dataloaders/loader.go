package dataloaders

import (
	"context"
	"sync"
)

// Loader reads each key once and remembers what it found, or why it did not. Whoever asks
// first reads; those who ask meanwhile wait. It is safe for concurrent use.
type Loader[K comparable, V any] struct {
	read  func(context.Context, K) (V, error)
	mu    sync.Mutex
	found map[K]func() (V, error)
}

// once is a loader of what read reads.
func once[K comparable, V any](read func(context.Context, K) (V, error)) *Loader[K, V] {
	return &Loader[K, V]{read: read}
}

// Load is what belongs to a key.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	l.mu.Lock()
	found, asked := l.found[key]
	if !asked {
		if l.found == nil {
			l.found = map[K]func() (V, error){}
		}
		found = sync.OnceValues(func() (V, error) { return l.read(ctx, key) })
		l.found[key] = found
	}
	l.mu.Unlock()
	return found()
}
