package auth

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
)

// NewCode is a one-time code: six random digits, each code as likely as any other.
func NewCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // never fails: it would end the program
	}
	return fmt.Sprintf("%06d", n)
}

const (
	recoveryCodes = 10
	// recoveryLength is 16 characters of 5 bits each.
	recoveryLength = 16
	recoveryGroup  = 4
	// recoveryAlphabet is Crockford's: no I, L, O and U.
	recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// NewRecoveryCodes makes ten codes of 80 random bits for whoever loses the second
// factor, as they are shown: XXXX-XXXX-XXXX-XXXX. Keep only hashes of what
// [NormalizeRecoveryCode] makes of them.
func NewRecoveryCodes() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var code strings.Builder
		for j, b := range random(recoveryLength) {
			if j > 0 && j%recoveryGroup == 0 {
				code.WriteByte('-')
			}
			code.WriteByte(recoveryAlphabet[int(b)%len(recoveryAlphabet)]) // 256 is a multiple of 32
		}
		codes[i] = code.String()
	}
	return codes
}

// NormalizeRecoveryCode is a code in one spelling, however it was typed: capitals
// without blanks and dashes, and with the digits that O, I and L look like.
func NormalizeRecoveryCode(code string) string {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
}
