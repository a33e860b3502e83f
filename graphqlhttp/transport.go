// Package graphqlhttp serves GraphQL over HTTP with gqlgen, by the letter of the
// GraphQL over HTTP specification and with nothing left open that a stranger
// could make expensive.
//
// [Transport] speaks HTTP: it negotiates, reads a request strictly, and writes the
// answer. [Documents] parses each document once, refuses what is too large before
// it is validated, and keeps what was valid. [Persisted] runs documents that are
// named by a hash. The three know nothing of each other; the last two are
// extensions of gqlgen's executor and serve streaming transports as well, which
// are to be added to the server before this one.
package graphqlhttp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// codeBadRequest is the code of a request that is not a GraphQL request. It is
// answered here and not by the server's error presenter, with constant texts.
const codeBadRequest = "BAD_REQUEST"

// The defaults of [Transport].
const (
	defaultMaxBody   = 64 << 10
	defaultMaxErrors = 5
)

// What the answer to a refused request may have, so that nobody is made to send
// much by little.
const (
	maxMessage = 256     // bytes of an error's message
	refusal    = 2 << 10 // bytes more than the request had
)

// Transport answers POST with a JSON body and, by option, GET. The zero value
// answers POST alone. It takes every request, so it is the last of a server's
// transports.
//
// It sets no header of CORS: a page of another origin can neither send a POST
// (application/json needs a preflight) nor read an answer.
type Transport struct {
	// GET makes queries in the URL be answered, too. A mutation never is: it gets
	// 405, so a link or an image of another origin changes nothing.
	GET bool
	// MaxBody is the largest body in bytes, 64 KiB where it is zero. A larger one
	// gets 413, also when it does not say its length.
	MaxBody int64
	// MaxErrors is how many errors an answer has at most, 5 where it is zero.
	MaxErrors int
	// Statuses is the HTTP status of an answer without data by the code of its
	// first error, such as RATE_LIMITED: 429. Without one it is 400, or 200 for
	// those who accept application/json only.
	Statuses map[string]int
	// Extensions are added to the extensions of every answer of an operation. The
	// context has the operation; see [CostOf]. It may be nil.
	Extensions func(context.Context) map[string]any
	// Recover is told of a panic outside of resolvers, and makes the error that is
	// presented. Where it is nil, gqlgen's server recovers.
	Recover graphql.RecoverFunc
}

var _ graphql.Transport = Transport{}

// Supports implements graphql.Transport.
func (Transport) Supports(*http.Request) bool { return true }

// problem is why a request is not a GraphQL request.
type problem struct {
	status int
	text   string
}

// Do implements graphql.Transport.
func (t Transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media, acceptable := negotiate(r.Header.Values("Accept"))
	a := &answer{Transport: t, w: w, media: media, request: len(r.URL.RawQuery)}
	if t.Recover != nil {
		defer func() {
			if panicked := recover(); panicked != nil {
				err := gqlerror.Wrap(t.Recover(r.Context(), panicked))
				a.write(http.StatusInternalServerError, exec.DispatchError(r.Context(), gqlerror.List{err}))
			}
		}()
	}
	params, refused := t.request(a, r, acceptable)
	if refused != nil {
		a.writeProblem(*refused)
		return
	}
	if params != nil {
		t.run(a, r, params, exec)
	}
}

// request reads what the client wants to run; nil when it only asked what it may
// ask.
func (t Transport) request(a *answer, r *http.Request, acceptable bool) (*graphql.RawParams, *problem) {
	switch {
	case r.Method == http.MethodPost:
	case t.GET && (r.Method == http.MethodGet || r.Method == http.MethodHead):
	case r.Method == http.MethodOptions:
		a.w.Header().Set("Allow", t.methods())
		a.w.WriteHeader(http.StatusNoContent)
		return nil, nil
	default:
		a.w.Header().Set("Allow", t.methods())
		return nil, &problem{http.StatusMethodNotAllowed, "The method must be " + strings.ReplaceAll(t.methods(), ", ", " or ") + "."}
	}
	if !acceptable {
		return nil, &problem{http.StatusNotAcceptable, "Accept application/graphql-response+json or application/json, in UTF-8."}
	}
	if r.Method == http.MethodPost {
		return t.readPost(a, r)
	}
	return readGet(r)
}

func (t Transport) methods() string {
	if t.GET {
		return "POST, GET, HEAD"
	}
	return "POST"
}

// run executes a request and writes its answer.
func (t Transport) run(a *answer, r *http.Request, params *graphql.RawParams, exec graphql.GraphExecutor) {
	params.Headers = r.Header
	operation, errs := exec.CreateOperationContext(r.Context(), params)
	ctx := graphql.WithOperationContext(r.Context(), operation)
	if len(errs) > 0 {
		errs = expand(errs)
		errs = errs[:min(len(errs), t.maxErrors())]
		a.refuse(ctx, exec.DispatchError(ctx, errs))
		return
	}
	switch kind := operation.Operation.Operation; {
	case kind == ast.Subscription:
		a.writeProblem(problem{http.StatusBadRequest, "Subscriptions are answered as text/event-stream, or over a WebSocket."})
		return
	case kind == ast.Mutation && r.Method != http.MethodPost:
		a.w.Header().Set("Allow", http.MethodPost)
		a.writeProblem(problem{http.StatusMethodNotAllowed, "The method of a mutation must be POST."})
		return
	}
	next, ctx := exec.DispatchOperation(ctx, operation)
	response := next(ctx)
	switch {
	case response == nil: // the deadline came first
		a.write(http.StatusServiceUnavailable, exec.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(cmp.Or(ctx.Err(), errNoAnswer))}))
	case response.Data == nil:
		a.refuse(ctx, response)
	default:
		a.extend(ctx, response)
		a.write(http.StatusOK, response)
	}
}

var errNoAnswer = errors.New("graphqlhttp: the operation has no answer")

// expand takes lists of errors out of those that stand for one (see [Documents]).
func expand(errs gqlerror.List) gqlerror.List {
	var all gqlerror.List
	for _, err := range errs {
		if list, ok := err.Err.(gqlerror.List); ok { //nolint:errorlint // as it was put there, not further inside
			all = append(all, list...)
			continue
		}
		all = append(all, err)
	}
	return all
}

func (t Transport) maxErrors() int { return cmp.Or(t.MaxErrors, defaultMaxErrors) }

// Refuse answers a request that shall not get as far as [Transport], such as that of
// somebody who asks too often, in the media type that the client accepts.
func Refuse(w http.ResponseWriter, r *http.Request, status int, errs ...*gqlerror.Error) {
	media, _ := negotiate(r.Header.Values("Accept"))
	a := &answer{w: w, media: media, request: len(r.URL.RawQuery)}
	a.write(status, &graphql.Response{Errors: errs})
}

// answer writes one answer.
type answer struct {
	Transport
	w       http.ResponseWriter
	media   string
	request int // bytes that the client sent
}

// refuse answers a request that was not executed.
func (a *answer) refuse(ctx context.Context, response *graphql.Response) {
	status := http.StatusBadRequest
	if a.media == mediaJSON {
		status = http.StatusOK
	}
	if len(response.Errors) > 0 {
		code, _ := response.Errors[0].Extensions["code"].(string)
		if special, ok := a.Statuses[code]; ok {
			status = special
		} else if code == codePersistedNotFound {
			status = http.StatusOK // some clients look at nothing else before they send the document
		}
	}
	a.extend(ctx, response)
	a.write(status, response)
}

func (a *answer) writeProblem(p problem) {
	err := refuse(codeBadRequest, "%s", p.text)
	a.write(p.status, &graphql.Response{Errors: gqlerror.List{err}})
}

func (a *answer) extend(ctx context.Context, response *graphql.Response) {
	if a.Extensions == nil {
		return
	}
	all := map[string]any{}
	maps.Copy(all, a.Extensions(ctx))
	maps.Copy(all, response.Extensions)
	response.Extensions = all
}

// write sends the answer. The data is JSON already: it is neither checked nor
// copied again, however large it is. Without data there is no key of that name.
func (a *answer) write(status int, response *graphql.Response) {
	var head, tail []byte
	if errs := response.Errors[:min(len(response.Errors), a.maxErrors())]; len(errs) > 0 {
		head = append([]byte(`"errors":`), a.encode(errs, response.Data == nil)...)
	}
	if response.Data != nil {
		if head != nil {
			head = append(head, ',')
		}
		head = append(head, `"data":`...)
	}
	if len(response.Extensions) > 0 {
		if more, err := encode(response.Extensions); err == nil {
			tail = append(append(tail, `,"extensions":`...), more...)
		}
	}
	tail = append(tail, '}', '\n')
	h := a.w.Header()
	h.Set("Content-Type", a.media+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(1+len(head)+len(response.Data)+len(tail)))
	a.w.WriteHeader(status)
	for _, part := range [][]byte{append([]byte{'{'}, head...), response.Data, tail} {
		_, _ = a.w.Write(part) //nolint:gosec // JSON is no markup, and the client may be gone
	}
}

// encode writes errors; those of a refusal within the bytes that it may take.
func (a *answer) encode(errs gqlerror.List, refused bool) []byte {
	for ; ; errs = errs[:len(errs)-1] {
		list := errs
		if refused {
			list = shorten(errs)
		}
		text, err := encode(list)
		if err != nil {
			return []byte(unwritable)
		}
		if !refused || len(errs) == 1 || len(text) <= a.request+refusal-512 { // the rest is for extensions
			return text
		}
	}
}

// unwritable takes the place of errors that cannot be written.
const unwritable = `[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL"}}]`

// shorten cuts messages: they repeat names, which can be as long as the request.
func shorten(errs gqlerror.List) gqlerror.List {
	list := make(gqlerror.List, len(errs))
	for i, err := range errs {
		short := *err
		if len(short.Message) > maxMessage {
			end := maxMessage
			for !utf8.RuneStart(short.Message[end]) {
				end--
			}
			short.Message = short.Message[:end] + "…"
		}
		short.Locations = short.Locations[:min(len(short.Locations), 2)]
		list[i] = &short
	}
	return list
}

// encode is json.Marshal without escapes that only HTML needs: they would let an
// answer grow to six times the request.
func encode(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimRight(text.Bytes(), "\n"), err
}
