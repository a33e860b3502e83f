package auth_test

import (
	"encoding/base32"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/auth"
)

func TestNewCode(t *testing.T) {
	t.Parallel()
	seen, leading := map[string]int{}, map[byte]int{}
	for range 10_000 {
		code := auth.NewCode()
		if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(code) {
			t.Fatalf("got %q", code)
		}
		seen[code]++
		leading[code[0]]++
	}
	// About 50 repeat, and each digit leads about 1,000 times.
	if len(seen) < 9_800 {
		t.Errorf("only %d of 10,000 differ", len(seen))
	}
	for digit := byte('0'); digit <= '9'; digit++ {
		if n := leading[digit]; n < 800 || n > 1200 {
			t.Errorf("%c leads %d times", digit, n)
		}
	}
}

func TestNewRecoveryCodes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		codes := auth.NewRecoveryCodes()
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		for _, code := range codes {
			if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(code) || seen[code] {
				t.Fatalf("got %q", code)
			}
			seen[code] = true
			if got, want := auth.NormalizeRecoveryCode(code), strings.ReplaceAll(code, "-", ""); got != want {
				t.Errorf("%q becomes %q", code, got)
			}
		}
	}
}

func TestNormalizeRecoveryCode(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                         "",
		"0123-4567-89AB-CDEF":      "0123456789ABCDEF",
		" o i l 3 4567-89ab cdef ": "0113456789ABCDEF",
		"OIL3456789ABCDEF":         "0113456789ABCDEF",
		"--":                       "",
	} {
		if got := auth.NormalizeRecoveryCode(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
}

// RFC 6238, appendix B, the last six of its eight digits.
func TestTOTPVectors(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		step, ok := auth.VerifyTOTP(secret, code, time.Unix(at, 0), 0)
		if !ok || step != at/30 {
			t.Errorf("at %d: got step %d, %v", at, step, ok)
		}
	}
}

func TestVerifyTOTP(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	const code, step = "050471", 1111111111 / 30
	begin := time.Unix(step*30, 0)
	for _, c := range []struct {
		name  string
		code  string
		now   time.Time
		after int64
		ok    bool
	}{
		{"a step early", code, begin.Add(-30 * time.Second), 0, true},
		{"more than a step early", code, begin.Add(-30*time.Second - time.Nanosecond), 0, false},
		{"a step late", code, begin.Add(60*time.Second - time.Nanosecond), 0, true},
		{"more than a step late", code, begin.Add(60 * time.Second), 0, false},
		{"after the step before", code, begin, step - 1, true},
		{"again", code, begin, step, false},
		{"again, a step later", code, begin.Add(30 * time.Second), step, false},
		{"after a later one", code, begin, step + 1, false},
		{"as apps show it", "050 471", begin, 0, true},
		{"wrong", "050472", begin, 0, false},
		{"too short", "50471", begin, 0, false},
		{"too long", "0050471", begin, 0, false},
		{"nothing", "", begin, 0, false},
		{"no digits", "abcdef", begin, 0, false},
		{"other digits", "٠٥٠٤٧١", begin, 0, false},
		{"before 1970", code, time.Unix(-1000, 0), 0, false},
	} {
		got, ok := auth.VerifyTOTP(secret, c.code, c.now, c.after)
		if ok != c.ok || (ok && got != step) || (!ok && got != 0) {
			t.Errorf("%s: got %d, %v", c.name, got, ok)
		}
	}
	for _, broken := range []string{"", "1", "not base32!", secret[:5] + "1" + secret[6:]} {
		if _, ok := auth.VerifyTOTP(broken, code, begin, 0); ok {
			t.Errorf("the secret %q was taken", broken)
		}
	}
}

func TestNewTOTP(t *testing.T) {
	t.Parallel()
	secret, uri := auth.NewTOTP("Auto Mobile: Pay", "ana.diaz@example.com")
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(raw) != 20 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Auto Mobile: Pay:ana.diaz@example.com" || q.Get("secret") != secret ||
		q.Get("issuer") != "Auto Mobile: Pay" || q.Get("digits") != "6" || q.Get("period") != "30" || q.Get("algorithm") != "SHA1" {
		t.Errorf("got %s", strings.ReplaceAll(uri, secret, "SECRET"))
	}
	if other, _ := auth.NewTOTP("i", "a"); other == secret {
		t.Error("two secrets are equal")
	}
}
