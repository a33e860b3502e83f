package ach

import (
	"strings"
	"unicode"
)

const (
	accented = "ÀÁÂÃÄÅĀĂĄÇĆČĎĐÈÉÊËĒĖĘĚĞÌÍÎÏĪİŁÑŃŇÒÓÔÕÖØŌŐŘŚŞŠȘŤȚÙÚÛÜŪŮŰÝŸŹŻŽ"
	plain    = "AAAAAAAAACCCDDEEEEEEEEGIIIIIILNNNOOOOOOOORSSSSTTUUUUUUUYYZZZ"
)

// ascii maps the accented capitals of European languages to those without.
var ascii = func() map[rune]string {
	m := map[rune]string{'Æ': "AE", 'Œ': "OE", 'Þ': "TH", 'ß': "SS", 'ẞ': "SS", '’': "'", '‘': "'", '–': "-", '—': "-"}
	for i, r := range []rune(accented) {
		m[r] = plain[i : i+1]
	}
	return m
}()

// alphameric makes text fit for a field of the network: capitals, digits and the
// signs of ASCII, one space between words, at most size characters. What has no
// such form is left out.
func alphameric(text string, size int) string {
	var b strings.Builder
	for _, r := range text {
		r = unicode.ToUpper(r)
		switch {
		case r > ' ' && r <= '~':
			b.WriteRune(r)
		case unicode.IsSpace(r) || unicode.IsControl(r):
			b.WriteByte(' ')
		default:
			b.WriteString(ascii[r])
		}
	}
	out := strings.Join(strings.Fields(b.String()), " ")
	if len(out) > size {
		out = strings.TrimSpace(out[:size])
	}
	return out
}

func isDigits(s string, size int) bool {
	if len(s) != size {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// maskDigits hides every run of five digits or more: banks have written account
// numbers into free text.
func maskDigits(s string) string {
	out := []byte(s)
	for i := 0; i < len(out); {
		j := i
		for j < len(out) && out[j] >= '0' && out[j] <= '9' {
			j++
		}
		if j-i >= 5 {
			for k := i; k < j; k++ {
				out[k] = '*'
			}
		}
		i = j + 1
	}
	return string(out)
}
