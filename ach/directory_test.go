package ach_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

func TestSyntheticDirectory(t *testing.T) {
	d := ach.SyntheticDirectory()
	if d.Len() != 20 {
		t.Errorf("%d banks", d.Len())
	}
	for number, want := range map[string]ach.Bank{
		"021000021": {RoutingNumber: "021000021", Name: "FIRST SYNTHETIC BANK", City: "NEW YORK", State: "NY"},
		"122105155": {RoutingNumber: "122105155", Name: "SAGUARO EXAMPLE BANK", City: "PHOENIX", State: "AZ"},
		"311109991": {RoutingNumber: "311109991", Name: "BROWNSTONE MERGED BANK", City: "WILMINGTON", State: "DE", NewRoutingNumber: "031109996"},
	} {
		if got, ok := d.Lookup(number); !ok || got != want {
			t.Errorf("%s: %+v", number, got)
		}
	}
	for _, number := range []string{"123456780", "110000000", "091000019"} {
		if _, ok := d.Lookup(number); !ok {
			t.Errorf("%s is not there", number)
		}
	}
	for _, number := range []string{"", "021000022", "000000000"} {
		if bank, ok := d.Lookup(number); ok || bank != (ach.Bank{}) {
			t.Errorf("%s is there", number)
		}
	}
	// Whatever it names can be debited.
	data, err := os.ReadFile("directory.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if err := loan.CheckRoutingNumber(line[:9]); err != nil {
			t.Errorf("%s: %v", line[:9], err)
		}
	}
}

func TestParseDirectoryJSON(t *testing.T) {
	d, err := ach.ParseDirectory([]byte(`{"fedACHParticipants":{"response":{"code":200},"fedACHParticipants":[
		{"routingNumber":"021000021","officeCode":"O","servicingFRBNumber":"021001208","recordTypeCode":"1","changeDate":"010126",
		 "newRoutingNumber":"000000000","customerName":"FIRST SYNTHETIC BANK","customerCity":"NEW YORK","customerState":"NY"},
		{"routingNumber":"311109991","recordTypeCode":"2","newRoutingNumber":"031109996","customerName":"BROWNSTONE MERGED BANK"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Lookup("021000021"); got != (ach.Bank{RoutingNumber: "021000021", Name: "FIRST SYNTHETIC BANK", City: "NEW YORK", State: "NY"}) {
		t.Errorf("%+v", got)
	}
	if got, _ := d.Lookup("311109991"); got.NewRoutingNumber != "031109996" {
		t.Errorf("%+v", got)
	}
	for _, data := range []string{`{`, `{}`, `{"fedACHParticipants":{"fedACHParticipants":[{"routingNumber":"021000022"}]}}`} {
		if d, err := ach.ParseDirectory([]byte(data)); err == nil || d != nil {
			t.Errorf("%s was taken", data)
		}
	}
}

func TestParseDirectoryRefuses(t *testing.T) {
	data, err := os.ReadFile("directory.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for name, c := range map[string]struct {
		at   int
		with string
	}{
		"checksum":    {0, "021000022"},
		"letters":     {0, "02100002x"},
		"name":        {35, strings.Repeat(" ", 36)},
		"record type": {19, "3"},
		"new number":  {19, "2010126000000001"},
		"duplicate":   {0, lines[0][:9]},
		"length":      {150, "          "},
	} {
		all := append([]string(nil), lines...)
		line := all[2]
		all[2] = line[:c.at] + c.with
		if n := c.at + len(c.with); n < len(line) {
			all[2] += line[n:]
		}
		d, err := ach.ParseDirectory([]byte(strings.Join(all, "\n")))
		var fault *ach.DirectoryError
		if !errors.As(err, &fault) || fault.Line != 3 || d != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, data := range []string{"", "\n\n", "too short"} {
		if d, err := ach.ParseDirectory([]byte(data)); err == nil || d != nil {
			t.Errorf("%q was taken", data)
		}
	}
	// Lines that a transfer trimmed, and its line ends, are the same directory.
	var trimmed []string
	for _, line := range lines {
		trimmed = append(trimmed, strings.TrimRight(line, " "))
	}
	if d, err := ach.ParseDirectory([]byte(strings.Join(trimmed, "\r\n"))); err != nil || d.Len() != len(lines) {
		t.Error(err)
	}
}
