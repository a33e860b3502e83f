package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxBody is the largest request body in bytes.
const maxBody = 64 << 10

const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
)

// post is GraphQL over HTTP POST with a JSON body. gqlgen's own repeats a body
// that it cannot read in its answer, and takes one of any size.
type post struct{}

// Supports implements graphql.Transport.
func (post) Supports(r *http.Request) bool { return r.Method == http.MethodPost }

// Do implements graphql.Transport.
func (post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media := mediaJSON
	if strings.Contains(r.Header.Get("Accept"), mediaResponse) {
		media = mediaResponse
	}
	params, status, problem := readParams(w, r)
	if problem != "" {
		err := &gqlerror.Error{Message: problem, Extensions: map[string]any{"code": "BAD_REQUEST"}}
		respond(w, media, status, &graphql.Response{Errors: gqlerror.List{err}})
		return
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	operation, errs := exec.CreateOperationContext(r.Context(), params)
	if errs != nil {
		response := exec.DispatchError(graphql.WithOperationContext(r.Context(), operation), errs)
		status = http.StatusOK
		if media == mediaResponse {
			status = http.StatusBadRequest
		}
		respond(w, media, status, response)
		return
	}
	if operation.Operation.Operation == ast.Subscription {
		respond(w, media, http.StatusBadRequest, graphql.ErrorResponse(r.Context(), "subscriptions are not served over POST"))
		return
	}
	next, ctx := exec.DispatchOperation(r.Context(), operation)
	respond(w, media, http.StatusOK, next(ctx))
}

// readParams reads the body; problem says what is wrong with it.
func readParams(w http.ResponseWriter, r *http.Request) (params *graphql.RawParams, status int, problem string) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != mediaJSON {
		return nil, http.StatusUnsupportedMediaType, "The Content-Type must be application/json."
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge, "The body is larger than 64 KiB."
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	params = new(graphql.RawParams)
	if err != nil || decoder.Decode(params) != nil || decoder.More() {
		return nil, http.StatusBadRequest, "The body must be a JSON object with query, and optionally variables and operationName."
	}
	return params, http.StatusOK, ""
}

// respond writes the answer. The data is JSON already and is not encoded again.
func respond(w http.ResponseWriter, media string, status int, response *graphql.Response) {
	buf := bytes.NewBufferString("{")
	if len(response.Errors) > 0 {
		list, err := json.Marshal(response.Errors)
		if err != nil {
			list = []byte(`[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL"}}]`)
		}
		buf.WriteString(`"errors":`)
		buf.Write(list)
	}
	if len(response.Data) > 0 {
		if buf.Len() > 1 {
			buf.WriteByte(',')
		}
		buf.WriteString(`"data":`)
		buf.Write(response.Data)
	}
	buf.WriteString("}\n")
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w) // the client may be gone
}
