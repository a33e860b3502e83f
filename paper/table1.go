package paper

import (
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
	whatLeft   = left + 58
	amountWide = 67.0 // holds -$99,999,999.99
)

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
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// activity is the table of the lines, on as many pages as it needs, with what stands
// below it on the first one.
func (d *sheet) activity() {
	columns := d.columns()
	limit := d.bodyFoot()
	what := columns[0].end - amountWide - whatLeft
	d.within("Sect", func() {
		d.y += 12
		// A heading with a header and a line has to fit.
		if len(d.Lines) > 0 && d.y+2*rowHeight+rowHeight > limit {
			d.turn()
			limit = foot
			d.y += 12
		}
		d.within("H2", func() { d.write(d.page, left, d.y, heading, "Activity") })
		d.within("P", func() {
			words := "The parts of a payment are what it took off what you owe. An amount with a minus was added to it."
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
			d.header(columns, d.write, d.writeRight)
			for i := range d.Lines {
				l := &d.Lines[i]
				words := wrap(printable(describe(l)), text.face, text.size, what)
				height := rowHeight + 11*float64(len(words)-1)
				if d.y+height > limit {
					d.turn()
					limit = foot
					d.label(d.page, left, d.y+12, heading, "Activity (continued)")
					d.y += 17
					// Read once, at the head of the table.
					d.header(columns, d.label, func(on *page, x, y float64, s style, text string) {
						d.label(on, x-s.width(text), y, s, text)
					})
				}
				d.line(l, words, columns)
				d.y += height
				d.page.rule(left, right, d.y, 0.35, hair)
			}
		})
	})
	if len(d.pages) == 1 {
		d.close()
	}
}

// bodyFoot is how far the body of the first page may reach.
func (d *sheet) bodyFoot() float64 {
	if d.hasCoupon() {
		return couponTop - waysHeight - 12
	}
	return foot - waysHeight - 12
}

// close ends the first page with the ways to pay and the coupon. They are read after the
// whole activity, though it may go on on the next pages.
func (d *sheet) close() {
	in := d.in
	d.in = d.root
	if d.hasCoupon() {
		d.ways(couponTop - waysHeight - 5)
		d.coupon()
	} else {
		d.ways(foot - waysHeight)
	}
	d.in = in
}

func (d *sheet) turn() {
	if len(d.pages) == 1 {
		d.close()
	}
	d.page = d.addPage()
	d.y = top + 18
}

func (d *sheet) header(columns []column, write, writeRight func(*page, float64, float64, style, string)) {
	d.page.box(left, d.y, right-left, rowHeight, blue)
	cell := func(put func()) { d.fill(&element{tag: "TH", scope: "Column"}, put) }
	d.within("TR", func() {
		cell(func() { write(d.page, left+4, d.y+9, inverted, "Date") })
		cell(func() { write(d.page, whatLeft, d.y+9, inverted, "Description") })
		for _, c := range columns {
			cell(func() { writeRight(d.page, c.end-4, d.y+9, inverted, c.name) })
		}
	})
	d.y += rowHeight
}

func (d *sheet) line(l *loan.StatementLine, words []string, columns []column) {
	d.within("TR", func() {
		y := d.y + 9.3
		d.within("TD", func() { d.write(d.page, left+4, y, text, short(l.On)) })
		d.within("TD", func() {
			for i, line := range words {
				d.write(d.page, whatLeft, y+11*float64(i), text, line)
			}
		})
		for i, c := range columns {
			d.within("TD", func() {
				s, value := text, c.value(l)
				if value == 0 && i < len(columns)-1 {
					d.writeRight(d.page, c.end-4, y, quiet, "–")
					return
				}
				d.writeRight(d.page, c.end-4, y, s, value.Formatted())
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
	default:
		words = strings.ReplaceAll(string(l.Kind), "_", " ")
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
			d.within("P", func() {
				for j, line := range wrap(printable(way[1]), text.face, text.size, third) {
					d.write(d.page, x, y+26+11*float64(j), text, line)
				}
			})
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
		y += 16
		d.within("P", func() {
			for _, line := range []string{
				"Make your check payable to " + d.Servicer.Name + ".",
				"Write “account ending in " + d.AccountNumberLast4 + "” on it. Please send no cash.",
				"From: " + d.Name,
			} {
				for _, piece := range wrap(printable(line), text.face, text.size, sideColumn-left-36) {
					d.write(p, left, y, text, piece)
					y += 12
				}
			}
		})
		y = d.pairs(sideColumn, right, couponTop+26, 16, []pair{
			{"Account", "ending in " + d.AccountNumberLast4, false},
			{"Due date", short(d.DueOn), true},
			{"Amount due", d.AmountDue.Formatted(), true},
		})
		y += 4
		d.within("P", func() { d.write(p, sideColumn, y+12, strong, "Amount enclosed") })
		p.frame(right-90, y-2, 90, 22, 0.75, black)
		d.within("P", func() { d.write(p, right-84, y+12.5, text, "$") })

		lines, s := fit(append([]string{d.Servicer.Name}, d.Servicer.Address...), 9.5, payeeRight-addressLeft, payeeFoot-payeeTop)
		d.within("P", func() {
			y := payeeTop + s.size*capHeight
			for _, line := range lines {
				d.write(p, addressLeft, y, s, line)
				y += s.size * leading
			}
		})
	})
}
