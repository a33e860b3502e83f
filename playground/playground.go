// Package playground is a page on which the API can be tried in a browser: GraphiQL with
// the operations that the app ships. It is embedded in the binary and asks nothing of any
// other host. The sources are in app; page holds what `make playground` builds from them.
package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/automobilepay/mobilepay/operations"
)

//go:embed page/*.gz
var page embed.FS

// policy lets the page run its own script and style and talk to its own host, and nothing
// else. No string becomes markup or script but by way of app/src/trusted.ts.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types default dompurify"

const index = "index.html"

// file is a file of the page, compressed.
type file struct {
	gzipped []byte
	etag    string // of what it holds, without quotes
	media   string
}

// Handler serves the page at "/" with its files.
func Handler() http.Handler {
	all := sync.OnceValue(read)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = index
		}
		f, found := all()[name]
		switch {
		case !found:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			f.serve(w, r, name)
		}
	})
}

func (f file) serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", f.media)
	h.Set("Vary", "Accept-Encoding")
	if name != index {
		// The files hold nothing of anybody: a browser may keep them, and asks whether they
		// are still good. The page itself is not kept, like every other answer.
		h.Set("Cache-Control", "no-cache")
	}
	content := f.gzipped
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+f.etag+`-gzip"`)
	} else {
		h.Set("ETag", `"`+f.etag+`"`)
		content = unzip(f.gzipped)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reads an Accept-Encoding header: gzip is named, or *, and not with q=0.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, parameters, err := mime.ParseMediaType(part)
		if err == nil && (coding == "gzip" || coding == "*") {
			return strings.Trim(parameters["q"], "0.") != "" || parameters["q"] == ""
		}
	}
	return false
}

// read is the files of the page by name, and the tabs. What is embedded can be read.
func read() map[string]file {
	files := map[string]file{"tabs.json": newFile("tabs.json", zip(operations.Tabs()))}
	entries, err := page.ReadDir("page")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		gzipped, err := page.ReadFile(path.Join("page", entry.Name()))
		if err != nil {
			panic(err)
		}
		name := strings.TrimSuffix(entry.Name(), ".gz")
		files[name] = newFile(name, gzipped)
	}
	return files
}

func newFile(name string, gzipped []byte) file {
	sum := sha256.Sum256(gzipped)
	return file{gzipped: gzipped, etag: hex.EncodeToString(sum[:16]), media: medias[path.Ext(name)]}
}

// medias is not left to the mime package, which believes what the machine has installed.
var medias = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".md":   "text/markdown; charset=utf-8",
}

func zip(content []byte) []byte {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(content) // memory does not refuse
	_ = w.Close()
	return zipped.Bytes()
}

func unzip(zipped []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		panic(fmt.Errorf("a file of the page is not gzip: %w", err))
	}
	content, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Errorf("a file of the page is cut: %w", err))
	}
	return content
}
