package paper

import (
	"embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/carlos7ags/folio/font"
	"golang.org/x/text/unicode/norm"
)

// IBM Plex Sans 3.005, unchanged, under the SIL Open Font License beside it. Its
// figures are all of one width, so that columns of amounts line up.
//
//go:embed fonts
var fonts embed.FS

// weight is how heavy letters are.
type weight int

// The two weights.
const (
	regular weight = iota
	bold
)

// faces are parsed when the first page is printed, and may be read by many at a time.
var faces = [...]func() font.Face{
	regular: sync.OnceValue(func() font.Face { return parse("IBMPlexSans-Regular.woff") }),
	bold:    sync.OnceValue(func() font.Face { return parse("IBMPlexSans-SemiBold.woff") }),
}

func (w weight) face() font.Face { return faces[w]() }

// capHeight is that of a capital letter, in ems, in both weights.
const capHeight = 0.698

func parse(name string) font.Face {
	data, err := fonts.ReadFile("fonts/" + name)
	if err != nil {
		panic(err) // they are in the binary
	}
	face, err := font.ParseFont(data)
	if err != nil {
		panic(err)
	}
	return face
}

// longest is how many letters of a text are printed. No name and no line of an address
// is so long; it bounds what a page can be made to hold.
const longest = 200

// printable is s with what can be printed: letters with their accents in one piece,
// white space and control characters as spaces, no invisible marks (such as those of
// the writing direction), and U+FFFD for what the font lacks.
func printable(s string) string {
	plain := len(s) <= longest
	for i := 0; plain && i < len(s); i++ {
		plain = ' ' <= s[i] && s[i] <= '~'
	}
	if plain {
		return s
	}
	if len(s) > longest*utf8.UTFMax {
		s = s[:longest*utf8.UTFMax]
	}
	letters := []rune(norm.NFC.String(s))
	if len(letters) > longest {
		letters = append(letters[:longest-1], '…')
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r):
			return -1
		// Both weights have the same characters.
		case regular.face().GlyphIndex(r) == 0:
			return unicode.ReplacementChar
		}
		return r
	}, string(letters))
}

// width is that of a printable text, in points.
func width(s string, face font.Face, size float64) float64 {
	units := 0
	for _, r := range s {
		units += face.GlyphAdvance(face.GlyphIndex(r))
	}
	return float64(units) * size / float64(face.UnitsPerEm())
}

// wrap breaks a printable text into lines of at most the given width, between words
// and, where one is wider than a line, within it.
func wrap(s string, face font.Face, size, most float64) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" {
			if longer := line + " " + word; width(longer, face, size) <= most {
				line = longer
				continue
			}
			lines = append(lines, line)
		}
		for width(word, face, size) > most {
			fits := utf8.RuneLen([]rune(word)[0]) // one letter at least
			for i := range word {
				if width(word[:i], face, size) > most {
					break
				}
				fits = max(fits, i)
			}
			if fits == len(word) {
				break
			}
			lines, word = append(lines, word[:fits]), word[fits:]
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// leading is the height of a line in a block, in ems.
const leading = 1.12

// fit breaks texts into lines that have their place in w x h, in the given style or as
// much smaller as that takes.
func fit(texts []string, s style, w, h float64) ([]string, style) {
	for ; ; s.size *= 0.95 {
		var lines []string
		for _, text := range texts {
			lines = append(lines, wrap(printable(text), s.weight.face(), s.size, w)...)
		}
		if (float64(len(lines)-1)*leading+1)*s.size <= h {
			return lines, s
		}
	}
}
