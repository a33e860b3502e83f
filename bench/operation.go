package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

// operation is what a client asks for: one request to either server.
type operation struct {
	name string
	// query and variables are for the product.
	query     string
	variables func(target) map[string]any
	// path and body are for the floor.
	path string
	body func(target) any
	// want is what every answer holds.
	want string
}

var operations = []operation{
	{
		name: "HOME", want: `"confirmationNumber":"MP-`, path: "/home",
		query: `query Home { viewer { firstName lastName
  vehicles { id year make model accountNumberLast4
    contract { __typename maturesOn instalment { amount } ... on Loan { principal { amount } } ... on Lease { instalmentsRemaining } }
    amountDue { amount } dueOn pastDue { amount }
    autoPay { id status amountKind daysBeforeDue dayOfMonth paymentAccount { id last4 } }
    pendingPayments(first: 10) { edges { node { id confirmationNumber amount { amount } scheduledOn cancelBy canCancel status
      paymentAccount { id last4 nickname } } } }
    statements(first: 3) { edges { node { id issuedOn dueOn amountDue { amount } closingBalance { amount } } } } }
  paymentAccounts { id type last4 nickname isDefault } } }`,
	},
	{name: "SMALL", want: `"firstName":"`, path: "/small", query: `{ viewer { firstName } }`},
	{
		name: "PAY", want: `"status":"SCHEDULED"`, path: "/pay",
		query: `mutation Pay($input: SchedulePaymentInput!) { schedulePayment(input: $input) {
  payment { id confirmationNumber amount { amount } scheduledOn cancelBy status } replayed userErrors { code message } } }`,
		variables: func(t target) map[string]any {
			p := newPayment(t)
			return map[string]any{"input": map[string]any{
				"idempotencyKey": p.IdempotencyKey, "amount": map[string]any{"fixed": p.Amount}, "scheduledOn": p.ScheduledOn,
				"vehicleId":            globalID(graph.MarshalVehicleID(loan.VehicleID(p.VehicleID))),
				"paymentAccount":       map[string]any{"saved": globalID(graph.MarshalPaymentAccountID(loan.PaymentAccountID(p.PaymentAccountID)))},
				"acknowledgeDuplicate": p.AcknowledgeDuplicate,
			}}
		},
		body: func(t target) any { return newPayment(t) },
	},
}

// paymentInput is what the floor takes for a payment.
type paymentInput struct {
	IdempotencyKey       string       `json:"idempotencyKey"`
	VehicleID            int64        `json:"vehicleId"`
	Amount               loan.Decimal `json:"amount"`
	ScheduledOn          loan.Date    `json:"scheduledOn"`
	PaymentAccountID     int64        `json:"paymentAccountId"`
	AcknowledgeDuplicate bool         `json:"acknowledgeDuplicate"`
}

// newPayment is a payment by chance.
func newPayment(t target) paymentInput {
	return paymentInput{
		IdempotencyKey: strconv.FormatUint(rand.Uint64(), 36), VehicleID: t.vehicles[rand.IntN(len(t.vehicles))],
		Amount: loan.Cents(1000 + rand.IntN(9000)).Amount(), ScheduledOn: loan.DateOf(time.Now()).AddDays(1 + rand.IntN(50)),
		PaymentAccountID: t.account, AcknowledgeDuplicate: true,
	}
}

func globalID(id graphql.Marshaler) string {
	var text bytes.Buffer
	id.MarshalGQL(&text)
	return text.String()[1 : text.Len()-1]
}

// request is the bytes of a request to a server.
func (o operation) request(server string, t target) []byte {
	path, content := "/graphql", any(nil)
	switch {
	case server == product && o.variables != nil:
		content = map[string]any{"query": o.query, "variables": o.variables(t)}
	case server == product:
		content = map[string]any{"query": o.query}
	default:
		path = o.path
		if o.body != nil {
			content = o.body(t)
		}
	}
	var body []byte
	if content != nil {
		body, _ = json.Marshal(content) // plain values do not fail
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, t.token, len(body), body)
}
