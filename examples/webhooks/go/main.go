// The receiver takes webhooks: it refuses what is not signed with its secret or is stale,
// does each event once, and prints it.
//
//	WEBHOOK_SECRET=whsec_... go run . -addr 127.0.0.1:9000
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// event is the body of a webhook.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		ID         string `json:"id"`
		CustomerID string `json:"customerId"`
		ObjectID   string `json:"objectId"`
	} `json:"data"`
}

// largest is more than an event has, in bytes.
const largest = 64 << 10

// receiver does each event once. A program that restarts keeps the ids in its database,
// in the transaction of what it does.
type receiver struct {
	verifier *standardwebhooks.Webhook
	mu       sync.Mutex
	done     map[string]bool
}

func (rec *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	// The bytes that came are what was signed: verify them before they are parsed.
	// Verify also refuses what is more than five minutes old or ahead.
	if err := rec.verifier.Verify(body, r.Header); err != nil {
		http.Error(w, "the signature is wrong or stale", http.StatusUnauthorized)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.done[e.Data.ID] { // sent at least once: maybe again
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rec.done[e.Data.ID] = true
	fmt.Println(e.Type, e.Data.ObjectID, e.Data.CustomerID)
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	addr := flag.String("addr", "127.0.0.1:9000", "where to listen")
	flag.Parse()
	verifier, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil || os.Getenv("WEBHOOK_SECRET") == "" {
		log.Fatal("set WEBHOOK_SECRET to the secret of the endpoint")
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := &http.Server{Handler: &receiver{verifier: verifier, done: map[string]bool{}}, ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
