package mail_test

import (
	"flag"
	"maps"
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
	if len(kinds) < 21 {
		t.Fatalf("found only %v", kinds)
	}
	slices.Sort(kinds)
	return kinds
}

// variants are what notices of a kind can have, with the longest values: each way
// that a wording can go is in one of them.
func variants(kind loan.NoticeKind) []map[string]string {
	payment := map[string]string{"amount": "99999999.99", "on": "2026-09-30", "confirmation": "MP-7K2M-0QXW-93TB", "last4": "4821"}
	by, deadline := "cancelBy", "2026-09-30T19:00:00Z"
	more := map[loan.NoticeKind][]map[string]string{
		loan.NoticeAutoPayAmount:       {{"on": "2026-09-30", "amount": "99999999.99", "before": "99875.00", "last4": "4821"}},
		loan.NoticeContactChanged:      {{"field": "email"}, {"field": "phone"}, {"field": "address"}},
		loan.NoticePaymentScheduled:    {with(payment, "origin", "CUSTOMER", by, deadline), with(payment, "origin", "AUTO_PAY", by, "2026-09-30T22:00:00Z")},
		loan.NoticePaymentChanged:      {with(payment, by, deadline, "before", "99999998.99", "beforeOn", "2026-11-30", "replaced", "MP-0000-1111-2222")},
		loan.NoticePaymentApplied:      {with(payment, "planned", "99999999.99"), with(payment, "planned", "100000000.00")},
		loan.NoticePaymentCanceled:     {with(payment, "why", "CUSTOMER"), with(payment, "why", "NOTHING_OWED"), with(payment, "why", "ON_HOLD")},
		loan.NoticeOnlineStatementsOn:  {{"last4": "4821"}},
		loan.NoticeOnlineStatementsOff: {{"last4": "4821"}},
		loan.NoticeStatementReady:      {{"dueOn": "2026-09-30", "amount": "99999999.99", "last4": "4821"}},
		loan.NoticeMessageAnswered: {
			{"topic": "APP"}, {"topic": "PAYMENTS"}, {"topic": "AUTO_PAY"}, {"topic": "PAYMENT_ACCOUNTS"}, {"topic": "LOAN_OR_LEASE"},
			{"topic": "STATEMENTS"}, {"topic": "SECURITY"}, {"topic": "PROFILE"}, {"topic": "OTHER"},
		},
		loan.NoticePartnerGranted: {{"partner": "Budget & Co."}},
		loan.NoticePartnerRevoked: {{"partner": "Budget & Co."}},
		loan.NoticeWebhookDisabled: {
			{"partner": "Budget & Co.", "host": "partner.example", "why": "FAILING"},
			{"partner": "Budget & Co.", "host": "hooks.partner.example", "why": "GONE"},
		},
	}
	for _, reason := range []loan.ReturnReason{
		loan.ReturnInsufficientFunds, loan.ReturnAccountClosed, loan.ReturnAccountNotFound, loan.ReturnNoDebits,
		loan.ReturnStopped, loan.ReturnNotAuthorized, loan.ReturnOther,
	} {
		r, retryOn, until := string(reason), "", ""
		if reason == loan.ReturnInsufficientFunds {
			retryOn, until = "2026-09-30", deadline
		}
		blocked := map[string]string{"last4": "0042", "reason": r, "canceled": "2", "autoPay": "PAUSED", "blocked": "yes"}
		switch reason { //nolint:exhaustive // these go other ways
		case loan.ReturnNotAuthorized:
			blocked = with(blocked, "autoPay", "ENDED", "blocked", "no")
		case loan.ReturnOther:
			blocked = with(blocked, "autoPay", "KEPT", "canceled", "0")
		}
		more[loan.NoticePaymentReturned] = append(more[loan.NoticePaymentReturned], with(payment, "reason", r, "retryOn", retryOn, by, until))
		more[loan.NoticeAccountBlocked] = append(more[loan.NoticeAccountBlocked], blocked)
	}
	own := more[kind]
	if own == nil {
		own = []map[string]string{{}}
	}
	for i := range own {
		own[i] = with(own[i], "at", "2026-11-18T17:05:00Z", "firstName", "Zoë")
		if kind.IsCode() {
			own[i]["code"] = "072451"
		}
	}
	return own
}

// values are what a notice of a kind can have.
func values(kind loan.NoticeKind) map[string]string { return variants(kind)[0] }

func with(values map[string]string, more ...string) map[string]string {
	all := maps.Clone(values)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestEveryKindHasAWording(t *testing.T) {
	for _, language := range loan.Languages() {
		var named []loan.NoticeKind
		files, err := filepath.Glob(string(language) + "/*.txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			named = append(named, loan.NoticeKind(strings.TrimSuffix(filepath.Base(file), ".txt")))
		}
		if want := kinds(t); !slices.Equal(named, want) {
			t.Errorf("in %s there are wordings for\n%v, the code knows\n%v", language, named, want)
		}
	}
	docs, err := os.ReadFile("../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds(t) {
		required := map[bool]string{true: "required", false: "as wanted"}[kind.Required()]
		if !regexp.MustCompile("\n\\| `" + string(kind) + "` \\| [^|]+ \\| " + required + " \\|").Match(docs) {
			t.Errorf("docs/notices.md does not list %s as %s", kind, required)
		}
	}
}

// each calls do with each message that there can be.
func each(t *testing.T, do func(kind loan.NoticeKind, values map[string]string, channel loan.Channel, got mail.Message)) {
	t.Helper()
	for _, language := range loan.Languages() {
		for _, kind := range kinds(t) {
			for _, v := range variants(kind) {
				for _, channel := range []loan.Channel{loan.ByEmail, loan.ByText} {
					got, err := mail.Render(kind, channel, language, v)
					if err != nil || got.Language != language {
						t.Errorf("%v, in %q", err, got.Language)
						continue
					}
					do(kind, v, channel, got)
				}
			}
		}
	}
}

// gsm7 are the characters of which 160 are one text message (3GPP TS 23.038), as far
// as we use them. That it has no á, í, ó and ú is why the Spanish ones are worded as
// they are: with UCS-2 there would be room for 70.
var gsm7 = regexp.MustCompile(`^[A-Za-z0-9 $(),.:?!'"/%&*+=;<>@#_ñÑéÉüÜ¿¡-]{1,160}$`)

func TestWordings(t *testing.T) {
	all := map[string]string{}
	each(t, func(kind loan.NoticeKind, _ map[string]string, channel loan.Channel, got mail.Message) {
		name := string(got.Language) + "/" + string(kind)
		switch channel {
		case loan.ByText:
			all[name] += "Text message:\n" + got.Text + "\n\n"
			if got.Subject != "" || !gsm7.MatchString(got.Text) {
				t.Errorf("%s is not one text message of 160 characters: %d\n%s", name, utf8.RuneCountInString(got.Text), got.Text)
			}
		case loan.ByEmail:
			all[name] += "Subject: " + got.Subject + "\n\n" + got.Text + "\n"
			if got.Subject == "" || strings.Contains(got.Subject, "\n") || strings.Contains(got.Text, "\n\n\n") {
				t.Errorf("%s has the subject %q, or too many blank lines", name, got.Subject)
			}
			for line := range strings.SplitSeq(got.Text, "\n") {
				if utf8.RuneCountInString(line) > 100 {
					t.Errorf("%s has a long line: %s", name, line)
				}
			}
		}
		if strings.Contains(got.Text, "072451") != kind.IsCode() || kind.IsCode() && !strings.Contains(got.Text, "10 minut") {
			t.Errorf("%s by %s does not say what a code needs", name, channel)
		}
	})
	for name, text := range all {
		golden(t, name, strings.TrimSpace(text)+"\n")
	}
	files, err := filepath.Glob("testdata/e?/*")
	if err != nil || len(files) != len(all) {
		t.Errorf("there are %d golden files for %d wordings, %v", len(files), len(all), err)
	}
}

// Each language asks for the same values, and of those that a kind has for all, so
// that what is checked when a notice is written holds when it is sent.
func TestLanguagesUseTheSameValues(t *testing.T) {
	for _, kind := range kinds(t) {
		wanted := map[loan.Language]map[string]bool{}
		for _, language := range loan.Languages() {
			wanted[language] = map[string]bool{}
			for _, v := range variants(kind) {
				for name := range v {
					without := maps.Clone(v)
					delete(without, name)
					for _, channel := range []loan.Channel{loan.ByEmail, loan.ByText} {
						if _, err := mail.Render(kind, channel, language, without); err != nil {
							wanted[language][string(channel)+" "+name] = true
						}
					}
				}
			}
		}
		if !maps.Equal(wanted[loan.English], wanted[loan.Spanish]) {
			t.Errorf("%s wants in English\n%v, in Spanish\n%v", kind, wanted[loan.English], wanted[loan.Spanish])
		}
		for name := range values(kind) {
			if name != "at" && !wanted[loan.English]["EMAIL "+name] {
				t.Errorf("nothing is said of %s in %s", name, kind)
			}
		}
	}
}

// Dates and amounts are those of the language.
func TestSpelling(t *testing.T) {
	for at, want := range map[string][2]string{
		"2026-12-02T20:00:00Z": {"December 2, 2026, at 3:00 PM Eastern time", "2 de diciembre de 2026 a las 3:00 p.\u00a0m., hora del Este"},
		"2026-07-01T17:30:00Z": {"July 1, 2026, at 1:30 PM Eastern time", "1 de julio de 2026 a la 1:30 p.\u00a0m., hora del Este"},
		"2027-01-01T05:00:00Z": {"January 1, 2027, at 12:00 AM Eastern time", "1 de enero de 2027 a las 12:00 a.\u00a0m., hora del Este"},
		"2026-03-08T16:00:00Z": {"March 8, 2026, at 12:00 PM Eastern time", "8 de marzo de 2026 a las 12:00 p.\u00a0m., hora del Este"},
	} {
		for i, language := range loan.Languages() {
			got, err := mail.Render(loan.NoticePasswordChanged, loan.ByEmail, language, map[string]string{"at": at, "firstName": "Zoë"})
			if err != nil || !strings.Contains(got.Text, want[i]) {
				t.Errorf("%v, want %s in\n%s", err, want[i], got.Text)
			}
		}
	}
	for amount, want := range map[string]string{"0.00": "$0.00", "425.00": "$425.00", "1234567.89": "$1,234,567.89", "425": "", "4.5": "", "x.yz": "", "": ""} {
		got, err := mail.Render(loan.NoticeStatementReady, loan.ByText, loan.Spanish, with(values(loan.NoticeStatementReady), "amount", amount))
		if (err == nil) != (want != "") || !strings.Contains(got.Text, want) {
			t.Errorf("%q: %v, %s", amount, err, got.Text)
		}
	}
}

// Of a person, a notice tells the first name only, whatever else is known where it is
// written; of an account, the last four digits.
func TestNoPersonalData(t *testing.T) {
	long := regexp.MustCompile(`[0-9]{5,}`)
	for _, kind := range kinds(t) {
		for _, language := range loan.Languages() {
			for _, v := range variants(kind) {
				for _, name := range []string{"lastName", "name", "username", "address", "address_line1", "phone", "email", "bornOn", "accountNumber", "routingNumber", "vin", "text", "body"} {
					v[name] = "canary"
				}
				for _, channel := range []loan.Channel{loan.ByEmail, loan.ByText} {
					got, err := mail.Render(kind, channel, language, v)
					if err != nil {
						t.Fatal(err)
					}
					page, err := got.HTML()
					if err != nil {
						t.Fatal(err)
					}
					if all := got.Subject + got.Text + page; strings.Contains(all, "canary") {
						t.Errorf("%s tells more than it should:\n%s", kind, all)
					}
					if digits := long.FindString(strings.ReplaceAll(got.Subject+got.Text, "072451", "")); digits != "" {
						t.Errorf("%s tells the number %s", kind, digits)
					}
				}
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
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
		if got, err := mail.Render(loan.NoticeAutoPayAmount, loan.ByEmail, loan.English, without); err == nil {
			t.Errorf("without %s: %s", name, got.Text)
		}
	}
	broken := values(loan.NoticeAutoPayAmount)
	broken["on"] = "canary"
	if _, err := mail.Render(loan.NoticeAutoPayAmount, loan.ByText, loan.English, broken); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("with a day that is none: %v", err)
	}
	if got, err := mail.Render("OTHER", loan.ByEmail, loan.English, broken); err == nil {
		t.Errorf("of a kind that is not known: %s", got.Text)
	}
	if got, err := mail.Render(loan.NoticeAutoPayAmount, loan.ByEmail, "de", values(loan.NoticeAutoPayAmount)); err == nil {
		t.Errorf("in a language that is not spoken: %s", got.Text)
	}
}

// A value cannot add a line, let alone a header, and has its limit.
func TestValuesStayInTheirLine(t *testing.T) {
	v := values(loan.NoticeCodeIdentity)
	plain, err := mail.Render(loan.NoticeCodeIdentity, loan.ByEmail, loan.English, v)
	if err != nil {
		t.Fatal(err)
	}
	v["firstName"] = "Zoë\r\nBcc: x@example.com\r\n\r\nCall\u2028us\u202e.\x00" + strings.Repeat("x", 500)
	got, err := mail.Render(loan.NoticeCodeIdentity, loan.ByEmail, loan.English, v)
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
