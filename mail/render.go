// Package mail says in plain English what a customer is to be told, and hands it
// to a mail server; a text message goes through the same server, to a gateway that
// takes e-mail to a phone number's address.
package mail

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/automobilepay/mobilepay/loan"
)

// Message is what is sent.
type Message struct {
	Subject string // empty in a text message, which has none
	Text    string
}

// wordings has a file for each kind of notice, with a subject, an e-mail and a text
// message; the last one has at most 160 characters of GSM-7, which is one message.
//
//go:embed en
var wordings embed.FS

var templates = parse()

func parse() map[loan.NoticeKind]*template.Template {
	frame := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"day": day, "instant": instant})
	template.Must(frame.ParseFS(wordings, "en/frame.tmpl"))
	files, err := wordings.ReadDir("en")
	if err != nil {
		panic(err) // they are in the binary
	}
	kinds := map[loan.NoticeKind]*template.Template{}
	for _, file := range files {
		if name, isKind := strings.CutSuffix(file.Name(), ".txt"); isKind {
			clone := template.Must(frame.Clone())
			kinds[loan.NoticeKind(name)] = template.Must(clone.ParseFS(wordings, "en/"+file.Name()))
		}
	}
	return kinds
}

// day spells a day of a value.
func day(s string) (string, error) {
	d, err := loan.ParseDate(s)
	return d.At(12).Format("January 2, 2006"), err
}

// instant spells an instant of a value, RFC 3339, in Eastern time.
func instant(s string) (string, error) {
	at, err := time.Parse(time.RFC3339, s)
	return at.In(loan.Eastern).Format("January 2, 2006, at 3:04 PM") + " Eastern time", err
}

// Render says what a notice says. Its values are at, when what it tells of happened
// (RFC 3339); firstName; code, where the kind has one; and those of the kind, which
// docs/notices.md lists. One that is missing is an error, in which no value is.
func Render(kind loan.NoticeKind, channel loan.Channel, values map[string]string) (Message, error) {
	wording := templates[kind]
	if wording == nil {
		return Message{}, fmt.Errorf("there is no wording for a notice of kind %q", kind)
	}
	clean := make(map[string]string, len(values))
	for name, value := range values {
		clean[name] = oneLine(value)
	}
	part := func(name string) (string, error) {
		var b strings.Builder
		if err := wording.ExecuteTemplate(&b, name, clean); err != nil {
			return "", fmt.Errorf("the %s of a notice of kind %s cannot be written with the values it has", name, kind)
		}
		return strings.TrimSpace(b.String()), nil
	}
	if channel == loan.ByText {
		text, err := part("text")
		return Message{Text: text}, err
	}
	subject, err := part("subject")
	if err != nil {
		return Message{}, err
	}
	text, err := part("email")
	return Message{Subject: subject, Text: text + "\n"}, err
}

// longest is how many characters of a value there is room for.
const longest = 80

// oneLine keeps a value that somebody chose from looking like a part of the message.
func oneLine(value string) string {
	runes := []rune(strings.Join(strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) && r != ' ' }), " "))
	return string(runes[:min(len(runes), longest)])
}
