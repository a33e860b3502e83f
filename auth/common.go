package auth

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The 40,487 passwords of six characters or more, in lower case, that leaks hold
// most often, sorted and one a line; common_passwords.NOTICE says whose work it is.
//
//go:embed common_passwords.txt.gz
var commonGzip []byte

// commonPasswords are unpacked when the first password is chosen, not at start.
var commonPasswords = sync.OnceValue(func() []string {
	r, err := gzip.NewReader(bytes.NewReader(commonGzip))
	if err != nil {
		panic(err) // it is part of the program
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
})

// sequences are what a run is a part of, forwards or backwards and round and round.
var sequences = []string{
	"0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertyuiop", "asdfghjkl", "zxcvbnm",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm",
}

// proverbial are passphrases that became known as examples of a good one.
var proverbial = []string{"correcthorsebatterystaple", "correcthorsebattery", "troubadour3"}

// shortUnit is how long a unit may be whose repetition is a pattern by itself.
const shortUnit = 4

// fold makes of a text what is compared: what is typed alike is alike.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// bare is a folded text without blanks and punctuation.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// common tells whether somebody who guesses would try a folded password soon.
func common(s string) bool {
	if s == "" {
		return false
	}
	if weak(s) {
		return true
	}
	runes := []rune(s)
	for i := 1; i < len(runes); i++ {
		head, tail := string(runes[:i]), string(runes[i:])
		if weak(head) && patterned(tail) || patterned(head) && weak(tail) {
			return true
		}
	}
	return false
}

// weak tells whether a password is listed, or a pattern, or a listed one again
// and again.
func weak(s string) bool {
	return listed(s) || patterned(s) || listed(unit(s))
}

func listed(s string) bool {
	_, found := slices.BinarySearch(commonPasswords(), s)
	return found || slices.Contains(proverbial, s)
}

// patterned tells whether a text is a run or a short unit again and again.
func patterned(s string) bool {
	n := len([]rune(s))
	if n < 2 || len([]rune(unit(s))) <= min(shortUnit, n/2) {
		return true
	}
	runes := []rune(s)
	slices.Reverse(runes)
	for _, sequence := range sequences {
		round := strings.Repeat(sequence, n/len(sequence)+2)
		if strings.Contains(round, s) || strings.Contains(round, string(runes)) {
			return true
		}
	}
	return false
}

// unit is the shortest text that gives s when it is repeated; the last repetition
// may be cut off. It is s where there is none.
func unit(s string) string {
	runes := []rune(s)
	for n := 1; n < len(runes); n++ {
		if slices.Equal(runes[n:], runes[:len(runes)-n]) {
			return string(runes[:n])
		}
	}
	return s
}

// onlyPersonal tells whether nothing but personal words, patterns and punctuation
// makes up a folded password.
func onlyPersonal(s string, personal []string) bool {
	var words []string
	for _, p := range personal {
		p = fold(p)
		words = append(words, bare(p))
		words = append(words, strings.FieldsFunc(p, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
		local, _, _ := strings.Cut(p, "@")
		words = append(words, bare(local))
	}
	// The longest first: a name can be part of an address.
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	rest := bare(s)
	for _, word := range words {
		if len(word) >= 3 {
			rest = strings.ReplaceAll(rest, word, "")
		}
	}
	return rest != bare(s) && (rest == "" || patterned(rest))
}
