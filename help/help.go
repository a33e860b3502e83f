// Package help answers what customers ask before they can log in. The answers are files
// in the binary, one for each topic and language; what in them follows from settings and
// rules is filled in. A search finds them by their words.
package help

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"text/template"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"go.yaml.in/yaml/v3"

	"github.com/automobilepay/mobilepay/loan"
)

// contents has a folder for each language, with the same files.
//
//go:embed en es
var contents embed.FS

// Facts are what answers depend on.
type Facts struct {
	// App is what the app needs of a phone.
	App loan.AppRequirements
	// Phone is the servicer's number; empty where it is only on statements.
	Phone string
}

// Topic is a question with its answer, in a language.
type Topic struct {
	// ID names the topic in its language: en/payment-applied.
	ID       string
	Slug     string
	Category loan.HelpCategory
	Title    string
	// Keywords are the words by which people look for it.
	Keywords string
	// Body is the answer in Markdown, and BodyText in plain text.
	Body     string
	BodyText string

	order int
}

// longestExcerpt is how many characters an excerpt has at the most.
const longestExcerpt = 160

// Excerpt begins the answer, to the end of a word.
func (t *Topic) Excerpt() string {
	line := strings.Join(strings.Fields(t.BodyText), " ")
	if utf8.RuneCountInString(line) <= longestExcerpt {
		return line
	}
	runes := []rune(line)[:longestExcerpt-1]
	if end := strings.LastIndexByte(string(runes), ' '); end > 0 {
		return strings.TrimRight(string(runes)[:end], " ,;:") + "…"
	}
	return string(runes) + "…"
}

// Center is all topics in all languages. It is safe for concurrent use.
type Center struct {
	topics map[loan.Language]func() []*Topic // in the order in which they are shown
	index  map[loan.Language]func() (*index, error)
}

// New is the topics with these facts. Those of a language are read when somebody first
// asks for one, and indexed when somebody first searches: a process starts without them.
func New(facts Facts) *Center {
	c := &Center{topics: map[loan.Language]func() []*Topic{}, index: map[loan.Language]func() (*index, error){}}
	for _, language := range loan.Languages() {
		topics := sync.OnceValue(func() []*Topic {
			topics, err := read(language, facts)
			if err != nil {
				panic(err) // they are in the program, and tests read them
			}
			return topics
		})
		c.topics[language] = topics
		c.index[language] = sync.OnceValues(func() (*index, error) { return newIndex(language, topics()) })
	}
	return c
}

// spoken is a language that there are topics in; English where nothing is said.
func (c *Center) spoken(l loan.Language) loan.Language {
	if _, ok := c.topics[l]; ok {
		return l
	}
	return loan.English
}

// Topics lists all topics in a language, by category and then in their order.
func (c *Center) Topics(l loan.Language) []*Topic { return slices.Clone(c.topics[c.spoken(l)]()) }

// Topic finds a topic by its slug; nil where there is none.
func (c *Center) Topic(l loan.Language, slug string) *Topic {
	topics := c.topics[c.spoken(l)]()
	if i := slices.IndexFunc(topics, func(t *Topic) bool { return t.Slug == slug }); i >= 0 {
		return topics[i]
	}
	return nil
}

// Search lists the topics that fit what somebody has typed, best first. There is no
// syntax in it. Of a long text the beginning counts.
func (c *Center) Search(l loan.Language, typed string) ([]*Topic, error) {
	l = c.spoken(l)
	ix, err := c.index[l]()
	if err != nil {
		return nil, fmt.Errorf("index the help topics in %s: %w", l, err)
	}
	found, err := ix.search(typed)
	if err != nil {
		return nil, fmt.Errorf("search the help topics in %s: %w", l, err)
	}
	topics := make([]*Topic, len(found))
	for i, n := range found {
		topics[i] = c.topics[l]()[n]
	}
	return topics, nil
}

// read reads the topics of a language.
func read(language loan.Language, facts Facts) ([]*Topic, error) {
	values := facts.in(language)
	files, err := fs.Glob(contents, string(language)+"/*.md")
	if err != nil {
		return nil, err
	}
	topics := make([]*Topic, len(files))
	for i, file := range files {
		content, err := contents.ReadFile(file)
		if err == nil {
			topics[i], err = parse(string(content), values)
		}
		if err != nil {
			return nil, fmt.Errorf("help topic %s: %w", file, err)
		}
		topics[i].ID = strings.TrimSuffix(file, ".md")
		topics[i].Slug = path.Base(topics[i].ID)
	}
	place := func(t *Topic) int { return slices.Index(loan.HelpCategories(), t.Category) }
	slices.SortFunc(topics, func(a, b *Topic) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.order, b.order), cmp.Compare(a.Slug, b.Slug))
	})
	return topics, nil
}

// parse reads a file: between two lines of three dashes what is told of the topic, in
// YAML, and then the answer in Markdown, a template for [Facts.in].
func parse(content string, values map[string]string) (*Topic, error) {
	front, body, ok := strings.Cut(strings.TrimPrefix(content, "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(content, "---\n") {
		return nil, fmt.Errorf("it does not begin with what is told of it")
	}
	var told struct {
		Title    string            `yaml:"title"`
		Category loan.HelpCategory `yaml:"category"`
		Order    int               `yaml:"order"`
		Keywords string            `yaml:"keywords"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(front))
	decoder.KnownFields(true)
	if err := decoder.Decode(&told); err != nil {
		return nil, err
	}
	if told.Title == "" || told.Keywords == "" || !slices.Contains(loan.HelpCategories(), told.Category) {
		return nil, fmt.Errorf("it needs a title, keywords and a category that there is")
	}
	wording, err := template.New("").Option("missingkey=error").Parse(body)
	if err != nil {
		return nil, err
	}
	var filled strings.Builder
	if err := wording.Execute(&filled, values); err != nil {
		return nil, err
	}
	t := &Topic{Category: told.Category, Title: told.Title, Keywords: told.Keywords, Body: strings.TrimSpace(filled.String()), order: told.Order}
	t.BodyText, err = plain(t.Body)
	return t, err
}

// in is the facts in the words of a language.
func (f Facts) in(l loan.Language) map[string]string {
	android := f.App[loan.AppOnAndroid]
	warned := make([]string, len(android.Warned))
	for i, version := range android.Warned {
		warned[i] = version.String()
	}
	hour, and, call := "%d pm", " and ", "call the number on your statement"
	if l == loan.Spanish {
		hour, and, call = "%d p. m.", " y ", "llame al número que aparece en su estado de cuenta"
	}
	if f.Phone != "" {
		call = "call " + f.Phone
		if l == loan.Spanish {
			call = "llame al " + f.Phone
		}
	}
	return map[string]string{
		"IOS":          f.App[loan.AppOnIOS].Minimum.String(),
		"Android":      android.Minimum.String(),
		"Warned":       join(warned, and),
		"FirstCutoff":  fmt.Sprintf(hour, loan.FirstCutoffHour-12),
		"SecondCutoff": fmt.Sprintf(hour, loan.SecondCutoffHour-12),
		"Call":         call,
	}
}

// join is "a, b and c".
func join(list []string, and string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + and + list[last]
}

// plain is Markdown as plain text. What is neither a paragraph, a list nor emphasis is an
// error: an app may not be able to show it.
func plain(markdown string) (string, error) {
	source := []byte(markdown)
	var b strings.Builder
	numbers := map[ast.Node]int{}
	err := ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Document, *ast.Emphasis, *ast.TextBlock:
		case *ast.Paragraph, *ast.List:
			if !entering {
				b.WriteString("\n")
			}
		case *ast.ListItem:
			list, _ := n.Parent().(*ast.List)
			switch {
			case !entering:
				b.WriteString("\n")
			case list.IsOrdered():
				numbers[list]++
				fmt.Fprintf(&b, "%d. ", list.Start+numbers[list]-1)
			default:
				b.WriteString("• ")
			}
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(source))
				if n.SoftLineBreak() {
					b.WriteString(" ")
				}
			}
		default:
			return ast.WalkStop, fmt.Errorf("there is a %s in it", n.Kind())
		}
		if _, isParagraph := n.(*ast.Paragraph); isParagraph && !entering {
			b.WriteString("\n")
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String()), err
}
