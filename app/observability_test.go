package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

var metricName = regexp.MustCompile(`\bmobilepay_[a-z0-9_]+`)

// exposed is every metric of the product that a server tells of once everything that
// there is to tell has happened.
func exposed(t *testing.T) (metrics string, names []string) {
	t.Helper()
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, 1, testenv.Noon, certPath, keyPath)
	server := testenv.NewMailServer(t, testenv.NoTLS)
	e := testenv.New(t, testenv.Embedded, withInbox(t), withMail(server), func(c *config.Config) { c.TLSCert, c.TLSKey = certPath, keyPath })
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	ctx, stopServing := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- e.App.Serve(ctx, listener) }()
	c := e.AddCustomer()
	stream := events(t, e, c.Token, paymentUpdated, testenv.Vars{"after": cursorNow(e, c.Token)})
	made := e.Post(c.Token, schedule, order(c, "1"))
	nextEvent(t, stream)
	e.MoveTo("2026-11-18 15:00:00")
	if code := e.Return(made.Text("schedulePayment", "payment", "id"), "R01"); code != http.StatusOK {
		t.Fatalf("the return answers %d", code)
	}
	tell(t, e, c, loan.NoticePasswordChanged)
	stopWorker := startWorker(t, e)
	eventually(t, "the notice is sent and a run is counted", func() bool {
		return len(server.Letters()) > 0 && strings.Contains(scrape(t, e), `mobilepay_job_last_success_timestamp_seconds{job="run_due"}`)
	})
	stopWorker()
	if err := e.App.CheckBooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.App.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	metrics = scrape(t, e)
	stopServing()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (mobilepay_\w+) `).FindAllStringSubmatch(metrics, -1) {
		names = append(names, line[1])
	}
	slices.Sort(names)
	return metrics, names
}

// What docs/observability.md lists is what is exposed, and what alerts and dashboard ask
// for is there, with the labels that they ask for.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	metrics, names := exposed(t)

	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(mobilepay_\\w+)` \\| ([a-z, ]*) ?\\| ").FindAllStringSubmatch(read(t, "docs/observability.md"), -1) {
		listed = append(listed, row[1])
		series := regexp.MustCompile(`(?m)^` + row[1] + `(?:_count)?\{([^}]*)\} `).FindStringSubmatch(metrics)
		var labels []string
		if series != nil {
			for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(series[1], -1) {
				labels = append(labels, label[1])
			}
		}
		documented := strings.FieldsFunc(row[2], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(documented)
		if !slices.Equal(labels, documented) {
			t.Errorf("%s has the labels %v, and docs/observability.md says %v", row[1], labels, documented)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, names) {
		t.Errorf("there are    %v\nlisted are  %v", names, listed)
	}

	for _, file := range []string{"deploy/prometheus/alerts.yaml", "deploy/grafana/mobilepay.json", "docs/runbook.md"} {
		asked := metricName.FindAllString(read(t, file), -1)
		if len(asked) == 0 {
			t.Errorf("%s asks for nothing", file)
		}
		for _, name := range asked {
			if !strings.Contains(metrics, "\n"+name+" ") && !strings.Contains(metrics, "\n"+name+"{") {
				t.Errorf("%s asks for %s, which is not there", file, name)
			}
		}
		for _, selector := range regexp.MustCompile(`(mobilepay_\w+)\{([^}]*)\}`).FindAllStringSubmatch(strings.ReplaceAll(read(t, file), `\"`, `"`), -1) {
			for _, label := range regexp.MustCompile(`(\w+)[=!]~?"`).FindAllStringSubmatch(selector[2], -1) {
				if label[1] != "instance" && !regexp.MustCompile(`(?m)^`+selector[1]+`\{[^}]*\b`+label[1]+`="`).MatchString(metrics) {
					t.Errorf("%s: %s has no label %s", file, selector[1], label[1])
				}
			}
		}
	}
	for _, name := range regexp.MustCompile(`\b(?:go|process)_[a-z_]+`).FindAllString(read(t, "deploy/grafana/mobilepay.json"), -1) {
		if !strings.Contains(metrics, "\n"+name+" ") {
			t.Errorf("the dashboard asks for %s, which is not there", name)
		}
	}
}

// Each alert says how grave it is and what it means, and where the runbook says what to
// do; and each section there is one's.
func TestAlertsHaveSections(t *testing.T) {
	var alerts []string
	for _, alert := range strings.Split(read(t, "deploy/prometheus/alerts.yaml"), "      - alert: ")[1:] {
		name, rest, _ := strings.Cut(alert, "\n")
		alerts = append(alerts, name)
		if !regexp.MustCompile(`severity: (critical|warning)\n`).MatchString(rest) || !regexp.MustCompile(`summary: ".{20,}"\n`).MatchString(rest) ||
			!strings.Contains(rest, "/docs/runbook.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s lacks a severity, a summary or a runbook_url", name)
		}
		if !strings.Contains(read(t, "deploy/prometheus/alerts_test.yaml"), "  - name: "+name+"\n") {
			t.Errorf("%s is not tested", name)
		}
	}
	var sections []string
	for _, section := range strings.Split(read(t, "docs/runbook.md"), "\n## ")[1:] {
		name, rest, _ := strings.Cut(section, "\n")
		sections = append(sections, name)
		if !strings.Contains(rest, "**It means**") || !strings.Contains(strings.ToLower(rest), "**do**") {
			t.Errorf("the runbook does not say what %s means and what to do", name)
		}
	}
	slices.Sort(alerts)
	for _, alert := range alerts {
		if !slices.Contains(sections, alert) {
			t.Errorf("the runbook has no section for %s", alert)
		}
	}
	var usage strings.Builder
	_ = app.Run(t.Context(), []string{"help"}, nil, &usage, &usage)
	for _, command := range regexp.MustCompile("(?m)(?:`|^    )mobilepay ([a-z-]+)").FindAllStringSubmatch(read(t, "docs/runbook.md"), -1) {
		if !regexp.MustCompile(`(?m)^  ` + command[1] + `( |$)`).MatchString(usage.String()) {
			t.Errorf("the runbook runs mobilepay %s, which there is not", command[1])
		}
	}
	for _, variable := range regexp.MustCompile(`MOBILEPAY_[A-Z_]+`).FindAllString(read(t, "docs/runbook.md")+read(t, "docs/observability.md"), -1) {
		if !strings.Contains(config.Table(), "`"+variable+"`") {
			t.Errorf("there is no setting %s", variable)
		}
	}
}

// The SQL in the runbook is right.
func TestRunbookStatements(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Real)
	db := openPostgres(t, e)
	n := 0
	for _, line := range regexp.MustCompile("(?m)(?:^    |`)(SELECT [^`\n]+?);?(?:`|$)").FindAllStringSubmatch(strings.ReplaceAll(read(t, "docs/runbook.md"), "-c 'SELECT 1'", ""), -1) {
		n++
		if _, err := db.ExecContext(t.Context(), line[1]); err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
	}
	if n < 5 {
		t.Errorf("%d statements", n)
	}
}

// Prometheus's own tool loads the alerts and finds that they fire when they should, and
// takes the expressions of the dashboard for such.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if promtool, err = filepath.Abs("../.tools/bin/promtool"); err == nil {
			promtool, err = exec.LookPath(promtool)
		}
	}
	if err != nil {
		t.Skip("needs promtool: make promtool")
	}
	run := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = "../deploy/prometheus"
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("check", "rules", "alerts.yaml")
	run("test", "rules", "alerts_test.yaml")

	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/mobilepay.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	n := 0
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			n++
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			fmt.Fprintf(&rules, "      - {record: %s, expr: %q}\n", fmt.Sprintf("panel_%d", n), expr)
		}
	}
	if n < 40 {
		t.Errorf("the dashboard has %d expressions", n)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run("check", "rules", file)
	// The metrics themselves keep Prometheus's conventions.
	metrics, _ := exposed(t)
	lint := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	lint.Stdin = strings.NewReader(metrics)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
