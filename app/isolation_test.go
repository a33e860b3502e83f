package app_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// own is the ids of all kinds of objects of a customer.
type own struct {
	testenv.Customer
	payment, autoPay, statement, viewer, session, conversation, message, grant, partner string
}

func ownAll(t *testing.T, e *testenv.Env) own {
	t.Helper()
	o := own{Customer: e.AddCustomer()}
	o.payment = e.Post(o.Token, schedule, order(o.Customer, "first")).Text("schedulePayment", "payment", "id")
	o.autoPay = e.Post(o.Token, `mutation($v: ID!, $a: ID!) { setUpAutoPay(input: {idempotencyKey: "auto", vehicleId: $v, paymentAccountId: $a,
		amount: {amountDue: true}, day: {dayOfMonth: 5}, authorized: true}) { autoPay { id } } }`,
		testenv.Vars{"v": o.Lease, "a": o.Account}).Text("setUpAutoPay", "autoPay", "id")
	err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error {
		day := loan.Date{Year: 2026, Month: 11, Day: 1}
		return tx.InsertStatements(t.Context(), []*loan.Statement{{CustomerID: o.ID, VehicleID: o.LoanID, Kind: loan.ContractLoan, IssuedOn: day, PeriodFrom: day, PeriodTo: day, DueOn: day}})
	})
	if err != nil {
		t.Fatal(err)
	}
	home := e.Post(o.Token, `{ viewer { id statements { edges { node { id } } } sessions { id } } }`, nil)
	o.viewer, o.statement = home.Text("viewer", "id"), home.Text("viewer", "statements", "edges", 0, "node", "id")
	o.session = home.Text("viewer", "sessions", 0, "id")
	asked := e.Post(o.Token, ask, question("asked", testenv.Vars{"vehicleId": o.Loan}))
	o.conversation = asked.Text("askQuestion", "conversation", "id")
	o.message = asked.Text("askQuestion", "conversation", "messages", "edges", 0, "node", "id")
	partner := e.AddPartner("payments:read")
	o.partner, o.grant = partner.ID, e.Grant(o.Customer, partner, "PAYMENTS_READ")
	for kind, id := range o.byKind() {
		if id == "" {
			t.Fatalf("there is no %s", kind)
		}
	}
	return o
}

func (o own) byKind() map[string]string {
	return map[string]string{"viewer": o.viewer, "vehicle": o.Loan, "payment": o.payment, "paymentAccount": o.Account, "autoPay": o.autoPay, "statement": o.statement, "session": o.session,
		"conversation": o.conversation, "message": o.message, "grant": o.grant}
}

// Every argument of the schema that takes an id, found in the schema itself, is
// given somebody else's: the answer is, byte for byte, that for an id which does
// not exist, and nothing is written.
func TestIDsOfOthers(t *testing.T) {
	testenv.OnEachRedis(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine, theirs := ownAll(t, e), ownAll(t, e)
		absent := map[string]string{}
		for kind, id := range theirs.byKind() {
			absent[kind] = nextID(t, id)
		}
		before := books(e)
		schema := schemaOf()
		tried := 0
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				for _, path := range idPaths(schema, field) {
					if last := path[len(path)-1]; last == "partnerId" || last == "endpointId" {
						continue // partners are nobody's, and endpoints theirs: see TestPartnerEvents
					}
					for _, kind := range kindsOf(t, path) {
						tried++
						ask := func(id string) string {
							query, vars := operation(schema, root, field, path, mine, id)
							return e.Post(mine.Token, query, vars).Raw
						}
						other, none := ask(theirs.byKind()[kind]), ask(absent[kind])
						if other != none {
							t.Errorf("%s(%s) with another's %s:\n%swith one that does not exist:\n%s", field.Name, strings.Join(path, "."), kind, other, none)
						}
						if !strings.Contains(none, "NOT_FOUND") && field.Name != "customer" && field.Name != "node" && field.Name != "nodes" {
							t.Errorf("%s(%s) was not refused for the id: %s", field.Name, strings.Join(path, "."), none)
						}
					}
				}
			}
		}
		if tried < 25 {
			t.Errorf("only %d arguments were tried", tried)
		}
		if after := books(e); engine != testenv.Embedded && after != before {
			t.Error("something was written")
		}
	})
}

// books is the database without what is beside the point: a run of sequences.
func books(e *testenv.Env) string { return e.Dump() }

// nextID is an id of the same kind that no row has.
func nextID(t *testing.T, id string) string {
	t.Helper()
	const far = 1_000_000
	var marshaled strings.Builder
	if len(id) == 64 {
		return strings.Repeat("0", 64) // of a session
	}
	switch graph.DecodeNodeID(id).(type) {
	case loan.CustomerID:
		graph.MarshalCustomerID(far).MarshalGQL(&marshaled)
	case loan.VehicleID:
		graph.MarshalVehicleID(far).MarshalGQL(&marshaled)
	case loan.PaymentID:
		graph.MarshalPaymentID(far).MarshalGQL(&marshaled)
	case loan.PaymentAccountID:
		graph.MarshalPaymentAccountID(far).MarshalGQL(&marshaled)
	case loan.AutoPayID:
		graph.MarshalAutoPayID(far).MarshalGQL(&marshaled)
	case loan.StatementID:
		graph.MarshalStatementID(far).MarshalGQL(&marshaled)
	case loan.ConversationID:
		graph.MarshalConversationID(far).MarshalGQL(&marshaled)
	case loan.MessageID:
		graph.MarshalMessageID(far).MarshalGQL(&marshaled)
	default:
		if text, err := base64.RawURLEncoding.DecodeString(id); err == nil && strings.HasPrefix(string(text), "PartnerGrant:") {
			graph.MarshalPartnerGrantID(far).MarshalGQL(&marshaled)
			break
		}
		t.Fatalf("%q is no id", id)
	}
	return strings.Trim(marshaled.String(), `"`)
}

// kindsOf is what an argument takes, by its name. A new name has to be added here.
func kindsOf(t *testing.T, path []string) []string {
	t.Helper()
	switch name := path[len(path)-1]; name {
	case "vehicleId":
		return []string{"vehicle"}
	case "paymentId":
		return []string{"payment"}
	case "paymentAccountId", "saved":
		return []string{"paymentAccount"}
	case "autoPayId":
		return []string{"autoPay"}
	case "sessionId":
		return []string{"session"}
	case "conversationId":
		return []string{"conversation"}
	case "messageId":
		return []string{"message"}
	case "customerId":
		return []string{"viewer"}
	case "grantId":
		return []string{"grant"}
	case "id", "ids":
		return []string{"viewer", "vehicle", "payment", "paymentAccount", "autoPay", "statement", "conversation", "message"}
	default:
		t.Fatalf("nobody has said what %s takes", name)
		return nil
	}
}

// idPaths lists the ways to the ids among a field's arguments.
func idPaths(schema *ast.Schema, field *ast.FieldDefinition) (paths [][]string) {
	var walk func(t *ast.Type, path []string)
	walk = func(t *ast.Type, path []string) {
		if t.Elem != nil {
			t = t.Elem
		}
		if t.NamedType == "ID" {
			paths = append(paths, path)
		}
		if input := schema.Types[t.NamedType]; input.Kind == ast.InputObject {
			for _, f := range input.Fields {
				walk(f.Type, append(path[:len(path):len(path)], f.Name))
			}
		}
	}
	for _, argument := range field.Arguments {
		walk(argument.Type, []string{argument.Name})
	}
	return paths
}

func schemaOf() *ast.Schema { return graph.NewExecutableSchema(graph.Config{}).Schema() }

// fresh counts keys that were not used before, on both engines at once.
var fresh atomic.Int64

// operation calls a field with arguments that are all right, but for the id at
// the end of path.
func operation(schema *ast.Schema, root *ast.Definition, field *ast.FieldDefinition, path []string, mine own, id string) (string, testenv.Vars) {
	var value func(name string, t *ast.Type, path []string) any
	value = func(name string, t *ast.Type, path []string) any {
		if t.Elem != nil {
			return []any{value(name, t.Elem, path)}
		}
		input := schema.Types[t.NamedType]
		switch {
		case len(path) == 1 && t.NamedType == "ID":
			return id
		case t.NamedType == "ID":
			return map[string]string{"vehicleId": mine.Loan, "paymentId": mine.payment, "paymentAccountId": mine.Account, "saved": mine.Account, "autoPayId": mine.autoPay, "sessionId": mine.session,
				"conversationId": mine.conversation, "messageId": mine.message, "grantId": mine.grant, "partnerId": mine.partner}[name]
		case name == "idempotencyKey":
			return fmt.Sprint("matrix-", fresh.Add(1))
		case t.NamedType == "Date":
			return "2026-11-20"
		case t.NamedType == "Decimal":
			return "10.00"
		case t.NamedType == "Boolean":
			return true
		case t.NamedType == "Int":
			return 1
		case input.Kind == ast.Enum:
			return input.EnumValues[0].Name
		case input.Kind != ast.InputObject:
			return "1"
		}
		object := testenv.Vars{}
		oneOf := input.Directives.ForName("oneOf") != nil
		for _, f := range input.Fields {
			onPath := len(path) > 1 && path[1] == f.Name
			switch {
			case onPath:
				object[f.Name] = value(f.Name, f.Type, path[1:])
			case oneOf && len(path) <= 1 && len(object) == 0:
				object[f.Name] = value(f.Name, f.Type, nil)
			case !oneOf && f.Type.NonNull:
				object[f.Name] = value(f.Name, f.Type, nil)
			}
		}
		return object
	}
	vars := testenv.Vars{}
	var declared, given []string
	for _, argument := range field.Arguments {
		declared = append(declared, "$"+argument.Name+": "+argument.Type.String())
		given = append(given, argument.Name+": $"+argument.Name)
		vars[argument.Name] = value(argument.Name, argument.Type, path)
	}
	selection := "{ userErrors { code message path } }"
	if field.Name == "node" || field.Name == "nodes" || field.Name == "customer" {
		selection = "{ id }"
	}
	if len(declared) == 0 {
		return fmt.Sprintf("%s { %s %s }", strings.ToLower(root.Name), field.Name, selection), vars
	}
	return fmt.Sprintf("%s(%s) { %s(%s) %s }", strings.ToLower(root.Name), strings.Join(declared, ", "), field.Name, strings.Join(given, ", "), selection), vars
}

// A joint owner sees a payment and cannot cancel it; the account it draws on is
// not theirs to see.
func TestJointOwner(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		mine, partner := ownAll(t, e), e.AddCustomer()
		err := e.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, mine.LoanID) })
		if err != nil {
			t.Fatal(err)
		}
		got := e.Post(partner.Token, `{ viewer { pendingPayments { edges { node { id canCancel paymentAccount { id } vehicle { id } } } } } }`, nil)
		node, _ := got.Get("viewer", "pendingPayments", "edges", 0, "node").(map[string]any)
		if node["id"] != mine.payment || node["canCancel"] != false || node["paymentAccount"] != nil {
			t.Errorf("a joint owner sees %s", got.Raw)
		}
		if got := e.Post(partner.Token, cancel, testenv.Vars{"id": mine.payment, "yes": true}); got.Code() != "NOT_PERMITTED" {
			t.Errorf("a joint owner cancels: %s", got.Raw)
		}
		pay := order(partner, "joint", testenv.Vars{"vehicleId": mine.Loan, "amount": testenv.Vars{"fixed": "60.00"}})
		paid := e.Post(partner.Token, schedule, pay)
		if paid.Get("schedulePayment", "payment", "canCancel") != true {
			t.Errorf("a joint owner pays: %s", paid.Raw)
		}
		if got := e.Post(mine.Token, cancel, testenv.Vars{"id": paid.Text("schedulePayment", "payment", "id"), "yes": true}); got.Code() != "NOT_PERMITTED" {
			t.Errorf("the primary borrower cancels a joint owner's payment: %s", got.Raw)
		}
	})
}
