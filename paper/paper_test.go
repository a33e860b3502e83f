package paper_test

import (
	"crypto/sha256"
	"encoding/xml"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/paper"
)

var (
	keep   = flag.String("keep", "", "folder for the statements of the tests, to look at")
	update = flag.Bool("update", false, "write testdata/golden.txt anew")
)

// statement prints one, in a file of the test.
func statement(t testing.TB, s *loan.Statement) string {
	t.Helper()
	pdf, err := paper.Statement(s)
	require.NoError(t, err)
	return write(t, pdf)
}

func write(t testing.TB, pdf []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "statement.pdf")
	require.NoError(t, os.WriteFile(file, pdf, 0o600))
	return file
}

// kept puts a file into the folder that was asked for.
func kept(t testing.TB, name string, pdf []byte) {
	t.Helper()
	if *keep != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*keep, name+".pdf"), pdf, 0o600))
	}
}

// run is what a program of poppler-utils or qpdf prints; the test is skipped where it is
// not installed. `make test` installs them.
func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " is not installed")
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", program, out)
	return string(out)
}

// read is the text of a file, as it is laid out.
func read(t testing.TB, file string) string {
	t.Helper()
	return run(t, "pdftotext", "-layout", file, "-")
}

var spaces = regexp.MustCompile(`\s+`)

// rows has each line of a text with single spaces.
func rows(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(spaces.ReplaceAllString(lines[i], " "))
	}
	return lines
}

// figures are all that a statement says in figures, each with its name.
func figures(s *loan.Statement) []string {
	amounts := map[string]loan.Cents{
		"Opening balance": s.OpeningBalance, "Closing balance": s.ClosingBalance, "Payments received": s.Received,
		"Fees charged": s.FeesCharged, "Fees paid": s.FeesPaid,
		"Current payment": s.CurrentDue, "Fees": s.FeesDue,
		"Fees paid in " + strconv.Itoa(s.PeriodTo.Year): s.YearFeesPaid,
	}
	if s.PastDue > 0 {
		amounts["Past due: pay now"] = s.PastDue
	} else {
		amounts["Past due"] = s.PastDue
	}
	var all []string
	if s.Kind == loan.ContractLease {
		amounts["Paid on the lease"] = s.InstalmentsPaid
		amounts["To buy the vehicle"] = s.PayoffAmount
		all = append(all, fmt.Sprintf("Payments remaining %d", s.InstalmentsRemaining))
	} else {
		amounts["Principal paid"] = s.PrincipalPaid
		amounts["Interest charged"] = s.InterestCharged
		amounts["Interest paid"] = s.InterestPaid
		amounts["Interest not yet paid"] = s.InterestUnpaid
		amounts["Interest paid in "+strconv.Itoa(s.PeriodTo.Year)] = s.YearInterestPaid
		amounts["Payoff"] = s.PayoffAmount
		all = append(all, "Interest rate "+string(s.Rate.Percent())+"%")
		if s.PayoffPerDiem > 0 {
			all = append(all, "Each day after adds $"+string(s.PayoffPerDiem.Amount()))
		}
	}
	for name, amount := range amounts {
		all = append(all, name+" "+amount.Formatted())
	}
	if s.AmountDue > 0 {
		all = append(all, "Please pay by "+us(s.DueOn), "Due date "+us(s.DueOn), "Amount due "+s.AmountDue.Formatted())
	} else {
		all = append(all, "Nothing is due.", s.AmountDue.Formatted())
	}
	return append(all, "Statement date "+us(s.IssuedOn), "Period "+us(s.PeriodFrom)+" – "+us(s.PeriodTo),
		"Account ending in "+s.AccountNumberLast4, "Good through "+us(s.PeriodTo), "Contract ends "+us(s.MaturesOn))
}

// line is a row of the activity, without its description.
func line(s *loan.Statement, l loan.StatementLine) string {
	amounts := []loan.Cents{l.Amount, l.Principal, l.Interest, l.Fees}
	if s.Kind == loan.ContractLease {
		amounts = []loan.Cents{l.Amount, l.Instalments, l.Fees}
	}
	words := ""
	for _, amount := range amounts {
		if amount == 0 {
			words += "– "
		} else {
			words += amount.Formatted() + " "
		}
	}
	return words + l.Balance.Formatted()
}

func us(d loan.Date) string { return d.At(12).Format("Jan 2, 2006") }

// requireFigures holds that a text has all of a statement's, and each line once.
func requireFigures(t require.TestingT, s *loan.Statement, text string) {
	all := rows(text)
	joined := strings.Join(all, "\n")
	for _, figure := range figures(s) {
		require.Regexp(t, `(?m)(^|[ ])`+regexp.QuoteMeta(figure)+`($|[ ])`, joined)
	}
	seen := 0
	for _, row := range all {
		if seen < len(s.Lines) && strings.HasPrefix(row, us(s.Lines[seen].On)+" ") && strings.HasSuffix(row, " "+line(s, s.Lines[seen])) {
			seen++
		}
	}
	require.Equal(t, len(s.Lines), seen, "activity, in its order:\n%s", joined)
}

func TestStatementHoldsEachFigure(t *testing.T) {
	t.Parallel()
	for name, s := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := read(t, statement(t, s))
			requireFigures(t, s, text)
			for _, part := range []string{s.Servicer.Phone, s.Servicer.Website} {
				assert.Contains(t, text, part)
			}
			assert.Equal(t, s.AmountDue > 0, strings.Contains(text, "Payment coupon"))
			assert.Equal(t, s.AmountDue > 0, strings.Contains(text, "Amount enclosed"))
			if s.Kind == loan.ContractLease {
				assert.NotContains(t, text, "Interest")
				assert.NotContains(t, text, "Principal")
			}
			for page, words := range strings.Split(strings.TrimSuffix(text, "\f"), "\f") {
				assert.Contains(t, words, fmt.Sprintf("Page %d of %d", page+1, strings.Count(text, "\f")))
				if page > 0 && len(s.Lines) > 0 {
					assert.Contains(t, rows(words), headerOf(s), "the header is on each page of the activity")
				}
			}
		})
	}
}

func headerOf(s *loan.Statement) string {
	if s.Kind == loan.ContractLease {
		return "Date Description Amount Lease payment Fees Balance"
	}
	return "Date Description Amount Principal Interest Fees Balance"
}

func TestMessages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		message loan.StatementMessage
		due     loan.Cents
		want    string
	}{
		"past due":              {loan.StatementMessage{Kind: loan.MessagePastDue, Amount: 425_00}, 850_00, "PAST DUE Your account is past due by $425.00. Please pay it now."},
		"Auto Pay":              {loan.StatementMessage{Kind: loan.MessageAutoPay, Amount: 425_00, On: on(2026, 12, 15)}, 425_00, "Auto Pay We will take $425.00 from your bank account on December 15, 2026. Do not send a payment."},
		"Auto Pay of less":      {loan.StatementMessage{Kind: loan.MessageAutoPay, Amount: 400_00, On: on(2026, 12, 15)}, 425_00, "Please pay the rest of the amount due, $25.00, yourself."},
		"returned":              {loan.StatementMessage{Kind: loan.MessageReturned, Amount: 425_00, On: on(2026, 11, 5)}, 425_00, "Payment returned Your bank returned the payment of $425.00 credited on November 5, 2026."},
		"correction":            {loan.StatementMessage{Kind: loan.MessageCorrection, On: on(2026, 11, 20)}, 425_00, "Corrected statement This statement takes the place of the one of November 20, 2026."},
		"paid off":              {loan.StatementMessage{Kind: loan.MessagePaidOff}, 0, "Paid off Your loan is paid off. You owe nothing, and this is its last statement."},
		"what Auto Pay pays":    {loan.StatementMessage{Kind: loan.MessageAutoPay, Amount: 425_00, On: on(2026, 12, 15)}, 425_00, "Auto Pay will pay this. Do not send a payment."},
		"what is past due, too": {loan.StatementMessage{Kind: loan.MessagePastDue, Amount: 425_00}, 850_00, "Past due: pay now $425.00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := aLoan()
			s.AmountDue = tt.due
			if tt.message.Kind == loan.MessagePastDue {
				s.PastDue = tt.message.Amount
			}
			s.Messages = []loan.StatementMessage{tt.message}
			assert.Contains(t, strings.Join(rows(read(t, statement(t, s))), " "), tt.want)
		})
	}
}

func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	t.Parallel()
	s := aLoan()
	s.Layout = 0
	_, err := paper.Statement(s)
	assert.EqualError(t, err, "paper: there is no layout 0")
	s.Layout, s.Messages = 1, []loan.StatementMessage{{Kind: "RECALL"}}
	_, err = paper.Statement(s)
	assert.EqualError(t, err, "paper: layout 1 has no words for the message RECALL")
}

func TestSample(t *testing.T) {
	t.Parallel()
	pdf, err := paper.Sample(servicer, "K7M-29Q")
	require.NoError(t, err)
	file := write(t, pdf)
	text := read(t, file)
	for _, part := range []string{"K7M-29Q", "SAMPLE", "Sample statement", servicer.Name, "This is a sample"} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "Payment coupon")
	assert.Regexp(t, `Pages: +1\n`, run(t, "pdfinfo", file))
	// Its figures are those of the rules.
	assert.Contains(t, text, loan.Interest(20_000_00, 5_750, on(2025, 12, 15), on(2026, 1, 14)).Formatted())
	assert.Contains(t, text, loan.Interest(19_669_52, 5_750, on(2026, 1, 14), on(2026, 1, 24)).Formatted())

	other, err := paper.Sample(servicer, "B2C-44X")
	require.NoError(t, err)
	assert.NotContains(t, read(t, write(t, other)), "K7M-29Q", "a sample leaves nothing behind")
}

// TestLayoutsDoNotChange holds the bytes of each layout. A layout with which statements
// have been issued is never changed: a better one gets a number of its own. The bytes may
// only change before, with `go test ./paper -update`.
func TestLayoutsDoNotChange(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	all := cases()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		pdf, err := paper.Statement(all[name])
		require.NoError(t, err)
		kept(t, name, pdf)
		fmt.Fprintf(&got, "layout %d  %-10s  %x\n", all[name].Layout, name, sha256.Sum256(pdf))
	}
	pdf, err := paper.Sample(servicer, "K7M-29Q")
	require.NoError(t, err)
	kept(t, "sample", pdf)
	fmt.Fprintf(&got, "layout %d  %-10s  %x\n", paper.CurrentLayout, "sample", sha256.Sum256(pdf))
	if *update {
		require.NoError(t, os.WriteFile("testdata/golden.txt", []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile("testdata/golden.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

// TestManyAtATime prints from many goroutines, which share the parsed fonts.
func TestManyAtATime(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for name, s := range cases() {
		want, err := paper.Statement(s)
		require.NoError(t, err)
		for range 4 {
			all.Go(func() {
				got, err := paper.Statement(s)
				assert.NoError(t, err)
				assert.Equal(t, sha256.Sum256(want), sha256.Sum256(got), name)
			})
		}
	}
	all.Wait()
}

func TestFilesAreSound(t *testing.T) {
	t.Parallel()
	for name, s := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := statement(t, s)
			info := run(t, "pdfinfo", file)
			assert.Regexp(t, `Tagged: +yes`, info)
			assert.Regexp(t, `Page size: +612 x 792 pts \(letter\)`, info)
			assert.Regexp(t, `Title: +Auto (loan|lease) statement of November 24, 2026`, info)
			assert.Regexp(t, `CreationDate: +Tue Nov 24 `, info)
			for _, font := range strings.Split(strings.TrimSpace(run(t, "pdffonts", file)), "\n")[2:] {
				assert.Regexp(t, `^[A-Z]{6}\+IBMPlexSans\S* +CID TrueType +Identity-H +yes yes yes `, font, "embedded, a subset, with Unicode")
			}
			assert.Contains(t, run(t, "qpdf", "--check", file), "No syntax or stream encoding errors found")
		})
	}
}

// TestReadAloud holds what a screen reader makes of a statement of several pages.
func TestReadAloud(t *testing.T) {
	t.Parallel()
	s := cases()["several"]
	text := run(t, "pdfinfo", "-struct-text", statement(t, s))
	at := 0
	for _, next := range []string{
		servicer.Name, s.Name, "H1 (block)\n", "Auto loan statement", "Statement date", "H2 (block)\n", "Amount due", s.AmountDue.Formatted(),
		"PAST DUE", "Principal balance", "Interest and fees", "Balance over time", "Figure", "Activity", "Table (block)\n",
		"/Scope /Column\n", "Date", "/Scope /Column\n", "Description", "Payment, thank you", s.Lines[len(s.Lines)-1].Confirmation,
		"Online or in the app", "Payment coupon", "Amount enclosed", servicer.Address[0],
	} {
		i := strings.Index(text[at:], next)
		require.GreaterOrEqual(t, i, 0, "%q after\n%s", next, text[max(0, at-200):min(len(text), at+2000)])
		at += i + len(next)
	}
	assert.Equal(t, 7, strings.Count(text, "/Scope /Column\n"), "the header is read once, though printed on each page")
	assert.NotContains(t, text, "Page 1 of")
	assert.Equal(t, len(s.Lines)+1+strings.Count(text, "/Scope /Row\n"), strings.Count(text, " TR\n"), "each line is one row")

	crowded := run(t, "pdfinfo", "-struct-text", statement(t, cases()["crowded"]))
	assert.Less(t, strings.Index(crowded, "Activity"), strings.Index(crowded, "Payment coupon"), "the foot of the first page is read last")

	pdf, err := paper.Statement(s)
	require.NoError(t, err)
	for _, part := range []string{
		"/Lang (en-US)", "/DisplayDocTitle true", "/Alt (Bar chart of the balance at the end of each period. November 23, 2025: $22,000.00.",
	} {
		assert.Contains(t, string(pdf), part)
	}
}

// word is one that is printed, with its place in points from the upper left corner.
type word struct {
	XMin float64 `xml:"xMin,attr"`
	YMin float64 `xml:"yMin,attr"`
	XMax float64 `xml:"xMax,attr"`
	YMax float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

func places(t testing.TB, file string) [][]word {
	t.Helper()
	var doc struct {
		Pages []struct {
			Words []word `xml:"word"`
		} `xml:"body>doc>page"`
	}
	require.NoError(t, xml.Unmarshal([]byte(run(t, "pdftotext", "-bbox", file, "-")), &doc))
	var pages [][]word
	for _, page := range doc.Pages {
		for i := range page.Words {
			w := &page.Words[i]
			// The box goes from the ascent of the font to its descent, 1.3 ems: what
			// a letter fills is less.
			height := w.YMax - w.YMin
			w.YMin, w.YMax = w.YMin+0.22*height, w.YMax-0.18*height
		}
		pages = append(pages, page.Words)
	}
	return pages
}

// TestNothingOverlapsOrIsCutOff holds it for each statement, and what may be seen
// through the windows of the envelopes.
func TestNothingOverlapsOrIsCutOff(t *testing.T) {
	t.Parallel()
	for name, s := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := places(t, statement(t, s))
			require.NotEmpty(t, pages)
			for page, words := range pages {
				require.NotEmpty(t, words)
				for i, w := range words {
					assert.True(t, w.XMin >= 35 && w.XMax <= 577 && w.YMin >= 35 && w.YMax <= 757, "page %d: %+v is on the paper", page+1, w)
					for _, other := range words[:i] {
						apart := w.XMin >= other.XMax-0.1 || other.XMin >= w.XMax-0.1 || w.YMin >= other.YMax-0.1 || other.YMin >= w.YMax-0.1
						assert.True(t, apart, "page %d: %+v and %+v are apart", page+1, w, other)
					}
				}
			}

			const inch = 72
			address := strings.Join([]string{s.Name, s.Address.Line1, s.Address.Line2, s.Address.City + ",", s.Address.State, s.Address.PostalCode}, " ")
			var seen []string
			for _, w := range pages[0] {
				// Where the window of the envelope can come (layout1.go).
				if w.XMin < 5.375*inch && w.YMax > (2+1./24)*inch && w.YMin < 3.625*inch {
					seen = append(seen, w.Text)
					assert.True(t, w.XMin >= 1*inch && w.XMax <= 4.26*inch && w.YMin >= 2.5*inch && w.YMax <= 3.1667*inch, "%+v is in the window", w)
				}
				// And that of the return envelope, above the foot.
				if up := 11*inch - w.YMax; s.AmountDue > 0 && w.XMin < 5.375*inch && up < 1.625*inch {
					assert.True(t, w.XMin >= 1*inch && w.XMax <= 4.88*inch && up >= 0.5*inch && 11*inch-w.YMin <= 1.25*inch, "%+v is in the window", w)
					assert.Contains(t, s.Servicer.Name+" "+strings.Join(s.Servicer.Address, " "), w.Text)
				}
			}
			assert.Equal(t, strings.Fields(address), seen, "name and address, and nothing else")
		})
	}
}

// TestAnyStatementIsPrinted draws statements and reads their figures back.
func TestAnyStatementIsPrinted(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed")
	}
	file := filepath.Join(t.TempDir(), "statement.pdf")
	rapid.Check(t, func(r *rapid.T) {
		s := drawStatement(r)
		pdf, err := paper.Statement(s)
		require.NoError(r, err)
		require.NoError(r, os.WriteFile(file, pdf, 0o600))
		text, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
		require.NoError(r, err)
		requireFigures(r, s, string(text))
	})
}

func drawStatement(r *rapid.T) *loan.Statement {
	cents := func(name string) loan.Cents {
		return rapid.OneOf(rapid.Just(loan.Cents(0)), rapid.Map(rapid.Int64Range(0, int64(loan.MaxCents)), func(n int64) loan.Cents { return loan.Cents(n) })).Draw(r, name)
	}
	signed := func(name string) loan.Cents {
		return cents(name) * loan.Cents(rapid.SampledFrom([]int{1, -1}).Draw(r, "sign of "+name))
	}
	s := aLoan()
	s.Kind = rapid.SampledFrom([]loan.ContractKind{loan.ContractLoan, loan.ContractLease}).Draw(r, "kind")
	for name, to := range map[string]*loan.Cents{
		"opening": &s.OpeningBalance, "closing": &s.ClosingBalance, "interest": &s.InterestCharged, "fees": &s.FeesCharged,
		"interest paid": &s.InterestPaid, "fees paid": &s.FeesPaid, "due": &s.AmountDue, "current": &s.CurrentDue, "past due": &s.PastDue,
		"fees due": &s.FeesDue, "unpaid": &s.InterestUnpaid, "payoff": &s.PayoffAmount, "year's interest": &s.YearInterestPaid, "year's fees": &s.YearFeesPaid,
	} {
		*to = cents(name)
	}
	s.Received, s.PrincipalPaid, s.InstalmentsPaid = signed("received"), signed("principal paid"), signed("instalments paid")
	s.PayoffPerDiem = loan.PerDiem(rapid.Int64Range(0, 9_999_9999).Draw(r, "per diem"))
	s.InstalmentsRemaining = rapid.IntRange(0, 84).Draw(r, "remaining")
	s.Name = rapid.StringN(1, 60, -1).Draw(r, "name")
	s.Address.Line1 = rapid.StringN(1, 60, -1).Draw(r, "street")
	s.Lines = nil
	kinds := []loan.PostingKind{loan.PostOpening, loan.PostInterest, loan.PostPayment, loan.PostReversal}
	for i := range rapid.IntRange(0, 70).Draw(r, "lines") {
		s.Lines = append(s.Lines, loan.StatementLine{
			On: s.PeriodFrom.AddDays(i), Kind: rapid.SampledFrom(kinds).Draw(r, "line"), Amount: signed("amount"), Principal: signed("principal"),
			Interest: signed("interest"), Fees: signed("fees"), Instalments: signed("instalments"), Balance: signed("balance"),
		})
	}
	s.Balances = nil
	for i := range rapid.IntRange(0, 13).Draw(r, "balances") {
		s.Balances = append(s.Balances, loan.StatementBalance{On: on(2025, 11, 23).AddMonths(i), Amount: signed("balance")})
	}
	messages := []loan.StatementMessageKind{loan.MessagePastDue, loan.MessageAutoPay, loan.MessageReturned, loan.MessageCorrection, loan.MessagePaidOff}
	for _, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom(messages), 0, 5, rapid.ID).Draw(r, "messages") {
		s.Messages = append(s.Messages, loan.StatementMessage{Kind: kind, On: on(2026, 12, 15), Amount: cents("amount")})
	}
	return s
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Zoë Nuñez-O'Brien":            "Zoë Nuñez-O'Brien",
		"Zoe\u0308 Nun\u0303ez":        "Zoë Nuñez", // accents of their own
		"Ngọc Nguyễn Thị Ánh":          "Ngọc Nguyễn Thị Ánh",
		"Łukasz Żółć":                  "Łukasz Żółć",
		"Ζωή Παπαδοπούλου":             "Ζωή Παπαδοπούλου",
		"Ivan\tthe\r\nSecond\x00 \x1b": "Ivan the Second",
		"\u202eevil\u202c \u200bname":  "evil name",
		"שלום Cohen":                   "\ufffd\ufffd\ufffd\ufffd Cohen",
		"李小龙":                          "\ufffd\ufffd\ufffd",
		"\xff\xfe Kaputt":              "\ufffd\ufffd Kaputt",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := aLoan()
			s.Name = name
			s.Address = loan.Address{Line1: "1200 Market Street", City: "Philadelphia", State: "PA", PostalCode: "19107"}
			text := rows(run(t, "pdftotext", "-x", "72", "-y", "180", "-W", "240", "-H", "55", "-r", "72", statement(t, s), "-"))
			assert.Equal(t, []string{want, "1200 Market Street", "Philadelphia, PA 19107"}, text[:3])
		})
	}
}

// FuzzStatement prints whatever a customer and an operator can have typed in.
func FuzzStatement(f *testing.F) {
	f.Add("Zoë Nuñez-O'Brien", "1200 Market Street", "Harbor Auto Finance")
	f.Add("\u202eשלום\x00\xff", strings.Repeat("W", 300), "\n\n")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, name, street, sender string) {
		s := aLoan()
		s.Name, s.Address.Line1, s.Vehicle = name, street, street
		s.Servicer.Name, s.Servicer.Address = sender, []string{street}
		s.AccountNumberLast4, s.Lines[1].Confirmation = name, street
		_, err := paper.Statement(s)
		require.NoError(t, err)
	})
}

// BenchmarkStatement prints a month; 1,000 of them have to take well under 15 s.
func BenchmarkStatement(b *testing.B) {
	s := aLoan()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := paper.Statement(s); err != nil {
			b.Fatal(err)
		}
	}
}
