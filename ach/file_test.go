package ach_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	moov "github.com/moov-io/ach"
	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata, where a change is read as a diff.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

// canary is an account number that must be found in files only.
const canary = "55500012345678901"

var originator = ach.Originator{
	Destination:     "091000019",
	DestinationName: "NORTH STAR FICTIONAL BK",
	Origin:          "1123456789",
	OriginName:      "AUTO LOAN SERVICER",
	CompanyID:       "1123456789",
	CompanyName:     "AUTO LOAN SVC",
	ODFI:            "09100001",
}

// madeAt is just after the first cut-off of Wednesday 2026-11-18.
var madeAt = time.Date(2026, time.November, 18, 20, 2, 0, 0, time.UTC)

func date(t testing.TB, s string) loan.Date {
	t.Helper()
	d, err := loan.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func trace(n int) string { return fmt.Sprintf("09100001%07d", n) }

// entries has one of each sort, in no good order.
func entries(t testing.TB) []ach.Entry {
	today, friday := date(t, "2026-11-18"), date(t, "2026-11-27")
	return []ach.Entry{
		{ID: "1001", Amount: 42500, RoutingNumber: "021000021", AccountNumber: canary, AccountType: loan.Checking,
			Name: "Maria López-Straßmann the Third", EffectiveOn: today, Trace: trace(1)},
		{ID: "1002", Amount: 31_275, RoutingNumber: "122105155", AccountNumber: "000987654321", AccountType: loan.Savings,
			Name: "James O’Neil", Recurring: true, EffectiveOn: friday, Trace: trace(2)},
		{ID: "A17", Kind: ach.Prenote, RoutingNumber: "021000021", AccountNumber: "4444", AccountType: loan.Savings,
			Name: "花子", EffectiveOn: today, Trace: trace(3)},
		{ID: "1003", Amount: loan.MaxCents, RoutingNumber: "322271627", AccountNumber: "777888999", AccountType: loan.Checking,
			Name: "Ann\nLee\t", EffectiveOn: today, Trace: trace(4)},
		{ID: "993", Kind: ach.Reversal, Amount: 10_000, RoutingNumber: "011401533", AccountNumber: "123123123", AccountType: loan.Savings,
			Name: "Bo Diaz", Recurring: true, EffectiveOn: today, Trace: trace(5)},
		{ID: "994", Kind: ach.Reversal, Amount: 1, RoutingNumber: "021000021", AccountNumber: "123123124", AccountType: loan.Checking,
			Name: "Cy Young", EffectiveOn: today, Trace: trace(6)},
	}
}

func mustBuild(t testing.TB, entries []ach.Entry) ach.File {
	t.Helper()
	files, err := ach.Build(originator, madeAt, 'A', entries)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Fatalf("%d files", len(files))
	}
	return files[0]
}

// readBack reads a file as strictly as the library can.
func readBack(t testing.TB, content []byte) *moov.File {
	t.Helper()
	file, err := moov.NewReader(bytes.NewReader(content)).Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Validate(); err != nil {
		t.Fatal(err)
	}
	return &file
}

func TestBuild(t *testing.T) {
	file := mustBuild(t, entries(t))
	golden(t, "payments.ach", file.Content)

	want := ach.Totals{
		Batches: 4, Entries: 6, Debits: 42500 + 31275 + loan.MaxCents, Credits: 10001,
		EntryHash: 3*2100002 + 12210515 + 32227162 + 1140153,
	}
	if file.Totals != want {
		t.Errorf("totals %v, want %v", file.Totals, want)
	}
	read := readBack(t, file.Content)
	if got := read.Control; got.TotalDebitEntryDollarAmountInFile != int(want.Debits) ||
		got.TotalCreditEntryDollarAmountInFile != int(want.Credits) ||
		got.EntryAddendaCount != want.Entries || got.BatchCount != want.Batches || int64(got.EntryHash) != want.EntryHash {
		t.Errorf("control record %+v", got)
	}
	if len(strings.TrimSuffix(string(file.Content), "\n")) != 20*95-1 {
		t.Error("the file is not made of blocks of ten lines")
	}

	type batch struct {
		description, on string
		class           int
		entries         string
	}
	var got []batch
	for _, b := range read.Batches {
		h := b.GetHeader()
		if h.StandardEntryClassCode != "WEB" || h.CompanyDescriptiveDate != h.EffectiveEntryDate {
			t.Errorf("header %+v", h)
		}
		line := ""
		for _, e := range b.GetEntries() {
			line += fmt.Sprint(e.TransactionCode, e.DiscretionaryData, e.Amount, " ", strings.TrimSpace(e.IndividualName), ";")
		}
		got = append(got, batch{h.CompanyEntryDescription, h.EffectiveEntryDate, h.ServiceClassCode, line})
	}
	wantBatches := []batch{
		{"AUTO PMT", "261118", 225, "27S 42500 MARIA LOPEZ-STRASSMANN;27S 9999999999 ANN LEE;"},
		{"PRENOTE", "261118", 225, "38S 0 CUSTOMER;"},
		{"REVERSAL", "261118", 220, "32R 10000 BO DIAZ;22S 1 CY YOUNG;"},
		{"AUTO PMT", "261127", 225, "37R 31275 JAMES O'NEIL;"},
	}
	for i := range wantBatches {
		if i >= len(got) || got[i] != wantBatches[i] {
			t.Fatalf("batches\n%v\nwant\n%v", got, wantBatches)
		}
	}
	if read.Header.FileCreationDate != "261118" || read.Header.FileCreationTime != "1502" || read.Header.FileIDModifier != "A" ||
		read.Header.ImmediateOrigin != originator.Origin || read.Header.ImmediateDestination != originator.Destination {
		t.Errorf("header %+v", read.Header)
	}
}

func TestBuildNothing(t *testing.T) {
	if files, err := ach.Build(originator, madeAt, 'A', nil); err != nil || len(files) != 0 {
		t.Errorf("%v %v", files, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for field, spoil := range map[string]func(e *ach.Entry){
		"ID":              func(e *ach.Entry) { e.ID = "" },
		"ID ":             func(e *ach.Entry) { e.ID = "1234567890123456" },
		"ID  ":            func(e *ach.Entry) { e.ID = "12\n34" },
		"Amount":          func(e *ach.Entry) { e.Amount = 0 },
		"Amount ":         func(e *ach.Entry) { e.Amount = -1 },
		"Amount  ":        func(e *ach.Entry) { e.Amount = 10_000_000_000 },
		"Amount   ":       func(e *ach.Entry) { e.Kind = ach.Prenote },
		"RoutingNumber":   func(e *ach.Entry) { e.RoutingNumber = "021000022" },
		"RoutingNumber ":  func(e *ach.Entry) { e.RoutingNumber = "" },
		"AccountNumber":   func(e *ach.Entry) { e.AccountNumber = canary + "1" },
		"AccountNumber ":  func(e *ach.Entry) { e.AccountNumber = "" },
		"AccountNumber  ": func(e *ach.Entry) { e.AccountNumber = ach.AccountNumber(canary[:10] + "-1") },
		"AccountType":     func(e *ach.Entry) { e.AccountType = "LOAN" },
		"AccountType ":    func(e *ach.Entry) { e.Kind = 7 },
		"EffectiveOn":     func(e *ach.Entry) { e.EffectiveOn = loan.Date{Year: 2026, Month: 11, Day: 21} },
		"EffectiveOn ":    func(e *ach.Entry) { e.EffectiveOn = loan.Date{Year: 2026, Month: 11, Day: 26} },
		"EffectiveOn  ":   func(e *ach.Entry) { e.EffectiveOn = loan.Date{Year: 2026, Month: 11, Day: 17} },
		"EffectiveOn   ":  func(e *ach.Entry) { e.EffectiveOn = loan.Date{} },
		"Trace":           func(e *ach.Entry) { e.Trace = trace(1) },
		"Trace ":          func(e *ach.Entry) { e.Trace = "091000020000002" },
		"Trace  ":         func(e *ach.Entry) { e.Trace = "0910000100000x2" },
		"Trace   ":        func(e *ach.Entry) { e.Trace = "" },
	} {
		list := entries(t)
		spoil(&list[1])
		files, err := ach.Build(originator, madeAt, 'A', list)
		var entry *ach.EntryError
		if !errors.As(err, &entry) || entry.Index != 1 || entry.Field != strings.TrimSpace(field) || files != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		for _, e := range list {
			if number := string(e.AccountNumber); number != "" && strings.Contains(err.Error(), number) {
				t.Errorf("%s: the error holds an account number", field)
			}
		}
	}
	for name, spoil := range map[string]func(o *ach.Originator){
		"destination":      func(o *ach.Originator) { o.Destination = "000000000" },
		"origin":           func(o *ach.Originator) { o.Origin = "123" },
		"ODFI":             func(o *ach.Originator) { o.ODFI = "091000019" },
		"company name":     func(o *ach.Originator) { o.CompanyName = "A NAME OF SEVENTEE" },
		"company ID":       func(o *ach.Originator) { o.CompanyID = "" },
		"destination name": func(o *ach.Originator) { o.DestinationName = "A\nB" },
		"origin name":      func(o *ach.Originator) { o.OriginName = "Ü" },
	} {
		o := originator
		spoil(&o)
		if files, err := ach.Build(o, madeAt, 'A', entries(t)); err == nil || files != nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := ach.Build(originator, madeAt, 'a', entries(t)); err == nil {
		t.Error("the modifier a was taken")
	}
	// At 16:45 the day is over for the file.
	late := time.Date(2026, time.November, 18, 21, 45, 0, 0, time.UTC)
	if _, err := ach.Build(originator, late, 'A', entries(t)); err == nil {
		t.Error("a same-day entry was taken too late")
	}
	if _, err := ach.Build(originator, late.Add(-time.Nanosecond), 'A', entries(t)); err != nil {
		t.Error(err)
	}
}

func TestBuildSplits(t *testing.T) {
	list := entries(t)
	for _, c := range []struct {
		name  string
		most  int
		total loan.Cents
		want  []int
	}{
		{"entries", 2, ach.MaxFileTotal, []int{2, 2, 2}},
		{"entries, uneven", 4, ach.MaxFileTotal, []int{4, 2}},
		{"debits, to the cent", 100, loan.MaxCents + 42500 + 31275, []int{6}},
		{"debits, a cent less", 100, loan.MaxCents + 42500 + 31274, []int{3, 3}},
	} {
		files, err := ach.BuildWithLimits(originator, madeAt, 'Y', list, c.most, c.total)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		rest := list
		for i, f := range files {
			got = append(got, f.Entries)
			if f.IDModifier != "YZ0"[i] {
				t.Errorf("%s: file %d is %c", c.name, i, f.IDModifier)
			}
			read := readBack(t, f.Content)
			seen := map[string]bool{}
			for _, b := range read.Batches {
				for _, e := range b.GetEntries() {
					seen[e.TraceNumber] = true
				}
			}
			for _, e := range rest[:f.Entries] {
				if !seen[e.Trace] {
					t.Errorf("%s: file %d has no %s", c.name, i, e.Trace)
				}
			}
			rest = rest[f.Entries:]
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := ach.BuildWithLimits(originator, madeAt, '8', list, 2, ach.MaxFileTotal); !errors.Is(err, ach.ErrTooManyFiles) {
		t.Errorf("%v", err)
	}
}

// Over 10^10 the entry hash keeps its last ten digits, and 12 digits are a file's sum.
func TestBuildLarge(t *testing.T) {
	today := date(t, "2026-11-18")
	list := make([]ach.Entry, 400)
	for i := range list {
		list[i] = ach.Entry{ID: fmt.Sprint(i), Amount: loan.MaxCents, RoutingNumber: "322271627", AccountNumber: canary,
			AccountType: loan.Checking, Name: "A B", EffectiveOn: today, Trace: trace(i + 1)}
	}
	files, err := ach.Build(originator, madeAt, 'A', list)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 || files[0].Entries != 100 || files[0].Debits != 100*loan.MaxCents {
		t.Fatalf("%v", files)
	}
	for i := range list {
		list[i].Amount = 1
	}
	file := mustBuild(t, list)
	if want := int64(400) * 32227162 % 10_000_000_000; file.EntryHash != want {
		t.Errorf("hash %d, want %d", file.EntryHash, want)
	}
	readBack(t, file.Content)
}

func TestNothingPrintsAnAccountNumber(t *testing.T) {
	list := entries(t)
	file := mustBuild(t, list)
	in := parseBuilt(t, ach.Change{Trace: trace(1), Code: "C01", Correction: ach.Correction{AccountNumber: canary}})
	if string(in.Notifications[0].Correction.AccountNumber) != canary {
		t.Fatal("the canary is not there")
	}
	var out bytes.Buffer
	for _, v := range []any{list[0], &list[0], list, file, &file, []ach.File{file}, *in, in.Notifications, list[0].AccountNumber} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		if _, isFile := v.(ach.File); !isFile {
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		}
	}
	if err := json.NewEncoder(&out).Encode(in); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q was printed", form)
		}
	}
}

// Any entries: the totals are the sums, and what is read back is what was put in.
func TestBuildProperty(t *testing.T) {
	banks := []string{"021000021", "122105155", "011401533", "322271627", "091000019"}
	days := []loan.Date{{Year: 2026, Month: 11, Day: 18}, {Year: 2026, Month: 11, Day: 19}, {Year: 2026, Month: 11, Day: 27}}
	rapid.Check(t, func(t *rapid.T) {
		list := make([]ach.Entry, rapid.IntRange(1, 60).Draw(t, "entries"))
		var debits, credits loan.Cents
		var hash int64
		next := 0
		for i := range list {
			next += rapid.IntRange(1, 1000).Draw(t, "gap")
			e := ach.Entry{
				ID:            rapid.StringMatching(`[A-Z0-9]{1,15}`).Draw(t, "id"),
				Kind:          rapid.SampledFrom([]ach.Kind{ach.Debit, ach.Prenote, ach.Reversal}).Draw(t, "kind"),
				Recurring:     rapid.Bool().Draw(t, "recurring"),
				RoutingNumber: rapid.SampledFrom(banks).Draw(t, "bank"),
				AccountNumber: ach.AccountNumber(rapid.StringMatching(`[0-9]{4,17}`).Draw(t, "account")),
				AccountType:   rapid.SampledFrom([]loan.AccountType{loan.Checking, loan.Savings}).Draw(t, "type"),
				Name:          rapid.String().Draw(t, "name"),
				EffectiveOn:   rapid.SampledFrom(days).Draw(t, "day"),
				Trace:         trace(next),
			}
			if e.Kind != ach.Prenote {
				e.Amount = loan.Cents(rapid.Int64Range(1, int64(loan.MaxCents)).Draw(t, "amount"))
			}
			if e.Kind == ach.Reversal {
				credits += e.Amount
			} else {
				debits += e.Amount
			}
			n := 0
			_, _ = fmt.Sscan(strings.TrimLeft(e.RoutingNumber[:8], "0"), &n)
			hash += int64(n)
			list[i] = e
		}
		files, err := ach.Build(originator, madeAt, 'A', list)
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		got := files[0].Totals
		if got.Debits != debits || got.Credits != credits || got.Entries != len(list) || got.EntryHash != hash%10_000_000_000 {
			t.Fatalf("%v", got)
		}
		in, err := ach.Parse(files[0].Content)
		if err != nil {
			t.Fatal(err)
		}
		if in.Totals != got || len(in.Others) != len(list) {
			t.Fatalf("read back: %v", in.Totals)
		}
		if n := bytes.Count(files[0].Content, []byte("\n")); n%10 != 0 || len(files[0].Content) != n*95 {
			t.Fatalf("%d lines in %d bytes", n, len(files[0].Content))
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	today := date(b, "2026-11-18")
	list := make([]ach.Entry, ach.MaxFileEntries)
	for i := range list {
		list[i] = ach.Entry{ID: fmt.Sprint(i), Amount: loan.Cents(i + 1), RoutingNumber: "322271627", AccountNumber: canary,
			AccountType: loan.Checking, Name: "Maria Lopez", EffectiveOn: today, Trace: trace(i + 1)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ach.Build(originator, madeAt, 'A', list); err != nil {
			b.Fatal(err)
		}
	}
}
