package loan

import "slices"

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

// fill spreads amount over what is owed, in order. A bucket that comes twice in
// the order gets no more than is owed in it.
func fill(amount Cents, owed map[Bucket]Cents, order []Bucket) Allocation {
	var shares Allocation
	for _, bucket := range order {
		if part := min(amount, owed[bucket]); part > 0 {
			shares = append(shares, Share{bucket, part})
			owed[bucket] -= part
			amount -= part
		}
	}
	return shares
}

// checkAmount refuses what is not more than zero or is over the maximum, with a
// message for the latter.
func checkAmount(amount, maximum Cents, message Phrase) error {
	switch {
	case amount <= 0:
		return amountInvalid("The amount must be more than zero.", []string{"amount"})
	case amount > maximum:
		return &AmountNotAllowed{
			Refusal: Refusal{Code: CodeAmountOverPayoff, Message: message, Path: []string{"amount"}},
			Maximum: &maximum,
		}
	}
	return nil
}

const (
	overPayoff    = "The amount is more than what would pay off the contract."
	overPrincipal = "The amount is more than the unpaid principal."
)

// Allocate spreads a payment over the loan as it stands on a day. A
// principal-only payment reduces the principal and nothing else, where the
// contract allows that. More than the payoff, or principal-only more than the
// principal, is refused (AMOUNT_OVER_PAYOFF, with the maximum).
func (l *Loan) Allocate(amount Cents, kind PaymentKind, on Date) (Allocation, error) {
	if kind == KindPrincipalOnly {
		if !l.AllowsPrincipalOnly {
			return nil, Refuse(CodePrincipalOnly, "This contract does not allow principal-only payments.", "kind")
		}
		if err := checkAmount(amount, l.Principal, overPrincipal); err != nil {
			return nil, err
		}
		return Allocation{{BucketPrincipalAhead, amount}}, nil
	}
	if err := checkAmount(amount, l.PayoffOn(on).Amount, overPayoff); err != nil {
		return nil, err
	}
	interest := l.InterestOn(on)
	// Of the instalments that are due, what is not interest is principal.
	due := min(max(l.PastDue+l.CurrentDue-interest, 0), l.Principal)
	owed := map[Bucket]Cents{
		BucketInterest:       interest,
		BucketPrincipalDue:   due,
		BucketFees:           l.Fees,
		BucketPrincipalAhead: l.Principal - due,
	}
	// What the contract's order leaves out comes last, so that no money is lost.
	return fill(amount, owed, slices.Concat(l.AllocationOrder, DefaultOrder())), nil
}

// Allocate spreads a payment over the lease: what is past due and due first,
// then fees, then instalments ahead, then the purchase option. More than the
// purchase quote is refused (AMOUNT_OVER_PAYOFF); so is principal-only.
func (l *Lease) Allocate(amount Cents, kind PaymentKind, on Date) (Allocation, error) {
	if kind == KindPrincipalOnly {
		return nil, Refuse(CodePrincipalOnly, "A lease has no principal.", "kind")
	}
	if err := checkAmount(amount, l.PayoffOn(on).Amount, overPayoff); err != nil {
		return nil, err
	}
	owed := map[Bucket]Cents{
		BucketInstalments:    l.PastDue + l.CurrentDue,
		BucketFees:           l.Fees,
		BucketPrepaid:        l.ahead(),
		BucketPurchaseOption: l.PurchaseOption,
	}
	order := []Bucket{BucketInstalments, BucketFees, BucketPrepaid, BucketPurchaseOption}
	return fill(amount, owed, order), nil
}
