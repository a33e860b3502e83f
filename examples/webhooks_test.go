package examples_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/webhook"
)

func TestGoWebhooks(t *testing.T) {
	t.Parallel()
	run(t, "webhooks/go", "go", "vet", "./...")
	binary := filepath.Join(t.TempDir(), "receiver")
	run(t, "webhooks/go", "go", "build", "-o", binary, ".")
	verifies(t, exec.Command(binary, "-addr", "127.0.0.1:0"))
}

func TestTypeScriptWebhooks(t *testing.T) {
	t.Parallel()
	needPackages(t, "webhooks/typescript")
	run(t, "webhooks/typescript", "npm", "run", "build")
	receiver := exec.Command("node", "dist/main.js", "0")
	receiver.Dir = "webhooks/typescript"
	verifies(t, receiver)
}

const hookSecret, otherSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plJ3nmyCDGBKInavdOK15jsl"

// verifies holds that a receiver takes what the server sends, also while the secret is
// rotated, does it once, and refuses what was changed, is stale, or is of somebody else.
func verifies(t *testing.T, receiver *exec.Cmd) {
	t.Helper()
	receiver.Env = append(os.Environ(), "WEBHOOK_SECRET="+hookSecret)
	pipe, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	if !lines.Scan() {
		t.Fatal("it does not start")
	}
	url := "http://" + regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(lines.Text())
	var mu sync.Mutex
	var said strings.Builder
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			mu.Lock()
			said.WriteString(lines.Text() + "\n")
			mu.Unlock()
		}
	}()

	e := loan.PartnerEvent{ID: 7, Place: 9, PartnerID: 1, CustomerID: 2, VehicleID: 3, At: time.Now(), Kind: loan.PaymentApplied, SubjectID: 4}
	body, err := webhook.Body(e)
	if err != nil {
		t.Fatal(err)
	}
	send := func(id string, at time.Time, signed, sent string, secrets ...string) int {
		var signatures []string
		for _, secret := range secrets {
			signer, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			signature, err := signer.Sign(id, at, []byte(signed))
			if err != nil {
				t.Fatal(err)
			}
			signatures = append(signatures, signature)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("webhook-id", id)
		request.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		request.Header.Set("webhook-signature", strings.Join(signatures, " "))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	now, good, id := time.Now(), string(body), "RXZlbnQ6Nw"
	for name, c := range map[string]struct{ got, want int }{
		"changed":         {send(id, now, good, strings.Replace(good, "applied", "settled", 1), hookSecret), 401},
		"stale":           {send(id, now.Add(-6*time.Minute), good, good, hookSecret), 401},
		"ahead":           {send(id, now.Add(6*time.Minute), good, good, hookSecret), 401},
		"another's":       {send(id, now, good, good, otherSecret), 401},
		"not signed":      {send(id, now, good, good), 401},
		"as it is":        {send(id, now, good, good, hookSecret), 204},
		"in rotation":     {send(id, now, good, good, otherSecret, hookSecret), 204},
		"somewhat late":   {send(id, now.Add(-4*time.Minute), good, good, hookSecret), 204},
		"and once more":   {send(id, now, good, good, hookSecret), 204},
		"under an id":     {send(id+"x", now, good, good, hookSecret), 204},
		"of a later time": {send(id, now.Add(time.Minute), good, good, hookSecret), 204},
	} {
		if c.got != c.want {
			t.Errorf("what is %s: %d, want %d", name, c.got, c.want)
		}
	}
	_ = receiver.Process.Kill()
	<-ended
	_ = receiver.Wait()
	mu.Lock()
	defer mu.Unlock()
	if said.String() != "payment.applied UGF5bWVudDo0 Vmlld2VyOjI\n" {
		t.Errorf("it did\n%s", said.String())
	}
}
