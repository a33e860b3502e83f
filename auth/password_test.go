package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/auth"
)

func hash(t *testing.T, h *auth.Hasher, p auth.Password) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func verify(t *testing.T, h *auth.Hasher, phc string, p auth.Password) bool {
	t.Helper()
	ok, err := h.Verify(t.Context(), phc, p)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := auth.NewHasher()
	const password = "correct horse battery"
	phc := hash(t, h, password)
	if form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`); !form.MatchString(phc) {
		t.Errorf("got %q", phc)
	}
	if !verify(t, h, phc, password) {
		t.Error("the right password was refused")
	}
	for _, wrong := range []auth.Password{"", "correct horse batterx", "correct horse battery ", "Correct horse battery", "correct horse battery\x00"} {
		if verify(t, h, phc, wrong) {
			t.Errorf("%q was taken", string(wrong))
		}
	}
	if hash(t, h, password) == phc {
		t.Error("two hashes of one password are equal: there is no salt")
	}
}

// The reference implementation's test vector: salt "somesalt", 64 MiB, 2 passes,
// password "password" (P-H-C/phc-winner-argon2, src/test.c).
func TestVerifyTakesTheCostFromTheHash(t *testing.T) {
	t.Parallel()
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := auth.NewHasher()
	if !verify(t, h, phc, "password") || verify(t, h, phc, "passwore") {
		t.Error("a hash made elsewhere is not understood")
	}
}

func TestLongPasswords(t *testing.T) {
	t.Parallel()
	h := auth.NewHasher()
	longest := auth.Password(strings.Repeat("é", auth.MaxPasswordLength)) // characters, not bytes
	phc := hash(t, h, longest)
	if !verify(t, h, phc, longest) {
		t.Error("128 characters were refused")
	}
	if verify(t, h, phc, longest[:len(longest)-2]+"e") || verify(t, h, phc, longest[:len(longest)-2]) {
		t.Error("a long password was truncated")
	}
	if _, err := h.Hash(t.Context(), longest+"x"); !errors.Is(err, auth.ErrPasswordTooLong) {
		t.Errorf("129 characters: got %v", err)
	}
	if verify(t, h, phc, longest+"x") || verify(t, h, phc, auth.Password(strings.Repeat("x", 1<<20))) {
		t.Error("a longer password was taken")
	}
}

func TestOnePasswordTypedOnTwoDevices(t *testing.T) {
	t.Parallel()
	h := auth.NewHasher()
	if !verify(t, h, hash(t, h, "caf\u00e9 au lait"), "cafe\u0301 au lait") {
		t.Error("the same characters in another normal form were refused")
	}
}

func TestMalformedHashes(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := auth.NewHasher()
	for _, phc := range []string{
		"", "password", "$", "$$$$$", "$argon2id$v=19$m=65536,t=2,p=1$" + salt,
		"$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4194304,t=2,p=1$" + salt + "$" + key, // 4 GiB
		"$argon2id$v=19$m=65537,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967297,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=1000000,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=2,p=255$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=2,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=065536,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=2,p=1,x=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=65536,t=2,p=1$$" + key,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key + "=",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + strings.Repeat("A", 1<<20),
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key + "$",
		"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
	} {
		ok, err := h.Verify(t.Context(), phc, "password")
		if ok || !errors.Is(err, auth.ErrMalformedHash) {
			t.Errorf("%.80q: got %v, %v", phc, ok, err)
		}
		if err != nil && phc != "" && strings.Contains(err.Error(), key) {
			t.Errorf("the hash is in the error: %v", err)
		}
	}
}

// Time itself is not measured here, on a machine that others use too: that
// VerifyNone does the same work follows from the hash that it works on.
func TestAnUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	h := auth.NewHasher()
	cost := func(phc string) string { return phc[:strings.LastIndex(phc[:strings.LastIndex(phc, "$")], "$")] }
	known, none := hash(t, h, "correct horse battery"), h.None()
	if cost(known) != cost(none) || len(known) != len(none) {
		t.Errorf("a known user's is %q, an unknown one's %q", cost(known), cost(none))
	}
	if none == auth.NewHasher().None() {
		t.Error("the hash of nobody is the same in every process")
	}
	if err := h.VerifyNone(t.Context(), "correct horse battery"); err != nil {
		t.Error(err)
	}
}

func TestAtMostFourAtOnce(t *testing.T) {
	t.Parallel()
	h := auth.NewHasher()
	if h.Slots() != 4 || h.Wait() != 2*time.Second {
		t.Errorf("%d slots, %s", h.Slots(), h.Wait())
	}
	phc := hash(t, h, "x")
	release := h.Occupy(20 * time.Millisecond)
	_, hashErr := h.Hash(t.Context(), "x")
	_, verifyErr := h.Verify(t.Context(), phc, "x")
	for name, err := range map[string]error{"Hash": hashErr, "Verify": verifyErr, "VerifyNone": h.VerifyNone(t.Context(), "x")} {
		if !errors.Is(err, auth.ErrBusy) {
			t.Errorf("%s: got %v, want %v", name, err, auth.ErrBusy)
		}
	}
	release()
	if !verify(t, h, phc, "x") {
		t.Error("does not recover")
	}

	release = h.Occupy(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("whose client is gone: got %v", err)
	}
	var wg sync.WaitGroup
	for range 8 { // who waits is served
		wg.Go(func() {
			if ok, err := h.Verify(t.Context(), phc, "x"); !ok || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
		})
	}
	release()
	wg.Wait()
}

func TestPasswordsDoNotPrint(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-canary"
	type form struct {
		Password auth.Password
		Pointer  *auth.Password
	}
	p := auth.Password(secret)
	f := form{p, &p}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, p, &p, f, []any{p})
	}
	fmt.Fprintln(&out, p, f, map[auth.Password]auth.Password{p: p})
	if err := json.NewEncoder(&out).Encode(f); err != nil {
		t.Error(err)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("log-in", "password", p, "form", f, "group", slog.GroupValue(slog.Any("p", p)))
	}
	for _, leak := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), "99 97 110 97"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in what was printed:\n%s", leak, &out)
		}
	}
}
