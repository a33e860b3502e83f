package playground_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/operations"
	"github.com/automobilepay/mobilepay/testenv"
)

var screenshots = flag.String("screenshots", "", "folder for pictures of the page")

// The page works in a real browser under its own policy, from log-in to log-out, and
// speaks with its own server only.
func TestInBrowser(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	b := open(t, e.URL+"/playground")

	b.do(chromedp.WaitVisible(css(".operations")), chromedp.WaitVisible(css(".graphiql-query-editor .CodeMirror")))
	var all []operations.Tab
	if err := json.Unmarshal(operations.Tabs(), &all); err != nil {
		t.Fatal(err)
	}
	if titles := b.texts(".graphiql-tab-button"); len(titles) != len(all) || titles[0] != "Home" {
		t.Errorf("the tabs are %q, want one for each of %d operations, Home first", titles, len(all))
	}
	b.picture("start")

	b.run()
	b.responds(`"UNAUTHENTICATED"`)
	b.do(chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))
	b.shows(".bar .session strong", "Dana Reyes")
	b.shows(".bar .moment", "It is Wed, Nov 18, 12:00 PM Eastern. The next cut-off is Wed, Nov 18, 3:00 PM.")
	b.shows(".bar .session small", "until Thu, Nov 19, 12:00 AM")
	b.run()
	b.responds(`"make": "Chevrolet"`, `"make": "GMC"`, `"scheduledOn": "2026-11-18"`)
	b.picture("home")

	before := scheduled(t, e)
	b.choose("Pay today")
	b.has(".graphiql-editor-tool .CodeMirror", `"scheduledOn": "2026-11-18"`)
	b.run()
	b.responds(`"status": "SCHEDULED"`, `"replayed": false`)
	b.run()
	b.responds(`"status": "SCHEDULED"`, `"replayed": true`)
	if now := scheduled(t, e); now != before+1 {
		t.Errorf("%d payments are scheduled, want %d", now, before+1)
	}
	b.picture("paid")
	b.choose("Cancel payment")
	b.run()
	b.responds(`"status": "CANCELED"`)
	if now := scheduled(t, e); now != before {
		t.Errorf("%d payments are scheduled, want %d", now, before)
	}

	b.stepUp("Add payment account")
	b.responds(`"nickname": "Household"`, `"replayed": false`)
	b.shows(".bar .session strong", "Dana Reyes")
	b.choose("Pay a fixed amount on the 15th")
	b.run()
	b.responds(`"status": "ACTIVE"`, `"dayOfMonth": 15`)

	b.do(chromedp.Click(css(`button[aria-label="Show Documentation Explorer"]`)))
	b.shows(".graphiql-doc-explorer", "Mutation")
	b.do(chromedp.Click(`//a[contains(@class,"graphiql-doc-explorer-type-name")][text()="Query"]`))
	b.shows(".graphiql-doc-explorer", "The customer whose session it is.")
	b.picture("docs")
	b.do(
		chromedp.Click(css(`button[aria-label="Open settings dialog"]`)),
		chromedp.Click(css(`button[data-theme="dark"]`)),
		chromedp.WaitVisible(css("body.graphiql-dark")),
	)
	b.picture("settings")
	b.do(chromedp.Click(css(`.graphiql-dialog .graphiql-dialog-close`)), chromedp.WaitNotPresent(css(".graphiql-dialog")))
	b.choose("Home")
	b.picture("dark")

	kept := b.text(`JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])`)
	if want := `[{"graphiql:theme":"dark"},{},""]`; kept != want {
		t.Errorf("the browser keeps %s, want %s", kept, want)
	}
	b.do(chromedp.Click(css(`.bar .session button`)), chromedp.WaitVisible(css(".bar form")))
	b.run()
	b.responds(`"UNAUTHENTICATED"`)

	// The operations that the app logs in and out by do the same.
	b.choose("Log in")
	b.run()
	b.responds(`"firstName": "Dana"`)
	b.shows(".bar .session strong", "Dana Reyes")
	b.choose("Log out")
	b.run()
	b.responds(`"loggedOut": true`)
	b.do(chromedp.WaitVisible(css(".bar form")))

	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait), chromedp.Reload(), chromedp.WaitVisible(css(".graphiql-query-editor .CodeMirror")))
	if width := b.text(`String(document.documentElement.scrollWidth)`); width != "390" {
		t.Errorf("the page is %s wide on a phone of 390", width)
	}
	b.do(chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))
	b.run()
	b.responds(`"make": "Chevrolet"`)
	b.picture("phone")
	b.do(chromedp.Click(css(`button[aria-label="Show Operations"]`)), chromedp.WaitVisible(css(".operations")))
	b.picture("phone-operations")
	b.choose("Pay today")
	b.picture("phone-pay")
	b.stepUp("Pay from a new account")
	b.responds(`"status": "SCHEDULED"`, `"nickname": "Rainy day"`)
}

// A customer with a second factor logs in and steps up with it.
func TestInBrowserSecondFactor(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	b := open(t, e.URL+"/playground")
	b.do(chromedp.WaitVisible(css(".bar form")), chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))
	b.stepUp("Set up TOTP")
	b.responds(`"uri": "otpauth://totp/`)
	secret := b.text(`JSON.parse(document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue()).data.setUpTotp.secret`)
	code := func() string {
		t.Helper()
		e.Clock.Advance(30 * time.Second) // each counts once
		code, err := totp.GenerateCode(secret, e.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	b.choose("Confirm TOTP")
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector('.graphiql-editor-tool .CodeMirror').CodeMirror.setValue('{"input": {"code": %q}}')`, code())))
	b.run()
	b.responds(`"recoveryCodesLeft": 10`)
	b.do(chromedp.Click(css(`.bar .session button`)), chromedp.WaitVisible(css(".bar form")), chromedp.Click(css(`.bar form button`)))
	b.shows(`.bar [role="alert"]`, "authenticator app")
	b.picture("second-factor")
	b.do(chromedp.SendKeys(css(`.bar input[name="secondFactor"]`), code()), chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))

	e.Clock.Advance(6 * time.Minute) // the log-in counts as a step-up for five
	b.choose("Renew recovery codes")
	b.run()
	b.shows(".step-up", "authenticator app")
	b.picture("step-up-by-app")
	b.do(chromedp.SendKeys(css(`.step-up input[name="code"]`), code()), chromedp.Click(`//form[@class="step-up"]//button[text()="Confirm"]`))
	b.shows(".step-up", "You are confirmed until")
	b.do(chromedp.Click(css(".step-up button")))
	b.responds(`"recoveryCodes": [`)
}

// Who has no session enrolls, or comes back without the password: what was sent and
// answered is filled in.
func TestInBrowserEnroll(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	b := open(t, e.URL+"/playground")
	b.do(chromedp.WaitVisible(css(".operations")), chromedp.WaitVisible(css(".bar form")))
	const filled = `String(/^[^$]*"code": "\d{6}"[^$]*$/.test(document.querySelector('.graphiql-editor-tool .CodeMirror').CodeMirror.getValue()))`
	b.choose("Enroll")
	b.run()
	b.responds(`"firstName": "Alex"`, `"address": "alex@example.org"`)
	b.shows(".bar .session strong", "Alex Kim")
	b.choose("Confirm the e-mail address")
	b.wait(filled, "true")
	b.run()
	b.responds(`"email": "alex@example.org"`)
	b.picture("enrolled")

	b.do(chromedp.Click(css(`.bar .session button`)), chromedp.WaitVisible(css(".bar form")))
	b.choose("Request password reset")
	b.run()
	b.responds(`"challengeId": "`)
	b.choose("Reset password")
	b.wait(filled, "true")
	b.run()
	b.responds(`"passwordChanged": true`)
}

// What somebody else does to the customer's payments is seen while it happens.
func TestInBrowserLive(t *testing.T) {
	ended := chromedp.WaitVisible(css(`.graphiql-execute-button[aria-label^="Execute"]`))
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	b := open(t, e.URL+"/playground")
	b.do(chromedp.WaitVisible(css(".bar form")))
	b.choose("Payment updated")
	b.run()
	b.responds(`"UNAUTHENTICATED"`)
	b.do(chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))
	b.follow()
	elsewhere := open(t, e.URL+"/playground")
	elsewhere.do(chromedp.WaitVisible(css(".bar form")), chromedp.Click(css(`.bar form button`)), chromedp.WaitVisible(css(".bar .session strong")))
	elsewhere.choose("Pay today")
	elsewhere.has(".graphiql-editor-tool .CodeMirror", `"scheduledOn": "2026-11-18"`)
	elsewhere.run()
	elsewhere.responds(`"status": "SCHEDULED"`)
	b.responds(`"kind": "SCHEDULED"`, `"status": "SCHEDULED"`, `"make": "`)
	b.picture("live")
	elsewhere.choose("Cancel payment")
	elsewhere.run()
	elsewhere.responds(`"status": "CANCELED"`)
	b.responds(`"kind": "CANCELED"`, `"status": "CANCELED"`)
	b.do(chromedp.Click(css(`.graphiql-execute-button`)), ended)

	// It is over, too, where another operation is chosen, and where the session ends.
	b.follow()
	b.choose("Session revoked")
	b.do(ended)
	b.follow()
	b.do(chromedp.Click(css(`.bar .session button`)), chromedp.WaitVisible(css(".bar form")))
	b.responds(`"reason": "ENDED"`)
	b.do(ended)
}

// What the log-in form refuses is said.
func TestInBrowserWrongPassword(t *testing.T) {
	e := testenv.New(t, testenv.Embedded)
	e.AddDemo()
	b := open(t, e.URL+"/playground/")
	b.do(
		chromedp.WaitVisible(css(".bar form")),
		chromedp.SetValue(css(`.bar input[name="password"]`), "not the password"),
		chromedp.Click(css(`.bar form button`)),
	)
	b.shows(`.bar [role="alert"]`, "password")
	if b.text(`document.querySelector('.bar form') ? 'form' : ''`) != "form" {
		t.Error("it has let somebody in")
	}
	b.picture("refused")
}

// stepUp runs an operation that needs a step-up, confirms who the customer is by the bar
// that comes, and runs it again.
func (b browser) stepUp(title string) {
	b.t.Helper()
	b.choose(title)
	b.run()
	b.responds(`"STEP_UP_REQUIRED"`)
	b.do(chromedp.WaitVisible(css(".step-up input[name='password']")))
	b.picture("step-up " + title)
	b.do(chromedp.Click(`//form[@class="step-up"]//button[text()="Send a code"]`))
	b.wait(`document.querySelector('.step-up').textContent + ' ' + (document.querySelector('.step-up input[name="code"]').value.length === 6)`, "The code went to d•••@example.com", "true")
	b.picture("code " + title)
	b.do(chromedp.Click(`//form[@class="step-up"]//button[text()="Confirm"]`))
	b.shows(".step-up", "You are confirmed until")
	b.picture("confirmed " + title)
	b.do(chromedp.Click(css(".step-up button")), chromedp.WaitNotPresent(css(".step-up")))
}

// scheduled is how many payments the books have in this state.
func scheduled(t *testing.T, e *testenv.Env) int {
	t.Helper()
	customer, err := e.App.Store.CredentialsOf(t.Context(), "demo", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, payment := range e.Payments(customer.CustomerID) {
		if payment.Status == loan.Scheduled {
			n++
		}
	}
	return n
}

type css = chromedp.CSS

// browser is a page that is open in Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// open starts a browser on a fresh profile and goes to an address. When the test ends,
// nothing may have been asked of another host, refused by the policy or logged as an
// error.
func open(t *testing.T, address string) browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium, which make test installs where it can")
	}
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1360, 860),
	)...)
	t.Cleanup(cancel)
	// A bound on a browser that hangs; nothing is measured by it.
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := browser{t, ctx}
	b.watch(address)
	const tell = `addEventListener('securitypolicyviolation', (e) => console.error('policy:', e.violatedDirective, e.blockedURI, e.sample));`
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: tell})
		return err
	}), chromedp.Navigate(address))
	return b
}

func (b browser) watch(address string) {
	home, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	var mu sync.Mutex
	var problems []string
	requests := 0
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	err = chromedp.Listen(b.ctx, func(event any) {
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			to, err := url.Parse(event.Request.URL)
			if err != nil || (to.Host != home.Host && to.Scheme != "data") {
				note("it asks %s", event.Request.URL)
			}
			mu.Lock()
			requests++
			mu.Unlock()
		case *network.EventWebSocketCreated:
			note("it opens %s", event.URL)
		case *cdplog.EventEntryAdded:
			if event.Entry.Level == cdplog.EntryLevelError || event.Entry.Level == cdplog.EntryLevelWarning {
				note("the log has %s: %s", event.Entry.Source, event.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			note("the script fails: %s", event.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
				var said []string
				for _, arg := range event.Args {
					said = append(said, string(arg.Value)+arg.Description)
				}
				note("the console has %s", strings.Join(said, " "))
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if requests == 0 {
			b.t.Error("no request was seen")
		}
		for _, problem := range problems {
			b.t.Error(problem)
		}
	})
}

func (b browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.picture("failed")
		b.t.Fatal(err)
	}
}

// text evaluates an expression that is a string.
func (b browser) text(expression string) string {
	b.t.Helper()
	return evaluate[string](b, expression)
}

func (b browser) texts(selector string) []string {
	b.t.Helper()
	return evaluate[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.textContent)`, selector))
}

func evaluate[T any](b browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%v: %s", err, expression)
	}
	return value
}

// wait waits until a function that is given a text says yes.
func (b browser) wait(expression string, wants ...string) {
	b.t.Helper()
	list, err := json.Marshal(wants)
	if err != nil {
		b.t.Fatal(err)
	}
	poll := chromedp.Poll[bool](fmt.Sprintf(`%s.every((want) => (%s ?? '').includes(want))`, list, expression), chromedp.WithPollingTimeout(time.Minute))
	if _, err := chromedp.Run(b.ctx, poll); err != nil {
		b.picture("failed")
		b.t.Fatalf("%v: no %q in %s", err, wants, b.text(`String(`+expression+`)`))
	}
}

// shows waits until an element's text has a part.
func (b browser) shows(selector, part string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector(%q)?.textContent`, selector), part)
}

// has waits until an editor's text has parts.
func (b browser) has(selector string, parts ...string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector(%q)?.CodeMirror.getValue()`, selector), parts...)
}

// run runs the operation of the tab that is in front; what was answered before is gone.
func (b browser) run() {
	b.t.Helper()
	b.do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector('.graphiql-response .CodeMirror').CodeMirror.setValue('')`),
		chromedp.Click(css(`.graphiql-execute-button`)),
	)
}

// follow runs the subscription of the tab that is in front, and waits until the server has
// taken it.
func (b browser) follow() {
	b.t.Helper()
	taken := make(chan struct{}, 1)
	err := chromedp.Listen(b.ctx, func(event any) {
		if response, is := event.(*network.EventResponseReceived); is && response.Response.MimeType == "text/event-stream" {
			select {
			case taken <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.run()
	select {
	case <-taken:
	case <-b.ctx.Done():
		b.t.Fatal("there is no event stream")
	}
	b.do(chromedp.WaitVisible(css(`.graphiql-execute-button[aria-label^="Stop"]`)))
}

// responds waits for an answer with parts.
func (b browser) responds(parts ...string) {
	b.t.Helper()
	b.has(".graphiql-response .CodeMirror", parts...)
}

// choose brings an operation to the front by the list of them.
func (b browser) choose(title string) {
	b.t.Helper()
	if b.text(`document.querySelector('.operations') ? 'open' : ''`) == "" {
		b.do(chromedp.Click(css(`button[aria-label="Show Operations"]`)))
	}
	b.do(chromedp.Click(fmt.Sprintf(`//nav//button[span[text()=%q]]`, title)))
}

// picture keeps how the page looks, where pictures are wanted.
func (b browser) picture(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}
