package loan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of an operating system, by its parts: 4.2.6. A part that is
// missing is zero, so 4.2 and 4.2.0 are equal.
type Version [versionParts]int

// The longest version that is read: four parts of six digits, as no phone has more.
const (
	versionParts  = 4
	versionDigits = 6
)

// ParseVersion reads a version as a phone states it: digits and dots, nothing else.
func ParseVersion(text string) (v Version, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > versionParts {
		return Version{}, false
	}
	for i, part := range parts {
		if len(part) < 1 || len(part) > versionDigits || strings.Trim(part, "0123456789") != "" {
			return Version{}, false
		}
		v[i], _ = strconv.Atoi(part) // a few digits
	}
	return v, true
}

// Compare orders versions part by part, as numbers: 4.10 comes after 4.2.6.
func (v Version) Compare(other Version) int { return slices.Compare(v[:], other[:]) }

// String has two parts at the least.
func (v Version) String() string {
	last := len(v)
	for last > 2 && v[last-1] == 0 {
		last--
	}
	parts := make([]string, last)
	for i := range parts {
		parts[i] = strconv.Itoa(v[i])
	}
	return strings.Join(parts, ".")
}

// AppPlatform is an operating system that there is an app for.
type AppPlatform string

// The operating systems.
const (
	AppOnIOS     AppPlatform = "IOS"
	AppOnAndroid AppPlatform = "ANDROID"
)

// AppPlatforms are all of them.
func AppPlatforms() []AppPlatform { return []AppPlatform{AppOnIOS, AppOnAndroid} }

// AppRequirement is what the app needs of an operating system.
type AppRequirement struct {
	Minimum Version
	// Warned are versions on which the app may not work as it should, all of them
	// later than the minimum.
	Warned []Version
}

// AppRequirements are those of every operating system.
type AppRequirements map[AppPlatform]AppRequirement

// ParseAppRequirements reads "IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4": for each
// operating system the minimum, and the versions that get a warning.
func ParseAppRequirements(text string) (AppRequirements, error) {
	all := AppRequirements{}
	for one := range strings.SplitSeq(text, ";") {
		words := strings.Fields(one)
		if len(words) < 2 || len(words) > 2 && words[2] != "warned" || len(words) == 3 {
			return nil, errors.New("it is not like IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4")
		}
		platform := AppPlatform(words[0])
		if _, twice := all[platform]; twice || !slices.Contains(AppPlatforms(), platform) {
			return nil, errors.New("it names an operating system that is not known, or one twice")
		}
		versions := append([]string{words[1]}, words[min(3, len(words)):]...)
		parsed := make([]Version, len(versions))
		for i, word := range versions {
			var ok bool
			if parsed[i], ok = ParseVersion(word); !ok {
				return nil, errors.New("it has a version that is none")
			}
			if i > 0 && parsed[i].Compare(parsed[0]) < 0 {
				return nil, errors.New("it warns of a version that is not supported")
			}
		}
		all[platform] = AppRequirement{Minimum: parsed[0], Warned: parsed[1:]}
	}
	for _, platform := range AppPlatforms() {
		if _, ok := all[platform]; !ok {
			return nil, fmt.Errorf("it does not name %s", platform)
		}
	}
	return all, nil
}

// AppSupportStatus says whether the app runs on a phone.
type AppSupportStatus string

// What there is to say.
const (
	AppSupported            AppSupportStatus = "SUPPORTED"
	AppSupportedWithWarning AppSupportStatus = "SUPPORTED_WITH_WARNING"
	AppNotSupported         AppSupportStatus = "NOT_SUPPORTED"
)

// AppSupport says whether the app runs on a version of an operating system.
type AppSupport struct {
	Platform       AppPlatform
	OSVersion      Version
	Status         AppSupportStatus
	MinimumVersion Version
}

// UpgradeAdvised tells whether the customer should install a newer operating system.
func (s *AppSupport) UpgradeAdvised() bool { return s.Status != AppSupported }

// MinimumVersionText is the minimum as people read it.
func (s *AppSupport) MinimumVersionText() string { return s.MinimumVersion.String() }

// Support says whether the app runs on a version; false for an operating system that
// there are no requirements for.
func (all AppRequirements) Support(platform AppPlatform, version Version) (*AppSupport, bool) {
	required, known := all[platform]
	s := &AppSupport{Platform: platform, OSVersion: version, Status: AppSupported, MinimumVersion: required.Minimum}
	switch {
	case version.Compare(required.Minimum) < 0:
		s.Status = AppNotSupported
	case slices.Contains(required.Warned, version):
		s.Status = AppSupportedWithWarning
	}
	return s, known
}

// osName is how people call the operating systems.
var osName = map[AppPlatform]string{AppOnIOS: "iOS", AppOnAndroid: "Android"}

// Message is for the customer, in one or two sentences.
func (s *AppSupport) Message() Message {
	name, version := osName[s.Platform], s.OSVersion.String()
	switch s.Status {
	case AppNotSupported:
		return Message{"Mobile Pay does not work on %s %s. It needs %s %s or newer. Please upgrade, or pay on our website.",
			[]any{name, version, name, s.MinimumVersion.String()}}
	case AppSupportedWithWarning:
		return Message{"Mobile Pay may not work as expected on %s %s. Please upgrade to a newer version.", []any{name, version}}
	case AppSupported:
	}
	return Message{"Mobile Pay works on %s %s.", []any{name, version}}
}
