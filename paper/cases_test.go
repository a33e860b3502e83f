package paper_test

import (
	"fmt"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

var servicer = loan.Servicer{
	Name:    "Harbor Auto Finance",
	Address: []string{"P.O. Box 1000", "Wilmington, DE 19899"},
	Phone:   "1-800-555-0100",
	Website: "www.example.com/pay",
}

func on(year int, month time.Month, day int) loan.Date {
	return loan.Date{Year: year, Month: month, Day: day}
}

// aLoan is a month of a loan: $425.00 on $18,000.00 at 5.75 %.
func aLoan() *loan.Statement {
	s := &loan.Statement{
		ID: 1, Kind: loan.ContractLoan,
		IssuedOn: on(2026, 11, 24), PeriodFrom: on(2026, 10, 25), PeriodTo: on(2026, 11, 23), DueOn: on(2026, 12, 15),
		OpeningBalance: 18_000_00, ClosingBalance: 17_662_91,
		InterestCharged: 87_91, Received: 425_00, PrincipalPaid: 337_09, InterestPaid: 87_91,
		AmountDue: 425_00, CurrentDue: 425_00,
		InterestUnpaid: 22_26, PayoffAmount: 17_685_17, PayoffPerDiem: 2_7825,
		YearInterestPaid: 1_012_44,
		Paper: loan.Paper{
			Layout: 1, Servicer: servicer,
			Name: "Zoë Nuñez-O'Brien", Address: loan.Address{Line1: "1200 Market Street", Line2: "Apt 4B", City: "Philadelphia", State: "PA", PostalCode: "19107"},
			Vehicle: "2023 Toyota RAV4", AccountNumberLast4: "4821", Rate: 5_750, MaturesOn: on(2030, 6, 15),
		},
		Lines: []loan.StatementLine{
			{On: on(2026, 11, 15), Kind: loan.PostInterest, Interest: -87_91, Balance: 18_000_00},
			{On: on(2026, 11, 15), Kind: loan.PostPayment, Confirmation: "MP-7Q4K-29XD", Amount: 425_00, Principal: 337_09, Interest: 87_91, Balance: 17_662_91},
		},
	}
	for i := range 12 {
		s.Balances = append(s.Balances, loan.StatementBalance{On: on(2025, 11, 23).AddMonths(i), Amount: loan.Cents(22_000_00 - 333_33*i)})
	}
	s.Balances = append(s.Balances, loan.StatementBalance{On: s.PeriodTo, Amount: s.ClosingBalance})
	return s
}

// cases are statements as they occur, and as they are at their worst.
func cases() map[string]*loan.Statement {
	past := aLoan()
	past.PastDue, past.FeesDue, past.AmountDue = 425_00, 25_00, 875_00
	past.FeesCharged = 25_00
	past.Messages = []loan.StatementMessage{
		{Kind: loan.MessagePastDue, Amount: 425_00},
		{Kind: loan.MessageReturned, Amount: 425_00, On: on(2026, 11, 15)},
		{Kind: loan.MessageAutoPay, Amount: 425_00, On: on(2026, 12, 15)},
		{Kind: loan.MessageCorrection, On: on(2026, 11, 20)},
	}
	id := loan.StatementID(7)
	past.Corrects = &id
	long := aLoan()
	long.Name = "Maximiliana Konstantinopolitanska-Wolfeschlegelsteinhausenbergerdorff and Bartholomew Featherstonehaugh-Cholmondeley III"
	long.Address.Line1 = "123456 North Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch Boulevard Southwest"
	long.Address.City = "Winchester-on-the-Severn Heights Township"
	long.Vehicle = "2026 Mercedes-Benz Sprinter 3500XD High Roof Extended 170 in. Wheelbase Passenger Van"
	long.Servicer.Name = "The First National Automobile Leasing, Lending & Servicing Corporation of North America, N.A."
	long.Servicer.Address = []string{"Department of Consumer Payments and Remittances 4410", "P.O. Box 1000", "Building 12, Suite 3400", "Wilmington, DE 19899-1000"}
	big := loan.MaxCents
	long.OpeningBalance, long.ClosingBalance, long.AmountDue, long.CurrentDue, long.PastDue, long.FeesDue, long.PayoffAmount = big, big, big, big, big, big, big
	long.InterestCharged, long.InterestPaid, long.PrincipalPaid, long.YearFeesPaid, long.YearInterestPaid, long.Received = big, big, big, big, big, big
	long.Lines = nil
	for i := range 60 {
		kind, sign := loan.PostPayment, loan.Cents(1)
		if i%3 == 2 {
			kind, sign = loan.PostReversal, -1
		}
		long.Lines = append(long.Lines, loan.StatementLine{On: on(2026, 10, 25).AddDays(i / 2), Kind: kind, Confirmation: fmt.Sprintf("MP-7Q4K-%04d", i), Amount: sign * big, Principal: sign * big, Interest: sign * big, Fees: sign * big, Balance: sign * big})
	}
	long.Balances = long.Balances[:2]
	long.Balances[0].Amount = big
	lease := aLoan()
	lease.Kind = loan.ContractLease
	lease.PayoffPerDiem, lease.Rate, lease.InterestCharged, lease.InterestPaid, lease.PrincipalPaid, lease.InterestUnpaid, lease.YearInterestPaid = 0, 0, 0, 0, 0, 0, 0
	lease.OpeningBalance, lease.ClosingBalance, lease.InstalmentsPaid, lease.InstalmentsRemaining = 9_600_00, 9_200_00, 400_00, 22
	lease.Received, lease.AmountDue, lease.CurrentDue, lease.PayoffAmount = 400_00, 400_00, 400_00, 27_340_00
	lease.Lines = []loan.StatementLine{{On: on(2026, 11, 15), Kind: loan.PostPayment, Confirmation: "MP-7Q4K-29XD", Amount: 400_00, Instalments: 400_00, Balance: 9_200_00}}
	lease.Messages = []loan.StatementMessage{{Kind: loan.MessageAutoPay, Amount: 400_00, On: on(2026, 12, 15)}}
	for i := range lease.Balances {
		lease.Balances[i].Amount = loan.Cents(14_000_00 - i*400_00)
	}
	paid := aLoan()
	paid.ClosingBalance, paid.AmountDue, paid.CurrentDue, paid.PayoffAmount, paid.PayoffPerDiem, paid.InterestUnpaid = 0, 0, 0, 0, 0, 0
	paid.Messages = []loan.StatementMessage{{Kind: loan.MessagePaidOff}}
	paid.PrincipalPaid, paid.Received = 18_000_00, 18_087_91
	paid.Lines[1].Amount, paid.Lines[1].Principal, paid.Lines[1].Balance = 18_087_91, 18_000_00, 0
	paid.Balances[len(paid.Balances)-1].Amount = 0
	empty := aLoan()
	empty.Lines, empty.Balances = nil, empty.Balances[12:]
	empty.InterestCharged, empty.Received, empty.PrincipalPaid, empty.InterestPaid = 0, 0, 0, 0
	empty.OpeningBalance = empty.ClosingBalance
	crowded := aLoan()
	crowded.Vehicle = long.Vehicle
	crowded.PastDue, crowded.AmountDue = 425_00, 850_00
	crowded.Messages = []loan.StatementMessage{{Kind: loan.MessagePastDue, Amount: 425_00}}
	for i := range 12 {
		crowded.Messages = append(crowded.Messages, loan.StatementMessage{Kind: loan.MessageReturned, Amount: 425_00, On: crowded.PeriodFrom.AddDays(i)})
	}
	several := aLoan()
	several.PastDue, several.AmountDue = 425_00, 850_00
	several.Messages = []loan.StatementMessage{{Kind: loan.MessagePastDue, Amount: 425_00}}
	for i := range 40 {
		several.Lines = append(several.Lines, loan.StatementLine{On: on(2026, 11, 15), Kind: loan.PostPayment, Confirmation: fmt.Sprintf("MP-7Q4K-%04d", i), Amount: 1_00, Principal: 1_00, Balance: loan.Cents(17_661_91 - i*1_00)})
	}
	return map[string]*loan.Statement{"crowded": crowded, "several": several, "loan": aLoan(), "past": past, "long": long, "lease": lease, "paid": paid, "empty": empty}
}
