package store_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// A page is what a naive reading of all rows gives.
func TestPages(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newModel(rt, b)
			for range 8 {
				page, bounds := m.drawPage(rt)
				vehicles := rapid.SliceOfN(rapid.SampledFrom(m.vehicles), 0, 5).Draw(rt, "vehicles asked for")
				owner := rapid.SampledFrom([]loan.CustomerID{b.owner, b.stranger}).Draw(rt, "owner")
				for _, list := range []string{"payments", "pending", "statements"} {
					want := m.read(list, owner, vehicles, page, bounds, loan.PaymentFilter{})
					if got := readPage(rt, b, list, owner, vehicles, page); !slices.Equal(got, want) {
						rt.Fatalf("%s of vehicles %v of customer %d, page %+v: got %v, want %v", list, vehicles, owner, page, got, want)
					}
				}
				filter := drawFilter(rt)
				want := m.read("payments", owner, vehicles, page, bounds, filter)
				if got := readPage(rt, b, "payments", owner, vehicles, page.Of(filter)); !slices.Equal(got, want) {
					rt.Fatalf("payments of vehicles %v of customer %d, page %+v, filter %s: got %v, want %v", vehicles, owner, page, text(b.t, filter), got, want)
				}
			}
		})
	})
}

// row is what a page shows of a payment or statement.
type row struct {
	vehicle loan.VehicleID
	at      store.Position
	status  loan.PaymentStatus // of a payment
	origin  loan.PaymentOrigin
}

func (r row) matches(f loan.PaymentFilter) bool {
	return (f.Statuses == nil || slices.Contains(f.Statuses, r.status)) && (f.Origin == nil || *f.Origin == r.origin) &&
		(f.From == nil || !r.at.On.Before(*f.From)) && (f.To == nil || !r.at.On.After(*f.To))
}

// drawFilter draws a filter of any parts, which may leave nothing.
func drawFilter(rt *rapid.T) (f loan.PaymentFilter) {
	if rapid.Bool().Draw(rt, "by status") {
		f.Statuses = rapid.SliceOfN(rapid.SampledFrom(loan.PaymentStatuses()), 0, 7).Draw(rt, "statuses")
	}
	if rapid.Bool().Draw(rt, "by origin") {
		f.Origin = new(rapid.SampledFrom(loan.PaymentOrigins()).Draw(rt, "origin"))
	}
	if rapid.Bool().Draw(rt, "from a day") {
		f.From = new(rapid.SampledFrom(someDays).Draw(rt, "from"))
	}
	if rapid.Bool().Draw(rt, "to a day") {
		f.To = new(rapid.SampledFrom(someDays).Draw(rt, "to"))
	}
	return f
}

type model struct {
	vehicles []loan.VehicleID
	owners   map[loan.VehicleID][]loan.CustomerID
	rows     map[string][]row // by list
}

// Few days, so that many rows share one.
var someDays = []loan.Date{day("2026-11-17"), day("2026-11-18"), day("2026-11-19"), day("2027-01-01"), day("0999-12-31")}

func newModel(rt *rapid.T, b *books) *model {
	m := &model{owners: map[loan.VehicleID][]loan.CustomerID{}, rows: map[string][]row{}}
	b.tx(func(tx *store.BooksTx) {
		for range rapid.IntRange(1, 4).Draw(rt, "vehicles") {
			primary, other := b.owner, b.stranger
			if rapid.Bool().Draw(rt, "the stranger's") {
				primary, other = other, primary
			}
			v := b.addVehicle(tx, primary)
			m.vehicles = append(m.vehicles, v)
			m.owners[v] = []loan.CustomerID{primary}
			if rapid.Bool().Draw(rt, "joint") {
				must(rt, tx.InsertOwner(b.t.Context(), other, v))
				m.owners[v] = append(m.owners[v], other)
			}
		}
		for n := range rapid.IntRange(0, 30).Draw(rt, "rows") {
			v := rapid.SampledFrom(m.vehicles).Draw(rt, "vehicle")
			on := rapid.SampledFrom(someDays).Draw(rt, "day")
			if rapid.IntRange(0, 3).Draw(rt, "statement") == 0 {
				s := b.sampleStatement()
				s.VehicleID, s.IssuedOn, s.PeriodFrom = v, on, s.PeriodFrom.AddDays(n)
				must(rt, tx.InsertStatements(b.t.Context(), []*loan.Statement{s}))
				m.rows["statements"] = append(m.rows["statements"], row{vehicle: v, at: store.Position{On: on, ID: int64(s.ID)}})
				continue
			}
			status := rapid.SampledFrom(loan.PaymentStatuses()).Draw(rt, "status")
			origin := rapid.SampledFrom(loan.PaymentOrigins()).Draw(rt, "origin")
			p := b.addPayment(tx, func(p *loan.Payment) {
				p.VehicleID, p.ScheduledOn, p.Status, p.Origin = v, on, status, origin
				if m.owners[v][0] == b.stranger {
					b.byStranger(p)
				}
			})
			r := row{v, store.Position{On: on, ID: int64(p.ID)}, status, origin}
			m.rows["payments"] = append(m.rows["payments"], r)
			if status == loan.Scheduled || status == loan.Processing {
				m.rows["pending"] = append(m.rows["pending"], r)
			}
		}
	})
	return m
}

// drawPage draws a page whose bounds are at rows, beside them, or nowhere.
func (m *model) drawPage(rt *rapid.T) (page store.Page, bounds [2]*store.Position) {
	page = store.Page{Descending: rapid.Bool().Draw(rt, "descending"), Limit: rapid.IntRange(0, 12).Draw(rt, "limit")}
	all := append(slices.Clone(m.rows["payments"]), m.rows["statements"]...)
	for i, bound := range []*store.Position{&page.Over, &page.Under} {
		switch rapid.SampledFrom([]string{"open", "at a row", "anywhere"}).Draw(rt, "bound") {
		case "at a row":
			if len(all) == 0 {
				continue
			}
			*bound = rapid.SampledFrom(all).Draw(rt, "row").at
		case "anywhere":
			*bound = store.Position{On: rapid.SampledFrom(someDays).Draw(rt, "day"), ID: rapid.Int64Range(-1, 1<<20).Draw(rt, "id")}
		default:
			continue
		}
		bounds[i] = bound
	}
	return page, bounds
}

func (m *model) read(list string, owner loan.CustomerID, asked []loan.VehicleID, page store.Page, bounds [2]*store.Position, filter loan.PaymentFilter) []row {
	var all []row
	for _, vehicle := range m.vehicles { // in the order of their ids
		if !slices.Contains(asked, vehicle) || !slices.Contains(m.owners[vehicle], owner) {
			continue
		}
		var its []row
		for _, r := range m.rows[list] {
			over := bounds[0] == nil || r.at.Compare(*bounds[0]) > 0
			under := bounds[1] == nil || r.at.Compare(*bounds[1]) < 0
			if r.vehicle == vehicle && over && under && r.matches(filter) {
				its = append(its, r)
			}
		}
		slices.SortFunc(its, func(a, b row) int {
			if page.Descending {
				a, b = b, a
			}
			return a.at.Compare(b.at)
		})
		all = append(all, its[:min(len(its), page.Limit)]...)
	}
	return all
}

func readPage(rt *rapid.T, b *books, list string, owner loan.CustomerID, vehicles []loan.VehicleID, page store.Page) []row {
	var rows []row
	if list == "statements" {
		statements, err := b.Statements(b.t.Context(), owner, vehicles, page)
		must(rt, err)
		for _, s := range statements {
			rows = append(rows, row{vehicle: s.VehicleID, at: store.Position{On: s.IssuedOn, ID: int64(s.ID)}})
		}
		return rows
	}
	read := b.Payments
	if list == "pending" {
		read = b.PendingPayments
	}
	payments, err := read(b.t.Context(), owner, vehicles, page)
	must(rt, err)
	for _, p := range payments {
		rows = append(rows, row{p.VehicleID, store.Position{On: p.ScheduledOn, ID: int64(p.ID)}, p.Status, p.Origin})
	}
	return rows
}

func TestComparePositions(t *testing.T) {
	t.Parallel()
	ordered := []store.Position{
		{On: day("2026-11-17"), ID: 9}, {On: day("2026-11-18"), ID: -1}, {On: day("2026-11-18"), ID: 1}, {On: day("2026-12-01"), ID: 0}, {On: day("2027-01-01"), ID: 0},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := a.Compare(b), min(1, max(-1, i-j)); got != want {
				t.Errorf("%v and %v: got %d, want %d", a, b, got, want)
			}
		}
	}
}
