package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/formatter"
)

// The answer to @defer comes in parts, of which plain HTTP carries one: it is no
// part of the schema, so that a document with it is not valid.
func init() { delete(parsedSchema.Directives, "defer") }

// SDL is the whole schema in the schema definition language. schema.graphql holds
// it for clients and for reviews.
func SDL() string {
	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatSchema(NewExecutableSchema(Config{}).Schema())
	return text.String()
}
