// Package graph is the schema: what is generated from it, and how ids, cursors
// and scalars are written and read.
package graph

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/loan"
)

// Global ids are the name of the type and the number of the row, in base64url.
// Clients take them as opaque. An id that cannot be read, or is of another type
// than an argument wants, becomes the zero id, which no row has: it is answered
// like any other id that does not exist.
const (
	customerKind       = "Viewer"
	vehicleKind        = "Vehicle"
	paymentKind        = "Payment"
	paymentAccountKind = "PaymentAccount"
	autoPayKind        = "AutoPay"
	statementKind      = "Statement"
	conversationKind   = "Conversation"
	messageKind        = "Message"
	partnerKind        = "Partner"
	partnerGrantKind   = "PartnerGrant"
	partnerEventKind   = "Event"
	webhookKind        = "WebhookEndpoint"
)

// globalID is a global id before it is written.
type globalID struct {
	kind string
	n    int64
}

func appendID(b []byte, id globalID) []byte {
	var buf [40]byte
	text := strconv.AppendInt(append(append(buf[:0], id.kind...), ':'), id.n, 10)
	return base64.RawURLEncoding.AppendEncode(b, text)
}

func encodeID(kind string, n int64) string { return string(appendID(nil, globalID{kind, n})) }

func marshalID(kind string, n int64) graphql.Marshaler {
	return plain[globalID]{globalID{kind, n}, appendID}
}

// decodeID reads a global id; a zero number where it cannot be read. Only the
// one spelling that encodeID gives is read.
func decodeID(id string) (kind string, n int64) {
	const longest = 48
	if len(id) > longest {
		return "", 0
	}
	plain, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return "", 0
	}
	kind, digits, _ := strings.Cut(string(plain), ":")
	if n, err = strconv.ParseInt(digits, 10, 64); err != nil || n <= 0 || encodeID(kind, n) != id {
		return "", 0
	}
	return kind, n
}

func unmarshalID[T ~int64](kind string, v any) (T, error) {
	id, err := graphql.UnmarshalID(v)
	if err != nil {
		return 0, err
	}
	if got, n := decodeID(id); got == kind {
		return T(n), nil
	}
	return 0, nil
}

// DecodeNodeID reads the id of any object into the typed id of its kind, for
// example a [loan.PaymentID]; nil where it cannot be read.
func DecodeNodeID(id string) any {
	switch kind, n := decodeID(id); kind {
	case customerKind:
		return loan.CustomerID(n)
	case vehicleKind:
		return loan.VehicleID(n)
	case paymentKind:
		return loan.PaymentID(n)
	case paymentAccountKind:
		return loan.PaymentAccountID(n)
	case autoPayKind:
		return loan.AutoPayID(n)
	case statementKind:
		return loan.StatementID(n)
	case conversationKind:
		return loan.ConversationID(n)
	case messageKind:
		return loan.MessageID(n)
	case partnerEventKind:
		return loan.PartnerEventID(n)
	case webhookKind:
		return loan.WebhookID(n)
	}
	return nil
}

// MarshalCustomerID writes the global id.
func MarshalCustomerID(id loan.CustomerID) graphql.Marshaler {
	return marshalID(customerKind, int64(id))
}

// UnmarshalCustomerID reads a global id; zero where it is none of this kind.
func UnmarshalCustomerID(v any) (loan.CustomerID, error) {
	return unmarshalID[loan.CustomerID](customerKind, v)
}

// MarshalVehicleID writes the global id.
func MarshalVehicleID(id loan.VehicleID) graphql.Marshaler {
	return marshalID(vehicleKind, int64(id))
}

// UnmarshalVehicleID reads a global id; zero where it is none of this kind.
func UnmarshalVehicleID(v any) (loan.VehicleID, error) {
	return unmarshalID[loan.VehicleID](vehicleKind, v)
}

// MarshalPaymentID writes the global id.
func MarshalPaymentID(id loan.PaymentID) graphql.Marshaler {
	return marshalID(paymentKind, int64(id))
}

// UnmarshalPaymentID reads a global id; zero where it is none of this kind.
func UnmarshalPaymentID(v any) (loan.PaymentID, error) {
	return unmarshalID[loan.PaymentID](paymentKind, v)
}

// MarshalPaymentAccountID writes the global id.
func MarshalPaymentAccountID(id loan.PaymentAccountID) graphql.Marshaler {
	return marshalID(paymentAccountKind, int64(id))
}

// UnmarshalPaymentAccountID reads a global id; zero where it is none of this kind.
func UnmarshalPaymentAccountID(v any) (loan.PaymentAccountID, error) {
	return unmarshalID[loan.PaymentAccountID](paymentAccountKind, v)
}

// MarshalAutoPayID writes the global id.
func MarshalAutoPayID(id loan.AutoPayID) graphql.Marshaler {
	return marshalID(autoPayKind, int64(id))
}

// UnmarshalAutoPayID reads a global id; zero where it is none of this kind.
func UnmarshalAutoPayID(v any) (loan.AutoPayID, error) {
	return unmarshalID[loan.AutoPayID](autoPayKind, v)
}

// MarshalStatementID writes the global id.
func MarshalStatementID(id loan.StatementID) graphql.Marshaler {
	return marshalID(statementKind, int64(id))
}

// UnmarshalStatementID reads a global id; zero where it is none of this kind.
func UnmarshalStatementID(v any) (loan.StatementID, error) {
	return unmarshalID[loan.StatementID](statementKind, v)
}

// MarshalConversationID writes the global id.
func MarshalConversationID(id loan.ConversationID) graphql.Marshaler {
	return marshalID(conversationKind, int64(id))
}

// UnmarshalConversationID reads a global id; zero where it is none of this kind.
func UnmarshalConversationID(v any) (loan.ConversationID, error) {
	return unmarshalID[loan.ConversationID](conversationKind, v)
}

// MarshalMessageID writes the global id.
func MarshalMessageID(id loan.MessageID) graphql.Marshaler {
	return marshalID(messageKind, int64(id))
}

// UnmarshalMessageID reads a global id; zero where it is none of this kind.
func UnmarshalMessageID(v any) (loan.MessageID, error) {
	return unmarshalID[loan.MessageID](messageKind, v)
}

// MarshalPartnerID writes the global id.
func MarshalPartnerID(id loan.PartnerID) graphql.Marshaler {
	return marshalID(partnerKind, int64(id))
}

// UnmarshalPartnerID reads a global id; zero where it is none of this kind.
func UnmarshalPartnerID(v any) (loan.PartnerID, error) {
	return unmarshalID[loan.PartnerID](partnerKind, v)
}

// MarshalPartnerGrantID writes the global id.
func MarshalPartnerGrantID(id loan.PartnerGrantID) graphql.Marshaler {
	return marshalID(partnerGrantKind, int64(id))
}

// UnmarshalPartnerGrantID reads a global id; zero where it is none of this kind.
func UnmarshalPartnerGrantID(v any) (loan.PartnerGrantID, error) {
	return unmarshalID[loan.PartnerGrantID](partnerGrantKind, v)
}

// Node is any object with a global id: a [*loan.Customer], [*loan.Vehicle],
// [*loan.Payment], [*loan.PaymentAccount], [*loan.AutoPay], [*loan.Statement],
// [*Conversation] or [*loan.SecureMessage].
type Node any
