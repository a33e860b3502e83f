// Package playground is a page on which the API can be tried in a browser. It is
// embedded in the binary and asks nothing of any other host.
package playground

import (
	"embed"
	"net/http"
)

//go:embed page
var page embed.FS

// policy lets the page run its own script and style and talk to its own host,
// and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Handler serves the page at "/" with its script and style.
func Handler() http.Handler {
	files := http.FileServerFS(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		r.URL.Path = "/page/" + r.URL.Path
		files.ServeHTTP(w, r)
	})
}
