package loan

import "time"

// PartnerEvent is something that has happened to a customer, as a partner is told it. It
// names objects and holds no data of theirs.
type PartnerEvent struct {
	ID         PartnerEventID
	Place      int64 // in the order in which the partner is told: what comes later has a higher one
	PartnerID  PartnerID
	CustomerID CustomerID
	VehicleID  VehicleID // 0 where it is about none
	At         time.Time
	Kind       EventKind
	SubjectID  int64 // of the payment, Auto Pay, statement, vehicle or grant, as the kind says
}

// WebhookEndpoint is where a partner takes events.
type WebhookEndpoint struct {
	ID           WebhookID
	PartnerID    PartnerID
	URL          string
	CreatedAt    time.Time
	FailingSince *time.Time // when the first delivery failed after which none succeeded
	DisabledAt   *time.Time // events wait for it since then
	DisabledWhy  WebhookDisabled
}

// WebhookDisabled is why events wait for an endpoint.
type WebhookDisabled string

// Why an endpoint is disabled.
const (
	DisabledByPartner  WebhookDisabled = "PARTNER"
	DisabledByOperator WebhookDisabled = "OPERATOR"
	DisabledFailing    WebhookDisabled = "FAILING" // for three days
	DisabledGone       WebhookDisabled = "GONE"    // it answered 410
)

// WebhookDelivery is an event on its way to an endpoint.
type WebhookDelivery struct {
	ID          DeliveryID
	Event       PartnerEvent
	Tries       int
	FirstTryAt  *time.Time
	LastTryAt   *time.Time
	NextTryAt   *time.Time // nil where it has ended
	DeliveredAt *time.Time
	LastStatus  *int // of HTTP; nil where there was no answer
	LastFailure WebhookFailure
}

// WebhookFailure is why a try failed; empty where it succeeded.
type WebhookFailure string

// Why a try failed.
const (
	FailedStatus      WebhookFailure = "STATUS"      // the answer was not 2xx; redirects are not followed
	FailedTimeout     WebhookFailure = "TIMEOUT"     // there was no answer in time
	FailedAddress     WebhookFailure = "ADDRESS"     // the name leads to an address that is not on the internet
	FailedUnreachable WebhookFailure = "UNREACHABLE" // no connection, or TLS failed
)

// DeliveryStatus is how far a delivery has got.
type DeliveryStatus string

// How far a delivery can have got.
const (
	DeliveryWaiting   DeliveryStatus = "WAITING"
	DeliveryDelivered DeliveryStatus = "DELIVERED"
	DeliveryFailed    DeliveryStatus = "FAILED" // given up
)

// Status is how far it has got.
func (d WebhookDelivery) Status() DeliveryStatus {
	switch {
	case d.NextTryAt != nil:
		return DeliveryWaiting
	case d.DeliveredAt != nil:
		return DeliveryDelivered
	}
	return DeliveryFailed
}

// WebhookPatience is for how long a delivery is tried, and an endpoint may fail.
const WebhookPatience = 72 * time.Hour

// webhookPauses are how long a delivery waits after each try; the last one from then on.
var webhookPauses = []time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}

// RetryWebhook is when a delivery is tried again that has failed now, after so many
// tries, the first of them at an instant; false where it is given up. The last try is
// three days after the first.
func RetryWebhook(now, first time.Time, tries int) (time.Time, bool) {
	last := first.Add(WebhookPatience)
	next := now.Add(webhookPauses[min(max(tries, 1), len(webhookPauses))-1])
	if next.After(last) {
		next = last
	}
	return next, next.After(now)
}
