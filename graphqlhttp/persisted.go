package graphqlhttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The codes of [Persisted].
const (
	codePersistedNotFound = "PERSISTED_QUERY_NOT_FOUND"
	codeNotTrusted        = "DOCUMENT_NOT_TRUSTED"
)

// Persisted runs documents that the client names by their SHA-256 instead of
// sending them, in the way of Apollo's automatic persisted queries:
//
//	"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "…"}}
//
// A hash that is not known gets PersistedQueryNotFound; the client then sends the
// document along with it. It is an extension of gqlgen's executor, and is to be
// used before [Documents].
type Persisted struct {
	// Cache keeps what clients register. It may refuse to keep something, and may
	// forget. Where it is nil, nobody registers anything.
	Cache graphql.Cache[string]
	// Trusted is the documents that the client's builds were made with, by id, which is
	// mostly the document's hash. Nobody can replace one.
	Trusted map[string]string
	// Only lets nothing but trusted documents run, whether they are named or sent
	// whole.
	Only bool
	// Except tells of whom Only does not hold; it may be nil.
	Except func(context.Context) bool

	known  map[string]bool // hashes of the trusted documents
	recent *Cache[string]  // of what the cache answered
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = (*Persisted)(nil)

// ExtensionName implements graphql.HandlerExtension.
func (*Persisted) ExtensionName() string { return "Persisted" }

// Validate implements graphql.HandlerExtension.
func (p *Persisted) Validate(graphql.ExecutableSchema) error {
	if p.Only && len(p.Trusted) == 0 {
		return errors.New("graphqlhttp: nothing but trusted documents may run, and there are none")
	}
	p.known = make(map[string]bool, len(p.Trusted))
	for _, document := range p.Trusted {
		p.known[hashOf(document)] = true
	}
	p.recent = NewCache[string](recentBytes)
	return nil
}

// recentBytes is how much of what is registered is kept in this process, too.
const recentBytes = 1 << 20

// MutateOperationParameters implements graphql.OperationParameterMutator: it
// finds the document.
func (p *Persisted) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	hash, err := hashIn(params)
	switch {
	case err != nil:
		return err
	case params.Query == "" && hash != "":
		return p.find(ctx, params, hash)
	case p.Only && !p.known[hashOf(params.Query)] && (p.Except == nil || !p.Except(ctx)):
		return notTrusted()
	case hash != "" && p.Trusted[hash] == "" && hashOf(params.Query) != hash:
		return refuse(codeBadRequest, "The hash is not that of the document.")
	}
	return nil
}

func (p *Persisted) find(ctx context.Context, params *graphql.RawParams, hash string) *gqlerror.Error {
	params.Query = p.Trusted[hash]
	if params.Query == "" && p.Only {
		return notTrusted()
	}
	if params.Query == "" {
		params.Query, _ = p.registered(ctx, hash)
	}
	if params.Query == "" {
		return refuse(codePersistedNotFound, "PersistedQueryNotFound")
	}
	return nil
}

// registered is the document that a client has registered. What the cache holds
// is not believed: somebody else may write there.
func (p *Persisted) registered(ctx context.Context, hash string) (string, bool) {
	if p.Cache == nil || !isHash(hash) {
		return "", false
	}
	if document, ok := p.recent.Get(hash); ok {
		return document, true
	}
	document, ok := p.Cache.Get(ctx, hash)
	if !ok || hashOf(document) != hash {
		return "", false
	}
	p.recent.Add(hash, document, len(hash)+len(document))
	return document, true
}

// MutateOperationContext implements graphql.OperationContextMutator: it keeps a
// document that came with its hash, and is known to be valid by now.
func (p *Persisted) MutateOperationContext(ctx context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	if p.Cache == nil || p.Only {
		return nil
	}
	hash, _ := hashIn(&graphql.RawParams{Extensions: operation.Extensions}) // was read before
	if !isHash(hash) || p.Trusted[hash] != "" || hashOf(operation.RawQuery) != hash {
		return nil
	}
	if _, there := p.registered(ctx, hash); !there {
		p.Cache.Add(ctx, hash, operation.RawQuery)
	}
	return nil
}

// hashIn is the hash that a request has; empty where it has none.
func hashIn(params *graphql.RawParams) (string, *gqlerror.Error) {
	given := params.Extensions["persistedQuery"]
	if given == nil {
		return "", nil
	}
	fields, _ := given.(map[string]any)
	hash, _ := fields["sha256Hash"].(string)
	version, _ := fields["version"].(json.Number)
	if hash == "" || version != "1" {
		return "", refuse(codeBadRequest, "persistedQuery must have version 1 and sha256Hash.")
	}
	return hash, nil
}

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && s == strings.ToLower(s)
}

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

func notTrusted() *gqlerror.Error {
	return refuse(codeNotTrusted, "This server runs only the operations of the released apps.")
}
