package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/testenv"
)

// What a step of the README's "First queries" must answer, by its title; {{on}}
// is the earliest date for a payment.
var firstQueries = []struct {
	title string
	wants []string
}{
	{"", nil},
	{"Log in.", []string{`"session":{"token":"`, `"firstName":"Dana"`}},
	{"The home screen.", []string{`"make":"Chevrolet"`, `"make":"GMC"`, `"autoPay":{"status":"ACTIVE"`, `"isDefault":true`}},
	{"Ids and dates for what follows.", []string{`"today":"2026-11-18","scheduledOn":"{{on}}"`}},
	{"Pay today", []string{
		`"cancelBy":"{{on}}T20:00:00Z","creditedOn":"{{on}}"`, `"text":"I authorize a one-time debit of $50.00`,
		`"status":"SCHEDULED","scheduledOn":"{{on}}","cancelBy":"{{on}}T20:00:00Z"},"replayed":false`,
	}},
	{"Pay what is past due.", []string{`"status":"SCHEDULED","kind":"PAST_DUE","amount":{"formatted":"$468.15"}`}},
	{"Schedule a payment for Saturday.", []string{
		`"status":"SCHEDULED","scheduledOn":"2026-11-21","cancelBy":"2026-11-21T20:00:00Z","creditedOn":"2026-11-21","debitedOn":"2026-11-23"`,
	}},
	{"Add a payment account while paying.", []string{`"status":"SCHEDULED"`, `"nickname":"Rainy day"`}},
	{"Pending payments with their deadlines.", []string{
		`"scheduledOn":"{{on}}","cancelBy":"{{on}}T20:00:00Z","canCancel":true`, `"formatted":"$35.00"},"scheduledOn":"2026-11-21"`,
		`"canCancel":false`, `"hasNextPage":false`,
	}},
	{"Cancel one.", []string{`"payment":{"status":"CANCELED","canceledAt":"2026-11-1`}},
	{"Set up Auto Pay on the loan, and change it.", []string{
		`"status":"ACTIVE","nextRun":{"on":"2026-11-25","dueOn":"2026-11-28"`,
		`"status":"ACTIVE","amountKind":"AMOUNT_DUE_PLUS","amount":{"formatted":"$25.00"},"dayOfMonth":15,"nextRun":{"on":"2026-12-15"`,
	}},
	{"Online statements.", []string{`"paperlessSince":"2026-11-1`, `"closingBalance":`}},
	{"Log out.", []string{`"loggedOut":true`}},
}

// The README's first queries do what it says, in the afternoon and after the last
// cut-off, on either engine, against the program that is shipped.
func TestReadme(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	binary := filepath.Join(t.TempDir(), "mobilepay")
	if out, err := exec.Command("go", "build", "-o", binary, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	titles, blocks := readmeBlocks(t)
	for _, now := range []struct{ name, at, earliest string }{
		{"noon", "2026-11-18T12:00:00-05:00", "2026-11-18"},
		{"evening", "2026-11-18T19:00:00-05:00", "2026-11-19"},
	} {
		t.Run(now.name, func(t *testing.T) {
			t.Parallel()
			testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
				url := start(t, binary, append(testenv.Services(t, engine), "MOBILEPAY_NOW="+now.at))
				outputs := runBlocks(t, blocks, "API="+url+"/graphql")
				for i, output := range outputs {
					if i >= len(firstQueries) || titles[i] != firstQueries[i].title {
						t.Fatalf("step %d, %q, is not in this test", i, titles[i])
					}
					checkStep(t, titles[i], output)
					for _, want := range firstQueries[i].wants {
						want = strings.ReplaceAll(want, "{{on}}", now.earliest)
						if !strings.Contains(output, want) {
							t.Errorf("%s: no %s in\n%s", titles[i], want, output)
						}
					}
				}
				if len(outputs) != len(firstQueries) {
					t.Errorf("the README has %d steps, want %d", len(outputs), len(firstQueries))
				}
			})
		})
	}
}

// checkStep looks at what a step printed: answers, a line each, without errors
// and refusals.
func checkStep(t *testing.T, title, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		var answer testenv.Answer
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Errorf("%s: %v in %s", title, err, line)
		}
		if code := answer.Code(); code != "" || len(answer.Errors) > 0 {
			t.Errorf("%s: %s", title, line)
		}
	}
}

// readmeBlocks is the shell blocks of "First queries", each with the bold words
// that come before it.
func readmeBlocks(t *testing.T) (titles, blocks []string) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## First queries\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range regexp.MustCompile("(?s)(.*?)\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(section, -1) {
		title := ""
		if bold := regexp.MustCompile(`(?s)\*\*(.*?)\*\*`).FindStringSubmatch(block[1]); bold != nil {
			title = bold[1]
		}
		titles, blocks = append(titles, title), append(blocks, block[2])
	}
	return titles, blocks
}

// runBlocks runs blocks in one shell and returns what each printed.
func runBlocks(t *testing.T, blocks []string, variable string) []string {
	t.Helper()
	const end = "\n=== end of a step\n"
	shell := exec.CommandContext(t.Context(), "bash", "-c",
		"set -euo pipefail\n"+strings.Join(blocks, "\nprintf '%s' '"+end+"'\n"))
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), variable)
	var stderr strings.Builder
	shell.Stderr = &stderr
	out, err := shell.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
	}
	return strings.Split(string(out), end)
}

// start runs the program in a directory of its own until the test ends, and
// returns its address once it is ready. In the end SIGTERM must stop it in time.
func start(t *testing.T, binary string, environ []string) string {
	t.Helper()
	log := new(testenv.Log)
	server := exec.Command(binary, "serve")
	server.Dir = t.TempDir()
	server.Env = append(environ, "MOBILEPAY_ADDR=127.0.0.1:0")
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v\n%s", err, log)
			}
		case <-time.After(10 * time.Second):
			_ = server.Process.Kill()
			t.Errorf("SIGTERM did not stop it within 10 s\n%s", log)
		}
	})
	address := regexp.MustCompile(`msg=serving address=(\S+)`)
	deadline := time.After(time.Minute)
	for {
		if found := address.FindStringSubmatch(log.String()); found != nil && ready("http://"+found[1]) {
			return "http://" + found[1]
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended with %v\n%s", err, log)
		case <-deadline:
			t.Fatalf("not ready\n%s", log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ready(url string) bool {
	response, err := http.Get(url + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// read is a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
