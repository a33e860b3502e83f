package loan

// PostingKind is why a posting was made.
type PostingKind string

// The kinds of postings.
const (
	PostOpening  PostingKind = "OPENING"  // what is owed when the books begin
	PostInterest PostingKind = "INTEREST" // interest accrued, up to the day of a payment
	PostPayment  PostingKind = "PAYMENT"
	PostReversal PostingKind = "REVERSAL" // takes a returned payment back
	PostFee      PostingKind = "FEE"      // a late or other fee
	// PostCorrection is by hand: one operator proposed it, and another approved.
	PostCorrection PostingKind = "CORRECTION"
)

// Posting is one entry of the double-entry ledger: what it adds to each account,
// debits positive and credits negative, so that the accounts add up to zero.
// Cash is what the bank owes the servicer; Principal, Interest, Fees and
// Instalments are what the customer owes; Funding and Income are where that came
// from.
type Posting struct {
	Kind        PostingKind `db:"kind"`
	EffectiveOn Date        `db:"effective_on"`

	Cash        Cents `db:"cash_cents"`
	Principal   Cents `db:"principal_cents"`
	Interest    Cents `db:"interest_cents"`
	Fees        Cents `db:"fees_cents"`
	Instalments Cents `db:"instalments_cents"` // a lease's, due or not
	Funding     Cents `db:"funding_cents"`
	Income      Cents `db:"income_cents"`

	// What of the instalments due the posting settled (negative) or brought back,
	// and which due date was the next then. These are no accounts of their own.
	PastDue    Cents `db:"past_due_cents"`
	CurrentDue Cents `db:"current_due_cents"`
	DueOn      Date  `db:"due_on"`
}

// Sum is zero in every posting.
func (p Posting) Sum() Cents {
	return p.Cash + p.Principal + p.Interest + p.Fees + p.Instalments + p.Funding + p.Income
}

// Opening is the posting with which a contract enters the books.
func Opening(c Contract, on Date) Posting {
	p := Posting{Kind: PostOpening, EffectiveOn: on}
	t := c.Common()
	p.Fees, p.PastDue, p.CurrentDue, p.DueOn = t.Fees, t.PastDue, t.CurrentDue, t.DueOn
	switch c := c.(type) {
	case *Loan:
		p.Principal, p.Interest = c.Principal, c.InterestUnpaid
	case *Lease:
		p.Instalments = t.PastDue + t.CurrentDue + c.ahead()
	}
	p.Funding = -(p.Principal + p.Interest + p.Fees + p.Instalments)
	return p
}

// Post credits a payment to the loan on a day: interest is accrued up to the day,
// and the amount goes where [Loan.Allocate] says. The loan is changed; the
// postings say how. An amount over the payoff is refused, as Allocate does.
func (l *Loan) Post(amount Cents, kind PaymentKind, on Date) ([]Posting, error) {
	// Interest has been worked out up to InterestPaidThrough: an earlier day
	// cannot be reopened.
	if on.Before(l.InterestPaidThrough) {
		on = l.InterestPaidThrough
	}
	shares, err := l.Allocate(amount, kind, on)
	if err != nil {
		return nil, err
	}
	postings := l.accrue(on)
	p := Posting{
		Kind: PostPayment, EffectiveOn: on, DueOn: l.DueOn, Cash: amount, Interest: -shares.Of(BucketInterest), Fees: -shares.Of(BucketFees),
		Principal: -shares.Of(BucketPrincipalDue) - shares.Of(BucketPrincipalAhead),
	}
	if kind != KindPrincipalOnly {
		// Fees are not part of the instalments; all else reduces what is due.
		l.settle(&p, amount+p.Fees)
	}
	l.add(p)
	if l.Principal == 0 && l.InterestUnpaid == 0 {
		l.settle(&p, l.PastDue+l.CurrentDue) // nothing is left to be due
	}
	return append(postings, p), nil
}

// accrue works interest out up to a day.
func (l *Loan) accrue(on Date) []Posting {
	interest := Interest(l.Principal, l.AnnualRate, l.InterestPaidThrough, on)
	if l.InterestPaidThrough.Before(on) {
		l.InterestPaidThrough = on
	}
	if interest == 0 {
		return nil
	}
	p := Posting{Kind: PostInterest, EffectiveOn: on, Interest: interest, Income: -interest, DueOn: l.DueOn}
	l.add(p)
	return []Posting{p}
}

func (l *Loan) add(p Posting) {
	l.Principal += p.Principal
	l.InterestUnpaid += p.Interest
	l.Fees += p.Fees
}

// Reverse takes a payment back that the bank returned: the posting is undone, and
// interest accrues on the principal as if it had never been paid.
func (l *Loan) Reverse(payment Posting) []Posting {
	p := l.unsettle(payment)
	p.Cash, p.Principal, p.Interest, p.Fees = -payment.Cash, -payment.Principal, -payment.Interest, -payment.Fees
	l.add(p)
	postings := []Posting{p}
	if again := Interest(-payment.Principal, l.AnnualRate, payment.EffectiveOn, l.InterestPaidThrough); again > 0 {
		accrued := Posting{Kind: PostInterest, EffectiveOn: l.InterestPaidThrough, Interest: again, Income: -again, DueOn: l.DueOn}
		l.add(accrued)
		postings = append(postings, accrued)
	}
	return postings
}

// Post credits a payment to the lease, as [Lease.Allocate] says.
func (l *Lease) Post(amount Cents, kind PaymentKind, on Date) ([]Posting, error) {
	shares, err := l.Allocate(amount, kind, on)
	if err != nil {
		return nil, err
	}
	p := Posting{
		Kind: PostPayment, EffectiveOn: on, Cash: amount, Fees: -shares.Of(BucketFees),
		Instalments: -shares.Of(BucketInstalments) - shares.Of(BucketPrepaid), Income: -shares.Of(BucketPurchaseOption),
	}
	l.settle(&p, shares.Of(BucketInstalments))
	l.Prepaid += shares.Of(BucketPrepaid)
	l.PurchaseOption -= shares.Of(BucketPurchaseOption)
	l.Fees += p.Fees
	return []Posting{p}, nil
}

// Reverse takes a payment back that the bank returned.
func (l *Lease) Reverse(payment Posting) []Posting {
	p := l.unsettle(payment)
	p.Cash, p.Fees, p.Instalments, p.Income = -payment.Cash, -payment.Fees, -payment.Instalments, -payment.Income
	l.Fees += p.Fees
	l.PurchaseOption += p.Income
	// What had been paid ahead is taken from what is still ahead; the part of it
	// that was billed meanwhile is due after all.
	ahead := p.Instalments - p.PastDue - p.CurrentDue
	back := min(ahead, l.Prepaid)
	l.Prepaid -= back
	p.PastDue += ahead - back
	l.PastDue += ahead - back
	return []Posting{p}
}

// settle lets an amount reduce what is past due and then what is due.
func (t *Terms) settle(p *Posting, amount Cents) {
	past := min(max(amount, 0), t.PastDue)
	current := min(max(amount, 0)-past, t.CurrentDue)
	t.PastDue -= past
	t.CurrentDue -= current
	p.PastDue -= past
	p.CurrentDue -= current
	p.DueOn = t.DueOn
}

// unsettle brings back what a payment had settled. What was the current
// instalment then is past due once its due date has gone by.
func (t *Terms) unsettle(payment Posting) Posting {
	p := Posting{Kind: PostReversal, EffectiveOn: payment.EffectiveOn, DueOn: t.DueOn}
	p.PastDue, p.CurrentDue = -payment.PastDue, -payment.CurrentDue
	if payment.DueOn != t.DueOn {
		p.PastDue, p.CurrentDue = p.PastDue+p.CurrentDue, 0
	}
	t.PastDue += p.PastDue
	t.CurrentDue += p.CurrentDue
	return p
}

// Bill moves the due date on, as often as it has gone by before a day: what is
// unpaid becomes past due, and the next instalment due. It tells whether anything
// changed. The last instalment is what is left.
func (l *Loan) Bill(today Date) bool {
	open := func() bool { return l.Principal > 0 || l.InterestUnpaid > 0 }
	return l.roll(today, open, func() Cents {
		left := max(l.Principal+l.InterestOn(l.DueOn)-l.PastDue, 0)
		if l.DueOn.Before(l.MaturesOn) {
			return min(l.Instalment, left)
		}
		return left
	})
}

// Bill moves the due date on, as [Loan.Bill] does. What was prepaid is taken off
// the instalment.
func (l *Lease) Bill(today Date) bool {
	open := func() bool { return l.InstalmentsRemaining > 0 || l.CurrentDue > 0 }
	return l.roll(today, open, func() Cents {
		if l.InstalmentsRemaining == 0 {
			return 0
		}
		l.InstalmentsRemaining--
		paid := min(l.Prepaid, l.Instalment)
		l.Prepaid -= paid
		return l.Instalment - paid
	})
}

// roll moves the due date on while the contract is open; next is the instalment
// of the new due date.
func (t *Terms) roll(today Date, open func() bool, next func() Cents) bool {
	changed := false
	for t.DueOn.Before(today) && open() {
		t.PastDue += t.CurrentDue
		t.DueOn = t.nextDue()
		t.CurrentDue = next()
		changed = true
	}
	return changed
}

// nextDue is the due date after the next one.
func (t *Terms) nextDue() Date {
	month := Date{t.DueOn.Year, t.DueOn.Month, 1}.AddMonths(1)
	return DayOfMonth(month.Year, month.Month, max(t.DueDay, t.DueOn.Day))
}

// PostFee charges a fee on a day.
func (t *Terms) PostFee(amount Cents, on Date) Posting {
	t.Fees += amount
	return Posting{Kind: PostFee, EffectiveOn: on, Fees: amount, Income: -amount, DueOn: t.DueOn}
}

// ahead is what of a lease's instalments is neither due nor paid.
func (l *Lease) ahead() Cents { return Cents(l.InstalmentsRemaining)*l.Instalment - l.Prepaid }
