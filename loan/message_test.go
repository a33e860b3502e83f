package loan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	day := loan.Date{Year: 2026, Month: time.November, Day: 18}
	m := loan.Message{Phrase: "%s, %s, %s, %d, %s, %s", Args: []any{loan.Cents(1_234_50), day, day.At(15), 1, "as it is", loan.Message{Phrase: "within"}}}
	if got, want := m.String(), "$1,234.50, November 18, 2026, 3 pm Eastern on November 18, 2026, 1, as it is, within"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	figures := fmt.Sprint(m.Figures(loan.Spanish, func(loan.Message) string { return "dentro" })...)
	if want := fmt.Sprint("$1,234.50", "18 de noviembre de 2026", "las 3 p. m., hora del Este, del 18 de noviembre de 2026", 1, "as it is", "dentro"); figures != want {
		t.Errorf("got %q, want %q", figures, want)
	}
	refusal := loan.Refusal{Code: loan.CodeInvalidInput, Message: "From %d to %d.", Args: []any{1, 9}}
	if got := refusal.Error(); got != "INVALID_INPUT: From 1 to 9." {
		t.Errorf("the log has %q", got)
	}
}
