package ach_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	moov "github.com/moov-io/ach"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/loan"
)

var answeredAt = time.Date(2026, time.November, 20, 13, 30, 0, 0, time.UTC)

// parseBuilt parses a notification about the sample file.
func parseBuilt(t *testing.T, changes ...ach.Change) *ach.Inbound {
	t.Helper()
	content, err := ach.BuildNotification(mustBuild(t, entries(t)).Content, answeredAt, changes...)
	if err != nil {
		t.Fatal(err)
	}
	in, err := ach.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// strictly reads a file with no more leave than that it goes to a company.
func strictly(t *testing.T, content []byte) *moov.File {
	t.Helper()
	r := moov.NewReader(bytes.NewReader(content))
	r.SetValidation(&moov.ValidateOpts{BypassDestinationValidation: true})
	file, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Validate(); err != nil {
		t.Fatal(err)
	}
	return &file
}

func sampleReturns(t *testing.T) []byte {
	t.Helper()
	content, err := ach.BuildReturn(mustBuild(t, entries(t)).Content, answeredAt,
		ach.Rejection{Trace: trace(1), Code: "R01"},
		ach.Rejection{Trace: trace(2), Code: "R03"},
		ach.Rejection{Trace: trace(3), Code: "R04"},
		ach.Rejection{Trace: trace(5), Code: "R02"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestReturns(t *testing.T) {
	content := sampleReturns(t)
	golden(t, "returns.ach", content)
	if got := len(strictly(t, content).ReturnEntries); got != 4 {
		t.Errorf("the library finds %d batches of returns", got)
	}
	in, err := ach.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	on := date(t, "2026-11-20")
	ref := func(own, original, rdfi, id string) ach.Reference {
		return ach.Reference{Trace: own, OriginalTrace: original, OriginalRDFI: rdfi, ID: id,
			CompanyID: originator.CompanyID, SEC: "WEB", SettledOn: on}
	}
	want := &ach.Inbound{
		MadeOn: on,
		Totals: ach.Totals{Batches: 4, Entries: 4, Debits: 42500 + 31275, Credits: 10000, EntryHash: 4 * 9100001},
		Returns: []ach.Return{
			{Reference: ref("021000020000001", trace(1), "02100002", "1001"), Code: "R01", Amount: 42500, AccountType: loan.Checking},
			{Reference: ref("021000020000003", trace(3), "02100002", "A17"), Code: "R04", AccountType: loan.Savings},
			{Reference: ref("011401530000005", trace(5), "01140153", "993"), Code: "R02", Amount: 10000, AccountType: loan.Savings, Credit: true},
			{Reference: ref("122105150000002", trace(2), "12210515", "1002"), Code: "R03", Amount: 31275, AccountType: loan.Savings},
		},
	}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("got  %+v\nwant %+v", in, want)
	}
	if !in.Returns[1].Prenote() || in.Returns[0].Prenote() {
		t.Error("the prenote was not told apart")
	}
	// Other ends of lines, and none, are the same file.
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	var trimmed []string
	for _, line := range lines {
		if line != strings.Repeat("9", 94) {
			trimmed = append(trimmed, strings.TrimRight(line, " "))
		}
	}
	for name, variant := range map[string]string{
		"CR LF":               strings.Join(lines, "\r\n") + "\r\n",
		"no ends":             strings.Join(lines, ""),
		"trimmed, no filling": strings.Join(trimmed, "\n"),
		"blanks at the end":   strings.Join(lines, "   \n") + "\n\n  \n",
	} {
		if got, err := ach.Parse([]byte(variant)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReturnOfUnknownCode(t *testing.T) {
	content, err := ach.BuildReturn(mustBuild(t, entries(t)).Content, answeredAt, ach.Rejection{Trace: trace(1), Code: "R99"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := ach.Parse(content)
	if err != nil || len(in.Returns) != 1 || in.Returns[0].Code != "R99" {
		t.Errorf("%+v %v", in, err)
	}
}

func TestNotifications(t *testing.T) {
	changes := []ach.Change{
		{Trace: trace(1), Code: "C01", Correction: ach.Correction{AccountNumber: canary}},
		{Trace: trace(2), Code: "C02", Correction: ach.Correction{RoutingNumber: "122105155"}},
		{Trace: trace(3), Code: "C03", Correction: ach.Correction{RoutingNumber: "122105155", AccountNumber: canary}},
		{Trace: trace(4), Code: "C04", Correction: ach.Correction{Name: "ANN LEE-JONES"}},
		{Trace: trace(5), Code: "C05", Correction: ach.Correction{AccountType: loan.Checking}},
		{Trace: trace(6), Code: "C06", Correction: ach.Correction{AccountNumber: canary, AccountType: loan.Savings}},
	}
	original := mustBuild(t, entries(t)).Content
	content, err := ach.BuildNotification(original, answeredAt, changes...)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "notifications.ach", content)
	if got := len(strictly(t, content).NotificationOfChange); got == 0 {
		t.Error("the library finds no notifications")
	}
	changes = append(changes, ach.Change{Trace: trace(1), Code: "C07",
		Correction: ach.Correction{RoutingNumber: "122105155", AccountNumber: canary, AccountType: loan.Savings}})
	for _, c := range changes {
		in := parseBuilt(t, c)
		if len(in.Notifications) != 1 || len(in.Returns) != 0 || in.Debits != 0 {
			t.Fatalf("%s: %v", c.Code, in)
		}
		n := in.Notifications[0]
		if n.Code != c.Code || n.OriginalTrace != c.Trace || n.SEC != "COR" || n.Correction != c.Correction || n.Unusable {
			t.Errorf("%s: %+v", c.Code, n)
		}
	}
	for _, c := range []ach.Change{
		{Trace: trace(1), Code: "C01"},
		{Trace: trace(1), Code: "C01", Correction: ach.Correction{AccountNumber: "1234", RoutingNumber: "122105155"}},
		{Trace: trace(1), Code: "C01", Correction: ach.Correction{AccountNumber: canary + "1"}},
		{Trace: trace(1), Code: "C02", Correction: ach.Correction{RoutingNumber: "122105156"}},
		{Trace: trace(1), Code: "C09", Correction: ach.Correction{Name: "X"}},
	} {
		if _, err := ach.BuildNotification(original, answeredAt, c); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", c.Code, err)
		}
	}
}

// Banks and the library do not all write the corrected data by the columns.
func TestCorrectedData(t *testing.T) {
	content, err := ach.BuildNotification(mustBuild(t, entries(t)).Content, answeredAt,
		ach.Change{Trace: trace(1), Code: "C01", Correction: ach.Correction{AccountNumber: "1234"}})
	if err != nil {
		t.Fatal(err)
	}
	record := regexp.MustCompile(`(?m)^798C01(.{29}).{29}`)
	for _, c := range []struct {
		code, data string
		usable     bool
		want       ach.Correction
	}{
		{"C01", canary, true, ach.Correction{AccountNumber: canary}},
		{"C01", "12-34", false, ach.Correction{}},
		{"C02", "122105155", true, ach.Correction{RoutingNumber: "122105155"}},
		{"C02", "122105155 1", false, ach.Correction{}},
		{"C02", "12210515", false, ach.Correction{}},
		{"C03", "122105155   12345", true, ach.Correction{RoutingNumber: "122105155", AccountNumber: "12345"}},
		{"C03", "122105155               12345", true, ach.Correction{RoutingNumber: "122105155", AccountNumber: "12345"}},
		{"C03", "122105155", false, ach.Correction{}},
		{"C04", "ANN LEE", true, ach.Correction{Name: "ANN LEE"}},
		{"C05", "37", true, ach.Correction{AccountType: loan.Savings}},
		{"C05", "57", false, ach.Correction{}},
		{"C05", "3", false, ach.Correction{}},
		{"C05", "x7", false, ach.Correction{}},
		{"C06", "12345               37", true, ach.Correction{AccountNumber: "12345", AccountType: loan.Savings}},
		{"C06", canary + "   27", true, ach.Correction{AccountNumber: canary, AccountType: loan.Checking}},
		{"C06", "37", false, ach.Correction{}},
		{"C07", "122105155" + canary + "27", true, ach.Correction{RoutingNumber: "122105155", AccountNumber: canary, AccountType: loan.Checking}},
		{"C07", "12210515512345            37", true, ach.Correction{RoutingNumber: "122105155", AccountNumber: "12345", AccountType: loan.Savings}},
		{"C07", "12210515512345             37", true, ach.Correction{RoutingNumber: "122105155", AccountNumber: "12345", AccountType: loan.Savings}},
		{"C09", "1001", true, ach.Correction{}},
		{"C13", "X", true, ach.Correction{}},
		{"C08", "X", false, ach.Correction{}},
	} {
		altered := record.ReplaceAllFunc(content, func(r []byte) []byte {
			r = bytes.Clone(r)
			copy(r[3:], c.code)
			copy(r[35:], c.data+strings.Repeat(" ", 29-len(c.data)))
			return r
		})
		in, err := ach.Parse(altered)
		if err != nil {
			t.Errorf("%s %q: %v", c.code, c.data, err)
			continue
		}
		if n := in.Notifications[0]; n.Code != c.code || n.Unusable == c.usable || n.Correction != c.want {
			t.Errorf("%s %q: unusable %t %q", c.code, c.data, n.Unusable, string(n.Correction.AccountNumber))
		}
	}
}

func TestFieldsOf(t *testing.T) {
	for code, want := range map[string]ach.Fields{
		"C01": {AccountNumber: true},
		"C02": {RoutingNumber: true},
		"C03": {RoutingNumber: true, AccountNumber: true},
		"C04": {Name: true},
		"C05": {AccountType: true},
		"C06": {AccountNumber: true, AccountType: true},
		"C07": {RoutingNumber: true, AccountNumber: true, AccountType: true},
	} {
		if got, ok := ach.FieldsOf(code); !ok || got != want {
			t.Errorf("%s: %+v", code, got)
		}
	}
	if _, ok := ach.FieldsOf("C13"); ok {
		t.Error("C13 corrects nothing of an account")
	}
}

func TestSettlementDate(t *testing.T) {
	original := mustBuild(t, entries(t)).Content
	for at, days := range map[string]map[string]string{
		"2026-11-20": {"324": "2026-11-20", "323": "2026-11-19", "   ": "2026-11-20", "366": "2027-01-01"},
		"2027-01-04": {"365": "2026-12-31", "004": "2027-01-04"},
		"2026-12-31": {"001": "2027-01-01"},
	} {
		content, err := ach.BuildReturn(original, date(t, at).At(9), ach.Rejection{Trace: trace(1), Code: "R01"})
		if err != nil {
			t.Fatal(err)
		}
		for day, want := range days {
			altered := bytes.Clone(content)
			copy(altered[95+75:], day)
			in, err := ach.Parse(altered)
			if err != nil {
				t.Fatal(err)
			}
			if got := in.Returns[0].SettledOn.String(); got != want {
				t.Errorf("%s in a file of %s: %s, want %s", day, at, got, want)
			}
		}
	}
}

// Between the banks: a contested dishonored return, as the library writes it.
func TestContestedReturn(t *testing.T) {
	content := sampleReturns(t)
	lines := strings.Split(string(content), "\n")
	lines[3] = "799R73" + trace(1) + "261120" + "02100002" + "322" + "021000020000001" + "324" + "01" + "091000010000009" + "325" + "68" + " " + "021000020000001"
	in, err := ach.Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if r := in.Returns[0]; r.Code != "R73" || r.OriginalTrace != trace(1) {
		t.Errorf("%+v", r)
	}
}

func TestAddendaIsMasked(t *testing.T) {
	content := sampleReturns(t)
	lines := strings.Split(string(content), "\n")
	info := "QUESTIONABLE " + canary + " 1234"
	lines[3] = lines[3][:35] + info + strings.Repeat(" ", 44-len(info)) + lines[3][79:]
	in, err := ach.Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if got := in.Returns[0].Addenda; got != "QUESTIONABLE ***************** 1234" {
		t.Errorf("%q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	good, payments := string(sampleReturns(t)), string(mustBuild(t, entries(t)).Content)
	lines := strings.Split(strings.TrimSpace(good), "\n")
	change := func(line, column int, to string) string {
		all := append([]string(nil), lines...)
		all[line] = all[line][:column] + to + all[line][column+len(to):]
		return strings.Join(all, "\n")
	}
	without := func(line int) string {
		return strings.Join(append(append([]string(nil), lines[:line]...), lines[line+1:]...), "\n")
	}
	control := len(lines) - 1
	for lines[control][1] == '9' {
		control--
	}
	for name, c := range map[string]struct {
		data string
		want error
		line int
	}{
		"empty":                       {"", ach.ErrNotACH, 0},
		"text":                        {"Dear customer,\n", ach.ErrNotACH, 0},
		"binary":                      {"\x1f\x8b\x08\x00\x00\x00", ach.ErrNotACH, 0},
		"binary after the header":     {lines[0] + "\n\x00\xff", ach.ErrMalformed, 2},
		"UTF-8":                       {change(2, 60, "é"), ach.ErrMalformed, 3},
		"header only":                 {lines[0], ach.ErrTruncated, 1},
		"cut in a record":             {good[:95*3+20], ach.ErrTruncated, 4},
		"cut between records":         {good[:95*3], ach.ErrTruncated, 3},
		"cut after a batch":           {good[:95*6], ach.ErrTruncated, 6},
		"cut in the control record":   {strings.Join(lines[:control], "\n") + "\n" + lines[control][:54], ach.ErrTruncated, control + 1},
		"no ends, cut":                {strings.Join(lines, "")[:94*5+1], ach.ErrTruncated, 6},
		"two files":                   {good + good, ach.ErrMalformed, len(lines) + 1},
		"a record too long":           {lines[0] + "\n" + lines[1] + "x", ach.ErrMalformed, 2},
		"no header":                   {strings.Join(lines[1:], "\n"), ach.ErrNotACH, 0},
		"no batch header":             {without(1), ach.ErrMalformed, 2},
		"no batch control":            {without(6), ach.ErrMalformed, 7},
		"an addenda is missing":       {without(3), ach.ErrWrongCount, 4},
		"an entry is missing":         {payments[:95*2] + payments[95*3:], ach.ErrWrongCount, 4},
		"a batch is missing":          {lines[0] + "\n" + strings.Join(lines[5:], "\n"), ach.ErrWrongCount, 0},
		"record type":                 {change(3, 0, "4"), ach.ErrMalformed, 4},
		"batch hash":                  {change(4, 10, "0018200001"), ach.ErrWrongHash, 5},
		"file hash":                   {change(control, 21, "0000000001"), ach.ErrWrongHash, 0},
		"batch total":                 {change(4, 20, "000000042501"), ach.ErrWrongTotal, 5},
		"file debits":                 {change(control, 31, "000000000001"), ach.ErrWrongTotal, 0},
		"file credits":                {change(control, 43, "000000000001"), ach.ErrWrongTotal, 0},
		"batch count":                 {change(control, 1, "000003"), ach.ErrWrongCount, 0},
		"entry count in the file":     {change(control, 13, "00000009"), ach.ErrWrongCount, 0},
		"entry count in a batch":      {change(4, 4, "000003"), ach.ErrWrongCount, 5},
		"an amount":                   {change(2, 29, "0000042501"), ach.ErrWrongTotal, 5},
		"an amount with a letter":     {change(2, 29, "00000425O0"), ach.ErrMalformed, 3},
		"a trace with a letter":       {change(2, 79, "0210000200000O1"), ach.ErrMalformed, 3},
		"a routing number":            {change(2, 3, "091000029"), ach.ErrMalformed, 3},
		"a day of no month":           {change(0, 23, "261332"), ach.ErrMalformed, 1},
		"a type of addenda":           {change(3, 1, "97"), ach.ErrWrongCount, 5},
		"an unknown SEC code":         {change(1, 50, "XYZ"), ach.ErrMalformed, 2},
		"international":               {change(1, 50, "IAT"), ach.ErrMalformed, 2},
		"something after the control": {strings.Join(lines[:control+1], "\n") + "\n" + lines[1], ach.ErrMalformed, control + 2},
	} {
		in, err := ach.Parse([]byte(c.data))
		var file *ach.FileError
		if !errors.Is(err, c.want) || !errors.As(err, &file) || in != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			continue
		}
		if c.line != 0 && file.Line != c.line {
			t.Errorf("%s: %v, want line %d", name, err, c.line)
		}
		checkMessage(t, err)
	}
}

// plainMessage has no room for anything of a file.
var plainMessage = regexp.MustCompile(`^ach: (line \d+: )?([A-Za-z0-9]+: |record [a-z ]+: )?(this is not an ACH file|the file ends too early|` +
	`the record does not follow the rules|the (count|sum|entry hash) [a-z ]+)$`)

func checkMessage(t *testing.T, err error) {
	t.Helper()
	if !plainMessage.MatchString(err.Error()) || regexp.MustCompile(`[A-Za-z]*\d{3}`).MatchString(
		regexp.MustCompile(`line \d+`).ReplaceAllString(err.Error(), "")) {
		t.Errorf("the message %q may quote the file", err)
	}
}

func TestBuildReturnRefuses(t *testing.T) {
	original := mustBuild(t, entries(t)).Content
	for _, c := range []struct {
		data       []byte
		rejections []ach.Rejection
	}{
		{original, nil},
		{original, []ach.Rejection{{Trace: trace(99), Code: "R01"}}},
		{original, []ach.Rejection{{Trace: trace(1), Code: "R01"}, {Trace: trace(1), Code: "R02"}}},
		{original, []ach.Rejection{{Trace: trace(1), Code: "R69"}}},
		{original, []ach.Rejection{{Trace: trace(1), Code: "C01"}}},
		{original, []ach.Rejection{{Trace: trace(1), Code: ""}}},
		{original[:500], []ach.Rejection{{Trace: trace(1), Code: "R01"}}},
	} {
		if content, err := ach.BuildReturn(c.data, answeredAt, c.rejections...); err == nil || content != nil {
			t.Errorf("%v was taken", c.rejections)
		}
	}
}

// Run it with -fuzzminimizetime 20x: otherwise the first inputs are cut down for a
// minute each.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.ach")
	if err != nil || len(paths) == 0 {
		f.Fatal("no corpus")
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("101"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := ach.Parse(data)
		if (in == nil) == (err == nil) {
			t.Fatal("an answer and an error, or neither")
		}
		if err != nil {
			checkMessage(t, err)
			return
		}
		if in.Entries != len(in.Returns)+len(in.Notifications)+len(in.Others) {
			t.Fatalf("%d entries became %d, %d and %d", in.Entries, len(in.Returns), len(in.Notifications), len(in.Others))
		}
		var debits, credits loan.Cents
		for _, r := range in.Returns {
			if r.Credit {
				credits += r.Amount
			} else {
				debits += r.Amount
			}
		}
		if debits > in.Debits || credits > in.Credits {
			t.Fatal("more came back than the file holds")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	today := date(b, "2026-11-18")
	list := make([]ach.Entry, 10_000)
	rejections := make([]ach.Rejection, len(list))
	for i := range list {
		list[i] = ach.Entry{ID: "1", Amount: 100, RoutingNumber: "322271627", AccountNumber: canary,
			AccountType: loan.Checking, Name: "Maria Lopez", EffectiveOn: today, Trace: trace(i + 1)}
		rejections[i] = ach.Rejection{Trace: list[i].Trace, Code: "R01"}
	}
	content, err := ach.BuildReturn(mustBuild(b, list).Content, answeredAt, rejections...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ach.Parse(content); err != nil {
			b.Fatal(err)
		}
	}
}
