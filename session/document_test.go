package session_test

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/session"
)

type clientKey struct{}

func client(ctx context.Context) string {
	name, _ := ctx.Value(clientKey{}).(string)
	return name
}

func of(t *testing.T, name string) context.Context {
	return context.WithValue(t.Context(), clientKey{}, name)
}

func TestDocuments(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		d, run := s.Documents(client), rand.Text()
		mine := of(t, run)
		hash := run + "-a"
		if _, ok := d.Get(mine, hash); ok {
			t.Fatal("a document that nobody registered")
		}
		d.Add(mine, hash, "{ name }")
		d.Add(of(t, run+"-other"), hash, "{ fail }")
		if document, ok := d.Get(of(t, ""), hash); !ok || document != "{ name }" {
			t.Errorf("got %q, %t", document, ok)
		}
		if life := s.Redis().TTL(t.Context(), "document:"+hash).Val(); life < 6*24*time.Hour || life > 7*24*time.Hour {
			t.Errorf("it is kept for %s", life)
		}
		d.Add(of(t, ""), run+"-b", "{ name }")
		d.Add(mine, run+"-c", strings.Repeat("x", 16<<10+1))
		for _, absent := range []string{run + "-b", run + "-c"} {
			if _, ok := d.Get(mine, absent); ok {
				t.Errorf("%s was registered", absent)
			}
		}
	})
}

// One client fills no Redis: after 200 on a day nothing more is registered for it.
// Others are not held up.
func TestDocumentsPerClient(t *testing.T) {
	onEach(t, func(t *testing.T, s *session.Store) {
		d, run := s.Documents(client), rand.Text()
		for i := range 210 {
			d.Add(of(t, run), run+strconv.Itoa(i), "{ name }")
		}
		for i, want := range map[int]bool{0: true, 199: true, 200: false, 209: false} {
			if _, ok := d.Get(of(t, run), run+strconv.Itoa(i)); ok != want {
				t.Errorf("document %d is there: %t", i, ok)
			}
		}
		d.Add(of(t, run+"-other"), run+"-x", "{ name }")
		if _, ok := d.Get(of(t, run), run+"-x"); !ok {
			t.Error("another client's is not there")
		}
		if life := s.Redis().TTL(t.Context(), "documents-of:"+run).Val(); life <= 0 || life > 24*time.Hour {
			t.Errorf("the count is kept for %s", life)
		}
	})
}

// Without Redis a document is not there, and registering does nothing.
func TestDocumentsWithoutRedis(t *testing.T) {
	t.Parallel()
	s := open(t, "", session.Options{})
	d := s.Documents(client)
	_ = s.Close()
	d.Add(of(t, "a"), "hash", "{ name }")
	if _, ok := d.Get(of(t, "a"), "hash"); ok {
		t.Error("a document is there")
	}
}
