package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

func (b *books) sampleNotice() store.Notice {
	return store.Notice{CustomerID: b.owner, Kind: loan.NoticeCodeIdentity, Channel: loan.ByText, Address: "+17045550199",
		Subject: "session:" + awkward, Detail: `{"name":"Zoë 😀"}`, Sealed: []byte{0, 1, 255, '\''}, CreatedAt: noon}
}

// claim takes the next notice; nil where there is none.
func (b *books) claim(at time.Time) (n *store.AddressedNotice) {
	b.t.Helper()
	b.tx(func(tx *store.BooksTx) {
		var err error
		if n, err = tx.ClaimNotice(b.t.Context(), at, at.Add(time.Minute)); errors.Is(err, store.ErrNotFound) {
			n, err = nil, nil
		}
		must(b.t, err)
	})
	return n
}

func (b *books) waits(at time.Time) bool {
	b.t.Helper()
	yes, err := b.Books().NoticeWaits(b.t.Context(), at)
	must(b.t, err)
	return yes
}

func TestNotice(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		want := b.sampleNotice()
		filled(t, want)
		written := want
		written.CreatedAt = noon.In(loan.Eastern).Add(999 * time.Nanosecond)
		plain := store.Notice{CustomerID: b.owner, Kind: loan.NoticeAutoPayAmount, Channel: loan.ByEmail, Subject: awkward, Detail: want.Detail, CreatedAt: noon}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertNotice(t.Context(), written))
			must(t, tx.InsertNotices(t.Context(), []store.Notice{plain}, noon))
			must(t, tx.InsertNotices(t.Context(), nil, noon))
		})
		got, err := b.Notices(t.Context(), b.owner)
		must(t, err)
		same(t, got, []store.Notice{want, plain})
		if string(got[0].Sealed) != string(want.Sealed) || got[1].Sealed != nil || !got[0].CreatedAt.Equal(noon) {
			t.Errorf("got %v and %v, of %v", got[0].Sealed, got[1].Sealed, got[0].CreatedAt)
		}
		if others, err := b.Notices(t.Context(), b.stranger); err != nil || len(others) != 0 {
			t.Errorf("the stranger's are %v, %v", others, err)
		}
	})
}

// Where a notice goes is said when it is asked for.
func TestNoticeGoesTo(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		c, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		notices := []store.Notice{
			{CustomerID: b.owner, Channel: loan.ByEmail, Address: "old@example.com"}, {CustomerID: b.owner, Channel: loan.ByEmail},
			{CustomerID: b.owner, Channel: loan.ByText}, {CustomerID: b.owner, Channel: loan.ByText, Address: "+17045550199"},
			{Channel: loan.ByEmail, Address: "nobody@example.com"}, {CustomerID: 1 << 40, Channel: loan.ByText},
		}
		want := []string{"old@example.com", "new@example.com", c.Phone, "+17045550199", "", ""}
		b.tx(func(tx *store.BooksTx) {
			for i, n := range notices {
				n.CreatedAt = noon.Add(time.Duration(i) * time.Second)
				must(t, tx.InsertNotice(t.Context(), n))
			}
			c.Email = "new@example.com"
			must(t, tx.UpdateContact(t.Context(), c))
		})
		for i, to := range want {
			n := b.claim(noon.Add(10 * time.Second))
			if n == nil || n.GoesTo != to || (n.FirstName == c.FirstName) != (i < 4) {
				t.Errorf("notice %d goes to %+v, want %q", i, n, to)
			}
		}
		for to, want := range map[string]string{
			"": "[+17045550199 " + c.Phone + " new@example.com old@example.com]", "new@example.com": "[new@example.com]",
			c.Email + "'": "[]", "+17045550199": "[+17045550199]", "nobody@example.com": "[]",
		} {
			latest, err := b.Books().LatestNotices(t.Context(), to, 4)
			must(t, err)
			got := []string{}
			for _, n := range latest {
				got = append(got, n.GoesTo)
			}
			if fmt.Sprint(got) != want {
				t.Errorf("to %q there are %v, want %s", to, got, want)
			}
		}
		if latest, err := b.Books().LatestNotices(t.Context(), "", 1); err != nil || len(latest) != 1 {
			t.Errorf("with a limit of 1: %v, %v", latest, err)
		}
	})
}

// A notice that was taken is nobody else's until its time is over; sent or given up,
// it is never taken again, and its code is gone.
func TestClaimNotice(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		plain := b.sampleNotice()
		plain.Sealed, plain.CreatedAt = nil, noon.Add(-time.Hour)
		code, later := b.sampleNotice(), b.sampleNotice()
		later.CreatedAt = noon.Add(90 * time.Second)
		b.tx(func(tx *store.BooksTx) {
			for _, n := range []store.Notice{plain, later, code} {
				must(t, tx.InsertNotice(t.Context(), n))
			}
		})
		if b.waits(noon.Add(-2*time.Hour)) || b.claim(noon.Add(-2*time.Hour)) != nil {
			t.Error("one is taken before its time")
		}
		first, second, none := b.claim(noon), b.claim(noon), b.claim(noon)
		if first == nil || first.Sealed == nil || !first.CreatedAt.Equal(noon) || second == nil || second.Sealed != nil || none != nil || first.Tries != 1 {
			t.Fatalf("taken are %+v, %+v and %+v", first, second, none)
		}
		// Its time is over: somebody else takes it, and who had it can only say that it is sent.
		again := b.claim(noon.Add(time.Minute))
		if again == nil || again.ID != first.ID || again.Tries != 2 || string(again.Sealed) != string(code.Sealed) {
			t.Fatalf("then %+v", again)
		}
		err := b.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.PostponeNotice(t.Context(), first, noon) })
		wantError(t, err, store.ErrNotFound)
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.PostponeNotice(t.Context(), again, noon.Add(time.Hour)))
			must(t, tx.NoticeGivenUp(t.Context(), second, noon))
		})
		last := b.claim(noon.Add(2 * time.Minute))
		if last == nil || last.ID == first.ID || last.ID == second.ID || b.waits(noon.Add(2*time.Minute)) {
			t.Errorf("then %+v", last)
		}
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.NoticeSent(t.Context(), last, noon))
			must(t, tx.NoticeSent(t.Context(), first, noon.Add(time.Hour)))
		})
		for _, n := range []*store.AddressedNotice{first, second, last} {
			for _, end := range []func(*store.BooksTx) error{
				func(tx *store.BooksTx) error { return tx.NoticeSent(t.Context(), n, noon) },
				func(tx *store.BooksTx) error { return tx.NoticeGivenUp(t.Context(), n, noon) },
				func(tx *store.BooksTx) error { return tx.PostponeNotice(t.Context(), n, noon) },
			} {
				wantError(t, b.InBooks(t.Context(), end), store.ErrNotFound)
			}
		}
		if b.waits(noon.AddDate(9, 0, 0)) || b.claim(noon.AddDate(9, 0, 0)) != nil {
			t.Error("one is taken again")
		}
		if n := b.count("SELECT COUNT(*) FROM notices WHERE sealed IS NOT NULL OR (sent_at IS NULL) = (failed_at IS NULL)"); n != 0 {
			t.Errorf("%d keep their code, or have no end", n)
		}
	})
}

// Notices that wait for the same instant are taken in their order; each with the
// language of its receiver, which is English where nobody has said otherwise.
func TestNoticeOrderAndLanguage(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		var plain loan.Customer
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertCustomer(t.Context(), &plain, "")) })
		want := []loan.CustomerID{b.owner, plain.ID, b.stranger, plain.ID, 0, b.owner}
		b.tx(func(tx *store.BooksTx) {
			for i, id := range want {
				// written one after the other, and held back until noon
				n := store.Notice{CustomerID: id, Kind: loan.NoticePaymentApplied, Channel: loan.ByText, CreatedAt: noon.Add(time.Duration(i-9) * time.Second)}
				must(t, tx.InsertNotice(t.Context(), n))
			}
		})
		b.raw("UPDATE notices SET next_try_at = '2026-11-18 17:00:00.123456+00:00'")
		for i, id := range want {
			language := loan.Spanish
			if id == plain.ID || id == 0 {
				language = loan.English
			}
			if n := b.claim(noon); n == nil || n.CustomerID != id || n.Language != language {
				t.Errorf("notice %d is %+v, want one to %d in %s", i, n, id, language)
			}
		}
	})
}

// Who takes notices at the same time gets different ones, without waiting.
func TestClaimNoticesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const n = 40
		b.tx(func(tx *store.BooksTx) {
			for range n {
				must(t, tx.InsertNotice(t.Context(), b.sampleNotice()))
			}
		})
		var mu sync.Mutex
		taken := map[int64]int{}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					var got *store.AddressedNotice
					err := b.InBooks(t.Context(), func(tx *store.BooksTx) (err error) {
						got, err = tx.ClaimNotice(t.Context(), noon, noon.Add(time.Minute))
						return err
					})
					if err != nil {
						if !errors.Is(err, store.ErrNotFound) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					taken[got.ID]++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for id, times := range taken {
			if times != 1 {
				t.Errorf("notice %d is taken %d times", id, times)
			}
		}
		// Somebody may have found nothing while the last ones were being taken.
		if len(taken) != n {
			t.Errorf("%d of %d are taken", len(taken), n)
		}
	})
}

// However many have been sent, and wait to be tried again, the next is found by the
// index.
func TestNoticePlans(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		insert := `INSERT INTO notices (customer_id, kind, channel, address, subject, detail, created_at, sent_at) SELECT %d, '', 'EMAIL', '', '', '', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00' FROM %s`
		numbers := "generate_series(1, 20000) AS s(i)"
		if b.Embedded() {
			numbers = "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) SELECT * FROM s)"
		}
		b.raw(fmt.Sprintf(insert, b.owner, numbers))
		b.raw("ANALYZE")
		at := "2020-01-02 00:00:00+00:00"
		for _, text := range b.Texts() {
			if !strings.Contains(text, "next_try_at <= $1") || !strings.Contains(text, "FROM notices") {
				continue
			}
			c, err := b.DB().Conn(t.Context())
			must(t, err)
			plan := ""
			if b.Embedded() {
				plan = b.lines(c, "EXPLAIN QUERY PLAN "+text, at)
			} else {
				_, err := c.ExecContext(t.Context(), "SET plan_cache_mode = force_generic_plan; PREPARE next AS "+text)
				must(t, err)
				plan = b.lines(c, "EXPLAIN EXECUTE next ('"+at+"')")
				_, err = c.ExecContext(t.Context(), "DEALLOCATE next")
				must(t, err)
			}
			must(t, c.Close())
			if !strings.Contains(plan, "notices_waiting") || strings.Contains(plan, "Seq Scan on notices") || strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort") {
				t.Errorf("%s\nis read by\n%s", text, plan)
			}
		}
	})
}
