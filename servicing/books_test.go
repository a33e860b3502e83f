package servicing_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Where customers are served, nobody opens everybody's books: in no file of use
// cases that take a viewer, and in no room above or beside them that a request goes
// through.
func TestBooksAreForProcesses(t *testing.T) {
	t.Parallel()
	opens := regexp.MustCompile(`\b(InBooks|BooksTx|Books|Bulk)\b`)
	opened := 0
	for _, pattern := range []string{"*.go", "../auth/*.go", "../dataloaders/*.go", "../graph/*.go", "../resolvers/*.go", "../session/*.go", "../web/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			customers := pattern != "*.go" || strings.Contains(string(text), "auth.Viewer")
			found := opens.FindString(string(text))
			switch {
			case strings.HasSuffix(file, "_test.go") || found == "":
			case customers:
				t.Errorf("%s mentions %s", file, found)
			default:
				opened++
			}
		}
	}
	if opened == 0 {
		t.Error("no process opens the books: this test looks for the wrong words")
	}
}
