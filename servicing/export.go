package servicing

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strings"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// maxExported is how many payments an export has at the most. It is made in memory: so
// many take a few megabytes.
const maxExported = 10_000

// exportHeads are the first row of an export. What is below is the same in all
// languages, for programs to read.
var exportHeads = map[loan.Language][]string{
	loan.English: {"Date", "Vehicle", "Account ending", "Confirmation number", "Amount", "Status", "Principal", "Interest", "Fees", "Lease instalments", "Paid from account ending"},
	loan.Spanish: {"Fecha", "Vehículo", "Cuenta terminada en", "Número de confirmación", "Importe", "Estado", "Capital", "Intereses", "Cargos", "Cuotas de arrendamiento", "Pagado desde la cuenta terminada en"},
}

// exportPayments writes payments of the viewer's vehicles as CSV (RFC 4180), the latest
// first. Where a payment went is empty until it is applied, and zero once the bank has
// returned it; the bank account is empty where it is a joint owner's.
func (s *Service) exportPayments(ctx context.Context, viewer auth.Viewer, f loan.PaymentFilter, language loan.Language) ([]byte, error) {
	vehicles, err := s.Store.Vehicles(ctx, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	byID := map[loan.VehicleID]*loan.Vehicle{}
	var ids []loan.VehicleID
	for _, v := range vehicles {
		if f.VehicleIDs == nil || slices.Contains(f.VehicleIDs, v.ID) {
			byID[v.ID] = v
			ids = append(ids, v.ID)
		}
	}
	payments, err := s.Store.Payments(ctx, viewer.CustomerID, ids, store.Page{Descending: true, Limit: maxExported + 1}.Of(f))
	if err != nil {
		return nil, err
	}
	if len(payments) > maxExported {
		return nil, &loan.Refusal{
			Code: loan.CodeInvalidInput, Message: "These are more than %d payments. Export fewer at a time.", Args: []any{maxExported}, Path: []string{"filter"},
		}
	}
	slices.SortStableFunc(payments, func(a, b loan.Payment) int {
		return store.Position{On: b.ScheduledOn, ID: int64(b.ID)}.Compare(store.Position{On: a.ScheduledOn, ID: int64(a.ID)})
	})
	receipts, err := s.Store.ReceiptsByPayment(ctx, viewer.CustomerID, ids)
	if err != nil {
		return nil, err
	}
	accounts, err := s.Store.PaymentAccounts(ctx, viewer.CustomerID)
	if err != nil {
		return nil, err
	}
	last4 := map[loan.PaymentAccountID]string{}
	for _, a := range accounts {
		last4[a.ID] = a.Last4
	}

	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	head, ok := exportHeads[language]
	if !ok {
		head = exportHeads[loan.English]
	}
	_ = w.Write(head) // its errors are the buffer's, which has none
	for i := range payments {
		p := &payments[i]
		vehicle := byID[p.VehicleID]
		var principal, interest, fees, instalments loan.Decimal
		if to, applied := receipts[p.ID]; applied {
			principal, interest, fees, instalments = to.PrincipalPaid.Amount(), to.InterestPaid.Amount(), to.FeesPaid.Amount(), to.InstalmentsPaid.Amount()
		}
		_ = w.Write([]string{
			p.ScheduledOn.String(), cell(vehicleName(vehicle)), cell(vehicle.AccountNumberLast4()), cell(p.ConfirmationNumber),
			string(p.Amount.Amount()), string(p.Status), string(principal), string(interest), string(fees), string(instalments),
			cell(last4[p.PaymentAccountID]),
		})
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// cell is a text for a spreadsheet, which would calculate what begins like a formula
// (OWASP: CSV injection). Amounts are numbers, and may begin with a minus.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
