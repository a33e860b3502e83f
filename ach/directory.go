package ach

import (
	"bytes"
	_ "embed" // the synthetic directory
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	moov "github.com/moov-io/ach"
)

// Bank is a participant of FedACH.
type Bank struct {
	RoutingNumber string
	Name          string
	City          string
	State         string
	// NewRoutingNumber is where entries go instead, after a merger; empty where they
	// go to RoutingNumber.
	NewRoutingNumber string
}

// Directory knows the banks by their routing numbers. It does not change, and may be
// shared.
type Directory struct{ banks map[string]Bank }

// Lookup finds a bank.
func (d *Directory) Lookup(routingNumber string) (Bank, bool) {
	bank, ok := d.banks[routingNumber]
	return bank, ok
}

// Len is how many banks it knows.
func (d *Directory) Len() int { return len(d.banks) }

// DirectoryError says where a directory file is at fault. In the JSON form, Line is
// the number of the participant, from 1.
type DirectoryError struct {
	Line    int
	Problem string
}

func (e *DirectoryError) Error() string {
	return fmt.Sprintf("ach: directory, line %d: %s", e.Line, e.Problem)
}

//go:embed directory.txt
var synthetic []byte

// SyntheticDirectory is a directory of invented banks, for tests and the sandbox.
// The operator supplies the real one.
var SyntheticDirectory = sync.OnceValue(func() *Directory {
	d, err := ParseDirectory(synthetic)
	if err != nil {
		panic(err) // a fault of the build; a test reads it
	}
	return d
})

// participant is a record of the directory, as the JSON form names its fields.
type participant struct {
	RoutingNumber    string `json:"routingNumber"`
	RecordType       string `json:"recordTypeCode"` // 0 Federal Reserve Bank, 1 as it is, 2 to the new number
	NewRoutingNumber string `json:"newRoutingNumber"`
	Name             string `json:"customerName"`
	City             string `json:"customerCity"`
	State            string `json:"customerState"`
}

// ParseDirectory reads the FedACH participant directory in either form in which the
// Federal Reserve gives it out: FedACHdir.txt, lines of 155 characters, or JSON
// (frbservices.org, FedACH participant RDFI file format). Anything wrong gives an
// error and no directory.
func ParseDirectory(data []byte) (*Directory, error) {
	d := &Directory{banks: map[string]Bank{}}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		if err := d.addJSON(data); err != nil {
			return nil, err
		}
		return d.checked()
	}
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		text = strings.TrimRight(text, "\r\n")
		if text == "" {
			continue
		}
		// The last five characters are blank, and transfers trim lines.
		if len(text) < 150 || len(text) > 155 {
			return nil, &DirectoryError{line, "a line has 155 characters"}
		}
		if err := d.add(line, participant{
			RoutingNumber:    text[:9],
			RecordType:       text[19:20],
			NewRoutingNumber: text[26:35],
			Name:             text[35:71],
			City:             text[107:127],
			State:            text[127:129],
		}); err != nil {
			return nil, err
		}
	}
	return d.checked()
}

func (d *Directory) checked() (*Directory, error) {
	if len(d.banks) == 0 {
		return nil, errors.New("ach: the directory is empty")
	}
	return d, nil
}

func (d *Directory) addJSON(data []byte) error {
	var file struct {
		Outer struct {
			Participants []participant `json:"fedACHParticipants"`
		} `json:"fedACHParticipants"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("ach: directory: %w", err)
	}
	for i, p := range file.Outer.Participants {
		if err := d.add(i+1, p); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) add(line int, p participant) error {
	refuse := func(problem string) error { return &DirectoryError{line, problem} }
	bank := Bank{
		RoutingNumber: p.RoutingNumber,
		Name:          strings.TrimSpace(p.Name),
		City:          strings.TrimSpace(p.City),
		State:         strings.TrimSpace(p.State),
	}
	// Not the rule for consumers' banks: the Federal Reserve itself is in it.
	if !isDigits(p.RoutingNumber, 9) || moov.CheckRoutingNumber(p.RoutingNumber) != nil {
		return refuse("the routing number is none")
	}
	if bank.Name == "" {
		return refuse("the bank has no name")
	}
	switch p.RecordType {
	case "0", "1":
	case "2":
		bank.NewRoutingNumber = p.NewRoutingNumber
		if !isDigits(p.NewRoutingNumber, 9) || moov.CheckRoutingNumber(p.NewRoutingNumber) != nil {
			return refuse("the new routing number is none")
		}
	default:
		return refuse("the record type is not 0, 1 or 2")
	}
	if _, twice := d.banks[bank.RoutingNumber]; twice {
		return refuse("the routing number is there twice")
	}
	d.banks[bank.RoutingNumber] = bank
	return nil
}
