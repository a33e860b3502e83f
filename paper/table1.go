package paper

import (
	"slices"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

const (
	rowHeight  = 13.0
	waysHeight = 36.0
)

// column is one of the activity. Amounts stand at its right end.
type column struct {
	name  string
	end   float64
	value func(*loan.StatementLine) loan.Cents
}

const (
	whatLeft   = left + 62
	amountWide = 67.0 // holds -$99,999,999.99
)

// columns are those of amounts, placed from the right.
func (d *sheet) columns() []column {
	all := []column{
		{"Balance", 0, func(l *loan.StatementLine) loan.Cents { return l.Balance }},
		{"Fees", 0, func(l *loan.StatementLine) loan.Cents { return l.Fees }},
		{"Interest", 0, func(l *loan.StatementLine) loan.Cents { return l.Interest }},
		{"Principal", 0, func(l *loan.StatementLine) loan.Cents { return l.Principal }},
		{"Amount", 0, func(l *loan.StatementLine) loan.Cents { return l.Amount }},
	}
	if d.lease {
		all[2] = column{"Lease payment", 0, func(l *loan.StatementLine) loan.Cents { return l.Instalments }}
		all = append(all[:3], all[4])
	}
	end := right
	for i := range all {
		all[i].end = end
		end -= amountWide
	}
	slices.Reverse(all)
	return all
}

// activity is the table of the lines, on as many pages as it needs, with what stands
// below it on the first one.
func (d *sheet) activity() {
	columns := d.columns()
	what := columns[0].end - amountWide - whatLeft
	d.within("Sect", func() {
		d.y += 12
		// A heading with a header and a line has to fit.
		if d.y+5+2*rowHeight+11 > d.limit() {
			d.turn()
			d.y += 12
		}
		d.within("H2", func() { d.write(d.page, left, d.y, heading, "Activity") })
		d.within("P", func() {
			words := "Principal, interest and fees are what a line took off what you owe or, with a minus, added to it."
			if d.lease {
				words = "Lease payment and fees are what a line took off what you owe or, with a minus, added to it."
			}
			d.write(d.page, left+heading.width("Activity")+10, d.y, tiny, words)
		})
		d.y += 5
		if len(d.Lines) == 0 {
			d.page.rule(left, right, d.y, 0.75, blue)
			d.y += rowHeight
			d.within("P", func() { d.write(d.page, left, d.y, quiet, "There were no payments and no charges in this period.") })
			return
		}
		d.within("Table", func() {
			d.header(columns, false)
			for i := range d.Lines {
				l := &d.Lines[i]
				words := wrap(printable(describe(l)), cell.weight.face(), cell.size, what)
				height := rowHeight + 11*float64(len(words)-1)
				if d.y+height > d.limit() {
					d.turn()
					d.label(d.page, left, d.y+12, heading, "Activity (continued)")
					d.y += 17
					d.header(columns, true)
				}
				d.line(l, words, columns)
				d.y += height
				d.page.rule(left, right, d.y, 0.35, hair)
			}
		})
	})
}

// close ends the first page with the ways to pay and the coupon.
func (d *sheet) close() {
	in := d.in
	d.in = d.last
	if d.hasCoupon() {
		d.ways(couponTop - waysHeight - 5)
		d.coupon()
	} else {
		d.ways(foot - waysHeight)
	}
	d.in = in
}

// turn begins a new page.
func (d *sheet) turn() {
	if len(d.pages) == 1 {
		d.close()
	}
	d.page = d.addPage()
	d.y = top + 18
}

// header is the first row of the table. On the pages after the first it is an artifact: it
// is read once, at the head of the table.
func (d *sheet) header(columns []column, again bool) {
	d.page.box(left, d.y, right-left, rowHeight, blue)
	head := func(x float64, name string) {
		if again {
			d.label(d.page, x, d.y+9, inverted, name)
			return
		}
		d.fill(&element{tag: "TH", scope: "Column"}, func() { d.write(d.page, x, d.y+9, inverted, name) })
	}
	row := func() {
		head(left+4, "Date")
		head(whatLeft, "Description")
		for _, c := range columns {
			head(c.end-4-inverted.width(c.name), c.name)
		}
	}
	if again {
		row()
	} else {
		d.within("TR", row)
	}
	d.y += rowHeight
}

func (d *sheet) line(l *loan.StatementLine, words []string, columns []column) {
	y := d.y + 9.2
	d.within("TR", func() {
		d.within("TD", func() { d.write(d.page, left+4, y, cell, short(l.On)) })
		d.within("TD", func() { d.lines(d.page, whatLeft, y, 11, cell, words) })
		for i, c := range columns {
			d.within("TD", func() {
				amount := c.value(l).Formatted()
				if c.value(l) == 0 && i < len(columns)-1 {
					amount = "–"
				}
				d.writeRight(d.page, c.end-4, y, cell, amount)
			})
		}
	})
}

// describe says what a line is.
func describe(l *loan.StatementLine) string {
	words := ""
	switch l.Kind {
	case loan.PostOpening:
		words = "Balance brought forward"
	case loan.PostInterest:
		words = "Interest charged"
	case loan.PostPayment:
		words = "Payment, thank you"
	case loan.PostReversal:
		words = "Payment returned"
	case loan.PostFee:
		words = "Fee"
	case loan.PostCorrection:
		words = "Correction"
	default:
		// LATE_FEE is "Late fee".
		words = strings.ToLower(strings.ReplaceAll(string(l.Kind), "_", " "))
		words = strings.ToUpper(words[:min(1, len(words))]) + words[min(1, len(words)):]
	}
	if l.Confirmation != "" {
		words += " (" + l.Confirmation + ")"
	}
	return words
}

// ways says how to pay and whom to ask.
func (d *sheet) ways(y float64) {
	d.page.rule(left, right, y, 0.5, hair)
	mail := "Send the coupon below with your check."
	if !d.hasCoupon() {
		mail = "Write to the address above."
	}
	d.within("Sect", func() {
		for i, way := range [][2]string{
			{"Online or in the app", d.Servicer.Website},
			{"By phone, and questions", d.Servicer.Phone},
			{"By mail", mail},
		} {
			x := left + float64(i)*(third+gutter)
			d.within("H2", func() { d.write(d.page, x, y+14, strong, way[0]) })
			lines, s := fit(way[1:], text, third, 2*leading*text.size)
			d.within("P", func() { d.lines(d.page, x, y+26, s.size*leading, s, lines) })
		}
	})
}

// coupon is what is sent with a check.
func (d *sheet) coupon() {
	p := d.page
	p.artifact(func() {
		p.SaveState()
		p.SetStrokeColorRGB(gray[0], gray[1], gray[2])
		p.SetLineWidth(0.75)
		p.SetDashPattern([]float64{4, 3}, 0)
		p.MoveTo(0, pageHeight-couponTop)
		p.LineTo(pageWidth, pageHeight-couponTop)
		p.Stroke()
		p.RestoreState()
	})
	d.within("Sect", func() {
		y := couponTop + 26
		d.within("H2", func() { d.write(p, left, y, heading, "Payment coupon") })
		d.within("P", func() { d.write(p, left, couponTop+10, tiny, "Please cut here and send this part with your check.") })
		say := func(s style, words string) {
			lines, s := fit([]string{words}, s, sideColumn-left-36, 3*leading*s.size)
			d.within("P", func() { y = d.lines(p, left, y+16, s.size*1.25, s, lines) - s.size*1.25 })
		}
		if d.autoPays() {
			say(strong, "Auto Pay will pay this. Do not send a payment.")
		}
		say(text, "Check payable to: "+d.Servicer.Name)
		say(text, "Please write on it: account ending in "+d.AccountNumberLast4)
		say(text, "From: "+d.Name+", "+d.Vehicle)
		y = d.pairs(sideColumn, right, couponTop+26, 16, []pair{
			{"Account", "ending in " + d.AccountNumberLast4, false},
			{"Due date", short(d.DueOn), true},
			{"Amount due", d.AmountDue.Formatted(), true},
		})
		y += 4
		d.within("P", func() { d.write(p, sideColumn, y+12, strong, "Amount enclosed") })
		p.frame(right-90, y-2, 90, 22, 0.75, black)
		d.within("P", func() { d.write(p, right-84, y+12.5, text, "$") })

		lines, s := fit(append([]string{d.Servicer.Name}, d.Servicer.Address...), block, payeeRight-addressLeft, payeeFoot-payeeTop)
		d.within("P", func() { d.lines(p, addressLeft, payeeTop+s.size*capHeight, s.size*leading, s, lines) })
	})
}

// autoPays tells whether Auto Pay pays all that is due.
func (d *sheet) autoPays() bool {
	return slices.ContainsFunc(d.Messages, func(m loan.StatementMessage) bool {
		return m.Kind == loan.MessageAutoPay && m.Amount >= d.AmountDue
	})
}
