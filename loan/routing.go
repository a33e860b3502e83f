package loan

// CheckRoutingNumber says what is wrong with a bank's ABA routing number as the
// source of a consumer debit; nil where nothing is. It has nine digits, the first
// two from 01 to 12 or 21 to 32 (a Federal Reserve district), and the weighted
// sum of its digits, 3-7-1, is a multiple of ten.
func CheckRoutingNumber(number string, path ...string) error {
	sum := 0
	for i, weight := range [...]int{3, 7, 1, 3, 7, 1, 3, 7, 1} {
		if len(number) != 9 || number[i] < '0' || number[i] > '9' {
			return Refuse(CodeRoutingNumberInvalid, "A routing number has nine digits.", path...)
		}
		sum += weight * int(number[i]-'0')
	}
	district := int(number[0]-'0')*10 + int(number[1]-'0')
	if sum%10 != 0 || district < 1 || district > 32 || district > 12 && district < 21 {
		return Refuse(CodeRoutingNumberInvalid, "This is not the routing number of a bank.", path...)
	}
	return nil
}

// CheckAccountNumber says what is wrong with a bank account number; nil where
// nothing is. The ACH record holds up to 17 digits; fewer than four is no account.
func CheckAccountNumber(number string, path ...string) error {
	if len(number) < 4 || !allDigits(number, 17) {
		return Refuse(CodeAccountNumberInvalid, "An account number has 4 to 17 digits.", path...)
	}
	return nil
}
