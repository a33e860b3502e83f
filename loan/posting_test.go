package loan_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

// carLoan is a $20,000 loan over 36 months at 5.75 %, due on the 15th.
func carLoan() *loan.Loan {
	opened := day("2026-01-15")
	return &loan.Loan{
		Terms: loan.Terms{OpenedOn: opened, MaturesOn: opened.AddMonths(36), TermMonths: 36, Instalment: 60617,
			CurrentDue: 60617, DueOn: opened.AddMonths(1), DueDay: 15},
		AmountFinanced: 20_000_00, Principal: 20_000_00, AnnualRate: 5750, InterestPaidThrough: opened, AllowsPrincipalOnly: true,
	}
}

func carLease() *loan.Lease {
	opened := day("2026-01-31")
	return &loan.Lease{
		Terms: loan.Terms{OpenedOn: opened, MaturesOn: opened.AddMonths(24), TermMonths: 24, Instalment: 38900, CurrentDue: 38900,
			DueOn: day("2026-02-28"), DueDay: 31},
		PurchaseOption: 16_500_00, InstalmentsRemaining: 23,
	}
}

// book adds postings up, as the ledger would.
type book struct{ sum loan.Posting }

func (b *book) add(t rapid.TB, postings ...loan.Posting) {
	t.Helper()
	for _, p := range postings {
		if p.Sum() != 0 {
			t.Fatalf("a posting sums to %v: %+v", p.Sum(), p)
		}
		b.sum.Cash += p.Cash
		b.sum.Principal += p.Principal
		b.sum.Interest += p.Interest
		b.sum.Fees += p.Fees
		b.sum.Instalments += p.Instalments
	}
}

// agrees checks that the contract is what its postings add up to.
func (b *book) agrees(t rapid.TB, c loan.Contract) {
	t.Helper()
	terms := c.Common()
	if terms.PastDue < 0 || terms.CurrentDue < 0 || terms.Fees < 0 || terms.Fees != b.sum.Fees {
		t.Fatalf("the terms are %+v, the ledger %+v", terms, b.sum)
	}
	switch c := c.(type) {
	case *loan.Loan:
		if c.Principal != b.sum.Principal || c.InterestUnpaid != b.sum.Interest || c.Principal < 0 || c.InterestUnpaid < 0 {
			t.Fatalf("the loan has %v and %v, the ledger %v and %v", c.Principal, c.InterestUnpaid, b.sum.Principal, b.sum.Interest)
		}
	case *loan.Lease:
		ahead := loan.Cents(c.InstalmentsRemaining)*c.Instalment - c.Prepaid
		if owed := c.PastDue + c.CurrentDue + ahead; owed != b.sum.Instalments || ahead < 0 || c.Prepaid < 0 {
			t.Fatalf("the lease owes %v, of it %v ahead, the ledger %v", owed, ahead, b.sum.Instalments)
		}
	}
}

// A loan whose amount due is paid on each due date ends at nothing, on its last
// due date, with a last payment that differs by less than five dollars.
func TestLoanToTheEnd(t *testing.T) {
	l, b := carLoan(), new(book)
	b.add(t, loan.Opening(l, l.OpenedOn))
	payments := 0
	for on := l.OpenedOn; l.Principal > 0; on = on.AddDays(1) {
		l.Bill(on)
		if on == l.DueOn {
			due := l.AmountDue()
			postings, err := l.Post(min(due, l.PayoffOn(on).Amount), loan.KindRegular, on)
			if err != nil {
				t.Fatalf("%v: %v", on, err)
			}
			b.add(t, postings...)
			b.agrees(t, l)
			payments++
			if off := due - l.Instalment; l.Principal == 0 && (off > 500 || off < -500) {
				t.Errorf("the last payment is %v", due)
			}
		}
		if payments > 36 {
			t.Fatalf("%v is left after %d payments", l.PayoffOn(on).Amount, payments)
		}
	}
	if payments != 36 || l.DueOn != l.MaturesOn || l.AmountDue() != 0 {
		t.Errorf("%d payments, the last due on %v with %v left due", payments, l.DueOn, l.AmountDue())
	}
}

// The due day comes back after a short month.
func TestDueDay(t *testing.T) {
	l := carLease()
	var due []string
	for range 3 {
		due = append(due, l.DueOn.String())
		l.Bill(l.DueOn.AddDays(1))
	}
	if due[0] != "2026-02-28" || due[1] != "2026-03-31" || due[2] != "2026-04-30" {
		t.Errorf("due on %v", due)
	}
}

// Whatever is paid, billed and returned, in whatever order: every posting sums to
// zero, the contract is what its postings add up to, nothing falls below zero,
// and the payoff leaves nothing.
func TestPostings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contract := rapid.SampledFrom([]func() loan.Contract{
			func() loan.Contract { return carLoan() }, func() loan.Contract { return carLease() },
		}).Draw(t, "contract")()
		contract.Common().Fees = 2500
		b, on := new(book), contract.Common().OpenedOn
		b.add(t, loan.Opening(contract, on))
		var paid []loan.Posting
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			on = on.AddDays(rapid.IntRange(0, 45).Draw(t, "days"))
			contract.Bill(on)
			switch payoff := contract.PayoffOn(on).Amount; {
			case len(paid) > 0 && rapid.IntRange(0, 5).Draw(t, "returned") == 0:
				i := rapid.IntRange(0, len(paid)-1).Draw(t, "which")
				b.add(t, contract.Reverse(paid[i])...)
				paid = append(paid[:i], paid[i+1:]...)
			case payoff > 0:
				amount := rapid.Custom(func(t *rapid.T) loan.Cents {
					return loan.Cents(rapid.Int64Range(1, int64(min(payoff, 200_000))).Draw(t, "cents"))
				}).Draw(t, "amount")
				if rapid.IntRange(0, 15).Draw(t, "in full") == 0 {
					amount = payoff
				}
				preview, err := contract.Allocate(amount, loan.KindRegular, on)
				if err != nil {
					t.Fatalf("preview: %v", err)
				}
				postings, err := contract.Post(amount, loan.KindRegular, on)
				if err != nil {
					t.Fatalf("post: %v", err)
				}
				payment := postings[len(postings)-1]
				if payment.Cash != amount || payment.Interest != -preview.Of(loan.BucketInterest) || payment.Fees != -preview.Of(loan.BucketFees) {
					t.Fatalf("shown %v, posted %+v", preview, payment)
				}
				b.add(t, postings...)
				paid = append(paid, payment)
				if left := contract.PayoffOn(on).Amount; amount == payoff && left != 0 || left < 0 {
					t.Fatalf("%v is left after paying %v of %v", left, amount, payoff)
				}
			}
			b.agrees(t, contract)
		}
		if rest := contract.PayoffOn(on).Amount; rest > 0 {
			postings, err := contract.Post(rest, loan.KindPayoff, on)
			if err != nil {
				t.Fatal(err)
			}
			b.add(t, postings...)
		}
		b.agrees(t, contract)
		if contract.PayoffOn(on.AddDays(400)).Amount != 0 || contract.Common().AmountDue() != 0 {
			t.Fatalf("after the payoff %+v is left", contract)
		}
	})
}
