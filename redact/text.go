package redact

import (
	"regexp"
	"strings"
)

// Names of secrets: a name is taken without its case and its separators, so
// account_number and accountNumber are one.
var (
	// secretParts make a secret of every name that they are in.
	secretParts = []string{
		"password", "passwd", "passphrase", "token", "authorization", "cookie", "secret", "credential", "apikey", "privatekey", "masterkey",
		"accountnumber", "cardnumber", "onetimecode", "verificationcode", "email",
	}
	// secretNames are secrets as they stand; they are too short to be looked for in
	// other names. What a database says of an error in detail holds a row's values.
	secretNames = map[string]bool{"pwd": true, "dsn": true, "databaseurl": true, "redisurl": true, "detail": true, "internalquery": true}
	// numberNames are those of secrets that are numbers.
	numberNames = map[string]bool{
		"code": true, "number": true, "routing": true, "routingnumber": true, "otp": true, "totp": true, "pin": true, "ssn": true, "phone": true,
	}
)

func isSecret(name string) bool {
	name = folded(name)
	if secretNames[name] || numberNames[name] {
		return true
	}
	for _, part := range secretParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == '.' || r == ' ':
			return -1
		}
		return r
	}, name)
}

// isID tells whether a value of this name is one by which operators find things.
func isID(name string) bool {
	switch name = folded(name); name {
	case "request", "trace", "file", "job", "source", "stack", "address":
		return true
	}
	return strings.HasSuffix(name, "id") || strings.HasSuffix(name, "ids")
}

const (
	tokenLength    = 43 // of 256 bits in base64url
	recoveryLength = 19 // of a recovery code, four groups of four
	shortestNumber = 8  // of what is taken for an account number; shorter ones are too much like others
	longestNumber  = 17
)

// suspicious tells whether there can be anything to hide in a text: beside a mark,
// such as that of an assignment, or in a long word. Nearly all there is to log
// passes here, at the price of a look at each byte.
func suspicious(text string) (marked, long bool) {
	digits, word := 0, 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			digits, word = digits+1, word+1
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
			digits, word = 0, word+1
		default:
			digits, word = 0, 0
			marked = marked || c == '@' || c == '=' || c == ':' || c == ' ' && i >= 5 && isScheme(text[:i])
		}
		long = long || digits >= shortestNumber || word >= recoveryLength
	}
	return marked, long
}

// isScheme tells whether a text ends with one after which credentials come.
func isScheme(text string) bool {
	return strings.EqualFold(text[len(text)-5:], "basic") || len(text) > 5 && strings.EqualFold(text[len(text)-6:], "bearer")
}

var (
	bearer = regexp.MustCompile(`(?i)\b(bearer|basic) +[^\s"',;]+`)
	// userinfo is a password before the host of a URL.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#"@]*):[^\s"]+@`)
	// mail is an address, or with a // the user and host of a URL.
	mail = regexp.MustCompile(`(//)?[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)
	// assigned is the beginning of name=value, name: value and "name":"value", and
	// value what comes then.
	assigned = regexp.MustCompile(`([A-Za-z][A-Za-z0-9_-]*)\\?["']? *[=:] *`)
	value    = regexp.MustCompile(`^(\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|[^\s,;&"')}\]]+)`)
	// details is how Postgres shows the values of a row.
	details = regexp.MustCompile(`(?i)\bdetail: .*`)
	// numeric is what the value of such a name is: not the one in "code: R01".
	numeric = regexp.MustCompile(`\d{4}`)
	words   = regexp.MustCompile(`[A-Za-z0-9_-]{8,}`)
	uuid    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	hex     = regexp.MustCompile(`^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$`)
	// recovery is a code that takes the place of a second factor.
	recovery = regexp.MustCompile(`(?i)^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$`)
	// dated is the beginning of a file's name, such as 20261118-1500-A.ach.
	dated = regexp.MustCompile(`^20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])-\d{4}-`)
)

// cleanMarked hides what stands beside a mark.
func cleanMarked(text string) string {
	text = bearer.ReplaceAllString(text, "$1 "+Hidden)
	text = userinfo.ReplaceAllString(text, "$1:"+Hidden+"@")
	text = details.ReplaceAllString(text, Hidden)
	text = mail.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "//") {
			return found
		}
		return Hidden
	})
	return cleanAssigned(text)
}

// cleanAssigned hides the values that stand beside the name of a secret.
func cleanAssigned(text string) string {
	var out strings.Builder
	for {
		at := assigned.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(text)
			return out.String()
		}
		name := text[at[2]:at[3]]
		out.WriteString(text[:at[1]])
		text = text[at[1]:]
		secret := value.FindString(text)
		if secret == "" || !isSecret(name) || numberNames[folded(name)] && !numeric.MatchString(secret) {
			continue
		}
		out.WriteString(Hidden)
		text = text[len(secret):]
	}
}

// cleanWords hides tokens, and account numbers unless ids is set.
func cleanWords(text string, ids bool) string {
	var out strings.Builder
	last := 0
	for _, at := range words.FindAllStringIndex(text, -1) {
		out.WriteString(text[last:at[0]])
		out.WriteString(cleanWord(text, at[0], at[1], ids))
		last = at[1]
	}
	out.WriteString(text[last:])
	return out.String()
}

// cleanWord is a word of letters, digits, - and _ that stands at text[from:to].
func cleanWord(text string, from, to int, ids bool) string {
	word := text[from:to]
	switch {
	case hex.MatchString(word), uuid.MatchString(word), strings.HasSuffix(text[:from], "SHA256:"): // the last is that of a host's key
		return word
	case recovery.MatchString(word), len(word) == tokenLength, len(word) > tokenLength && mixed(word):
		return Hidden
	case ids, dated.MatchString(word):
		return word
	case isDecimal(text, from, to), traced(text[:from]):
		return word
	}
	return cleanNumbers(word)
}

// mixed tells whether a word is more like noise than like a name.
func mixed(word string) bool {
	return strings.ContainsAny(word, "0123456789") && strings.ToLower(word) != word && strings.ToUpper(word) != word
}

// isDecimal tells whether a number has a point and another digit beside it.
func isDecimal(text string, from, to int) bool {
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	point := func(i int) bool { return i >= 0 && i < len(text) && text[i] == '.' }
	return point(to) && digit(to+1) || point(from-1) && digit(from-2)
}

// traced tells whether what comes next is the number of an entry in a file.
func traced(before string) bool {
	return strings.HasSuffix(before, "trace ") || strings.HasSuffix(before, "entry ")
}

// cleanNumbers hides the parts of a word that are an account number.
func cleanNumbers(word string) string {
	isSeparator := func(r rune) bool { return r == '-' || r == '_' }
	hide := false
	for part := range strings.FieldsFuncSeq(word, isSeparator) {
		hide = hide || len(part) >= shortestNumber && len(part) <= longestNumber && strings.Trim(part, "0123456789") == ""
	}
	if hide {
		return Hidden
	}
	return word
}
