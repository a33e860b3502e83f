package auth_test

import (
	"testing"

	"github.com/automobilepay/mobilepay/auth"
)

// Whoever has a password hashed takes no place from others meanwhile.
func TestHashingLeavesThePlace(t *testing.T) {
	t.Parallel()
	left := 0
	ctx := auth.WithPlace(t.Context(), func() { left++ })
	if _, err := auth.NewHasher().Hash(ctx, "a long enough password"); err != nil || left != 1 {
		t.Errorf("left %d times, %v", left, err)
	}
}
