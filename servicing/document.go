package servicing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/paper"
)

// DocumentsPath is where documents are downloaded; behind it stands a ticket.
const DocumentsPath = "/documents/"

// linkLife is how long a link to a document can be used.
const linkLife = 5 * time.Minute

// longestTicket is in characters. One for 50 vehicles has less than half of it.
const longestTicket = 4096

// ticket says what a link is for: exactly one of Statement, Sample and Payments. It is
// sealed for the session that asks, so that nothing has to be kept: who finds the link
// in a log or a history can neither read nor use it without that session's token.
type ticket struct {
	Expires   int64               `json:"e"` // microseconds since 1970
	Statement loan.StatementID    `json:"s,omitempty"`
	Sample    bool                `json:"x,omitempty"`
	Payments  *loan.PaymentFilter `json:"p,omitempty"`
	Language  loan.Language       `json:"l,omitempty"` // of the export's head
}

// ticketBinding ties a ticket to a customer's session, under its present token.
func ticketBinding(viewer auth.Viewer) string {
	return fmt.Sprintf("document:%d:%s", viewer.CustomerID, viewer.SessionID)
}

// ticketEncoding is strict: a ticket has one spelling only.
var ticketEncoding = base64.RawURLEncoding.Strict()

func (s *Service) link(ctx context.Context, viewer auth.Viewer, t ticket) (string, error) {
	t.Expires = auth.RequestFrom(ctx).At.Add(linkLife).UnixMicro()
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("write a ticket: %w", err)
	}
	sealed, err := s.Vault.Seal(string(plain), ticketBinding(viewer))
	if err != nil {
		return "", err
	}
	return DocumentsPath + ticketEncoding.EncodeToString(sealed), nil
}

// StatementLink is where the viewer can download a statement, if it is theirs: that is
// asked when they do.
func (s *Service) StatementLink(ctx context.Context, viewer auth.Viewer, id loan.StatementID) (string, error) {
	return s.link(ctx, viewer, ticket{Statement: id})
}

// SampleLink is where the viewer can download their sample statement.
func (s *Service) SampleLink(ctx context.Context, viewer auth.Viewer) (string, error) {
	return s.link(ctx, viewer, ticket{Sample: true})
}

// PaymentsExportLink is where the viewer can download payments as CSV.
func (s *Service) PaymentsExportLink(ctx context.Context, viewer auth.Viewer, f loan.PaymentFilter) (string, error) {
	return s.link(ctx, viewer, ticket{Payments: &f, Language: auth.RequestFrom(ctx).Language})
}

// Document is what is downloaded.
type Document struct {
	Name    string // of the file, which tells nothing of the customer
	Type    string // the media type
	Content []byte
}

// errNoDocument says that a ticket opens nothing: it was altered, guessed or given to
// another session, its time is over, or what it names is not the customer's. Which of
// them is not told.
var errNoDocument = loan.NotFound()

// Document opens the document that a ticket is for. The refusal is NOT_FOUND, or
// INVALID_INPUT where there is too much to export.
func (s *Service) Document(ctx context.Context, viewer auth.Viewer, text string) (*Document, error) {
	t, err := s.readTicket(ctx, viewer, text)
	switch {
	case err != nil:
		return nil, err
	case t.Statement != 0:
		return s.statementDocument(ctx, viewer, t.Statement)
	case t.Sample:
		content, err := paper.Sample(s.Servicer, SampleCode(s.Vault, viewer.CustomerID))
		return &Document{"sample-statement.pdf", mediaPDF, content}, err
	case t.Payments != nil:
		content, err := s.exportPayments(ctx, viewer, *t.Payments, t.Language)
		return &Document{"payments-" + loan.DateOf(auth.RequestFrom(ctx).At).String() + ".csv", "text/csv; charset=utf-8; header=present", content}, err
	}
	return nil, errNoDocument
}

const mediaPDF = "application/pdf"

func (s *Service) readTicket(ctx context.Context, viewer auth.Viewer, text string) (t ticket, err error) {
	if len(text) > longestTicket || strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return t, errNoDocument
	}
	sealed, err := ticketEncoding.DecodeString(text)
	if err != nil {
		return t, errNoDocument
	}
	plain, err := s.Vault.Unseal(sealed, ticketBinding(viewer))
	if err != nil {
		return t, errNoDocument
	}
	if err := json.Unmarshal([]byte(plain), &t); err != nil {
		return t, errors.New("a ticket of ours cannot be read")
	}
	if auth.RequestFrom(ctx).At.UnixMicro() >= t.Expires {
		return t, errNoDocument
	}
	return t, nil
}

func (s *Service) statementDocument(ctx context.Context, viewer auth.Viewer, id loan.StatementID) (*Document, error) {
	statements, err := s.Store.StatementsInFull(ctx, viewer.CustomerID, []loan.StatementID{id})
	if err != nil {
		return nil, err
	}
	if len(statements) == 0 {
		return nil, errNoDocument
	}
	content, err := paper.Statement(&statements[0])
	return &Document{"statement-" + statements[0].IssuedOn.String() + ".pdf", mediaPDF, content}, err
}
