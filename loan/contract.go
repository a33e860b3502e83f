package loan

// Contract is what a customer owes for a vehicle: a [*Loan] or a [*Lease]. The
// two are different trades; only what both have is here.
type Contract interface {
	// Common are the particulars that both kinds share.
	Common() *Terms
	// PayoffOn is what would end the contract on a day, without regard to
	// payments that are still pending.
	PayoffOn(Date) Payoff
	// Allocate says where an amount credited on a day would go.
	Allocate(amount Cents, kind PaymentKind, on Date) (Allocation, error)
	// Post credits a payment on a day, and Reverse takes one back that was
	// returned. Both change the contract and say how in postings.
	Post(amount Cents, kind PaymentKind, on Date) ([]Posting, error)
	Reverse(payment Posting) []Posting
	// Correct does what operators have decided, on a day.
	Correct(c LedgerCorrection, on Date) ([]Posting, error)
	// Bill moves the due date on where it has gone by before a day.
	Bill(today Date) (changed bool)
	// Clone is a copy that can be changed for itself.
	Clone() Contract
}

// Terms are the particulars of a contract of either kind.
type Terms struct {
	AccountNumberLast4 string // of the number that the lender gave the contract
	OpenedOn           Date
	MaturesOn          Date
	TermMonths         int
	Instalment         Cents // the regular monthly amount
	CurrentDue         Cents // what of the instalment of DueOn is unpaid
	DueOn              Date  // the next due date
	DueDay             int   // the day of the month that is due; 0 for DueOn's
	PastDue            Cents // what was due on earlier dates and is unpaid
	Fees               Cents // late and other fees that are unpaid
}

// Common implements Contract for the kinds that embed Terms.
func (t *Terms) Common() *Terms { return t }

// AmountDue is all that is to be paid by DueOn: past due, the instalment and fees.
func (t *Terms) AmountDue() Cents { return t.PastDue + t.CurrentDue + t.Fees }

// Loan is a simple-interest loan: interest accrues daily on the principal.
type Loan struct {
	Terms
	AmountFinanced      Cents
	Principal           Cents // the unpaid principal
	AnnualRate          Rate
	InterestPaidThrough Date  // interest has been worked out up to this day
	InterestUnpaid      Cents // and this much of it is unpaid
	AllowsPrincipalOnly bool
	AllocationOrder     []Bucket // nil for DefaultOrder
}

// Lease is a closed-end lease: instalments and a purchase option, no principal
// and no interest that accrues.
type Lease struct {
	Terms
	PurchaseOption       Cents // the price of the vehicle at the end
	InstalmentsRemaining int   // instalments not yet billed; those past due are not counted
	Prepaid              Cents // what was paid ahead of them
	MilesAllowed         int   // in the whole term
}

// Payoff is what ends a contract, and until when the figure holds.
type Payoff struct {
	Amount        Cents
	GoodThroughOn Date
	// PerDiem is what the day after GoodThroughOn adds, in ten-thousandths of a
	// dollar; zero for a lease.
	PerDiem PerDiem
}

// InterestOn is the interest unpaid at the end of a day.
func (l *Loan) InterestOn(on Date) Cents {
	return l.InterestUnpaid + Interest(l.Principal, l.AnnualRate, l.InterestPaidThrough, on)
}

// PayoffOn is the principal, the interest accrued to the day, and fees. What is
// past due is principal and interest already counted.
func (l *Loan) PayoffOn(on Date) Payoff {
	return Payoff{
		Amount:        l.Principal + l.InterestOn(on) + l.Fees,
		GoodThroughOn: on,
		PerDiem:       PerDiemOf(l.Principal, l.AnnualRate, on.AddDays(1)),
	}
}

// PayoffOn is a purchase quote: the option price, the instalments not yet paid
// and fees.
func (l *Lease) PayoffOn(on Date) Payoff {
	return Payoff{Amount: l.PurchaseOption + l.AmountDue() + l.ahead(), GoodThroughOn: on}
}

// AnnualPercentageRate is the yearly rate in percent: "5.75".
func (l *Loan) AnnualPercentageRate() Decimal { return l.AnnualRate.Percent() }

// MostPayable is the most that a payment of a kind can be on a day.
func MostPayable(c Contract, kind PaymentKind, on Date) Cents {
	if l, ok := c.(*Loan); ok && kind == KindPrincipalOnly {
		return l.Principal
	}
	return c.PayoffOn(on).Amount
}

// Clone implements Contract.
func (l *Loan) Clone() Contract { c := *l; return &c }

// Clone implements Contract.
func (l *Lease) Clone() Contract { c := *l; return &c }
