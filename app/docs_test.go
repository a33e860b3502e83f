package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/errcode"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
)

func TestReadmeListsSettings(t *testing.T) {
	if !strings.Contains(read(t, "README.md"), "\n\n"+config.Table()+"\n") {
		t.Errorf("the README's settings are not these:\n%s", config.Table())
	}
}

func TestReadmeListsCommands(t *testing.T) {
	var usage bytes.Buffer
	if err := app.Run(t.Context(), []string{"help"}, nil, &usage, &usage); err == nil {
		t.Fatal("help is a command now: change this test")
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z-]+)(?: |$)`).FindAllStringSubmatch(usage.String(), -1)
	if len(commands) == 0 {
		t.Fatalf("no commands in %s", usage.String())
	}
	for _, command := range commands {
		if !strings.Contains(read(t, "README.md"), "\n| `mobilepay "+command[1]) {
			t.Errorf("the README does not list mobilepay %s", command[1])
		}
	}
}

// The first column of a section's table is its codes.
func codesIn(t *testing.T, section string) []string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "docs/errors.md"), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/errors.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var codes []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		codes = append(codes, row[1])
	}
	slices.Sort(codes)
	return codes
}

func TestUserErrorCodesAreDocumented(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	var codes []string
	for _, value := range schema.Types["UserErrorCode"].EnumValues {
		codes = append(codes, value.Name)
	}
	slices.Sort(codes)
	if listed := codesIn(t, "Refusals: `userErrors`"); !slices.Equal(codes, listed) {
		t.Errorf("the schema has %v\ndocs/errors.md has %v", codes, listed)
	}
	for _, concrete := range schema.GetPossibleTypes(schema.Types["UserError"]) {
		if !strings.Contains(read(t, "docs/errors.md"), "| `"+concrete.Name+"` |") {
			t.Errorf("docs/errors.md does not say which code %s carries", concrete.Name)
		}
	}
}

// The codes of top-level errors are the words in capitals of the three packages
// that answer, and the engine's own.
func TestErrorCodesAreDocumented(t *testing.T) {
	codes := []string{errcode.ParseFailed, errcode.ValidationFailed}
	for _, pattern := range []string{"../graphqlhttp/*.go", "../resolvers/*.go", "../web/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, word := range regexp.MustCompile(`\b[cC]ode[A-Za-z]* *= "([A-Z_]+[A-Z])"|"code": *"([A-Z_]+)"|code == "([A-Z_]+)"`).FindAllStringSubmatch(string(text), -1) {
				codes = append(codes, word[1]+word[2]+word[3])
			}
		}
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	if listed := codesIn(t, "Faults: `errors`"); !slices.Equal(codes, listed) {
		t.Errorf("the server answers %v\ndocs/errors.md has %v", codes, listed)
	}
}

func TestLinks(t *testing.T) {
	for _, file := range []string{
		"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/documents.md", "docs/errors.md", "docs/graphql.md", "docs/help.md", "docs/identity.md", "docs/keys.md", "docs/languages.md", "docs/notices.md", "docs/observability.md", "docs/operations.md", "docs/runbook.md", "docs/partners.md",
		"docs/security.md", "examples/README.md",
	} {
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(link[1], ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(file), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, link[1], err)
			}
		}
	}
}

func TestArchitectureNamesEveryRoom(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		sources, _ := filepath.Glob(filepath.Join("..", entry.Name(), "*.go"))
		if len(sources) > 0 && !regexp.MustCompile(`(?m)^[ │├└─>]*`+entry.Name()+"/ ").MatchString(read(t, "ARCHITECTURE.md")) &&
			!strings.Contains(read(t, "ARCHITECTURE.md"), "> "+entry.Name()+"/ ") {
			t.Errorf("ARCHITECTURE.md does not draw %s/", entry.Name())
		}
	}
}

func TestContributingListsTargets(t *testing.T) {
	for _, target := range regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		if target[1] != "help" && !strings.Contains(read(t, "CONTRIBUTING.md"), "| `make "+target[1]+"` |") {
			t.Errorf("CONTRIBUTING.md does not list make %s", target[1])
		}
	}
}

func TestLimitsAreDocumented(t *testing.T) {
	cfg, err := config.Load(nil, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([0-9,]+) \\|").FindAllStringSubmatch(read(t, "docs/graphql.md"), -1) {
		listed = append(listed, row[1]+"="+strings.ReplaceAll(row[2], ",", ""))
	}
	if text := strings.Join(listed, ","); text != cfg.Limits.String() {
		t.Errorf("docs/graphql.md has %s\nthe settings have %s", text, cfg.Limits)
	}
}

// What docs/security.md says is held by tests that exist.
func TestSecurityNamesItsTests(t *testing.T) {
	exists := map[string]bool{}
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			exists[test[1]] = true
		}
	}
	page := read(t, "docs/security.md")
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]+ \| (.*) \|$`).FindAllStringSubmatch(page, -1) {
		named := regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1)
		if len(named) == 0 && row[1] != "Shown by" {
			t.Errorf("nothing shows: %s", row[0])
		}
		for _, test := range named {
			if !exists[test[1]] {
				t.Errorf("there is no %s", test[1])
			}
		}
	}
}
