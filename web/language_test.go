package web

import (
	"testing"

	"github.com/automobilepay/mobilepay/loan"
)

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]loan.Language{
		"": "", "*": "", "en": loan.English, "en-US,en;q=0.9": loan.English, "es": loan.Spanish, "es-MX": loan.Spanish, "es-419,en;q=0.5": loan.Spanish,
		"fr-FR, es;q=0.8, en;q=0.7": loan.Spanish, "en;q=0.2, es;q=0.9": loan.Spanish, "fr": "", "ja;q=0.1": "", "es;q=0": "", "nonsense;;": "", "es;q=x": "",
	} {
		if got := languageOf(accept); got != want {
			t.Errorf("%q: got %q, want %q", accept, got, want)
		}
	}
}
