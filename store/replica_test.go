package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// TestReplica goes through what becomes of a replica: it is read where it is near enough,
// and never where it is not, is away, or is no replica any more.
func TestReplica(t *testing.T) {
	t.Parallel()
	servers := testenv.NewReplicated(t)
	const mostLag = time.Hour // by a clock that is set: nothing happens by itself
	now := clock.NewSet(noon)
	b := &books{t: t, url: servers.URL}
	b.Store = openURL(t, b.url, store.Options{})
	must(t, b.FollowByHand(store.ReplicaOptions{URL: servers.ReplicaURL, MostLag: mostLag, Now: now.Now}))

	var from []*store.Reader
	email := func(id loan.CustomerID) string {
		t.Helper()
		c, err := store.MayLag(b.Store, func(r *store.Reader) (*loan.Customer, error) {
			from = append(from, r)
			return r.Customer(t.Context(), id)
		})
		must(t, err)
		return c.Email
	}
	change := func(to string) {
		t.Helper()
		c, err := b.Customer(t.Context(), b.owner)
		must(t, err)
		c.Email = to
		b.tx(func(tx *store.BooksTx) { must(t, tx.UpdateContact(t.Context(), c)) })
	}
	look := func() { b.LookAtReplica(t.Context()) }
	// read says what is read of the owner, and from where.
	read := func(what, email_ string, replica bool) {
		t.Helper()
		from = nil
		if got := email(b.owner); got != email_ {
			t.Errorf("%s: %q is read, want %q", what, got, email_)
		}
		primary := slices.Contains(from, &b.Reader)
		if fromReplica := !primary; fromReplica != replica {
			t.Errorf("%s: read from the replica is %v, want %v", what, fromReplica, replica)
		}
	}

	b.tx(func(tx *store.BooksTx) { b.owner = b.addCustomer(tx) })
	change("one@example.com")
	servers.CatchUp()
	look()
	read("near enough", "one@example.com", true)
	must(t, b.CheckReplica(t.Context()))

	// It falls behind by less than is allowed.
	servers.Pause()
	change("two@example.com")
	now.Advance(mostLag)
	look()
	read("late", "one@example.com", true)
	if lag, ok, exists := b.Lag(); lag != mostLag || !ok || !exists {
		t.Errorf("it is %v behind, %v, %v", lag, ok, exists)
	}
	// What it does not know is asked where the books are kept, and is no fault of its own.
	var late loan.CustomerID
	b.tx(func(tx *store.BooksTx) { late = b.addCustomer(tx) })
	email(late)
	read("after one that it does not know", "one@example.com", true)

	// A moment later it is too far behind.
	now.Advance(time.Microsecond)
	read("too late", "two@example.com", false)
	look()
	read("too late after a look", "two@example.com", false)
	if err := b.CheckReplica(t.Context()); err == nil {
		t.Error("nobody is told that it is too late")
	}
	servers.Resume()
	servers.CatchUp()
	look()
	read("again near enough", "two@example.com", true)

	// It has caught up with where the primary was, which says nothing of now.
	now.Advance(mostLag + time.Microsecond)
	read("not looked at", "two@example.com", false)
	look()
	read("looked at", "two@example.com", true)

	// It dies under a read, which does not notice.
	servers.KillReplica()
	read("dead", "two@example.com", false)
	if len(from) != 2 {
		t.Errorf("%d readers were asked, want both", len(from))
	}
	read("known to be dead", "two@example.com", false)
	if len(from) != 1 {
		t.Error("who is known to be dead is asked")
	}
	look()
	read("dead after a look", "two@example.com", false)
	if err := b.CheckReplica(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("of the dead is said %v", err)
	}
	change("three@example.com")
	servers.StartReplica()
	servers.CatchUp()
	look()
	read("risen", "three@example.com", true)

	// What ends with its request is not its fault.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.MayLag(b.Store, func(r *store.Reader) (*loan.Customer, error) { return r.Customer(gone, b.owner) })
	wantError(t, err, context.Canceled)
	read("after a request that ended", "three@example.com", true)

	// Made a primary, it is one whose books nobody keeps.
	servers.Promote()
	change("four@example.com")
	look()
	read("promoted", "four@example.com", false)
	if err := b.CheckReplica(t.Context()); err == nil {
		t.Error("nobody is told that it is no replica")
	}
}

// A replica that cannot be had at the start is none until it can.
func TestReplicaComesLater(t *testing.T) {
	t.Parallel()
	servers := testenv.NewReplicated(t)
	servers.KillReplica()
	b := &books{t: t, url: servers.URL}
	b.Store = openURL(t, b.url, store.Options{})
	now := clock.NewSet(noon)
	must(t, b.Follow(store.ReplicaOptions{URL: servers.ReplicaURL, MostLag: time.Hour, Now: now.Now}))
	b.LookAtReplica(t.Context())
	if _, ok, exists := b.Lag(); ok || !exists {
		t.Errorf("what is not there is read: %v, %v", ok, exists)
	}
	servers.StartReplica()
	servers.CatchUp()
	b.LookAtReplica(t.Context())
	if _, ok, _ := b.Lag(); !ok {
		t.Errorf("it is not read: %v", b.CheckReplica(t.Context()))
	}
	must(t, b.Close()) // while it is looked at
}

func TestReplicaOfSQLite(t *testing.T) {
	t.Parallel()
	b := open(t, testenv.Embedded)
	if err := b.Follow(store.ReplicaOptions{URL: "postgres://localhost/x", MostLag: time.Second, Now: time.Now}); err == nil {
		t.Error("SQLite has a replica")
	}
}
