package web

import (
	"golang.org/x/text/language"

	"github.com/automobilepay/mobilepay/loan"
)

// spoken are the languages of [loan.Languages], in their order.
var spoken = func() (tags []language.Tag) {
	for _, l := range loan.Languages() {
		tags = append(tags, language.MustParse(string(l)))
	}
	return tags
}()

var matcher = language.NewMatcher(spoken)

// languageOf is the language that a client wants most of those that are spoken here;
// empty where it does not say, or wants none of them.
func languageOf(acceptLanguage string) loan.Language {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return ""
	}
	_, i, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		return ""
	}
	return loan.Languages()[i]
}
