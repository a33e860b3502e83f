package paper

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

// Layout 1: US Letter, folded in three with the address outside, for a #10 window
// envelope (9-1/2 x 4-1/8 inches). It must not change any more once statements with
// its number have been issued.
//
// The window of the envelope (the standard of the trade: 4-1/2 x 1-1/8 inches, 7/8 from
// the left, 1/2 from the bottom) shows the upper third of the sheet, 8-1/2 x 3-2/3, which
// can slide by 1 inch to the right and 11/24 up. The whole address has to be visible
// wherever it slides (USPS Domestic Mail Manual 601.6.3). So, from the left and the top of
// the sheet in inches, the address may be
//
//	from 7/8 + 1/8 = 1        to 5-3/8 - 1 - 1/8 = 4-1/4
//	from 3-2/3 + 11/24 - 1-5/8 = 2-1/2  to 3-2/3 - 1/2 = 3-1/6,
//
// and nothing else that is private may be where the window can come:
//
//	left of 5-3/8, from 3-2/3 - 1-5/8 = 2-1/24 to 3-2/3 + 11/24 - 1/2 = 3-5/8.
//
// The upper window of a #10 double-window envelope (3-1/2 x 7/8, 3/8 to 1/2 from the left,
// 2-3/8 to 2-1/2 from the bottom) can come left of 4 and between 1/4 and 1-3/4: there is
// the letterhead and nothing else. Its lower window (4 x 1, 3/8 from the left, 5/8 from the
// bottom) shows an address of three lines of up to 2-3/8 inches wherever the sheet slides.
//
// The coupon, 8-1/2 x 3-1/2, goes into a #9 envelope (8-7/8 x 3-7/8) with the same window,
// in which it can slide by 3/8 both ways. In inches from its left and its foot:
//
//	the payee: from 1 to 4-7/8, and from 1/2 to 1-5/8 - 3/8 = 1-1/4;
//	nothing else: left of 5-3/8, from 1/8 to 1-5/8.
const (
	left, right = 36.0, 576.0 // half an inch of margin, as printers want it
	top, foot   = 36.0, 756.0

	sideColumn = 396.0 // right of where a window can come

	addressLeft, addressRight = 1.0 * inch, 4.25 * inch
	addressTop, addressFoot   = 2.56 * inch, 3.16 * inch
	windowFoot                = 3.625 * inch // below it is the body

	couponTop           = 7.5 * inch
	payeeTop, payeeFoot = pageHeight - 1.24*inch, pageHeight - 0.53*inch
	payeeRight          = 4.875 * inch

	gutter = 18.0
	third  = (right - left - 2*gutter) / 3
)

// The colors and styles of layout 1: one color, and few sizes. Each color of text has a
// contrast to its ground of more than 4.5 (WCAG 2.1, 1.4.3).
var (
	black  = color{0.10, 0.12, 0.15}
	gray   = color{0.34, 0.38, 0.43}
	blue   = color{0.07, 0.24, 0.40}
	pale   = color{0.66, 0.74, 0.82}
	ground = color{0.945, 0.957, 0.969}
	hair   = color{0.78, 0.81, 0.84}
	white  = color{1, 1, 1}

	title    = style{bold, 16, blue}
	block    = style{regular, 9.5, black} // an address in a window
	text     = style{regular, 8.5, black}
	strong   = style{bold, 8.5, black}
	quiet    = style{regular, 8.5, gray}
	tiny     = style{regular, 7, gray}
	heading  = style{bold, 10.5, blue}
	cell     = style{regular, 8, black}
	large    = style{bold, 19, blue}
	letter   = style{bold, 13, blue}
	inverted = style{bold, 7.5, white}
)

// sheet is a statement as it is laid out.
type sheet struct {
	*pdf
	*loan.Statement
	lease bool
	code  string // of a sample
	page  *page
	y     float64 // how far the page is filled

	// What stands at the foot of the first page and is read last.
	last *element
}

func layout1(s *loan.Statement, code string) ([]byte, error) {
	d := &sheet{Statement: s, lease: s.Kind == loan.ContractLease, code: code, last: &element{tag: "Div"}}
	d.pdf = newPDF(d.heading() + " of " + long(s.IssuedOn))
	d.created = s.IssuedOn.At(0).UTC().Format("D:20060102150405Z")
	d.id = fmt.Sprintf("statement %v, layout %d, %s", s.ID, s.Layout, code)

	messages, err := d.messages()
	if err != nil {
		return nil, err
	}
	d.page = d.addPage()
	d.letterhead()
	d.address()
	d.side()
	d.told(messages)
	d.figures()
	d.activity()
	if len(d.pages) == 1 {
		d.close()
	}
	d.root.kids = append(d.root.kids, d.last)
	d.numbers()
	return d.bytes()
}

// hasCoupon tells whether there is something to send money for.
func (d *sheet) hasCoupon() bool { return d.AmountDue > 0 && d.code == "" }

func (d *sheet) heading() string {
	switch {
	case d.code != "":
		return "Sample statement"
	case d.lease:
		return "Auto lease statement"
	}
	return "Auto loan statement"
}

func (d *sheet) letterhead() {
	const most = 3.4 * inch // so that it stays in the envelope's upper window
	d.within("Div", func() {
		lines, s := fit([]string{d.Servicer.Name}, letter, most, 46)
		y := top + s.size*capHeight
		d.within("P", func() { y = d.lines(d.page, left, y, s.size*leading, s, lines) })
		y += 2
		lines, s = fit(d.Servicer.Address, quiet, most, 1.7*inch-y)
		d.within("P", func() { d.lines(d.page, left, y, s.size*1.25, s, lines) })
	})
}

// address is the block that the envelope's window shows. A long name or address is
// set smaller until it has its place.
func (d *sheet) address() {
	lines, s := fit(append([]string{d.Name}, mailing(d.Address)...), block, addressRight-addressLeft, addressFoot-addressTop)
	d.within("P", func() {
		d.lines(d.page, addressLeft, addressTop+s.size*capHeight, s.size*leading, s, lines)
	})
}

func mailing(a loan.Address) []string {
	lines := []string{a.Line1, a.Line2, strings.TrimSpace(strings.TrimPrefix(a.City+", "+a.State, ", ") + " " + a.PostalCode)}
	kept := lines[:0]
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// pair is a figure with its name.
type pair struct {
	name, value string
	strong      bool
}

// pairs is a table of two columns. It returns where it ends. A long value has up to
// three lines.
func (d *sheet) pairs(x1, x2, y, step float64, rows []pair) float64 {
	d.within("Table", func() {
		for _, row := range rows {
			d.within("TR", func() {
				name, value := quiet, text
				if row.strong {
					name, value = strong, strong
				}
				d.fill(&element{tag: "TH", scope: "Row"}, func() { d.write(d.page, x1, y, name, row.name) })
				d.within("TD", func() {
					lines, s := fit([]string{row.value}, value, x2-x1-name.width(row.name)-8, 3*leading*value.size)
					for i, line := range lines {
						if i > 0 {
							y += step
						}
						d.writeRight(d.page, x2, y, s, line)
					}
				})
			})
			y += step
		}
	})
	return y
}

// side is the column that no window shows: what it is, and what is due.
func (d *sheet) side() {
	const pad = 9
	switch {
	case d.code != "":
		d.badge(sideColumn, top+7, "SAMPLE")
	case d.Corrects != nil:
		d.badge(sideColumn, top+7, "CORRECTED")
	}
	y := top + 30.0
	d.within("H1", func() { d.write(d.page, sideColumn, y, title, d.heading()) })
	y = d.pairs(sideColumn, right, y+18, 12, []pair{
		{"Statement date", short(d.IssuedOn), false},
		{"Period", short(d.PeriodFrom) + " – " + short(d.PeriodTo), false},
		{"Account", "ending in " + d.AccountNumberLast4, false},
		{"Vehicle", d.Vehicle, false},
	})

	due := pair{"Please pay by", short(d.DueOn), true}
	if d.AmountDue <= 0 {
		due = pair{"Nothing is due.", "", true}
	}
	parts := []pair{
		{"Current payment", d.CurrentDue.Formatted(), false},
		{"Past due", d.PastDue.Formatted(), false},
		{"Fees", d.FeesDue.Formatted(), false},
	}
	if d.PastDue > 0 {
		parts[1] = pair{"Past due: pay now", d.PastDue.Formatted(), true}
	}
	payoff := d.payoff()

	y -= 4
	height := 71.0 + 12*float64(len(parts)+len(payoff))
	d.page.box(sideColumn-pad, y, right-sideColumn+2*pad, height, ground)
	d.page.box(sideColumn-pad, y, right-sideColumn+2*pad, 2, blue)
	d.y = max(windowFoot+10, y+height+12)
	y += 18
	d.within("H2", func() { d.write(d.page, sideColumn, y, heading, "Amount due") })
	y += 21
	d.within("P", func() { d.writeRight(d.page, right, y, large, d.AmountDue.Formatted()) })
	y = d.pairs(sideColumn, right, y+14, 12, []pair{due})
	for _, rows := range [][]pair{parts, payoff} {
		d.page.rule(sideColumn, right, y-7.5, 0.5, hair)
		y = d.pairs(sideColumn, right, y+4, 12, rows)
	}
}

func (d *sheet) payoff() []pair {
	name := "Payoff"
	if d.lease {
		name = "To buy the vehicle"
	}
	rows := []pair{
		{name, d.PayoffAmount.Formatted(), false},
		{"Good through", short(d.PeriodTo), false},
	}
	if d.PayoffPerDiem > 0 {
		rows = append(rows, pair{"Each day after adds", "$" + string(d.PayoffPerDiem.Amount()), false})
	}
	return rows
}

// badge is a word that also who does not see colors sees first.
func (d *sheet) badge(x, y float64, word string) {
	d.page.box(x, y-8.5, inverted.width(word)+8, 11.5, blue)
	d.within("P", func() { d.write(d.page, x+4, y, inverted, word) })
}

// message is one thing told, with a word that catches the eye.
type message struct {
	word, text string
	badge      bool
}

func (d *sheet) messages() ([]message, error) {
	var all []message
	for _, m := range d.Messages {
		switch m.Kind {
		case loan.MessagePastDue:
			all = append(all, message{"PAST DUE", "Your account is past due by " + m.Amount.Formatted() + ". Please pay it now. If you cannot, call us: we want to help.", true})
		case loan.MessageAutoPay:
			words := "We will take " + m.Amount.Formatted() + " from your bank account on " + long(m.On) + ". "
			if m.Amount >= d.AmountDue {
				words += "Do not send a payment."
			} else {
				words += "Please pay the rest of the amount due, " + (d.AmountDue - m.Amount).Formatted() + ", yourself."
			}
			all = append(all, message{"Auto Pay", words, false})
		case loan.MessageReturned:
			all = append(all, message{"Payment returned", "Your bank returned the payment of " + m.Amount.Formatted() + " credited on " + long(m.On) + ". It no longer counts.", false})
		case loan.MessageCorrection:
			all = append(all, message{"Corrected statement", "This statement takes the place of the one of " + long(m.On) + ". Please disregard that one.", false})
		case loan.MessagePaidOff:
			what := "loan"
			if d.lease {
				what = "lease"
			}
			all = append(all, message{"Paid off", "Your " + what + " is paid off. You owe nothing, and this is its last statement. Thank you.", false})
		default:
			return nil, fmt.Errorf("paper: layout 1 has no words for the message %s", m.Kind)
		}
	}
	return all, nil
}

// told prints the messages, and the code of a sample.
func (d *sheet) told(messages []message) {
	if d.code != "" {
		d.sampleCode()
	}
	x := left + 100.0
	for _, m := range messages {
		lines := wrap(m.text, text.weight.face(), text.size, right-x)
		if d.y+10+12*float64(len(lines)) > d.limit() {
			d.turn()
		}
		d.y += 10
		d.within("Div", func() {
			if m.badge {
				d.badge(left, d.y, m.word)
			} else {
				d.within("P", func() { d.write(d.page, left, d.y, strong, m.word) })
			}
			d.within("P", func() { d.y = d.lines(d.page, x, d.y, 12, text, lines) })
		})
		d.y -= 6
	}
	if len(messages) > 0 {
		d.y += 12
	}
}

func (d *sheet) sampleCode() {
	const height = 58
	d.page.frame(left, d.y, right-left, height, 1, blue)
	d.within("H2", func() { d.write(d.page, left+14, d.y+22, heading, "Your code") })
	d.within("P", func() { d.write(d.page, left+14, d.y+44, large, d.code) })
	d.within("P", func() {
		d.lines(d.page, left+third+gutter, d.y+22, 12, text, []string{
			"This is a sample: it is nobody's account, and nothing is to be paid.",
			"Enter the code to show that you can open and read statements in this form,",
			"before you agree to receive yours online instead of on paper.",
		})
	})
	d.y += height + 14
}

// figures are three columns: the balance, interest and fees, and the chart.
func (d *sheet) figures() {
	year := strconv.Itoa(d.PeriodTo.Year)
	money := func(name string, c loan.Cents) pair { return pair{name, c.Formatted(), false} }

	paid, carried := d.PrincipalPaid, d.ClosingBalance-d.OpeningBalance+d.PrincipalPaid
	titles := [2]string{"Principal balance", "Interest and fees"}
	if d.lease {
		paid, carried = d.InstalmentsPaid, d.ClosingBalance-d.OpeningBalance+d.InstalmentsPaid
		titles = [2]string{"Lease balance", "Fees"}
	}
	balance := []pair{money("Opening balance", d.OpeningBalance)}
	if carried != 0 { // when the books began within the period
		balance = append(balance, money("Brought forward", carried))
	}
	if d.lease {
		balance = append(balance, money("Paid on the lease", paid))
	} else {
		balance = append(balance, money("Principal paid", paid))
	}
	balance = append(balance,
		pair{"Closing balance", d.ClosingBalance.Formatted(), true},
		money("Payments received", d.Received))
	if d.lease {
		balance = append(balance, pair{"Payments remaining", strconv.Itoa(d.InstalmentsRemaining), false})
	} else {
		balance = append(balance, pair{"Interest rate", string(d.Rate.Percent()) + "%", false})
	}
	if !d.MaturesOn.IsZero() {
		balance = append(balance, pair{"Contract ends", short(d.MaturesOn), false})
	}

	var costs []pair
	if !d.lease {
		costs = append(costs,
			money("Interest charged", d.InterestCharged),
			money("Interest paid", d.InterestPaid),
			money("Interest not yet paid", d.InterestUnpaid))
	}
	costs = append(costs, money("Fees charged", d.FeesCharged), money("Fees paid", d.FeesPaid))
	if !d.lease {
		costs = append(costs, money("Interest paid in "+year, d.YearInterestPaid))
	}
	costs = append(costs, money("Fees paid in "+year, d.YearFeesPaid))

	const height = 112
	if d.y+height > d.limit() {
		d.turn()
	}
	y := d.y + 10
	section := func(column float64, title string, body func(x, y float64)) {
		x := left + column*(third+gutter)
		d.within("Sect", func() {
			d.within("H2", func() { d.write(d.page, x, y, heading, title) })
			d.page.rule(x, x+third, y+5, 0.75, blue)
			body(x, y+5)
		})
	}
	section(0, titles[0], func(x, y float64) { d.pairs(x, x+third, y+13, 12, balance) })
	section(1, titles[1], func(x, y float64) { d.pairs(x, x+third, y+13, 12, costs) })
	section(2, "Balance over time", func(x, y float64) { d.chart(x, y+5, third, 86) })
	d.y += height
}

// limit is how far the page may be filled.
func (d *sheet) limit() float64 {
	switch {
	case len(d.pages) > 1:
		return foot
	case d.hasCoupon():
		return couponTop - waysHeight - 12
	}
	return foot - waysHeight - 12
}

// numbers writes what stands on each page: which it is, of what.
func (d *sheet) numbers() {
	for i, on := range d.pages {
		number := fmt.Sprintf("Page %d of %d", i+1, len(d.pages))
		d.label(on, right-tiny.width(number), top+5, tiny, number)
		if i > 0 {
			of := d.heading() + " of " + short(d.IssuedOn) + ", account ending in " + d.AccountNumberLast4
			lines, s := fit([]string{of + " · " + d.Servicer.Name}, tiny, right-left-60, tiny.size)
			d.label(on, left, top+5, s, lines[0])
			on.rule(left, right, top+11, 0.5, hair)
		}
	}
}

func day(year int, month time.Month, day int) loan.Date {
	return loan.Date{Year: year, Month: month, Day: day}
}

// short is a day as "Nov 18, 2026", and no day as nothing.
func short(d loan.Date) string { return spell(d, "Jan 2, 2006") }

func long(d loan.Date) string { return spell(d, "January 2, 2006") }

func spell(d loan.Date, layout string) string {
	if d.IsZero() {
		return ""
	}
	return d.At(12).Format(layout)
}
