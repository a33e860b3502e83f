package servicing

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/session"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/vault"
)

// disclosureVersion names the wording in force. A changed wording is new files under a
// new version; the old ones stay.
const disclosureVersion = "2026-11"

//go:embed disclosure
var disclosureFiles embed.FS

var disclosures = template.Must(template.ParseFS(disclosureFiles, "disclosure/*.txt"))

// sampleTries is how often a customer may enter the code of the sample statement.
var sampleTries = session.Limit{Name: "sample codes", N: 10, Per: 15 * time.Minute}

// Disclosure is what a customer reads before statements are online only, in the
// language of the request. Its hash covers all that they see, the servicer's address
// too.
func (s *Service) Disclosure(ctx context.Context) (*loan.Disclosure, error) {
	language := auth.RequestFrom(ctx).Language
	if language == "" {
		language = loan.English
	}
	return NewDisclosure(s.Servicer, language)
}

// NewDisclosure is the text in force of a servicer.
func NewDisclosure(servicer loan.Servicer, language loan.Language) (*loan.Disclosure, error) {
	var text strings.Builder
	err := disclosures.ExecuteTemplate(&text, fmt.Sprintf("%s.%s.txt", disclosureVersion, language), struct {
		loan.Servicer
		Place string
	}{servicer, strings.Join(servicer.Address, ", ")})
	if err != nil {
		return nil, fmt.Errorf("the disclosure in %s: %w", language, err)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return &loan.Disclosure{Version: disclosureVersion, Language: language, Hash: hex.EncodeToString(sum[:]), Text: text.String()}, nil
}

// disclosureOf is the text in force that a hash stands for, in whatever language.
func (s *Service) disclosureOf(hash string) (*loan.Disclosure, error) {
	for _, language := range loan.Languages() {
		d, err := NewDisclosure(s.Servicer, language)
		if err != nil || d.Hash == hash {
			return d, err
		}
	}
	return nil, loan.Refuse(loan.CodeDisclosureChanged, "The text has changed. Read the new one.", "disclosureHash")
}

// SampleCode is the code on a customer's sample statement. It is made anew each time
// and kept nowhere.
func SampleCode(v *vault.Vault, customer loan.CustomerID) string {
	return sampleCode(v.Fingerprint(sampleParts(customer)...))
}

func sampleParts(customer loan.CustomerID) []string {
	return []string{"sample statement", disclosureVersion, ofCustomer(customer)}
}

func sampleCode(fingerprint []byte) string {
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(fingerprint)%1_000_000)
}

// checkSampleCode refuses a code that is not the customer's. One from before the keys
// were rotated counts.
func (s *Service) checkSampleCode(customer loan.CustomerID, code string) error {
	right := 0
	for _, fingerprint := range s.Vault.Fingerprints(sampleParts(customer)...) {
		right |= subtle.ConstantTimeCompare([]byte(sampleCode(fingerprint)), []byte(strings.TrimSpace(code)))
	}
	if right == 0 {
		return codeWrong("sampleCode")
	}
	return nil
}

// EnrollInOnlineStatements ends paper statements for a vehicle. The primary borrower
// has to agree to the text in force, and to show by the code of the sample statement
// that they can open one (15 U.S.C. 7001(c)(1)).
func (s *Service) EnrollInOnlineStatements(ctx context.Context, viewer auth.Viewer, in EnrollInOnlineStatementsInput) (*loan.Vehicle, error) {
	if err := authorized(in.Consent, "consent"); err != nil {
		return nil, err
	}
	r := auth.RequestFrom(ctx)
	verdict, err := s.Sessions.Allow(ctx, r.At, sampleTries, s.opaque("sample code", ofCustomer(viewer.CustomerID)))
	if err != nil {
		return nil, err
	}
	if !verdict.Allowed {
		return nil, tooMany(r.At, verdict)
	}
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Vehicle, error) {
		vehicle, err := lockOwn(ctx, tx, viewer, in.VehicleID)
		if err != nil {
			return nil, err
		}
		if vehicle.PaperlessSince != nil {
			return nil, loan.Refuse(loan.CodeAlreadyEnrolled, "This vehicle is enrolled in online statements already.", "vehicleId")
		}
		disclosure, err := s.disclosureOf(in.DisclosureHash)
		if err != nil {
			return nil, err
		}
		if err := s.checkSampleCode(viewer.CustomerID, in.SampleCode); err != nil {
			return nil, err
		}
		consent := &loan.Consent{
			CustomerID: viewer.CustomerID, VehicleID: vehicle.ID, Disclosure: *disclosure,
			AgreedAt: r.At, SessionID: viewer.SessionID, Address: r.Address, RequestID: r.ID,
		}
		if err := tx.InsertConsent(ctx, consent); err != nil {
			return nil, err
		}
		detail := map[string]any{"consent": consent.ID, "version": disclosure.Version, "language": disclosure.Language, "hash": disclosure.Hash}
		return vehicle, s.setPaperless(ctx, tx, viewer, vehicle, &r.At, detail)
	})
}

// WithdrawFromOnlineStatements goes back to paper. That there was a consent stays on
// record.
func (s *Service) WithdrawFromOnlineStatements(ctx context.Context, viewer auth.Viewer, in WithdrawFromOnlineStatementsInput) (*loan.Vehicle, error) {
	return inTx(ctx, s, func(tx *store.Tx) (*loan.Vehicle, error) {
		vehicle, err := lockOwn(ctx, tx, viewer, in.VehicleID)
		if err != nil {
			return nil, err
		}
		if vehicle.PaperlessSince == nil {
			return nil, loan.Refuse(loan.CodeNotEnrolled, "This vehicle is not enrolled in online statements.", "vehicleId")
		}
		r := auth.RequestFrom(ctx)
		if err := tx.WithdrawConsent(ctx, viewer.CustomerID, vehicle.ID, r.At, viewer.SessionID, r.Address, r.ID); err != nil {
			return nil, err
		}
		return vehicle, s.setPaperless(ctx, tx, viewer, vehicle, nil, struct{}{})
	})
}

// lockOwn holds a vehicle of which the viewer is the primary borrower, to whom its
// statements go: a joint owner can neither end nor bring back the other one's paper.
func lockOwn(ctx context.Context, tx *store.Tx, viewer auth.Viewer, id loan.VehicleID) (*loan.Vehicle, error) {
	vehicle, err := tx.LockVehicle(ctx, viewer.CustomerID, id)
	if err != nil {
		return nil, found(err, "vehicleId")
	}
	if vehicle.CustomerID != viewer.CustomerID {
		return nil, loan.Refuse(loan.CodeNotPermitted, "Only the primary borrower, who gets the statements, can do this.", "vehicleId")
	}
	return vehicle, nil
}

// setPaperless writes since when statements of a vehicle are online only, and tells the
// customer. detail is for the audit.
func (s *Service) setPaperless(ctx context.Context, tx *store.Tx, viewer auth.Viewer, vehicle *loan.Vehicle, since *time.Time, detail any) error {
	action, kind := "statements.enrolled", loan.NoticeOnlineStatementsOn
	if since == nil {
		action, kind = "statements.withdrawn", loan.NoticeOnlineStatementsOff
	}
	customer, err := tx.Customer(ctx, viewer.CustomerID)
	if err != nil {
		return err
	}
	if _, _, ok := reach(customer); !ok && since != nil {
		return loan.Refuse(loan.CodeContactMissing, "There is no e-mail address or phone number to tell you of a statement.")
	}
	vehicle.PaperlessSince = since
	if err := tx.SetPaperless(ctx, viewer.CustomerID, vehicle.ID, since); err != nil {
		return err
	}
	if err := s.warn(ctx, tx, customer, kind, map[string]string{"last4": vehicle.AccountNumberLast4()}); err != nil {
		return err
	}
	tx.InsertEvents(store.VehicleEvent(vehicle, auth.RequestFrom(ctx).At))
	return record(ctx, tx, viewer, vehicle.CustomerID, action, fmt.Sprintf("vehicle:%d", vehicle.ID), detail)
}

// DisclosureVersions are the wordings that ship, oldest first.
func DisclosureVersions() (versions []string) {
	for _, file := range disclosures.Templates() {
		version, _, _ := strings.Cut(file.Name(), ".")
		versions = append(versions, version)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}
