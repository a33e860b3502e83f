package app_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/testenv"
)

// The audit suite that the authors of the GraphQL over HTTP specification publish
// passes whole, on each of its levels.
func TestGraphQLOverHTTPAudits(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node: make test installs it")
	}
	if _, err := os.Stat("../conformance/node_modules/graphql-http"); err != nil {
		t.Skip("needs the audit suite: make test installs it")
	}
	e := testenv.New(t, testenv.Embedded)
	command := exec.CommandContext(t.Context(), node, "../conformance/audit.js", e.URL+"/graphql")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []struct{ ID, Name, Status, Reason string }
	if err := json.Unmarshal(output, &outcomes); err != nil {
		t.Fatal(err)
	}
	passed := map[string]int{}
	for _, o := range outcomes {
		if o.Status != "ok" {
			t.Errorf("%s %s: %s: %s", o.ID, o.Name, o.Status, o.Reason)
			continue
		}
		level, _, _ := strings.Cut(o.Name, " ")
		passed[level]++
	}
	if passed["MUST"] != 13 || passed["SHOULD"] != 23 || passed["MAY"] != 25 {
		t.Errorf("passed %v, want 13 MUST, 23 SHOULD and 25 MAY", passed)
	}
}
