package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
)

// visitor is a request at a gate.
type visitor struct {
	name    string
	entered chan bool
	leave   func()
}

func visit(ctx context.Context, g *gate, name string) *visitor {
	v := &visitor{name: name, entered: make(chan bool, 1)}
	go func() {
		leave, ok := g.enter(ctx)
		v.leave = leave
		v.entered <- ok
	}()
	return v
}

// Of those who wait the latest is the next, and whoever has waited longest is sent away
// for who comes when it is full.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		var all []*visitor
		for _, name := range []string{"a", "b", "c", "d", "e"} { // a and b enter, c makes room for e
			all = append(all, visit(t.Context(), g, name))
			synctest.Wait()
		}
		if !<-all[0].entered || !<-all[1].entered || <-all[2].entered {
			t.Fatal("the first two do not enter, or the third is not sent away")
		}
		gone, cancel := context.WithCancel(t.Context())
		lost := visit(gone, g, "f") // for d
		synctest.Wait()
		if <-all[3].entered {
			t.Fatal("the fourth is not sent away")
		}
		cancel()
		if <-lost.entered {
			t.Fatal("who has gone enters")
		}
		all[0].leave()
		if !<-all[4].entered {
			t.Fatal("nobody takes the place")
		}
		late := visit(t.Context(), g, "g")
		if <-late.entered { // after 250 ms of the bubble's time
			t.Fatal("one too many enters")
		}
		all[1].leave()
		all[4].leave()
		if g.inside != 0 || g.waiting.Len() != 0 {
			t.Errorf("%d inside and %d waiting, in the end", g.inside, g.waiting.Len())
		}
	})
}

// However many come and go at once, never are more inside than may be, and none gets
// lost.
func TestGateAtOnce(t *testing.T) {
	t.Parallel()
	const most, requests = 4, 2000
	g := newGate(most)
	var mu sync.Mutex
	inside, entered, refused := 0, 0, 0
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			leave, ok := g.enter(t.Context())
			mu.Lock()
			if !ok {
				refused++
				mu.Unlock()
				return
			}
			entered++
			if inside++; inside > most {
				t.Errorf("%d are inside", inside)
			}
			mu.Unlock()
			mu.Lock()
			inside--
			mu.Unlock()
			leave()
		})
	}
	all.Wait()
	if entered+refused != requests || entered < most || g.inside != 0 || g.waiting.Len() != 0 {
		t.Errorf("%d entered and %d were refused; %d inside and %d waiting", entered, refused, g.inside, g.waiting.Len())
	}
}

// At three times the load that can be worked on, a third is answered and the rest get
// an answer in GraphQL's shape at once, while nothing of it has been begun.
func TestShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 8
		begun, hold := make(chan struct{}, 10*most), make(chan struct{})
		h := Options{gate: newGate(most)}.shed(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			begun <- struct{}{}
			<-hold
		}))
		answers := make(chan *httptest.ResponseRecorder, 10*most)
		send := func(header ...string) {
			r := httptest.NewRequestWithContext(auth.WithRequest(t.Context(), auth.Request{Language: loan.Spanish}), http.MethodPost, "/graphql", nil)
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				answers <- w
			}()
		}
		for range 3 * most {
			send()
		}
		synctest.Wait() // no time has passed
		if len(begun) != most || len(answers) != most {
			t.Fatalf("%d are begun and %d answered, want %d each", len(begun), len(answers), most)
		}
		send("Accept", "text/event-stream")
		synctest.Wait()
		if len(begun) != most+1 {
			t.Error("a stream waits for requests")
		}
		close(hold)
		var codes []int
		for range 3*most + 1 {
			w := <-answers
			codes = append(codes, w.Code)
			if w.Code == http.StatusOK {
				continue
			}
			var said struct {
				Data   any
				Errors []struct {
					Message    string
					Extensions struct {
						Code       string
						RetryAfter int
					}
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || len(said.Errors) != 1 || said.Data != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
			seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
			if e := said.Errors[0]; e.Extensions.Code != "UNAVAILABLE" || e.Message != "El servicio no puede responder en este momento. Inténtelo de nuevo." ||
				err != nil || seconds < 1 || seconds > retryAfter || e.Extensions.RetryAfter != seconds {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		}
		slices.Sort(codes)
		if codes[2*most] != http.StatusOK || codes[2*most+1] != http.StatusServiceUnavailable {
			t.Errorf("got %v", codes)
		}
	})
}
