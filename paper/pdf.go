package paper

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/carlos7ags/folio/content"
	"github.com/carlos7ags/folio/core"
	"github.com/carlos7ags/folio/document"
	"github.com/carlos7ags/folio/font"
)

// US Letter, in points (72 to the inch). Here y is counted downwards from the top of
// the page, in PDF upwards from its foot; only this file knows.
const (
	pageWidth  = 612
	pageHeight = 792
	inch       = 72
)

// color is red, green and blue, each from 0 to 1.
type color [3]float64

// pdf is a file whose text is tagged (ISO 32000-1, 14.8): beside the pages is a
// tree of headings, paragraphs and tables in reading order, for screen readers.
// What only decorates is marked as an artifact, which they leave out.
//
// Folio tags only what its own layout engine places. Here the address and the coupon have
// their places to the point, so the tree is built from folio's objects.
type pdf struct {
	title   string
	created string // as PDF writes it
	id      string // what the file's identifier is made of

	pages []*page
	fonts [2]*font.EmbeddedFont
	root  *element
	in    *element // the one that is being filled
}

type page struct {
	*content.Stream
	number  int
	parents []*element // of each marked content, by its number
}

// element is one of the tree. It has elements, or contents of pages.
type element struct {
	tag    string
	alt    string     // what a figure shows, in words
	box    [4]float64 // where a figure is: left, lower, right and upper end, as PDF counts
	scope  string     // what a table's header cell is the header of: Row or Column
	parent *element
	kids   []any // *element or mark

	ref *core.PdfIndirectReference
}

// mark is a marked content of a page.
type mark struct {
	page *page
	id   int
}

func newPDF(title string) *pdf {
	root := &element{tag: "Document"}
	return &pdf{
		title: title,
		fonts: [2]*font.EmbeddedFont{font.NewEmbeddedFont(regular.face()), font.NewEmbeddedFont(bold.face())},
		root:  root, in: root,
	}
}

func (p *pdf) addPage() *page {
	added := &page{Stream: content.NewStream(), number: len(p.pages)}
	p.pages = append(p.pages, added)
	return added
}

// within fills an element of the tree.
func (p *pdf) within(tag string, fill func()) { p.fill(&element{tag: tag}, fill) }

func (p *pdf) fill(e *element, fill func()) {
	e.parent = p.in
	p.in.kids = append(p.in.kids, e)
	p.in = e
	fill()
	p.in = e.parent
}

// style is how a text looks.
type style struct {
	weight weight
	size   float64
	color  color
}

func (s style) width(text string) float64 { return width(printable(text), s.weight.face(), s.size) }

// write puts a line of text with its left end at x and its base line at y, as content
// of the element that is being filled.
func (p *pdf) write(on *page, x, y float64, s style, text string) {
	text = printable(text)
	if text == "" {
		return
	}
	p.mark(on, func() { p.glyphs(on, x, y, s, text) })
}

// mark makes what is drawn content of the element that is being filled.
func (p *pdf) mark(on *page, draw func()) {
	id := len(on.parents)
	on.parents = append(on.parents, p.in)
	p.in.kids = append(p.in.kids, mark{on, id})
	on.BeginMarkedContentWithID(p.in.tag, id)
	draw()
	on.EndMarkedContent()
}

// writeRight is write with the right end of the text at x.
func (p *pdf) writeRight(on *page, x, y float64, s style, text string) {
	p.write(on, x-s.width(text), y, s, text)
}

// lines writes one line of text below the other and returns where the next one would
// be. A reader that hears them hears a space where a line ends.
func (p *pdf) lines(on *page, x, y, step float64, s style, texts []string) float64 {
	for i, text := range texts {
		if i < len(texts)-1 {
			text += " "
		}
		p.write(on, x, y, s, text)
		y += step
	}
	return y
}

// label is a text that decorates: a screen reader is told the same elsewhere.
func (p *pdf) label(on *page, x, y float64, s style, text string) {
	on.artifact(func() { p.glyphs(on, x, y, s, printable(text)) })
}

func (p *pdf) glyphs(on *page, x, y float64, s style, text string) {
	name, embedded := "R", p.fonts[0]
	if s.weight == bold {
		name, embedded = "B", p.fonts[1]
	}
	on.BeginText()
	on.SetFillColorRGB(s.color[0], s.color[1], s.color[2])
	on.SetFont(name, s.size)
	on.MoveText(x, pageHeight-y)
	on.ShowTextHex(embedded.EncodeString(text))
	on.EndText()
}

// artifact marks what is drawn as decoration. Folio's own BeginArtifact writes the
// operator that wants a list of properties, without one.
func (on *page) artifact(draw func()) {
	on.BeginMarkedContent("Artifact")
	draw()
	on.EndMarkedContent()
}

// rule draws a line from left to right.
func (on *page) rule(x1, x2, y, thick float64, c color) {
	on.artifact(func() {
		on.SetStrokeColorRGB(c[0], c[1], c[2])
		on.SetLineWidth(thick)
		on.MoveTo(x1, pageHeight-y)
		on.LineTo(x2, pageHeight-y)
		on.Stroke()
	})
}

// box fills an area; its upper left corner is at x, y.
func (on *page) box(x, y, w, h float64, c color) {
	on.artifact(func() {
		on.SetFillColorRGB(c[0], c[1], c[2])
		on.Rectangle(x, pageHeight-y-h, w, h)
		on.Fill()
	})
}

// frame draws the edge of an area.
func (on *page) frame(x, y, w, h, thick float64, c color) {
	on.artifact(func() {
		on.SetStrokeColorRGB(c[0], c[1], c[2])
		on.SetLineWidth(thick)
		on.Rectangle(x, pageHeight-y-h, w, h)
		on.Stroke()
	})
}

// bytes is the file. It depends on what was drawn and nothing else: no clock, no
// chance, no order of a map. Nothing in it is compressed, for Go does not promise that
// its next release compresses to the same bytes; a page is 85 KB so, and not 24.
func (p *pdf) bytes() ([]byte, error) {
	w := document.NewWriter("1.7")
	add := func(o core.PdfObject) *core.PdfIndirectReference {
		if stream, ok := o.(*core.PdfStream); ok {
			stream.SetCompress(false)
		}
		return w.AddObject(o)
	}
	refs := make([]*core.PdfIndirectReference, len(p.pages))
	dicts := make([]*core.PdfDictionary, len(p.pages))
	for i := range p.pages {
		dicts[i] = core.NewPdfDictionary()
		refs[i] = w.AddObject(dicts[i])
	}
	fontDict := dict()
	for i, name := range []string{"R", "B"} {
		fontDict.Set(name, w.AddObject(p.fonts[i].BuildObjects(add)))
	}
	resources := w.AddObject(dict(entry{"Font", fontDict}))
	tree := dict(entry{"Type", name("Pages")}, entry{"Kids", array(refs...)}, entry{"Count", core.NewPdfInteger(len(p.pages))})
	treeRef := w.AddObject(tree)
	for i, on := range p.pages {
		set(dicts[i], entry{"Type", name("Page")}, entry{"Parent", treeRef},
			entry{"MediaBox", array(core.NewPdfInteger(0), core.NewPdfInteger(0), core.NewPdfInteger(pageWidth), core.NewPdfInteger(pageHeight))},
			entry{"Resources", resources},
			entry{"Contents", add(core.NewPdfStream(on.Bytes()))},
			entry{"StructParents", core.NewPdfInteger(i)})
	}
	catalog := dict(entry{"Type", name("Catalog")}, entry{"Pages", treeRef},
		entry{"Lang", core.NewPdfTextString("en-US")},
		entry{"MarkInfo", dict(entry{"Marked", core.NewPdfBoolean(true)})},
		entry{"ViewerPreferences", dict(entry{"DisplayDocTitle", core.NewPdfBoolean(true)})},
		entry{"StructTreeRoot", p.structure(w, refs)})
	w.SetRoot(w.AddObject(catalog))
	w.SetInfo(w.AddObject(dict(entry{"Title", core.NewPdfTextString(p.title)},
		entry{"CreationDate", core.NewPdfLiteralString(p.created)})))
	id := sha256.Sum256([]byte(p.id))
	w.SetFileID(id[:16])

	var out bytes.Buffer
	if _, err := w.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("paper: write the PDF: %w", err)
	}
	return out.Bytes(), nil
}

// structure adds the tree, and for each page the way back from its contents into it.
func (p *pdf) structure(w *document.Writer, pages []*core.PdfIndirectReference) *core.PdfIndirectReference {
	root := core.NewPdfDictionary()
	rootRef := w.AddObject(root)
	top := p.addElement(w, p.root, rootRef, pages)
	numbers := core.NewPdfArray()
	for i, on := range p.pages {
		parents := core.NewPdfArray()
		for _, parent := range on.parents {
			parents.Add(parent.ref)
		}
		numbers.Add(core.NewPdfInteger(i))
		numbers.Add(w.AddObject(parents))
	}
	set(root, entry{"Type", name("StructTreeRoot")}, entry{"K", top},
		entry{"ParentTree", w.AddObject(dict(entry{"Nums", numbers}))},
		entry{"ParentTreeNextKey", core.NewPdfInteger(len(p.pages))})
	return rootRef
}

func (p *pdf) addElement(w *document.Writer, e *element, parent *core.PdfIndirectReference, pages []*core.PdfIndirectReference) *core.PdfIndirectReference {
	d := dict(entry{"Type", name("StructElem")}, entry{"S", name(e.tag)}, entry{"P", parent})
	e.ref = w.AddObject(d)
	if e.alt != "" {
		set(d, entry{"Alt", core.NewPdfTextString(e.alt)})
	}
	if e.tag == "Figure" {
		corners := core.NewPdfArray()
		for _, at := range e.box {
			corners.Add(core.NewPdfReal(at))
		}
		set(d, entry{"A", dict(entry{"O", name("Layout")}, entry{"BBox", corners})})
	}
	if e.scope != "" {
		set(d, entry{"A", dict(entry{"O", name("Table")}, entry{"Scope", name(e.scope)})})
	}
	kids := core.NewPdfArray()
	for _, kid := range e.kids {
		switch kid := kid.(type) {
		case *element:
			kids.Add(p.addElement(w, kid, e.ref, pages))
		case mark:
			kids.Add(dict(entry{"Type", name("MCR")}, entry{"Pg", pages[kid.page.number]}, entry{"MCID", core.NewPdfInteger(kid.id)}))
		}
	}
	set(d, entry{"K", kids})
	return e.ref
}

func name(s string) *core.PdfName { return core.NewPdfName(s) }

func array[T core.PdfObject](of ...T) *core.PdfArray {
	a := core.NewPdfArray()
	for _, each := range of {
		a.Add(each)
	}
	return a
}

// entry is a key of a dictionary with its value.
type entry struct {
	key   string
	value core.PdfObject
}

func dict(entries ...entry) *core.PdfDictionary {
	d := core.NewPdfDictionary()
	set(d, entries...)
	return d
}

func set(d *core.PdfDictionary, entries ...entry) {
	for _, e := range entries {
		d.Set(e.key, e.value)
	}
}
