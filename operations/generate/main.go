// Command generate reads the operations of the working directory and writes
// manifest.json and tabs.json. It needs no schema: whether they are valid against it
// is for the tests.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/automobilepay/mobilepay/operations"
)

// groups is the order in which a page shows the groups. Others follow, by name.
var groups = []string{"Home", "Payments", "Auto Pay", "Bank accounts", "Statements", "Help", "Messages", "Live", "Profile", "Session", "Identity", "Enrollment"}

// here is the folder of the operations.
var here = os.DirFS(".")

func main() {
	log.SetFlags(0)
	if err := generate(); err != nil {
		log.Fatal("operations: ", err)
	}
}

func generate() error {
	files, err := readAll(".")
	if err != nil {
		return err
	}
	fragments, err := readAll("fragments")
	if err != nil {
		return err
	}
	var manifest []operations.Operation
	var tabs []operations.Tab
	for _, f := range files {
		needed, err := closure(f, fragments)
		if err != nil {
			return err
		}
		t, err := tab(f, needed)
		if err != nil {
			return err
		}
		manifest, tabs = append(manifest, operation(f, needed)), append(tabs, t)
	}
	slices.SortStableFunc(tabs, func(a, b operations.Tab) int {
		// "subscription" before "query" before "mutation"
		return cmp.Or(cmp.Compare(place(a.Group), place(b.Group)), cmp.Compare(a.Group, b.Group), cmp.Compare(b.Type, a.Type))
	})
	return errors.Join(write("manifest.json", operations.NewDocument(manifest)), write("tabs.json", tabs))
}

func place(group string) int {
	if i := slices.Index(groups, group); i >= 0 {
		return i
	}
	return len(groups)
}

// file is an operation or a fragment with the comment that it begins with.
type file struct {
	name     string
	comment  string
	text     string
	document *ast.QueryDocument
}

// readAll reads a folder's files, by name.
func readAll(dir string) ([]file, error) {
	paths, err := fs.Glob(here, path.Join(dir, "*.graphql"))
	if err != nil {
		return nil, err
	}
	files := make([]file, len(paths))
	for i, name := range paths {
		if files[i], err = read(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

func read(name string) (file, error) {
	content, err := fs.ReadFile(here, name)
	if err != nil {
		return file{}, err
	}
	f := file{name: strings.TrimSuffix(path.Base(name), ".graphql"), text: string(content)}
	if f.document, err = parser.ParseQuery(&ast.Source{Name: name, Input: f.text}); err != nil {
		return file{}, err
	}
	var names []string
	for _, o := range f.document.Operations {
		names = append(names, o.Name)
	}
	for _, fragment := range f.document.Fragments {
		names = append(names, fragment.Name)
	}
	if !slices.Equal(names, []string{f.name}) {
		return file{}, fmt.Errorf("it defines %q: want one definition, named like the file", names)
	}
	for comment, found := f.cutComment(); found; comment, found = f.cutComment() {
		f.comment = strings.TrimSpace(f.comment + " " + comment)
	}
	return f, nil
}

// cutComment takes a line of comment from the start of the text.
func (f *file) cutComment() (string, bool) {
	rest, found := strings.CutPrefix(f.text, "#")
	if !found {
		return "", false
	}
	line, rest, _ := strings.Cut(rest, "\n")
	f.text = rest
	return strings.TrimSpace(line), true
}

// closure is the fragments that a file needs, those that its fragments need too, by
// name.
func closure(f file, fragments []file) ([]file, error) {
	needed := map[string]file{}
	var visit func(ast.SelectionSet) error
	visit = func(set ast.SelectionSet) error {
		for _, selection := range set {
			var err error
			switch s := selection.(type) {
			case *ast.Field:
				err = visit(s.SelectionSet)
			case *ast.InlineFragment:
				err = visit(s.SelectionSet)
			case *ast.FragmentSpread:
				if _, seen := needed[s.Name]; seen {
					continue
				}
				i := slices.IndexFunc(fragments, func(fragment file) bool { return fragment.name == s.Name })
				if i < 0 {
					return fmt.Errorf("%s: there is no fragment %s", f.name, s.Name)
				}
				needed[s.Name] = fragments[i]
				err = visit(fragments[i].document.Fragments[0].SelectionSet)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(f.document.Operations[0].SelectionSet); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(needed), func(a, b file) int { return cmp.Compare(a.name, b.name) }), nil
}

// operation is the manifest's entry: printed anew, so that no comment and no line
// break changes the id.
func operation(f file, needed []file) operations.Operation {
	whole := &ast.QueryDocument{Operations: f.document.Operations}
	for _, fragment := range needed {
		whole.Fragments = append(whole.Fragments, fragment.document.Fragments...)
	}
	var body strings.Builder
	formatter.NewFormatter(&body, formatter.WithIndent("  ")).FormatQueryDocument(whole)
	return operations.Operation{
		ID: operations.ID(body.String()), Name: f.name, Type: string(f.document.Operations[0].Operation), Body: body.String(),
	}
}

// tab is for people: the text as it was written, and the examples that lie beside it.
func tab(f file, needed []file) (operations.Tab, error) {
	group, about, found := strings.Cut(f.comment, ": ")
	if !found || len(f.document.Operations) == 0 {
		return operations.Tab{}, fmt.Errorf("%s: it does not begin with `# Group: what it does`", f.name)
	}
	texts := []string{f.text}
	for _, fragment := range needed {
		texts = append(texts, fragment.text)
	}
	t := operations.Tab{
		Group: group, Name: f.name, Type: string(f.document.Operations[0].Operation), About: strings.ToUpper(about[:1]) + about[1:],
		Query: strings.Join(texts, "\n"), Examples: []operations.Example{{}},
	}
	examples, err := fs.ReadFile(here, f.name+".examples.json")
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(examples))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&t.Examples)
	}
	if err != nil {
		return operations.Tab{}, fmt.Errorf("the examples of %s: %w", f.name, err)
	}
	return t, nil
}

func write(name string, v any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return os.WriteFile(name, text.Bytes(), 0o600)
}
