package loan_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

const seedRequirements = "IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4"

// The seed's own cases, and those at their edges.
func TestAppSupport(t *testing.T) {
	t.Parallel()
	required, err := loan.ParseAppRequirements(seedRequirements)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		platform loan.AppPlatform
		version  string
		want     loan.AppSupportStatus
	}{
		{loan.AppOnIOS, "4.2.6", loan.AppSupported},
		{loan.AppOnIOS, "4.10", loan.AppSupported}, // as a text it would come before 4.2.6
		{loan.AppOnIOS, "4.2.5", loan.AppNotSupported},
		{loan.AppOnIOS, "4.2", loan.AppNotSupported},
		{loan.AppOnIOS, "4.2.6.0", loan.AppSupported},
		{loan.AppOnIOS, "4.02.06", loan.AppSupported},
		{loan.AppOnIOS, "26", loan.AppSupported},
		{loan.AppOnIOS, "3.999999", loan.AppNotSupported},
		{loan.AppOnIOS, "4.0.3", loan.AppNotSupported}, // Android's warning is not for iOS
		{loan.AppOnAndroid, "2.3.3", loan.AppSupported},
		{loan.AppOnAndroid, "2.3.2", loan.AppNotSupported},
		{loan.AppOnAndroid, "2.3.10", loan.AppSupported},
		{loan.AppOnAndroid, "2", loan.AppNotSupported},
		{loan.AppOnAndroid, "4.0.2", loan.AppSupported},
		{loan.AppOnAndroid, "4.0.3", loan.AppSupportedWithWarning},
		{loan.AppOnAndroid, "4.0.4", loan.AppSupportedWithWarning},
		{loan.AppOnAndroid, "4.0.4.0", loan.AppSupportedWithWarning},
		{loan.AppOnAndroid, "4.0.5", loan.AppSupported},
		{loan.AppOnAndroid, "4.0", loan.AppSupported},
		{loan.AppOnAndroid, "16", loan.AppSupported},
	} {
		version, ok := loan.ParseVersion(c.version)
		if !ok {
			t.Errorf("%s is no version", c.version)
		}
		got, known := required.Support(c.platform, version)
		if !known || got.Status != c.want || got.UpgradeAdvised() != (c.want != loan.AppSupported) {
			t.Errorf("%s %s is %s, want %s", c.platform, c.version, got.Status, c.want)
		}
		if message := got.Message().String(); !strings.Contains(message, version.String()) || strings.Contains(message, "%!") {
			t.Errorf("%s %s: %q", c.platform, c.version, message)
		}
	}
	if _, known := required.Support("SYMBIAN", loan.Version{9}); known {
		t.Error("an operating system is known that has no requirements")
	}
}

func TestParseVersionRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", ".", "4.", ".4", "4..2", "4.2.6.0.0", "v4", "4.2-beta", "-4", "+4", "4,2", " 4", "4 ", "4.2.6\n", "1234567", "٤.٢", "4.0x3", "1e3"} {
		if v, ok := loan.ParseVersion(text); ok {
			t.Errorf("%q is read as %s", text, v)
		}
	}
}

// Whatever is read is written so that it is read again as the same, and orders like
// its parts.
func TestVersions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.Custom(func(t *rapid.T) (v loan.Version) {
			for i := range v {
				v[i] = rapid.OneOf(rapid.IntRange(0, 12), rapid.IntRange(0, 999_999)).Draw(t, "part")
			}
			return v
		})
		a, b := version.Draw(t, "a"), version.Draw(t, "b")
		again, ok := loan.ParseVersion(a.String())
		if !ok || again != a {
			t.Fatalf("%s is read as %s, %t", a, again, ok)
		}
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%s and %s have no order", a, b)
		}
		less := a[0] < b[0] || a[0] == b[0] && slices.Compare(a[1:], b[1:]) < 0
		if less != (a.Compare(b) < 0) {
			t.Fatalf("%s and %s are in the wrong order", a, b)
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add("4.2.6")
	f.Fuzz(func(t *testing.T, text string) {
		if v, ok := loan.ParseVersion(text); ok {
			if again, ok := loan.ParseVersion(v.String()); !ok || again != v {
				t.Errorf("%q: %s", text, v)
			}
		}
	})
}

func TestParseAppRequirements(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		seedRequirements:                    true,
		"ANDROID 5; IOS 12":                 true,
		"  IOS  4.2.6 ;  ANDROID 2.3.3  ":   true,
		"":                                  false,
		"IOS 4.2.6":                         false, // of the other one nothing is said
		"IOS 4.2.6; ANDROID 2.3.3;":         false,
		"IOS 4.2.6; IOS 5; ANDROID 2.3.3":   false,
		"IOS 4.2.6; ANDROID 2.3.3 warned":   false,
		"IOS 4.2.6; ANDROID 2.3.3 not 4.0":  false,
		"IOS 4.2.6; ANDROID 2.3.3 4.0.3":    false,
		"IOS x; ANDROID 2.3.3":              false,
		"IOS 4.2.6; ANDROID 3 warned 2.3.3": false,
		"ios 4.2.6; ANDROID 2.3.3":          false,
		"IOS 4.2.6; ANDROID 2.3.3; WEB 1":   false,
	} {
		if _, err := loan.ParseAppRequirements(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
