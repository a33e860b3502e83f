// Package mail says in plain words, in the languages of the customers, what they are
// to be told, and hands it to a mail server; a text message goes through the same
// server, to a gateway that takes e-mail to a phone number's address.
package mail

import (
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"
	"unicode"

	"github.com/automobilepay/mobilepay/loan"
)

// Message is what is sent.
type Message struct {
	Language loan.Language
	Subject  string // empty in a text message, which has none
	Text     string
}

// wordings has a folder for each language, and in it a file for each kind of notice,
// with a subject, an e-mail and a text message; the last one has at most 160
// characters of GSM-7, which is one message. In an e-mail, lines that begin with two
// spaces are facts, a label and a value each.
//
//go:embed en es
var wordings embed.FS

var templates = sync.OnceValue(parse)

func parse() map[loan.Language]map[loan.NoticeKind]*template.Template {
	languages := map[loan.Language]map[loan.NoticeKind]*template.Template{}
	for _, language := range loan.Languages() {
		folder := string(language)
		frame := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
			"day":     func(s string) (string, error) { return day(language, s) },
			"instant": func(s string) (string, error) { return instant(language, s) },
			"hour":    func(s string) (string, error) { return hour(language, s) },
			"money":   money,
		})
		template.Must(frame.ParseFS(wordings, folder+"/frame.tmpl"))
		files, err := wordings.ReadDir(folder)
		if err != nil {
			panic(err) // they are in the binary
		}
		kinds := map[loan.NoticeKind]*template.Template{}
		for _, file := range files {
			if name, isKind := strings.CutSuffix(file.Name(), ".txt"); isKind {
				clone := template.Must(frame.Clone())
				kinds[loan.NoticeKind(name)] = template.Must(clone.ParseFS(wordings, folder+"/"+file.Name()))
			}
		}
		languages[language] = kinds
	}
	return languages
}

// day spells a day of a value.
func day(language loan.Language, s string) (string, error) {
	d, err := loan.ParseDate(s)
	return d.Written(language), err
}

// instant spells an instant of a value, RFC 3339, in Eastern time.
func instant(language loan.Language, s string) (string, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return "", err
	}
	at = at.In(loan.Eastern)
	if language != loan.Spanish {
		return loan.DateOf(at).Written(language) + at.Format(", at 3:04 PM") + " Eastern time", nil
	}
	the := "las"
	if at.Hour()%12 == 1 {
		the = "la"
	}
	// No line ends within the half of the day.
	return fmt.Sprintf("%s a %s %s %s, hora del Este", loan.DateOf(at).Written(language), the, at.Format("3:04"), strings.ReplaceAll(half(at), " ", "\u00a0")), nil
}

// half is the half of the day, in Spanish.
func half(at time.Time) string {
	if at.Hour() < 12 {
		return "a. m."
	}
	return "p. m."
}

// hour spells the hour of an instant of a value, such as that of a cut-off.
func hour(language loan.Language, s string) (string, error) {
	at, err := time.Parse(time.RFC3339, s)
	at = at.In(loan.Eastern)
	if language == loan.Spanish {
		return at.Format("3 ") + half(at), err
	}
	return at.Format("3 PM"), err
}

// money spells an amount of a value, which is written alike in both languages.
func money(s string) (string, error) {
	dollars, cents, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(dollars+cents, 10, 64)
	if err != nil || len(cents) != 2 {
		return "", errors.New("an amount has two decimals")
	}
	return loan.Cents(n).Formatted(), nil
}

// Render says what a notice says. Its values are at, when what it tells of happened
// (RFC 3339); firstName; code, where the kind has one; and those of the kind, which
// docs/notices.md lists. One that is missing is an error, in which no value is.
func Render(kind loan.NoticeKind, channel loan.Channel, language loan.Language, values map[string]string) (Message, error) {
	wording := templates()[language][kind]
	if wording == nil {
		return Message{}, fmt.Errorf("there is no wording in %q for a notice of kind %q", language, kind)
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
		return blanks.ReplaceAllString(strings.TrimSpace(b.String()), "\n\n"), nil
	}
	if channel == loan.ByText {
		text, err := part("text")
		return Message{Language: language, Text: text}, err
	}
	subject, err := part("subject")
	if err != nil {
		return Message{}, err
	}
	text, err := part("email")
	return Message{Language: language, Subject: subject, Text: text + "\n"}, err
}

// blanks is more than one blank line, which a part that is left out may leave.
var blanks = regexp.MustCompile(`\n{3,}`)

// longest is how many characters of a value there is room for.
const longest = 80

// oneLine keeps a value that somebody chose from looking like a part of the message.
func oneLine(value string) string {
	runes := []rune(strings.Join(strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) && r != ' ' }), " "))
	return string(runes[:min(len(runes), longest)])
}
