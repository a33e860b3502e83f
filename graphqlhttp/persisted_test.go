package graphqlhttp_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// register is what instances share.
type register struct {
	mu    sync.Mutex
	all   map[string]string
	asked int
}

func (r *register) Get(_ context.Context, hash string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	document, ok := r.all[hash]
	return document, ok
}

func (r *register) Add(_ context.Context, hash, document string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[hash] = document
}

// named is a body with a hash, and a document if it is not empty.
func named(hash, document string) string {
	if document == "" {
		return fmt.Sprintf(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":%q}}}`, hash)
	}
	return fmt.Sprintf(`{"query":%q,"extensions":{"persistedQuery":{"version":1,"sha256Hash":%q}}}`, document, hash)
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	shared := &register{all: map[string]string{}}
	h := newServer(options{persisted: graphqlhttp.Persisted{Cache: shared}, transport: graphqlhttp.Transport{GET: true}})
	const document = "query Q { name }"
	hash := hashOf(document)
	for _, accept := range []string{"application/json", "application/graphql-response+json"} {
		got := ask(t, h, http.MethodPost, "/graphql", named(hash, ""), map[string]string{"Accept": accept})
		if got.StatusCode != http.StatusOK || got.code() != "PERSISTED_QUERY_NOT_FOUND" || got.has("data") {
			t.Errorf("a miss: %d %s", got.StatusCode, got.Raw)
		}
	}
	if got := post(t, h, named(hash, document)); !got.has("data") || shared.all[hash] != document {
		t.Errorf("registered: %s", got.Raw)
	}
	if got := post(t, h, named(hash, "")); got.StatusCode != http.StatusOK || string(got.Body["data"]) != `{"name":"Q"}` {
		t.Errorf("a hit: %d %s", got.StatusCode, got.Raw)
	}
	target := "/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22" + hash + "%22%7D%7D"
	if got := ask(t, h, http.MethodGet, target, "", nil); !got.has("data") {
		t.Errorf("a hit by GET: %s", got.Raw)
	}
	other := newServer(options{persisted: graphqlhttp.Persisted{Cache: shared}})
	asked := shared.asked
	for range 3 {
		if got := post(t, other, named(hash, "")); !got.has("data") {
			t.Errorf("on another instance: %s", got.Raw)
		}
	}
	if shared.asked != asked+1 {
		t.Errorf("what all share was asked %d times", shared.asked-asked)
	}
}

// What is not valid is not kept, nor what has another hash, and what somebody
// wrote under a hash does not run.
func TestRegisterIsNotPoisoned(t *testing.T) {
	t.Parallel()
	shared := &register{all: map[string]string{}}
	h := newServer(options{persisted: graphqlhttp.Persisted{Cache: shared}})
	for name, body := range map[string]string{
		"another hash":   named(hashOf("{ name }"), "{ fail }"),
		"not valid":      named(hashOf("{ nme }"), "{ nme }"),
		"no hash":        named("x", "{ name }"),
		"no hash either": `{"query":"{ name }","extensions":{"persistedQuery":{"version":1}}}`,
		"not version 1":  `{"query":"{ name }","extensions":{"persistedQuery":{"version":2,"sha256Hash":"` + hashOf("{ name }") + `"}}}`,
		"not an object":  `{"query":"{ name }","extensions":{"persistedQuery":[1]}}`,
	} {
		if got := post(t, h, body); got.StatusCode != http.StatusBadRequest || got.has("data") || len(shared.all) > 0 {
			t.Errorf("%s: %d %s, kept %v", name, got.StatusCode, got.Raw, shared.all)
		}
	}
	shared.all[hashOf("{ name }")] = "{ fail }"
	if got := post(t, h, named(hashOf("{ name }"), "")); got.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("what is not of the hash: %s", got.Raw)
	}
}

func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const document = "query Trusted { name }"
	hash := hashOf(document)
	trusted := map[string]string{hash: document, "short": "query S { name }"}
	shared := &register{all: map[string]string{hashOf("{ fail }"): "{ fail }"}}
	only := newServer(options{persisted: graphqlhttp.Persisted{Trusted: trusted, Only: true, Cache: shared}})
	for _, body := range []string{named(hash, ""), named("short", ""), query(document), named(hash, document), named("short", "query S { name }")} {
		if got := post(t, only, body); got.StatusCode != http.StatusOK || !got.has("data") {
			t.Errorf("%s: %d %s", body, got.StatusCode, got.Raw)
		}
	}
	for _, body := range []string{
		query("{ name }"), query(document + " "), query("{ __schema { description } }"), named(hashOf("{ name }"), ""), named(hashOf("{ name }"), "{ name }"),
		named(hashOf("{ fail }"), ""), named(hash, "{ name }"), named("short", "{ name }"), query(""),
	} {
		if got := post(t, only, body); got.StatusCode != http.StatusBadRequest || got.code() != "DOCUMENT_NOT_TRUSTED" || got.has("data") {
			t.Errorf("%s: %d %s", body, got.StatusCode, got.Raw)
		}
	}
	if len(shared.all) != 1 {
		t.Errorf("somebody registered %v", shared.all)
	}
	if got := post(t, newServer(options{persisted: graphqlhttp.Persisted{Trusted: trusted}}), query("{ name }")); !got.has("data") {
		t.Errorf("where others may run: %s", got.Raw)
	}
	if err := (&graphqlhttp.Persisted{Only: true}).Validate(engine{}); err == nil {
		t.Error("nothing may run, and nobody is told")
	}
}
