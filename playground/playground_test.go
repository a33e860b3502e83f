package playground_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/operations"
	"github.com/automobilepay/mobilepay/playground"
)

// site is the page mounted as the server mounts it.
var site = http.StripPrefix("/playground", playground.Handler())

// fetch asks for a path with headers, given as name and value in turn.
func fetch(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	site.ServeHTTP(recorder, request)
	return recorder
}

func TestServed(t *testing.T) {
	for target, want := range map[string]string{
		"/playground":                "text/html",
		"/playground/":               "text/html",
		"/playground/playground.css": "text/css",
		"/playground/playground.js":  "text/javascript",
		"/playground/licenses.md":    "text/markdown",
		"/playground/tabs.json":      "application/json",
	} {
		got := fetch(t, http.MethodGet, target)
		media, _, _ := mime.ParseMediaType(got.Header().Get("Content-Type"))
		if got.Code != http.StatusOK || media != want || got.Body.Len() == 0 {
			t.Errorf("%s: %d %s of %d bytes, want %s", target, got.Code, media, got.Body.Len(), want)
		}
	}
	for _, target := range []string{"/playground/none.js", "/playground/../playground.go", "/playground/sources.txt", "/playground/playground.js.gz"} {
		if got := fetch(t, http.MethodGet, target); got.Code != http.StatusNotFound {
			t.Errorf("%s is answered %d", target, got.Code)
		}
	}
	if got := fetch(t, http.MethodPost, "/playground"); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST is answered %d, Allow %q", got.Code, got.Header().Get("Allow"))
	}
	if got := fetch(t, http.MethodGet, "/playground/tabs.json").Body.String(); got != string(operations.Tabs()) {
		t.Error("the tabs are not those of the operations")
	}
}

// What the client has already is not sent again; who cannot unzip gets the plain file.
func TestEncoding(t *testing.T) {
	const target = "/playground/tabs.json"
	plain := fetch(t, http.MethodGet, target)
	if plain.Header().Get("Content-Encoding") != "" {
		t.Error("it is encoded without being asked")
	}
	for accepted, want := range map[string]bool{
		"gzip": true, "gzip, deflate, br, zstd": true, "br;q=1, *;q=0.1": true, "deflate, gzip;q=0.5": true,
		"identity": false, "br": false, "gzip;q=0": false, "gzip;q=0.0, br": false, "*;q=0": false,
	} {
		got := fetch(t, http.MethodGet, target, "Accept-Encoding", accepted)
		if zipped := got.Header().Get("Content-Encoding") == "gzip"; zipped != want {
			t.Errorf("%s: gzip is %t", accepted, zipped)
			continue
		}
		content := io.Reader(got.Body)
		if want {
			var err error
			if content, err = gzip.NewReader(got.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(content)
		if err != nil || string(text) != plain.Body.String() {
			t.Errorf("%s: another content, %v", accepted, err)
		}
		etag := got.Header().Get("ETag")
		if again := fetch(t, http.MethodGet, target, "Accept-Encoding", accepted, "If-None-Match", etag); etag == "" || again.Code != http.StatusNotModified {
			t.Errorf("%s: with its ETag %q it is answered %d", accepted, etag, again.Code)
		}
		if (etag == plain.Header().Get("ETag")) == want {
			t.Errorf("%s: the ETag does not tell what is zipped", accepted)
		}
		if got.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Vary is %q", accepted, got.Header().Get("Vary"))
		}
	}
}

// The policy forbids what the page does not need. Whether the page can live with it is
// seen in a browser.
func TestPolicy(t *testing.T) {
	for _, target := range []string{"/playground", "/playground/playground.js"} {
		policy := fetch(t, http.MethodGet, target).Header().Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self' data:", "connect-src 'self'",
			"form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
		} {
			if !slices.Contains(strings.Split(policy, "; "), want) {
				t.Errorf("%s: %q is not in %q", target, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy lets too much: %s", target, policy)
		}
	}
}

// The page is at /playground, too, where a relative address would miss.
func TestAddresses(t *testing.T) {
	page := fetch(t, http.MethodGet, "/playground").Body.String()
	for _, address := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if address[1] == "data:," {
			continue
		}
		if !path.IsAbs(address[1]) || fetch(t, http.MethodGet, address[1]).Code != http.StatusOK {
			t.Errorf("%s leads nowhere", address[1])
		}
	}
}

// A placeholder of the examples is filled in by the page.
func TestPlaceholders(t *testing.T) {
	facts := source(t, "src/facts.ts")
	for _, name := range regexp.MustCompile(`"\$(\w+)"`).FindAllStringSubmatch(string(operations.Tabs()), -1) {
		if !strings.Contains(facts, "\n    "+name[1]+": ") && !strings.Contains(facts, "\n    "+name[1]+",") && !strings.Contains(facts, "'$"+name[1]+"'") {
			t.Errorf("app/src/facts.ts does not fill in $%s", name[1])
		}
	}
}

// The page uses operations by name: they are there.
func TestOperationsByName(t *testing.T) {
	for _, file := range []string{"src/facts.ts", "src/Bar.tsx", "src/StepUp.tsx"} {
		names := regexp.MustCompile(`(?:read\(|send\(|entry\.name === )'(\w+)'`).FindAllStringSubmatch(source(t, file), -1)
		if len(names) == 0 {
			t.Errorf("%s names no operation", file)
		}
		for _, name := range names {
			if !strings.Contains(string(operations.Tabs()), fmt.Sprintf("\"name\": %q", name[1])) {
				t.Errorf("%s: there is no operation %s", file, name[1])
			}
		}
	}
}

// page/sources.txt says what the page was built from, as sha256sum would.
func TestPageIsCurrent(t *testing.T) {
	var listing strings.Builder
	err := fs.WalkDir(os.DirFS("app"), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		sum := sha256.Sum256([]byte(source(t, name)))
		_, err = fmt.Fprintf(&listing, "%s  %s\n", hex.EncodeToString(sum[:]), name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// WalkDir goes folder by folder; the listing is by the whole path.
	lines := strings.SplitAfter(listing.String(), "\n")
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[min(len(a), 66):], b[min(len(b), 66):]) })
	built, err := os.ReadFile("page/sources.txt")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(lines, ""); string(built) != want {
		t.Errorf("the page is older than its sources: run make playground\nit was built from\n%sthe sources are\n%s", built, want)
	}
}

// What npm installs is settled, and no address of a registry is in the repository.
func TestPackagesAreExact(t *testing.T) {
	var manifest struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal([]byte(source(t, "package.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for _, packages := range []map[string]string{manifest.Dependencies, manifest.DevDependencies} {
		for name, version := range packages {
			if !exact.MatchString(version) {
				t.Errorf("%s is not exact: %s", name, version)
			}
		}
	}
	if strings.Contains(source(t, "package-lock.json"), `"resolved"`) {
		t.Error("the lockfile names a registry")
	}
}

// source is a file of the page's sources.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("app", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
