package app_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

var update = flag.Bool("update", false, "write what partners reach anew")

// scopeIn is the scope that a field requires; empty where it requires none, and false
// where it is not marked.
func scopeIn(field *ast.FieldDefinition) (loan.Scope, bool) {
	mark := field.Directives.ForName("scope")
	if mark == nil {
		return "", false
	}
	if requires := mark.Arguments.ForName("requires"); requires != nil {
		return loan.Scope(requires.Value.Raw), true
	}
	return "", true
}

// What a partner reaches is what this list has, with the scope of each field that begins
// another kind of data. A field that is new in a type that partners see stands here
// first: is it for partners, and which scope does it need? -update writes it.
func TestWhatPartnersReach(t *testing.T) {
	t.Parallel()
	schema := schemaOf()
	var reached []string
	seen := map[string]bool{}
	var walk func(*ast.Definition)
	field := func(of *ast.Definition, f *ast.FieldDefinition) {
		line := of.Name + "." + f.Name
		if _, marked := scopeIn(f); !marked && f.Directives.ForName("authenticated") != nil {
			reached = append(reached, line+" refused")
			return
		}
		if scope, marked := scopeIn(f); marked && scope != "" {
			line += " " + string(scope)
			if !loan.AllScopes().Has(scope) {
				t.Errorf("%s requires %q, which is no scope", line, scope)
			}
		}
		reached = append(reached, line)
		walk(schema.Types[f.Type.Name()])
	}
	walk = func(of *ast.Definition) {
		if seen[of.Name] || of.BuiltIn {
			return
		}
		seen[of.Name] = true
		for _, possible := range schema.GetPossibleTypes(of) {
			if possible.Name != "Viewer" { // which Customer.node never is
				walk(possible)
			}
		}
		if of.Kind == ast.Object {
			for _, f := range of.Fields {
				field(of, f)
			}
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if _, marked := scopeIn(f); marked {
				field(root, f)
			}
		}
	}
	for _, private := range []string{"Viewer", "Address", "ActiveSession", "Session", "PartnerGrant", "SecondFactor"} {
		if schema.Types[private] == nil || seen[private] {
			t.Errorf("partners reach %s", private)
		}
	}
	slices.Sort(reached)
	got := strings.Join(reached, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/partners.txt", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "app/testdata/partners.txt"); got != want {
		t.Errorf("partners reach\n%s\nand the list has\n%s", got, want)
	}
}

// Every root field that is not marked @scope is refused to a partner, whatever it was
// granted, and does nothing: those that need a session, and those that need nobody.
func TestPartnersAreRefused(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine, p := ownAll(t, e), e.AddPartner(everything)
		e.Grant(mine.Customer, p, allGranted...)
		schema := schemaOf()
		before, tried := books(e), 0
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				if _, marked := scopeIn(field); marked || strings.HasPrefix(field.Name, "__") {
					continue
				}
				tried++
				query, vars := operation(schema, root, field, []string{"none"}, mine, mine.Loan)
				query = strings.Replace(query, field.Name, "again: "+field.Name, 1)
				selection := " { __typename }"
				if schema.Types[field.Type.Name()].Kind == ast.Scalar {
					selection = ""
				}
				head, rest, _ := strings.Cut(query, "again: ")
				query = head + "again: " + rest[:strings.Index(rest, " {")] + selection + " }"
				got := e.Post(p.Token, query, vars)
				if got.Code() != "FORBIDDEN" || got.Data != nil || len(got.Errors) != 1 || fmt.Sprint(got.Errors[0].Path) != "[again]" {
					t.Errorf("%s: %s", query, got.Raw)
				}
			}
		}
		if tried < 30 {
			t.Errorf("only %d fields were tried", tried)
		}
		// Beside what it may ask, by a fragment, and by a directive.
		for _, query := range []string{
			`query($id: ID!) { customer(id: $id) { id } viewer { firstName } }`,
			`query($id: ID!) { customer(id: $id) { id } ...F } fragment F on Query { ... on Query { viewer { firstName } } }`,
			`query($id: ID!) { customer(id: $id) { id } node(id: $id) { id } }`,
		} {
			if got := e.Post(p.Token, query, testenv.Vars{"id": mine.GlobalID()}); got.Code() != "FORBIDDEN" || got.Data != nil {
				t.Errorf("%s: %s", query, got.Raw)
			}
		}
		if engine != testenv.Embedded && books(e) != before {
			t.Error("something was written")
		}
		// Within what it may ask, what is for customers alone.
		for _, field := range []string{"downloadUrl", "recipient { name }"} {
			query := `query($id: ID!) { customer(id: $id) { statements { edges { node { ` + field + ` } } } } }`
			if got := e.Post(p.Token, query, testenv.Vars{"id": mine.GlobalID()}); got.Code() != "FORBIDDEN" || strings.Contains(got.Raw, "documents") {
				t.Errorf("%s: %s", query, got.Raw)
			}
		}
	})
}

// Live updates are for customers: a partner opens no socket, and no event stream of
// theirs.
func TestPartnersFollowNothing(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	p := e.AddPartner(everything)
	for _, s := range []*socket{dial(t, e, nil), dial(t, e, http.Header{"Authorization": {"Bearer " + p.Token}})} {
		s.send(frame{Type: "connection_init", Payload: json.RawMessage(`{"Authorization": "Bearer ` + p.Token + `"}`)})
		if _, _, err := s.Read(s.ctx); int(websocket.CloseStatus(err)) != int(graphqlhttp.CloseForbidden) {
			t.Errorf("got %v", err)
		}
	}
	s := dial(t, e, http.Header{"Authorization": {"Bearer " + p.Token}})
	s.send(frame{Type: "connection_init"})
	if _, _, err := s.Read(s.ctx); int(websocket.CloseStatus(err)) != int(graphqlhttp.CloseForbidden) {
		t.Errorf("by the handshake: got %v", err)
	}
	for _, query := range []string{`subscription { sessionRevoked { reason } }`, `subscription { paymentUpdated { cursor } }`} {
		if got, _ := nextEvent(t, events(t, e, p.Token, query, nil)); got[0] != "next" || !strings.Contains(got[1], `"FORBIDDEN"`) || strings.Contains(got[1], `"data":{`) {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// scoped is a way to a field that is marked @scope, below the root or at it.
type scoped struct {
	field string // Type.field
	needs loan.Scope
	also  []loan.Scope // to get there
	query string
	at    []any // where the answer has it
}

func waysToScoped(mine own) []scoped {
	customer := func(selection string) string {
		return fmt.Sprintf(`{ customer(id: %q) { %s } }`, mine.GlobalID(), selection)
	}
	ofVehicle := func(selection string) string { return customer("vehicles { " + selection + " }") }
	const vehicles, reads, writes, statements = loan.ScopeVehiclesRead, loan.ScopePaymentsRead, loan.ScopePaymentsWrite, loan.ScopeStatementsRead
	node := func(id, kind, selection string) string {
		return customer(fmt.Sprintf("node(id: %q) { ... on %s { %s } }", id, kind, selection))
	}
	input := fmt.Sprintf(`customerId: %q, vehicleId: %q, amount: {fixed: "50.00"}, scheduledOn: "2026-11-18", paymentAccount: {saved: %q}`, mine.GlobalID(), mine.Loan, mine.Account)
	return []scoped{
		{"Customer.vehicles", vehicles, nil, customer("vehicles { id }"), []any{"customer", "vehicles", 0, "id"}},
		{"Customer.paymentAccounts", reads, nil, customer("paymentAccounts { id }"), []any{"customer", "paymentAccounts", 0, "id"}},
		{"Customer.pendingPayments", reads, nil, customer("pendingPayments { edges { node { id } } }"), []any{"customer", "pendingPayments", "edges", 0, "node", "id"}},
		{"Customer.payments", reads, nil, customer("payments { edges { node { id } } }"), []any{"customer", "payments", "edges", 0, "node", "id"}},
		{"Customer.statements", statements, nil, customer("statements { edges { node { id } } }"), []any{"customer", "statements", "edges", 0, "node", "id"}},
		{"Customer.node Vehicle", vehicles, nil, node(mine.Loan, "Vehicle", "id"), []any{"customer", "node", "id"}},
		{"Customer.node Payment", reads, nil, node(mine.payment, "Payment", "id"), []any{"customer", "node", "id"}},
		{"Customer.node PaymentAccount", reads, nil, node(mine.Account, "PaymentAccount", "id"), []any{"customer", "node", "id"}},
		{"Customer.node AutoPay", reads, nil, node(mine.autoPay, "AutoPay", "id"), []any{"customer", "node", "id"}},
		{"Customer.node Statement", statements, nil, node(mine.statement, "Statement", "id"), []any{"customer", "node", "id"}},
		{"Vehicle.autoPay", reads, []loan.Scope{vehicles}, ofVehicle("autoPay { id }"), []any{"customer", "vehicles", 1, "autoPay", "id"}},
		{"Vehicle.pendingPayments", reads, []loan.Scope{vehicles}, ofVehicle("pendingPayments { edges { node { id } } }"), []any{"customer", "vehicles", 0, "pendingPayments", "edges", 0, "node", "id"}},
		{"Vehicle.payments", reads, []loan.Scope{vehicles}, ofVehicle("payments { edges { node { id } } }"), []any{"customer", "vehicles", 0, "payments", "edges", 0, "node", "id"}},
		{"Vehicle.statements", statements, []loan.Scope{vehicles}, ofVehicle("statements { edges { node { id } } }"), []any{"customer", "vehicles", 0, "statements", "edges", 0, "node", "id"}},
		{"Vehicle.yearlyTotals", reads, []loan.Scope{vehicles}, ofVehicle("yearlyTotals { year } id"), []any{"customer", "vehicles", 0, "id"}},
		{"Vehicle.onlineStatements", statements, []loan.Scope{vehicles}, ofVehicle("onlineStatements { since }"), []any{"customer", "vehicles", 0, "onlineStatements", "since"}},
		{"Payment.vehicle", vehicles, []loan.Scope{reads}, node(mine.payment, "Payment", "vehicle { id }"), []any{"customer", "node", "vehicle", "id"}},
		{"AutoPay.vehicle", vehicles, []loan.Scope{reads}, node(mine.autoPay, "AutoPay", "vehicle { id }"), []any{"customer", "node", "vehicle", "id"}},
		{"Statement.vehicle", vehicles, []loan.Scope{statements}, node(mine.statement, "Statement", "vehicle { id }"), []any{"customer", "node", "vehicle", "id"}},
		{"LikelyDuplicateError.payment", reads, []loan.Scope{writes},
			`mutation { schedulePayment(input: {idempotencyKey: "duplicate", ` + input + `}) { userErrors { ... on LikelyDuplicateError { payment { id } } } } }`,
			[]any{"schedulePayment", "userErrors", 0, "payment", "id"}},
		{"Query.previewPayment", reads, nil, `{ previewPayment(input: {` + input + `}) { preview { amount { amount } } } }`, []any{"previewPayment", "preview", "amount", "amount"}},
		{"Mutation.schedulePayment", writes, nil, `mutation { schedulePayment(input: {idempotencyKey: "scope", acknowledgeDuplicate: true, ` + input + `}) { payment { id } } }`, []any{"schedulePayment", "payment", "id"}},
		{"Mutation.reschedulePayment", writes, nil, fmt.Sprintf(`mutation { reschedulePayment(input: {idempotencyKey: "change", customerId: %q, paymentId: %q, confirm: true}) { userErrors { code } } }`, mine.GlobalID(), mine.payment), []any{"reschedulePayment", "userErrors", 0, "code"}},
		{"Mutation.cancelPayment", writes, nil, fmt.Sprintf(`mutation { cancelPayment(input: {customerId: %q, paymentId: %q, confirm: true}) { userErrors { code } } }`, mine.GlobalID(), mine.payment), []any{"cancelPayment", "userErrors", 0, "code"}},
	}
}

// Each field that needs a scope is refused without it, be it the token or the customer
// that lacks it, and answers with no more than it and the way there. A read scope cannot
// pay.
func TestScopes(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine, p := ownAll(t, e), e.AddPartner(everything)
		if got := e.Post(mine.Token, goOnline, consent(e, mine.Customer, mine.Loan)); got.Code() != "" {
			t.Fatal(got.Raw)
		}
		ways := waysToScoped(mine)
		tried := map[string]bool{}
		for _, way := range ways {
			name, _, _ := strings.Cut(way.field, " ")
			tried[name] = true
		}
		for _, of := range schemaOf().Types {
			for _, field := range of.Fields {
				// What partners do for themselves is tried by TestPartnerEvents.
				if scope, _ := scopeIn(field); scope != "" && scope != loan.ScopeEventsRead && !tried[of.Name+"."+field.Name] {
					t.Errorf("%s.%s needs %s, and nobody tries it without", of.Name, field.Name, scope)
				}
			}
		}
		before := len(e.Payments(mine.ID))
		for _, way := range ways {
			enough := loan.AllScopes().And(append(way.also, way.needs))
			var all loan.Scopes
			for _, scope := range loan.AllScopes() {
				if scope != way.needs {
					all = append(all, scope)
				}
			}
			grantAll := func(scopes loan.Scopes) {
				names := make([]string, len(scopes))
				for i, scope := range scopes {
					names[i] = strings.ToUpper(strings.Replace(string(scope), ":", "_", 1))
				}
				e.Grant(mine.Customer, p, names...)
			}
			for what, c := range map[string]struct{ token, granted loan.Scopes }{
				"the token lacks it":     {all, loan.AllScopes()},
				"the customer lacks it":  {loan.AllScopes(), all},
				"there is only what for": {enough, loan.AllScopes()},
				"only this was granted":  {loan.AllScopes(), enough},
			} {
				grantAll(c.granted)
				got := e.Post(e.PartnerToken(p, c.token.String()), way.query, nil)
				if c.token.And(c.granted).Has(way.needs) {
					if got.Get(way.at...) == nil || len(got.Errors) > 0 {
						t.Errorf("%s, %s: %s", way.field, what, got.Raw)
					}
					continue
				}
				refused := len(got.Errors) > 0
				for _, err := range got.Errors {
					refused = refused && err.Extensions["code"] == "INSUFFICIENT_SCOPE" && err.Extensions["scope"] == string(way.needs)
				}
				if !refused || got.Get(way.at...) != nil {
					t.Errorf("%s, %s: %s", way.field, what, got.Raw)
				}
			}
			e.Clock.Advance(60_000_000_000) // tokens are asked for in their limits
		}
		if after := len(e.Payments(mine.ID)); after != before+1 {
			t.Errorf("%d payments were made, by one that might", after-before)
		}
	})
}

// The isolation matrix, of partners: another partner's customer, and what belongs to
// them, is as if absent, in each argument that a partner can fill in.
func TestIDsOfOthersForPartners(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine, theirs := ownAll(t, e), ownAll(t, e)
		p, other := e.AddPartner(everything), e.AddPartner(everything)
		e.Grant(mine.Customer, p, allGranted...)
		e.Grant(theirs.Customer, other, allGranted...)
		e.Post(p.Token, asCustomer, testenv.Vars{"id": mine.GlobalID()}) // which notes the minute
		absent := map[string]string{}
		for kind, id := range theirs.byKind() {
			absent[kind] = nextID(t, id)
		}
		mine.payment = e.Post(p.Token, schedule, partnerOrder(mine.Customer, "its own", testenv.Vars{"acknowledgeDuplicate": true})).Text("schedulePayment", "payment", "id")
		before, tried, schema := books(e), 0, schemaOf()
		same := func(what, none string, ask func(id string) string, id string) {
			tried++
			gone, others := ask(none), ask(id)
			if gone != others {
				t.Errorf("%s: another's\n%sone that does not exist\n%s", what, others, gone)
			}
		}
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				if _, marked := scopeIn(field); !marked || field.Name == "customer" {
					continue
				}
				for _, path := range idPaths(schema, field) {
					if path[len(path)-1] == "endpointId" {
						continue // see TestPartnerEvents
					}
					for _, kind := range kindsOf(t, path) {
						same(field.Name+" "+strings.Join(path, "."), absent[kind], func(id string) string {
							query, vars := operation(schema, root, field, path, mine, id)
							if path[len(path)-1] != "customerId" {
								vars["input"].(testenv.Vars)["customerId"] = mine.GlobalID()
							}
							got := e.Post(p.Token, query, vars)
							if got.Code() != "NOT_FOUND" {
								t.Errorf("%s(%s) of %s: %s", field.Name, path, kind, got.Raw)
							}
							return got.Raw
						}, theirs.byKind()[kind])
					}
				}
			}
		}
		whole := `query($id: ID!) { customer(id: $id) { id scopes vehicles { id } payments { edges { node { id } } } } }`
		same("customer", absent["viewer"], func(id string) string { return e.Post(p.Token, whole, testenv.Vars{"id": id}).Raw }, theirs.GlobalID())
		for kind, id := range theirs.byKind() {
			same("node of "+kind, absent[kind], func(id string) string {
				got := e.Post(p.Token, `query($c: ID!, $id: ID!) { customer(id: $c) { node(id: $id) { id } } }`, testenv.Vars{"c": mine.GlobalID(), "id": id})
				if got.Get("customer", "node") != nil || got.Code() != "" {
					t.Errorf("node of %s: %s", kind, got.Raw)
				}
				return got.Raw
			}, id)
		}
		if got := e.Post(p.Token, `query($c: ID!) { customer(id: $c) { node(id: $c) { id } } }`, testenv.Vars{"c": mine.GlobalID()}); got.Get("customer", "node") != nil || got.Code() != "" {
			t.Errorf("the customer as a node: %s", got.Raw)
		}
		if tried < 15 {
			t.Errorf("only %d arguments were tried", tried)
		}
		if engine != testenv.Embedded && books(e) != before {
			t.Error("something was written")
		}
		// The statements for a customer who has granted nothing are those for nobody.
		for _, id := range []string{theirs.GlobalID(), absent["viewer"]} {
			if n := e.Statements(p.Token, strings.Replace(strings.Replace(whole, "query($id: ID!)", "", 1), "$id", fmt.Sprintf("%q", id), 1)); n != 1 {
				t.Errorf("%d statements for %s", n, id)
			}
		}
	})
}

// A token that was made for one partner opens nothing of another's customers, nor does
// the customer's id for a session.
func TestCustomerIsForPartners(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c, other := e.AddCustomer(), e.AddCustomer()
	for _, id := range []string{c.GlobalID(), other.GlobalID(), testenv.GlobalID(graph.MarshalCustomerID(4711))} {
		if got := e.Post(c.Token, asCustomer, testenv.Vars{"id": id}); got.Get("customer") != nil || got.Code() != "" {
			t.Errorf("a customer asks: %s", got.Raw)
		}
	}
	pay := order(c, "key", testenv.Vars{"customerId": other.GlobalID()})
	if got := e.Post(c.Token, schedule, pay); got.Code() != "NOT_FOUND" || len(e.Payments(other.ID)) > 0 {
		t.Errorf("a customer acts for another: %s", got.Raw)
	}
	if got := e.Post("", asCustomer, testenv.Vars{"id": c.GlobalID()}); got.Code() != "UNAUTHENTICATED" {
		t.Errorf("nobody asks: %s", got.Raw)
	}
}
