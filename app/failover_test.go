package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/testenv"
	"github.com/automobilepay/mobilepay/testenv/redistest"
)

// failover is customers who read and pay while the Redis of their sessions fails over.
type failover struct {
	*testenv.Env
	t       *testing.T
	people  []*survivor
	allAway bool // while the primary is
	kill    func()
	settled func(context.Context) error // once another primary has taken over
}

// survivor is a customer. away is whether the session is on the primary that dies.
type survivor struct {
	testenv.Customer
	away            bool
	username        string
	refused, served int // of the requests since the primary died
	payments        int // that were acknowledged
	logOut          string
}

// A primary of the cluster dies under load. Who has their session on another one goes on;
// who has it there is told to try again, and is neither logged out nor let in by mistake.
// After the failover all is as it was, and each payment was made once.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	testenv.Services(t, testenv.Real) // or the test is skipped
	c := must(redistest.StartCluster(1))
	t.Cleanup(c.Kill)
	f := newFailover(t, c.URL())
	for _, s := range f.people {
		keeper, err := c.Keeps(t.Context(), "session:{"+session.IDOf(s.Token)+"}")
		if err != nil {
			t.Fatal(err)
		}
		s.away = keeper == 0
	}
	f.kill = func() {
		if err := c.Primaries[0].Copied(t.Context()); err != nil {
			t.Error(err)
		}
		c.Primaries[0].Kill()
	}
	f.settled = func(ctx context.Context) error {
		return errors.Join(c.Replicas[0].Promoted(ctx), c.Replicas[0].Settled(ctx), c.Primaries[1].Settled(ctx), c.Primaries[2].Settled(ctx))
	}
	f.play()
}

// The same with Sentinels, where everybody's session is on the primary that dies.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	testenv.Services(t, testenv.Real)
	servers := must(redistest.StartSentinels())
	t.Cleanup(servers.Kill)
	f := newFailover(t, servers.URL())
	for _, s := range f.people {
		s.away = true
	}
	f.allAway = true
	f.kill = func() {
		if err := servers.Primary.Copied(t.Context()); err != nil {
			t.Error(err)
		}
		servers.Primary.Kill()
	}
	f.settled = servers.Replica.Promoted
	f.play()
}

func newFailover(t *testing.T, redisURL string) *failover {
	t.Helper()
	f := &failover{t: t, Env: testenv.New(t, testenv.Real, func(c *config.Config) { c.RedisURL = redisURL })}
	for range 18 { // on three primaries
		c := f.AddCustomer()
		f.people = append(f.people, &survivor{Customer: c, logOut: f.OpenSession(c.ID)})
	}
	return f
}

func (f *failover) play() {
	f.t.Helper()
	for range 2 {
		f.round(false)
	}
	for _, s := range f.people {
		if got := f.Post(s.logOut, `mutation { logOut { loggedOut } }`, nil); got.Get("logOut", "loggedOut") != true {
			f.t.Fatal(got.Raw)
		}
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	var settled error
	var over sync.WaitGroup
	done := make(chan struct{})
	over.Go(func() {
		defer close(done)
		f.kill()
		settled = f.settled(ctx)
	})
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(20 * time.Millisecond): // leaves the servers the processor
		}
		f.round(true)
	}
	if over.Wait(); settled != nil {
		f.t.Fatal(settled)
	}
	for f.round(true) > 0 { // the client learns of it by asking
		if f.t.Failed() || ctx.Err() != nil {
			f.t.Fatal("not everybody is served after the failover")
		}
	}
	refused := 0
	for _, s := range f.people {
		refused += s.refused
		if s.served == 0 {
			f.t.Errorf("customer %d was not served any more", s.ID)
		}
		if got := f.Post(s.logOut, whoAmI, nil); got.Code() != "UNAUTHENTICATED" {
			f.t.Errorf("who had logged out: %s", got.Raw)
		}
		if n := len(f.Payments(s.ID)); n != s.payments {
			f.t.Errorf("customer %d was told of %d payments and has %d", s.ID, s.payments, n)
		}
	}
	if refused == 0 {
		f.t.Error("nobody noticed that a primary was away")
	}
	f.t.Logf("%d requests were refused", refused)
	f.AddUser("anew", "a long enough password")
	for range 5 { // on several primaries
		if got := f.Post("", logIn, credentials("anew", "a long enough password")); got.Text("logIn", "session", "token") == "" {
			f.t.Errorf("a new log-in: %s", got.Raw)
		}
	}
}

// round lets everybody read and pay once, at the same time, and tells how many requests
// were refused. With dying, a primary is away or may be.
func (f *failover) round(dying bool) (refused int) {
	f.t.Helper()
	f.Clock.Advance(time.Second)
	before := 0
	for _, s := range f.people {
		before += s.refused
	}
	var all sync.WaitGroup
	for _, s := range f.people {
		all.Go(func() {
			read := f.Post(s.Token, whoAmI, nil)
			// A payment also counts against a limit, which another primary may keep.
			key := fmt.Sprintf("failover-%d", s.payments)
			amount := testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.%02d", 1+s.payments/100, s.payments%100)}}
			paid := f.Post(s.Token, schedule, order(s.Customer, key, amount))
			switch {
			case !dying && s.username == "" && read.Text("viewer", "username") != "":
				s.username = read.Text("viewer", "username")
			case s.username != "" && read.Text("viewer", "username") == s.username:
				s.served++
			case dying && s.away && read.Code() == "UNAVAILABLE" && read.Data == nil:
				s.refused++
			default:
				f.t.Errorf("customer %d, whose session is away: %t, reads %s", s.ID, s.away, read.Raw)
			}
			switch {
			case paid.Text("schedulePayment", "payment", "status") == "SCHEDULED":
				s.payments++
			case dying && paid.Code() == "UNAVAILABLE":
				s.refused++
			default:
				f.t.Errorf("customer %d pays: %s", s.ID, paid.Raw)
			}
		})
	}
	all.Wait()
	if status := f.Fetch("/readyz"); status != http.StatusOK && !(dying && f.allAway) {
		f.t.Errorf("/readyz answers %d", status)
	}
	for _, s := range f.people {
		refused += s.refused
	}
	return refused - before
}
