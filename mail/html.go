package mail

import (
	_ "embed" // for the frame
	"html/template"
	"strings"
)

//go:embed frame.html
var frameText string

var frame = template.Must(template.New("frame").Parse(frameText))

// paragraph is a part of a letter: a text, or facts.
type paragraph struct {
	Text  string
	Facts []fact
}

type fact struct{ Label, Value string }

// paragraphs are the parts of a text that blank lines set apart. What a line break
// means in plain text, which has to be narrow, it does not mean here.
func paragraphs(text string) (list []paragraph) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var p paragraph
		for line := range strings.SplitSeq(part, "\n") {
			if known, isFact := strings.CutPrefix(line, "  "); isFact {
				label, value, _ := strings.Cut(known, ": ")
				p.Facts = append(p.Facts, fact{label, value})
				continue
			}
			p.Text = strings.TrimSpace(p.Text + " " + line)
		}
		list = append(list, p)
	}
	return list
}

// HTML is the message as a page for mail programs, made of its text: nothing in it is
// written twice. It asks nothing of any server, and has no link.
func (m Message) HTML() (string, error) {
	all := paragraphs(m.Text)
	page := struct {
		Message
		Paragraphs []paragraph
		Last       paragraph // that it was sent by itself
	}{m, all[:len(all)-1], all[len(all)-1]}
	var b strings.Builder
	err := frame.Execute(&b, page)
	return b.String(), err
}
