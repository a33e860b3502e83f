// Package wording says in their language what customers are told. English stands where
// it is said, as a constant of type [loan.Phrase]; es.json has the Spanish of each, and a
// test finds the phrases in the code that have none.
package wording

import (
	_ "embed" // for es.json
	"encoding/json"
	"fmt"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"github.com/automobilepay/mobilepay/loan"
)

//go:embed es.json
var spanish []byte

// As in the United States: $1,234.50 in either language.
var (
	american = language.AmericanEnglish
	latin    = language.MustParse("es-US")
)

var printers = func() map[loan.Language]*message.Printer {
	phrases, err := parse(spanish)
	all := catalog.NewBuilder(catalog.Fallback(american))
	for english, text := range phrases {
		if err == nil {
			err = all.SetString(latin, english, text)
		}
	}
	if err != nil {
		panic(fmt.Errorf("wording: es.json: %w", err)) // cannot happen: it is compiled in, and tests read it
	}
	return map[loan.Language]*message.Printer{
		loan.English: message.NewPrinter(american, message.Catalog(all)),
		loan.Spanish: message.NewPrinter(latin, message.Catalog(all)),
	}
}()

func parse(catalog []byte) (phrases map[string]string, err error) {
	err = json.Unmarshal(catalog, &phrases)
	return phrases, err
}

// Say puts a message into words. A phrase that has no other wording is said in English,
// as is everything to who asks for no language.
func Say(l loan.Language, m loan.Message) string {
	printer, ok := printers[l]
	if !ok {
		l, printer = loan.English, printers[loan.English]
	}
	return printer.Sprintf(string(m.Phrase), m.Figures(l, func(within loan.Message) string { return Say(l, within) })...)
}
