package loan_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/automobilepay/mobilepay/loan"
)

// goodRoutingNumbers are of banks in different Federal Reserve districts.
var goodRoutingNumbers = []string{
	"011401533", "021000021", "026009593", "071000013", "091000019", "111000025", "121000248", "122105155", "124003116", "322271627",
}

func TestCheckRoutingNumber(t *testing.T) {
	for _, number := range goodRoutingNumbers {
		if err := loan.CheckRoutingNumber(number); err != nil {
			t.Errorf("%s: %v", number, err)
		}
	}
	for _, number := range []string{
		"", "02100002", "0210000210", "02100002 ", " 21000021", "02100-021", "02100002a", "０21000021", "-21000021",
		"000000000", // its checksum is right, and it is nobody's
		"123456789", "021000022",
		"200000004", "330000000", "610000005", "800000006", // right checksums, other uses
	} {
		err := loan.CheckRoutingNumber(number, "input", "routingNumber")
		refusal, ok := errors.AsType[*loan.Refusal](err)
		if !ok || refusal.Code != loan.CodeRoutingNumberInvalid || !slices.Equal(refusal.Path, []string{"input", "routingNumber"}) {
			t.Errorf("%q: got %v", number, err)
		}
	}
}

func TestRoutingNumberDistricts(t *testing.T) {
	for district := range 100 {
		sum := 3*(district/10) + 7*(district%10)
		number := fmt.Sprintf("%02d000000%d", district, (10-sum%10)%10)
		good := 1 <= district && district <= 12 || 21 <= district && district <= 32
		if err := loan.CheckRoutingNumber(number); (err == nil) != good {
			t.Errorf("%s: %v", number, err)
		}
	}
}

// TestRoutingNumberTypingErrors: the weights are prime to ten, so that no single
// wrong digit goes unseen.
func TestRoutingNumberTypingErrors(t *testing.T) {
	for _, number := range goodRoutingNumbers {
		for i := range len(number) {
			for digit := byte('0'); digit <= '9'; digit++ {
				wrong := []byte(number)
				wrong[i] = digit
				if digit != number[i] && loan.CheckRoutingNumber(string(wrong)) == nil {
					t.Errorf("%s passes for %s", wrong, number)
				}
			}
		}
	}
}

func TestCheckAccountNumber(t *testing.T) {
	for _, number := range []string{"1234", "0000123456", "12345678901234567"} {
		if err := loan.CheckAccountNumber(number); err != nil {
			t.Errorf("%s: %v", number, err)
		}
	}
	for _, number := range []string{"", "123", "123456789012345678", "12 34", "1234a", "-1234", "１２３４"} {
		if err := loan.CheckAccountNumber(number); codeOf(err) != loan.CodeAccountNumberInvalid {
			t.Errorf("%q: got %v", number, err)
		}
	}
}
