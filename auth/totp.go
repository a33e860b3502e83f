package auth

import (
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// What authenticator apps expect of a time-based code (RFC 6238).
const (
	totpStep   = 30 * time.Second
	totpDigits = otp.DigitsSix
	// totpSkew is by how many steps a phone's clock may differ, each way.
	totpSkew = 1
)

// NewTOTP makes the secret of an authenticator app, 160 random bits in base32, and
// the otpauth:// URI that the app scans or opens. Both are to be kept secret.
// The issuer and the account are what the app shows; neither may be empty.
func NewTOTP(issuer, account string) (secret, uri string) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: issuer, AccountName: account, Period: uint(totpStep / time.Second), Digits: totpDigits, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		panic(fmt.Sprintf("auth: %v", err)) // an empty name: a mistake in the wiring
	}
	return key.Secret(), key.URL()
}

// VerifyTOTP tells whether an app with this secret shows code now, and for which
// step of 30 seconds since 1970. A code counts once: hand in the step of the last
// one as after (0 before the first), and keep the new one in the same transaction.
func VerifyTOTP(secret, code string, now time.Time, after int64) (step int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "") // apps show 123 456
	current := now.Unix() / int64(totpStep/time.Second)
	for s := max(current-totpSkew, 0); s <= current+totpSkew; s++ {
		// It compares in constant time, and fails on a secret that cannot be read.
		right, err := hotp.ValidateCustom(code, uint64(s), secret, hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && right && s > after {
			return s, true
		}
	}
	return 0, false
}
