package session

import (
	"context"
	"time"
)

// Documents are those that clients have registered, by their hash, so that a
// document need not be sent again. Every instance finds them. They are a cache:
// what Redis does not answer is not there.
type Documents struct {
	store  *Store
	client func(context.Context) string
}

// What is kept.
const (
	maxDocument        = 16 << 10 // bytes
	documentLife       = 7 * 24 * time.Hour
	documentsPerClient = 200 // in a day
	clientLife         = 24 * time.Hour
)

// Documents registers for the client that a context is of. Where client is empty,
// nothing is registered.
func (s *Store) Documents(client func(context.Context) string) *Documents {
	return &Documents{store: s, client: client}
}

// Get is the document with a hash.
func (d *Documents) Get(ctx context.Context, hash string) (document string, ok bool) {
	document, err := d.store.redis.Get(ctx, d.store.keys.document(hash)).Result()
	return document, err == nil
}

// Add registers a document for a week, unless it is over 16 KiB or the client has
// registered 200 on this day.
func (d *Documents) Add(ctx context.Context, hash, document string) {
	client := d.client(ctx)
	if client == "" || len(document) > maxDocument {
		return
	}
	key := d.store.keys.documentsOf(client)
	pipe := d.store.redis.TxPipeline()
	count := pipe.Incr(ctx, key)
	pipe.ExpireNX(ctx, key, clientLife)
	if _, err := pipe.Exec(ctx); err != nil || count.Val() > documentsPerClient {
		return
	}
	_ = d.store.redis.SetNX(ctx, d.store.keys.document(hash), document, documentLife).Err() // the client will send it again
}
