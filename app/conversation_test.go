package app_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/testenv"
)

const (
	conversation  = `conversation { id topic state unreadMessages vehicle { id } messages(last: 20) { edges { node { id author text } } } }`
	ask           = `mutation($input: AskQuestionInput!) { askQuestion(input: $input) { ` + conversation + ` replayed userErrors { code message path ... on TooManyAttemptsError { retryAt } } } }`
	reply         = `mutation($input: ReplyToConversationInput!) { replyToConversation(input: $input) { ` + conversation + ` replayed userErrors { code path } } }`
	markRead      = `mutation($input: MarkConversationReadInput!) { markConversationRead(input: $input) { ` + conversation + ` userErrors { code path } } }`
	conversations = `query($first: Int, $after: String) { viewer { unreadMessages list: conversations(first: $first, after: $after) { edges { cursor node { id state unreadMessages messages { edges { node { number: id text author } } } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
)

// question is the variables of askQuestion.
func question(key string, change ...testenv.Vars) testenv.Vars {
	input := testenv.Vars{"idempotencyKey": key, "topic": "LOAN_OR_LEASE", "text": "Can my due date be moved?"}
	for _, c := range change {
		maps.Copy(input, c)
	}
	return testenv.Vars{"input": input}
}

func idOf(t *testing.T, encoded string) loan.ConversationID {
	t.Helper()
	id, ok := graph.DecodeNodeID(encoded).(loan.ConversationID)
	if !ok {
		t.Fatalf("%q is no conversation's id", encoded)
	}
	return id
}

// A question is answered, read, replied to and closed, and a reply opens it again.
func TestConversation(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		e.Post(c.Token, setProfile, testenv.Vars{"input": testenv.Vars{"notifications": testenv.Vars{"byEmail": true}}})
		const secret = "canary question 4711"
		asked := e.Post(c.Token, ask, question("ask", testenv.Vars{"vehicleId": c.Loan, "text": "  " + secret + "\r\nThank you. "}))
		id := asked.Text("askQuestion", "conversation", "id")
		if asked.Text("askQuestion", "conversation", "state") != "OPEN" || asked.Text("askQuestion", "conversation", "vehicle", "id") != c.Loan ||
			asked.Text("askQuestion", "conversation", "messages", "edges", 0, "node", "text") != secret+"\nThank you." {
			t.Fatal(asked.Raw)
		}
		again := e.Post(c.Token, ask, question("ask", testenv.Vars{"vehicleId": c.Loan, "text": "  " + secret + "\r\nThank you. "}))
		if again.Get("askQuestion", "replayed") != true || again.Text("askQuestion", "conversation", "id") != id {
			t.Errorf("again: %s", again.Raw)
		}
		if got := e.Post(c.Token, ask, question("ask")); got.Code() != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("with another text: %s", got.Raw)
		}
		for what, input := range map[string]testenv.Vars{
			"empty": {"text": " \n"}, "long": {"text": strings.Repeat("x", 2001)}, "control": {"text": "a\x1b[2Jb"},
		} {
			if got := e.Post(c.Token, ask, question("bad", input)); got.Code() != "INVALID_INPUT" {
				t.Errorf("%s: %s", what, got.Raw)
			}
		}

		e.At("2026-11-18 13:00:00")
		s, now := e.App.Servicing, e.Clock.Now()
		answer := func(text string) bool {
			t.Helper()
			answered, err := s.AnswerConversation(t.Context(), now, "pat.lee", idOf(t, id), text)
			if err != nil {
				t.Fatal(err)
			}
			return answered
		}
		if open, err := s.ListConversations(t.Context(), true); err != nil || len(open) != 1 || open[0].ID != idOf(t, id) {
			t.Errorf("open are %v, %v", open, err)
		}
		if !answer("Yes: by up to 10 days.") || answer(" Yes: by up to 10 days.\n") || !answer("Tell us the day.") {
			t.Error("an answer is given once, and another one after it")
		}
		if open, err := s.ListConversations(t.Context(), true); err != nil || len(open) != 0 {
			t.Errorf("open are %v, %v", open, err)
		}
		notices, err := e.App.Store.Notices(t.Context(), c.ID)
		if err != nil || len(notices) != 2 || notices[0].Kind != loan.NoticeMessageAnswered || notices[0].Detail != `{"topic":"LOAN_OR_LEASE"}` {
			t.Errorf("the notices are %v, %v", notices, err)
		}

		c.Token = e.OpenSession(c.ID)
		list := e.Post(c.Token, conversations, nil)
		message := list.Text("viewer", "list", "edges", 0, "node", "messages", "edges", 1, "node", "number")
		if list.Get("viewer", "unreadMessages") != float64(2) || list.Get("viewer", "list", "edges", 0, "node", "state") != "ANSWERED" || message == "" || strings.Contains(list.Raw, "pat.lee") {
			t.Errorf("the list is %s", list.Raw)
		}
		read := func(message string) testenv.Answer {
			return e.Post(c.Token, markRead, testenv.Vars{"input": testenv.Vars{"conversationId": id, "messageId": message}})
		}
		for range 2 {
			if got := read(message); got.Get("markConversationRead", "conversation", "unreadMessages") != float64(1) {
				t.Errorf("the second of three is read: %s", got.Raw)
			}
		}
		question := list.Text("viewer", "list", "edges", 0, "node", "messages", "edges", 0, "node", "number")
		if got := read(question); got.Get("markConversationRead", "conversation", "unreadMessages") != float64(1) {
			t.Errorf("what is read stays read: %s", got.Raw)
		}

		for range 2 {
			if _, err := s.CloseConversation(t.Context(), now, "pat.lee", idOf(t, id)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.AnswerConversation(t.Context(), now, "pat.lee", idOf(t, id), "More."); err != servicing.ErrConversationClosed { //nolint:errorlint // it is this one
			t.Errorf("a closed one is answered: %v", err)
		}
		replied := e.Post(c.Token, reply, testenv.Vars{"input": testenv.Vars{"idempotencyKey": "reply", "conversationId": id, "text": "The 20th, please."}})
		if replied.Get("replyToConversation", "conversation", "state") != "OPEN" {
			t.Errorf("a reply opens it: %s", replied.Raw)
		}
		node := e.Post(c.Token, `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Conversation { messages(first: 2) { edges { node { text } } pageInfo { hasNextPage } } } ... on Message { text author } } }`,
			testenv.Vars{"ids": []string{id, message}})
		if node.Text("nodes", 0, "messages", "edges", 1, "node", "text") != "Yes: by up to 10 days." || node.Get("nodes", 0, "messages", "pageInfo", "hasNextPage") != true ||
			node.Text("nodes", 1, "text") != "Yes: by up to 10 days." {
			t.Errorf("by their ids: %s", node.Raw)
		}

		// The text is in no table and no line of the log; who answered is in the audit.
		if strings.Contains(e.Dump(), secret) || strings.Contains(e.Log.String(), secret) {
			t.Error("the text is kept, or logged, as it is")
		}
		audit, err := e.App.Store.Audit(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		var trail []string
		for _, entry := range audit {
			if strings.HasPrefix(entry.Action, "conversation.") {
				trail = append(trail, strings.TrimPrefix(entry.Action, "conversation.")+" by "+entry.Actor)
			}
		}
		customer := fmt.Sprint("customer:", c.ID)
		want := fmt.Sprint([]string{"opened by " + customer, "answered by operator:pat.lee", "answered by operator:pat.lee", "read by " + customer, "closed by operator:pat.lee", "replied by " + customer})
		if fmt.Sprint(trail) != want {
			t.Errorf("the audit has %v, want %s", trail, want)
		}
	})
}

// 20 messages an hour, also when they come at once; what was sent once is answered
// again.
func TestMessagesAreLimited(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		codes := make([]string, 25)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() { codes[i] = e.Post(c.Token, ask, question(fmt.Sprint("at once ", i))).Code() })
		}
		all.Wait()
		sent, key := 0, ""
		for i, code := range codes {
			switch code {
			case "":
				sent, key = sent+1, fmt.Sprint("at once ", i)
			case "TOO_MANY_ATTEMPTS":
			default:
				t.Errorf("message %d: %s", i, code)
			}
		}
		if sent != 20 {
			t.Errorf("%d messages were sent", sent)
		}
		if got := e.Post(c.Token, ask, question("later")); got.Text("askQuestion", "userErrors", 0, "retryAt") != e.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("one more: %s", got.Raw)
		}
		if got := e.Post(c.Token, ask, question(key)); got.Get("askQuestion", "replayed") != true {
			t.Errorf("again: %s", got.Raw)
		}
		e.At("2026-11-18 13:00:01")
		c.Token = e.OpenSession(c.ID)
		if got := e.Post(c.Token, ask, question("later")); got.Code() != "" {
			t.Errorf("an hour later: %s", got.Raw)
		}
	})
}

// However many conversations there are, a page of them with their messages takes as
// many statements, and pages meet each once.
func TestConversationLists(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		few, many := e.AddCustomer(), e.AddCustomer()
		e.Post(few.Token, ask, question("0"))
		for i := range 9 {
			e.Post(many.Token, ask, question(fmt.Sprint(i), testenv.Vars{"vehicleId": many.Loan}))
		}
		const list = `{ viewer { unreadMessages conversations(first: 100) { edges { node { vehicle { vin } messages { edges { node { text } } } } } } } }`
		if one, nine := e.Statements(few.Token, list), e.Statements(many.Token, list); nine > one+1 || nine > 5 { // one more for the vehicles
			t.Errorf("one conversation takes %d statements, nine take %d", one, nine)
		}
		all := ids(e.Post(many.Token, conversations, testenv.Vars{"first": 100}))
		var paged []string
		for vars := (testenv.Vars{"first": 4}); ; {
			got := e.Post(many.Token, conversations, vars)
			paged = append(paged, ids(got)...)
			if got.Get("viewer", "list", "pageInfo", "hasNextPage") != true {
				break
			}
			vars["after"] = got.Text("viewer", "list", "pageInfo", "endCursor")
		}
		if len(all) != 9 || fmt.Sprint(all) != fmt.Sprint(paged) {
			t.Errorf("all are %v, in pages %v", all, paged)
		}
	})
}

// Texts are sealed anew when keys are rotated, and one does not open in another's place.
func TestMessagesTakePartInRotation(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		r := newRotating(t, e)
		e.Post(c.Token, ask, question("one"))
		r.rotate(servicing.Rotation{})
		r.rotate(servicing.Rotation{Retire: true})
		e.Post(c.Token, ask, question("two", testenv.Vars{"text": "Another one."}))
		got := e.Post(c.Token, conversations, nil)
		if got.Text("viewer", "list", "edges", 1, "node", "messages", "edges", 0, "node", "text") != "Can my due date be moved?" {
			t.Errorf("after a rotation: %s", got.Raw)
		}
		alter(t, e, "UPDATE messages SET text_sealed = (SELECT m.text_sealed FROM messages m WHERE m.id <> messages.id AND m.customer_id = $1 LIMIT 1) WHERE customer_id = $1", int64(c.ID))
		if got := e.Post(c.Token, conversations, nil); got.Code() != "INTERNAL" || strings.Contains(got.Raw, "Another one.") {
			t.Errorf("swapped: %s", got.Raw)
		}
	})
}

// An operator works with the commands.
func TestMessageCommands(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		id := fmt.Sprint(idOf(t, e.Post(c.Token, ask, question("ask", testenv.Vars{"text": "One\nconversation 9, CLOSED"})).Text("askQuestion", "conversation", "id")))
		environ := []string{"DATABASE_URL=" + e.App.Config.DatabaseURL, "MOBILEPAY_KEYSET=" + e.App.Config.Keyset}
		run := func(args ...string) (string, error) {
			var stdout, out bytes.Buffer
			err := app.Run(t.Context(), append([]string{"messages"}, args...), environ, &stdout, &out)
			return stdout.String(), err
		}
		for _, step := range []struct {
			args   []string
			prints []string
			fails  string
		}{
			{[]string{"list", "--open"}, []string{id + " ", "OPEN", "LOAN_OR_LEASE"}, ""},
			{[]string{"show", id}, []string{"Robin Test", "#1", "  One\n  conversation 9, CLOSED\n"}, ""},
			{[]string{"answer", id, "--text", "Yes."}, nil, "operator's name"},
			{[]string{"answer", id, "--operator", "pat lee", "--text", "Yes."}, nil, "operator's name"},
			{[]string{"answer", id, "--operator", "pat", "--text", ""}, nil, "1 to 2,000 characters"},
			{[]string{"answer", id, "--operator", "pat", "--text", "Yes."}, []string{"answered"}, ""},
			{[]string{"answer", id, "--operator", "pat", "--text", "Yes."}, []string{"it had this answer already"}, ""},
			{[]string{"answer", "999999", "--operator", "pat", "--text", "Yes."}, nil, "there is no conversation"},
			{[]string{"list"}, []string{"ANSWERED"}, ""},
			{[]string{"show", id}, []string{"#2", "pat\n  Yes.\n"}, ""},
			{[]string{"close", id, "--operator", "pat"}, []string{"closed"}, ""},
			{[]string{"close", id, "--operator", "pat"}, []string{"it was closed already"}, ""},
			{[]string{"answer", id, "--operator", "pat", "--text", "More."}, nil, "is closed"},
			{[]string{"show", "x"}, nil, "usage"},
			{[]string{"delete", id}, nil, "usage"},
		} {
			printed, err := run(step.args...)
			if (err == nil) != (step.fails == "") || err != nil && !strings.Contains(err.Error(), step.fails) {
				t.Errorf("%v: %v", step.args, err)
			}
			for _, want := range step.prints {
				if !strings.Contains(printed, want) {
					t.Errorf("%v prints\n%s\nwithout %q", step.args, printed, want)
				}
			}
		}
		if printed, err := run("list", "--open"); err != nil || strings.Contains(printed, "OPEN") {
			t.Errorf("open are\n%s%v", printed, err)
		}
	})
}
