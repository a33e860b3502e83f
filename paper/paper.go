// Package paper prints statements as PDF files.
//
// The same statement gives the same bytes, today and in ten years: what is printed
// comes from the statement alone, the day of the file and its identifier too, and each
// statement names its layout. A layout that was in use is never changed; a better one
// gets the next number. golden_test.go holds the bytes of each.
//
// The files are tagged for screen readers, with the reading order, the headings, the
// tables with their header cells, the chart in words, the language and the title. The
// fonts (IBM Plex Sans, Latin with the accents of all its languages, Greek and Cyrillic)
// are embedded, only the letters in use. A letter that they lack, of Hebrew or Chinese
// say, is printed as the replacement character U+FFFD.
//
// A statement names no account but by its last four digits.
package paper

import (
	"fmt"

	"github.com/automobilepay/mobilepay/loan"
)

// layouts are the ways to print a statement, by their number ([loan.Paper].Layout).
var layouts = map[int]func(s *loan.Statement, code string) ([]byte, error){
	1: layout1,
}

// CurrentLayout is the layout of statements that are issued now.
const CurrentLayout = 1

// Statement prints s. A layout that does not exist and a message without words in it
// are errors: a page that leaves something out is not a statement.
func Statement(s *loan.Statement) ([]byte, error) {
	layout, exists := layouts[s.Layout]
	if !exists {
		return nil, fmt.Errorf("paper: there is no layout %d", s.Layout)
	}
	return layout(s, "")
}

// Sample prints a statement of nobody's, marked as a sample, with a code on it that its
// reader can only know by having opened it.
func Sample(servicer loan.Servicer, code string) ([]byte, error) {
	s := sample
	s.Servicer = servicer
	return layouts[s.Layout](&s, code)
}

// sample is a month of a loan at 5.75 %, after the rules of package loan.
var sample = loan.Statement{
	Kind:     loan.ContractLoan,
	IssuedOn: day(2026, 1, 25), PeriodFrom: day(2025, 12, 25), PeriodTo: day(2026, 1, 24), DueOn: day(2026, 2, 15),
	OpeningBalance: 20_000_00, ClosingBalance: 19_669_52,
	InterestCharged: 94_52, Received: 425_00, PrincipalPaid: 330_48, InterestPaid: 94_52,
	AmountDue: 425_00, CurrentDue: 425_00,
	InterestUnpaid: 30_99, PayoffAmount: 19_700_51, PayoffPerDiem: 3_0986,
	YearInterestPaid: 94_52,
	Paper: loan.Paper{
		Layout: CurrentLayout,
		Name:   "Sample Customer", Address: loan.Address{Line1: "1 Example Street", City: "Anytown", State: "NY", PostalCode: "10001"},
		Vehicle: "2024 Sample Sedan", AccountNumberLast4: "0000", Rate: 5_750, MaturesOn: day(2030, 2, 15),
		Balances: []loan.StatementBalance{
			{On: day(2025, 10, 24), Amount: 20_656_30}, {On: day(2025, 11, 24), Amount: 20_328_93},
			{On: day(2025, 12, 24), Amount: 20_000_00}, {On: day(2026, 1, 24), Amount: 19_669_52},
		},
	},
	Lines: []loan.StatementLine{
		{On: day(2026, 1, 14), Kind: loan.PostInterest, Interest: -94_52, Balance: 20_000_00},
		{On: day(2026, 1, 14), Kind: loan.PostPayment, Confirmation: "SAMPLE", Amount: 425_00, Principal: 330_48, Interest: 94_52, Balance: 19_669_52},
	},
}
