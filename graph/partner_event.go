package graph

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/loan"
)

// PartnerEvent is an event as a partner is told it.
type PartnerEvent struct{ loan.PartnerEvent }

// GlobalID is the id of the event, which is that of the webhook, too.
func (e PartnerEvent) GlobalID() string { return encodeID(partnerEventKind, int64(e.PartnerEvent.ID)) }

// Cursor is where the event stands in what the partner is told.
func (e PartnerEvent) Cursor() string { return EventCursor(e.At, e.Place) }

// CustomerGlobalID is to whom it has happened.
func (e PartnerEvent) CustomerGlobalID() string { return encodeID(customerKind, int64(e.CustomerID)) }

// ObjectID is the id of what it is about.
func (e PartnerEvent) ObjectID() string {
	switch e.Kind {
	case loan.PaymentScheduled, loan.PaymentApplied, loan.PaymentSettled, loan.PaymentCanceled, loan.PaymentReturned:
		return encodeID(paymentKind, e.SubjectID)
	case loan.AutoPayChanged:
		return encodeID(autoPayKind, e.SubjectID)
	case loan.VehicleUpdated:
		return encodeID(vehicleKind, e.SubjectID)
	case loan.StatementIssued:
		return encodeID(statementKind, e.SubjectID)
	case loan.GrantGiven, loan.GrantRevoked:
		return encodeID(partnerGrantKind, e.SubjectID)
	}
	return ""
}

// VehicleGlobalID is the vehicle that it is about; nil where it is about none.
func (e PartnerEvent) VehicleGlobalID() *string {
	if e.VehicleID == 0 {
		return nil
	}
	id := encodeID(vehicleKind, int64(e.VehicleID))
	return &id
}

// PartnerEventConnection is a page of events.
type PartnerEventConnection struct {
	Edges    []PartnerEventEdge
	PageInfo PageInfo
}

// PartnerEventEdge is an event in a list.
type PartnerEventEdge struct{ Node *PartnerEvent }

// Cursor is where the event stands.
func (e PartnerEventEdge) Cursor() string { return e.Node.Cursor() }

// NewPartnerEventConnection makes a page of events.
func NewPartnerEventConnection(events []loan.PartnerEvent, hasNext, hasPrevious bool) *PartnerEventConnection {
	c := &PartnerEventConnection{Edges: make([]PartnerEventEdge, len(events))}
	for i, e := range events {
		c.Edges[i] = PartnerEventEdge{&PartnerEvent{e}}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}

// WebhookDeliveryConnection is a page of deliveries.
type WebhookDeliveryConnection struct {
	Edges    []WebhookDeliveryEdge
	PageInfo PageInfo
}

// WebhookDeliveryEdge is a delivery in a list.
type WebhookDeliveryEdge struct{ Node *loan.WebhookDelivery }

// Cursor is where the event stands.
func (e WebhookDeliveryEdge) Cursor() string { return PartnerEvent{e.Node.Event}.Cursor() }

// NewWebhookDeliveryConnection makes a page of deliveries.
func NewWebhookDeliveryConnection(deliveries []*loan.WebhookDelivery, hasNext, hasPrevious bool) *WebhookDeliveryConnection {
	c := &WebhookDeliveryConnection{Edges: make([]WebhookDeliveryEdge, len(deliveries))}
	for i, d := range deliveries {
		c.Edges[i] = WebhookDeliveryEdge{d}
	}
	c.PageInfo = newPageInfo(c.Edges, hasNext, hasPrevious)
	return c
}

// MarshalWebhookID writes the global id.
func MarshalWebhookID(id loan.WebhookID) graphql.Marshaler {
	return graphql.MarshalID(encodeID(webhookKind, int64(id)))
}

// UnmarshalWebhookID reads a global id; zero where it is none of this kind.
func UnmarshalWebhookID(v any) (loan.WebhookID, error) {
	return unmarshalID[loan.WebhookID](webhookKind, v)
}
