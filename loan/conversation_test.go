package loan_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func TestMessageText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", loan.LongestMessage)
	for text, want := range map[string]string{
		"When is it due?": "When is it due?",
		"  one\r\ntwo \n": "one\ntwo",
		"¿Cuándo? 👩🏽‍💻 ज़ “x” <b>&": "¿Cuándo? 👩🏽‍💻 ज़ “x” <b>&",
		"5 < 6":           "5 < 6",
		long:              long,
		" " + long + "\n": long,
		long + "x":        "",
		"":                "",
		" \n\t ":          "",
		"a\x1b[2Jb":       "",
		"a\x00b":          "",
		"a\u009bb":        "",
		"a\tb":            "",
		"a\rb":            "",
		"a\x7fb":          "",
		"a\u202eb":        "",
		"a\u2066b":        "",
		"a\u2028b":        "",
		"a\xffb":          "",
	} {
		got, err := loan.MessageText(text, "text")
		var refusal loan.UserError
		switch {
		case got != want:
			t.Errorf("%.40q is %.40q, want %.40q", text, got, want)
		case want == "" && (!errors.As(err, &refusal) || refusal.ErrorCode() != loan.CodeInvalidInput || len(refusal.ErrorPath()) != 1):
			t.Errorf("%.40q: %v", text, err)
		case want != "" && err != nil:
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// What is taken is taken again as it is, and can be shown.
func TestMessageTextStays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := loan.MessageText(rapid.String().Draw(t, "text"))
		if err != nil {
			return
		}
		again, err := loan.MessageText(text)
		if err != nil || again != text || !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\x00\r") {
			t.Fatalf("%q: %q, %v", text, again, err)
		}
	})
}

func TestConversationStates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	c := loan.Conversation{ID: 7, CustomerID: 3}
	for i, step := range []struct {
		author loan.MessageAuthor
		close  bool
		want   loan.ConversationState
		unread int
	}{
		{loan.ByCustomer, false, loan.ConversationOpen, 0},
		{loan.ByCustomer, false, loan.ConversationOpen, 0},
		{loan.ByServicer, false, loan.ConversationAnswered, 1},
		{loan.ByServicer, true, loan.ConversationAnswered, 2},
		{loan.ByCustomer, false, loan.ConversationOpen, 2}, // it was closed before
	} {
		m := loan.SecureMessage{Author: step.author, SentAt: now.Add(time.Duration(i) * time.Minute)}
		c.Write(&m)
		if c.State != step.want || c.Unread != step.unread || m.Number != i+1 || c.Messages != i+1 || m.ConversationID != 7 || m.CustomerID != 3 || c.LatestMessageAt != m.SentAt {
			t.Errorf("after message %d: %+v, %+v", i+1, c, m)
		}
		if step.close {
			c.State = loan.ConversationClosed
		}
	}
}

func TestMayWrite(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	sent := func(n int, oldest time.Duration) (latest []time.Time) {
		for i := range n {
			latest = append(latest, now.Add(-oldest*time.Duration(i)/time.Duration(max(n-1, 1))))
		}
		return latest
	}
	for _, c := range []struct {
		n      int
		oldest time.Duration
		wait   time.Duration // 0 where it is allowed
	}{
		{0, 0, 0},
		{19, time.Minute, 0},
		{20, time.Hour, 0},
		{20, time.Hour - time.Second, time.Second},
		{20, 0, time.Hour},
	} {
		err := loan.MayWrite(now, sent(c.n, c.oldest))
		var refusal *loan.TooManyAttempts
		switch {
		case c.wait == 0 && err != nil:
			t.Errorf("%d within %s: %v", c.n, c.oldest, err)
		case c.wait > 0 && (!errors.As(err, &refusal) || !refusal.RetryAt.Equal(now.Add(c.wait))):
			t.Errorf("%d within %s: %v", c.n, c.oldest, err)
		}
	}
}
