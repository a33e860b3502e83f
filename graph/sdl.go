package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/formatter"
)

// SDL is the whole schema in the schema definition language. schema.graphql holds
// it for clients and for reviews.
func SDL() string {
	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatSchema(NewExecutableSchema(Config{}).Schema())
	return text.String()
}
