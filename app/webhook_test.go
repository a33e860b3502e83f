package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	createEndpoint = `mutation($url: String!) { createWebhookEndpoint(input: {url: $url}) { endpoint { id url disabledAt } secret userErrors { code path } } }`
	readEvents     = `query($after: String, $first: Int) { events(after: $after, first: $first) {
		edges { cursor node { id type at customerId objectId vehicleId } } pageInfo { hasNextPage endCursor } } }`
	deliveries = `query($id: ID!) { webhookDeliveries(endpointId: $id, first: 100) { edges { node { event { id type } status tries lastStatus lastFailure nextTryAt } } } }`
	endpoints  = `{ webhookEndpoints { id url failingSince disabledAt disabledReason } }`
)

// hook is what a receiver was sent.
type hook struct {
	id, kind, object string
	status           int // what it answered
}

// receiver takes webhooks, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	got    []hook
	answer func(w http.ResponseWriter, r *http.Request) int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	rec := &receiver{answer: func(http.ResponseWriter, *http.Request) int { return http.StatusOK }}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		rec.mu.Lock()
		secret, answer := rec.secret, rec.answer
		rec.mu.Unlock()
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		var sent struct {
			Type string
			Data struct{ ID, ObjectID string }
		}
		if err != nil || json.Unmarshal(body, &sent) != nil || sent.Data.ID != r.Header.Get("webhook-id") {
			t.Errorf("%v: %s", err, body)
		}
		status := answer(w, r)
		rec.mu.Lock()
		rec.got = append(rec.got, hook{sent.Data.ID, sent.Type, sent.Data.ObjectID, status})
		rec.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(rec.Close)
	return rec
}

// answers tells it what to answer from now on.
func (rec *receiver) answers(status int) {
	rec.answersBy(func(http.ResponseWriter, *http.Request) int { return status })
}

func (rec *receiver) answersBy(answer func(http.ResponseWriter, *http.Request) int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.answer = answer
}

// hooks are what it was sent, and those that it took.
func (rec *receiver) hooks() (all, taken []hook) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, h := range rec.got {
		if h.status/100 == 2 {
			taken = append(taken, h)
		}
	}
	return slices.Clone(rec.got), taken
}

// endpoint opens an endpoint of a partner at the receiver.
func (rec *receiver) endpoint(t *testing.T, e *testenv.Env, p testenv.Partner) (id string) {
	t.Helper()
	got := e.Post(p.Token, createEndpoint, testenv.Vars{"url": rec.URL})
	rec.mu.Lock()
	rec.secret = got.Text("createWebhookEndpoint", "secret")
	rec.mu.Unlock()
	if id = got.Text("createWebhookEndpoint", "endpoint", "id"); id == "" || !strings.HasPrefix(rec.secret, "whsec_") {
		t.Fatal(got.Raw)
	}
	return id
}

// push sends what is due now, as a worker does.
func push(t *testing.T, e *testenv.Env) {
	t.Helper()
	s, now := e.App.Servicing, e.Clock.Now()
	if err := s.PlacePartnerEvents(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	due, err := s.WebhooksDue(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range due {
		for next := true; next; {
			if next, err = s.DeliverWebhook(t.Context(), id, now); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// toldTo are all events of a partner, by pages of three.
func toldTo(t *testing.T, e *testenv.Env, p testenv.Partner) (events []hook) {
	t.Helper()
	token, vars := e.PartnerToken(p, ""), testenv.Vars{"first": 3}
	for {
		got := e.Post(token, readEvents, vars)
		edges, ok := got.Get("events", "edges").([]any)
		if !ok {
			t.Fatal(got.Raw)
		}
		for i := range edges {
			node := []any{"events", "edges", i, "node"}
			events = append(events, hook{id: got.Text(append(node, "id")...), kind: got.Text(append(node, "type")...), object: got.Text(append(node, "objectId")...)})
		}
		if got.Get("events", "pageInfo", "hasNextPage") != true {
			return events
		}
		vars["after"] = got.Text("events", "pageInfo", "endCursor")
	}
}

// takenInOrder holds that each event was taken at least once, and that none was sent
// before those of the same object that are earlier were taken. It tells how many were
// sent again after they had been taken.
func takenInOrder(t *testing.T, rec *receiver, events []hook) (again int) {
	t.Helper()
	all, _ := rec.hooks()
	done := map[string]int{} // by id
	for _, h := range all {
		for _, before := range events {
			if before.id == h.id {
				break
			}
			if before.object == h.object && done[before.id] == 0 {
				t.Errorf("%s of %s was sent before %s was taken", h.kind, h.object, before.kind)
			}
		}
		if h.status/100 == 2 {
			done[h.id]++
			if done[h.id] > 1 {
				again++
			}
		}
	}
	for _, event := range events {
		if done[event.id] == 0 {
			t.Errorf("%s of %s never came", event.kind, event.object)
		}
	}
	if len(done) > len(events) {
		t.Errorf("%d events came, and there are %d", len(done), len(events))
	}
	return again
}

func kinds(events []hook) string {
	list := make([]string, len(events))
	for i, h := range events {
		list[i] = h.kind
	}
	return strings.Join(list, " ")
}

// A partner is told what happens, from the grant to its end, by webhook and by cursor,
// under the same ids; and nothing of what happens later.
func TestPartnerEvents(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, stranger, p, reader := e.AddCustomer(), e.AddCustomer(), e.AddPartner(everything), e.AddPartner("payments:read events:read")
		rec := newReceiver(t)
		id := rec.endpoint(t, e, p)
		grant := e.Grant(c, p, allGranted...)
		e.Grant(c, reader, "EVENTS_READ") // and nothing to be told of
		e.Grant(stranger, p, "PAYMENTS_READ")
		payment := e.Post(p.Token, schedule, partnerOrder(c, "1")).Text("schedulePayment", "payment", "id")
		e.Post(stranger.Token, schedule, order(stranger, "1"))
		e.MoveTo("2026-11-18 15:00:00")
		if code := e.Return(payment, "R01"); code != http.StatusOK {
			t.Fatal(code)
		}
		push(t, e)
		events := toldTo(t, e, p)
		// R01 is presented once more; and two statements are due on that day.
		if want := "GRANT_GIVEN PAYMENT_SCHEDULED STATEMENT_ISSUED STATEMENT_ISSUED PAYMENT_APPLIED PAYMENT_RETURNED PAYMENT_SCHEDULED"; kinds(events) != want {
			t.Errorf("told %s, want %s", kinds(events), want)
		}
		if got := kinds(toldTo(t, e, reader)); got != "GRANT_GIVEN" {
			t.Errorf("who may read events alone is told %s", got)
		}
		c.Token = e.OpenSession(c.ID)
		e.Post(c.Token, revokeAccess, testenv.Vars{"id": grant})
		e.Post(c.Token, schedule, order(c, "later", testenv.Vars{"scheduledOn": "2026-11-20"}))
		e.MoveTo("2026-11-21 12:00:00")
		push(t, e)
		events = toldTo(t, e, p)
		if last := events[len(events)-1]; last.kind != "GRANT_REVOKED" || last.object != grant {
			t.Errorf("told %s", kinds(events))
		}
		if again := takenInOrder(t, rec, events); again != 0 {
			t.Errorf("%d came again", again)
		}
		_, taken := rec.hooks()
		for i, h := range taken {
			if h.id != events[i].id || h.object != events[i].object || h.kind != strings.ReplaceAll(strings.ToLower(events[i].kind), "_", ".") {
				t.Errorf("sent %v, told %v", h, events[i])
			}
		}
		c.Token, p.Token, reader.Token = e.OpenSession(c.ID), e.PartnerToken(p, ""), e.PartnerToken(reader, "")
		// To a replay the ids are the same.
		half := e.Post(p.Token, readEvents, testenv.Vars{"first": 2}).Text("events", "pageInfo", "endCursor")
		replay := `mutation($id: ID!, $after: String) { replayWebhook(input: {endpointId: $id, after: $after}) { events userErrors { code path } } }`
		if got := e.Post(p.Token, replay, testenv.Vars{"id": id, "after": half}); got.Get("replayWebhook", "events") != float64(len(events)-2) {
			t.Error(got.Raw)
		}
		push(t, e)
		if again := takenInOrder(t, rec, events); again != len(events)-2 {
			t.Errorf("%d came again, want %d", again, len(events)-2)
		}
		// Another partner's endpoint is as if it were not there, and customers have none.
		for _, query := range []string{
			`mutation($id: ID!) { rotateWebhookSecret(input: {endpointId: $id}) { secret userErrors { code path } } }`,
			`mutation($id: ID!) { disableWebhookEndpoint(input: {endpointId: $id}) { endpoint { id } userErrors { code path } } }`,
			`mutation($id: ID!) { enableWebhookEndpoint(input: {endpointId: $id}) { endpoint { id } userErrors { code path } } }`,
			`mutation($id: ID!) { deleteWebhookEndpoint(input: {endpointId: $id}) { endpoints { id } userErrors { code path } } }`,
			replay, deliveries,
		} {
			theirs, none := e.Post(reader.Token, query, testenv.Vars{"id": id}), e.Post(reader.Token, query, testenv.Vars{"id": "V2ViaG9va0VuZHBvaW50OjQ3MTE"})
			if theirs.Raw != none.Raw || theirs.Code() != "NOT_FOUND" && !strings.Contains(theirs.Raw, `"edges":[]`) {
				t.Errorf("%s: %s%s", query, theirs.Raw, none.Raw)
			}
		}
		tried, without := 0, e.PartnerToken(p, "payments:read payments:write vehicles:read statements:read")
		schema := schemaOf()
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				if scope, _ := scopeIn(field); scope != loan.ScopeEventsRead {
					continue
				}
				query, vars := operation(schema, root, field, []string{"none"}, own{}, "")
				query = strings.Replace(query, "{ userErrors { code message path } }", "{ __typename }", 1)
				for token, want := range map[string]string{without: "INSUFFICIENT_SCOPE", c.Token: "FORBIDDEN"} {
					tried++
					if got := e.Post(token, query, vars); got.Code() != want || got.Get(field.Name) != nil {
						t.Errorf("%s: %s, want %s", query, got.Raw, want)
					}
				}
			}
		}
		if tried != 18 {
			t.Errorf("%d were tried", tried)
		}
		if log := e.Log.String(); strings.Contains(log, rec.secret) {
			t.Error("the log holds a secret")
		}
	})
}

// A receiver that answers slowly, with a fault, with a redirect, or is down for a day
// of the sandbox, gets each event at least once in the end, in order by payment. One
// that is slow holds up nobody else.
func TestWebhooksOfABadReceiver(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine, withInbox(t))
		c, p, other := e.AddCustomer(), e.AddPartner(everything), e.AddPartner(everything)
		bad, good, slow := newReceiver(t), newReceiver(t), newReceiver(t)
		id := bad.endpoint(t, e, p)
		good.endpoint(t, e, other)
		e.Grant(c, p, allGranted...)
		e.Grant(c, other, allGranted...)
		slow.secret = e.Post(other.Token, createEndpoint, testenv.Vars{"url": slow.URL}).Text("createWebhookEndpoint", "secret")
		held := make(chan struct{})
		slow.answersBy(func(_ http.ResponseWriter, r *http.Request) int {
			select {
			case <-held:
			case <-r.Context().Done():
			}
			return http.StatusOK
		})
		startWorker(t, e)
		elsewhere := newReceiver(t)
		trouble := []func(http.ResponseWriter, *http.Request) int{
			func(http.ResponseWriter, *http.Request) int { return http.StatusInternalServerError },
			func(w http.ResponseWriter, _ *http.Request) int {
				w.Header().Set("Location", elsewhere.URL)
				return http.StatusTemporaryRedirect
			},
			func(http.ResponseWriter, *http.Request) int { return http.StatusServiceUnavailable },
		}
		for i, answer := range trouble {
			bad.answersBy(answer)
			c.Token = e.OpenSession(c.ID)
			for n := range 3 {
				e.Post(c.Token, schedule, order(c, fmt.Sprint(i, n), testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 20+10*i+n)}}))
			}
			sofar, _ := bad.hooks()
			e.MoveTo(fmt.Sprintf("2026-11-18 %d:00:00", 13+i))
			eventually(t, "the bad one is tried", func() bool { all, _ := bad.hooks(); return len(all) > len(sofar) })
		}
		events := toldTo(t, e, other)
		eventually(t, "the good one has all", func() bool { _, taken := good.hooks(); return len(taken) >= len(events) })
		if _, taken := bad.hooks(); len(taken) != 0 {
			t.Fatalf("the bad one took %d", len(taken))
		}
		if got := e.Post(e.PartnerToken(p, ""), endpoints, nil); got.Text("webhookEndpoints", 0, "failingSince") == "" || got.Get("webhookEndpoints", 0, "disabledAt") != nil {
			t.Error(got.Raw)
		}
		bad.answers(http.StatusOK)
		close(held)
		e.MoveTo("2026-11-19 15:00:00") // a day later
		events = toldTo(t, e, p)
		for hours := 0; ; hours += 9 { // each try is made by then
			eventually(t, "what is due was tried", func() bool {
				due, err := e.App.Servicing.WebhooksDue(t.Context(), e.Clock.Now())
				return err == nil && len(due) == 0
			})
			if !strings.Contains(e.Post(e.PartnerToken(p, ""), deliveries, testenv.Vars{"id": id}).Raw, "WAITING") {
				break
			}
			if hours > 72 {
				t.Fatal(e.Post(e.PartnerToken(p, ""), deliveries, testenv.Vars{"id": id}).Raw)
			}
			if err := e.Clock.SetTo(e.Clock.Now().Add(9 * time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		events = toldTo(t, e, p)
		if len(events) < 19 {
			t.Errorf("there are %d events", len(events))
		}
		all, _ := bad.hooks()
		t.Logf("%d events were sent %d times, %d of them after they were taken", len(events), len(all), takenInOrder(t, bad, events))
		eventually(t, "the good one has all", func() bool { _, taken := good.hooks(); return len(taken) >= len(toldTo(t, e, other)) })
		takenInOrder(t, good, toldTo(t, e, other))
		if all, _ := elsewhere.hooks(); len(all) != 0 {
			t.Error("a redirect was followed")
		}
		if got := e.Post(e.PartnerToken(p, ""), endpoints, nil); got.Get("webhookEndpoints", 0, "failingSince") != nil {
			t.Error(got.Raw)
		}
	})
}

// An endpoint that takes nothing for three days is disabled, and so is one that answers
// 410. Operators are told. Enabled again, it gets all that has waited.
func TestWebhookIsDisabled(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p := e.AddCustomer(), e.AddPartner(everything)
		rec := newReceiver(t)
		id := rec.endpoint(t, e, p)
		e.Grant(c, p, allGranted...)
		as, err := e.App.Servicing.WebhooksAs("test")
		if err == nil {
			err = as.Contact(t.Context(), p.PartnerID, "hooks@partner.example", e.Clock.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := as.Contact(t.Context(), p.PartnerID, "nobody", e.Clock.Now()); !errors.Is(err, servicing.ErrContact) {
			t.Error(err)
		}
		rec.answers(http.StatusInternalServerError)
		push(t, e)
		reason := func() string {
			return e.Post(e.PartnerToken(p, ""), endpoints, nil).Text("webhookEndpoints", 0, "disabledReason")
		}
		first, tries := e.Clock.Now(), 0
		for reason() == "" {
			if tries++; tries > 40 {
				t.Fatal("it is never disabled")
			}
			next, err := time.Parse(time.RFC3339, e.Post(e.PartnerToken(p, ""), deliveries, testenv.Vars{"id": id}).Text("webhookDeliveries", "edges", 0, "node", "nextTryAt"))
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Clock.SetTo(next); err != nil {
				t.Fatal(err)
			}
			push(t, e)
		}
		c.Token, p.Token = e.OpenSession(c.ID), e.PartnerToken(p, "")
		if lasted := e.Clock.Now().Sub(first); reason() != "FAILING" || lasted != loan.WebhookPatience {
			t.Errorf("after %v it is disabled: %s", lasted, reason())
		}
		all, _ := rec.hooks()
		if len(all) != 17 {
			t.Errorf("it was tried %d times", len(all))
		}
		if got := strings.Join(e.NoticesTo("hooks@partner.example"), " "); got != "WEBHOOK_DISABLED" {
			t.Errorf("the partner was told %q", got)
		}
		list, err := e.App.Servicing.Exceptions(t.Context())
		if err != nil || len(list) != 1 || list[0].Kind != "webhook endpoint disabled" {
			t.Errorf("%v, %v", list, err)
		}
		e.Post(c.Token, schedule, order(c, "meanwhile", testenv.Vars{"scheduledOn": loan.DateOf(e.Clock.Now()).AddDays(4).String()}))
		push(t, e)
		if now, _ := rec.hooks(); len(now) != len(all) {
			t.Error("it was tried although it is disabled")
		}
		enable := `mutation($id: ID!) { enableWebhookEndpoint(input: {endpointId: $id}) { endpoint { disabledAt } userErrors { code } } }`
		rec.answers(http.StatusGone)
		e.Post(p.Token, enable, testenv.Vars{"id": id})
		push(t, e)
		if reason() != "GONE" {
			t.Errorf("disabled: %s", reason())
		}
		rec.answers(http.StatusOK)
		if got := e.Post(p.Token, enable, testenv.Vars{"id": id}); got.Code() != "" {
			t.Error(got.Raw)
		}
		push(t, e)
		if again := takenInOrder(t, rec, toldTo(t, e, p)); again != 0 || len(toldTo(t, e, p)) != 2 {
			t.Errorf("%d came again of %v", again, toldTo(t, e, p))
		}
	})
}

// Transactions that are open while others commit get their place when they commit: who
// follows by cursor misses nothing.
func TestNoPartnerEventIsMissed(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p := e.AddPartner(everything)
		const many, each = 8, 6
		customers := make([]testenv.Customer, many)
		for i := range customers {
			customers[i] = e.AddCustomer()
			e.Grant(customers[i], p, allGranted...)
		}
		var group sync.WaitGroup
		for _, c := range customers {
			group.Go(func() {
				for n := range each {
					e.Post(c.Token, schedule, order(c, fmt.Sprint(n), testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 20+n)}}))
				}
			})
		}
		done := make(chan struct{})
		go func() { group.Wait(); close(done) }()
		var followed []hook
		vars := testenv.Vars{"first": 5}
		for over, last := false, false; !last; {
			last = over
			select {
			case <-done:
				over = true
			default:
			}
			if err := e.App.Servicing.PlacePartnerEvents(t.Context(), e.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			for more := true; more; {
				got := e.Post(p.Token, readEvents, vars)
				edges, _ := got.Get("events", "edges").([]any)
				for i := range edges {
					followed = append(followed, hook{id: got.Text("events", "edges", i, "node", "id")})
				}
				if end := got.Text("events", "pageInfo", "endCursor"); end != "" {
					vars["after"] = end
				}
				more = got.Get("events", "pageInfo", "hasNextPage") == true
			}
		}
		if events := toldTo(t, e, p); len(events) != many*(each+1) || len(followed) != len(events) {
			t.Errorf("followed %d events of %d, want %d", len(followed), len(events), many*(each+1))
		}
	})
}

// A partner makes its own test customers, and the clock and the bank move for them.
func TestPartnerSandbox(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		p := e.AddPartner(everything)
		add := func(token string) (int, string) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/sandbox/customers", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var added struct{ CustomerID, Username, Password string }
			_ = json.NewDecoder(response.Body).Decode(&added) // of a refusal it is something else
			if response.StatusCode == http.StatusCreated && (added.Username == "" || added.Password == "") {
				t.Errorf("%+v", added)
			}
			return response.StatusCode, added.CustomerID
		}
		for _, token := range []string{"", "mpt_1_nobody", e.AddCustomer().Token} {
			if code, _ := add(token); code != http.StatusUnauthorized {
				t.Errorf("%q: %d", token, code)
			}
		}
		_, first := add(e.PartnerToken(p, "vehicles:read events:read"))
		code, second := add(p.Token)
		if code != http.StatusCreated || first == "" || first == second {
			t.Fatal(code, first, second)
		}
		got := e.Post(p.Token, `query($a: ID!) { customer(id: $a) { scopes vehicles { id contract { __typename } } } }`, testenv.Vars{"a": first})
		if fmt.Sprint(got.Get("customer", "scopes")) != "[VEHICLES_READ EVENTS_READ]" || got.Text("customer", "vehicles", 0, "id") == "" {
			t.Error(got.Raw)
		}
		push(t, e)
		if got := kinds(toldTo(t, e, p)); got != "GRANT_GIVEN GRANT_GIVEN" {
			t.Error(got)
		}
	})
}

// Secrets are signed with, both of them, while one takes the other's place, and outlive a
// rotation of the keyset. No dump has them.
func TestWebhookSecrets(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p := e.AddCustomer(), e.AddPartner(everything)
		rec := newReceiver(t)
		id := rec.endpoint(t, e, p)
		first := rec.secret
		rotate := `mutation($id: ID!, $grace: Int) { rotateWebhookSecret(input: {endpointId: $id, graceHours: $grace}) { secret userErrors { code path } } }`
		second := e.Post(p.Token, rotate, testenv.Vars{"id": id, "grace": 1}).Text("rotateWebhookSecret", "secret")
		for _, grace := range []int{-1, 169} {
			if got := e.Post(p.Token, rotate, testenv.Vars{"id": id, "grace": grace}); got.Code() != "INVALID_INPUT" {
				t.Error(got.Raw)
			}
		}
		if second == "" || second == first {
			t.Fatal("there is no other secret")
		}
		seen := func(_ context.Context) error { return nil }
		for _, r := range []servicing.Rotation{{Seen: seen}, {Seen: seen, Retire: true}} {
			if _, err := e.App.Servicing.RotateKeys(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if engine != testenv.Embedded {
			for _, secret := range []string{first, second} {
				if strings.Contains(e.Dump(), strings.TrimPrefix(secret, "whsec_")) {
					t.Error("the dump has a secret")
				}
			}
		}
		signed := func(secret string) { // with what the receiver verifies from now on
			rec.mu.Lock()
			defer rec.mu.Unlock()
			rec.secret, rec.got = secret, nil
		}
		signed(first) // the old one signs, too
		grant := e.Grant(c, p, allGranted...)
		push(t, e)
		if all, _ := rec.hooks(); len(all) != 1 {
			t.Errorf("sent %v", all)
		}
		if err := e.Clock.SetTo(e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		signed(second)
		rec.answersBy(func(_ http.ResponseWriter, r *http.Request) int {
			if signatures := strings.Fields(r.Header.Get("webhook-signature")); len(signatures) != 1 {
				t.Errorf("after the end there are %d signatures", len(signatures))
			}
			return http.StatusOK
		})
		e.Post(e.OpenSession(c.ID), revokeAccess, testenv.Vars{"id": grant})
		push(t, e)
		if all, _ := rec.hooks(); len(all) != 1 {
			t.Errorf("sent %v", all)
		}
		// The same URL again is the same endpoint, and five are enough.
		token := e.PartnerToken(p, "")
		again := e.Post(token, createEndpoint, testenv.Vars{"url": rec.URL})
		if again.Text("createWebhookEndpoint", "endpoint", "id") != id || again.Get("createWebhookEndpoint", "secret") != nil {
			t.Error(again.Raw)
		}
		for n := range 5 {
			got := e.Post(token, createEndpoint, testenv.Vars{"url": fmt.Sprintf("%s/%d", rec.URL, n)})
			if want := map[bool]string{true: "INVALID_INPUT"}[n == 4]; got.Code() != want {
				t.Errorf("endpoint %d: %s", n+2, got.Raw)
			}
		}
		for _, url := range []string{"ftp://partner.example", "http://10.0.0.1/", ""} {
			if got := e.Post(token, createEndpoint, testenv.Vars{"url": url}); got.Code() != "INVALID_INPUT" {
				t.Error(got.Raw)
			}
		}
		remove := `mutation($id: ID!) { deleteWebhookEndpoint(input: {endpointId: $id}) { endpoints { id } userErrors { code } } }`
		if got := e.Post(token, remove, testenv.Vars{"id": id}); len(got.Get("deleteWebhookEndpoint", "endpoints").([]any)) != 4 {
			t.Error(got.Raw)
		}
		audit, err := e.App.Store.Audit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, entry := range audit {
			if strings.HasPrefix(entry.Action, "webhook.") && entry.Actor == fmt.Sprintf("partner:%d", p.PartnerID) {
				acts = append(acts, entry.Action)
			}
		}
		if got := strings.Join(acts, " "); got != "webhook.created webhook.rotated webhook.created webhook.created webhook.created webhook.created webhook.deleted" {
			t.Error(got)
		}
	})
}

// Operators look after endpoints by the program's commands: what they open is sent
// events, signed with what was printed, and each command is in the audit.
func TestWebhookCommands(t *testing.T) {
	t.Parallel()
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c, p, ops := e.AddCustomer(), e.AddPartner(everything), console{e, t}
		rec := newReceiver(t)
		partner := fmt.Sprint(int64(p.PartnerID))
		as := func(args ...string) []string {
			return append([]string{"webhook"}, append(args, "--operator", "Sam")...)
		}
		secretIn := func(out string) {
			t.Helper()
			rec.mu.Lock()
			defer rec.mu.Unlock()
			if rec.secret = wordAfter(out, "secret"); !strings.HasPrefix(rec.secret, "whsec_") {
				t.Fatalf("no secret is printed:\n%s", out)
			}
		}
		sent := func(want int) {
			t.Helper()
			pushLater(t, e, time.Minute)
			if all, _ := rec.hooks(); len(all) != want {
				t.Errorf("%d webhooks were sent, want %d", len(all), want)
			}
		}
		created := ops.must(as("create", "--partner", partner, "--url", rec.URL), "The secret is shown once.")
		id := wordAfter(created, "endpoint")
		secretIn(created)
		if again := ops.must(as("create", "--partner", partner, "--url", rec.URL), "It was there already"); wordAfter(again, "endpoint") != id || strings.Contains(again, "whsec_") {
			t.Errorf("again:\n%s", again)
		}
		e.Grant(c, p, allGranted...)
		sent(1)
		secretIn(ops.must(as("rotate", id, "--grace", "0s")))
		e.Post(p.Token, schedule, partnerOrder(c, "1"))
		sent(2) // verified with the new secret

		// What happens while it is disabled comes when it is enabled.
		ops.must(as("disable", id))
		e.Post(p.Token, schedule, partnerOrder(c, "2", testenv.Vars{"amount": testenv.Vars{"fixed": "61.00"}}))
		sent(2)
		ops.must([]string{"webhook", "list"}, "URL", partner, rec.URL, "OPERATOR")
		ops.must(as("enable", id))
		sent(3)
		if out := ops.must([]string{"webhook", "list"}, rec.URL); strings.Contains(out, "OPERATOR") || strings.Contains(out, "whsec_") {
			t.Errorf("it lists\n%s", out)
		}

		// Who is named is written to when it is disabled by itself; nobody is, where the address is taken back.
		ops.must(as("contact", "--partner", partner, "--email", "hooks@partner.example"))
		rec.answers(http.StatusGone)
		e.Post(p.Token, schedule, partnerOrder(c, "3", testenv.Vars{"amount": testenv.Vars{"fixed": "62.00"}}))
		sent(4)
		if got := e.NoticesTo("hooks@partner.example"); len(got) != 1 {
			t.Errorf("the contact was told %v", got)
		}
		ops.must([]string{"exceptions"}, "webhook endpoint disabled")
		ops.must([]string{"webhook", "list"}, "GONE")
		ops.must(as("contact", "--partner", partner, "--email", ""))
		ops.must(as("enable", id))
		sent(5)
		if got := e.NoticesTo("hooks@partner.example"); len(got) != 1 {
			t.Errorf("who is the contact no longer was told %v", got)
		}

		rec.answers(http.StatusOK)
		ops.must(as("delete", id))
		sent(5)
		if out := ops.must([]string{"webhook", "list"}); strings.Contains(out, rec.URL) {
			t.Errorf("it lists\n%s", out)
		}
		for _, wrong := range [][]string{
			{"webhook"}, {"webhook", "create", "--partner", partner, "--url", rec.URL}, as("create", "--partner", "4711", "--url", rec.URL),
			as("create", "--partner", partner, "--url", "http://10.0.0.1/"), as("contact", "--partner", partner, "--email", "nobody"),
			as("contact", "--partner", "4711", "--email", "a@b.example"), as("rotate", id), as("rotate"), as("disable", id), as("enable", id), as("delete", id),
			as("disable", "x"), as("rotate", id, "--grace", "-1h"), {"webhook", "delete", id},
		} {
			if out, err := ops.run(wrong...); err == nil || out != "" {
				t.Errorf("%v: %q", wrong, out)
			}
		}
		entries, err := e.App.Store.Audit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, entry := range entries {
			if entry.Actor == "operator:sam" || entry.Actor == "webhooks" {
				acts = append(acts, entry.Actor+" "+entry.Action+" "+entry.Detail)
			}
			if strings.Contains(entry.Detail, "whsec_") {
				t.Error("a secret is in the audit")
			}
		}
		want := `operator:sam webhook.created {}, operator:sam webhook.rotated {"grace":"0s"}, operator:sam webhook.disabled {"why":"OPERATOR"}, ` +
			`operator:sam webhook.enabled {}, operator:sam partner.contact_changed {}, webhooks webhook.disabled {"why":"GONE"}, ` +
			`operator:sam partner.contact_changed {}, operator:sam webhook.enabled {}, webhooks webhook.disabled {"why":"GONE"}, operator:sam webhook.deleted {}`
		if got := strings.Join(acts, ", "); got != want {
			t.Errorf("the audit has\n%s\nwant\n%s", got, want)
		}
		ops.must([]string{"audit", "verify"})
	})
}

// A worker that is killed while it sends leaves what it had to the next one, once its
// lease is over: each event comes at least once, and in order.
func TestKilledWebhookWorker(t *testing.T) {
	e := testenv.New(t, testenv.Real, withInbox(t))
	c, p := e.AddCustomer(), e.AddPartner(everything)
	rec := newReceiver(t)
	rec.endpoint(t, e, p)
	e.Grant(c, p, allGranted...)
	for n := range 12 {
		vars := testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 20+n)}}
		id := e.Post(c.Token, schedule, order(c, fmt.Sprint(n), vars)).Text("schedulePayment", "payment", "id")
		e.Post(c.Token, cancel, testenv.Vars{"id": id, "yes": true})
	}
	binary := builtProgram(t)
	arrived := make(chan struct{}, 100)
	rec.answersBy(func(_ http.ResponseWriter, r *http.Request) int { // until its sender is dead
		arrived <- struct{}{}
		<-r.Context().Done()
		return http.StatusServiceUnavailable
	})
	killed := exec.Command(binary, "worker")
	killed.Dir = t.TempDir()
	cfg := e.App.Config
	killed.Env = []string{"DATABASE_URL=" + cfg.DatabaseURL, "MOBILEPAY_KEYSET=" + cfg.Keyset, "MOBILEPAY_OUTBOX=" + cfg.Outbox,
		"MOBILEPAY_INBOX=" + cfg.Inbox, "MOBILEPAY_NOW=" + e.Clock.Now().Format(time.RFC3339)}
	log := new(testenv.Log)
	killed.Stdout, killed.Stderr = log, log
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for range 4 { // as many as are sent at a time
		select {
		case <-arrived:
		case <-time.After(30 * time.Second):
			_ = killed.Process.Kill()
			t.Fatalf("nothing came: %s", log)
		}
	}
	_ = killed.Process.Kill()
	_ = killed.Wait()
	rec.answers(http.StatusOK)
	if err := e.Clock.SetTo(e.Clock.Now().Add(4 * time.Minute)); err != nil { // leases are over
		t.Fatal(err)
	}
	push(t, e)
	events := toldTo(t, e, p)
	// The worker may have got as far as to issue the day's statements.
	if again := takenInOrder(t, rec, events); len(events) < 25 || again != 0 {
		t.Errorf("of %d events %d came again", len(events), again)
	}
	if all, _ := rec.hooks(); len(all) != len(events)+4 {
		t.Errorf("sent %d times", len(all))
	}
}
