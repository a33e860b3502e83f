package loan

// Bucket is a part of what is owed that money can go to.
type Bucket string

// The buckets of a contract.
const (
	BucketInterest       Bucket = "INTEREST"
	BucketPrincipalDue   Bucket = "PRINCIPAL_DUE"
	BucketFees           Bucket = "FEES"
	BucketPrincipalAhead Bucket = "PRINCIPAL_AHEAD"
	BucketInstalments    Bucket = "INSTALMENTS"     // lease: due and past due
	BucketPrepaid        Bucket = "PREPAID"         // lease: instalments ahead
	BucketPurchaseOption Bucket = "PURCHASE_OPTION" // lease
)

// DefaultOrder is the order in which a loan payment is allocated where the
// contract does not say otherwise.
func DefaultOrder() []Bucket {
	return []Bucket{BucketInterest, BucketPrincipalDue, BucketFees, BucketPrincipalAhead}
}

// Share is what of a payment goes to one bucket.
type Share struct {
	Bucket Bucket
	Amount Cents
}

// Allocation is how a payment is spread, in the order it is applied. The shares
// are more than zero and add up to the payment.
type Allocation []Share

// Of is what goes to a bucket.
func (a Allocation) Of(bucket Bucket) (sum Cents) {
	for _, share := range a {
		if share.Bucket == bucket {
			sum += share.Amount
		}
	}
	return sum
}

type owed struct {
	bucket Bucket
	amount Cents
}

// fill spreads amount over what is owed, in order. It returns what is left over.
func fill(amount Cents, debts []owed) (Allocation, Cents) {
	var shares Allocation
	for _, debt := range debts {
		if part := min(amount, debt.amount); part > 0 {
			shares = append(shares, Share{debt.bucket, part})
			amount -= part
		}
	}
	return shares, amount
}

func overPayoff(payoff Cents) error {
	return &AmountNotAllowed{
		Refusal: Refusal{CodeAmountOverPayoff, "The amount is more than what would pay off the contract.", []string{"amount"}},
		Maximum: &payoff,
	}
}

// Allocate spreads a payment over the loan as it stands on a day. A
// principal-only payment reduces the principal and nothing else, where the
// contract allows that. More than the payoff is refused (AMOUNT_OVER_PAYOFF).
func (l *Loan) Allocate(amount Cents, kind PaymentKind, on Date) (Allocation, error) {
	if payoff := l.PayoffOn(on).Amount; amount > payoff {
		return nil, overPayoff(payoff)
	}
	if kind == KindPrincipalOnly {
		if !l.AllowsPrincipalOnly {
			return nil, Refuse(CodePrincipalOnly, "This contract does not allow principal-only payments.", "kind")
		}
		if amount > l.Principal {
			return nil, overPayoff(l.Principal)
		}
		return Allocation{{BucketPrincipalAhead, amount}}, nil
	}
	interest := l.InterestOn(on)
	// Of the instalments that are due, what is not interest is principal.
	due := min(max(l.PastDue+l.CurrentDue-interest, 0), l.Principal)
	order := l.AllocationOrder
	if order == nil {
		order = DefaultOrder()
	}
	debts := make([]owed, 0, len(order))
	for _, bucket := range order {
		switch bucket {
		case BucketInterest:
			debts = append(debts, owed{bucket, interest})
		case BucketPrincipalDue:
			debts = append(debts, owed{bucket, due})
		case BucketFees:
			debts = append(debts, owed{bucket, l.Fees})
		case BucketPrincipalAhead:
			debts = append(debts, owed{bucket, l.Principal - due})
		case BucketInstalments, BucketPrepaid, BucketPurchaseOption:
			// a lease's; a loan owes nothing in them
		}
	}
	shares, _ := fill(amount, debts)
	return shares, nil
}

// Allocate spreads a payment over the lease: what is past due and due first,
// then fees, then instalments ahead, then the purchase option. More than the
// purchase quote is refused (AMOUNT_OVER_PAYOFF); so is principal-only.
func (l *Lease) Allocate(amount Cents, kind PaymentKind, on Date) (Allocation, error) {
	if kind == KindPrincipalOnly {
		return nil, Refuse(CodePrincipalOnly, "A lease has no principal.", "kind")
	}
	if payoff := l.PayoffOn(on).Amount; amount > payoff {
		return nil, overPayoff(payoff)
	}
	shares, _ := fill(amount, []owed{
		{BucketInstalments, l.PastDue + l.CurrentDue},
		{BucketFees, l.Fees},
		{BucketPrepaid, Cents(l.InstalmentsRemaining) * l.Instalment},
		{BucketPurchaseOption, l.PurchaseOption},
	})
	return shares, nil
}
