package ach

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

// Correction is what a notification of change corrects. What it leaves alone is
// empty.
type Correction struct {
	RoutingNumber string
	AccountNumber AccountNumber
	AccountType   loan.AccountType
	Name          string
}

// Fields says which parts of a bank account a notification corrects.
type Fields struct {
	RoutingNumber, AccountNumber, AccountType, Name bool
}

// changes is the table of change codes (NACHA Operating Rules, Appendix Five). C08
// and C14 are for IAT; C09 and C13 correct the identification number and the
// addenda, which are ours and not the customer's.
var changes = map[string]Fields{
	"C01": {AccountNumber: true},
	"C02": {RoutingNumber: true},
	"C03": {RoutingNumber: true, AccountNumber: true},
	"C04": {Name: true},
	"C05": {AccountType: true},
	"C06": {AccountNumber: true, AccountType: true},
	"C07": {RoutingNumber: true, AccountNumber: true, AccountType: true},
}

// FieldsOf says what a change code corrects; false for one that corrects nothing of
// a bank account.
func FieldsOf(code string) (Fields, bool) {
	fields, ok := changes[code]
	return fields, ok
}

// parseCorrection reads the corrected data of a change code: the routing number
// first, the transaction code last, the account number between them. By the rules
// each has its columns, but banks and the library write them flush right too. False
// where something is missing or could not be debited.
func parseCorrection(code, data string) (c Correction, ok bool) {
	fields, known := changes[code]
	rest := strings.TrimSpace(data)
	if !known {
		return Correction{}, code == "C09" || code == "C13"
	}
	if fields.Name {
		return Correction{Name: rest}, rest != ""
	}
	if fields.RoutingNumber {
		if len(rest) < 9 || loan.CheckRoutingNumber(rest[:9]) != nil {
			return Correction{}, false
		}
		c.RoutingNumber, rest = rest[:9], strings.TrimSpace(rest[9:])
	}
	if fields.AccountType {
		if len(rest) < 2 {
			return Correction{}, false
		}
		cut := len(rest) - 2
		number, err := strconv.Atoi(rest[cut:])
		if c.AccountType, ok = accountTypeOf(number); err != nil || !ok {
			return Correction{}, false
		}
		rest = strings.TrimSpace(rest[:cut])
	}
	if fields.AccountNumber {
		if loan.CheckAccountNumber(rest) != nil {
			return Correction{}, false
		}
		c.AccountNumber, rest = AccountNumber(rest), ""
	}
	if rest != "" {
		return Correction{}, false
	}
	return c, true
}

// data writes a correction into the columns of its code; false where it has not
// exactly what the code corrects.
func (c Correction) data(code string, kind Kind) (string, bool) {
	fields, ok := changes[code]
	has := Fields{c.RoutingNumber != "", c.AccountNumber != "", c.AccountType != "", c.Name != ""}
	if !ok || has != fields {
		return "", false
	}
	transaction := ""
	if fields.AccountType {
		number, ok := transactionCode(kind, c.AccountType)
		if !ok {
			return "", false
		}
		transaction = strconv.Itoa(number)
	}
	account, out := string(c.AccountNumber), ""
	switch code {
	case "C03":
		out = c.RoutingNumber + "   " + account
	case "C06":
		out = fmt.Sprintf("%-20s%s", account, transaction)
	case "C07":
		out = fmt.Sprintf("%s%-17s%s", c.RoutingNumber, account, transaction)
	default:
		out = c.RoutingNumber + account + transaction + c.Name
	}
	got, ok := parseCorrection(code, out)
	return out, ok && got == c
}
