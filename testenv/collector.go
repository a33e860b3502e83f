package testenv

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector takes traces as a real one does, over HTTP.
type Collector struct {
	URL string

	mu    sync.Mutex
	raw   bytes.Buffer
	spans []Span
}

// Span is a part of a trace.
type Span struct {
	*traces.Span
	// Trace, ID and Parent are in hexadecimal; Links are the traces that it is linked with.
	Trace, ID, Parent string
	Links             []string
}

// NewCollector is a collector that ends with the test.
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	c := new(Collector)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("traces at %s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	request := new(collector.ExportTraceServiceRequest)
	if err := proto.Unmarshal(body, request); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{Span: s, Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId())}
				for _, link := range s.GetLinks() {
					span.Links = append(span.Links, hex.EncodeToString(link.GetTraceId()))
				}
				c.spans = append(c.spans, span)
			}
		}
	}
	return nil
}

// Raw is all that was sent.
func (c *Collector) Raw() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw.Bytes())
}

// Spans are those that have come. The app sends what is left when it stops.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Attribute is the text or the number of an attribute; nil where there is none.
func (s Span) Attribute(name string) any {
	for _, a := range s.GetAttributes() {
		if a.GetKey() != name {
			continue
		}
		switch a.GetValue().GetValue().(type) {
		default:
			return a.GetValue().GetStringValue()
		case nil:
			return nil
		}
	}
	return nil
}
