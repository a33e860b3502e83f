package store_test

import (
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

func TestConversation(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want, bare := b.sampleConversation(), b.sampleConversation()
		bare.VehicleID, bare.State = nil, loan.ConversationClosed
		var question, answer *loan.SecureMessage
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertConversation(t.Context(), want))
			question, answer = b.addMessage(tx, want, loan.ByCustomer), b.addMessage(tx, want, loan.ByServicer)
			want.ReadThrough, want.Unread = 1, 1
			must(t, tx.UpdateConversation(t.Context(), b.owner, want))
			must(t, tx.InsertConversation(t.Context(), bare))
		})
		filled(t, want)
		filled(t, answer)
		got, err := b.ConversationsByID(t.Context(), b.owner, []loan.ConversationID{want.ID})
		must(t, err)
		same(t, got, []*loan.Conversation{want})
		got, err = b.ConversationsByID(t.Context(), b.owner, []loan.ConversationID{bare.ID})
		must(t, err)
		same(t, got, []*loan.Conversation{bare})
		messages, err := b.MessagesByID(t.Context(), b.owner, []loan.MessageID{answer.ID})
		must(t, err)
		same(t, messages, []*loan.SecureMessage{answer})
		b.tx(func(tx *store.BooksTx) {
			locked, err := tx.LockConversation(t.Context(), b.owner, want.ID)
			must(t, err)
			same(t, locked, want)
			unowned, err := tx.LockAnyConversation(t.Context(), want.ID)
			must(t, err)
			same(t, unowned, want)
			all, err := tx.AllMessages(t.Context(), want.ID)
			must(t, err)
			same(t, all, []*loan.SecureMessage{question, answer})
			_, err = tx.LockAnyConversation(t.Context(), 1<<40)
			wantError(t, err, store.ErrNotFound)
		})
		rows, err := b.SealedRows(t.Context(), store.MessageTexts, int64(answer.ID)-1, 1)
		must(t, err)
		same(t, rows, []store.SealedRow{{ID: int64(answer.ID), Owner: int64(b.owner), Sealed: answer.Sealed, With: store.MessagePlace(answer)}})
		// one place, one message
		twin := *answer
		wantError(t, b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertMessage(t.Context(), &twin) }), store.ErrConflict)
	})
}

// Pages of conversations go by their latest message, those of messages by number, and
// what is unread is counted.
func TestConversationPages(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		ids := map[loan.ConversationID]int{} // by age
		var all []*loan.Conversation
		b.tx(func(tx *store.BooksTx) {
			for i := range 4 {
				c := b.sampleConversation()
				must(t, tx.InsertConversation(t.Context(), c))
				ids[c.ID] = i
				all = append(all, c)
				b.addMessage(tx, c, loan.ByCustomer)
			}
			theirs := b.sampleConversation()
			theirs.CustomerID, theirs.VehicleID = b.stranger, &b.theirs
			must(t, tx.InsertConversation(t.Context(), theirs))
			b.addMessage(tx, theirs, loan.ByServicer)
			for range 5 {
				b.addMessage(tx, all[1], loan.ByServicer) // which comes first now
			}
			b.addMessage(tx, all[2], loan.ByServicer)
		})
		order := func(conversations []loan.Conversation, err error) (order []int) {
			t.Helper()
			must(t, err)
			for _, c := range conversations {
				order = append(order, ids[c.ID])
			}
			return order
		}
		page := func(p store.Page) []int { return order(b.Conversations(t.Context(), b.owner, p)) }
		at := func(i int) store.Position { return store.Position{ID: int64(all[i].LatestMessageID)} }
		same(t, page(store.Page{Descending: true, Limit: 10}), []int{2, 1, 3, 0})
		same(t, page(store.Page{Descending: true, Limit: 2, Under: at(2)}), []int{1, 3})
		same(t, page(store.Page{Limit: 2, Over: at(0)}), []int{3, 1})
		same(t, page(store.Page{Limit: 10, Over: at(0), Under: at(1)}), []int{3})

		numbers := func(p store.Page) map[int][]int {
			messages, err := b.Messages(t.Context(), b.owner, []loan.ConversationID{all[1].ID, all[2].ID, all[0].ID}, p)
			must(t, err)
			found := map[int][]int{}
			for _, m := range messages {
				found[ids[m.ConversationID]] = append(found[ids[m.ConversationID]], m.Number)
			}
			return found
		}
		same(t, numbers(store.Page{Limit: 3}), map[int][]int{0: {1}, 1: {1, 2, 3}, 2: {1, 2}})
		same(t, numbers(store.Page{Limit: 3, Descending: true}), map[int][]int{0: {1}, 1: {6, 5, 4}, 2: {2, 1}})
		same(t, numbers(store.Page{Limit: 9, Over: store.Position{ID: 2}, Under: store.Position{ID: 5}}), map[int][]int{1: {3, 4}})

		unread, err := b.UnreadMessages(t.Context(), b.owner)
		must(t, err)
		same(t, unread, 6)
		b.tx(func(tx *store.BooksTx) {
			all[1].ReadThrough = 4
			must(t, tx.UpdateConversation(t.Context(), b.owner, all[1]))
		})
		unread, err = b.UnreadMessages(t.Context(), b.owner)
		must(t, err)
		same(t, unread, 3)

		books := b.Books()
		same(t, order(books.OpenConversations(t.Context(), 10)), []int{0, 3})
		latest := order(books.LatestConversations(t.Context(), 2))
		same(t, latest, []int{2, 1})

		sent, err := b.LatestMessages(t.Context(), b.owner, noon, 3)
		must(t, err)
		same(t, sent, []time.Time{noon.Add(time.Minute), noon.Add(time.Minute), noon.Add(time.Minute)})
		sent, err = b.LatestMessages(t.Context(), b.owner, noon.Add(time.Minute), 3)
		must(t, err)
		same(t, len(sent), 0)
	})
}
