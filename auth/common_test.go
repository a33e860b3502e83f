package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/auth"
)

func TestCheckNewPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		password      auth.Password
		alone, second error // without and with a second factor
	}{
		{"", auth.ErrPasswordTooShort, auth.ErrPasswordTooShort},
		{"vK9!wQz", auth.ErrPasswordTooShort, auth.ErrPasswordTooShort},
		{"vK9!wQzx", auth.ErrPasswordTooShort, nil},
		{"vK9!wQzxvU2&pL", auth.ErrPasswordTooShort, nil},
		{"vK9!wQzxvU2&pLm", nil, nil},
		{"seven tall boats drift", nil, nil},
		{"ñandúes y pingüinos", nil, nil},
		{"日本語のとても長い合言葉です。", nil, nil},
		{"e\u0301e\u0301e\u0301e\u0301xyqk", auth.ErrPasswordTooShort, nil}, // 8 characters, 12 code points
		{"e\u0301e\u0301e\u0301xyqk", auth.ErrPasswordTooShort, auth.ErrPasswordTooShort},
		{auth.Password(strings.Repeat("seven tall boats", 8)), nil, nil}, // 128
		{auth.Password(strings.Repeat("seven tall boats", 8) + "x"), auth.ErrPasswordTooLong, auth.ErrPasswordTooLong},
		{auth.Password(strings.Repeat("x", 1<<16)), auth.ErrPasswordTooLong, auth.ErrPasswordTooLong},

		// Listed, in whatever case, spelling or punctuation.
		{"1qaz2wsx3edc4rfv", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"1QAZ2wsx3EDC4rfv", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"ｐａｓｓｗｏｒｄ", auth.ErrPasswordTooShort, auth.ErrPasswordCommon},
		{"PassWord", auth.ErrPasswordTooShort, auth.ErrPasswordCommon},
		{"!!p-a-s-s-w-o-r-d!!", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"Correct horse battery staple", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		// Repetitions.
		{"passwordpassword", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"Dragon dragon DRAGON", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"iloveyouiloveyo", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"aaaaaaaaaaaaaaa", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"!!!!!!!!!!!!!!!", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"xk!pxk!pxk!pxk!p", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"日本日本日本日本日本日本日本日本", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		// Runs.
		{"123456789012345", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"987654321098765", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"ABCDEFGHIJKLMNO", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"qwertyuiopasdfgh", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"lkjhgfdsapoiuytrewq", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"1q2w3e4r5t6y7u8i9o", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		// One and a run.
		{"password12345678", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"1234567sunshine", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"Password!!!!!!!", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"aaaaaaaa11111111", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		// Nothing but what is known of the customer.
		{"ana.diaz@example.com", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"MobilePay ana.diaz", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"anadiaz-example-anadiaz", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"ana.diaz.12345678", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"driver1976driver1976", auth.ErrPasswordCommon, auth.ErrPasswordCommon},
		{"mobilepay takes my money", nil, nil},
		{"diaz and her seven boats", nil, nil},
	} {
		for secondFactor, want := range map[bool]error{false: c.alone, true: c.second} {
			err := auth.CheckNewPassword(c.password, secondFactor, "driver1976", "Ana.Diaz@example.com", "mobilepay")
			if !errors.Is(err, want) {
				t.Errorf("%.40q, second factor %v: got %v, want %v", string(c.password), secondFactor, err, want)
			}
		}
	}
}

func TestWithoutPersonalWordsNoneIsPersonal(t *testing.T) {
	t.Parallel()
	for _, personal := range [][]string{nil, {""}, {"", "@", "a"}} {
		if err := auth.CheckNewPassword("ana.diaz@boats.example", false, personal...); err != nil {
			t.Errorf("%q: %v", personal, err)
		}
	}
}

func TestTheShippedList(t *testing.T) {
	t.Parallel()
	list := auth.CommonPasswords()
	long := 0
	for _, p := range list {
		if len([]rune(p)) < 8 {
			continue
		}
		long++
		if err := auth.CheckNewPassword(auth.Password(strings.ToUpper(p)), true); !errors.Is(err, auth.ErrPasswordCommon) {
			t.Errorf("%q: got %v", p, err)
		}
	}
	if long < 10_000 || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Errorf("%d of %d passwords are long enough to matter; sorted: %v", long, len(list), slices.IsSorted(list))
	}
}

func TestErrorsDoNotTellThePassword(t *testing.T) {
	t.Parallel()
	if text := fmt.Sprint(auth.CheckNewPassword("password12345678", false)); strings.Contains(text, "1234") {
		t.Error(text)
	}
}
