package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// tell commits an event of a vehicle in somebody's books.
func (b *books) tell(customer loan.CustomerID, vehicle loan.VehicleID, subject int64, at time.Time) {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) {
		tx.InsertEvents(store.Event{CustomerID: customer, VehicleID: vehicle, At: at, Kind: loan.PaymentScheduled, SubjectID: subject})
	})
}

func subjects(events []store.Event) (list []int64) {
	for _, e := range events {
		list = append(list, e.SubjectID)
	}
	return list
}

func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ctx := t.Context()
		last, err := b.LastEvent(ctx, b.owner)
		must(t, err)
		if last != 0 {
			t.Errorf("the last of no events is %d", last)
		}
		for i := range int64(3) {
			b.tell(b.owner, b.vehicle, i, noon.AddDate(0, 0, int(i)))
			b.tell(b.stranger, b.theirs, 100+i, noon)
		}
		all, err := b.EventsAfter(ctx, b.owner, 0, 10)
		must(t, err)
		if !slices.Equal(subjects(all), []int64{0, 1, 2}) || !all[0].At.Equal(noon) || all[0].CustomerID != b.owner || all[0].Kind != loan.PaymentScheduled {
			t.Errorf("the owner sees %+v", all)
		}
		rest, err := b.EventsAfter(ctx, b.owner, all[0].ID, 1)
		must(t, err)
		if !slices.Equal(subjects(rest), []int64{1}) {
			t.Errorf("after the first comes %+v", rest)
		}
		last, err = b.LastEvent(ctx, b.owner)
		must(t, err)
		if last != all[2].ID {
			t.Errorf("the last is %d of %+v", last, all)
		}
		// A joint owner sees both vehicles in one order.
		b.raw("INSERT INTO owners (customer_id, vehicle_id) VALUES ($1, $2)", b.owner, b.theirs)
		both, err := b.EventsAfter(ctx, b.owner, all[0].ID, 3)
		must(t, err)
		if !slices.Equal(subjects(both), []int64{100, 1, 101}) {
			t.Errorf("a joint owner sees %+v", both)
		}
		b.tx(func(tx *store.BooksTx) {
			forgotten, err := tx.ForgetEvents(ctx, noon.AddDate(0, 0, 2))
			if err != nil || forgotten != 5 {
				t.Errorf("forgot %d, %v", forgotten, err)
			}
		})
		left, err := b.EventsAfter(ctx, b.owner, 0, 10)
		must(t, err)
		if !slices.Equal(subjects(left), []int64{2}) {
			t.Errorf("there are left %+v", left)
		}
	})
}

// An event that is not committed is not seen, and nobody is nudged.
func TestEventsAreOfTheTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var nudged [][]loan.CustomerID
		s := openURL(t, b.url, store.Options{Nudge: func(c []loan.CustomerID) { nudged = append(nudged, c) }})
		event := store.Event{CustomerID: b.owner, VehicleID: b.vehicle, At: noon, Kind: loan.VehicleUpdated, SubjectID: 1}
		undone := errors.New("undone")
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { tx.InsertEvents(event); return undone }); !errors.Is(err, undone) {
			t.Errorf("got %v", err)
		}
		must(t, s.InTx(t.Context(), func(*store.Tx) error { return nil }))
		if last, err := s.LastEvent(t.Context(), b.owner); err != nil || last != 0 || nudged != nil {
			t.Errorf("the last event is %d, %v, and %v were nudged", last, err, nudged)
		}
		b.raw("INSERT INTO owners (customer_id, vehicle_id) VALUES ($1, $2)", b.stranger, b.vehicle)
		must(t, s.InTx(t.Context(), func(tx *store.Tx) error { tx.InsertEvents(event); return nil }))
		if len(nudged) != 1 || len(nudged[0]) != 2 || !slices.Contains(nudged[0], b.owner) || !slices.Contains(nudged[0], b.stranger) {
			t.Errorf("nudged %v", nudged)
		}
	})
}

// Whoever reads on from the last id misses nothing and sees nothing twice, also a
// joint owner of vehicles in the books of two customers, while many write at once.
func TestEventsAreInOrder(t *testing.T) {
	const writers, each = 6, 40
	onEach(t, func(t *testing.T, b *books) {
		b.raw("INSERT INTO owners (customer_id, vehicle_id) VALUES ($1, $2)", b.owner, b.theirs)
		var writing sync.WaitGroup
		failed := make(chan error, writers)
		for w := range writers {
			writing.Go(func() {
				event := store.Event{CustomerID: b.owner, VehicleID: b.vehicle, At: noon, Kind: loan.PaymentScheduled}
				if w%2 == 1 {
					event.CustomerID, event.VehicleID = b.stranger, b.theirs
				}
				for i := range each {
					event.SubjectID = int64(w*each + i)
					err := b.InTx(context.WithoutCancel(t.Context()), func(tx *store.Tx) error { tx.InsertEvents(event); return nil })
					if err != nil {
						failed <- fmt.Errorf("writer %d: %w", w, err)
						return
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { writing.Wait(); close(done) }()
		var seen []int64
		for after, over := int64(0), false; ; {
			select {
			case <-done:
				over = true // and all is committed: this is the last reading
			case err := <-failed:
				t.Fatal(err)
			default:
			}
			events, err := b.EventsAfter(t.Context(), b.owner, after, 50)
			must(t, err)
			for _, e := range events {
				after = e.ID
			}
			seen = append(seen, subjects(events)...)
			if over && len(events) == 0 {
				break
			}
		}
		slices.Sort(seen)
		if n := len(seen); n != writers*each || len(slices.Compact(seen)) != n {
			t.Errorf("%d of %d events were seen: %v", n, writers*each, seen)
		}
	})
}
