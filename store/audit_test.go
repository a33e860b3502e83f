package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// entry is an audit entry with something in every field.
func entry(customer loan.CustomerID, n int) store.AuditEntry {
	return store.AuditEntry{
		CustomerID: customer, At: noon.Add(time.Duration(n) * time.Microsecond), Actor: "customer:1", SessionID: "session", Address: "2001:db8::1",
		RequestID: "request", Action: fmt.Sprintf("action.%d", n), Subject: awkward, Detail: `{"name":"Zoë 😀"}`,
	}
}

// chain adds n rows to a customer's chain, a transaction each.
func (b *books) chain(customer loan.CustomerID, n int) {
	b.t.Helper()
	for i := range n {
		must(b.t, b.InTx(b.t.Context(), func(tx *store.Tx) error { return tx.InsertAudit(b.t.Context(), entry(customer, i)) }))
	}
}

// verify is the faults of the audit, by customer.
func (b *books) verify() map[loan.CustomerID][]store.AuditFault {
	b.t.Helper()
	faults := map[loan.CustomerID][]store.AuditFault{}
	rows, err := b.Books().VerifyAudit(b.t.Context(), func(f store.AuditFault) { faults[f.CustomerID] = append(faults[f.CustomerID], f) })
	must(b.t, err)
	if n := b.count("SELECT COUNT(*) FROM audit"); rows != int64(n) {
		b.t.Errorf("%d rows of %d were looked at", rows, n)
	}
	return faults
}

// whole checks that the audit has n rows and no fault.
func (b *books) whole(n int) {
	b.t.Helper()
	if faults := b.verify(); len(faults) != 0 {
		b.t.Errorf("faults: %v", faults)
	}
	if got := b.count("SELECT COUNT(*) FROM audit"); got != n {
		b.t.Errorf("%d rows, want %d", got, n)
	}
}

// tamper runs SQL as somebody who may do everything, with the triggers off.
func (b *books) tamper(statements ...string) {
	b.t.Helper()
	c, err := b.admin.Conn(b.t.Context())
	must(b.t, err)
	defer func() { must(b.t, c.Close()) }()
	run := func(statement string) {
		b.t.Helper()
		if _, err := c.ExecContext(b.t.Context(), statement); err != nil {
			b.t.Fatalf("%s: %v", statement, err)
		}
	}
	if !b.Embedded() {
		run("SET session_replication_role = replica")
		defer run("RESET session_replication_role")
	} else {
		var triggers []string
		must(b.t, b.admin.SelectContext(b.t.Context(), &triggers, "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"))
		for _, trigger := range triggers {
			run("DROP TRIGGER " + strings.Fields(trigger)[2])
			defer run(trigger)
		}
	}
	for _, statement := range statements {
		run(statement)
	}
}

func TestAuditChain(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.whole(0)
		b.chain(b.owner, 3)
		b.chain(0, 2)
		odd := entry(b.owner, 3)
		odd.SessionID, odd.Subject, odd.Detail = "", "a\x00b\xff<&>", "\u2028 \\ \""
		b.tx(func(tx *store.BooksTx) {
			must(t, tx.InsertAudit(t.Context(), odd))
			must(t, tx.InsertAudits(t.Context(), []store.AuditEntry{entry(b.stranger, 0), entry(b.owner, 4), entry(-1, 0), entry(b.stranger, 1)}))
		})
		b.chain(b.stranger, 1)
		b.whole(11)
		got, err := b.Audit(t.Context(), b.owner)
		must(t, err)
		odd.Subject = "a\uFFFDb\uFFFD<&>"
		same(t, got, []store.AuditEntry{entry(b.owner, 0), entry(b.owner, 1), entry(b.owner, 2), odd, entry(b.owner, 4)})
	})
}

// What was done to a chain of five rows behind the server's back is found, where it
// was done.
func TestAuditShowsTampering(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const row = " WHERE customer_id = {{c}} AND seq = 3"
		cases := map[string]struct {
			statements []string
			at         int64 // the first row that is told
		}{
			"nothing":                          {nil, 0},
			"another instant":                  {[]string{"UPDATE audit SET at = '2026-11-18 17:00:00.000001+00:00'" + row}, 3},
			"another hash":                     {[]string{"UPDATE audit SET hash = (SELECT hash FROM audit WHERE customer_id = {{c}} AND seq = 2)" + row}, 3},
			"no hash":                          {[]string{"UPDATE audit SET hash = ''" + row}, 3},
			"a part moved to the next column":  {[]string{"UPDATE audit SET actor = 'customer:1session', session_id = ''" + row}, 3},
			"the first removed":                {[]string{"DELETE FROM audit WHERE customer_id = {{c}} AND seq = 1"}, 1},
			"one in the middle removed":        {[]string{"DELETE FROM audit" + row}, 3},
			"one removed, the others moved up": {[]string{"DELETE FROM audit" + row, "UPDATE audit SET seq = 3 WHERE customer_id = {{c}} AND seq = 4", "UPDATE audit SET seq = 4 WHERE customer_id = {{c}} AND seq = 5"}, 3},
			"the end removed":                  {[]string{"DELETE FROM audit WHERE customer_id = {{c}} AND seq > 3"}, 5},
			"all removed":                      {[]string{"DELETE FROM audit WHERE customer_id = {{c}}"}, 5},
			"the head removed":                 {[]string{"DELETE FROM audit_heads WHERE customer_id = {{c}}"}, 5},
			"the head moved back":              {[]string{"UPDATE audit_heads SET seq = 4 WHERE customer_id = {{c}}"}, 4},
			"the head changed":                 {[]string{"UPDATE audit_heads SET hash = '' WHERE customer_id = {{c}}"}, 5},
			"two rows exchanged":               {[]string{"UPDATE audit SET seq = -3" + row, "UPDATE audit SET seq = 3 WHERE customer_id = {{c}} AND seq = 4", "UPDATE audit SET seq = 4 WHERE customer_id = {{c}} AND seq = -3"}, 3},
			"a row given to another customer":  {[]string{"UPDATE audit SET customer_id = {{c}} + 1000000" + row}, 3},
			"a row added at the end": {[]string{"INSERT INTO audit SELECT customer_id, 6, at, actor, session_id, address, request_id, action, subject, detail, hash FROM audit WHERE customer_id = {{c}} AND seq = 5",
				"UPDATE audit_heads SET seq = 6 WHERE customer_id = {{c}}"}, 6},
			"a row added before the first": {[]string{"INSERT INTO audit SELECT customer_id, 0, at, actor, session_id, address, request_id, action, subject, detail, hash FROM audit WHERE customer_id = {{c}} AND seq = 5"}, 1},
		}
		for _, column := range []string{"actor", "session_id", "address", "request_id", "action", "subject", "detail"} {
			cases["another "+column] = struct {
				statements []string
				at         int64
			}{[]string{"UPDATE audit SET " + column + " = " + column + " || ' '" + row}, 3}
		}
		customer := loan.CustomerID(1000)
		customers := map[string]loan.CustomerID{}
		for name, c := range cases {
			customer++
			customers[name] = customer
			b.chain(customer, 5)
			for i, statement := range c.statements {
				c.statements[i] = strings.ReplaceAll(statement, "{{c}}", fmt.Sprint(int64(customer)))
			}
			b.tamper(c.statements...)
		}
		faults := b.verify()
		for name, c := range cases {
			first := int64(0)
			if found := faults[customers[name]]; len(found) > 0 {
				first = slices.MinFunc(found, func(a, b store.AuditFault) int { return int(a.Seq - b.Seq) }).Seq
			}
			if first != c.at {
				t.Errorf("%s: found %v, want the row %d", name, faults[customers[name]], c.at)
			}
		}
	})
}

// A chain that was cut and whose head was moved to fit looks whole: only who has
// kept its end can tell.
func TestLostAuditHeads(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.chain(b.owner, 5)
		b.chain(b.stranger, 1)
		var kept []store.AuditHead
		must(t, b.Books().AuditHeads(t.Context(), func(heads []store.AuditHead) error { kept = append(kept, heads...); return nil }))
		if len(kept) != 2 || kept[0].CustomerID != b.owner || kept[0].Seq != 5 || kept[0].Hash == "" {
			t.Fatalf("kept %v", kept)
		}
		b.chain(b.owner, 1)
		if lost, err := b.Books().LostAuditHeads(t.Context(), kept); err != nil || len(lost) != 0 {
			t.Errorf("lost %v, %v", lost, err)
		}
		c := fmt.Sprint(int64(b.owner))
		b.tamper("DELETE FROM audit WHERE seq > 3 AND customer_id = "+c,
			"DELETE FROM audit_heads WHERE customer_id = "+c,
			"INSERT INTO audit_heads SELECT customer_id, seq, hash FROM audit WHERE seq = 3 AND customer_id = "+c)
		b.whole(4)
		lost, err := b.Books().LostAuditHeads(t.Context(), kept)
		must(t, err)
		same(t, lost, kept[:1])
		b.chain(b.owner, 3) // and written over
		lost, err = b.Books().LostAuditHeads(t.Context(), kept)
		must(t, err)
		same(t, lost, kept[:1])
	})
}

// Neither the audit nor the ledger can be changed, by nobody.
func TestAppendOnly(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.chain(b.owner, 2)
		refused := []string{
			"UPDATE audit SET action = ''", "DELETE FROM audit", "UPDATE ledger SET posted_at = posted_at", "DELETE FROM ledger", "DELETE FROM audit_heads",
			"INSERT INTO audit SELECT customer_id, seq + 2, at, actor, session_id, address, request_id, action, subject, detail, hash FROM audit WHERE seq = 2",
			"INSERT INTO audit SELECT 4711, seq + 1, at, actor, session_id, address, request_id, action, subject, detail, hash FROM audit WHERE seq = 1",
		}
		if b.Embedded() {
			refused = append(refused, "UPDATE audit_heads SET seq = 1", "UPDATE audit_heads SET customer_id = 4711, seq = seq + 1",
				"REPLACE INTO audit SELECT customer_id, seq, at, '', session_id, address, request_id, action, subject, detail, hash FROM audit WHERE seq = 2")
		} else {
			refused = append(refused, "TRUNCATE audit", "TRUNCATE ledger CASCADE", "TRUNCATE audit_heads")
		}
		for _, statement := range refused {
			if _, err := b.admin.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was done", statement)
			}
		}
		b.whole(2)
	})
}

func TestAuditAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const writers, each = 50, 4
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				for n := range each {
					err := b.InTx(t.Context(), func(tx *store.Tx) error {
						// of everybody's chain, of the writer's own, and of the one before
						for _, customer := range []loan.CustomerID{b.owner, loan.CustomerID(1000 + i), loan.CustomerID(1000 + (i+writers-1)%writers)} {
							if err := tx.InsertAudit(t.Context(), entry(customer, n)); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		b.whole(3 * writers * each)
		if n := b.count("SELECT COUNT(*) FROM audit WHERE customer_id = $1", b.owner); n != writers*each {
			t.Errorf("the owner has %d rows", n)
		}
	})
}

// A run adds more rows than a statement takes at once.
func TestAuditOfARun(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		const rows = 20_500
		b.chain(5, 1)
		entries := make([]store.AuditEntry, rows)
		for i := range entries {
			entries[i] = entry(loan.CustomerID(i*7919%9000), i)
		}
		b.tx(func(tx *store.BooksTx) { must(t, tx.InsertAudits(t.Context(), entries)) })
		b.whole(rows + 1)
	})
}

// While a transaction is open, its rows in the audit hold up nobody: what else it
// locks, it locks before.
func TestAuditIsWrittenLast(t *testing.T) {
	onPostgres(t, func(t *testing.T, b *books) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		must(t, b.InTx(ctx, func(tx *store.Tx) error {
			must(t, tx.InsertAudit(ctx, entry(b.owner, 0)))
			return b.InTx(ctx, func(other *store.Tx) error {
				if _, err := other.LockVehicle(ctx, b.owner, b.vehicle); err != nil {
					return err
				}
				return other.InsertAudit(ctx, entry(b.owner, 1))
			})
		}))
		b.whole(2)
		got, err := b.Audit(t.Context(), b.owner)
		must(t, err)
		same(t, got[1], entry(b.owner, 0))
	})
}

func TestAuditKeys(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		b.chain(b.owner, 2)
		rotated := &books{Store: openURL(t, b.url, store.Options{AuditKeys: auditKeys{"a new key", "the key"}}), t: t}
		rotated.chain(b.owner, 2)
		rotated.whole(4)

		lost := &books{Store: openURL(t, b.url, store.Options{AuditKeys: auditKeys{"a new key"}}), t: t}
		if faults := lost.verify()[b.owner]; len(faults) != 2 || faults[0].Seq != 1 || faults[1].Seq != 2 {
			t.Errorf("without the first key: %v", faults)
		}
		if faults := b.verify()[b.owner]; len(faults) != 2 || faults[0].Seq != 3 {
			t.Errorf("without the second key: %v", faults)
		}
	})
}

// A store that was given no key writes nothing that nobody could verify.
func TestNoAuditKeys(t *testing.T) {
	onEach(t, func(t *testing.T, b *books) {
		s, err := store.Open(t.Context(), b.url, store.Options{Connections: 1})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertAudit(t.Context(), entry(b.owner, 0)) }); err == nil {
			t.Error("a row was written")
		}
		if _, err := s.Books().VerifyAudit(t.Context(), func(store.AuditFault) {}); err == nil {
			t.Error("the audit was verified")
		}
		b.whole(0)
	})
}
