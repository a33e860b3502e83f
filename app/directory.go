package app

import (
	"fmt"
	"os"

	"github.com/automobilepay/mobilepay/ach"
)

// directory names the banks that the operator's file lists, or in its absence
// those that are invented.
type directory struct{ banks *ach.Directory }

func openDirectory(path string) (directory, error) {
	if path == "" {
		return directory{ach.SyntheticDirectory()}, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the path
	if err != nil {
		return directory{}, fmt.Errorf("read the directory of routing numbers: %w", err)
	}
	banks, err := ach.ParseDirectory(text)
	return directory{banks}, err
}

// Lookup implements resolvers.Directory.
func (d directory) Lookup(routingNumber string) (name string, ok bool) {
	bank, ok := d.banks.Lookup(routingNumber)
	return bank.Name, ok
}
