package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/automobilepay/mobilepay/redact"
)

const (
	token  = "q3Zy_7dKx0aP-4mBv9TtRw2LcEeHhJjNnUuSsGgFfYy" // 43 characters
	number = "000123456789"
	email  = "dana.canary+pay@mail.example.com"
	word   = "canary-of-coal"
	rescue = "7K3Q-9XTD-2HVW-0MCB" // a recovery code
)

// both is what the two handlers write.
func both(t *testing.T, log func(*slog.Logger)) string {
	t.Helper()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{
		slog.NewTextHandler(&out, redact.Options(slog.LevelDebug)), slog.NewJSONHandler(&out, redact.Options(slog.LevelDebug)),
	} {
		log(slog.New(handler))
	}
	return out.String()
}

// hides fails if a secret is in what was logged, also with its quotes escaped.
func hides(t *testing.T, out string) {
	t.Helper()
	for _, secret := range []string{token, number, email, "dana.canary", word, rescue} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is in %s", secret, out)
		}
	}
	if !strings.Contains(out, redact.Hidden) {
		t.Errorf("nothing was hidden in %s", out)
	}
}

func TestNamesOfSecrets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"password", "Password", "newPassword", "passwd", "token", "session_token", "TOKEN", "authorization", "Authorization", "Set-Cookie", "cookie",
		"secret", "clientSecret", "totpSecret", "code", "Code", "email_code", "oneTimeCode", "accountNumber", "account_number", "ACCOUNT-NUMBER", "account.number",
		"number", "routingNumber", "otp", "pin", "email", "customerEmail", "phone", "api_key", "private key", "detail", "Detail", "databaseURL",
	} {
		hides(t, both(t, func(l *slog.Logger) { l.Info("a line", name, word) }))
		hides(t, both(t, func(l *slog.Logger) { l.With(name, word).Info("a line") }))
		hides(t, both(t, func(l *slog.Logger) { l.WithGroup(name).Info("a line", "value", word) }))
		hides(t, both(t, func(l *slog.Logger) { l.Info("a line", slog.Group("outer", slog.Group(name, "value", word))) }))
		hides(t, both(t, func(l *slog.Logger) {
			l.Info("a line", "input", map[string]any{"deep": []any{map[string]string{name: word}}})
		}))
		hides(t, both(t, func(l *slog.Logger) {
			l.Info("a line", "body", json.RawMessage(fmt.Sprintf(`{"a": [{%q: %q}]}`, name, word)))
		}))
		hides(t, both(t, func(l *slog.Logger) {
			l.Info("a line", "count", 1, slog.Int(name, 4711), slog.Any("v", map[string]int{name: 1}))
		}))
	}
}

// credentials is a struct with secrets under names of its own and of JSON's.
type credentials struct {
	User     string
	Password string
	PIN      string `json:"p"`
	Inner    *credentials
	Bytes    []byte
	Err      error
	hidden   string
	Number   int64 `json:"accountNumber"`
}

func TestStructs(t *testing.T) {
	t.Parallel()
	c := credentials{User: "dana", Password: word, PIN: word, hidden: word, Bytes: []byte(number), Err: errors.New("no such account: " + number),
		Inner: &credentials{Password: word, User: email}}
	for _, v := range []any{c, &c, []*credentials{&c}, map[string]any{"c": c}} {
		out := both(t, func(l *slog.Logger) { l.Info("a line", "form", v) })
		hides(t, out)
		if !strings.Contains(out, "dana") {
			t.Errorf("the user was hidden: %s", out)
		}
	}
	endless := &credentials{}
	endless.Inner = endless
	hides(t, both(t, func(l *slog.Logger) { l.Info("a line", "form", endless) }))
}

func TestValuesThatLookLikeSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		token, "with " + token + " in it", "Bearer " + token, "authorization: Bearer " + word, "bearer " + word, `{"Authorization":"Basic ` + word + `"}`,
		"session:" + token, "/path/" + token + "/x", "token=" + word, `token: "` + word + `"`, `{"password":"` + word + ` x"}`, `{\"password\": \"` + word + `\"}`,
		"password='" + word + "'", "host=db password=" + word + " port=5432", "postgres://user:" + word + "@db.internal:5432/books?sslmode=disable",
		"rediss://:" + word + "@redis:6379/0", "dial sftp://pay:" + word + "@host/in", "https://h/x?token=" + word + "&y=1",
		number, "account " + number, `"` + number + `"`, "number=" + number, "(" + number + ")", "account-" + number, number + ".", "acct_" + number,
		"numbers 12345678, " + number, email, "<" + email + ">", "mailto:" + email, "to " + email + ": refused", `code: "123456" and ` + email,
		`pq: duplicate key DETAIL: Key (email)=(` + word + `) already exists.`, "no trace of " + number,
		rescue, "code " + rescue + " is wrong", `code: "` + rescue + `"`,
	} {
		hides(t, both(t, func(l *slog.Logger) { l.Info(text) }))
		hides(t, both(t, func(l *slog.Logger) { l.Error("failed", "error", errors.New(text)) }))
		hides(t, both(t, func(l *slog.Logger) { l.Error("failed", "error", fmt.Errorf("outer: %w", errors.New(text))) }))
		hides(t, both(t, func(l *slog.Logger) {
			l.With("text", text).WithGroup("g").Info("x", "panic", any(text), slog.Group("h", "t", text))
		}))
		hides(t, redact.String(text))
	}
	for text, want := range map[string]string{
		"the code is code=123456.":                  "the code is code=[hidden]",
		"one 12345678 two 12345678901234567 three":  "one [hidden] two [hidden] three",
		"postgres://u:" + word + "@db:5432/books":   "postgres://u:[hidden]@db:5432/books",
		`{"password":"` + word + `","user":"dana"}`: `{"password":[hidden],"user":"dana"}`,
	} {
		if got := redact.String(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// What operators need stays as it is.
func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "the clock could not be moved", "request 0123456789abcdef0123456789abcdef",
		"file 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is not what it was",
		"run 01890a5d-ac96-774b-bcce-b302099a8057", "123e4567-e89b-12d3-a456-426614174000", "12345678-1234-1234-1234-123456789012",
		"deliver 20261118-1500-A.ach: no space left on device", "return R01 of trace 091000010000001: the database is unavailable: SQLSTATE 08006",
		"unseal the account of entry 12345678: vault: does not unseal", "payment MP-1234-5678-90AB",
		"at 2026-11-18T14:59:59.999999999Z", "2026-11-18 14:59:59.999999999-05:00", "took 1.234567891s", "$12,345,678.90", "12345678.90", "-1234567.12",
		"listen tcp 127.0.0.1:8080: bind: address already in use", "[2001:db8::1]:443", "postgres: SQLSTATE 23505 (unique_violation) payments_confirmation_number_key",
		"session: Redis is unavailable: read tcp 127.0.0.1:40312->127.0.0.1:6379: i/o timeout", "dial sftp://pay@bank.example:2222/in: refused",
		"the host shows key SHA256:q3Zy7dKx0aPj4mBv9TtRw2LcEeHhJjNnUuSsGgFfYyA, which is not the one in hosts",
		"unexpected status code: 503", "code: NOT_FOUND", "the token is gone", "vehicle:42 payment_account:17 auto_pay:3", "customer 1234567",
		"github.com/automobilepay/mobilepay/graph.(*executionContext).fieldContext_ConfirmMicroEntriesPayload_paymentAccount(0xc000123456789, {0x12345678})",
		"\t/home/user/auth/password.go:27 +0x1d4", "invalid input: number of items", "GOMAXPROCS=2 goroutine 12345 [running]:",
	} {
		if got := redact.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	at := time.Date(2026, 11, 18, 17, 0, 0, 123456789, time.UTC)
	out := both(t, func(l *slog.Logger) {
		l.Info("a line", "request", "12345678901234567890123456789012", "trace", number, "payment_id", number, "paymentId", int64(123456789012), "cents", 123456789,
			"file", number+".ach", "took", 1234567891*time.Nanosecond, "at", at, "level", "x", "error", context.Canceled, "none", nil, "yes", true,
			"deep", map[string]any{"cents": 123456789, "at": at, "id": number})
	})
	if strings.Contains(out, redact.Hidden) {
		t.Errorf("something was hidden: %s", out)
	}
	for _, want := range []string{number, "123456789012", "cents=123456789", `"cents":123456789`, "1.234567891s", "2026-11-18T17:00:00.123456789Z", "context canceled"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
}

// Of a database's error only the code is told, even where nobody has translated it.
func TestDatabaseErrors(t *testing.T) {
	t.Parallel()
	raw := &pq.Error{Code: "22P02", Message: `invalid input syntax for type bigint: "` + word + `"`, Detail: word, Where: word, Hint: word, InternalQuery: word}
	for _, err := range []error{raw, fmt.Errorf("insert: %w", raw), errors.Join(io.EOF, raw)} {
		out := both(t, func(l *slog.Logger) {
			l.Error("failed", "error", err, "result", map[string]any{"err": err}, "list", []error{err})
		})
		if strings.Contains(out, word) || !strings.Contains(out, "SQLSTATE 22P02") {
			t.Errorf("got %s", out)
		}
	}
}

// The server's own complaints, such as of a panic, go the same way.
func TestHTTPServersLog(t *testing.T) {
	t.Parallel()
	hides(t, both(t, func(l *slog.Logger) {
		server := http.Server{ErrorLog: slog.NewLogLogger(l.Handler(), slog.LevelDebug)}
		server.ErrorLog.Printf("http: panic serving 127.0.0.1:4711: %v", "Bearer "+token)
	}))
}

// A value that hides itself is shown as it wants to be.
func TestValuesThatHideThemselves(t *testing.T) {
	t.Parallel()
	out := both(t, func(l *slog.Logger) { l.Info("a line", "v", shy{word}, "list", []any{shy{word}, &shy{word}}) })
	if strings.Contains(out, word) || strings.Count(out, "[shy]") != 6 {
		t.Errorf("got %s", out)
	}
}

type shy struct{ Value string }

func (shy) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[shy]")) }

func BenchmarkLine(b *testing.B) {
	for name, options := range map[string]*slog.HandlerOptions{"plain": {Level: slog.LevelDebug}, "redacted": redact.Options(slog.LevelDebug)} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(slog.NewJSONHandler(io.Discard, options))
			for b.Loop() {
				log.Info("took a file of the bank", "file", "20261118-1500-A.ach", "request", "0123456789abcdef0123456789abcdef", "count", 3)
			}
		})
	}
}
