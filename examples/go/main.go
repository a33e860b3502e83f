// Command go is an example of a client of mobilepay in Go: it logs in, pays for the first
// loan, sends the payment again as after a lost answer, cancels it, pays from a new
// account, for which the customer confirms who they are, and logs out.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"strings"

	"github.com/Khan/genqlient/graphql"

	"github.com/automobilepay/mobilepay/examples/go/api"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:8080/graphql", "address of the API")
	username := flag.String("username", "demo", "who logs in")
	password := flag.String("password", "open-road-2026", "their password; the sandbox's is no secret")
	flag.Parse()
	log.SetFlags(0)
	if err := run(context.Background(), *url, *username, *password); err != nil {
		log.Fatal(err)
	}
}

// bearer sends the token of a session with each request.
type bearer struct{ token string }

func (b *bearer) Do(request *http.Request) (*http.Response, error) {
	if b.token != "" {
		request.Header.Set("Authorization", "Bearer "+b.token)
	}
	return http.DefaultClient.Do(request)
}

// app is what an app keeps while somebody uses it.
type app struct {
	client  graphql.Client
	session *bearer
}

func run(ctx context.Context, url, username, password string) error {
	session := new(bearer)
	a := app{graphql.NewClient(url, session), session}

	device, platform := "Go example", api.PlatformOther
	in, err := api.LogIn(ctx, a.client, api.LogInInput{Username: username, Password: password, DeviceName: &device, Platform: &platform})
	if err != nil {
		return err
	}
	if err := refusal(in.LogIn.UserErrors); err != nil {
		return err
	}
	session.token = in.LogIn.Session.Token
	fmt.Println("logged in as", in.LogIn.Viewer.FirstName)

	home, err := api.Home(ctx, a.client)
	if err != nil {
		return err
	}
	// An app asks the customer for these. The code is in their mail; only a sandbox
	// shows it.
	ask := func(ctx context.Context) (string, string, error) {
		code, err := sandboxCode(ctx, strings.TrimSuffix(url, "/graphql")+"/sandbox/outbox")
		return password, code, err
	}
	return errors.Join(a.pay(ctx, home), a.payFromNewAccount(ctx, home, ask), a.logOut(ctx))
}

func (a app) pay(ctx context.Context, home *api.HomeResponse) error {
	vehicle, account := home.Viewer.Vehicles[0], home.Viewer.PaymentAccounts[0]
	amount := api.PaymentAmountInput{Fixed: new("50.00")}
	date := home.NextCutoff.ScheduledOn
	fmt.Println("due for the", vehicle.Make, vehicle.Model, "is", vehicle.AmountDue.Formatted)

	preview, err := api.PreviewPayment(ctx, a.client, api.PreviewPaymentInput{
		VehicleId: vehicle.Id, Amount: amount, ScheduledOn: date, PaymentAccount: &api.PaymentSourceInput{Saved: &account.Id},
	})
	if err != nil {
		return err
	}
	if err := refusal(preview.PreviewPayment.UserErrors); err != nil {
		return err
	}
	authorization := preview.PreviewPayment.Preview.Authorization
	fmt.Println("the customer reads:", authorization.Text)

	input := api.SchedulePaymentInput{
		// Made once, when the screen opens: whatever is sent again, there is one payment.
		IdempotencyKey: rand.Text(),
		VehicleId:      vehicle.Id, Amount: amount, ScheduledOn: date, PaymentAccount: api.PaymentSourceInput{Saved: &account.Id},
		AuthorizationHash: &authorization.Hash,
	}
	var id string
	for range 2 {
		paid, err := api.SchedulePayment(ctx, a.client, input)
		if err != nil {
			return err
		}
		if err := refusal(paid.SchedulePayment.UserErrors); err != nil {
			return err
		}
		payment := paid.SchedulePayment.Payment
		id = payment.Id
		fmt.Println("payment", payment.ConfirmationNumber, "is", payment.Status, "and can be cancelled until", payment.CancelBy, "replayed:", paid.SchedulePayment.Replayed)
	}
	return a.cancel(ctx, id)
}

// payFromNewAccount adds a bank account while paying, which needs a step-up: what was
// refused is sent again, with the same key, when the customer has confirmed who they are.
func (a app) payFromNewAccount(ctx context.Context, home *api.HomeResponse, ask secrets) error {
	// Not 00 at the end: in the sandbox such an account has to be validated first.
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000_000))
	if err != nil {
		return err
	}
	input := api.SchedulePaymentInput{
		IdempotencyKey: rand.Text(),
		VehicleId:      home.Viewer.Vehicles[0].Id, Amount: api.PaymentAmountInput{Fixed: new("35.00")}, ScheduledOn: home.NextCutoff.ScheduledOn,
		PaymentAccount: api.PaymentSourceInput{New: &api.NewPaymentAccountInput{
			Type: api.AccountTypeSavings, RoutingNumber: "123456780", AccountNumber: fmt.Sprintf("%09d1", number),
			ValidateBy: api.AccountValidationAutomatic, Authorized: true,
		}},
	}
	paid, err := api.SchedulePayment(ctx, a.client, input)
	if err != nil {
		return err
	}
	if needsStepUp(paid.SchedulePayment.UserErrors) {
		if err := a.confirmIdentity(ctx, ask); err != nil {
			return err
		}
		if paid, err = api.SchedulePayment(ctx, a.client, input); err != nil {
			return err
		}
	}
	if err := refusal(paid.SchedulePayment.UserErrors); err != nil {
		return err
	}
	payment := paid.SchedulePayment.Payment
	fmt.Println("payment", payment.ConfirmationNumber, "from the new account ending", payment.PaymentAccount.Last4, "is", payment.Status)
	return a.cancel(ctx, payment.Id)
}

// secrets is what the customer enters to confirm who they are.
type secrets func(context.Context) (password, code string, err error)

// confirmIdentity confirms who the customer is. The new token replaces the one before.
func (a app) confirmIdentity(ctx context.Context, ask secrets) error {
	sent, err := api.RequestIdentityCode(ctx, a.client)
	if err != nil {
		return err
	}
	if err := refusal(sent.RequestIdentityCode.UserErrors); err != nil {
		return err
	}
	fmt.Println("a code was sent to", *sent.RequestIdentityCode.SentTo)
	password, code, err := ask(ctx)
	if err != nil {
		return err
	}
	confirmed, err := api.ConfirmIdentity(ctx, a.client, api.ConfirmIdentityInput{
		PasswordAndCode: &api.PasswordAndCodeInput{Password: password, Code: code},
	})
	if err != nil {
		return err
	}
	if err := refusal(confirmed.ConfirmIdentity.UserErrors); err != nil {
		return err
	}
	a.session.token = confirmed.ConfirmIdentity.Session.Token
	fmt.Println("confirmed until", confirmed.ConfirmIdentity.ConfirmedUntil)
	return nil
}

// sandboxCode reads the code that was sent last.
func sandboxCode(ctx context.Context, outbox string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, outbox, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var latest struct {
		Notices []struct{ Code string }
	}
	if err := json.NewDecoder(response.Body).Decode(&latest); err != nil {
		return "", fmt.Errorf("only a sandbox shows its outbox: %w", err)
	}
	for _, notice := range latest.Notices {
		if notice.Code != "" {
			return notice.Code, nil
		}
	}
	return "", errors.New("no code was sent")
}

func (a app) cancel(ctx context.Context, id string) error {
	canceled, err := api.CancelPayment(ctx, a.client, api.CancelPaymentInput{PaymentId: id, Confirm: true})
	if err != nil {
		return err
	}
	if err := refusal(canceled.CancelPayment.UserErrors); err != nil {
		return err
	}
	fmt.Println("payment", canceled.CancelPayment.Payment.ConfirmationNumber, "is", canceled.CancelPayment.Payment.Status)
	return nil
}

func (a app) logOut(ctx context.Context) error {
	out, err := api.LogOut(ctx, a.client)
	if err != nil {
		return err
	}
	fmt.Println("logged out:", out.LogOut.LoggedOut)
	return nil
}

// refusal is what a rule says against it: an answer for the customer, not a fault. The
// concrete types carry what a screen needs to go on.
func refusal[R api.Refusal](refusals []R) error {
	var errs []error
	for _, r := range refusals {
		text := fmt.Sprintf("%s: %s", r.GetCode(), r.GetMessage())
		if date, is := any(r).(interface{ GetEarliestOn() string }); is {
			text += " The earliest date is " + date.GetEarliestOn() + "."
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

func needsStepUp[R api.Refusal](refusals []R) bool {
	return len(refusals) == 1 && refusals[0].GetCode() == api.UserErrorCodeStepUpRequired
}
