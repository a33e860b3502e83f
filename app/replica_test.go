package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/testenv"
)

const pendingIDs = `{ viewer { pendingPayments { edges { node { id } } } } }`

// TestReplica holds that a replica which is behind is read by those for whom that makes no
// difference, and by nobody else: whoever has changed something sees it, and nothing is
// decided by what is late.
func TestReplica(t *testing.T) {
	t.Parallel()
	servers := testenv.NewReplicated(t)
	e := testenv.New(t, testenv.Real, func(c *config.Config) {
		c.DatabaseURL, c.ReplicaURL = servers.URL, servers.ReplicaURL
		c.ReplicaLag = time.Hour // as far behind as the test takes
	})
	// read says which payments a session sees.
	read := func(who, token, want string) {
		t.Helper()
		got := e.Post(token, pendingIDs, nil)
		if !strings.Contains(got.Raw, want) || want == "" && strings.Contains(got.Raw, "node") || got.Code() != "" {
			t.Errorf("%s: %s, want %q", who, got.Raw, want)
		}
	}
	c := e.AddCustomer()
	partner := e.AddPartner("payments:read vehicles:read")
	e.Grant(c, partner, "PAYMENTS_READ", "VEHICLES_READ")
	phone, tablet, watch := c.Token, e.OpenSession(c.ID), e.OpenSession(c.ID)
	live := connect(t, e, watch)
	live.follow("1", cursorNow(e, watch))
	live.subscribe("ready", `{ viewer { id } }`, nil)
	live.answer()
	live.read()
	forgetCurrent(t, e)
	servers.CatchUp()
	eventually(t, "the replica is read", func() bool { _, read, _ := e.App.Store.Lag(); return read })
	servers.Pause()

	read("nobody has paid", phone, "")
	id := e.Post(phone, schedule, order(c, "1")).Text("schedulePayment", "payment", "id")
	read("who has paid", phone, id)
	read("another phone, which may lag", tablet, "")
	if got := e.Post(partner.Token, `query($id: ID!) { customer(id: $id) { pendingPayments { edges { node { id } } } } }`,
		testenv.Vars{"id": c.GlobalID()}); !strings.Contains(got.Raw, id) {
		t.Errorf("a partner, who is told by webhooks: %s", got.Raw)
	}

	// Who is told of it sees it.
	if got := live.answer(); got.Text("paymentUpdated", "payment", "id") != id {
		t.Errorf("told: %s", got.Raw)
	}
	read("who was told", watch, id)
	live.subscribe("2", pendingIDs, nil)
	if got := live.answer(); !strings.Contains(got.Raw, id) {
		t.Errorf("who was told, on the socket: %s", got.Raw)
	}
	read("who has just logged in", e.OpenSession(c.ID), id)

	// What is decided is decided by what is so: the same payment again is a duplicate.
	read("the other phone still lags", tablet, "")
	if got := e.Post(tablet, schedule, order(c, "2")); got.Code() != "LIKELY_DUPLICATE" {
		t.Errorf("the same payment on the other phone: %s", got.Raw)
	}
	read("who has tried to change something", tablet, id)

	forgetCurrent(t, e)
	read("when time has passed", phone, "")
	renewed, _, err := e.App.Sessions.Rotate(t.Context(), e.Clock.Now(), session.IDOf(tablet), false)
	if err != nil {
		t.Fatal(err)
	}
	read("with a new token", renewed, id)
	if got := e.Post(phone, cancel, testenv.Vars{"id": id, "yes": true}); got.Text("cancelPayment", "payment", "status") != "CANCELED" {
		t.Errorf("cancelled on the phone: %s", got.Raw)
	}

	// It goes on without the replica, and somebody is told.
	servers.Resume()
	servers.CatchUp()
	forgetCurrent(t, e)
	servers.KillReplica()
	read("when the replica is dead", renewed, "")
	eventually(t, "the probe warns", func() bool {
		e.Clock.Advance(time.Second) // for which an answer is given again
		if status := e.Fetch("/readyz"); status != 200 {
			t.Fatalf("without its replica it is not ready: %d", status)
		}
		return strings.Contains(e.Log.String(), "part=replica")
	})
}

// forgetCurrent lets the time pass in which sessions read what is current.
func forgetCurrent(t *testing.T, e *testenv.Env) {
	t.Helper()
	o, err := redis.ParseURL(e.App.Config.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	keys, err := client.Keys(t.Context(), "*current:*").Result()
	if err == nil && len(keys) > 0 {
		err = client.Del(t.Context(), keys...).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}
