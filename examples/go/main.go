// Command go is an example of a client of mobilepay in Go: it logs in, pays for the first
// loan, sends the payment again as after a lost answer, cancels it and logs out.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"

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

func run(ctx context.Context, url, username, password string) error {
	session := new(bearer)
	client := graphql.NewClient(url, session)

	in, err := api.LogIn(ctx, client, api.LogInInput{Username: username, Password: password})
	if err != nil {
		return err
	}
	if err := refusal(in.LogIn.UserErrors); err != nil {
		return err
	}
	session.token = in.LogIn.Session.Token
	fmt.Println("logged in as", in.LogIn.Viewer.FirstName)
	return errors.Join(pay(ctx, client), logOut(ctx, client))
}

func pay(ctx context.Context, client graphql.Client) error {
	home, err := api.Home(ctx, client)
	if err != nil {
		return err
	}
	vehicle, account := home.Viewer.Vehicles[0], home.Viewer.PaymentAccounts[0]
	amount := api.PaymentAmountInput{Fixed: new("50.00")}
	date := home.NextCutoff.ScheduledOn
	fmt.Println("due for the", vehicle.Make, vehicle.Model, "is", vehicle.AmountDue.Formatted)

	preview, err := api.PreviewPayment(ctx, client, api.PreviewPaymentInput{
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
		paid, err := api.SchedulePayment(ctx, client, input)
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

	canceled, err := api.CancelPayment(ctx, client, api.CancelPaymentInput{PaymentId: id, Confirm: true})
	if err != nil {
		return err
	}
	if err := refusal(canceled.CancelPayment.UserErrors); err != nil {
		return err
	}
	fmt.Println("payment", canceled.CancelPayment.Payment.ConfirmationNumber, "is", canceled.CancelPayment.Payment.Status)
	return nil
}

func logOut(ctx context.Context, client graphql.Client) error {
	out, err := api.LogOut(ctx, client)
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
