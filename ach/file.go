package ach

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/loan"
)

// Originator is who sends files and to whom: what the bank that takes them, the
// originating institution (ODFI), has agreed with the servicer.
type Originator struct {
	Destination     string // immediate destination: the routing number of the ODFI
	DestinationName string // at most 23 characters, as the next
	Origin          string // immediate origin: 9 digits, or 10 characters that the ODFI gave out
	OriginName      string
	CompanyID       string // at most 10 characters; often 1 and the employer's tax number
	CompanyName     string // at most 16 characters; customers see it on their bank statement
	ODFI            string // ODFI identification: 8 digits, which begin every trace number
}

// Entry is one line of a file: money taken from an account, or given back.
type Entry struct {
	ID            string // the caller's number, 1 to 15 characters; it comes back in a return
	Kind          Kind
	Recurring     bool       // payment type R (Auto Pay) instead of S (one-time)
	Amount        loan.Cents // zero in a prenote
	RoutingNumber string
	AccountNumber AccountNumber
	AccountType   loan.AccountType
	Name          string // of the account's holder; made to fit 22 characters
	// EffectiveOn is when the bank shall settle; see the function of that name.
	EffectiveOn loan.Date
	// Trace is the ODFI's identification and a sequence of 7 digits. Traces ascend
	// strictly over the entries.
	Trace string
}

// File is a file ready to be sent.
type File struct {
	IDModifier byte // tells apart the files of a day
	Totals
	Content []byte // holds account numbers: never log it
}

// String says what is in the file, without its content.
func (f File) String() string { return fmt.Sprintf("file %c: %v", f.IDModifier, f.Totals) }

// Format prints String, whatever the verb: the content holds account numbers.
func (f File) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(f.String())) }

// Totals are what the control record of a file says about it.
type Totals struct {
	Batches   int
	Entries   int // addenda not counted
	Debits    loan.Cents
	Credits   loan.Cents
	EntryHash int64 // the sum of the first 8 digits of the routing numbers, modulo 10^10
}

func (t Totals) String() string {
	return fmt.Sprintf("%d entries in %d batches, debits %v, credits %v, hash %010d",
		t.Entries, t.Batches, t.Debits, t.Credits, t.EntryHash)
}

// Limits of one file. The format has 12 digits for a sum, in the file and in each
// batch, 6 for the entries of a batch and for the batches, and 8 for the entries of a
// file; the library drops the digits on the left without a word. The number of
// entries is ours: it bounds the memory of Build, and keeps all other counts in their
// fields.
const (
	MaxFileEntries            = 100_000
	MaxFileTotal   loan.Cents = 999_999_999_999
)

// maxEntryAmount is what the 10 digits of an entry hold; exactly loan.MaxCents.
const maxEntryAmount loan.Cents = 9_999_999_999

const idModifiers = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// ErrTooManyFiles says that a day's 36 file ID modifiers do not suffice.
var ErrTooManyFiles = errors.New("ach: more files than a day has ID modifiers")

// Build makes files of entries: one, and another each time a limit is reached. The
// first file holds the first File.Entries of the entries in the order given, the
// next one those that follow. The files are named by ID modifiers from the given one
// on (A to Z, then 0 to 9). No entries make no file.
//
// All entries have the SEC code WEB, and a file has one batch per effective entry
// date and kind: payments, prenotes, and reversals, which have the company entry
// description REVERSAL (NACHA Operating Rules, reversing entries) and are credits. The files are
// unbalanced: the ODFI makes the offsetting entry.
//
// An entry that cannot be sent as it is gives an [*EntryError], and no file is made.
func Build(o Originator, madeAt time.Time, idModifier byte, entries []Entry) ([]File, error) {
	return build(o, madeAt, idModifier, entries, MaxFileEntries, MaxFileTotal)
}

func build(o Originator, madeAt time.Time, idModifier byte, entries []Entry, most int, total loan.Cents) ([]File, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	next := strings.IndexByte(idModifiers, idModifier)
	if next < 0 {
		return nil, errors.New("ach: the ID modifier is neither a capital letter nor a digit")
	}
	madeAt = madeAt.In(loan.Eastern)
	for i := range entries {
		if err := checkEntry(o, madeAt, entries, i); err != nil {
			return nil, err
		}
	}
	var files []File
	for len(entries) > 0 {
		if next == len(idModifiers) {
			return nil, ErrTooManyFiles
		}
		n := fit(entries, most, total)
		file, err := o.file(madeAt, idModifiers[next], entries[:n])
		if err != nil {
			return nil, err
		}
		files, entries, next = append(files, file), entries[n:], next+1
	}
	return files, nil
}

// fit is how many of the entries one file holds. No batch has more than its file.
func fit(entries []Entry, most int, total loan.Cents) int {
	var debits, credits loan.Cents
	for i := range entries {
		if entries[i].Kind.credit() {
			credits += entries[i].Amount
		} else {
			debits += entries[i].Amount
		}
		if i == most || debits > total || credits > total {
			return i
		}
	}
	return len(entries)
}

func (o Originator) check() error {
	if err := loan.CheckRoutingNumber(o.Destination); err != nil {
		return fmt.Errorf("ach: immediate destination: %w", err)
	}
	if !isDigits(o.ODFI, 8) {
		return errors.New("ach: the ODFI identification has 8 digits")
	}
	if !isDigits(o.Origin, 9) && len(o.Origin) != 10 {
		return errors.New("ach: the immediate origin has 9 digits, or 10 characters")
	}
	for _, field := range []struct {
		name, value string
		size        int
	}{
		{"immediate origin", o.Origin, 10},
		{"immediate destination name", o.DestinationName, 23},
		{"immediate origin name", o.OriginName, 23},
		{"company ID", o.CompanyID, 10},
		{"company name", o.CompanyName, 16},
	} {
		if field.value == "" || alphameric(field.value, field.size) != strings.ToUpper(field.value) {
			return fmt.Errorf("ach: the %s has 1 to %d characters of ASCII", field.name, field.size)
		}
	}
	return nil
}

func checkEntry(o Originator, madeAt time.Time, entries []Entry, i int) error {
	e := &entries[i]
	refuse := func(field, problem string) error { return &EntryError{i, e.ID, field, problem} }
	if e.ID == "" || alphameric(e.ID, 15) != strings.ToUpper(e.ID) {
		return &EntryError{Index: i, Field: "ID", Problem: "it has 1 to 15 characters of ASCII"}
	}
	if _, ok := transactionCode(e.Kind, e.AccountType); !ok {
		return refuse("AccountType", "there is no transaction code for the account type and the kind of entry")
	}
	switch {
	case e.Kind == Prenote && e.Amount != 0:
		return refuse("Amount", "a prenote has none")
	case e.Kind != Prenote && (e.Amount <= 0 || e.Amount > maxEntryAmount):
		return refuse("Amount", "it is more than zero and has at most 10 digits")
	case !isDigits(e.Trace, 15) || !strings.HasPrefix(e.Trace, o.ODFI):
		return refuse("Trace", "it is the ODFI identification and 7 digits")
	case i > 0 && e.Trace <= entries[i-1].Trace:
		return refuse("Trace", "it does not follow the one before")
	case e.EffectiveOn != EffectiveOn(e.EffectiveOn, madeAt):
		return refuse("EffectiveOn", "it is no banking day, or one that the file no longer makes")
	}
	if err := loan.CheckRoutingNumber(e.RoutingNumber); err != nil {
		return refuse("RoutingNumber", err.Error())
	}
	if err := loan.CheckAccountNumber(string(e.AccountNumber)); err != nil {
		return refuse("AccountNumber", err.Error())
	}
	return nil
}

// file makes one file of entries that have been checked and fit.
func (o Originator) file(madeAt time.Time, idModifier byte, entries []Entry) (File, error) {
	file := moov.NewFile()
	file.Header = fileHeader(o.Destination, o.DestinationName, o.Origin, o.OriginName, madeAt, idModifier)
	for _, group := range grouped(entries) {
		batch, err := o.batch(entries, group)
		if err != nil {
			return File{}, err
		}
		file.AddBatch(batch)
	}
	content, totals, err := write(file)
	if err != nil {
		return File{}, err
	}
	return File{IDModifier: idModifier, Totals: totals, Content: content}, nil
}

func fileHeader(destination, destinationName, origin, originName string, madeAt time.Time, idModifier byte) moov.FileHeader {
	h := moov.NewFileHeader()
	h.ImmediateDestination = destination
	h.ImmediateDestinationName = destinationName
	h.ImmediateOrigin = origin
	h.ImmediateOriginName = originName
	h.FileCreationDate = madeAt.Format("060102")
	h.FileCreationTime = madeAt.Format("1504")
	h.FileIDModifier = string(rune(idModifier))
	// Else ten characters lose their last one, and a file to a company is no file.
	h.SetValidation(&moov.ValidateOpts{
		BypassOriginValidation:      len(origin) == 10,
		BypassDestinationValidation: len(destination) == 10,
	})
	return h
}

// grouped is the batches: positions of entries by date and kind, each in order.
func grouped(entries []Entry) [][]int {
	type key struct {
		on   loan.Date
		kind Kind
	}
	groups := map[key][]int{}
	for i := range entries {
		k := key{entries[i].EffectiveOn, entries[i].Kind}
		groups[k] = append(groups[k], i)
	}
	all := make([][]int, 0, len(groups))
	for _, group := range groups {
		all = append(all, group)
	}
	slices.SortFunc(all, func(a, b []int) int {
		x, y := &entries[a[0]], &entries[b[0]]
		if days := y.EffectiveOn.DaysUntil(x.EffectiveOn); days != 0 {
			return days
		}
		return int(x.Kind - y.Kind)
	})
	return all
}

// description is the company entry description. PAYROLL and PURCHASE are reserved
// for wages and for goods bought online (NACHA, from 2026-03-20); a loan payment is
// neither.
func (k Kind) description() string {
	switch k {
	case Debit:
		return "AUTO PMT"
	case Prenote:
		return "PRENOTE"
	case Reversal:
		return "REVERSAL"
	case MicroEntry:
		return "ACCTVERIFY" // reserved for this (NACHA, from 2022-09-16)
	}
	return ""
}

func (o Originator) batch(entries []Entry, group []int) (moov.Batcher, error) {
	first := &entries[group[0]]
	h := moov.NewBatchHeader()
	h.ServiceClassCode = moov.DebitsOnly
	if first.Kind.credit() {
		h.ServiceClassCode = moov.CreditsOnly
	}
	h.CompanyName = o.CompanyName
	h.CompanyIdentification = o.CompanyID
	h.StandardEntryClassCode = moov.WEB
	h.CompanyEntryDescription = first.Kind.description()
	h.EffectiveEntryDate = yymmdd(first.EffectiveOn)
	h.CompanyDescriptiveDate = h.EffectiveEntryDate // what customers are shown
	h.ODFIIdentification = o.ODFI

	batch := moov.NewBatchWEB(h)
	batch.Entries = make([]*moov.EntryDetail, len(group))
	details := make([]moov.EntryDetail, len(group))
	for n, i := range group {
		detail := &details[n]
		entries[i].fill(detail)
		batch.Entries[n] = detail
	}
	if err := batch.Create(); err != nil {
		return nil, withoutValues(err)
	}
	return batch, nil
}

func (e *Entry) fill(detail *moov.EntryDetail) {
	code, _ := transactionCode(e.Kind, e.AccountType) // checked before
	detail.Category = moov.CategoryForward
	detail.TransactionCode = code
	detail.RDFIIdentification, detail.CheckDigit = e.RoutingNumber[:8], e.RoutingNumber[8:]
	detail.DFIAccountNumber = string(e.AccountNumber)
	detail.Amount = int(e.Amount)
	detail.IdentificationNumber = e.ID
	detail.IndividualName = alphameric(e.Name, 22)
	if strings.Trim(detail.IndividualName, " 0") == "" {
		detail.IndividualName = "CUSTOMER" // the field is mandatory
	}
	detail.DiscretionaryData = "S"
	if e.Recurring {
		detail.DiscretionaryData = "R"
	}
	detail.TraceNumber = e.Trace
}

func yymmdd(d loan.Date) string { return fmt.Sprintf("%02d%02d%02d", d.Year%100, d.Month, d.Day) }

// write adds the control record and makes the bytes; the library validates all.
func write(file *moov.File) ([]byte, Totals, error) {
	if err := file.Create(); err != nil {
		return nil, Totals{}, withoutValues(err)
	}
	totals := totalsOf(file)
	var b bytes.Buffer
	b.Grow((file.Control.EntryAddendaCount + 2*totals.Batches + 12) * (moov.RecordLength + 1))
	if err := moov.NewWriter(&b).Write(file); err != nil {
		return nil, Totals{}, withoutValues(err)
	}
	return b.Bytes(), totals, nil
}

func totalsOf(file *moov.File) Totals {
	t := Totals{
		Batches:   file.Control.BatchCount,
		Debits:    loan.Cents(file.Control.TotalDebitEntryDollarAmountInFile),
		Credits:   loan.Cents(file.Control.TotalCreditEntryDollarAmountInFile),
		EntryHash: int64(file.Control.EntryHash),
	}
	for _, batch := range file.Batches {
		t.Entries += len(batch.GetEntries())
	}
	return t
}
