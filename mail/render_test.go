package mail_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
)

var update = flag.Bool("update", false, "write the golden files anew")

// kinds are those that the code knows.
func kinds(t *testing.T) (kinds []loan.NoticeKind) {
	t.Helper()
	source, err := os.ReadFile("../loan/notice.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`NoticeKind += "([A-Z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		kinds = append(kinds, loan.NoticeKind(match[1]))
	}
	if len(kinds) < 12 {
		t.Fatalf("found only %v", kinds)
	}
	slices.Sort(kinds)
	return kinds
}

// values are what a notice of a kind has at the most.
func values(kind loan.NoticeKind) map[string]string {
	v := map[string]string{"at": "2026-11-18T17:05:00Z", "firstName": "Zoë"}
	if kind.IsCode() {
		v["code"] = "072451"
	}
	if kind == loan.NoticeAutoPayAmount {
		v["on"], v["amount"], v["before"], v["last4"] = "2026-12-23", "99425.00", "99875.00", "4821"
	}
	if kind == loan.NoticeContactChanged {
		v["field"] = "email"
	}
	return v
}

func TestEveryKindHasAWording(t *testing.T) {
	var named []loan.NoticeKind
	files, err := filepath.Glob("en/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		named = append(named, loan.NoticeKind(strings.TrimSuffix(filepath.Base(file), ".txt")))
	}
	if want := kinds(t); !slices.Equal(named, want) {
		t.Errorf("there are wordings for\n%v, the code knows\n%v", named, want)
	}
	docs, err := os.ReadFile("../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds(t) {
		if !strings.Contains(string(docs), "\n| `"+string(kind)+"` |") {
			t.Errorf("docs/notices.md does not list %s", kind)
		}
	}
}

// gsm7 are the characters of which 160 are one text message, as far as we use them.
var gsm7 = regexp.MustCompile(`^[A-Za-z0-9 $(),.:?!'"/%&*+=;<>@#_-]{1,160}$`)

func TestWordings(t *testing.T) {
	for _, kind := range kinds(t) {
		for _, channel := range []loan.Channel{loan.ByEmail, loan.ByText} {
			got, err := mail.Render(kind, channel, values(kind))
			if err != nil {
				t.Error(err)
				continue
			}
			text := "Subject: " + got.Subject + "\n\n" + got.Text
			switch channel {
			case loan.ByText:
				text = got.Text + "\n"
				if got.Subject != "" || !gsm7.MatchString(got.Text) {
					t.Errorf("%s is not one text message of 160 characters: %d", kind, utf8.RuneCountInString(got.Text))
				}
			case loan.ByEmail:
				if got.Subject == "" || strings.Contains(got.Subject, "\n") {
					t.Errorf("%s has the subject %q", kind, got.Subject)
				}
			}
			if strings.Contains(got.Text, "072451") != kind.IsCode() || kind.IsCode() && !strings.Contains(got.Text, "10 minutes") {
				t.Errorf("%s by %s does not say what a code needs", kind, channel)
			}
			golden(t, string(kind)+"."+strings.ToLower(string(channel)), text)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// What is wrong is a fault, which tells no value.
func TestRenderRefuses(t *testing.T) {
	for name := range values(loan.NoticeAutoPayAmount) {
		without := values(loan.NoticeAutoPayAmount)
		if delete(without, name); name == "at" {
			continue // of which this one says nothing
		}
		if got, err := mail.Render(loan.NoticeAutoPayAmount, loan.ByEmail, without); err == nil {
			t.Errorf("without %s: %s", name, got.Text)
		}
	}
	broken := values(loan.NoticeAutoPayAmount)
	broken["on"] = "canary"
	if _, err := mail.Render(loan.NoticeAutoPayAmount, loan.ByText, broken); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("with a day that is none: %v", err)
	}
	if got, err := mail.Render("OTHER", loan.ByEmail, broken); err == nil {
		t.Errorf("of a kind that is not known: %s", got.Text)
	}
}

// A value cannot add a line, let alone a header, and has its limit.
func TestValuesStayInTheirLine(t *testing.T) {
	v := values(loan.NoticeCodeIdentity)
	plain, err := mail.Render(loan.NoticeCodeIdentity, loan.ByEmail, v)
	if err != nil {
		t.Fatal(err)
	}
	v["firstName"] = "Zoë\r\nBcc: x@example.com\r\n\r\nCall\u2028us\u202e.\x00" + strings.Repeat("x", 500)
	got, err := mail.Render(loan.NoticeCodeIdentity, loan.ByEmail, v)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(got.Text, "\n")
	_, want, _ := strings.Cut(plain.Text, "\n")
	if want := "Hello Zoë Bcc: x@example.com Call us ."; !strings.HasPrefix(first, want) || utf8.RuneCountInString(first) > 90 {
		t.Errorf("the greeting is %q", first)
	}
	if rest != want {
		t.Errorf("the rest has changed:\n%s", rest)
	}
}
