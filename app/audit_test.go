package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/testenv"
)

// What a payment and a log-out leave in the audit is verified by the command, and
// what was removed from it is found.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, other := e.AddCustomer(), e.AddCustomer()
		if code := e.Post(c.Token, schedule, order(c, "key")).Code(); code != "" {
			t.Fatal(code)
		}
		e.Post(c.Token, `mutation { logOut { loggedOut } }`, nil)
		e.Post(other.Token, `mutation { logOut { loggedOut } }`, nil)
		environ := []string{"DATABASE_URL=" + e.App.Config.DatabaseURL, "MOBILEPAY_KEYSET=" + e.App.Config.Keyset}
		verify := func(flags ...string) (string, error) {
			var out bytes.Buffer
			err := app.Run(t.Context(), append([]string{"audit", "verify"}, flags...), environ, &out, &out)
			return out.String(), err
		}
		kept := func(path string) string {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		heads := filepath.Join(t.TempDir(), "heads")
		out, err := verify("--heads", heads)
		if err != nil || !regexp.MustCompile(`^3 rows in 2 chains, .* [0-9a-f]{64}\nNo row was changed`).MatchString(out) {
			t.Fatalf("%v: %s", err, out)
		}
		if ends := kept(heads); strings.Count(ends, "\n") != 2 {
			t.Errorf("the ends are\n%s", ends)
		}
		if out, err := verify("--against", heads); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		none := strings.Replace(kept(heads), " 2 ", " 1 ", 1)
		if err := os.WriteFile(heads, []byte(none), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := verify("--against", heads); err == nil || !regexp.MustCompile(`customer \d+, row 1: is missing`).MatchString(out) {
			t.Errorf("%v: %s", err, out)
		}
		if err := os.WriteFile(heads, []byte("1 2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verify("--against", heads); err == nil {
			t.Error("a file of something else was taken")
		}

		environ = append(environ, "MOBILEPAY_KEYSET="+filepath.Join(t.TempDir(), "another.json"))
		if out, err := verify(); err == nil || strings.Count(out, "is not what was written") != 3 {
			t.Errorf("with another keyset: %v: %s", err, out)
		}
	})
}
