package graphqlhttp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// maxNesting is how deep JSON may be nested.
const maxNesting = 20

var (
	errBody = &problem{http.StatusBadRequest,
		"The body must be one JSON object in UTF-8 with query, and optionally operationName, variables and extensions."}
	errURL = &problem{http.StatusBadRequest,
		"The URL must have query, and optionally operationName, and variables and extensions as JSON objects, each once."}
)

// readPost reads a body. No refusal repeats any of it.
func (t Transport) readPost(a *answer, r *http.Request) (*graphql.RawParams, *problem) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON || !isUTF8(parameters["charset"]) || len(r.Header.Values("Content-Type")) > 1 {
		return nil, &problem{http.StatusUnsupportedMediaType, "The Content-Type must be application/json, in UTF-8."}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		a.w.Header().Set("Accept-Encoding", "identity")
		return nil, &problem{http.StatusUnsupportedMediaType, "The body must not be compressed."}
	}
	start := graphql.Now()
	body, err := io.ReadAll(http.MaxBytesReader(a.w, r.Body, cmp.Or(t.MaxBody, defaultMaxBody)))
	a.request += len(body)
	if err != nil {
		return nil, unread(err)
	}
	object, err := decodeObject(body)
	if err != nil {
		return nil, errBody
	}
	params, ok := newParams(object)
	if !ok {
		return nil, errBody
	}
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

// unread says why the body could not be read to its end.
func unread(err error) *problem {
	var timeout net.Error
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return &problem{http.StatusRequestEntityTooLarge, "The body is too large."}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &problem{http.StatusRequestTimeout, "The body took too long."}
	default:
		return errBody
	}
}

// readGet reads the request from the query of the URL.
func readGet(r *http.Request) (*graphql.RawParams, *problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errURL
	}
	object := map[string]any{}
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		given := values[name]
		switch {
		case len(given) > 1 || len(given) == 1 && !utf8.ValidString(given[0]):
			return nil, errURL
		case len(given) == 0 || given[0] == "":
		case name == "variables" || name == "extensions":
			if object[name], err = decode([]byte(given[0])); err != nil {
				return nil, errURL
			}
		default:
			object[name] = given[0]
		}
	}
	params, ok := newParams(object)
	if !ok {
		return nil, errURL
	}
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	return params, nil
}

// newParams takes the parameters of the specification from an object. Others are
// for the future, and null is as good as none. Only a request that names its
// document by a hash may do without query.
func newParams(object map[string]any) (*graphql.RawParams, bool) {
	var p graphql.RawParams
	ok := take(object, "query", &p.Query) && take(object, "operationName", &p.OperationName) &&
		take(object, "variables", &p.Variables) && take(object, "extensions", &p.Extensions)
	return &p, ok && (object["query"] != nil || p.Extensions["persistedQuery"] != nil)
}

func take[T any](object map[string]any, name string, to *T) bool {
	value := object[name]
	if value == nil {
		return true
	}
	given, ok := value.(T)
	*to = given
	return ok
}

var errJSON = errors.New("graphqlhttp: not the JSON that is accepted")

func decodeObject(text []byte) (map[string]any, error) {
	value, err := decode(text)
	object, ok := value.(map[string]any)
	if err == nil && !ok {
		err = errJSON
	}
	return object, err
}

// decode reads one value of JSON and nothing after it. It refuses what other
// readers may understand differently: a key that comes twice, text that is not
// UTF-8. Numbers stay as they are written.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errJSON
	}
	d := strict{json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	value, err := d.value(maxNesting)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return value, nil
}

type strict struct{ *json.Decoder }

// value reads a value in which depth objects and arrays may be open at once.
func (d strict) value(depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch opened := token == json.Delim('{') || token == json.Delim('['); {
	case opened && depth == 0:
		return nil, errJSON
	case token == json.Delim('{'):
		return d.object(depth - 1)
	case opened:
		return d.array(depth - 1)
	}
	return token, nil
}

func (d strict) object(depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // the decoder takes nothing else for a key
		if _, twice := object[name]; twice {
			return nil, errJSON
		}
		if object[name], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func (d strict) array(depth int) (any, error) {
	list := []any{}
	for d.More() {
		value, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.Token()
	return list, err
}
