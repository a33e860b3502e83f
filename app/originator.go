package app

import "github.com/automobilepay/mobilepay/ach"

// originator is who asks the bank for debits. The numbers are those of the
// sandbox's invented bank.
var originator = ach.Originator{
	Destination: "021000021", DestinationName: "FIRST SYNTHETIC BANK",
	Origin: "123456780", OriginName: "MOBILEPAY SERVICING",
	CompanyID: "1234567890", CompanyName: "MOBILEPAY", ODFI: "02100002",
}
