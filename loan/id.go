package loan

// The identities of the nouns. They are distinct types so that handing a store
// call the wrong one, or no owner at all, does not compile. Zero is nobody and
// nothing: no row ever has it.
type (
	CustomerID       int64
	VehicleID        int64
	PaymentAccountID int64
	PaymentID        int64
	AutoPayID        int64
	StatementID      int64
	ConversationID   int64
	MessageID        int64
	PartnerID        int64
	PartnerGrantID   int64
	HoldID           int64
	ExceptionID      int64
	CorrectionID     int64
	PartnerEventID   int64
	WebhookID        int64
	DeliveryID       int64
)
