// Package examples_test builds the example clients and runs them against the whole app.
package examples_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

func TestGo(t *testing.T) {
	t.Parallel()
	run(t, "go", "go", "generate", "./...")
	run(t, "go", "go", "vet", "./...")
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	check(t, e, run(t, "go", "go", "run", ".", "-url", e.URL+"/graphql"))
}

// genqlient writes null for a member that is not set. Where exactly one may be given
// that is one too many, so these inputs are written by hand.
func TestGoOneOf(t *testing.T) {
	settings, err := os.ReadFile("go/api/genqlient.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range graph.NewExecutableSchema(graph.Config{}).Schema().Types {
		if definition.Directives.ForName("oneOf") != nil && !strings.Contains(string(settings), "\n  "+definition.Name+":\n") {
			t.Errorf("go/api/genqlient.yaml does not bind %s", definition.Name)
		}
	}
}

// The operations compile to strict TypeScript; the schema passes graphql-eslint's rules
// and relay-compiler.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	install(t, "typescript")
	run(t, "typescript", "npm", "run", "check")
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	check(t, e, run(t, "typescript", "node", "dist/main.js", e.URL+"/graphql"))
}

// check looks at what a client said, and at the books: it has paid once and cancelled.
func check(t *testing.T, e *testenv.Env, said string) {
	t.Helper()
	for _, want := range []string{
		"logged in as Dana", "I authorize a one-time debit of $50.00", "is SCHEDULED", "replayed: false", "replayed: true", "is CANCELED", "logged out: true",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	demo, err := e.App.Store.CredentialsOf(t.Context(), "demo", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var canceled int
	for _, payment := range e.Payments(demo.CustomerID) {
		if payment.SubmittedAt.Equal(e.Clock.Now()) && payment.Amount == 50_00 && payment.Status == loan.Canceled {
			canceled++
		}
	}
	if canceled != 1 {
		t.Errorf("%d payments were made and cancelled, want 1", canceled)
	}
}

// run runs a program in an example's folder and returns what it printed.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

const leastNode = 20

// install puts an example's packages into its node_modules, where they stay for as long as
// the lockfile does.
func install(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm")
	}
	version := regexp.MustCompile(`\d+`).FindString(run(t, dir, "node", "--version"))
	if major, err := strconv.Atoi(version); err != nil || major < leastNode {
		t.Skipf("needs node %d, and this is %s", leastNode, version)
	}
	lockfile, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lockfile)
	stamp := filepath.Join(dir, "node_modules", ".installed")
	if installed, err := os.ReadFile(stamp); err == nil && string(installed) == hex.EncodeToString(sum[:]) {
		return
	}
	command := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts")
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		unreachable := []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH"}
		if slices.ContainsFunc(unreachable, func(code string) bool { return strings.Contains(string(out), code) }) {
			t.Skip("the registry of npm cannot be reached")
		}
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.WriteFile(stamp, []byte(hex.EncodeToString(sum[:])), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The settings for Apollo's clients name files that are there.
func TestApolloSettings(t *testing.T) {
	for file, want := range map[string][]string{
		"apollo-ios/apollo-codegen-config.json": {`"../../schema.graphql"`, `"../../operations/**/*.graphql"`},
		"apollo-kotlin/build.gradle.kts":        {`"../mobilepay/schema.graphql"`, `"../mobilepay/operations"`},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s does not name %s", file, part)
			}
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is not JSON", file)
		}
	}
}
