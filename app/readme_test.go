package app_test

import (
	"encoding/json"
	"net"
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

// step is a step of a document, by its title, with what it must answer; {{on}} is the
// earliest date for a payment.
type step struct {
	title string
	wants []string
}

// firstQueries is the README's "First queries".
var firstQueries = []step{
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
	{"Confirm who you are", []string{`"sentTo":"d•••@example.com"`, `"session":{"token":"`, `"confirmedUntil":"2026-11-1`}},
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
	{"Statements.", []string{`"closingBalance":`, `"downloadUrl":"/documents/`}},
	{"Log out.", []string{`"loggedOut":true`}},
}

// identitySteps is the same for docs/identity.md.
var identitySteps = []step{
	{"", nil},
	{"Enroll.", []string{`"session":{"token":"`, `"email":"alex.kim@example.com","pendingContacts":[{"channel":"EMAIL","address":"alex@example.org"}]`}},
	{"Confirm the e-mail address.", []string{`"email":"alex@example.org"`}},
	{"Step up", []string{`"sentTo":"a•••@example.org"`, `"confirmedUntil":"2026-11-1`}},
	{"Turn the second factor on.", []string{`"uri":"otpauth://totp/mobilepay:alex.kim?`, `"recoveryCodesLeft":10`}},
	{"Add a bank account", []string{`"session":{"token":"`, `"last4":"4001"`}},
	{"A second device", []string{`"session":{"token":"`}},
	{"See both, and revoke one.", []string{
		`"current":true,"deviceName":"Alex's phone","platform":"IOS"`, `"current":false,"deviceName":"Kitchen tablet","platform":"ANDROID"`,
		`"sessions":[{"deviceName":"Alex's phone","current":true}]`,
	}},
	{"Change the phone.", []string{`"phone":"+17045550144","pendingContacts":[{"channel":"TEXT","address":"+17045550188"}]`, `"viewer":{"phone":"+17045550188"}`}},
	{"Forget the password, and come back.", []string{`"passwordChanged":true`, `"firstName":"Alex","phone":"+17045550188","sessions":[{"deviceName":"","current":true}]`}},
}

// documentSteps is the same for docs/documents.md.
var documentSteps = []step{
	{"", nil},
	{"Log in, and read what there is to agree to.", []string{`"version":"2026-11","hash":"`, `"sampleUrl":"/documents/`, `Your right to paper.`}},
	{"Open the sample, and find the code.", nil},
	{"Agree.", []string{`"paperlessSince":"2026-11-1`, `"consent":{"version":"2026-11","agreedAt":"2026-11-1`}},
	{"Export what was paid.", []string{`"paymentsExportUrl":"/documents/`, `"yearlyTotals":[`}},
	{"Go back to paper.", []string{`"vehicle":{"paperlessSince":null}`}},
}

// partnerSteps is the same for docs/partners.md.
var partnerSteps = []step{
	{"", nil},
	{"Get credentials.", nil},
	{"Get a token.", []string{`"access_token":"mpt_`, `"expires_in":900,"scope":"vehicles:read payments:read payments:write"`}},
	{"Let a customer grant access.", []string{`"name":"Budget Planner","scopes":["VEHICLES_READ","PAYMENTS_READ","PAYMENTS_WRITE"]`, `"grant":{"partner":{"name":"Budget`}},
	{"Read, as the partner.", []string{`"scopes":["VEHICLES_READ","PAYMENTS_READ","PAYMENTS_WRITE"],"vehicles":[{"make":"Chevrolet"`, `"isDefault":true`}},
	{"Pay.", []string{`"status":"SCHEDULED","amount":{"formatted":"$75.00"},"cancelBy":"{{on}}T20:00:00Z","canCancel":true,"partner":{"name":"Budget`, `"replayed":false`}},
	{"See what became of it", []string{`"node":{"status":"SCHEDULED","confirmationNumber":"MP-`}},
	{"Take the grant back", []string{`"viewer":{"partnerGrants":[]}`, `{"data":{"customer":null}`}},
}

// webhookSteps is the same for its second section.
var webhookSteps = []step{
	{"", nil},
	{"Get credentials and a token.", nil},
	{"Make a test customer.", []string{`"customerId":"`, `"username":"customer-`}},
	{"Open an endpoint, and start the receiver", []string{`"secret":"whsec_..."`}},
	{"Make a payment.", []string{`"status":"SCHEDULED"`}},
	{"Let a day pass.", []string{`"now":"2026-11-19T`}},
	{"See the webhook", []string{`{"event":{"type":"PAYMENT_APPLIED","objectId":"`, `"tries":1,"lastStatus":204`}},
	{"Read the same by cursor", []string{`{"type":"GRANT_GIVEN","at":"2026-11-18T`, `"type":"PAYMENT_SCHEDULED"`, `"type":"PAYMENT_APPLIED","at":"2026-11-18T20:00:00`}},
}

// The commands of the documents do what these say, in the afternoon and after the
// last cut-off, on either engine, against the program that is shipped.
func TestReadme(t *testing.T) {
	for _, program := range []string{"bash", "curl", "openssl", "base32", "pdftotext"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	binary := builtProgram(t)
	titles, blocks := shellBlocks(t, "README.md", "First queries")
	ofIdentity, identity := shellBlocks(t, "docs/identity.md", "From enrolling to coming back")
	ofDocuments, documents := shellBlocks(t, "docs/documents.md", "Online statements")
	ofPartners, partners := shellBlocks(t, "docs/partners.md", "From credentials to the first payment")
	ofWebhooks, webhooks := shellBlocks(t, "docs/partners.md", "From credentials to the first webhook")
	receiver := compile(t, "../examples/webhooks/go")
	for _, document := range []struct {
		name, at, earliest string
		titles, blocks     []string
		steps              []step
	}{
		{"noon", "2026-11-18T12:00:00-05:00", "2026-11-18", titles, blocks, firstQueries},
		{"evening", "2026-11-18T19:00:00-05:00", "2026-11-19", titles, blocks, firstQueries},
		{"identity", "2026-11-18T12:00:00-05:00", "2026-11-18", append(titles[:1:1], ofIdentity...), append(blocks[:1:1], identity...), identitySteps},
		{"documents", "2026-11-18T12:00:00-05:00", "2026-11-18", append(titles[:1:1], ofDocuments...), append(blocks[:1:1], documents...), documentSteps},
		{"partners", "2026-11-18T12:00:00-05:00", "2026-11-18", append(titles[:1:1], ofPartners...), append(blocks[:1:1], partners...), partnerSteps},
		{"webhooks", "2026-11-18T12:00:00-05:00", "2026-11-18", append(titles[:1:1], ofWebhooks...), append(blocks[:1:1], webhooks...), webhookSteps},
	} {
		t.Run(document.name, func(t *testing.T) {
			t.Parallel()
			testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
				environ := append(testenv.Services(t, engine), "MOBILEPAY_NOW="+document.at, "MOBILEPAY_KEYSET="+filepath.Join(t.TempDir(), "keyset.json"))
				url := start(t, binary, environ)
				outputs := runBlocks(t, document.blocks, append(environ, "API="+url+"/graphql", "MOBILEPAY="+binary, "RECEIVER="+receiver, "HOOKS="+freeAddress(t)))
				for i, output := range outputs {
					if i >= len(document.steps) || document.titles[i] != document.steps[i].title {
						t.Fatalf("step %d, %q, is not in this test", i, document.titles[i])
					}
					checkStep(t, document.titles[i], output)
					for _, want := range document.steps[i].wants {
						want = strings.ReplaceAll(want, "{{on}}", document.earliest)
						if !strings.Contains(output, want) {
							t.Errorf("%s: no %s in\n%s", document.titles[i], want, output)
						}
					}
				}
				if len(outputs) != len(document.steps) {
					t.Errorf("there are %d steps, want %d", len(outputs), len(document.steps))
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

// shellBlocks is the shell blocks of a section, each with the bold words that come
// before it.
func shellBlocks(t *testing.T, file, title string) (titles, blocks []string) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, file), "\n## "+title+"\n")
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
func runBlocks(t *testing.T, blocks, environ []string) []string {
	t.Helper()
	const end = "\n=== end of a step\n"
	shell := exec.CommandContext(t.Context(), "bash", "-c",
		"set -euo pipefail\n"+strings.Join(blocks, "\nprintf '%s' '"+end+"'\n"))
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), environ...)
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

// freeAddress is an address of this machine at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
