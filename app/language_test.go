package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/testenv"
)

const previewIn = `query($input: PreviewPaymentInput!) { previewPayment(input: $input) {
	preview { authorization { text version hash } cancelBySpoken creditedOnSpoken } userErrors { code message } } }`

// A refusal is said in the language that the client wants most of those there are. Its
// code and its path are the same.
func TestRefusalsInBothLanguages(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	wrong := order(c, "k", testenv.Vars{"scheduledOn": "2026-11-17"})
	for accept, want := range map[string]string{
		"": "en", "en": "en", "en-US,en;q=0.9": "en", "es": "es", "es-MX,es;q=0.9,en;q=0.5": "es", "es-419": "es", "en;q=0.4, es;q=0.9": "es",
		"es;q=0.4, en;q=0.9": "en", "fr": "en", "fr, es;q=0.3, en;q=0.2": "es", "ja, *;q=0.1": "en", "es;q=0, en": "en", "nonsense;;": "en",
	} {
		got := e.PostIn(accept, c.Token, schedule, wrong)
		message := map[string]string{"en": "The date is in the past.", "es": "La fecha ya pasó."}[want]
		if got.Code() != "DATE_IN_PAST" || got.Text("schedulePayment", "userErrors", 0, "message") != message ||
			got.Text("schedulePayment", "userErrors", 0, "path", 0) != "scheduledOn" {
			t.Errorf("%q: %s", accept, got.Raw)
		}
		if is := got.Header["Content-Language"]; len(is) != 1 || is[0] != want {
			t.Errorf("%q is answered in %q, want %s", accept, is, want)
		}
	}
	if log := e.Log.String(); strings.Contains(log, "ya pasó") {
		t.Errorf("the log is in Spanish: %s", log)
	}
}

// Whatever can be wrong is said in Spanish: with figures, in several refusals at once,
// without a session, in what no form sends.
func TestErrorsInSpanish(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded, func(c *config.Config) { c.OperationsPerMinute = 20 })
	c := e.AddCustomer()
	const account = `mutation($input: AddPaymentAccountInput!) { addPaymentAccount(input: $input) { userErrors { code message path } } }`
	got := e.PostIn("es", c.Token, account, testenv.Vars{"input": testenv.Vars{"idempotencyKey": "a",
		"account": testenv.Vars{"type": "CHECKING", "routingNumber": "1", "accountNumber": "2", "authorized": false}}})
	for i, want := range []string{"No se guardó nada, porque usted no lo autorizó.", "El número de ruta tiene nueve dígitos.", "El número de cuenta tiene de 4 a 17 dígitos."} {
		if message := got.Text("addPaymentAccount", "userErrors", i, "message"); message != want {
			t.Errorf("refusal %d is %q, want %q", i, message, want)
		}
	}
	const profile = `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { code message } } }`
	got = e.PostIn("es", c.Token, profile, testenv.Vars{"input": testenv.Vars{
		"address": testenv.Vars{"line1": "", "city": "Charlotte", "state": "NC", "postalCode": "28202"}}})
	if message := got.Text("updateProfile", "userErrors", 0, "message"); message != "Debe tener de 1 a 100 caracteres, en una sola línea." {
		t.Errorf("with figures: %s", got.Raw)
	}
	// What is a variable of the program for everybody stays as it is for the next one.
	const logIn = `mutation { logIn(input: {username: "nobody", password: "a password of nobody"}) { userErrors { code message } } }`
	for accept, want := range map[string]string{"es": "El nombre de usuario o la contraseña no son correctos.", "en": "The username or the password is wrong."} {
		if got := e.PostIn(accept, "", logIn, nil); got.Text("logIn", "userErrors", 0, "message") != want {
			t.Errorf("%s: %s", accept, got.Raw)
		}
	}
	for query, want := range map[string][2]string{
		`{ viewer { id } }`:               {"UNAUTHENTICATED", "Primero inicie sesión."},
		`{ viewer { payments(first: 0) }`: {"GRAPHQL_PARSE_FAILED", "Expected Name"}, // for a developer
	} {
		if got := e.PostIn("es", "", query, nil); got.Code() != want[0] || !strings.HasPrefix(got.Errors[0].Message, want[1]) {
			t.Errorf("%s: %s", query, got.Raw)
		}
	}
	if got := e.PostIn("es", c.Token, `{ viewer { payments(first: 0) { edges { cursor } } } }`, nil); got.Code() != "BAD_USER_INPUT" ||
		got.Errors[0].Message != "una página tiene de 1 a 100 elementos" {
		t.Errorf("bad input: %s", got.Raw)
	}
	for range 20 {
		if got = e.PostIn("es", c.Token, `{ __typename }`, nil); got.Code() != "" {
			break
		}
	}
	if got.Code() != "RATE_LIMITED" || got.Errors[0].Message != "Demasiadas solicitudes. Inténtelo más tarde." || got.Header.Get("Content-Language") != "es" {
		t.Errorf("too often: %s", got.Raw)
	}
	closed := testenv.New(t, testenv.Embedded, production)
	if got := closed.PostIn("es", "", `{ nothing }`, nil); got.Errors[0].Message != "La solicitud no es una operación válida de GraphQL." {
		t.Errorf("in production: %s", got.Raw)
	}
}

// A socket speaks the language of its first message, or else of its handshake, in all
// that it carries; an event stream that of its request.
func TestLanguageOfConnections(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	const spoken = `subscription($after: String) { paymentUpdated(after: $after) { payment { id amount { spoken } cancelBySpoken } } }`
	inSpanish := http.Header{"Accept-Language": {"es-US"}}
	after := testenv.Vars{"after": cursorNow(e, c.Token)}
	stream := events(t, e, c.Token, spoken, after, inSpanish.Clone())
	sockets := map[string]*socket{}
	for name, how := range map[string]struct {
		header  http.Header
		payload string
	}{
		"payload": {nil, `"Accept-Language": "es-MX, en;q=0.3"`},
		"header":  {inSpanish, `"Accept-Language": 7`},
		"both":    {inSpanish, `"Accept-Language": "en"`},
		"neither": {nil, `"Other": ""`},
	} {
		s := dial(t, e, how.header)
		s.open(`{"Authorization": "Bearer ` + c.Token + `", ` + how.payload + `}`)
		for range 2 { // each operation is a request of its own
			s.subscribe("1", schedule, order(c, "k", testenv.Vars{"scheduledOn": "2026-11-17"}))
			want := "La fecha ya pasó."
			if name == "both" || name == "neither" {
				want = "The date is in the past."
			}
			if got := s.answer(); got.Text("schedulePayment", "userErrors", 0, "message") != want {
				t.Errorf("%s: %s", name, got.Raw)
			}
			s.read() // complete
		}
		s.subscribe("2", spoken, after)
		sockets[name] = s
	}
	e.Post(c.Token, schedule, order(c, "1"))
	for name, s := range sockets {
		want := [2]string{"cincuenta dólares", "miércoles, 18 de noviembre de 2026, a las 3 p. m., hora del Este"}
		if name == "both" || name == "neither" {
			want = [2]string{"fifty dollars", "Wednesday, November 18, 2026, at 3 PM Eastern time"}
		}
		got := s.answer()
		if is := [2]string{got.Text("paymentUpdated", "payment", "amount", "spoken"), got.Text("paymentUpdated", "payment", "cancelBySpoken")}; is != want {
			t.Errorf("%s: %s", name, got.Raw)
		}
	}
	if got, _ := nextEvent(t, stream); !strings.Contains(got[1], `"spoken":"cincuenta dólares"`) {
		t.Errorf("in the stream: %v", got)
	}
	var last [2]string
	for range 20 { // one is open
		other := events(t, e, c.Token, spoken, after, inSpanish.Clone())
		last, _ = nextEvent(t, other)
	}
	if !strings.Contains(last[1], "Tiene demasiadas conexiones de eventos abiertas.") || !strings.Contains(last[1], "TOO_MANY_OPERATIONS") {
		t.Errorf("one too many: %v", last)
	}
}

// What a screen shows has a spoken form in either language.
func TestSpokenForms(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	e.Post(c.Token, schedule, order(c, "1", testenv.Vars{"amount": testenv.Vars{"fixed": "1.01"}, "scheduledOn": "2026-12-02"}))
	const query = `query($loan: ID!) { node(id: $loan) { ... on Vehicle {
		pendingPayments { edges { node { amount { formatted spoken } scheduledOnSpoken creditedOnSpoken debitedOnSpoken cancelBySpoken } } }
		contract { payoff(on: "2026-11-30") { goodThroughOnSpoken } }
		paymentDates(from: "2026-11-21", to: "2026-11-21") { onSpoken debitedOnSpoken cancelBySpoken } } }
		nextCutoff { atSpoken scheduledOnSpoken } }`
	for language, want := range map[string]string{
		"en": `{"node":{"pendingPayments":{"edges":[{"node":{"amount":{"formatted":"$1.01","spoken":"one dollar and one cent"},` +
			`"scheduledOnSpoken":"Wednesday, December 2, 2026","creditedOnSpoken":"Wednesday, December 2, 2026","debitedOnSpoken":"Wednesday, December 2, 2026",` +
			`"cancelBySpoken":"Wednesday, December 2, 2026, at 3 PM Eastern time"}}]},"contract":{"payoff":{"goodThroughOnSpoken":"Monday, November 30, 2026"}},` +
			`"paymentDates":[{"onSpoken":"Saturday, November 21, 2026","debitedOnSpoken":"Monday, November 23, 2026","cancelBySpoken":"Saturday, November 21, 2026, at 3 PM Eastern time"}]},` +
			`"nextCutoff":{"atSpoken":"Wednesday, November 18, 2026, at 3 PM Eastern time","scheduledOnSpoken":"Wednesday, November 18, 2026"}}`,
		"es": `{"node":{"pendingPayments":{"edges":[{"node":{"amount":{"formatted":"$1.01","spoken":"un dólar con un centavo"},` +
			`"scheduledOnSpoken":"miércoles, 2 de diciembre de 2026","creditedOnSpoken":"miércoles, 2 de diciembre de 2026","debitedOnSpoken":"miércoles, 2 de diciembre de 2026",` +
			`"cancelBySpoken":"miércoles, 2 de diciembre de 2026, a las 3 p. m., hora del Este"}}]},"contract":{"payoff":{"goodThroughOnSpoken":"lunes, 30 de noviembre de 2026"}},` +
			`"paymentDates":[{"onSpoken":"sábado, 21 de noviembre de 2026","debitedOnSpoken":"lunes, 23 de noviembre de 2026","cancelBySpoken":"sábado, 21 de noviembre de 2026, a las 3 p. m., hora del Este"}]},` +
			`"nextCutoff":{"atSpoken":"miércoles, 18 de noviembre de 2026, a las 3 p. m., hora del Este","scheduledOnSpoken":"miércoles, 18 de noviembre de 2026"}}`,
	} {
		if got := e.PostIn(language, c.Token, query, testenv.Vars{"loan": c.Loan}); !strings.Contains(got.Raw, `"data":`+want) {
			t.Errorf("%s:\n%s\nwant\n%s", language, got.Raw, want)
		}
	}
}

// recorded is the authorisations in a customer's audit, in order.
func recorded(t *testing.T, e *testenv.Env, id loan.CustomerID) (all []map[string]string) {
	t.Helper()
	entries, err := e.App.Store.Audit(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		var detail map[string]string
		if json.Unmarshal([]byte(entry.Detail), &detail) == nil && detail["hash"] != "" {
			all = append(all, detail)
		}
	}
	return all
}

// A text that was shown in one language is confirmed by its hash in either. What is kept
// is the text that was shown.
func TestAuthorizationInBothLanguages(t *testing.T) {
	testenv.OnEach(t, func(t *testing.T, engine testenv.Engine) {
		e := testenv.New(t, engine)
		c := e.AddCustomer()
		input := testenv.Vars{"vehicleId": c.Loan, "scheduledOn": "2026-11-18", "paymentAccount": testenv.Vars{"saved": c.Account}}
		want := map[string]string{
			"en": "I authorize a one-time debit of %s on or after November 18, 2026 from my checking account ending in %s, to be credited on November 18, 2026 " +
				"to the loan ending in %s for my %s. I can cancel it before 3 pm Eastern on November 18, 2026.",
			"es": "Autorizo un único débito de %s, a partir del 18 de noviembre de 2026, de mi cuenta corriente terminada en %s, que se acreditará el " +
				"18 de noviembre de 2026 al préstamo terminado en %s de mi %s. Puedo cancelarlo antes de las 3 p. m., hora del Este, del 18 de noviembre de 2026.",
		}
		var texts []string
		for i, how := range []struct{ shown, confirmed, amount string }{{"es", "en", "425.00"}, {"en", "es", "50.00"}, {"es", "es", "60.00"}, {"en", "fr", "70.00"}} {
			input["amount"] = testenv.Vars{"fixed": how.amount}
			shown := e.PostIn(how.shown, c.Token, previewIn, testenv.Vars{"input": input})
			text, hash := shown.Text("previewPayment", "preview", "authorization", "text"), shown.Text("previewPayment", "preview", "authorization", "hash")
			last4 := e.Accounts(c.ID)[0].Last4
			for _, part := range []string{"$" + how.amount, last4} {
				want := strings.SplitN(want[how.shown], "%s", 2)
				if !strings.HasPrefix(text, want[0]) || !strings.Contains(text, part) {
					t.Errorf("%s does not say %q", text, part)
				}
			}
			if end := want[how.shown][strings.LastIndex(want[how.shown], "%s")+2:]; !strings.HasSuffix(text, end) {
				t.Errorf("%s does not end in %q", text, end)
			}
			if sum := sha256.Sum256([]byte(text)); hash != hex.EncodeToString(sum[:]) {
				t.Errorf("the hash %s is not that of %q", hash, text)
			}
			// With another amount, neither language's text is that which was shown.
			other := order(c, "other", testenv.Vars{"amount": testenv.Vars{"fixed": "1.00"}, "authorizationHash": hash})
			if got := e.PostIn(how.confirmed, c.Token, schedule, other); got.Code() != "PREVIEW_CHANGED" {
				t.Errorf("with another amount: %s", got.Raw)
			}
			pay := order(c, how.amount, testenv.Vars{"amount": testenv.Vars{"fixed": how.amount}, "authorizationHash": hash})
			paid := e.PostIn(how.confirmed, c.Token, schedule, pay)
			again := e.PostIn(how.shown, c.Token, schedule, pay)
			if paid.Code() != "" || again.Get("schedulePayment", "replayed") != true ||
				again.Text("schedulePayment", "payment", "id") != paid.Text("schedulePayment", "payment", "id") {
				t.Errorf("%+v: %s%s", how, paid.Raw, again.Raw)
			}
			texts = append(texts, text)
			if kept := recorded(t, e, c.ID); len(kept) != i+1 || kept[i]["text"] != texts[i] || kept[i]["hash"] != hash || kept[i]["language"] != how.shown {
				t.Errorf("%+v: the audit has %v", how, kept)
			}
		}
	})
}

// What is authorised without a hash is the text in the language of the request.
func TestConsentsInSpanish(t *testing.T) {
	t.Parallel()
	e := testenv.New(t, testenv.Embedded)
	c := e.AddCustomer()
	for _, mutation := range []string{
		`mutation($lease: ID!, $account: ID!) { setUpAutoPay(input: {idempotencyKey: "1", vehicleId: $lease, paymentAccountId: $account,
			amount: {amountDuePlus: "50.00"}, day: {dayOfMonth: 5}, authorized: true}) { userErrors { code } } }`,
		`mutation($loan: ID!, $account: ID!) { setUpAutoPay(input: {idempotencyKey: "2", vehicleId: $loan, paymentAccountId: $account,
			amount: {amountDue: true}, day: {daysBeforeDue: 1}, authorized: true}) { userErrors { code } } }`,
		`mutation { addPaymentAccount(input: {idempotencyKey: "3", account: {type: SAVINGS, routingNumber: "021000021", accountNumber: "123456789",
			authorized: true}}) { userErrors { code } } }`,
	} {
		vars := testenv.Vars{}
		for name, id := range map[string]string{"loan": c.Loan, "lease": c.Lease, "account": c.Account} {
			if strings.Contains(mutation, "$"+name+":") {
				vars[name] = id
			}
		}
		if got := e.PostIn("es", c.Token, mutation, vars); got.Code() != "" {
			t.Fatal(got.Raw)
		}
	}
	kept := recorded(t, e, c.ID)
	if len(kept) != 3 {
		t.Fatalf("the audit has %v", kept)
	}
	for i, parts := range [][]string{
		{"Autorizo débitos periódicos por el monto adeudado y $50.00 más, el día 5 de cada mes (el último día de un mes más corto), de mi cuenta corriente terminada en ",
			", que se acreditarán al arrendamiento terminado en ", ", hasta que yo termine el pago automático. Se me avisará 10 días antes"},
		{"Autorizo débitos periódicos por el monto adeudado, el día anterior a cada fecha de vencimiento, de mi ", " al préstamo terminado en "},
		{"Soy titular de la cuenta de ahorros terminada en 6789 en el banco con número de ruta 021000021, y autorizo los débitos de ella que yo programe."},
	} {
		for _, part := range parts {
			if !strings.Contains(kept[i]["text"], part) || kept[i]["language"] != "es" {
				t.Errorf("%v does not say %q", kept[i], part)
			}
		}
	}
}
