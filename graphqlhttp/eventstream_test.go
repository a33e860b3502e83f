package graphqlhttp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

// newStreams is a server of event streams, and of other answers.
func newStreams(t *testing.T, refusal *gqlerror.Error) *house {
	t.Helper()
	h := &house{
		shopkeeper: &shopkeeper{sold: make(chan string), release: make(chan struct{})},
		guest:      &guest{goes: make(chan graphqlhttp.Close, 1), left: make(chan struct{}, 100)}, live: new(graphqlhttp.Live),
	}
	server := handler.New(h.shopkeeper)
	server.AddTransport(&graphqlhttp.EventStream{Live: h.live, GET: true, Hello: func(*http.Request) (graphqlhttp.Peer, *gqlerror.Error) {
		return visitor{h.guest}, refusal
	}})
	server.AddTransport(graphqlhttp.Transport{GET: true})
	server.SetQueryCache(graphqlhttp.Prepared{})
	server.Use(&graphqlhttp.Documents{})
	listener := httptest.NewServer(server)
	h.url = listener.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.live.Drain(ctx); err != nil {
			t.Error(err)
		}
		listener.Close()
	})
	return h
}

// visitor is a guest who may come more than once.
type visitor struct{ *guest }

func (v visitor) Leave() { v.left <- struct{}{} }

// stream sends a request that wants events.
func (h *house) stream(t *testing.T, method, target, body string) (status int, events io.ReadCloser) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, h.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response.StatusCode, response.Body
}

// whole reads a stream to its end, without comments.
func whole(t *testing.T, events io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(events)
	if err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(string(text), ":\n\n", "")
}

const done = "event: complete\ndata: \n\n"

func TestEventStream(t *testing.T) {
	t.Parallel()
	h := newStreams(t, nil)
	inURL := func(document string) string { return "/?query=" + url.QueryEscape(document) }
	for name, test := range map[string]struct {
		method, target, body string
		status               int
		want                 string
	}{
		"a query":           {"POST", "/", query("query Ask { name }"), 200, "event: next\ndata: {\"data\":{\"name\":\"Ask\"}}\n\n" + done},
		"a query by GET":    {"GET", inURL("query Ask { name }"), "", 200, "event: next\ndata: {\"data\":{\"name\":\"Ask\"}}\n\n" + done},
		"a mutation":        {"POST", "/", query(`mutation Do { rename(name: "x") }`), 200, "event: next\ndata: {\"data\":{\"name\":\"Do\"}}\n\n" + done},
		"a mutation by GET": {"GET", inURL(`mutation Do { rename(name: "x") }`), "", 200, "event: next\ndata: {\"errors\":[{\"message\":\"The method of a mutation must be POST.\",\"extensions\":{\"code\":\"BAD_REQUEST\"}}]}\n\n" + done},
		"not valid":         {"POST", "/", query("{ name { x } }"), 200, "event: next\ndata: {\"errors\":[{\"message\":\"Cannot query field"},
		"it cannot begin":   {"POST", "/", query("subscription Refused { sold { name } }"), 200, "event: next\ndata: {\"errors\":[{\"message\":\"not for you\"}]}\n\n" + done},
		"no request":        {"POST", "/", "{}", 400, `{"errors":[`},
		"too large":         {"POST", "/", query(strings.Repeat(" ", 65<<10)), 413, `{"errors":[`},
		"another method":    {"PUT", "/", query("{ name }"), 405, `{"errors":[`},
	} {
		status, events := h.stream(t, test.method, test.target, test.body)
		if got := whole(t, events); status != test.status || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %d %q, want %q", name, status, got, test.want)
		}
	}
}

func TestEventStreamOfASubscription(t *testing.T) {
	t.Parallel()
	h := newStreams(t, nil)
	_, events := h.stream(t, "POST", "/", query("subscription { sold { name } }"))
	h.sold <- "Emma"
	h.sold <- "Dune"
	close(h.sold)
	want := "event: next\ndata: {\"data\":{\"sold\":{\"name\":\"Emma\"}}}\n\nevent: next\ndata: {\"data\":{\"sold\":{\"name\":\"Dune\"}}}\n\n" + done
	if got := whole(t, events); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	<-h.guest.left
}

// A client that closes the connection ends its operation.
func TestEventStreamIsClosed(t *testing.T) {
	t.Parallel()
	h := newStreams(t, nil)
	_, events := h.stream(t, "POST", "/", query("subscription { sold { name } }"))
	_ = events.Close()
	<-h.guest.left
}

// Whoever stops the server ends subscriptions without a last event, and lets queries
// finish.
func TestEventStreamDrains(t *testing.T) {
	t.Parallel()
	h := newStreams(t, nil)
	_, endless := h.stream(t, "POST", "/", query("subscription { sold { name } }"))
	_, slow := h.stream(t, "POST", "/", query("query Slow { name }"))
	h.sold <- "Emma"
	h.sold <- "Dune" // which is taken when the first is written
	drained := make(chan error, 1)
	go func() { drained <- h.live.Drain(context.Background()) }()
	if got := whole(t, endless); !strings.Contains(got, "\"Emma\"}}}\n\n") || strings.Contains(got, "complete") {
		t.Errorf("the subscription ends with %q", got)
	}
	close(h.release)
	if got := whole(t, slow); got != "event: next\ndata: {\"data\":{\"name\":\"Slow\"}}\n\n"+done {
		t.Errorf("the query ends with %q", got)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if status, _ := h.stream(t, "POST", "/", query("{ name }")); status != http.StatusServiceUnavailable {
		t.Errorf("after that a client gets %d", status)
	}
}

func TestEventStreamRefused(t *testing.T) {
	t.Parallel()
	h := newStreams(t, &gqlerror.Error{Message: "too many"})
	_, events := h.stream(t, "POST", "/", query("{ name }"))
	if got := whole(t, events); got != "event: next\ndata: {\"errors\":[{\"message\":\"too many\"}]}\n\n"+done {
		t.Errorf("got %q", got)
	}
}

// A peer who has to go loses the subscription.
func TestEventStreamPeerGoes(t *testing.T) {
	t.Parallel()
	h := newStreams(t, nil)
	_, events := h.stream(t, "POST", "/", query("subscription { sold { name } }"))
	h.guest.goes <- graphqlhttp.Close{}
	if got := whole(t, events); got != "" {
		t.Errorf("got %q", got)
	}
}

// Whoever names JSON as well gets that.
func TestStreaming(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"text/event-stream": true, "text/event-stream, */*;q=0.1": true, "Text/Event-Stream; charset=utf-8": true,
		"": false, "*/*": false, "text/*": false, "text/event-stream;q=0": false, "application/json": false,
		"application/graphql-response+json, application/json, text/event-stream, multipart/mixed": false,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		request.Header.Set("Accept", accept)
		if got := graphqlhttp.Streaming(request); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
}
