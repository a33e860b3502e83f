// Package examples_test builds the example clients and runs them against the whole app.
package examples_test

import (
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
	needPackages(t, "typescript")
	run(t, "typescript", "npm", "run", "check")
	t.Run("main", func(t *testing.T) {
		e := testenv.New(t, testenv.Embedded)
		e.AddDemo()
		check(t, e, run(t, "typescript", "node", "dist/main.js", e.URL+"/graphql"))
	})
	t.Run("pages", func(t *testing.T) {
		e := testenv.New(t, testenv.Embedded)
		e.AddDemo()
		said := run(t, "typescript", "node", "dist/pages.js", e.URL+"/graphql")
		for _, want := range []string{
			// A hash that is not known, the document with it, and from then on the hash.
			"Apollo Client has 5 payments\n", "Apollo Client has 10 payments, 10 of them different\n",
			"Apollo Client sent hash, hash and document, hash\n",
			"urql has page 1 with 4 payments\n", "urql has page 2 with 4 payments\n", "urql sent hash, hash and document, hash\n",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("it does not say %q:\n%s", want, said)
			}
		}
	})
	t.Run("live", func(t *testing.T) {
		e := testenv.New(t, testenv.Embedded)
		e.AddDemo()
		checkLive(t, run(t, "typescript", "node", "dist/live.js", e.URL+"/graphql"))
	})
}

// A subscription goes on behind the last event when its connection is lost, by WebSocket
// and by server-sent events: nothing is missed, and nothing comes twice.
func checkLive(t *testing.T, said string) {
	t.Helper()
	for _, client := range []string{"Apollo Client", "urql"} {
		if want := client + " has seen SCHEDULED, CANCELED in 2 connections; the payment is CANCELED\n"; !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
}

// check looks at what a client said, and at the books: it has paid twice, once from a new
// account, and cancelled both.
func check(t *testing.T, e *testenv.Env, said string) {
	t.Helper()
	for _, want := range []string{
		"logged in as Dana", "I authorize a one-time debit of $50.00", "is SCHEDULED", "replayed: false", "replayed: true", "is CANCELED",
		"a code was sent to d•••@example.com", "confirmed until 2026-11-18", "from the new account ending", "logged out: true",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	demo, err := e.App.Store.CredentialsOf(t.Context(), "demo", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var canceled []loan.Cents
	for _, payment := range e.Payments(demo.CustomerID) {
		if payment.SubmittedAt.Equal(e.Clock.Now()) && payment.Status == loan.Canceled {
			canceled = append(canceled, payment.Amount)
		}
	}
	slices.Sort(canceled)
	if want := []loan.Cents{35_00, 50_00}; !slices.Equal(canceled, want) {
		t.Errorf("payments of %v were made and cancelled, want %v", canceled, want)
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

// needPackages skips a test where the packages of npm that it uses are not installed.
func needPackages(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("needs node, which make test installs where it can")
	}
	version := regexp.MustCompile(`\d+`).FindString(run(t, dir, "node", "--version"))
	if major, err := strconv.Atoi(version); err != nil || major < leastNode {
		t.Skipf("needs node %d, and this is %s", leastNode, version)
	}
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err != nil {
		t.Skip("needs the packages of npm, which make test installs")
	}
	if lockfile, err := os.Stat(filepath.Join(dir, "package-lock.json")); err != nil || lockfile.ModTime().After(installed.ModTime()) {
		t.Skip("the packages of npm are older than the lockfile: make test installs them")
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
