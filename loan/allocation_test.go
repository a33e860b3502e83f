package loan_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

// goldenLoan is the one of the product's rules: $20,000 at 5.75 %, paid through
// 2026-11-18, with an instalment of $425 due 30 days later.
func goldenLoan() *loan.Loan {
	return &loan.Loan{
		Terms: loan.Terms{
			TermMonths: 60,
			Instalment: 425_00,
			CurrentDue: 425_00,
			DueOn:      day("2026-12-18"),
		},
		AmountFinanced:      22_000_00,
		Principal:           20_000_00,
		AnnualRate:          5750,
		InterestPaidThrough: day("2026-11-18"),
	}
}

func goldenLease() *loan.Lease {
	return &loan.Lease{
		Terms: loan.Terms{
			TermMonths: 36,
			Instalment: 300_00,
			CurrentDue: 300_00,
			PastDue:    150_00,
			Fees:       25_00,
			DueOn:      day("2026-12-18"),
		},
		PurchaseOption:       12_000_00,
		InstalmentsRemaining: 10,
	}
}

func TestAllocateGolden(t *testing.T) {
	shares, err := goldenLoan().Allocate(425_00, loan.KindRegular, day("2026-12-18"))
	want := loan.Allocation{{Bucket: loan.BucketInterest, Amount: 94_52}, {Bucket: loan.BucketPrincipalDue, Amount: 330_48}}
	if err != nil || !slices.Equal(shares, want) {
		t.Fatalf("got %v, %v; want %v", shares, err, want)
	}
	if shares.Of(loan.BucketPrincipalDue) != 330_48 || shares.Of(loan.BucketFees) != 0 {
		t.Errorf("principal %v, fees %v", shares.Of(loan.BucketPrincipalDue), shares.Of(loan.BucketFees))
	}
}

func TestAllocateLoan(t *testing.T) {
	const interest, due, fees, ahead = loan.BucketInterest, loan.BucketPrincipalDue, loan.BucketFees, loan.BucketPrincipalAhead
	tests := map[string]struct {
		change func(*loan.Loan)
		amount loan.Cents
		kind   loan.PaymentKind
		on     string
		want   loan.Allocation
	}{
		"less than the interest": {
			amount: 50_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 50_00}},
		},
		"fees come after principal due": {
			change: func(l *loan.Loan) { l.Fees = 25_00 },
			amount: 430_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 94_52}, {Bucket: due, Amount: 330_48}, {Bucket: fees, Amount: 5_00}},
		},
		"more than is due goes ahead": {
			change: func(l *loan.Loan) { l.Fees = 25_00 },
			amount: 500_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 94_52}, {Bucket: due, Amount: 330_48}, {Bucket: fees, Amount: 25_00}, {Bucket: ahead, Amount: 50_00}},
		},
		"two instalments are due": {
			change: func(l *loan.Loan) { l.PastDue = 425_00 },
			amount: 1000_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 94_52}, {Bucket: due, Amount: 755_48}, {Bucket: ahead, Amount: 150_00}},
		},
		"nothing is due": {
			change: func(l *loan.Loan) { l.CurrentDue = 0 },
			amount: 425_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 94_52}, {Bucket: ahead, Amount: 330_48}},
		},
		"interest is more than the instalment": {
			change: func(l *loan.Loan) { l.InterestUnpaid = 400_00 },
			amount: 500_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 494_52}, {Bucket: ahead, Amount: 5_48}},
		},
		"payoff": {
			change: func(l *loan.Loan) { l.Principal, l.InterestPaidThrough = 300_00, day("2026-12-18") },
			amount: 300_00,
			kind:   loan.KindPayoff,
			want:   loan.Allocation{{Bucket: due, Amount: 300_00}},
		},
		"on the day paid through": {
			amount: 425_00,
			on:     "2026-11-18",
			want:   loan.Allocation{{Bucket: due, Amount: 425_00}},
		},
		"the contract's order": {
			change: func(l *loan.Loan) {
				l.Fees, l.AllocationOrder = 25_00, []loan.Bucket{fees, due, ahead, interest}
			},
			amount: 400_00,
			want:   loan.Allocation{{Bucket: fees, Amount: 25_00}, {Bucket: due, Amount: 330_48}, {Bucket: ahead, Amount: 44_52}},
		},
		"an order that leaves buckets out": {
			change: func(l *loan.Loan) { l.Fees, l.AllocationOrder = 25_00, []loan.Bucket{fees, fees} },
			amount: 425_00,
			want:   loan.Allocation{{Bucket: fees, Amount: 25_00}, {Bucket: interest, Amount: 94_52}, {Bucket: due, Amount: 305_48}},
		},
		"an order that is empty": {
			change: func(l *loan.Loan) { l.AllocationOrder = []loan.Bucket{} },
			amount: 425_00,
			want:   loan.Allocation{{Bucket: interest, Amount: 94_52}, {Bucket: due, Amount: 330_48}},
		},
		"principal only": {
			change: func(l *loan.Loan) { l.AllowsPrincipalOnly = true },
			amount: 425_00,
			kind:   loan.KindPrincipalOnly,
			want:   loan.Allocation{{Bucket: ahead, Amount: 425_00}},
		},
		"all of the principal": {
			change: func(l *loan.Loan) { l.AllowsPrincipalOnly = true },
			amount: 20_000_00,
			kind:   loan.KindPrincipalOnly,
			want:   loan.Allocation{{Bucket: ahead, Amount: 20_000_00}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := goldenLoan()
			if test.change != nil {
				test.change(l)
			}
			if test.kind == "" {
				test.kind = loan.KindRegular
			}
			on := day("2026-12-18")
			if test.on != "" {
				on = day(test.on)
			}
			got, err := l.Allocate(test.amount, test.kind, on)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestAllocateLease(t *testing.T) {
	const instalments, fees = loan.BucketInstalments, loan.BucketFees
	for amount, want := range map[loan.Cents]loan.Allocation{
		400_00:    {{Bucket: instalments, Amount: 400_00}},
		460_00:    {{Bucket: instalments, Amount: 450_00}, {Bucket: fees, Amount: 10_00}},
		1000_00:   {{Bucket: instalments, Amount: 450_00}, {Bucket: fees, Amount: 25_00}, {Bucket: loan.BucketPrepaid, Amount: 525_00}},
		15_475_00: {{Bucket: instalments, Amount: 450_00}, {Bucket: fees, Amount: 25_00}, {Bucket: loan.BucketPrepaid, Amount: 3000_00}, {Bucket: loan.BucketPurchaseOption, Amount: 12_000_00}},
	} {
		got, err := goldenLease().Allocate(amount, loan.KindRegular, day("2026-12-18"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: got %v, %v; want %v", amount, got, err, want)
		}
	}
}

func TestAllocateRefusals(t *testing.T) {
	onlyPrincipal := goldenLoan()
	onlyPrincipal.AllowsPrincipalOnly = true
	tests := map[string]struct {
		contract loan.Contract
		amount   loan.Cents
		kind     loan.PaymentKind
		code     loan.Code
		maximum  loan.Cents
	}{
		"a cent over the payoff":         {goldenLoan(), 20_094_53, loan.KindRegular, loan.CodeAmountOverPayoff, 20_094_52},
		"a cent over the quote":          {goldenLease(), 15_475_01, loan.KindRegular, loan.CodeAmountOverPayoff, 15_475_00},
		"principal only not allowed":     {goldenLoan(), 1_00, loan.KindPrincipalOnly, loan.CodePrincipalOnly, 0},
		"not allowed, whatever amount":   {goldenLoan(), 30_000_00, loan.KindPrincipalOnly, loan.CodePrincipalOnly, 0},
		"principal only of a lease":      {goldenLease(), 1_00, loan.KindPrincipalOnly, loan.CodePrincipalOnly, 0},
		"a cent over the principal":      {onlyPrincipal, 20_000_01, loan.KindPrincipalOnly, loan.CodeAmountOverPayoff, 20_000_00},
		"principal only over the payoff": {onlyPrincipal, 30_000_00, loan.KindPrincipalOnly, loan.CodeAmountOverPayoff, 20_000_00},
		"nothing":                        {goldenLoan(), 0, loan.KindRegular, loan.CodeAmountInvalid, 0},
		"nothing on principal":           {onlyPrincipal, 0, loan.KindPrincipalOnly, loan.CodeAmountInvalid, 0},
		"less than nothing":              {goldenLoan(), -1, loan.KindRegular, loan.CodeAmountInvalid, 0},
		"less than nothing of a lease":   {goldenLease(), -1, loan.KindRegular, loan.CodeAmountInvalid, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shares, err := test.contract.Allocate(test.amount, test.kind, day("2026-12-18"))
			if shares != nil || codeOf(err) != test.code {
				t.Fatalf("got %v, %v; want %s", shares, err, test.code)
			}
			refusal, ok := errors.AsType[*loan.AmountNotAllowed](err)
			if test.maximum != 0 && (!ok || *refusal.Maximum != test.maximum) {
				t.Errorf("got %+v, want the maximum %v", err, test.maximum)
			}
		})
	}
}

func drawCents(t *rapid.T, label string) loan.Cents {
	return loan.Cents(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 5_000_00)).Draw(t, label))
}

func drawTerms(t *rapid.T) loan.Terms {
	return loan.Terms{
		Instalment: drawCents(t, "instalment"),
		CurrentDue: drawCents(t, "current due"),
		PastDue:    drawCents(t, "past due"),
		Fees:       drawCents(t, "fees"),
	}
}

func TestAllocateLoanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &loan.Loan{
			Terms:               drawTerms(t),
			Principal:           loan.Cents(rapid.Int64Range(0, 50_000_00).Draw(t, "principal")),
			AnnualRate:          drawRate(t),
			InterestPaidThrough: day("2026-11-18"),
			InterestUnpaid:      drawCents(t, "interest"),
			AllocationOrder:     rapid.SliceOfN(rapid.SampledFrom(loan.DefaultOrder()), 0, 5).Draw(t, "order"),
		}
		on := l.InterestPaidThrough.AddDays(rapid.IntRange(-5, 400).Draw(t, "days"))
		interest := l.InterestOn(on)
		due := min(max(l.PastDue+l.CurrentDue-interest, 0), l.Principal)
		checkAllocation(t, l, on, slices.Concat(l.AllocationOrder, loan.DefaultOrder()), map[loan.Bucket]loan.Cents{
			loan.BucketInterest:       interest,
			loan.BucketPrincipalDue:   due,
			loan.BucketFees:           l.Fees,
			loan.BucketPrincipalAhead: l.Principal - due,
		})
	})
}

func TestAllocateLeaseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &loan.Lease{
			Terms:                drawTerms(t),
			PurchaseOption:       drawCents(t, "option"),
			InstalmentsRemaining: rapid.IntRange(0, 48).Draw(t, "remaining"),
		}
		order := []loan.Bucket{loan.BucketInstalments, loan.BucketFees, loan.BucketPrepaid, loan.BucketPurchaseOption}
		checkAllocation(t, l, day("2026-11-18"), order, map[loan.Bucket]loan.Cents{
			loan.BucketInstalments:    l.PastDue + l.CurrentDue,
			loan.BucketFees:           l.Fees,
			loan.BucketPrepaid:        loan.Cents(l.InstalmentsRemaining) * l.Instalment,
			loan.BucketPurchaseOption: l.PurchaseOption,
		})
	})
}

// checkAllocation draws an amount and checks what holds for every contract.
func checkAllocation(t *rapid.T, contract loan.Contract, on loan.Date, order []loan.Bucket, owed map[loan.Bucket]loan.Cents) {
	payoff := contract.PayoffOn(on).Amount
	var all loan.Cents
	for _, amount := range owed {
		all += amount
	}
	if all != payoff {
		t.Fatalf("%v is owed, but the payoff is %v", all, payoff)
	}
	_, err := contract.Allocate(payoff+loan.Cents(rapid.Int64Range(1, 1_000_000).Draw(t, "over")), loan.KindRegular, on)
	if refusal, ok := errors.AsType[*loan.AmountNotAllowed](err); !ok || refusal.Code != loan.CodeAmountOverPayoff || *refusal.Maximum != payoff {
		t.Fatalf("over the payoff of %v: %v", payoff, err)
	}
	if payoff == 0 {
		return
	}
	amount := rapid.OneOf(rapid.Just(payoff), rapid.Custom(func(t *rapid.T) loan.Cents {
		return loan.Cents(rapid.Int64Range(1, int64(payoff)).Draw(t, "part"))
	})).Draw(t, "amount")
	shares, err := contract.Allocate(amount, loan.KindRegular, on)
	if err != nil {
		t.Fatal(err)
	}
	var sum loan.Cents
	for _, share := range shares {
		if share.Amount <= 0 || share.Amount > owed[share.Bucket] || share.Amount != shares.Of(share.Bucket) {
			t.Fatalf("%v of %v owed in %s", share.Amount, owed[share.Bucket], share.Bucket)
		}
		sum += share.Amount
	}
	if sum != amount {
		t.Fatalf("the shares make %v of %v", sum, amount)
	}
	// Nothing goes to a bucket before all those ahead of it are full, and the
	// shares are listed in that order.
	left, next := amount, 0
	for i, bucket := range order {
		if slices.Contains(order[:i], bucket) || owed[bucket] == 0 || left == 0 {
			continue
		}
		if want := (loan.Share{Bucket: bucket, Amount: min(left, owed[bucket])}); shares[next] != want {
			t.Fatalf("share %d is %v, want %v", next, shares[next], want)
		}
		left, next = left-shares[next].Amount, next+1
	}
}

func TestPayoffOn(t *testing.T) {
	l := goldenLoan()
	l.Fees, l.PastDue, l.InterestUnpaid = 25_00, 425_00, 10_00
	got := l.PayoffOn(day("2026-12-18"))
	want := loan.Payoff{Amount: 20_129_52, GoodThroughOn: day("2026-12-18"), PerDiem: 3_1507}
	if got != want {
		t.Errorf("loan: got %+v, want %+v", got, want)
	}
	// The day after the last of a common year is a leap year's, and cheaper.
	if got := l.PayoffOn(day("2027-12-31")).PerDiem.Amount(); got != "3.1421" {
		t.Errorf("per diem over the end of 2027: %s", got)
	}
	got = goldenLease().PayoffOn(day("2026-12-18"))
	want = loan.Payoff{Amount: 15_475_00, GoodThroughOn: day("2026-12-18")}
	if got != want {
		t.Errorf("lease: got %+v, want %+v", got, want)
	}
	if rate, perDiem := l.AnnualPercentageRate(), l.PayoffOn(day("2026-12-18")).PerDiemAmount(); rate != "5.75" || perDiem != "3.1507" {
		t.Errorf("shown as %s %% and %s a day", rate, perDiem)
	}
	if due := goldenLease().AmountDue(); due != 475_00 {
		t.Errorf("amount due: %v", due)
	}
}
