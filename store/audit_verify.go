package store

import (
	"context"
	"math"

	"github.com/automobilepay/mobilepay/loan"
)

var (
	auditAfter = prepare(`
SELECT a.customer_id, a.seq, a.at, a.actor, a.session_id, a.address, a.request_id, a.action, a.subject, a.detail, a.hash,
    COALESCE(h.seq, 0) AS head_seq
FROM audit a LEFT JOIN audit_heads h ON h.customer_id = a.customer_id
WHERE (a.customer_id, a.seq) > ($1, $2) ORDER BY a.customer_id, a.seq LIMIT $3`)
	auditHeadsAfter = prepare(`SELECT customer_id, seq, hash FROM audit_heads WHERE customer_id > $1 ORDER BY customer_id LIMIT $2`)
	lostAuditHeads  = prepare(`
SELECT r.customer_id, r.seq, r.hash
FROM {{rows $1: customer_id bigint, seq bigint, hash text}} LEFT JOIN audit a ON a.customer_id = r.customer_id AND a.seq = r.seq
WHERE r.seq > 0 AND (a.hash IS NULL OR a.hash <> r.hash) ORDER BY r.customer_id`)
)

// AuditFault is a place in a customer's chain at which it is broken.
type AuditFault struct {
	CustomerID loan.CustomerID
	Seq        int64
	What       string
}

// storedAudit is a row of the audit with the end of its chain at the same instant.
type storedAudit struct {
	AuditEntry
	Seq     int64  `db:"seq"`
	Hash    string `db:"hash"`
	HeadSeq int64  `db:"head_seq"`
}

// verifyAtOnce is how many rows are in memory at a time.
const verifyAtOnce = 1000

// VerifyAudit walks through all chains while others add to them, tells of each
// place where a row was changed, added, removed or moved, and counts the rows. What
// was cut off a chain's end together with its head, it cannot see: for that there
// is [Books.LostAuditHeads].
func (b Books) VerifyAudit(ctx context.Context, fault func(AuditFault)) (rows int64, err error) {
	if b.q.auditKeys == nil {
		return 0, errNoAuditKeys
	}
	if err := b.verifyHeads(ctx, fault); err != nil {
		return 0, err
	}
	last := storedAudit{AuditEntry: AuditEntry{CustomerID: math.MinInt64}} // before the first chain
	for {
		var batch []storedAudit
		if err := b.q.list(ctx, &batch, auditAfter, last.CustomerID, last.Seq, verifyAtOnce); err != nil {
			return rows, err
		}
		for _, row := range batch {
			before := AuditHead{last.CustomerID, last.Seq, last.Hash}
			if row.CustomerID != last.CustomerID {
				last.verifyEnd(fault)
				before = AuditHead{}
			}
			row.verify(b.q.auditKeys, before, fault)
			last = row
		}
		if rows += int64(len(batch)); len(batch) < verifyAtOnce {
			last.verifyEnd(fault)
			return rows, nil
		}
	}
}

// verify looks at a row that comes after another.
func (row *storedAudit) verify(keys AuditKeys, before AuditHead, fault func(AuditFault)) {
	switch {
	case row.Seq != before.Seq+1:
		fault(AuditFault{row.CustomerID, before.Seq + 1, "is missing"})
	case !fits(row.Hash, row.hashes(keys, before)):
		fault(AuditFault{row.CustomerID, row.Seq, "is not what was written after the one before"})
	}
}

// verifyEnd looks whether the last row of a chain goes beyond its head.
func (row *storedAudit) verifyEnd(fault func(AuditFault)) {
	if row.HeadSeq < row.Seq {
		fault(AuditFault{row.CustomerID, row.Seq, "is beyond the end of its chain"})
	}
}

// verifyHeads looks whether each chain goes as far as its head.
func (b Books) verifyHeads(ctx context.Context, fault func(AuditFault)) error {
	return b.AuditHeads(ctx, func(heads []AuditHead) error {
		lost, err := b.LostAuditHeads(ctx, heads)
		for _, head := range lost {
			fault(AuditFault{head.CustomerID, head.Seq, "is missing, or not the end that its chain had"})
		}
		return err
	})
}

// AuditHeads hands over the ends of all chains, by customer, some at a time.
func (b Books) AuditHeads(ctx context.Context, take func([]AuditHead) error) error {
	for after := loan.CustomerID(math.MinInt64); ; {
		var heads []AuditHead
		if err := b.q.list(ctx, &heads, auditHeadsAfter, after, verifyAtOnce); err != nil {
			return err
		}
		if len(heads) == 0 {
			return nil
		}
		if err := take(heads); err != nil {
			return err
		}
		after = heads[len(heads)-1].CustomerID
	}
}

// LostAuditHeads are those of these ends, taken at any time before, that no row in
// the audit is any more.
func (b Books) LostAuditHeads(ctx context.Context, heads []AuditHead) ([]AuditHead, error) {
	text, err := rows(heads)
	if err != nil {
		return nil, err
	}
	var lost []AuditHead
	err = b.q.list(ctx, &lost, lostAuditHeads, text)
	return lost, err
}
