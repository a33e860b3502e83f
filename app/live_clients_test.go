package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/testenv"
)

// The published clients of both protocols follow what happens, over the stop of the
// server that they are connected to.
func TestPublishedClients(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node: make test installs it")
	}
	for _, client := range []string{"graphql-ws", "graphql-sse"} {
		if _, err := os.Stat("../conformance/node_modules/" + client); err != nil {
			t.Skip("needs the clients: make test installs them")
		}
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			const all = 6
			here, there := two(t, testenv.Embedded)
			c := here.AddCustomer()
			command := exec.CommandContext(t.Context(), node, "../conformance/live.js", client, c.Token, cursorNow(here, c.Token), fmt.Sprint(all),
				there.URL+"/graphql", here.URL+"/graphql")
			command.Stderr = os.Stderr
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			// Whatever goes wrong, the test ends.
			defer time.AfterFunc(patience, func() { _ = command.Process.Kill() }).Stop()
			lines := bufio.NewScanner(output)
			var made, seen []string
			ends := 0
			for i := range all {
				paid := here.Post(c.Token, schedule, order(c, fmt.Sprint(i), testenv.Vars{"amount": testenv.Vars{"fixed": fmt.Sprintf("%d.00", 1+i)}}))
				made = append(made, paid.Text("schedulePayment", "payment", "id"))
				for len(seen) <= i && lines.Scan() {
					var line struct{ ID, End string }
					if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
						t.Fatalf("%s: %v", lines.Text(), err)
					}
					if line.End != "" {
						ends++
						if want := map[string]string{"graphql-ws": "1012", "graphql-sse": "NetworkError"}[client]; !strings.Contains(line.End, want) {
							t.Errorf("it ended with %s, want %s", line.End, want)
						}
						continue
					}
					seen = append(seen, line.ID)
				}
				if i == all/2 {
					there.Stop()
				}
			}
			if err := command.Wait(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(made, seen) || ends != 1 {
				t.Errorf("made %v, saw %v, %d ends", made, seen, ends)
			}
		})
	}
}
