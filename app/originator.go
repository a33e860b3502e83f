package app

import (
	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/bank"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/servicing"
)

// originator is who asks the bank for debits. The numbers are those of the
// sandbox's invented bank.
var originator = ach.Originator{
	Destination: "021000021", DestinationName: "FIRST SYNTHETIC BANK",
	Origin: "123456780", OriginName: "MOBILEPAY SERVICING",
	CompanyID: "1234567890", CompanyName: "MOBILEPAY", ODFI: "02100002",
}

// openOutbox is where the files for the bank go: to its server, or to a folder
// from which its gateway takes them.
func openOutbox(cfg config.Config) (servicing.Outbox, error) {
	location := cfg.SFTP()
	if location == nil {
		return bank.Outbox(cfg.Outbox), nil
	}
	outbox, err := bank.OpenSFTP(location, cfg.SFTPKey, cfg.SFTPKnownHosts)
	if err != nil {
		return nil, err
	}
	return outbox, nil
}
