package paper

import (
	"strconv"
	"strings"
)

// chart draws the balances as bars, with the amounts at the left and days below.
func (d *sheet) chart(x, y, w, h float64) {
	if len(d.Balances) == 0 {
		return
	}
	most := int64(0)
	var words strings.Builder
	words.WriteString("Bar chart of the balance at the end of each period.")
	for _, b := range d.Balances {
		most = max(most, int64(b.Amount))
		words.WriteString(" " + long(b.On) + ": " + b.Amount.Formatted() + ".")
	}
	step := tick(most)
	scale := step * ((most + step - 1) / step)
	scale = max(scale, step)

	const below = 12
	axis := 0.0
	for at := int64(0); at <= scale; at += step {
		axis = max(axis, tiny.width(compact(at)))
	}
	first, base, height := x+axis+5, y+h-below, h-below-6
	figure := &element{tag: "Figure", alt: words.String(), box: [4]float64{x, pageHeight - y - h, x + w, pageHeight - y}}
	d.fill(figure, func() {
		d.mark(d.page, func() {
			p := d.page
			for at := int64(0); at <= scale; at += step {
				level := base - height*float64(at)/float64(scale)
				label := compact(at)
				d.glyphs(p, first-5-tiny.width(label), level+2.4, tiny, label)
				p.SetStrokeColorRGB(hair[0], hair[1], hair[2])
				p.SetLineWidth(0.35)
				p.MoveTo(first, pageHeight-level)
				p.LineTo(x+w, pageHeight-level)
				p.Stroke()
			}
			n := len(d.Balances)
			place := (x + w - first) / float64(max(n, 6)) // a single bar is no wall
			for i, b := range d.Balances {
				c := pale
				if i == n-1 {
					c = blue
				}
				tall := height * float64(max(b.Amount, 0)) / float64(scale)
				p.SetFillColorRGB(c[0], c[1], c[2])
				p.Rectangle(first+place*(float64(i)+0.15), pageHeight-base, place*0.7, tall)
				p.Fill()
			}
			for _, i := range labelled(n) {
				label := spell(d.Balances[i].On, "Jan 2006")
				at := first + place*(float64(i)+0.5) - tiny.width(label)/2
				at = min(max(at, first), x+w-tiny.width(label))
				d.glyphs(p, at, base+9, tiny, label)
			}
		})
	})
}

// labelled are the bars of n that have a label; there is room for three.
func labelled(n int) []int {
	switch {
	case n <= 2:
		return []int{n - 1}
	case n < 9:
		return []int{0, n - 1}
	}
	return []int{0, (n - 1) / 2, n - 1}
}

// tick is the distance of lines, in cents, of which at most five reach over most: 1, 2 or
// 5 dollars, or ten, a hundred ... times that.
func tick(most int64) int64 {
	for unit := int64(1_00); ; unit *= 10 {
		for _, times := range []int64{1, 2, 5} {
			if unit*times*5 >= most {
				return unit * times
			}
		}
	}
}

// compact is an amount of whole dollars in few letters: $500, $20K, $1.5M.
func compact(cents int64) string {
	dollars := cents / 100
	switch {
	case dollars >= 1_000_000:
		return "$" + strconv.FormatFloat(float64(dollars)/1e6, 'f', -1, 64) + "M"
	case dollars >= 1_000:
		return "$" + strconv.FormatFloat(float64(dollars)/1e3, 'f', -1, 64) + "K"
	}
	return "$" + strconv.FormatInt(dollars, 10)
}
