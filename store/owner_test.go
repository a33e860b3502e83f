package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// What is another customer's is exactly like what does not exist.
func TestOwner(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		auto, statement := b.sampleAutoPay(), b.sampleStatement()
		micro := store.MicroEntries{PaymentAccountID: b.account, First: 1, Second: 2}
		second := sampleAccount(b.owner)
		conversation, message := b.sampleConversation(), (*loan.SecureMessage)(nil)
		grant := &loan.PartnerGrant{CustomerID: b.owner, Scopes: loan.AllScopes(), GrantedAt: noon}
		var payment *loan.Payment
		var joint loan.CustomerID
		own := map[loan.CustomerID]loan.PaymentAccountID{b.owner: b.account, b.stranger: b.theirsToo}
		b.tx(func(tx *store.BooksTx) {
			payment = b.addPayment(tx)
			joint = b.addCustomer(tx)
			own[joint] = b.addAccount(tx, joint)
			must(t, tx.InsertOwner(t.Context(), joint, b.vehicle))
			must(t, tx.InsertAutoPay(t.Context(), auto))
			must(t, tx.InsertConsent(t.Context(), b.sampleConsent(b.owner)))
			must(t, tx.InsertPostings(t.Context(), []store.Posted{b.samplePosted(payment, loan.PostPayment, payment.ScheduledOn, 1)}, noon))
			must(t, tx.InsertStatements(t.Context(), []*loan.Statement{statement}))
			correction := b.sampleStatement()
			correction.Corrects = &statement.ID
			must(t, tx.InsertStatements(t.Context(), []*loan.Statement{correction}))
			must(t, tx.InsertConversation(t.Context(), conversation))
			message = b.addMessage(tx, conversation, loan.ByCustomer)
			must(t, tx.InsertMicroEntries(t.Context(), b.owner, micro))
			must(t, tx.InsertPartner(t.Context(), &grant.Partner))
			must(t, tx.InsertGrant(t.Context(), grant))
			must(t, tx.InsertPaymentAccount(t.Context(), second, []byte{1}, []byte{2}))
			must(t, tx.InsertAudit(t.Context(), store.AuditEntry{CustomerID: b.owner, At: noon}))
			if _, err := tx.ClaimKey(t.Context(), b.owner, "the owner's key", "hash", noon); err != nil {
				t.Fatal(err)
			}
		})
		page := store.Page{Limit: 10}
		one := func(_ any, err error) (int, error) { return 1, err }
		found := func(yes bool, err error) (int, error) {
			if yes {
				return 1, err
			}
			return 0, err
		}
		ofAccount := func(owner loan.CustomerID, tx *store.Tx) error {
			a := sampleAccount(owner)
			a.ID = b.account
			return tx.UpdatePaymentAccount(t.Context(), owner, a)
		}
		// How many of the owner's things a call finds for somebody.
		calls := map[string]struct {
			call  func(context.Context, *store.Tx, loan.CustomerID) (int, error)
			joint bool // a joint owner finds it too
		}{
			"Vehicles": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				vehicles, err := tx.Vehicles(ctx, who)
				n := 0
				for _, v := range vehicles {
					if v.ID == b.vehicle {
						n++
					}
				}
				return n, err
			}, true},
			"LockVehicle": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockVehicle(ctx, who, b.vehicle))
			}, true},
			"SetPaperless": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.SetPaperless(ctx, who, b.vehicle, &noon))
			}, true},
			"Payments": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Payments(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found), err
			}, true},
			"PendingPayments": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PendingPayments(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found), err
			}, true},
			"PaymentsByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PaymentsByID(ctx, who, []loan.PaymentID{payment.ID})
				return len(found), err
			}, true},
			"LockPayment": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockPayment(ctx, who, payment.ID))
			}, true},
			"AutoPays": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.AutoPays(ctx, who)
				return len(found), err
			}, true},
			"LockAutoPay": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockAutoPay(ctx, who, auto.ID))
			}, true},
			"Statements": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Statements(ctx, who, []loan.VehicleID{b.vehicle, b.theirs}, page)
				return len(found) / 2, err // with its correction
			}, true},
			"StatementsByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.StatementsByID(ctx, who, []loan.StatementID{statement.ID})
				return len(found), err
			}, true},
			"StatementsInFull": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.StatementsInFull(ctx, who, []loan.StatementID{statement.ID})
				return len(found), err
			}, true},
			"RelatedStatements": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.RelatedStatements(ctx, who, []loan.StatementID{statement.ID})
				return len(found), err
			}, true},
			"PaymentAccounts": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.PaymentAccounts(ctx, who)
				n := 0
				for _, a := range found {
					if a.ID == b.account {
						n++
					}
				}
				return n, err
			}, false},
			"LockPaymentAccount": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockPaymentAccount(ctx, who, b.account))
			}, false},
			"PaymentAccountByFingerprint": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.PaymentAccountByFingerprint(ctx, who, []byte("fingerprint of 1")))
			}, false},
			"UpdatePaymentAccount": {func(_ context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, ofAccount(who, tx))
			}, false},
			"RivalPayments": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				rivals, err := tx.RivalPayments(ctx, who, b.vehicle, payment.ScheduledOn)
				return len(rivals), err
			}, true},
			"CancelPayment": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.CancelPayment(ctx, who, payment.ID, noon))
			}, true},
			"InsertPayment": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				p := b.samplePayment()
				p.ScheduledBy = who
				return one(nil, tx.InsertPayment(ctx, p))
			}, false},
			"InsertPayment on one's own account": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				p := b.samplePayment()
				p.ScheduledBy, p.PaymentAccountID = who, own[who]
				return one(nil, tx.InsertPayment(ctx, p))
			}, true},
			"InsertAutoPay": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				a := b.sampleAutoPay()
				a.SetUpBy, a.Status = who, loan.AutoPayCanceled
				return one(nil, tx.InsertAutoPay(ctx, a))
			}, false},
			"InsertAutoPay on one's own account": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				a := b.sampleAutoPay()
				a.SetUpBy, a.Status, a.PaymentAccountID = who, loan.AutoPayCanceled, own[who]
				return one(nil, tx.InsertAutoPay(ctx, a))
			}, true},
			"UpdateAutoPay": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.UpdateAutoPay(ctx, who, auto))
			}, false},
			"UpdateAutoPay with one's own account": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				a := *auto
				a.PaymentAccountID = own[who]
				return one(nil, tx.UpdateAutoPay(ctx, who, &a))
			}, true},
			"Postings": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Postings(ctx, who, b.vehicle)
				return len(found) / 2, err // the opening and the payment
			}, true},
			"ReceiptsByPayment": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.ReceiptsByPayment(ctx, who, []loan.VehicleID{b.vehicle, b.theirs})
				return len(found), err
			}, true},
			"YearlyTotals": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.YearlyTotals(ctx, who)
				return len(found), err
			}, true},
			"InsertConsent": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.InsertConsent(ctx, b.sampleConsent(who)))
			}, false},
			"Consents": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Consents(ctx, who)
				return len(found), err
			}, true},
			"WithdrawConsent": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				if err := tx.WithdrawConsent(ctx, who, b.vehicle, noon, "s", "a", "r"); err != nil {
					return 0, err
				}
				left, err := tx.Consents(ctx, b.owner)
				return 1 - len(left), err
			}, false},
			"PaymentAccountInUse": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return found(tx.PaymentAccountInUse(ctx, who, b.account))
			}, false},
			"SetDebitable": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.SetDebitable(ctx, who, b.account, day("2026-11-20")))
			}, false},
			"BlockAccount": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return found(tx.BlockAccount(ctx, who, b.account, "R02", noon))
			}, false},
			"InsertAccountEntry": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.InsertAccountEntry(ctx, who, b.account, store.PrenoteEntry, 0))
			}, false},
			"InsertMicroEntries": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.InsertMicroEntries(ctx, who, store.MicroEntries{PaymentAccountID: second.ID, First: 1, Second: 2}))
			}, false},
			"LockMicroEntries": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockMicroEntries(ctx, who, b.account))
			}, false},
			"UpdateMicroEntries": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.UpdateMicroEntries(ctx, who, &micro))
			}, false},
			"ConversationsByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.ConversationsByID(ctx, who, []loan.ConversationID{conversation.ID})
				return len(found), err
			}, false},
			"LockConversation": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(tx.LockConversation(ctx, who, conversation.ID))
			}, false},
			"InsertConversation": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				c := b.sampleConversation()
				c.CustomerID = who
				return one(nil, tx.InsertConversation(ctx, c))
			}, true}, // who owns the vehicle may ask about it
			"UpdateConversation": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.UpdateConversation(ctx, who, conversation))
			}, false},
			"Messages": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Messages(ctx, who, []loan.ConversationID{conversation.ID}, page)
				return len(found), err
			}, false},
			"MessagesByID": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.MessagesByID(ctx, who, []loan.MessageID{message.ID})
				return len(found), err
			}, false},
			"InsertMessage": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				m := *message
				m.CustomerID, m.Number = who, 2
				return one(nil, tx.InsertMessage(ctx, &m))
			}, false},
			"Audit": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				found, err := tx.Audit(ctx, who)
				return len(found), err
			}, false},
			"EndGrant": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.EndGrant(ctx, who, grant.ID, noon))
			}, false},
			"UseGrant": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				must(t, tx.UseGrant(ctx, who, grant.ID, noon))
				got, err := tx.PartnerGrant(ctx, b.owner, grant.Partner.ID)
				return found(err == nil && got.LastUsedAt != nil, err)
			}, false},
			"AnswerKey": {func(ctx context.Context, tx *store.Tx, who loan.CustomerID) (int, error) {
				return one(nil, tx.AnswerKey(ctx, who, "the owner's key", "answer"))
			}, false},
		}
		for _, name := range ownerCalls() {
			// An account that is added is nobody else's, an event is of what was done, and a trace of the payment just added.
			mine := []string{"InsertPaymentAccount", "InsertEvents", "InsertGrant", "InsertPaymentTrace", "InsertPartnerEvent"}
			if _, tried := calls[name]; !tried && !slices.Contains(mine, name) {
				t.Errorf("%s is not tried", name)
			}
		}
		undone := errors.New("undone") // no call changes what the next one finds
		for name, c := range calls {
			for who, finds := range map[loan.CustomerID]bool{b.owner: true, joint: c.joint, b.stranger: false, 0: false, -1: false, 1 << 40: false} {
				n, err := 0, error(nil)
				err = b.InTx(t.Context(), func(tx *store.Tx) (err error) {
					if n, err = c.call(t.Context(), tx, who); err == nil {
						err = undone
					}
					return err
				})
				switch {
				case errors.Is(err, store.ErrNotFound):
					n, err = 0, nil
				case errors.Is(err, undone):
					err = nil
				}
				want := 0
				if finds {
					want = 1
				}
				if n != want || err != nil {
					t.Errorf("%s for customer %d (owner %d, joint owner %d, stranger %d): found %d, %v, want %d", name, who, b.owner, joint, b.stranger, n, err, want)
				}
			}
		}
	})
}

// objectIDs are the types of the ids of what belongs to a customer.
var objectIDs = []reflect.Type{
	reflect.TypeFor[loan.VehicleID](), reflect.TypeFor[loan.PaymentID](), reflect.TypeFor[loan.PaymentAccountID](),
	reflect.TypeFor[loan.AutoPayID](), reflect.TypeFor[loan.StatementID](), reflect.TypeFor[loan.ConversationID](), reflect.TypeFor[loan.MessageID](), reflect.TypeFor[loan.PartnerGrantID](),
}

// names tells whether a value of a type names such objects: an id, a list, or a row.
func names(t reflect.Type) bool {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer {
		return names(t.Elem())
	}
	if t.Kind() != reflect.Struct {
		return slices.Contains(objectIDs, t)
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && names(f.Type) {
			return true
		}
	}
	return false
}

// ownerCalls are what use cases of customers can call that names an object.
func ownerCalls() (calls []string) {
	for _, t := range []reflect.Type{reflect.TypeFor[*store.Store](), reflect.TypeFor[*store.Tx]()} {
		for i := range t.NumMethod() {
			for _, in := range arguments(t.Method(i)) {
				if names(in) {
					calls = append(calls, t.Method(i).Name)
					break
				}
			}
		}
	}
	return calls
}

// arguments are what a method takes, after its receiver.
func arguments(m reflect.Method) (types []reflect.Type) {
	for i := 1; i < m.Type.NumIn(); i++ {
		types = append(types, m.Type.In(i))
	}
	return types
}

// Whoever names an object says whose it is: of a new row, the row does.
func TestOwnerIsNamed(t *testing.T) {
	t.Parallel()
	calls := ownerCalls()
	if len(calls) < 20 {
		t.Fatalf("only %v name an object", calls)
	}
	for _, name := range calls {
		m, ok := reflect.TypeFor[*store.Tx]().MethodByName(name)
		if !ok {
			m, _ = reflect.TypeFor[*store.Store]().MethodByName(name)
		}
		newRow := strings.HasPrefix(name, "Insert") && !slices.ContainsFunc(arguments(m), func(in reflect.Type) bool { return slices.Contains(objectIDs, in) })
		if !newRow && !slices.Contains(arguments(m), reflect.TypeFor[loan.CustomerID]()) {
			t.Errorf("%s names an object and no owner: it belongs to Books or BooksTx", name)
		}
	}
}
