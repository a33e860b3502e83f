package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	disclosure = `{ viewer { onlineStatementsDisclosure { version text hash sampleUrl } } }`
	goOnline   = `mutation($input: EnrollInOnlineStatementsInput!) { enrollInOnlineStatements(input: $input) {
		vehicle { paperlessSince onlineStatements { since consent { version hash text agreedAt } } }
		userErrors { code path ... on TooManyAttemptsError { retryAt } } } }`
	goOnPaper = `mutation($id: ID!) { withdrawFromOnlineStatements(input: {vehicleId: $id}) {
		vehicle { paperlessSince onlineStatements { since } } userErrors { code path } } }`
	online = `{ viewer { vehicles { id paperlessSince onlineStatements { since consent { version hash agreedAt } } } } }`
)

// consent is the input of a customer who has read the text and opened the sample.
func consent(e *testenv.Env, c testenv.Customer, vehicle string) testenv.Vars {
	return testenv.Vars{"input": testenv.Vars{
		"vehicleId": vehicle, "consent": true,
		"disclosureHash": e.Post(c.Token, disclosure, nil).Text("viewer", "onlineStatementsDisclosure", "hash"),
		"sampleCode":     servicing.SampleCode(e.App.Vault, c.ID),
	}}
}

// The text says what the E-SIGN Act asks for, in two languages, and its hash is of it.
func TestDisclosure(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		e.App.Servicing.Servicer = loan.Servicer{Name: "Lender & Söhne", Address: []string{"P.O. Box 1", "Charlotte, NC 28201"}, Phone: "1-800-555-0142", Website: "lender.example"}
		c := e.AddCustomer()
		hashes := map[string]bool{}
		for language, says := range map[string][]string{
			"en-US": {"Your right to paper", "at no charge", "withdraw your consent", "no other consequence", "this one vehicle", "current e-mail address", "What you need", "PDF"},
			"es-MX": {"Su derecho a recibirlos en papel", "sin costo", "retirar su consentimiento", "ninguna otra consecuencia", "este vehículo", "correo electrónico", "Qué necesita", "PDF"},
			"de":    {"Your right to paper"},
			"":      {"Your right to paper"},
		} {
			got := e.PostIn(language, c.Token, disclosure, nil)
			text, hash := got.Text("viewer", "onlineStatementsDisclosure", "text"), got.Text("viewer", "onlineStatementsDisclosure", "hash")
			for _, words := range append(says, "Lender & Söhne, P.O. Box 1, Charlotte, NC 28201", "1-800-555-0142") {
				if !strings.Contains(text, words) {
					t.Errorf("in %q it does not say %q: %s", language, words, text)
				}
			}
			sum := sha256.Sum256([]byte(text))
			if hash != hex.EncodeToString(sum[:]) || got.Text("viewer", "onlineStatementsDisclosure", "version") != "2026-11" {
				t.Errorf("in %q: %s", language, got.Raw)
			}
			hashes[hash] = true
		}
		if len(hashes) != 2 {
			t.Errorf("%d texts", len(hashes))
		}
	})
	if versions := servicing.DisclosureVersions(); !slices.Contains(versions, "2026-11") {
		t.Errorf("the versions are %v", versions)
	}
}

// What customers read under a version does not change: a changed wording is a new
// version. New files are added here.
func TestDisclosuresStay(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"2026-11.en": "23f34b0fe46072e4ca0e210a9f5107f56b96fb35d41ad309e635c0f53fcb5ac1",
		"2026-11.es": "045432dc750005c5ae8b137fa469e35780b241ccd72809ef2d0a36e2f415f44a",
	} {
		sum := sha256.Sum256([]byte(read(t, "servicing/disclosure/"+file+".txt")))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s has changed: its hash is %s", file, got)
		}
	}
}

// Whoever has not agreed, read the text in force and opened the sample stays on paper.
func TestNoConsentNoPaperless(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, partner, stranger := e.AddCustomer(), e.AddCustomer(), e.AddCustomer()
		if err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, c.LoanID) }); err != nil {
			t.Fatal(err)
		}
		right := consent(e, c, c.Loan)
		wrong := fmt.Sprintf("%06d", (number(t, right)+1)%1_000_000)
		before := e.Dump()
		for name, test := range map[string]struct {
			token       string
			vars        testenv.Vars
			code, field string
		}{
			"without consent":                  {c.Token, with(right, false, "input", "consent"), "NOT_AUTHORIZED", "consent"},
			"an old text":                      {c.Token, with(right, strings.Repeat("0", 64), "input", "disclosureHash"), "DISCLOSURE_CHANGED", "disclosureHash"},
			"no text":                          {c.Token, with(right, "", "input", "disclosureHash"), "DISCLOSURE_CHANGED", "disclosureHash"},
			"a wrong code":                     {c.Token, with(right, wrong, "input", "sampleCode"), "CODE_WRONG", "sampleCode"},
			"no code":                          {c.Token, with(right, "", "input", "sampleCode"), "CODE_WRONG", "sampleCode"},
			"another's code":                   {c.Token, with(right, servicing.SampleCode(e.App.Vault, stranger.ID), "input", "sampleCode"), "CODE_WRONG", "sampleCode"},
			"a joint owner":                    {partner.Token, consent(e, partner, c.Loan), "NOT_PERMITTED", "vehicleId"},
			"another's vehicle":                {stranger.Token, consent(e, stranger, c.Loan), "NOT_FOUND", "vehicleId"},
			"no vehicle":                       {c.Token, with(right, "x", "input", "vehicleId"), "NOT_FOUND", "vehicleId"},
			"no session":                       {"", right, "UNAUTHENTICATED", ""},
			"another's vehicle, a wrong code":  {stranger.Token, with(right, wrong, "input", "sampleCode"), "NOT_FOUND", "vehicleId"},
			"a joint owner with the first's":   {partner.Token, right, "NOT_PERMITTED", "vehicleId"},
			"another's vehicle and an old one": {stranger.Token, with(right, "", "input", "disclosureHash"), "NOT_FOUND", "vehicleId"},
		} {
			got := e.Post(test.token, goOnline, test.vars)
			if got.Code() != test.code || test.field != "" && got.Text("enrollInOnlineStatements", "userErrors", 0, "path", 0) != test.field {
				t.Errorf("%s: %s", name, got.Raw)
			}
		}
		for name, token := range map[string]string{"NOT_ENROLLED": c.Token, "NOT_PERMITTED": partner.Token, "NOT_FOUND": stranger.Token} {
			if got := e.Post(token, goOnPaper, testenv.Vars{"id": c.Loan}); got.Code() != name {
				t.Errorf("withdrawn: %s, want %s", got.Raw, name)
			}
		}
		if after := e.Dump(); engine != testenv.Embedded && after != before {
			t.Error("something was written")
		}
		if kinds := e.NoticesTo("robin@example.com"); len(kinds) != 0 {
			t.Errorf("told of %v", kinds)
		}
	})
}

// number is the code of an input.
func number(t *testing.T, in testenv.Vars) (n int) {
	t.Helper()
	code, _ := in["input"].(testenv.Vars)["sampleCode"].(string)
	if _, err := fmt.Sscanf(code, "%d", &n); err != nil || len(code) != 6 {
		t.Fatalf("the code is %q", code)
	}
	return n
}

// A customer agrees, withdraws and agrees again. All of it stays on record.
func TestOnlineStatements(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, partner := e.AddCustomer(), e.AddCustomer()
		if err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, c.LoanID) }); err != nil {
			t.Fatal(err)
		}
		spanish := e.PostIn("es", c.Token, disclosure, nil)
		in := with(consent(e, c, c.Loan), spanish.Text("viewer", "onlineStatementsDisclosure", "hash"), "input", "disclosureHash")
		in = with(in, " "+servicing.SampleCode(e.App.Vault, c.ID)+" ", "input", "sampleCode") // as it is typed
		got := e.Post(c.Token, goOnline, in)
		agreed, _ := got.Get("enrollInOnlineStatements", "vehicle", "onlineStatements", "consent").(map[string]any)
		if got.Text("enrollInOnlineStatements", "vehicle", "paperlessSince") != "2026-11-18T17:00:00Z" ||
			got.Text("enrollInOnlineStatements", "vehicle", "onlineStatements", "since") != "2026-11-18T17:00:00Z" ||
			agreed["version"] != "2026-11" || agreed["agreedAt"] != "2026-11-18T17:00:00Z" || agreed["hash"] != in["input"].(testenv.Vars)["disclosureHash"] ||
			agreed["text"] != spanish.Text("viewer", "onlineStatementsDisclosure", "text") {
			t.Fatalf("agreed: %s", got.Raw)
		}
		if got := e.Post(c.Token, goOnline, in); got.Code() != "ALREADY_ENROLLED" {
			t.Errorf("agreed twice: %s", got.Raw)
		}
		// The other vehicle stays as it is, and a joint owner sees what was agreed to.
		if got := e.Post(c.Token, online, nil); got.Get("viewer", "vehicles", 1, "onlineStatements") != nil || got.Text("viewer", "vehicles", 0, "onlineStatements", "consent", "version") != "2026-11" {
			t.Errorf("the vehicles: %s", got.Raw)
		}
		if got := e.Post(partner.Token, online, nil); got.Text("viewer", "vehicles", 0, "onlineStatements", "consent", "agreedAt") != "2026-11-18T17:00:00Z" {
			t.Errorf("a joint owner sees %s", got.Raw)
		}
		if got := e.Post(partner.Token, goOnPaper, testenv.Vars{"id": c.Loan}); got.Code() != "NOT_PERMITTED" {
			t.Errorf("a joint owner withdraws: %s", got.Raw)
		}

		e.At("2026-11-18 12:10:00")
		if got := e.Post(c.Token, goOnPaper, testenv.Vars{"id": c.Loan}); got.Code() != "" || got.Get("withdrawFromOnlineStatements", "vehicle", "onlineStatements") != nil ||
			got.Get("withdrawFromOnlineStatements", "vehicle", "paperlessSince") != nil {
			t.Errorf("withdrawn: %s", got.Raw)
		}
		if got := e.Post(c.Token, goOnPaper, testenv.Vars{"id": c.Loan}); got.Code() != "NOT_ENROLLED" {
			t.Errorf("withdrawn twice: %s", got.Raw)
		}
		e.At("2026-11-18 12:20:00")
		got = e.Post(c.Token, goOnline, consent(e, c, c.Loan))
		if got.Text("enrollInOnlineStatements", "vehicle", "onlineStatements", "consent", "agreedAt") != "2026-11-18T17:20:00Z" {
			t.Errorf("agreed again: %s", got.Raw)
		}
		if n := strings.Count(e.Dump(), "SAMPLE_CODE"); engine != testenv.Embedded && n != 2 {
			t.Errorf("%d consents are on record", n)
		}
		want := []string{"statements.enrolled", "statements.withdrawn", "statements.enrolled"}
		if actions := e.Actions(c.ID); !slices.Equal(actions, want) {
			t.Errorf("the audit tells of %v", actions)
		}
		if kinds := e.NoticesTo("robin@example.com"); !slices.Equal(kinds, []string{"ONLINE_STATEMENTS_ON", "ONLINE_STATEMENTS_OFF", "ONLINE_STATEMENTS_ON"}) {
			t.Errorf("told of %v", kinds)
		}
		if text := e.Mailbox("robin@example.com")[0].Text; !strings.Contains(text, "4821") {
			t.Errorf("told: %s", text)
		}
	})
}

// A code is guessed ten times in a quarter of an hour, then the right one waits too.
func TestSampleCodeIsGuessedRarely(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		right := consent(e, c, c.Loan)
		for i := range 10 {
			guess := with(right, fmt.Sprintf("%06d", (number(t, right)+1+i)%1_000_000), "input", "sampleCode")
			if got := e.Post(c.Token, goOnline, guess); got.Code() != "CODE_WRONG" {
				t.Fatalf("guess %d: %s", i, got.Raw)
			}
		}
		// Another session is no way around it.
		for _, token := range []string{c.Token, e.OpenSession(c.ID)} {
			if got := e.Post(token, goOnline, right); got.Code() != "TOO_MANY_ATTEMPTS" || got.Text("enrollInOnlineStatements", "userErrors", 0, "retryAt") != "2026-11-18T17:15:00Z" {
				t.Errorf("one guess too many: %s", got.Raw)
			}
		}
		e.At("2026-11-18 12:14:00")
		c.Token = e.OpenSession(c.ID)
		e.At("2026-11-18 12:15:00")
		if got := e.Post(c.Token, goOnline, right); got.Code() != "" {
			t.Errorf("later: %s", got.Raw)
		}
	})
}

// The code is on the sample, and one from before the keys were rotated counts.
func TestSampleShowsItsCode(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		code, _, content := e.Download(c.Token, e.Post(c.Token, disclosure, nil).Text("viewer", "onlineStatementsDisclosure", "sampleUrl"))
		if code != http.StatusOK {
			t.Fatalf("the sample: %d", code)
		}
		reader, err := exec.LookPath("pdftotext")
		if err != nil {
			t.Skip("needs pdftotext, of Debian's poppler-utils")
		}
		command := exec.CommandContext(t.Context(), reader, "-", "-")
		command.Stdin = strings.NewReader(content)
		text, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		printed := regexp.MustCompile(`\b\d{6}\b`).FindAllString(string(text), -1)
		if !slices.Contains(printed, servicing.SampleCode(e.App.Vault, c.ID)) {
			t.Fatalf("the code is not on it: %s", text)
		}
		in := consent(e, c, c.Loan)
		newRotating(t, e).rotate(servicing.Rotation{Fingerprints: true})
		if got := e.Post(c.Token, goOnline, in); got.Code() != "" {
			t.Errorf("after a rotation: %s", got.Raw)
		}
	})
}

// Who cannot be told of a statement cannot do without paper.
func TestOnlineStatementsNeedAContact(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		alter(t, e, "UPDATE customers SET email = '', phone = '' WHERE id = $1", int64(c.ID))
		if got := e.Post(c.Token, goOnline, consent(e, c, c.Loan)); got.Code() != "CONTACT_MISSING" {
			t.Errorf("without any contact: %s", got.Raw)
		}
		alter(t, e, "UPDATE customers SET phone = '+17045550100' WHERE id = $1", int64(c.ID))
		if got := e.Post(c.Token, goOnline, consent(e, c, c.Loan)); got.Code() != "" {
			t.Errorf("with a phone: %s", got.Raw)
		}
		if kinds := e.NoticesTo("+17045550100"); !slices.Equal(kinds, []string{"ONLINE_STATEMENTS_ON"}) {
			t.Errorf("told of %v", kinds)
		}
	})
}
