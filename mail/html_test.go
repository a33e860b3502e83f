package mail_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// words are the words of a text, without what a table needs no more than.
func words(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, ":", "")), " ")
}

// The page says what the text says, in its language, and asks nothing of anybody.
func TestHTML(t *testing.T) {
	each(t, func(kind loan.NoticeKind, _ map[string]string, channel loan.Channel, got mail.Message) {
		if channel == loan.ByText {
			return
		}
		page, err := got.HTML()
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(page, "<body")
		_, body, _ = strings.Cut(body, ">")
		if said := words(html.UnescapeString(tags.ReplaceAllString(body, " "))); said != words(got.Subject+" "+got.Text) {
			t.Errorf("%s says\n%s\nand not\n%s", kind, said, words(got.Subject+" "+got.Text))
		}
		if !strings.Contains(page, `<html lang="`+string(got.Language)+`">`) || !strings.Contains(page, "<title>"+html.EscapeString(got.Subject)+"</title>") {
			t.Errorf("%s has no language or no title", kind)
		}
		for _, forbidden := range []string{"<a", "<img", "<script", "<link", "<form", "src=", "href=", "http", "//", "url(", "@import", "ZgotmplZ", "\ufffd"} {
			if strings.Contains(page, forbidden) {
				t.Errorf("%s has %q in its page", kind, forbidden)
			}
		}
	})
	for _, language := range loan.Languages() {
		got, err := mail.Render(loan.NoticePaymentReturned, loan.ByEmail, language, values(loan.NoticePaymentReturned))
		if err != nil {
			t.Fatal(err)
		}
		page, err := got.HTML()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "PAYMENT_RETURNED."+string(language)+".html", page)
	}
}

// What somebody chose is text, and nothing of the page; nor can it become a fact.
func TestHTMLEscapes(t *testing.T) {
	v := values(loan.NoticePaymentScheduled)
	v["firstName"], v["confirmation"] = `<b onload="x">&Zoë`, `</td><script>alert(1)</script>: <style>`
	got, err := mail.Render(loan.NoticePaymentScheduled, loan.ByEmail, loan.English, v)
	if err != nil {
		t.Fatal(err)
	}
	page, err := got.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(page, "<b") != 1 || strings.Contains(page, "<script") || strings.Count(page, "<style") != 1 ||
		strings.Count(page, "<th ") != 4 || !strings.Contains(page, "&lt;b onload=") || !strings.Contains(page, "&amp;Zoë") {
		t.Errorf("the page is\n%s", page)
	}
}
