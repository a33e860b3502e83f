package loan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func TestParseScopes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "payments:read": "payments:read", "payments:write vehicles:read": "vehicles:read payments:write",
		"  events:read   events:read ": "events:read", loan.AllScopes().String(): "vehicles:read payments:read payments:write statements:read events:read",
	} {
		if got, ok := loan.ParseScopes(text); !ok || got.String() != want {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"payments", "payments:*", "Payments:read", "payments:read,payments:write", "payments:read\tevents:read", "payments:read admin", "payments:reaď"} {
		if got, ok := loan.ParseScopes(text); ok {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// Scopes are a set: what is in both is what each has.
func TestScopesAnd(t *testing.T) {
	t.Parallel()
	some := rapid.Custom(func(t *rapid.T) loan.Scopes {
		return loan.AllScopes().And(rapid.SliceOf(rapid.SampledFrom(loan.AllScopes())).Draw(t, "scopes"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := some.Draw(t, "a"), some.Draw(t, "b")
		both := a.And(b)
		for _, scope := range loan.AllScopes() {
			if both.Has(scope) != (a.Has(scope) && b.Has(scope)) {
				t.Errorf("%s: %q and %q are %q", scope, a, b, both)
			}
		}
		if !slices.Equal(both, b.And(a)) {
			t.Errorf("%q and %q depend on their order", a, b)
		}
		if again, ok := loan.ParseScopes(both.String()); !ok || !slices.Equal(again, both) {
			t.Errorf("%q is read as %q", both, again)
		}
	})
}
