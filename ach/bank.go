package ach

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/loan"
)

// ErrNoSuchEntry says that no entry, or more than one, has a trace number.
var ErrNoSuchEntry = errors.New("ach: the file has no such entry")

// Rejection is an entry that a bank returns, and why.
type Rejection struct {
	Trace string
	Code  string // R01 to R99, without the codes between the banks (R61 to R79)
}

// Change is an entry that a bank takes, and what it wants corrected.
type Change struct {
	Trace string
	Code  string // C01 to C07
	Correction
}

// BuildReturn is the file with which the receiving banks return entries of an
// original file, addressed to its originator. Its records follow the NACHA rules as
// a bank's would: one batch for each bank and original batch, transaction code 26 or
// 36 (21 or 31 for a credit), Addenda99. The sandbox's bank uses it, and tests do.
func BuildReturn(original []byte, at time.Time, rejections ...Rejection) ([]byte, error) {
	answers := make([]answer, len(rejections))
	for i, r := range rejections {
		if len(r.Code) != 3 || r.Code[0] != 'R' || !isDigits(r.Code[1:], 2) || r.Code[1] == '6' || r.Code[1] == '7' {
			return nil, errors.New("ach: this is not a code with which a bank returns an entry")
		}
		answers[i].trace, answers[i].fill = r.Trace, func(e, to *moov.EntryDetail) error {
			addenda := moov.NewAddenda99()
			addenda.SetValidation(readOptions())
			addenda.ReturnCode = r.Code
			addenda.OriginalTrace, addenda.OriginalDFI = e.TraceNumber, e.RDFIIdentification
			to.Category, to.Amount, to.Addenda99 = moov.CategoryReturn, e.Amount, addenda
			return nil
		}
	}
	return buildAnswer(original, at, "", answers)
}

// BuildNotification is the file with which the receiving banks notify of changes to
// entries of an original file: SEC code COR, no amount, Addenda98.
func BuildNotification(original []byte, at time.Time, changes ...Change) ([]byte, error) {
	answers := make([]answer, len(changes))
	for i, c := range changes {
		answers[i].trace, answers[i].fill = c.Trace, func(e, to *moov.EntryDetail) error {
			data, ok := c.data(c.Code, kindOf(e.TransactionCode))
			if !ok {
				return errors.New("ach: the correction has not just what its code corrects")
			}
			addenda := moov.NewAddenda98()
			addenda.ChangeCode, addenda.CorrectedData = c.Code, data
			addenda.OriginalTrace, addenda.OriginalDFI = e.TraceNumber, e.RDFIIdentification
			to.Category, to.Addenda98 = moov.CategoryNOC, addenda
			return nil
		}
	}
	return buildAnswer(original, at, moov.COR, answers)
}

func kindOf(code int) Kind {
	switch code % 10 {
	case 8:
		return Prenote
	case 2:
		return Reversal
	}
	return Debit
}

// answer is what a bank says about one entry of a file.
type answer struct {
	trace string
	fill  func(e, to *moov.EntryDetail) error
}

// buildAnswer makes a file of answers; sec replaces the original's code unless empty.
func buildAnswer(original []byte, at time.Time, sec string, answers []answer) ([]byte, error) {
	if len(answers) == 0 {
		return nil, errors.New("ach: nothing to answer")
	}
	from, err := read(original)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]answer, len(answers))
	for _, a := range answers {
		wanted[a.trace] = a
	}
	file := moov.NewFile()
	file.Header = fileHeader(from.Header.ImmediateOrigin, from.Header.ImmediateOriginName,
		from.Header.ImmediateDestination, from.Header.ImmediateDestinationName, at.In(loan.Eastern), 'A')
	file.SetValidation(readOptions())
	found := 0
	for _, batch := range from.Batches {
		byBank := map[string][]*moov.EntryDetail{}
		for _, e := range batch.GetEntries() {
			a, ok := wanted[e.TraceNumber]
			if !ok {
				continue
			}
			to := turned(batch.GetHeader(), e)
			if err := a.fill(e, to); err != nil {
				return nil, err
			}
			to.SetTraceNumber(e.RDFIIdentification, sequence(e.TraceNumber))
			byBank[e.RDFIIdentification] = append(byBank[e.RDFIIdentification], to)
			found++
		}
		if err := addBatches(file, batch.GetHeader(), byBank, sec, at); err != nil {
			return nil, err
		}
	}
	if found != len(answers) {
		return nil, ErrNoSuchEntry
	}
	content, _, err := write(file)
	return content, err
}

// turned is an entry on its way back: addressed to the bank that it came from.
func turned(h *moov.BatchHeader, e *moov.EntryDetail) *moov.EntryDetail {
	to := moov.NewEntryDetail()
	to.SetRDFI(h.ODFIIdentification + fmt.Sprint(moov.CalculateCheckDigit(h.ODFIIdentification)))
	to.TransactionCode = returnCode(e.TransactionCode)
	to.DFIAccountNumber = e.DFIAccountNumber
	to.IdentificationNumber = strings.TrimSpace(e.IdentificationNumber)
	to.IndividualName = strings.TrimSpace(e.IndividualName)
	to.DiscretionaryData = strings.TrimSpace(e.DiscretionaryData)
	to.AddendaRecordIndicator = 1
	return to
}

// sequence is the last seven digits of a trace number.
func sequence(trace string) int {
	n := 0
	for _, c := range trace[len(trace)-7:] {
		n = n*10 + int(c-'0')
	}
	return n
}

func addBatches(file *moov.File, original *moov.BatchHeader, byBank map[string][]*moov.EntryDetail, sec string, at time.Time) error {
	day := at.In(loan.Eastern)
	banks := make([]string, 0, len(byBank))
	for bank := range byBank {
		banks = append(banks, bank)
	}
	slices.Sort(banks)
	for _, bank := range banks {
		h := *original
		h.ODFIIdentification = bank
		h.EffectiveEntryDate = day.Format("060102")
		h.SettlementDate = fmt.Sprintf("%03d", day.YearDay())
		h.BatchNumber = len(file.Batches) + 1
		if sec != "" {
			h.StandardEntryClassCode = sec
		}
		batch, err := moov.NewBatch(&h)
		if err != nil {
			return withoutValues(err)
		}
		for _, e := range byBank[bank] {
			batch.AddEntry(e)
		}
		if err := batch.Create(); err != nil {
			return withoutValues(err)
		}
		file.AddBatch(batch)
	}
	return nil
}
