// Package api has a typed function for each operation of mobilepay. genqlient makes them
// from operations/ and schema.graphql; `go generate ./...` writes them into generated.go.
package api

//go:generate go tool genqlient
