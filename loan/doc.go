// Package loan holds the nouns of auto finance and the rules about money and
// time that go with them: what a payment is, when it is applied and until when
// it can be cancelled, what is owed, and what is refused.
//
// Every rule here is a pure function: it is handed the instant ("now") and
// whatever it needs to know, and does no input or output. The package imports
// the standard library only, and a linter keeps it so. Amounts are whole cents
// ([Cents]); floating point never touches money. Calendar days ([Date]) are days
// in the business zone, America/New_York.
package loan
