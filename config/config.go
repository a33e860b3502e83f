// Package config holds every setting of the server, read from the environment
// and checked once at start. No other package looks at the environment.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"

	"github.com/automobilepay/mobilepay/loan"
)

// Config is what can be set. Of a field's tags, env names its variable and
// envDefault its default; default describes one that depends on the mode; doc is
// its line in the README; secret keeps the value from being shown.
type Config struct {
	Addr                string              `env:"MOBILEPAY_ADDR" envDefault:"127.0.0.1:8080" doc:"Address to listen on, host:port."`
	TLSCert             string              `env:"MOBILEPAY_TLS_CERT" default:"none" doc:"Path of the certificate (PEM, with those that it is signed by) for TLS. It and the key are read again when they change."`
	TLSKey              string              `env:"MOBILEPAY_TLS_KEY" default:"none" doc:"Path of the certificate's private key (PEM)."`
	TrustedProxies      string              `env:"MOBILEPAY_TRUSTED_PROXIES" default:"none" doc:"Networks, such as 10.0.0.0/8,fd00::/8, of the proxies that end TLS. From there alone X-Forwarded-For is believed."`
	PublicURL           string              `env:"MOBILEPAY_PUBLIC_URL" default:"that of the request in sandbox" doc:"Where clients reach the server, such as https://pay.lender.example: the issuer of partners' tokens. Without it production shows no OAuth metadata."`
	Mode                Mode                `env:"MOBILEPAY_MODE" envDefault:"sandbox" doc:"sandbox or production. Production refuses embedded engines, demo data, a clock that is set, a missing keyset, passwords of less than 16 characters, and connections without TLS but on this machine."`
	DatabaseURL         string              `env:"DATABASE_URL" envDefault:"sqlite:./data/mobilepay.db" secret:"true" doc:"postgres://user:password@host/name, or sqlite:PATH for the embedded engine."`
	ReplicaURL          string              `env:"DATABASE_REPLICA_URL" default:"none" secret:"true" doc:"postgres://... of a server that follows the database (streaming replication), for queries that may lag (docs/production.md). It may be down."`
	ReplicaLag          time.Duration       `env:"MOBILEPAY_REPLICA_LAG" envDefault:"2s" doc:"How far the replica may be behind to be read, 100ms to 1m. For as long after a change its session reads the database."`
	RedisURL            string              `env:"REDIS_URL" default:"in process" secret:"true" doc:"URL of the Redis that keeps sessions: redis://, redis+sentinel:// or redis+cluster://, each with rediss for TLS (docs/production.md)."`
	RedisCA             string              `env:"MOBILEPAY_REDIS_CA" default:"the machine's authorities" doc:"Path of certificates (PEM) of who signs that of Redis."`
	Keyset              string              `env:"MOBILEPAY_KEYSET" default:"./data/keyset.json in sandbox, where it is generated if absent; none in production" doc:"Path of the keyset file that seals bank account numbers (docs/keys.md). In production only its owner may read it, unless it is wrapped."`
	KeysetJSON          string              `env:"MOBILEPAY_KEYSET_JSON" default:"none" secret:"true" doc:"The keyset itself, in place of a file: it is not seen to change until a restart."`
	KMSKey              string              `env:"MOBILEPAY_KMS_KEY" default:"none" doc:"URI of the master key that wraps the keyset, such as file:///etc/mobilepay/master.key; none where the keyset is in cleartext."`
	Outbox              string              `env:"MOBILEPAY_OUTBOX" envDefault:"./data/outbox" doc:"Folder that gets the ACH files for the bank: a path, or sftp://user@host:port/folder on the bank's server."`
	SFTPKey             string              `env:"MOBILEPAY_SFTP_KEY" default:"none" doc:"Path of the private key for an outbox at sftp://."`
	SFTPKnownHosts      string              `env:"MOBILEPAY_SFTP_KNOWN_HOSTS" default:"none" doc:"Path of a known_hosts file with the host key of an outbox at sftp://."`
	Inbox               string              `env:"MOBILEPAY_INBOX" envDefault:"./data/inbox" doc:"Folder from which the bank's files of returns are taken."`
	SMTPURL             string              `env:"MOBILEPAY_SMTP_URL" default:"none in sandbox, where notices are not sent" secret:"true" doc:"smtp://user:password@host:587 (with STARTTLS, which production requires) or smtps://host:465: the mail server that sends notices. Credentials are percent-encoded, or left out."`
	MailFrom            string              `env:"MOBILEPAY_MAIL_FROM" default:"none" doc:"Sender of notices, name@domain or Name <name@domain>. Required with MOBILEPAY_SMTP_URL."`
	TextGateway         string              `env:"MOBILEPAY_TEXT_GATEWAY" default:"none" doc:"Domain that turns e-mail to a phone's ten digits into text messages. Without it no text message is sent."`
	ServicerName        string              `env:"MOBILEPAY_SERVICER_NAME" default:"an invented one in sandbox, none in production" doc:"Name of the servicer on statements."`
	ServicerAddress     string              `env:"MOBILEPAY_SERVICER_ADDRESS" default:"an invented one in sandbox, none in production" doc:"Where the servicer takes payments by mail: one to four lines, separated by ;"`
	ServicerPhone       string              `env:"MOBILEPAY_SERVICER_PHONE" default:"an invented one in sandbox, none in production" doc:"Phone number for customers on statements."`
	ServicerWebsite     string              `env:"MOBILEPAY_SERVICER_WEBSITE" default:"an invented one in sandbox, none in production" doc:"Website for customers on statements."`
	Worker              Switch              `env:"MOBILEPAY_WORKER" envDefault:"on" doc:"on or off: whether mobilepay serve also does what is due (cut-off runs, files, returns). Where it is off, run mobilepay worker."`
	RoutingDirectory    string              `env:"MOBILEPAY_ROUTING_DIRECTORY" default:"a synthetic one" doc:"Path of the directory of routing numbers, in the Federal Reserve's format (FedACH, text or JSON), that names the banks."`
	LogLevel            slog.Level          `env:"MOBILEPAY_LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error."`
	LogFormat           LogFormat           `env:"MOBILEPAY_LOG_FORMAT" default:"text in sandbox, json in production" doc:"text or json."`
	AdminAddr           string              `env:"MOBILEPAY_ADMIN_ADDR" default:"127.0.0.1:9090 in production, off in sandbox" doc:"Address, host:port, of a second listener for operators, in serve and in worker: /metrics, /healthz, /readyz, and on a loopback address /debug/pprof. It has no TLS and asks nobody who they are. off for none."`
	OTLPEndpoint        string              `env:"OTEL_EXPORTER_OTLP_ENDPOINT" default:"none" doc:"Base URL of an OpenTelemetry collector that takes traces over HTTP, such as http://localhost:4318. Nothing is traced without it."`
	OTLPHeaders         string              `env:"OTEL_EXPORTER_OTLP_HEADERS" default:"none" secret:"true" doc:"Headers that the collector wants, name=value,name=value, percent-encoded."`
	ServiceName         string              `env:"OTEL_SERVICE_NAME" envDefault:"mobilepay" doc:"What traces call this program."`
	TraceRatio          float64             `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1" doc:"Share of the requests and jobs that are traced, 0 to 1. What a trusted proxy has begun to trace is traced."`
	Now                 time.Time           `env:"MOBILEPAY_NOW" default:"the real time" doc:"Instant at which the clock starts, such as 2026-11-18T14:59:00-05:00. Sandbox only."`
	HolidayPosting      loan.HolidayPosting `env:"MOBILEPAY_HOLIDAY_POSTING" envDefault:"POST_ON_DATE" doc:"What a payment dated on a bank holiday does: POST_ON_DATE, NEXT_BANKING_DAY or REJECT."`
	FurthestDays        int                 `env:"MOBILEPAY_FURTHEST_DAYS" envDefault:"60" doc:"How many days ahead a payment may be dated, 1 to 365."`
	AppVersions         string              `env:"MOBILEPAY_APP_SUPPORT" envDefault:"IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4" doc:"The oldest version of each operating system on which the app runs, and after warned those newer ones on which it may not work as it should."`
	Documents           DocumentPolicy      `env:"MOBILEPAY_DOCUMENTS" envDefault:"any" doc:"any or trusted: whether every GraphQL document may run, or those of the released apps alone."`
	Limits              Limits              `env:"MOBILEPAY_LIMITS" envDefault:"bytes=15000,tokens=1000,operations=5,fragments=20,depth=12,selections=60,aliases=15,directives=8,mutations=1,cost=20000" doc:"The largest GraphQL document that runs. What is left out has its default."`
	SessionIdle         time.Duration       `env:"MOBILEPAY_SESSION_IDLE" envDefault:"15m" doc:"How long a session lives without a request."`
	SessionAbsolute     time.Duration       `env:"MOBILEPAY_SESSION_ABSOLUTE" envDefault:"12h" doc:"How long a session lives at most."`
	OperationsPerMinute int                 `env:"MOBILEPAY_OPERATIONS_PER_MINUTE" default:"60 in production, 6000 in sandbox" doc:"How many operations a session may send in a minute, over all instances."`
	MoneyPerMinute      int                 `env:"MOBILEPAY_MONEY_PER_MINUTE" default:"10 in production, 1000 in sandbox" doc:"How many mutations that move money a session may send in a minute, over all instances."`
	PartnerOperations   int                 `env:"MOBILEPAY_PARTNER_OPERATIONS_PER_MINUTE" default:"600 in production, 6000 in sandbox" doc:"How many operations a partner may send in a minute, over all instances."`
	PartnerMoney        int                 `env:"MOBILEPAY_PARTNER_MONEY_PER_MINUTE" default:"60 in production, 1000 in sandbox" doc:"How many mutations that move money a partner may send in a minute, over all instances."`
	DatabaseConnections int                 `env:"MOBILEPAY_DATABASE_CONNECTIONS" envDefault:"16" doc:"How many connections to the database there are at most, 1 to 500."`
	Concurrency         int                 `env:"MOBILEPAY_CONCURRENCY" default:"as many as MOBILEPAY_DATABASE_CONNECTIONS" doc:"How many requests to /graphql are worked on at once, 1 to 10000. As many again may wait a moment; what is more is answered 503 at once."`
	DrainPause          time.Duration       `env:"MOBILEPAY_DRAIN_PAUSE" default:"3s in production, none in sandbox" doc:"How long a server that is asked to stop still takes requests, until load balancers have seen that it is not ready; at most 5s."`
	RequestTimeout      time.Duration       `env:"MOBILEPAY_REQUEST_TIMEOUT" envDefault:"10s" doc:"How long a request may take, at most 10s."`
}

// Mode says whom the server serves.
type Mode string

// The modes.
const (
	Sandbox    Mode = "sandbox"    // demos, development and tests
	Production Mode = "production" // customers
)

// Switch is on or off.
type Switch string

// The positions of a switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// LogFormat is how log lines are written.
type LogFormat string

// The formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// DocumentPolicy says which documents run.
type DocumentPolicy string

// The policies.
const (
	AnyDocument      DocumentPolicy = "any"
	TrustedDocuments DocumentPolicy = "trusted"
)

// maxRequestTimeout is the promise that every request ends, within which the
// database and Redis must answer.
const maxRequestTimeout = 10 * time.Second

// maxDrainPause leaves a server enough of its ten seconds to end what is under way.
const maxDrainPause = 5 * time.Second

// Needs is what a command works with. Production requires the settings of these, and
// of no others.
type Needs int

// What there is to need.
const (
	Database Needs = 1 << iota
	Redis
	Keyset
	Mail
	Listener
	Letterhead
)

// Everything is what serving needs.
const Everything = Database | Redis | Keyset | Mail | Listener | Letterhead

// Load reads the settings from an environment as [os.Environ] gives it. A
// variable that is empty has its default. The error lists everything that is
// wrong, a line each, beginning with the variable; it shows no secret.
func Load(environ []string, needs Needs) (Config, error) {
	var c Config
	problems := parse(&c, environ)
	c.fillIn()
	problems = append(problems, c.check(needs, problems)...)
	if len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = p
		}
		return Config{}, errors.Join(errs...)
	}
	return c, nil
}

// problem is what is wrong with a variable.
type problem struct{ variable, text string }

func (p problem) Error() string { return p.variable + ": " + p.text }

// parse sets the fields from the environment, and says which could not be.
func parse(c *Config, environ []string) []problem {
	err := env.ParseWithOptions(c, env.Options{Environment: env.ToMap(environ)})
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []problem{{"environment", "cannot be read"}}
	}
	var problems []problem
	for _, err := range all.Errors {
		var one env.ParseError
		if !errors.As(err, &one) {
			problems = append(problems, problem{"environment", "cannot be read"})
			continue
		}
		field, _ := reflect.TypeFor[Config]().FieldByName(one.Name)
		problems = append(problems, problem{field.Tag.Get("env"), "is not " + kind(field.Type)})
	}
	return problems
}

// kind says what a variable of a type has to be. The parser's own message would
// repeat the value.
func kind(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 90s, 15m or 12h"
	case reflect.TypeFor[time.Time]():
		return "an instant in RFC 3339 such as 2026-11-18T14:59:00-05:00"
	case reflect.TypeFor[float64]():
		return "a share such as 0.05"
	case reflect.TypeFor[Limits]():
		return "limits such as depth=12,cost=5000, each more than zero"
	case reflect.TypeFor[slog.Level]():
		return "debug, info, warn or error"
	default:
		return "a whole number"
	}
}

// fillIn sets the defaults that depend on the mode.
func (c *Config) fillIn() {
	if c.Mode == Sandbox {
		if c.KeysetJSON == "" {
			c.Keyset = cmp.Or(c.Keyset, "./data/keyset.json")
		}
		c.LogFormat = cmp.Or(c.LogFormat, LogText)
		c.OperationsPerMinute = cmp.Or(c.OperationsPerMinute, 6000)
		c.MoneyPerMinute = cmp.Or(c.MoneyPerMinute, 1000)
		c.ServicerName = cmp.Or(c.ServicerName, "Synthetic Auto Finance")
		c.ServicerAddress = cmp.Or(c.ServicerAddress, "PO Box 4100; Charlotte, NC 28202-4100")
		c.ServicerPhone = cmp.Or(c.ServicerPhone, "1-800-555-0199")
		c.ServicerWebsite = cmp.Or(c.ServicerWebsite, "www.autofinance.example")
		c.PartnerOperations = cmp.Or(c.PartnerOperations, 6000)
		c.PartnerMoney = cmp.Or(c.PartnerMoney, 1000)
	}
	c.OperationsPerMinute = cmp.Or(c.OperationsPerMinute, 60)
	c.MoneyPerMinute = cmp.Or(c.MoneyPerMinute, 10)
	c.PartnerOperations = cmp.Or(c.PartnerOperations, 600)
	c.PartnerMoney = cmp.Or(c.PartnerMoney, 60)
	c.LogFormat = cmp.Or(c.LogFormat, LogJSON)
	if c.AdminAddr == "" && c.Mode == Production {
		c.AdminAddr = "127.0.0.1:9090"
	}
	if c.AdminAddr == string(Off) {
		c.AdminAddr = ""
	}
	c.Concurrency = cmp.Or(c.Concurrency, max(1, c.DatabaseConnections))
	if c.Mode == Production {
		c.DrainPause = cmp.Or(c.DrainPause, 3*time.Second)
	}
	if !c.Now.IsZero() {
		c.Now = c.Now.UTC().Truncate(time.Microsecond) // as exact as every instant here
	}
}

// check finds what is wrong with the values, except of those variables that
// could not even be parsed.
func (c *Config) check(needs Needs, unparsed []problem) (problems []problem) {
	seen := map[string]bool{}
	for _, p := range unparsed {
		seen[p.variable] = true
	}
	must := func(ok bool, variable, text string) {
		if !ok && !seen[variable] {
			problems = append(problems, problem{variable, text})
		}
	}

	must(isAddress(c.Addr), "MOBILEPAY_ADDR", "is not host:port")
	must(c.AdminAddr == "" || isAddress(c.AdminAddr) && c.AdminAddr != c.Addr, "MOBILEPAY_ADMIN_ADDR", "is not off or host:port, another one than MOBILEPAY_ADDR")
	must(c.OTLPEndpoint == "" || isURL(c.OTLPEndpoint, "http", "https"), "OTEL_EXPORTER_OTLP_ENDPOINT", "is not http://... or https://...")
	_, err := headers(c.OTLPHeaders)
	must(err == nil, "OTEL_EXPORTER_OTLP_HEADERS", "is not name=value,name=value")
	must(c.TraceRatio >= 0 && c.TraceRatio <= 1, "OTEL_TRACES_SAMPLER_ARG", "is not between 0 and 1")
	must((c.TLSCert == "") == (c.TLSKey == ""), "MOBILEPAY_TLS_KEY", "and MOBILEPAY_TLS_CERT must be set together")
	_, err = proxies(c.TrustedProxies)
	must(err == nil, "MOBILEPAY_TRUSTED_PROXIES", "is not a list of networks such as 10.0.0.0/8,fd00::/8")
	must(c.PublicURL == "" || isOrigin(c.PublicURL) && (c.Mode == Sandbox || strings.HasPrefix(c.PublicURL, "https://")),
		"MOBILEPAY_PUBLIC_URL", "is not https://host, without a path (http:// will do in the sandbox)")
	must(c.Mode == Sandbox || c.Mode == Production, "MOBILEPAY_MODE", "is not sandbox or production")
	must(c.SQLitePath() != "" || isURL(c.DatabaseURL, "postgres", "postgresql"), "DATABASE_URL", "is not postgres://... or sqlite:PATH")
	must(c.ReplicaURL == "" || c.SQLitePath() == "" && isURL(c.ReplicaURL, "postgres", "postgresql"), "DATABASE_REPLICA_URL",
		"is not postgres://..., or DATABASE_URL is not")
	must(c.ReplicaLag >= 100*time.Millisecond && c.ReplicaLag <= time.Minute, "MOBILEPAY_REPLICA_LAG", "is not between 100ms and 1m")
	must(c.RedisURL == "" || isRedis(c.RedisURL), "REDIS_URL",
		"is not redis://..., redis+sentinel://... with a master_name or redis+cluster://... without a database, nor one of these with rediss")
	must(c.Keyset == "" || c.KeysetJSON == "", "MOBILEPAY_KEYSET_JSON", "must not be set beside MOBILEPAY_KEYSET")
	scheme, key, _ := strings.Cut(c.KMSKey, "://")
	must(c.KMSKey == "" || scheme != "" && key != "", "MOBILEPAY_KMS_KEY", "is not a URI such as file:///etc/mobilepay/master.key")
	remote := c.SFTP() != nil
	must(remote || !strings.Contains(c.Outbox, "://") && !strings.HasPrefix(strings.ToLower(c.Outbox), "sftp:"),
		"MOBILEPAY_OUTBOX", "is not a folder or sftp://user@host:port/folder, without a password")
	must(!remote || c.SFTPKey != "", "MOBILEPAY_SFTP_KEY", "must be set where the outbox is at sftp://")
	must(!remote || c.SFTPKnownHosts != "", "MOBILEPAY_SFTP_KNOWN_HOSTS", "must be set where the outbox is at sftp://")
	must(c.SMTPURL == "" || c.SMTP() != nil, "MOBILEPAY_SMTP_URL", "is not smtp://user:password@host:587 or smtps://user:password@host:465")
	_, err = mail.ParseAddress(c.MailFrom)
	must(c.MailFrom == "" || err == nil, "MOBILEPAY_MAIL_FROM", "is not name@domain or Name <name@domain>")
	must(c.SMTPURL == "" || c.MailFrom != "", "MOBILEPAY_MAIL_FROM", "must be set where there is a mail server")
	_, err = mail.ParseAddress("7045550100@" + c.TextGateway)
	must(c.TextGateway == "" || err == nil, "MOBILEPAY_TEXT_GATEWAY", "is not a domain")
	for _, line := range []struct{ variable, text string }{
		{"MOBILEPAY_SERVICER_NAME", c.ServicerName}, {"MOBILEPAY_SERVICER_PHONE", c.ServicerPhone}, {"MOBILEPAY_SERVICER_WEBSITE", c.ServicerWebsite},
	} {
		must(line.text == "" || isLine(line.text), line.variable, "is not one line of at most 60 characters")
	}
	must(c.ServicerAddress == "" || areLines(c.Servicer().Address), "MOBILEPAY_SERVICER_ADDRESS", "is not one to four lines, separated by ;, of at most 60 characters")
	must(c.Worker == On || c.Worker == Off, "MOBILEPAY_WORKER", "is not on or off")
	switch c.LogLevel {
	case slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError:
	default: // slog also reads "info+1"
		must(false, "MOBILEPAY_LOG_LEVEL", "is not debug, info, warn or error")
	}
	must(c.LogFormat == LogText || c.LogFormat == LogJSON, "MOBILEPAY_LOG_FORMAT", "is not text or json")
	switch c.HolidayPosting {
	case loan.PostOnDate, loan.PostNextBankingDay, loan.RejectHolidays:
	default:
		must(false, "MOBILEPAY_HOLIDAY_POSTING", "is not POST_ON_DATE, NEXT_BANKING_DAY or REJECT")
	}
	must(c.FurthestDays >= 1 && c.FurthestDays <= 365, "MOBILEPAY_FURTHEST_DAYS", "is not between 1 and 365")
	_, err = loan.ParseAppRequirements(c.AppVersions)
	must(err == nil, "MOBILEPAY_APP_SUPPORT", "is not like IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4")
	must(c.Documents == AnyDocument || c.Documents == TrustedDocuments, "MOBILEPAY_DOCUMENTS", "is not any or trusted")
	must(c.SessionIdle > 0, "MOBILEPAY_SESSION_IDLE", "is not more than zero")
	must(c.SessionAbsolute >= c.SessionIdle, "MOBILEPAY_SESSION_ABSOLUTE", "is less than MOBILEPAY_SESSION_IDLE")
	must(c.OperationsPerMinute >= 1 && c.OperationsPerMinute <= 1_000_000, "MOBILEPAY_OPERATIONS_PER_MINUTE", "is not between 1 and 1000000")
	must(c.MoneyPerMinute >= 1 && c.MoneyPerMinute <= 1_000_000, "MOBILEPAY_MONEY_PER_MINUTE", "is not between 1 and 1000000")
	must(c.PartnerOperations >= 1 && c.PartnerOperations <= 1_000_000, "MOBILEPAY_PARTNER_OPERATIONS_PER_MINUTE", "is not between 1 and 1000000")
	must(c.PartnerMoney >= 1 && c.PartnerMoney <= 1_000_000, "MOBILEPAY_PARTNER_MONEY_PER_MINUTE", "is not between 1 and 1000000")
	must(c.DatabaseConnections >= 1 && c.DatabaseConnections <= 500, "MOBILEPAY_DATABASE_CONNECTIONS", "is not between 1 and 500")
	must(c.Concurrency >= 1 && c.Concurrency <= 10_000, "MOBILEPAY_CONCURRENCY", "is not between 1 and 10000")
	must(c.DrainPause >= 0 && c.DrainPause <= maxDrainPause, "MOBILEPAY_DRAIN_PAUSE", "is not between 0s and 5s")
	must(c.RequestTimeout > 0 && c.RequestTimeout <= maxRequestTimeout, "MOBILEPAY_REQUEST_TIMEOUT", "is not more than zero and at most 10s")

	if c.Mode == Production {
		required := func(need Needs, ok bool, variable, text string) { must(needs&need == 0 || ok, variable, text) }
		required(Database, c.SQLitePath() == "", "DATABASE_URL", "must be postgres://... in production: the embedded engine serves one process")
		required(Database, c.SQLitePath() != "" || securePostgres(c.DatabaseURL), "DATABASE_URL",
			"must have sslmode=verify-full (or verify-ca, or require) in production, and a password of at least 16 characters if any; on this machine neither is asked for")
		required(Database, c.ReplicaURL == "" || securePostgres(c.ReplicaURL), "DATABASE_REPLICA_URL",
			"must have what DATABASE_URL must have in production")
		required(Redis, c.RedisURL != "", "REDIS_URL", "must be set in production: sessions in this process end with it")
		required(Redis, c.RedisURL == "" || secureRedis(c.RedisURL), "REDIS_URL",
			"must be rediss://... in production, with a password of at least 16 characters; on this machine neither is asked for")
		required(Listener, c.TLSCert != "" || c.TrustedProxies != "", "MOBILEPAY_TLS_CERT",
			"must be set in production, or MOBILEPAY_TRUSTED_PROXIES where a proxy ends TLS")
		required(Keyset, c.Keyset != "" || c.KeysetJSON != "", "MOBILEPAY_KEYSET", "must be set in production, or MOBILEPAY_KEYSET_JSON")
		required(Mail, c.SMTPURL != "", "MOBILEPAY_SMTP_URL", "must be set in production: customers have to be told")
		for _, line := range []struct{ variable, text string }{
			{"MOBILEPAY_SERVICER_NAME", c.ServicerName}, {"MOBILEPAY_SERVICER_ADDRESS", c.ServicerAddress},
			{"MOBILEPAY_SERVICER_PHONE", c.ServicerPhone}, {"MOBILEPAY_SERVICER_WEBSITE", c.ServicerWebsite},
		} {
			required(Letterhead, line.text != "", line.variable, "must be set in production: it is on every statement")
		}
		must(c.Now.IsZero(), "MOBILEPAY_NOW", "must not be set in production")
	}
	return problems
}

// isAddress tells whether s is host:port, as something listens on.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && port != "" && !strings.ContainsAny(host, " /@")
}

// TraceHeaders are the headers that are sent with traces.
func (c Config) TraceHeaders() map[string]string {
	list, _ := headers(c.OTLPHeaders) // checked by Load
	return list
}

func headers(text string) (map[string]string, error) {
	list := map[string]string{}
	if text == "" {
		return list, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.PathUnescape(value)
		if !ok || name == "" || err != nil {
			return nil, errors.New("not a list of headers")
		}
		list[name] = value
	}
	return list, nil
}

// isLine tells whether text fits on a line of a letterhead.
func isLine(text string) bool {
	return strings.TrimSpace(text) != "" && utf8.RuneCountInString(text) <= 60 && !strings.ContainsFunc(text, unicode.IsControl)
}

// areLines tells whether each of at most four lines fits on a letterhead.
func areLines(lines []string) bool {
	return len(lines) <= 4 && !slices.ContainsFunc(lines, func(line string) bool { return !isLine(line) })
}

// Servicer is who sends statements.
func (c Config) Servicer() loan.Servicer {
	lines := strings.Split(c.ServicerAddress, ";")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return loan.Servicer{Name: c.ServicerName, Address: lines, Phone: c.ServicerPhone, Website: c.ServicerWebsite}
}

// isURL tells whether s is a URL of one of the schemes, with a host.
func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}
	return false
}

// isOrigin tells whether s is a URL of a host and nothing below it.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && isURL(s, "http", "https") && u.Scheme+"://"+u.Host == s
}

// minPassword is how many characters a password of the servers has at least.
const minPassword = 16

// securePostgres tells whether a connection is encrypted, or stays on this machine.
// The mode must be in the URL: the driver would take it from elsewhere, too.
func securePostgres(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return true // which is said elsewhere
	}
	q := u.Query()
	if isLoopback(u.Hostname()) && !q.Has("host") && !q.Has("hostaddr") {
		return true
	}
	modes := q["sslmode"]
	password, given := u.User.Password()
	return len(modes) == 1 && slices.Contains([]string{"require", "verify-ca", "verify-full"}, modes[0]) && (!given || len(password) >= minPassword) && !q.Has("password")
}

// isRedis tells whether s is one of the forms of URLs of Redis.
func isRedis(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	_, form, _ := strings.Cut(u.Scheme, "+")
	switch {
	case form == "sentinel" && !u.Query().Has("master_name"):
		return false
	case form == "cluster" && strings.Trim(u.Path, "/") != "": // which has no databases
		return false
	case strings.ContainsAny(u.Query().Get("prefix"), "{}"): // which would decide where keys are kept
		return false
	}
	return isURL(s, "redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
}

// secureRedis is securePostgres for Redis, which must have a password.
func secureRedis(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return true // which is said elsewhere
	}
	q := u.Query()
	here := isLoopback(u.Hostname())
	for _, address := range q["addr"] {
		host, _, _ := net.SplitHostPort(address)
		here = here && isLoopback(host)
	}
	scheme, form, _ := strings.Cut(u.Scheme, "+")
	password, _ := u.User.Password()
	if form == "sentinel" { // the one before the host is the Sentinels'
		password = q.Get("password")
	}
	return here || scheme == "rediss" && len(password) >= minPassword
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Proxies are the networks of the proxies that end TLS.
func (c Config) Proxies() []netip.Prefix {
	list, _ := proxies(c.TrustedProxies) // checked by Load
	return list
}

func proxies(text string) (list []netip.Prefix, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		network, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil || network.Bits() == 0 { // everybody is no proxy of ours
			return nil, errors.New("not a network")
		}
		list = append(list, network)
	}
	return list, nil
}

// AppRequirements are the operating systems on which the app runs.
func (c Config) AppRequirements() loan.AppRequirements {
	all, _ := loan.ParseAppRequirements(c.AppVersions) // checked by Load
	return all
}

// SQLitePath is the file of the embedded database; empty where the database is
// Postgres.
func (c Config) SQLitePath() string {
	path, ok := strings.CutPrefix(c.DatabaseURL, "sqlite:")
	if !ok {
		return ""
	}
	return path
}

// SFTP is the outbox on the bank's server; nil where it is a folder here.
func (c Config) SFTP() *url.URL {
	u, err := url.Parse(c.Outbox)
	if err != nil || u.Scheme != "sftp" || u.Hostname() == "" || u.User.Username() == "" || u.Path == "" {
		return nil
	}
	_, password := u.User.Password()
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "22"), 10, 16)
	if password || err != nil || port == 0 || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil
	}
	return u
}

// SMTP is the mail server; nil where there is none.
func (c Config) SMTP() *url.URL {
	u, err := url.Parse(c.SMTPURL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil
	}
	if _, password := u.User.Password(); u.User != nil && (!password || u.User.Username() == "") {
		return nil
	}
	if port, err := strconv.ParseUint(cmp.Or(u.Port(), "587"), 10, 16); err != nil || port == 0 {
		return nil
	}
	return u
}

// fields calls do for every setting with its value, in the order of the struct.
func (c Config) fields(do func(f reflect.StructField, value any)) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		do(v.Type().Field(i), v.Field(i).Interface())
	}
}

// String is one line for the log at start. Of a secret it tells only whether it
// is set.
func (c Config) String() string {
	var b strings.Builder
	c.fields(func(f reflect.StructField, value any) {
		text := fmt.Sprint(value)
		switch at, isTime := value.(time.Time); {
		case isTime && at.IsZero():
			text = ""
		case isTime:
			text = at.Format(time.RFC3339Nano)
		case f.Tag.Get("secret") != "" && text != "":
			text = "[set]"
		}
		fmt.Fprintf(&b, "%s=%s ", f.Tag.Get("env"), text)
	})
	return strings.TrimSpace(b.String())
}

// Format prints String, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// MarshalText makes JSON and logs hold String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Table is the list of settings in Markdown, as the README has it.
func Table() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Meaning |\n|---|---|---|\n")
	Config{}.fields(func(f reflect.StructField, _ any) {
		standard := f.Tag.Get("default")
		if literal, ok := f.Tag.Lookup("envDefault"); ok {
			standard = "`" + literal + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Tag.Get("env"), standard, f.Tag.Get("doc"))
	})
	return b.String()
}
