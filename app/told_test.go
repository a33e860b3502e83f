package app_test

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/testenv"
)

// told is an app that sends what it tells to a mail server, and a customer.
type told struct {
	*testenv.Env
	t      *testing.T
	c      testenv.Customer
	server *testenv.MailServer
	read   int // letters
}

func newTold(t *testing.T, engine testenv.Engine) *told {
	t.Helper()
	server := testenv.NewMailServer(t, testenv.NoTLS)
	e := testenv.New(t, engine, withMail(server), func(c *config.Config) { c.TextGateway = "text.example" })
	return &told{Env: e, t: t, c: e.AddCustomer(), server: server}
}

const (
	setProfile = `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
		viewer { language notifications { byEmail byText } } userErrors { code } } }`
	reschedule = `mutation($input: ReschedulePaymentInput!) { reschedulePayment(input: $input) { payment { id } userErrors { code } } }`
)

// ask sends an operation, which must work, in a session of its own: the last one may
// have expired.
func (p *told) ask(query string, vars testenv.Vars) testenv.Answer {
	p.t.Helper()
	return play{p.Env, p.t, p.c}.ask(query, vars)
}

func (p *told) wants(byEmail, byText bool) {
	p.t.Helper()
	p.ask(setProfile, testenv.Vars{"input": testenv.Vars{"notifications": testenv.Vars{"byEmail": byEmail, "byText": byText}}})
}

func (p *told) pay(key, on, amount string) string {
	p.t.Helper()
	return p.ask(schedule, order(p.c, key, testenv.Vars{"scheduledOn": on, "amount": testenv.Vars{"fixed": amount}})).Text("schedulePayment", "payment", "id")
}

// send sends what waits and returns the new letters.
func (p *told) send() []testenv.Received {
	p.t.Helper()
	for next := true; next; {
		var err error
		if next, err = p.App.Servicing.SendNotice(p.t.Context(), p.Clock.Now()); err != nil {
			p.t.Fatal(err)
		}
	}
	letters := p.server.Letters()[p.read:]
	p.read += len(letters)
	return letters
}

// expect fails the test unless what waits is this: a line each, "address: how the
// subject, or the text message, begins", in any order.
func (p *told) expect(what string, want ...string) {
	p.t.Helper()
	var got []string
	for _, letter := range p.send() {
		begins, err := new(mime.WordDecoder).DecodeHeader(letter.Header("Subject"))
		if begins == "" {
			begins = letter.Part("text/plain")
		}
		if err != nil {
			p.t.Error(err)
		}
		got = append(got, letter.To+": "+begins)
	}
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(line string) bool { return strings.HasPrefix(line, w) })
		if i < 0 {
			p.t.Errorf("%s: there is no %q in\n%s", what, w, strings.Join(got, "\n"))
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		p.t.Errorf("%s: nobody should be told\n%s", what, strings.Join(left, "\n"))
	}
}

const (
	mailbox = "robin@example.com: "
	handset = "7045550100@text.example: "
)

// A payment's life, as its customer is told of it in their language and by the ways
// that they want: each thing once, however often it is asked for.
func TestPaymentNotices(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		for _, language := range []string{"EN", "ES"} {
			t.Run(language, func(t *testing.T) {
				p := newTold(t, engine)
				say := func(english, spanish string) string {
					if language == "ES" {
						return spanish
					}
					return english
				}
				p.wants(true, true)
				got := p.ask(setProfile, testenv.Vars{"input": testenv.Vars{"language": language}})
				if got.Text("updateProfile", "viewer", "language") != language {
					t.Error(got.Raw)
				}
				p.expect("the language")

				first := p.pay("1", "2026-12-02", "50.00")
				p.pay("1", "2026-12-02", "50.00") // a replay
				p.expect("scheduled", mailbox+say("Your payment is scheduled", "Su pago está programado"),
					handset+say("Your payment of $50.00 on December 2, 2026 is scheduled", "Su pago de $50.00 para el 2 de diciembre de 2026 (cuenta 4821) queda programado"))

				change := testenv.Vars{"input": testenv.Vars{"idempotencyKey": "2", "paymentId": first, "confirm": true, "scheduledOn": "2026-12-01"}}
				second := p.ask(reschedule, change).Text("reschedulePayment", "payment", "id")
				p.ask(reschedule, change)
				p.expect("changed, in one notice", mailbox+say("Your payment was changed", "Su pago fue modificado"),
					handset+say("You changed a payment: it is now $50.00 on December 1, 2026", "Usted ha cambiado un pago: ahora es de $50.00 para el 1 de diciembre de 2026"))

				p.ask(cancel, testenv.Vars{"id": second, "yes": true})
				p.ask(cancel, testenv.Vars{"id": second, "yes": true})
				p.expect("cancelled", mailbox+say("Your payment was cancelled", "Su pago fue cancelado"),
					handset+say("Your payment of $50.00 on December 1, 2026 was cancelled", "Su pago de $50.00 para el 1 de diciembre de 2026 (cuenta 4821) fue cancelado"))

				poor, closed := p.pay("3", "2026-11-18", "40.00"), p.pay("4", "2026-11-18", "30.00")
				p.pay("5", "2026-12-20", "20.00")
				p.send()
				p.MoveTo("2026-11-18 15:00:00")
				applied := mailbox + say("Your payment was credited", "Su pago fue acreditado")
				p.expect("applied", applied, applied, handset+say("Your payment of $40.00 was credited", "Hemos acreditado su pago de $40.00"),
					handset+say("Your payment of $30.00 was credited", "Hemos acreditado su pago de $30.00"))

				p.Return(poor, "R01")
				p.Return(poor, "R01")
				returned := mailbox + say("Your payment was returned by the bank", "El banco devolvió su pago")
				p.expect("returned for want of money", returned,
					handset+say("Your payment of $40.00 (account ending in 4821) was returned: there was not enough money in the bank account. We will try again on November 19, 2026.",
						"Su banco ha devuelto su pago de $40.00 (cuenta 4821): fondos insuficientes. Lo intentaremos de nuevo el 19 de noviembre de 2026."))

				p.Return(closed, "R02")
				p.expect("returned as closed", returned, mailbox+say("Payments from your bank account have stopped", "Se detuvieron los pagos desde su cuenta bancaria"),
					handset+say("Your payment of $30.00 (account ending in 4821) was returned: the bank account is closed. Please pay again", "Su banco ha devuelto su pago de $30.00 (cuenta 4821): cuenta cerrada. Por favor, pague de nuevo"),
					handset+say("Payments from your bank account ending in", "Hemos detenido los pagos desde su cuenta bancaria"))
				balanced(t, p.Env)

				account := p.Accounts(p.c.ID)[0]
				numbers := strings.Join([]string{account.RoutingNumber, "99000", "Main Street", "28202", "5550100", "Charlotte", "robin@", "1GNAX"}, "|")
				for _, letter := range p.server.Letters() {
					text, page := letter.Part("text/plain"), letter.Part("text/html")
					for canary := range strings.SplitSeq(numbers, "|") {
						if strings.Contains(text+page+letter.Header("Subject"), canary) {
							t.Errorf("%s is in\n%s", canary, text)
						}
					}
					if byEmail := strings.HasPrefix(letter.To, "robin"); byEmail != strings.Contains(page, fmt.Sprintf("<html lang=%q>", strings.ToLower(language))) ||
						byEmail && !strings.Contains(text, say("Hello Robin,", "Hola, Robin:")) {
						t.Errorf("a letter to %s is\n%s", letter.To, letter.Raw)
					}
				}
				// Two were pending: the second try, and that of December.
				if !slices.ContainsFunc(p.server.Letters(), func(l testenv.Received) bool {
					text := l.Part("text/plain")
					return strings.Contains(text, say("ending in "+account.Last4, "termina en "+account.Last4)) && strings.Contains(text, say("(payments: 2)", "(pagos: 2)"))
				}) {
					t.Error("nothing says what was stopped")
				}
			})
		}
	})
}

// What a customer does not want is not sent, and what is required is, by the ways that
// there are.
func TestNoticePreferences(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		const scheduled, returned = "Your payment is scheduled", "Your payment was returned by the bank"
		const scheduledText, returnedText = "Your payment of $50.00 on", "Your payment of $50.00 (account"
		for _, test := range []struct {
			byEmail, byText, noEmail bool
			optional, required       []string
		}{
			{optional: nil, required: []string{mailbox + returned}},
			{byEmail: true, optional: []string{mailbox + scheduled}, required: []string{mailbox + returned}},
			{byText: true, optional: []string{handset + scheduledText}, required: []string{mailbox + returned, handset + returnedText}},
			{noEmail: true, optional: nil, required: []string{handset + returnedText}},
			{noEmail: true, byEmail: true, byText: true, optional: []string{handset + scheduledText}, required: []string{handset + returnedText}},
		} {
			p := newTold(t, engine)
			p.wants(test.byEmail, test.byText)
			if test.noEmail {
				err := p.App.Store.InTx(t.Context(), func(tx *store.Tx) error {
					c, err := tx.LockCustomer(t.Context(), p.c.ID)
					if err != nil {
						return err
					}
					c.Email = ""
					return tx.UpdateContact(t.Context(), c)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			payment := p.pay("1", "2026-11-18", "50.00")
			p.expect(fmt.Sprintf("%+v, optional", test), test.optional...)
			p.MoveTo("2026-11-18 15:00:00")
			p.send()
			p.Return(payment, "R08")
			p.expect(fmt.Sprintf("%+v, required", test), test.required...)
		}
	})
}

// Who is told is who scheduled it, and not who else owns the vehicle.
func TestJointOwnersNotices(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := newTold(t, engine)
		mine := p.c
		partner := p.AddCustomer()
		err := p.App.Store.InBooks(t.Context(), func(tx *store.BooksTx) error { return tx.InsertOwner(t.Context(), partner.ID, mine.LoanID) })
		if err != nil {
			t.Fatal(err)
		}
		p.wants(true, false)
		p.c = testenv.Customer{ID: partner.ID, Loan: mine.Loan, Account: partner.Account}
		p.wants(true, false)
		p.pay("1", "2026-11-18", "50.00")
		p.MoveTo("2026-11-18 15:00:00")
		p.expect("the partner's payment", mailbox+"Your payment is scheduled", mailbox+"Your payment was credited")
		for id, want := range map[loan.CustomerID]int{mine.ID: 0, partner.ID: 2} {
			if notices, err := p.App.Store.Notices(t.Context(), id); err != nil || len(notices) != want {
				t.Errorf("customer %d has %+v, %v", id, notices, err)
			}
		}
	})
}

// In the night no phone is disturbed by what is not required; in the morning what has
// waited comes, in its order.
func TestQuietHours(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := newTold(t, engine)
		p.wants(true, true)
		p.At("2026-11-18 20:59:59.999999")
		payment := p.pay("1", "2026-11-20", "50.00")
		p.expect("just before", mailbox+"Your payment is scheduled", handset+"Your payment of $50.00")
		p.pay("2", "2026-11-21", "60.00") // and is late
		p.At("2026-11-18 21:00:00")
		p.ask(cancel, testenv.Vars{"id": payment, "yes": true})
		p.expect("in the night", mailbox+"Your payment is scheduled", mailbox+"Your payment was cancelled")
		tell(t, p.Env, p.c, loan.NoticePasswordChanged)
		err := p.App.Store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.InsertNotice(t.Context(), store.Notice{CustomerID: p.c.ID, Kind: loan.NoticeNewDevice, Channel: loan.ByText, Detail: "{}", CreatedAt: p.Clock.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
		p.expect("what is required", mailbox+"Your password was changed", handset+"A new device")
		p.At("2026-11-19 07:59:59.999999")
		p.expect("early")
		p.At("2026-11-19 08:00:00")
		letters := p.send()
		if len(letters) != 2 || !strings.Contains(letters[0].Part("text/plain"), "is scheduled") || !strings.Contains(letters[1].Part("text/plain"), "was cancelled") {
			t.Errorf("in the morning come %+v", letters)
		}
	})
}

// Auto Pay tells of each payment that it plans, once: that the amount has changed, or
// that it is scheduled. What it then does not debit is told as well.
func TestAutoPayNotices(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := newTold(t, engine)
		p.wants(true, false)
		play{p.Env, t, p.c}.setUpAutoPay(p.c.Loan) // 875.00, and 425.00 from then on
		seen := 0
		told := func(kinds, last string) {
			t.Helper()
			all := p.Mailbox("robin@example.com") // latest first
			var got []string
			for _, n := range slices.Backward(all[:len(all)-seen]) {
				got = append(got, n.Kind)
			}
			if seen = len(all); strings.Join(got, " ") != kinds || !strings.Contains(all[0].Text, last) {
				t.Errorf("%v: told is %v, the last one\n%s\nwant %s, and %s", p.Clock.Now(), got, all[0].Text, kinds, last)
			}
		}
		p.MoveTo("2026-11-19 12:00:00")
		told("PAYMENT_SCHEDULED", "Auto Pay will make this payment for you:\n\n  Amount: $875.00\n  Date: November 23, 2026\n")
		p.pay("1", "2026-11-20", "300.00")
		p.MoveTo("2026-11-23 16:00:00")
		told("PAYMENT_SCHEDULED PAYMENT_APPLIED PAYMENT_APPLIED", "You had scheduled $875.00. Less was owed")
		p.MoveTo("2026-12-13 12:00:00")
		told("AUTO_PAY_AMOUNT", "will be $425.00. The one before was $875.00.")
		p.pay("2", "2026-12-14", "425.00")
		p.MoveTo("2026-12-23 16:00:00")
		told("PAYMENT_SCHEDULED PAYMENT_APPLIED PAYMENT_CANCELED", "because nothing is owed any more")
		p.MoveTo("2027-01-13 12:00:00")
		told("PAYMENT_SCHEDULED", "  Amount: $425.00\n  Date: January 23, 2027\n")
	})
}

// Who enrols is spoken to in the language of their device, and from then on in the one
// that they choose.
func TestLanguageOfNotices(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		p := newTold(t, engine)
		h := p.AddHolder("Holder")
		in := func(language, token, query string, vars testenv.Vars) testenv.Answer {
			t.Helper()
			got := p.PostIn(language, token, query, vars)
			if len(got.Errors) > 0 || got.Code() != "" {
				t.Fatal(got.Raw)
			}
			return got
		}
		const askLanguage = `{ viewer { language } }`
		token := in("es-MX, en;q=0.5", "", enroll, testenv.Vars{"input": testenv.Vars{
			"account":  testenv.Vars{"accountNumber": h.AccountNumber, "lastName": h.LastName, "dateOfBirth": h.BornOn, "postalCode": h.PostalCode},
			"username": "robin.holder", "password": goodPassword, "email": "new@example.com",
		}}).Text("enroll", "session", "token")
		p.expect("enrolled", h.Email+": Le damos la bienvenida", "new@example.com: Su código para confirmar esta dirección")
		if got := in("en", token, askLanguage, nil); got.Text("viewer", "language") != "ES" {
			t.Error(got.Raw)
		}
		in("en", "", `mutation($input: LogInInput!) { logIn(input: $input) { session { token } userErrors { code } } }`,
			testenv.Vars{"input": testenv.Vars{"username": "robin.holder", "password": goodPassword}})
		p.expect("logged in", h.Email+": Se inició sesión desde un dispositivo nuevo")
		if got := in("fr", token, setProfile, testenv.Vars{"input": testenv.Vars{"language": "EN"}}); got.Text("updateProfile", "viewer", "language") != "EN" {
			t.Error(got.Raw)
		}
		in("es", "", `mutation($input: LogInInput!) { logIn(input: $input) { session { token } userErrors { code } } }`,
			testenv.Vars{"input": testenv.Vars{"username": "robin.holder", "password": goodPassword}})
		p.expect("logged in", h.Email+": A new device has logged in")
		for _, wrong := range []string{"en", "DE", ""} {
			if got := p.Post(token, setProfile, testenv.Vars{"input": testenv.Vars{"language": wrong}}); len(got.Errors) == 0 {
				t.Errorf("%q is taken as a language", wrong)
			}
		}
	})
}
