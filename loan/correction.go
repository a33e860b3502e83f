package loan

import "time"

// CorrectionDays is for how many days a correction that was proposed can be approved.
const CorrectionDays = 7

// Correction is what operators add to the accounts of a contract where the books are
// wrong: amounts below zero take off what is owed. The other side of all of it is one
// account, so that the posting adds up to zero.
type LedgerCorrection struct {
	Principal   Cents         `db:"principal_cents" json:"principal"`
	Interest    Cents         `db:"interest_cents" json:"interest"`
	Fees        Cents         `db:"fees_cents" json:"fees"`
	Instalments Cents         `db:"instalments_cents" json:"instalments"` // a lease's, due or not
	PastDue     Cents         `db:"past_due_cents" json:"pastDue"`        // what it does to what is past due
	CurrentDue  Cents         `db:"current_due_cents" json:"currentDue"`  // and to what is due next
	Against     LedgerAccount `db:"against" json:"against"`
}

// LedgerAccount is the other side of a correction.
type LedgerAccount string

// The accounts that are not the customer's.
const (
	AgainstIncome  LedgerAccount = "INCOME"  // what the servicer earns: a fee or interest that is waived
	AgainstFunding LedgerAccount = "FUNDING" // what was lent: a contract that was opened with a wrong balance
	AgainstCash    LedgerAccount = "CASH"    // what the bank owes: money that came or went beside the files
)

// CorrectionStatus is where a correction is in its life. One whose time is over is
// PROPOSED still, and can only be rejected.
type CorrectionStatus string

// The life of a correction.
const (
	CorrectionProposed CorrectionStatus = "PROPOSED"
	CorrectionApproved CorrectionStatus = "APPROVED" // and posted
	CorrectionRejected CorrectionStatus = "REJECTED"
)

// CorrectionRequest is a correction that one operator asks for and another one decides.
type CorrectionRequest struct {
	ID         CorrectionID `db:"id"`
	CustomerID CustomerID   `db:"customer_id"`
	VehicleID  VehicleID    `db:"vehicle_id"`
	LedgerCorrection
	Reason     string           `db:"reason"`
	Evidence   string           `db:"evidence"` // where it is shown: a case, a letter, a recording
	ProposedBy Operator         `db:"proposed_by"`
	ProposedAt time.Time        `db:"proposed_at"`
	ExpiresAt  time.Time        `db:"expires_at"`
	Status     CorrectionStatus `db:"status"`
	DecidedBy  *Operator        `db:"decided_by"`
	DecidedAt  *time.Time       `db:"decided_at"`
	Decision   string           `db:"decision"` // the reason that the other operator gave
}

// Expired tells whether nobody can approve the correction any more.
func (r *CorrectionRequest) Expired(now time.Time) bool {
	return r.Status == CorrectionProposed && !now.Before(r.ExpiresAt)
}

// CheckDecision says why an operator cannot approve or reject the correction now; nil
// where they can. It takes two to approve one: refused are who proposed it
// (NOT_PERMITTED), what is decided (CORRECTION_DECIDED) and what is too old to be
// approved (CORRECTION_EXPIRED). Who proposed it may take it back.
func (r *CorrectionRequest) CheckDecision(by Operator, approve bool, now time.Time) error {
	switch {
	case r.Status != CorrectionProposed:
		return Refuse(CodeCorrectionDecided, "This correction has been approved or rejected already.")
	case approve && by == r.ProposedBy:
		return Refuse(CodeNotPermitted, "Who proposed a correction cannot approve it: a second operator has to.", "operator")
	case approve && r.Expired(now):
		return Refuse(CodeCorrectionExpired, "This correction is too old to be approved. Propose it again.")
	}
	return nil
}

// Check refuses a correction that no contract allows: of nothing, and one whose other
// side is no account.
func (c LedgerCorrection) Check() error {
	switch c.Against {
	case AgainstIncome, AgainstFunding, AgainstCash:
	default:
		return Refuse(CodeInvalidInput, "A correction is against income, funding or cash.", "against")
	}
	for _, amount := range []Cents{c.Principal, c.Interest, c.Fees, c.Instalments, c.PastDue, c.CurrentDue} {
		if amount > MaxCents || amount < -MaxCents {
			return Refuse(CodeInvalidInput, "The amount is too large.")
		}
	}
	if c == (LedgerCorrection{Against: c.Against}) {
		return Refuse(CodeInvalidInput, "A correction changes something.")
	}
	return nil
}

// posting is the correction on a day, with its other side.
func (c LedgerCorrection) posting(on, dueOn Date) Posting {
	p := Posting{
		Kind: PostCorrection, EffectiveOn: on, DueOn: dueOn,
		Principal: c.Principal, Interest: c.Interest, Fees: c.Fees, Instalments: c.Instalments, PastDue: c.PastDue, CurrentDue: c.CurrentDue,
	}
	switch other := -(c.Principal + c.Interest + c.Fees + c.Instalments); c.Against {
	case AgainstIncome:
		p.Income = other
	case AgainstFunding:
		p.Funding = other
	case AgainstCash:
		p.Cash = other
	}
	return p
}

// belowZero refuses what would leave the customer with less than nothing to pay.
func belowZero(amounts ...Cents) error {
	for _, amount := range amounts {
		if amount < 0 {
			return Refuse(CodeCorrectionNotAllowed, "A correction leaves nothing below zero.")
		}
	}
	return nil
}

// Correct corrects the loan on a day: interest is accrued up to it on what was owed
// before. What is due is never more than what is owed by the due date. Refusals:
// CORRECTION_NOT_ALLOWED and those of [LedgerCorrection.Check]; nothing is changed then.
func (l *Loan) Correct(c LedgerCorrection, on Date) ([]Posting, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Instalments != 0 {
		return nil, Refuse(CodeCorrectionNotAllowed, "A loan has principal, interest and fees, and no balance of instalments.", "instalments")
	}
	if on.Before(l.InterestPaidThrough) { // which cannot be reopened
		on = l.InterestPaidThrough
	}
	if err := belowZero(l.Principal+c.Principal, l.InterestOn(on)+c.Interest, l.Fees+c.Fees, l.PastDue+c.PastDue, l.CurrentDue+c.CurrentDue); err != nil {
		return nil, err
	}
	postings := l.accrue(on)
	p := c.posting(on, l.DueOn)
	l.add(p)
	l.PastDue += p.PastDue
	l.CurrentDue += p.CurrentDue
	l.settle(&p, l.PastDue+l.CurrentDue-l.Principal-l.InterestOn(l.DueOn))
	return append(postings, p), nil
}

// Correct corrects the lease on a day. What of the instalments is neither past due nor
// due next is of those ahead: between nothing and all of them. Refusals as
// [Loan.Correct].
func (l *Lease) Correct(c LedgerCorrection, on Date) ([]Posting, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Principal != 0 || c.Interest != 0 {
		return nil, Refuse(CodeCorrectionNotAllowed, "A lease has instalments and fees, and no principal or interest.", "principal")
	}
	ahead := c.Instalments - c.PastDue - c.CurrentDue
	if err := belowZero(l.Fees+c.Fees, l.PastDue+c.PastDue, l.CurrentDue+c.CurrentDue, l.ahead()+ahead, l.Prepaid-ahead); err != nil {
		return nil, err
	}
	p := c.posting(on, l.DueOn)
	l.Fees += p.Fees
	l.PastDue += p.PastDue
	l.CurrentDue += p.CurrentDue
	l.Prepaid -= ahead
	return []Posting{p}, nil
}
