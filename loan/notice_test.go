package loan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

func TestNoticeChannels(t *testing.T) {
	t.Parallel()
	const email, phone = "robin@example.com", "+17045550100"
	none, byEmail, byText := []loan.Channel(nil), []loan.Channel{loan.ByEmail}, []loan.Channel{loan.ByText}
	both := []loan.Channel{loan.ByEmail, loan.ByText}
	for _, test := range []struct {
		email, phone          string
		wantsEmail, wantsText bool
		wanted, required      []loan.Channel
	}{
		{email, phone, false, false, none, byEmail},
		{email, phone, true, false, byEmail, byEmail},
		{email, phone, false, true, byText, both},
		{email, phone, true, true, both, both},
		{"", phone, false, false, none, byText},
		{"", phone, true, false, none, byText},
		{"", phone, true, true, byText, byText},
		{email, "", false, true, none, byEmail},
		{email, "", true, true, byEmail, byEmail},
		{"", "", true, true, none, none},
	} {
		c := &loan.Customer{Email: test.email, Phone: test.phone, Notifications: loan.Notifications{ByEmail: test.wantsEmail, ByText: test.wantsText}}
		if got := loan.NoticePaymentApplied.Channels(c); !slices.Equal(got, test.wanted) {
			t.Errorf("%+v: what is wanted goes by %v", test, got)
		}
		if got := loan.NoticePaymentReturned.Channels(c); !slices.Equal(got, test.required) {
			t.Errorf("%+v: what is required goes by %v", test, got)
		}
	}
}

// A kind that nobody has thought of is sent, and a code never waits.
func TestNoticeRequired(t *testing.T) {
	t.Parallel()
	for _, kind := range []loan.NoticeKind{
		"NEW", loan.NoticeAutoPayAmount, loan.NoticeCodeIdentity, loan.NoticeContactChanged, loan.NoticeNewDevice, loan.NoticeStatementReady,
		loan.NoticePaymentReturned, loan.NoticeAccountBlocked, loan.NoticeSessionsRevoked,
	} {
		if !kind.Required() || !kind.SendFrom(loan.ByText, day("2026-11-18").At(3)).Equal(day("2026-11-18").At(3)) {
			t.Errorf("%s is not required, or waits", kind)
		}
	}
}

func TestQuietHours(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ at, want string }{
		{"2026-11-18T07:59:59.999999", "2026-11-18T08:00:00"},
		{"2026-11-18T08:00:00", ""},
		{"2026-11-18T20:59:59.999999", ""},
		{"2026-11-18T21:00:00", "2026-11-19T08:00:00"},
		{"2026-11-18T23:59:59", "2026-11-19T08:00:00"},
		{"2026-11-19T00:00:00", "2026-11-19T08:00:00"},
		{"2026-12-31T22:00:00", "2027-01-01T08:00:00"},
		{"2026-03-07T21:00:00", "2026-03-08T08:00:00"}, // an hour is missing in that night
		{"2026-11-01T01:30:00", "2026-11-01T08:00:00"}, // and one is twice in this one
	} {
		local := func(s string) time.Time {
			at, err := time.ParseInLocation("2006-01-02T15:04:05", s, loan.Eastern)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		at := local(test.at)
		want := at
		if test.want != "" {
			want = local(test.want)
		}
		if got := loan.NoticePaymentApplied.SendFrom(loan.ByText, at.UTC()); !got.Equal(want) {
			t.Errorf("at %s it may be sent from %v", test.at, got.In(loan.Eastern))
		}
		if got := loan.NoticePaymentApplied.SendFrom(loan.ByEmail, at); !got.Equal(at) {
			t.Errorf("at %s an e-mail waits until %v", test.at, got)
		}
	}
}
