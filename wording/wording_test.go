package wording

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/go/packages"

	"github.com/automobilepay/mobilepay/loan"
)

// said is what the code says.
type said struct {
	phrases map[string]string   // with a place where each stands
	byCode  map[string][]string // those that stand beside the code of an error
	wrong   []string            // what cannot be said in another language
}

// code reads the whole module, as the compiler does: whatever constant is a
// [loan.Phrase] is found, wherever it is written and whomever it is handed to.
var code = sync.OnceValues(func() (said, error) {
	s := said{map[string]string{}, map[string][]string{}, nil}
	all, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports, Dir: "..",
	}, "./...")
	if err != nil {
		return s, err
	}
	for _, pkg := range all {
		for _, fault := range pkg.Errors {
			return s, fault
		}
		for _, file := range pkg.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				s.look(pkg, n)
				return true
			})
		}
	}
	return s, nil
})

func (s *said) look(pkg *packages.Package, n ast.Node) {
	info := pkg.TypesInfo
	var parts []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if to := info.Types[n.Fun]; to.IsType() && isPhrase(to.Type) && info.Types[n].Value == nil {
			s.wrong = append(s.wrong, place(pkg, n)+" makes a phrase at run time, which nobody can translate: keep its figures apart")
		}
		parts = n.Args
	case *ast.CompositeLit:
		for _, element := range n.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = pair.Value
			}
			parts = append(parts, element)
		}
	case ast.Expr:
		if phrase, ok := phraseOf(info, n); ok {
			s.phrases[phrase] = place(pkg, n)
		}
		return
	default:
		return
	}
	var codes, phrases []string
	figures := 0
	for _, part := range parts {
		if v := info.Types[part].Value; v != nil && v.Kind() == constant.String && isCode.MatchString(constant.StringVal(v)) {
			codes = append(codes, constant.StringVal(v))
		}
		if phrase, ok := phraseOf(info, part); ok {
			phrases = append(phrases, phrase)
		}
		if args, ok := part.(*ast.CompositeLit); ok && info.TypeOf(args).String() == "[]any" {
			figures = len(args.Elts)
		}
	}
	for _, phrase := range phrases {
		if got := len(verb.FindAllString(phrase, -1)); got != figures {
			s.wrong = append(s.wrong, fmt.Sprintf("%s gives %d figures to %q", place(pkg, n), figures, phrase))
		}
	}
	for _, c := range codes {
		s.byCode[c] = append(s.byCode[c], phrases...)
	}
}

var (
	isCode = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	verb   = regexp.MustCompile(`%(?:\[[0-9]+\])?[a-z]`)
)

func phraseOf(info *types.Info, e ast.Expr) (string, bool) {
	v := info.Types[e]
	if v.Value == nil || !isPhrase(v.Type) {
		return "", false
	}
	return constant.StringVal(v.Value), true
}

func isPhrase(t types.Type) bool {
	return t.String() == "github.com/automobilepay/mobilepay/loan.Phrase"
}

func place(pkg *packages.Package, n ast.Node) string { return pkg.Fset.Position(n.Pos()).String() }

func read(t *testing.T) (said, map[string]string) {
	t.Helper()
	s, err := code()
	if err != nil {
		t.Fatal(err)
	}
	inSpanish, err := parse(spanish)
	if err != nil {
		t.Fatal(err)
	}
	return s, inSpanish
}

// Each phrase of the code has its Spanish, and nothing else has.
func TestEveryPhraseHasItsSpanish(t *testing.T) {
	t.Parallel()
	s, inSpanish := read(t)
	if len(s.phrases) < 50 {
		t.Fatalf("only %d phrases were found", len(s.phrases))
	}
	for _, phrase := range slices.Sorted(maps.Keys(s.phrases)) {
		if inSpanish[phrase] == "" {
			t.Errorf("es.json has no %q, which %s says", phrase, s.phrases[phrase])
		}
	}
	for phrase := range inSpanish {
		if s.phrases[phrase] == "" {
			t.Errorf("nothing says %q: take it out of es.json", phrase)
		}
	}
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
}

// A text has the figures of its phrase, each once and of the same kind, ends as the
// phrase ends, and opens what it closes. No phrase comes twice.
func TestSpanishIsWellFormed(t *testing.T) {
	t.Parallel()
	_, inSpanish := read(t)
	for phrase, text := range inSpanish {
		if want, got := figures(phrase), figures(text); !slices.Equal(want, got) {
			t.Errorf("%q has the figures %v, and %q has %v", phrase, want, text, got)
		}
		if end := phrase[len(phrase)-1:]; strings.ContainsAny(end, ".?!") && !strings.HasSuffix(text, end) {
			t.Errorf("%q must end with %q", text, end)
		}
		for opening, closing := range map[string]string{"¿": "?", "¡": "!"} {
			if strings.Count(text, opening) != strings.Count(text, closing) {
				t.Errorf("%q does not open what it closes", text)
			}
		}
	}
	if lines := regexp.MustCompile(`(?m)^  ".*": "`).FindAllIndex(spanish, -1); len(lines) != len(inSpanish) {
		t.Errorf("es.json has %d lines and %d phrases", len(lines), len(inSpanish))
	}
}

// figures are the verbs of a text by the argument that each takes.
func figures(text string) []string {
	all := verb.FindAllString(strings.ReplaceAll(text, "%%", ""), -1)
	for i, v := range all {
		if !strings.Contains(v, "[") {
			all[i] = fmt.Sprintf("%%[%d]%s", i+1, v[1:])
		}
	}
	slices.Sort(all)
	return all
}

// Each code of docs/errors.md is in docs/languages.md in both languages, by words that
// the code has for it.
func TestEveryCodeHasBothLanguages(t *testing.T) {
	t.Parallel()
	s, _ := read(t)
	codes := map[string]bool{}
	for _, row := range rows(t, "errors.md", "^\\| `([A-Z_]+)` \\|") {
		codes[row[1]] = true
	}
	if len(codes) < 50 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for _, row := range rows(t, "languages.md", "^\\| `([A-Z_]+)` \\| (.*) \\| (.*) \\|$") {
		code, english, text := row[1], row[2], row[3]
		if !codes[code] {
			t.Errorf("%s is no code of docs/errors.md, or comes twice", code)
		}
		delete(codes, code)
		if code == "PERSISTED_QUERY_NOT_FOUND" { // programs read it
			continue
		}
		if place := s.phrases[english]; place == "" {
			t.Errorf("%s: nothing says %q", code, english)
		}
		if beside := s.byCode[code]; beside != nil && !slices.Contains(beside, english) {
			t.Errorf("%s is said as %q, and not %q", code, beside, english)
		}
		phrase := loan.Message{Phrase: loan.Phrase(english)}
		if got := Say(loan.Spanish, phrase); got != text || got == english {
			t.Errorf("%s in Spanish is %q, and not %q", code, got, text)
		}
		if got := Say("", phrase); got != english {
			t.Errorf("%s in English is %q", code, got)
		}
	}
	for code := range codes {
		t.Errorf("docs/languages.md does not have %s", code)
	}
}

func rows(t *testing.T, file, pattern string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", file))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(string(text), -1)
}

func TestSay(t *testing.T) {
	t.Parallel()
	day := loan.Date{Year: 2026, Month: time.November, Day: 18}
	within := loan.Message{Phrase: "the amount due and %s more", Args: []any{loan.Cents(1_234_50)}}
	m := loan.Message{Phrase: "%s / %s / %d / %s", Args: []any{within, day, 10_000, day.At(15)}} // which has no Spanish itself
	for l, want := range map[loan.Language]string{
		loan.English: "the amount due and $1,234.50 more / November 18, 2026 / 10,000 / 3 pm Eastern on November 18, 2026",
		loan.Spanish: "el monto adeudado y $1,234.50 más / 18 de noviembre de 2026 / 10,000 / las 3 p. m., hora del Este, del 18 de noviembre de 2026",
		"":           "the amount due and $1,234.50 more / November 18, 2026 / 10,000 / 3 pm Eastern on November 18, 2026",
		"fr":         "the amount due and $1,234.50 more / November 18, 2026 / 10,000 / 3 pm Eastern on November 18, 2026",
	} {
		if got := Say(l, m); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", l, got, want)
		}
	}
	// Printers are shared by all requests.
	answers := make(chan string)
	for range 8 {
		go func() { answers <- Say(loan.Spanish, m) }()
	}
	for range 8 {
		if got := <-answers; got != Say(loan.Spanish, m) {
			t.Error(got)
		}
	}
}
