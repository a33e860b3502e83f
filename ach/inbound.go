package ach

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/loan"
)

// Inbound is what a bank sent: entries that came back, and notifications of change.
type Inbound struct {
	MadeOn loan.Date // the file's creation date
	Totals
	Returns       []Return
	Notifications []Notification
	// Others are entries of another sort, such as forward entries and refused
	// notifications: nothing is done about them but to show them to an operator.
	Others []Reference
}

// Reference says which entry a record is about. Our own trace number names it; ID,
// company and bank are there to make sure, because an ODFI's customers may number
// their traces alike.
type Reference struct {
	Trace         string // of the record itself; with the code it tells a replay
	OriginalTrace string // of the entry that we sent; empty in others
	OriginalRDFI  string // the first 8 digits of the routing number that it was sent to
	ID            string
	CompanyID     string
	SEC           string
	// SettledOn is the settlement date that the ACH operator put in, else the day on
	// which the file was made.
	SettledOn loan.Date
}

// Return is an entry that came back.
type Return struct {
	Reference
	Code        string // R01 to R85; see [ActionFor]
	Amount      loan.Cents
	AccountType loan.AccountType // empty where it is neither checking nor savings
	// Credit tells that what came back is a credit: a reversal, and no payment.
	Credit bool
	// Addenda is the bank's free text, with long numbers masked.
	Addenda string
}

// Prenote tells whether what came back took no money.
func (r Return) Prenote() bool { return r.Amount == 0 }

// Notification is a notification of change (NOC): what has to be corrected before
// the next entry to the account.
type Notification struct {
	Reference
	Code       string // C01 to C14; see [FieldsOf]
	Correction Correction
	// Unusable tells that the code corrects something that an entry of ours has, but
	// the corrected data does not hold it as it should. An operator has to ask the bank.
	Unusable bool
}

// Parse reads a file of returns and notifications of change. A file that is not
// whole and right in all its counts, sums and hashes gives a [*FileError], and
// nothing of it.
//
// Lines may end in LF or CR LF, or not at all; the lines of nines which fill the last
// block may be missing.
func Parse(data []byte) (*Inbound, error) {
	file, err := read(data)
	if err != nil {
		return nil, err
	}
	madeAt, err := time.ParseInLocation("060102", file.Header.FileCreationDate, loan.Eastern)
	if err != nil {
		return nil, &FileError{Line: 1, Field: "FileCreationDate", Err: ErrMalformed}
	}
	in := &Inbound{MadeOn: loan.DateOf(madeAt), Totals: totalsOf(file)}
	for _, batch := range file.Batches {
		for _, entry := range batch.GetEntries() {
			in.add(batch.GetHeader(), entry)
		}
	}
	return in, nil
}

func (in *Inbound) add(h *moov.BatchHeader, e *moov.EntryDetail) {
	ref := Reference{
		Trace:     e.TraceNumber,
		ID:        strings.TrimSpace(e.IdentificationNumber),
		CompanyID: h.CompanyIdentification,
		SEC:       h.StandardEntryClassCode,
		SettledOn: settledOn(h.SettlementDate, in.MadeOn),
	}
	switch {
	case e.Addenda99 != nil:
		a := e.Addenda99
		ref.OriginalTrace, ref.OriginalRDFI = a.OriginalTrace, a.OriginalDFI
		in.returned(ref, a.ReturnCode, a.AddendaInformation, e)
	case e.Addenda99Dishonored != nil:
		a := e.Addenda99Dishonored
		ref.OriginalTrace, ref.OriginalRDFI = a.OriginalEntryTraceNumber, a.OriginalReceivingDFIIdentification
		in.returned(ref, a.DishonoredReturnReasonCode, a.AddendaInformation, e)
	case e.Addenda99Contested != nil:
		a := e.Addenda99Contested
		ref.OriginalTrace, ref.OriginalRDFI = a.OriginalEntryTraceNumber, a.OriginalReceivingDFIIdentification
		in.returned(ref, a.ContestedReturnCode, "", e)
	case e.Addenda98 != nil:
		a := e.Addenda98
		ref.OriginalTrace, ref.OriginalRDFI = a.OriginalTrace, a.OriginalDFI
		n := Notification{Reference: ref, Code: a.ChangeCode}
		correction, ok := parseCorrection(a.ChangeCode, a.CorrectedData)
		n.Correction, n.Unusable = correction, !ok
		in.Notifications = append(in.Notifications, n)
	default:
		in.Others = append(in.Others, ref)
	}
}

func (in *Inbound) returned(ref Reference, code, addenda string, e *moov.EntryDetail) {
	account, _ := accountTypeOf(e.TransactionCode)
	in.Returns = append(in.Returns, Return{
		Reference:   ref,
		Code:        code,
		Amount:      loan.Cents(e.Amount),
		AccountType: account,
		Credit:      e.CreditOrDebit() == "C",
		Addenda:     maskDigits(strings.TrimSpace(addenda)),
	})
}

// settledOn resolves the operator's settlement date, a day of the year from 001 on,
// to the one nearest to the day on which the file was made.
func settledOn(day string, madeOn loan.Date) loan.Date {
	n, err := strconv.Atoi(day)
	if err != nil {
		return madeOn
	}
	best := loan.Date{}
	for year := madeOn.Year - 1; year <= madeOn.Year+1; year++ {
		d := loan.Date{Year: year, Month: time.January, Day: 1}.AddDays(n - 1)
		if best.IsZero() || distance(d, madeOn) < distance(best, madeOn) {
			best = d
		}
	}
	return best
}

func distance(a, b loan.Date) int { return max(a.DaysUntil(b), b.DaysUntil(a)) }

// readOptions are where real files differ from the library's idea of the rules:
// files to a company are addressed to its ten characters, return codes come and go,
// and an ODFI which gathers returns numbers their batches as they were.
func readOptions() *moov.ValidateOpts {
	return &moov.ValidateOpts{
		BypassDestinationValidation: true,
		CustomReturnCodes:           true,
		AllowUnorderedBatchNumbers:  true,
	}
}

// read is a whole and valid file.
func read(data []byte) (*moov.File, error) {
	records, err := split(data)
	if err != nil {
		return nil, err
	}
	if err := checkFrame(records); err != nil {
		return nil, err
	}
	// With the charset given, the library does not look for one in the content.
	r := moov.NewReaderWithContentType(bytes.NewReader(bytes.Join(records, []byte("\n"))), "text/plain; charset=utf-8")
	r.SetValidation(readOptions())
	file, err := r.Read()
	if err != nil {
		return nil, withoutValues(err)
	}
	if err := file.Validate(); err != nil {
		return nil, withoutValues(err)
	}
	return &file, nil
}

// split cuts a file into records of 94 characters. The control record and the
// header end in a field that may be blank, and transfers trim lines.
func split(data []byte) ([][]byte, error) {
	if len(data) < 3 || string(data[:3]) != "101" {
		return nil, &FileError{Err: ErrNotACH}
	}
	const size = moov.RecordLength
	records := make([][]byte, 0, len(data)/size+1)
	add := func(record []byte) error {
		line := len(records) + 1
		for _, c := range record {
			if c < ' ' || c > '~' {
				return &FileError{Line: line, Err: ErrMalformed}
			}
		}
		if len(record) < size {
			if least := map[byte]int{'1': 40, '9': 55}[record[0]]; least == 0 || len(record) < least {
				return &FileError{Line: line, Err: ErrTruncated}
			}
			record = append(append(make([]byte, 0, size), record...), strings.Repeat(" ", size-len(record))...)
		}
		records = append(records, record)
		return nil
	}
	for chunk := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line := bytes.TrimRight(chunk, " ")
		switch {
		case len(line) == 0:
			continue
		case len(line) <= size:
			chunk = chunk[:min(len(chunk), size)]
		case len(records) > 0: // only a file with no line ends has a long line
			return nil, &FileError{Line: len(records) + 1, Field: "record length", Err: ErrMalformed}
		}
		for part := range slices.Chunk(chunk, size) {
			if err := add(part); err != nil {
				return nil, err
			}
		}
	}
	return records, nil
}

// checkFrame holds the records to their order: a header, batches, a control record,
// and nines to fill the block. The library forgives what a cut or a mix-up leaves.
func checkFrame(records [][]byte) error {
	inBatch, done := false, false
	for i, record := range records {
		fault := func(field string) error { return &FileError{Line: i + 1, Field: field, Err: ErrMalformed} }
		if done {
			if len(bytes.Trim(record, "9")) > 0 {
				return fault("record after the control record")
			}
			continue
		}
		ok := false
		switch record[0] {
		case '1':
			ok = i == 0
		case '5':
			ok = i > 0 && !inBatch
			inBatch = true
			// Neither is ours to get, and the library reads them by other rules.
			if sec := string(record[50:53]); sec == moov.IAT || sec == moov.ADV || strings.HasPrefix(string(record[4:20]), moov.IATCOR) {
				return fault("StandardEntryClassCode")
			}
		case '6':
			ok = inBatch
			if !isDigits(string(record[29:39]), 10) {
				return fault("Amount")
			}
			if !isDigits(string(record[79:94]), 15) {
				return fault("TraceNumber")
			}
		case '7':
			ok = inBatch && (records[i-1][0] == '6' || records[i-1][0] == '7')
		case '8':
			ok = inBatch
			inBatch = false
		case '9':
			ok, done = !inBatch, true
		}
		if !ok {
			return fault("record type")
		}
	}
	if !done {
		return &FileError{Line: len(records), Err: ErrTruncated}
	}
	return nil
}
