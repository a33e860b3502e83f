package servicing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/mail"
	"github.com/automobilepay/mobilepay/store"
)

// Post takes letters to customers.
//
// Send MUST give [mail.ErrRefused] only where it is of no use to send the letter
// again, and [mail.ErrUnavailable] where it would be the same with any other letter;
// and MUST NOT tell in an error what is in the letter or whom it is for.
type Post interface {
	Send(ctx context.Context, l mail.Letter) error
}

// ErrNoticeGivenUp says that a customer will not be told something: the mail server
// has refused it for good, or has been away for too long.
var ErrNoticeGivenUp = errors.New("a notice is given up")

const (
	// noticeLease is for how long a notice is left to who has taken it. It is more
	// than a letter can take and clocks can differ; who dies meanwhile delays it so long.
	noticeLease = 2 * time.Minute
	// firstPause is until a notice is tried again; each time it is twice as long.
	firstPause   = 5 * time.Second
	longestPause = time.Hour
)

// notice is what somebody is to be told.
type notice struct {
	customer loan.CustomerID // 0 for a partner, and for nobody, where a customer is not known: it costs the same, and is not sent
	kind     loan.NoticeKind
	channel  loan.Channel
	address  string            // empty for the one that the customer has when it is sent
	subject  string            // what it is about, such as payment:7
	values   map[string]string // what the kind's wording needs, without secrets
	code     string            // the one-time code of a kind that has one
}

// notify writes a notice in the transaction of what it tells of. It is sent within
// seconds after the commit.
func (s *Service) notify(ctx context.Context, tx *store.Tx, at time.Time, n notice) error {
	row, err := n.row(at)
	if err != nil {
		return err
	}
	if n.code != "" {
		if row.Sealed, err = s.Vault.Seal(n.code, noticeBinding(row.CustomerID, row.Way())); err != nil {
			return fmt.Errorf("seal the code of a notice: %w", err)
		}
	}
	return tx.InsertNotice(ctx, row)
}

// announce writes notices in the transaction of what they tell of: each to where its
// receiver is to be told, which may be nowhere. Channels and addresses of the notices
// are not read. However many they are, this is one look at who receives them and one
// insertion, so that the rule of who is told by which way is a rule of loan, and not
// of SQL, and a row is one letter on one way.
func announce(ctx context.Context, tx *store.Tx, at time.Time, notices ...notice) error {
	if len(notices) == 0 {
		return nil
	}
	ids := make([]loan.CustomerID, len(notices))
	for i, n := range notices {
		ids[i] = n.customer
	}
	customers, err := tx.CustomersByID(ctx, ids)
	if err != nil {
		return err
	}
	rows := make([]store.Notice, 0, len(notices))
	for _, n := range notices {
		c := customers[n.customer]
		if c == nil {
			return fmt.Errorf("customer %d, who is to be told of %s, is not there", n.customer, n.kind)
		}
		for _, n.channel = range n.kind.Channels(c) {
			row, err := n.row(at)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	return tx.InsertNotices(ctx, rows, at)
}

// row is a notice as it is stored, but for its code. That a value is missing shows
// here, and not when it should be sent; all languages want the same values.
func (n notice) row(at time.Time) (store.Notice, error) {
	if _, err := mail.Render(n.kind, n.channel, loan.English, noticeValues(n.values, at, "", n.code)); err != nil {
		return store.Notice{}, err
	}
	detail, err := json.Marshal(n.values)
	if err != nil {
		return store.Notice{}, fmt.Errorf("write the detail of a notice: %w", err)
	}
	return store.Notice{
		CustomerID: n.customer, Kind: n.kind, Channel: n.channel, Address: n.address, Subject: n.subject, Detail: string(detail), CreatedAt: at,
	}, nil
}

// noticeValues are all values of a wording.
func noticeValues(values map[string]string, at time.Time, firstName, code string) map[string]string {
	all := map[string]string{"at": at.Format(time.RFC3339), "firstName": firstName}
	if code != "" {
		all["code"] = code
	}
	maps.Copy(all, values)
	return all
}

// noticeBinding ties a sealed code to its row: sent to somebody else, or elsewhere,
// it does not open.
func noticeBinding(customer loan.CustomerID, way string) string {
	return fmt.Sprintf("notice:%d:%s", customer, way)
}

// SendNotice sends the next notice that waits, and tells whether there can be
// another one to send at once. One that would disturb somebody in the quiet hours
// waits for their end, whenever it was written or is tried again. It may be called at any time and by several
// processes. A notice is sent at least once: where a process dies between sending
// one and writing that it has, it is sent again, as the same letter.
//
// The error is [ErrNoticeGivenUp], or one after which the notice is tried again.
func (s *Service) SendNotice(ctx context.Context, now time.Time) (next bool, err error) {
	// Most of the time there is none, which should cost no transaction.
	if waits, err := s.Store.Books().NoticeWaits(ctx, now); err != nil || !waits {
		return false, err
	}
	var n *store.AddressedNotice
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) (err error) {
		n, err = tx.ClaimNotice(ctx, now, now.Add(noticeLease))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // somebody else has taken it
	}
	if err != nil {
		return false, err
	}
	ctx = context.WithoutCancel(ctx) // a letter that is under way gets to its end
	from := n.Kind.SendFrom(n.Channel, now)
	if from.After(now) {
		err := s.Store.InBooks(ctx, func(tx *store.BooksTx) error { return tx.PostponeNotice(ctx, n, from) })
		return err == nil, err
	}
	sending := s.send(ctx, n, now)
	err = s.Store.InBooks(ctx, func(tx *store.BooksTx) error {
		switch {
		case sending == nil:
			return tx.NoticeSent(ctx, n, now)
		case errors.Is(sending, ErrNoticeGivenUp):
			return tx.NoticeGivenUp(ctx, n, now)
		default:
			return tx.PostponeNotice(ctx, n, now.Add(pause(n.Tries)))
		}
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) { // somebody else has taken it meanwhile
		return false, errors.Join(sending, err)
	}
	return !errors.Is(sending, mail.ErrUnavailable), sending
}

// pause is how long a notice waits after so many tries.
func pause(tries int) time.Duration {
	return min(firstPause<<min(tries-1, 20), longestPause)
}

// send sends a notice, if that is still of use.
func (s *Service) send(ctx context.Context, n *store.AddressedNotice, now time.Time) error {
	if n.CustomerID == 0 && !n.Kind.ToPartner() {
		return nil
	}
	var err error
	switch {
	case !now.Before(n.CreatedAt.Add(n.Kind.Life())):
		err = fmt.Errorf("%w: its time is over", ErrNoticeGivenUp)
	case n.GoesTo == "":
		err = fmt.Errorf("%w: there is no address", ErrNoticeGivenUp)
	default:
		err = s.post(ctx, n, now)
	}
	if errors.Is(err, mail.ErrRefused) {
		err = fmt.Errorf("%w: %w", ErrNoticeGivenUp, err)
	}
	if err != nil {
		return fmt.Errorf("notice %d of kind %s: %w", n.ID, n.Kind, err)
	}
	return nil
}

func (s *Service) post(ctx context.Context, n *store.AddressedNotice, now time.Time) error {
	message, _, err := s.read(n)
	if err != nil {
		return err
	}
	return s.Post.Send(ctx, mail.Letter{
		// The number alone could come again, on another database.
		ID: fmt.Sprintf("notice.%d.%d", n.ID, n.CreatedAt.UnixMicro()),
		At: now, Channel: n.Channel, To: n.GoesTo, Message: message,
	})
}

// read is what a notice says, and its code, where it has one that is still kept.
func (s *Service) read(n *store.AddressedNotice) (_ mail.Message, code string, err error) {
	var values map[string]string
	if err := json.Unmarshal([]byte(n.Detail), &values); err != nil {
		return mail.Message{}, "", errors.New("its detail cannot be read")
	}
	shown := "(not kept)"
	if n.Sealed != nil {
		if code, err = s.Vault.Unseal(n.Sealed, noticeBinding(n.CustomerID, n.Way())); err != nil {
			return mail.Message{}, "", err
		}
		shown = code
	}
	message, err := mail.Render(n.Kind, n.Channel, n.Language, noticeValues(values, n.CreatedAt, n.FirstName, shown))
	return message, code, err
}

// OutboxNotice is a notice as its receiver sees it.
type OutboxNotice struct {
	At       time.Time       `json:"at"`
	Channel  loan.Channel    `json:"channel"`
	To       string          `json:"to"`
	Kind     loan.NoticeKind `json:"kind"`
	Language loan.Language   `json:"language"`
	Subject  string          `json:"subject"`
	Text     string          `json:"text"`
	HTML     string          `json:"html,omitempty"` // of an e-mail
	Code     string          `json:"code,omitempty"` // where there is one that is still kept
}

// maxShown is how many notices are shown at the most.
const maxShown = 100

// ShowNotices lists the latest notices, at most 100, to an address, or to all where
// it is empty. It shows codes: it is for the sandbox.
func (s *Service) ShowNotices(ctx context.Context, to string) ([]OutboxNotice, error) {
	latest, err := s.Store.Books().LatestNotices(ctx, to, maxShown)
	if err != nil {
		return nil, err
	}
	shown := make([]OutboxNotice, len(latest))
	for i := range latest {
		n := &latest[i]
		message, code, err := s.read(n)
		if err != nil {
			return nil, err
		}
		shown[i] = OutboxNotice{At: n.CreatedAt.UTC(), Channel: n.Channel, To: n.GoesTo, Kind: n.Kind, Language: n.Language,
			Subject: message.Subject, Text: message.Text, Code: code}
		if n.Channel == loan.ByEmail {
			if shown[i].HTML, err = message.HTML(); err != nil {
				return nil, err
			}
		}
	}
	return shown, nil
}
