// Package operations holds the GraphQL operations that the customers' apps ship, each
// in a file of its name, with the fragments they share. It is their only source: the
// manifest of trusted documents, the playground's tabs and the example clients are
// made from these files.
package operations

import (
	"crypto/sha256"
	_ "embed" // for what go:embed fills in
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

//go:generate go run ./generate

//go:embed manifest.json
var manifest []byte

//go:embed tabs.json
var tabs []byte

// Manifest is the operations in the format of Apollo's persisted-query manifest. The
// body of each holds the fragments it needs.
func Manifest() []byte { return manifest }

// Tabs is the operations as a page for people shows them, as JSON: a list of Tab. It
// keeps what the manifest drops, comments and line breaks.
func Tabs() []byte { return tabs }

// Operation is an entry of a manifest.
type Operation struct {
	// ID is the SHA-256 of Body in hexadecimal.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Type is query, mutation or subscription.
	Type string `json:"type"`
	Body string `json:"body"`
}

// Document is a whole manifest.
type Document struct {
	Format     string      `json:"format"`
	Version    int         `json:"version"`
	Operations []Operation `json:"operations"`
}

// Tab is an operation with what it can be tried with.
type Tab struct {
	// Group is the heading under which it is found, About what it does.
	Group string `json:"group"`
	Name  string `json:"name"`
	Type  string `json:"type"`
	About string `json:"about"`
	// Query is the operation as its file has it, followed by its fragments.
	Query    string    `json:"query"`
	Examples []Example `json:"examples"`
}

// Example is variables to try an operation with. A string that begins with $ stands
// for what only a customer's own books can say, such as the id of a vehicle.
type Example struct {
	// Title is empty where there is but one.
	Title     string          `json:"title,omitempty"`
	About     string          `json:"about,omitempty"`
	Variables json.RawMessage `json:"variables,omitempty"`
}

const (
	manifestFormat  = "apollo-persisted-query-manifest"
	manifestVersion = 1
)

// NewDocument makes a manifest of operations.
func NewDocument(all []Operation) Document {
	return Document{Format: manifestFormat, Version: manifestVersion, Operations: all}
}

// ID is the id of a body.
func ID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// Parse reads a manifest, this one or that of another client. It fails where a body is
// empty, or an id is not the hash of its body or comes twice.
func Parse(text []byte) ([]Operation, error) {
	var document Document
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read a manifest of operations: %w", err)
	}
	if document.Format != manifestFormat || document.Version != manifestVersion {
		return nil, fmt.Errorf("a manifest of operations is %q, version %d; this is %q, version %d",
			manifestFormat, manifestVersion, document.Format, document.Version)
	}
	var errs []error
	seen := map[string]bool{}
	for _, o := range document.Operations {
		if seen[o.ID] || o.Body == "" || o.ID != ID(o.Body) {
			errs = append(errs, fmt.Errorf("%s has no body, or its id comes twice or is not the SHA-256 of its body", o.Name))
		}
		seen[o.ID] = true
	}
	return document.Operations, errors.Join(errs...)
}

// Bodies is the bodies of operations by their ids, as a server looks them up.
func Bodies(all []Operation) map[string]string {
	bodies := make(map[string]string, len(all))
	for _, o := range all {
		bodies[o.ID] = o.Body
	}
	return bodies
}
