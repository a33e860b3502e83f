package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
)

const secret = "s3cret-canary-4711"

// production is an environment in which production starts.
func production(more ...string) []string {
	return append([]string{
		"MOBILEPAY_MODE=production",
		"DATABASE_URL=postgres://mobilepay:" + secret + "@db.internal:5432/mobilepay?sslmode=verify-full",
		"REDIS_URL=rediss://:" + secret + "@redis.internal:6379/0",
		"MOBILEPAY_KEYSET=/run/keyset.json",
		"MOBILEPAY_SMTP_URL=smtp://mobilepay:" + secret + "@mail.internal:587",
		"MOBILEPAY_MAIL_FROM=no-reply@lender.example",
		"MOBILEPAY_TRUSTED_PROXIES=10.0.0.0/8",
		"MOBILEPAY_SERVICER_NAME=Lender Finance", "MOBILEPAY_SERVICER_ADDRESS=PO Box 1;Charlotte, NC 28202",
		"MOBILEPAY_SERVICER_PHONE=1-800-555-0100", "MOBILEPAY_SERVICER_WEBSITE=lender.example",
	}, more...)
}

func load(t *testing.T, environ ...string) config.Config {
	t.Helper()
	c, err := config.Load(environ, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var defaults = config.Config{
	Addr: "127.0.0.1:8080", Mode: config.Sandbox, DatabaseURL: "sqlite:./data/mobilepay.db", ReplicaLag: 2 * time.Second, Keyset: "./data/keyset.json",
	Outbox: "./data/outbox", Inbox: "./data/inbox", Worker: config.On,
	ServicerName: "Synthetic Auto Finance", ServicerAddress: "PO Box 4100; Charlotte, NC 28202-4100", ServicerPhone: "1-800-555-0199", ServicerWebsite: "www.autofinance.example",
	LogLevel: slog.LevelInfo, LogFormat: config.LogText, ServiceName: "mobilepay", TraceRatio: 1, HolidayPosting: loan.PostOnDate, FurthestDays: 60,
	AppVersions: "IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4",
	Documents:   config.AnyDocument, Limits: config.Limits{
		Bytes: 15_000, Tokens: 1000, Operations: 5, Fragments: 20, Depth: 12, Selections: 60,
		Aliases: 15, Directives: 8, Mutations: 1, Cost: 20_000,
	},
	SessionIdle: 15 * time.Minute, SessionAbsolute: 12 * time.Hour, OperationsPerMinute: 6000, MoneyPerMinute: 1000, PartnerOperations: 6000, PartnerMoney: 1000,
	DatabaseConnections: 16, Concurrency: 16, RequestTimeout: 10 * time.Second,
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	if got := load(t); got != defaults {
		t.Errorf("got  %s\nwant %s", got, defaults)
	}
	var empty []string // as compose files pass what is not set
	for line := range strings.Lines(config.Table()) {
		if name := strings.Split(line, "`"); len(name) > 1 {
			empty = append(empty, name[1]+"=")
		}
	}
	if len(empty) != reflect.TypeFor[config.Config]().NumField() {
		t.Errorf("the table has %d variables", len(empty))
	}
	if got := load(t, append(empty, "OTHER=x", "not an assignment")...); got != defaults {
		t.Errorf("got  %s\nwant %s", got, defaults)
	}
	if path := load(t).SQLitePath(); path != "./data/mobilepay.db" {
		t.Errorf("SQLite at %q", path)
	}
}

func TestProductionDefaults(t *testing.T) {
	t.Parallel()
	got := load(t, production()...)
	if got.DrainPause != 3*time.Second || got.Concurrency != 16 {
		t.Errorf("it would stop and shed otherwise: %s", got)
	}
	if got.OperationsPerMinute != 60 || got.MoneyPerMinute != 10 || got.PartnerOperations != 600 || got.PartnerMoney != 60 {
		t.Errorf("the limits are not those of production: %s", got)
	}
	if got.AdminAddr != "127.0.0.1:9090" || load(t, production("MOBILEPAY_ADMIN_ADDR=off")...).AdminAddr != "" {
		t.Errorf("operators are told at %q", got.AdminAddr)
	}
	if got.Mode != config.Production || got.LogFormat != config.LogJSON || got.Keyset != "/run/keyset.json" || got.SQLitePath() != "" {
		t.Errorf("got %s", got)
	}
}

func TestEverySetting(t *testing.T) {
	t.Parallel()
	got := load(t, "MOBILEPAY_ADDR=:9090", "MOBILEPAY_TLS_CERT=cert.pem", "MOBILEPAY_TLS_KEY=key.pem", "MOBILEPAY_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8", "MOBILEPAY_MODE=sandbox", "DATABASE_URL=postgresql://u@h/db",
		"DATABASE_REPLICA_URL=postgres://u@r/db", "MOBILEPAY_REPLICA_LAG=500ms", "REDIS_URL=redis://h:6379/1", "MOBILEPAY_REDIS_CA=ca.pem", "MOBILEPAY_KEYSET=k.json", "MOBILEPAY_KMS_KEY=file:///m.key", "MOBILEPAY_OUTBOX=out", "MOBILEPAY_SFTP_KEY=id", "MOBILEPAY_SFTP_KNOWN_HOSTS=hosts", "MOBILEPAY_INBOX=in",
		"MOBILEPAY_SMTP_URL=smtps://u:p%40w@h", "MOBILEPAY_MAIL_FROM=Lender <no-reply@lender.example>", "MOBILEPAY_TEXT_GATEWAY=text.example",
		"MOBILEPAY_SERVICER_NAME=L", "MOBILEPAY_SERVICER_ADDRESS=A;B", "MOBILEPAY_SERVICER_PHONE=1", "MOBILEPAY_SERVICER_WEBSITE=w", "MOBILEPAY_WORKER=off", "MOBILEPAY_ROUTING_DIRECTORY=fed.txt", "MOBILEPAY_LOG_LEVEL=debug", "MOBILEPAY_LOG_FORMAT=json",
		"MOBILEPAY_ADMIN_ADDR=[::1]:9091", "OTEL_EXPORTER_OTLP_ENDPOINT=https://h:4318/x", "OTEL_EXPORTER_OTLP_HEADERS=a=b%20c, d=e", "OTEL_SERVICE_NAME=pay", "OTEL_TRACES_SAMPLER_ARG=0.25",
		"MOBILEPAY_NOW=2026-11-18T14:59:00.1234567-05:00", "MOBILEPAY_HOLIDAY_POSTING=REJECT", "MOBILEPAY_FURTHEST_DAYS=365", "MOBILEPAY_APP_SUPPORT=IOS 12; ANDROID 5",
		"MOBILEPAY_DOCUMENTS=trusted", "MOBILEPAY_LIMITS=depth=9, cost=123",
		"MOBILEPAY_SESSION_IDLE=90s", "MOBILEPAY_SESSION_ABSOLUTE=90s", "MOBILEPAY_OPERATIONS_PER_MINUTE=7", "MOBILEPAY_MONEY_PER_MINUTE=3",
		"MOBILEPAY_PARTNER_OPERATIONS_PER_MINUTE=8", "MOBILEPAY_PARTNER_MONEY_PER_MINUTE=4", "MOBILEPAY_PUBLIC_URL=http://localhost:8080", "MOBILEPAY_DATABASE_CONNECTIONS=1", "MOBILEPAY_CONCURRENCY=3", "MOBILEPAY_DRAIN_PAUSE=1s", "MOBILEPAY_REQUEST_TIMEOUT=250ms")
	limits := defaults.Limits
	limits.Depth, limits.Cost = 9, 123
	want := config.Config{
		Addr: ":9090", TLSCert: "cert.pem", TLSKey: "key.pem", TrustedProxies: "10.0.0.0/8, fd00::/8", Mode: config.Sandbox, DatabaseURL: "postgresql://u@h/db", ReplicaURL: "postgres://u@r/db", ReplicaLag: 500 * time.Millisecond, RedisURL: "redis://h:6379/1", RedisCA: "ca.pem",
		Keyset: "k.json", KMSKey: "file:///m.key", Outbox: "out", SFTPKey: "id", SFTPKnownHosts: "hosts", Inbox: "in",
		SMTPURL: "smtps://u:p%40w@h", MailFrom: "Lender <no-reply@lender.example>", TextGateway: "text.example",
		ServicerName: "L", ServicerAddress: "A;B", ServicerPhone: "1", ServicerWebsite: "w", Worker: config.Off, RoutingDirectory: "fed.txt",
		LogLevel: slog.LevelDebug, LogFormat: config.LogJSON,
		AdminAddr: "[::1]:9091", OTLPEndpoint: "https://h:4318/x", OTLPHeaders: "a=b%20c, d=e", ServiceName: "pay", TraceRatio: 0.25, Now: time.Date(2026, 11, 18, 19, 59, 0, 123_456_000, time.UTC),
		HolidayPosting: loan.RejectHolidays, FurthestDays: 365, AppVersions: "IOS 12; ANDROID 5",
		Documents: config.TrustedDocuments, Limits: limits, SessionIdle: 90 * time.Second, SessionAbsolute: 90 * time.Second,
		OperationsPerMinute: 7, MoneyPerMinute: 3, PartnerOperations: 8, PartnerMoney: 4, PublicURL: "http://localhost:8080", DatabaseConnections: 1, Concurrency: 3, DrainPause: time.Second, RequestTimeout: 250 * time.Millisecond,
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if headers := got.TraceHeaders(); !maps.Equal(headers, map[string]string{"a": "b c", "d": "e"}) {
		t.Errorf("headers %v", headers)
	}
}

func TestWhatIsWrongNamesItsVariable(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		"MOBILEPAY_ADDR":                          {"8080", "localhost", "http://h:1", "h:", "a b:1"},
		"MOBILEPAY_TLS_KEY":                       {"key.pem"},
		"MOBILEPAY_TRUSTED_PROXIES":               {"10.0.0.1", "10.0.0.0/33", "10.0.0.0/8,", "proxy", "0.0.0.0/0", "10.0.0.0/8 fd00::/8", "::/0"},
		"MOBILEPAY_PUBLIC_URL":                    {"localhost", "https://h/", "https://h/path", "https://u:p@h", "https://h?q", "ftp://h", "https://"},
		"MOBILEPAY_PARTNER_OPERATIONS_PER_MINUTE": {"-1", "1000001", "many"},
		"MOBILEPAY_PARTNER_MONEY_PER_MINUTE":      {"-1", "1000001", "many"},
		"MOBILEPAY_MODE":                          {"prod", "Production", " sandbox"},
		"DATABASE_URL":                            {"mysql://u:" + secret + "@h/db", "postgres:" + secret, "postgres://", "sqlite:", secret, "postgres://u:" + secret + "@h:x/db", "\x7f://" + secret},
		"DATABASE_REPLICA_URL":                    {"postgres://u:" + secret + "@h/db", "sqlite:x.db", "mysql://u:" + secret + "@h/db", secret},
		"MOBILEPAY_REPLICA_LAG":                   {"0s", "99ms", "61s", "2"},
		"REDIS_URL": {"http://:" + secret + "@h", "h:6379", "redis://", "redis://:" + secret + "@h:x", "unix:///" + secret,
			"redis+sentinel://h", "redis+cluster://h/1", "redis+ring://h", "redis+://h", "redis+cluster://?addr=h:1", "redis+cluster://h?prefix={a}"},
		"MOBILEPAY_CONCURRENCY": {"-1", "10001", "many"},
		"MOBILEPAY_DRAIN_PAUSE": {"-1s", "5001ms", "5"},
		"MOBILEPAY_OUTBOX": {
			"sftp://" + secret + ":" + secret + "@h/in", "sftp://u:@h/in", "sftp://h/in", "sftp://u@h", "sftp://u@:22/in", "sftp://u@h:0/in",
			"sftp://u@h:65536/in", "sftp://u@h/in?" + secret, "sftp://u@h/in#" + secret, "sftp:/in", "SFTP:u@h", "ftp://u@h/in", "file:///in",
			"sftp://u:" + secret + "@h:x/in",
		},
		"MOBILEPAY_MAIL_FROM":            {"lender", "@lender.example", "a@b, c@d", "a@b\r\nBcc: c@d"},
		"MOBILEPAY_TEXT_GATEWAY":         {"a b", "x@y", "text.example, x@y", "a\r\nb"},
		"MOBILEPAY_KMS_KEY":              {"master.key", "/etc/master.key", "://x", "file://"},
		"MOBILEPAY_SERVICER_NAME":        {" ", "a\nb", strings.Repeat("x", 61)},
		"MOBILEPAY_SERVICER_ADDRESS":     {";", "a;;b", "a;b;", "a;b;c;d;e", "a\r\nb", strings.Repeat("x", 61)},
		"MOBILEPAY_SERVICER_PHONE":       {"\t"},
		"MOBILEPAY_SERVICER_WEBSITE":     {strings.Repeat("x", 61)},
		"MOBILEPAY_WORKER":               {"yes", "ON"},
		"MOBILEPAY_LOG_LEVEL":            {"loud", "info+1", "2"},
		"MOBILEPAY_LOG_FORMAT":           {"xml", "JSON"},
		"MOBILEPAY_ADMIN_ADDR":           {"on", "9090", "127.0.0.1:8080", "h:"},
		"OTEL_EXPORTER_OTLP_ENDPOINT":    {"localhost:4318", "grpc://h:4317", "http://"},
		"OTEL_EXPORTER_OTLP_HEADERS":     {secret, "=" + secret, "a=%" + secret, "a=b,"},
		"OTEL_TRACES_SAMPLER_ARG":        {"-0.1", "1.1", "NaN", "always", "5%"},
		"MOBILEPAY_NOW":                  {"2026-11-18", "now", "2026-11-18T14:59:00", "2026-02-30T00:00:00Z"},
		"MOBILEPAY_HOLIDAY_POSTING":      {"post_on_date", "LATER"},
		"MOBILEPAY_FURTHEST_DAYS":        {"0", "366", "-1", "60d", "1e2", "99999999999999999999"},
		"MOBILEPAY_APP_SUPPORT":          {"IOS 4.2.6", "IOS x; ANDROID 2.3.3", "4.2.6"},
		"MOBILEPAY_DOCUMENTS":            {"some", "Any"},
		"MOBILEPAY_LIMITS":               {"12", "depth", "depth=0", "depth=-1", "depth=x", "height=1", "depth=1;cost=2", "depth=99999999999999999999"},
		"MOBILEPAY_SESSION_IDLE":         {"15", "0s", "-1m", "soon"},
		"MOBILEPAY_SESSION_ABSOLUTE":     {"14m59s", "0s", "12"},
		"MOBILEPAY_DATABASE_CONNECTIONS": {"0", "501", "many"},
		"MOBILEPAY_REQUEST_TIMEOUT":      {"0s", "10001ms", "-1s", "10"},
	} {
		for _, value := range values {
			t.Run(variable+"="+value, func(t *testing.T) {
				t.Parallel()
				c, err := config.Load([]string{variable + "=" + value}, config.Everything)
				if err == nil || c != (config.Config{}) {
					t.Fatalf("got %s, %v", c, err)
				}
				if got := variables(err); !slices.Equal(got, []string{variable}) {
					t.Errorf("got %q", err)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret is in the error: %v", err)
				}
			})
		}
	}
}

// variables are those an error names, one a line.
func variables(err error) (names []string) {
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestProductionRefuses(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"DATABASE_URL=sqlite:/var/lib/x.db":  "DATABASE_URL",
		"DATABASE_URL=":                      "DATABASE_URL",
		"REDIS_URL=":                         "REDIS_URL",
		"MOBILEPAY_KEYSET=":                  "MOBILEPAY_KEYSET",
		"MOBILEPAY_SMTP_URL=":                "MOBILEPAY_SMTP_URL",
		"MOBILEPAY_NOW=2026-11-18T00:00:00Z": "MOBILEPAY_NOW",
		"MOBILEPAY_TRUSTED_PROXIES=":         "MOBILEPAY_TLS_CERT",
		"MOBILEPAY_SERVICER_NAME=":           "MOBILEPAY_SERVICER_NAME",
		"MOBILEPAY_SERVICER_ADDRESS=":        "MOBILEPAY_SERVICER_ADDRESS",
		"MOBILEPAY_SERVICER_PHONE=":          "MOBILEPAY_SERVICER_PHONE",
		"MOBILEPAY_SERVICER_WEBSITE=":        "MOBILEPAY_SERVICER_WEBSITE",

		"DATABASE_URL=postgres://u@db.internal/x":                                                "DATABASE_URL",
		"DATABASE_URL=postgres://u@db.internal/x?sslmode=disable":                                "DATABASE_URL",
		"DATABASE_URL=postgres://u@db.internal/x?sslmode=prefer":                                 "DATABASE_URL",
		"DATABASE_URL=postgres://u@db.internal/x?sslmode=require&sslmode=disable":                "DATABASE_URL",
		"DATABASE_URL=postgres://u@127.0.0.1/x?sslmode=disable&host=db.internal":                 "DATABASE_URL",
		"DATABASE_URL=postgres://u:short@db.internal/x?sslmode=verify-full":                      "DATABASE_URL",
		"DATABASE_URL=postgres://u:PASSWORD@db.internal/x?sslmode=verify-full":                   "DATABASE_URL",
		"DATABASE_URL=postgres://u@db.internal/x?sslmode=verify-full&password=0123456789abcdef0": "DATABASE_URL",
		"DATABASE_REPLICA_URL=postgres://u@db2.internal/x":                                       "DATABASE_REPLICA_URL",
		"REDIS_URL=redis://:0123456789abcdef@redis.internal:6379/0":                              "REDIS_URL",
		"REDIS_URL=rediss://redis.internal:6379/0":                                               "REDIS_URL",
		"REDIS_URL=rediss://:short@redis.internal:6379/0":                                        "REDIS_URL",
		"REDIS_URL=redis+cluster://:0123456789abcdef@127.0.0.1:7000?addr=redis.internal:7000":    "REDIS_URL",
		"REDIS_URL=rediss+cluster://redis.internal:7000":                                         "REDIS_URL",
		"REDIS_URL=rediss+sentinel://:0123456789abcdef@redis.internal?master_name=books":         "REDIS_URL",
	} {
		_, err := config.Load(production(setting), config.Everything)
		if err == nil || !slices.Equal(variables(err), []string{want}) {
			t.Errorf("%s: got %v", setting, err)
		}
	}
}

func TestKeysetInTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{production("MOBILEPAY_KEYSET=", "MOBILEPAY_KEYSET_JSON="+secret), {"MOBILEPAY_KEYSET_JSON=" + secret}} {
		if c := load(t, environ...); c.Keyset != "" || c.KeysetJSON != secret || strings.Contains(c.String(), secret) {
			t.Errorf("got %s", c)
		}
	}
	_, err := config.Load(production("MOBILEPAY_KEYSET_JSON="+secret), config.Everything)
	if err == nil || !slices.Equal(variables(err), []string{"MOBILEPAY_KEYSET_JSON"}) || strings.Contains(err.Error(), secret) {
		t.Errorf("with both: %v", err)
	}
}

func TestProductionTakes(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"DATABASE_URL=postgres://u@db.internal/x?sslmode=require", "DATABASE_URL=postgres://u@db.internal/x?sslmode=verify-ca",
		"DATABASE_URL=postgres://u:x@127.0.0.1/x?sslmode=disable", "DATABASE_URL=postgres://u@[::1]:5433/x", "DATABASE_URL=postgres://u@localhost/x",
		"REDIS_URL=redis://127.0.0.1:6379/0", "REDIS_URL=redis://localhost", "REDIS_URL=rediss://u:0123456789abcdef@redis.internal",
		"REDIS_URL=rediss+cluster://:0123456789abcdef@a.internal:7000?addr=b.internal:7000", "REDIS_URL=redis+cluster://127.0.0.1:7000?addr=127.0.0.1:7001&prefix=staging:",
		"REDIS_URL=rediss+sentinel://a.internal?master_name=books&password=0123456789abcdef", "MOBILEPAY_DRAIN_PAUSE=5s",
	} {
		load(t, production(setting)...)
	}
	load(t, production("MOBILEPAY_TRUSTED_PROXIES=", "MOBILEPAY_TLS_CERT=c", "MOBILEPAY_TLS_KEY=k")...)
	if got := load(t, production("MOBILEPAY_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8")...).Proxies(); len(got) != 2 || got[1].String() != "fd00::/8" {
		t.Errorf("proxies %v", got)
	}
	if got := load(t).Proxies(); got != nil {
		t.Errorf("proxies %v", got)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"MOBILEPAY_MODE=production", "MOBILEPAY_NOW=2026-11-18T00:00:00Z", "MOBILEPAY_FURTHEST_DAYS=many",
		"MOBILEPAY_SESSION_IDLE=x", "MOBILEPAY_REQUEST_TIMEOUT=11s",
	}, config.Everything)
	want := []string{
		"DATABASE_URL", "MOBILEPAY_FURTHEST_DAYS", "MOBILEPAY_KEYSET", "MOBILEPAY_NOW", "MOBILEPAY_REQUEST_TIMEOUT",
		"MOBILEPAY_SERVICER_ADDRESS", "MOBILEPAY_SERVICER_NAME", "MOBILEPAY_SERVICER_PHONE", "MOBILEPAY_SERVICER_WEBSITE",
		"MOBILEPAY_SESSION_IDLE", "MOBILEPAY_SMTP_URL", "MOBILEPAY_TLS_CERT", "REDIS_URL",
	}
	if err == nil || !slices.Equal(variables(err), want) {
		t.Errorf("got %v", err)
	}
}

func TestOutboxOnServer(t *testing.T) {
	t.Parallel()
	for outbox, where := range map[string][4]string{
		"sftp://pay@bank.example:2222/in/ach": {"pay", "bank.example", "2222", "/in/ach"},
		"SFTP://pay@[::1]/":                   {"pay", "::1", "", "/"},
	} {
		c := load(t, "MOBILEPAY_OUTBOX="+outbox, "MOBILEPAY_SFTP_KEY=id", "MOBILEPAY_SFTP_KNOWN_HOSTS=hosts")
		u := c.SFTP()
		if u == nil || [4]string{u.User.Username(), u.Hostname(), u.Port(), u.Path} != where || c.SFTPKey != "id" || c.SFTPKnownHosts != "hosts" {
			t.Errorf("%s: got %v", outbox, u)
		}
		_, err := config.Load([]string{"MOBILEPAY_OUTBOX=" + outbox}, config.Everything)
		if err == nil || !slices.Equal(variables(err), []string{"MOBILEPAY_SFTP_KEY", "MOBILEPAY_SFTP_KNOWN_HOSTS"}) {
			t.Errorf("%s without keys: %v", outbox, err)
		}
	}
	for _, folder := range []string{"./data/outbox", "/srv/out:box", "sftp", "sftp/in"} {
		if u := load(t, "MOBILEPAY_OUTBOX="+folder).SFTP(); u != nil {
			t.Errorf("%s: got %v", folder, u)
		}
	}
}

func TestLetterhead(t *testing.T) {
	t.Parallel()
	got := load(t, "MOBILEPAY_SERVICER_NAME=Lender Finance", "MOBILEPAY_SERVICER_ADDRESS=Payments ; PO Box 1;Charlotte, NC 28202").Servicer()
	if got.Name != "Lender Finance" || !slices.Equal(got.Address, []string{"Payments", "PO Box 1", "Charlotte, NC 28202"}) {
		t.Errorf("got %+v", got)
	}
	// Whoever sends no statements needs none.
	if _, err := config.Load(production("MOBILEPAY_SERVICER_NAME="), config.Database|config.Keyset); err != nil {
		t.Error(err)
	}
}

func TestMailServer(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"mail.example:587", "smtp://", "http://h", "smtp://:587", "smtp://h:0", "smtp://h:65536", "smtp://h:x", "smtp://u@h", "smtp://:" + secret + "@h",
		"smtp://h/folder", "smtp://h?" + secret, "smtp://h#" + secret, "smtp://u:" + secret + "@h:x", "smtp://u:%zz" + secret + "@h",
	} {
		_, err := config.Load([]string{"MOBILEPAY_SMTP_URL=" + wrong, "MOBILEPAY_MAIL_FROM=a@b.example"}, config.Everything)
		if err == nil || !slices.Equal(variables(err), []string{"MOBILEPAY_SMTP_URL"}) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", wrong, err)
		}
	}
	if u := load(t, production()...).SMTP(); u == nil || u.Host != "mail.internal:587" {
		t.Errorf("got %v", u)
	}
	if u := load(t).SMTP(); u != nil {
		t.Errorf("without a setting: %v", u)
	}
	_, err := config.Load([]string{"MOBILEPAY_SMTP_URL=smtp://127.0.0.1:1025"}, config.Everything)
	if err == nil || !slices.Equal(variables(err), []string{"MOBILEPAY_MAIL_FROM"}) {
		t.Errorf("without a sender: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := load(t, production()...)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, c, &c, struct{ Config config.Config }{c})
	}
	if err := json.NewEncoder(&out).Encode([]any{c, &c}); err != nil {
		t.Error(err)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("starting", "config", c)
	}
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
		t.Errorf("a secret is in what was printed:\n%s", &out)
	}
	for _, part := range []string{"DATABASE_URL=[set] ", "REDIS_URL=[set] ", "MOBILEPAY_NOW= ", "MOBILEPAY_LOG_LEVEL=INFO "} {
		if !strings.Contains(c.String(), part) {
			t.Errorf("%q is not in %q", part, c)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := config.Table()
	for _, row := range []string{
		"| Variable | Default | Meaning |\n|---|---|---|\n",
		"| `MOBILEPAY_ADDR` | `127.0.0.1:8080` | Address to listen on, host:port. |\n",
		"| `REDIS_URL` | in process | ",
		"| `MOBILEPAY_LOG_FORMAT` | text in sandbox, json in production | text or json. |\n",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("%q is not in\n%s", row, table)
		}
	}
	for field := range reflect.TypeFor[config.Config]().NumField() {
		f := reflect.TypeFor[config.Config]().Field(field)
		_, literal := f.Tag.Lookup("envDefault")
		if f.Tag.Get("env") == "" || f.Tag.Get("doc") == "" || literal == (f.Tag.Get("default") != "") || strings.Contains(string(f.Tag), "|") {
			t.Errorf("%s: the tags are incomplete", f.Name)
		}
	}
	for line := range strings.Lines(table) {
		if strings.Count(line, "|") != 4 {
			t.Errorf("not a row of three: %q", line)
		}
	}
}
