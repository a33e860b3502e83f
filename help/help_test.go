package help_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/automobilepay/mobilepay/ach"
	"github.com/automobilepay/mobilepay/help"
	"github.com/automobilepay/mobilepay/loan"
)

func center(t testing.TB, phone string) *help.Center {
	t.Helper()
	app, err := loan.ParseAppRequirements("IOS 4.2.6; ANDROID 2.3.3 warned 4.0.3 4.0.4")
	if err != nil {
		t.Fatal(err)
	}
	return help.New(help.Facts{App: app, Phone: phone})
}

// What customers type, and the topic that has to come first. Those of the FAQ are
// there by their own words, in other words, mistyped and not yet typed to their end.
func TestSearch(t *testing.T) {
	t.Parallel()
	c := center(t, "")
	for language, searches := range map[loan.Language]map[string][]string{
		loan.English: {
			"payment-applied": {"When will my payment be applied?", "payment applied", "when is a payment credited", "payment cutoff time", "how long does a payment take to process",
				"wen will my paymet be aplied", "applied saturday", "payments posted on weekends", "payment appl"},
			"security":          {"Is Mobile Pay safe and secure?", "safe", "is the app secure", "128-bit encryption", "encripted", "what personal information is stored on my device", "secur"},
			"what-the-app-does": {"What can I do with Mobile Pay?", "what can i do with the app", "features", "featurs", "what is mobile pay"},
			"get-the-app":       {"How do I get the Mobile Pay app?", "download app", "install on iphone", "google play", "app stroe", "dowload", "where to download for android"},
			"username-needed":   {"Do I need a username and password to access Mobile Pay?", "need username and password", "do i need a pasword and usernmae", "login credentials needed"},
			"supported-phones": {"What versions of the iPhone and Android are supported with the Mobile Pay app?", "supported versions", "which android version", "minimum ios version", "operating system requirements",
				"suported verzions", "is my old phone compatible"},
			"add-bank-account": {"How do I update my payment account information?", "update payment account", "add a bank account", "change my bank account", "enter routing number", "new checking account",
				"updat bank acount", "add bank acc"},
			"cancel-payment": {"Can I change or cancel a pending payment using Mobile Pay?", "cancel payment", "cancelling a pending payment", "change scheduled payment", "reschedule", "how do i stop a payment",
				"cancle paymnet", "canc", "edit a payment wrong amount"},
			"make-a-payment":     {"make a payment", "how do i pay my bill", "one time payment", "pay now"},
			"set-up-auto-pay":    {"set up auto pay", "autopay", "automatic payments", "recurring payments every month"},
			"skip-auto-pay":      {"skip one auto pay payment", "skip autopay this month"},
			"final-auto-pay":     {"final auto pay payment", "does autopay make the last payment"},
			"change-auto-pay":    {"pause auto pay", "turn off autopay"},
			"payment-returned":   {"payment returned", "my payment bounced", "insufficient funds", "nsf"},
			"validate-account":   {"verify bank account", "micro deposits", "two small deposits", "prenote"},
			"account-blocked":    {"bank account blocked"},
			"due-date":           {"due date", "when is my payment due", "how much do i owe", "amount due"},
			"past-due":           {"past due", "late payment", "overdue", "cannot afford my payment", "missed payment"},
			"payoff":             {"payoff amount", "pay off my loan", "payoff quote"},
			"lease-payoff":       {"lease buyout", "buy my leased car", "lease payoff", "purchase option"},
			"joint-owners":       {"joint owner", "co-borrower", "can my wife see the loan"},
			"online-statements":  {"online statements", "go paperless", "where is my statement"},
			"paper-statements":   {"paper statements by mail", "stop paperless"},
			"forgot-password":    {"forgot password", "reset my pasword", "password reset"},
			"forgot-username":    {"forgot username", "forgot my user id"},
			"two-step":           {"two factor authentication", "2fa", "authenticator"},
			"new-phone":          {"new phone", "lost my phone", "recovery codes"},
			"devices":            {"log out all devices", "who is logged in"},
			"enroll":             {"enroll", "how do i register", "sign up create account"},
			"accessibility":      {"voiceover", "screen reader", "spanish"},
			"update-contact":     {"change my address", "i moved", "new email address"},
			"notices":            {"notifications", "stop text messages"},
			"suspicious-message": {"phishing", "scam email"},
			"contact":            {"call customer service", "phone number to speak to someone"},
			"ask-a-question":     {"ask a question", "send a secure message"},
			"extra-payment":      {"pay extra principal", "principal only"},
			"interest":           {"how is interest calculated", "per diem"},
			"paid-twice":         {"paid twice", "duplicate payment"},
			"payment-history":    {"confirmation number", "payment history"},
			"bank-debit":         {"when is my bank debited", "when does the money leave my account"},
		},
		loan.Spanish: {
			"payment-applied":   {"¿Cuándo se aplicará mi pago?", "cuando se aplica mi pago", "cuanto tarda un pago", "pago aplicado el sabado", "cuando se acredita el pago", "aplikado pago"},
			"security":          {"es seguro", "seguridad de la aplicacion", "encriptacion", "guarda datos personales en el telefono"},
			"what-the-app-does": {"que puedo hacer con mobile pay", "funciones de la app"},
			"get-the-app":       {"descargar la aplicacion", "bajar app", "instalar en iphone", "descragar"},
			"username-needed":   {"necesito usuario y contraseña", "necesito un nombre de usuario y una contrasena"},
			"supported-phones":  {"version de android", "versiones compatibles", "requisitos del sistema operativo"},
			"add-bank-account":  {"actualizar cuenta bancaria", "agregar una cuenta bancaria", "cambiar de banco", "numero de ruta", "añadir cuenta"},
			"cancel-payment":    {"cancelar un pago pendiente", "cambiar pago programado", "anular pago", "canselar pago", "reprogramar"},
			"set-up-auto-pay":   {"pago automatico", "configurar auto pay", "pagos automáticos cada mes"},
			"payment-returned":  {"pago devuelto", "fondos insuficientes", "pago rechazado"},
			"due-date":          {"fecha de vencimiento", "cuanto debo"},
			"past-due":          {"pago atrasado", "estoy atrasado", "pago vencido", "cargo por mora"},
			"payoff":            {"liquidar mi prestamo", "monto de liquidacion"},
			"lease-payoff":      {"opcion de compra", "comprar mi auto arrendado"},
			"joint-owners":      {"cotitular", "codeudor"},
			"online-statements": {"estados de cuenta en linea"},
			"forgot-password":   {"olvidé mi contraseña", "olvide mi contrasena", "restablecer clave"},
			"forgot-username":   {"olvide mi usuario"},
			"two-step":          {"dos pasos", "codigo de verificacion"},
			"new-phone":         {"telefono nuevo", "perdi mi telefono"},
			"update-contact":    {"cambiar mi direccion", "me mude"},
			"contact":           {"hablar con alguien", "llamar a servicio al cliente"},
			"accessibility":     {"lector de pantalla", "cambiar idioma"},
			"enroll":            {"inscribirme", "registrarse"},
		},
	} {
		for want, typed := range searches {
			for _, search := range typed {
				found, err := c.Search(language, search)
				if err != nil {
					t.Fatal(err)
				}
				if len(found) == 0 || found[0].Slug != want {
					var slugs []string
					for _, topic := range found {
						slugs = append(slugs, topic.Slug)
					}
					t.Errorf("%s: %q finds %v, want %s first", language, search, slugs[:min(len(slugs), 3)], want)
				}
			}
		}
	}
	for _, nothing := range []string{"", " ", "?!", "qwxzk", "\x00", "\xff"} {
		if found, err := c.Search(loan.English, nothing); err != nil || len(found) > 0 {
			t.Errorf("%q finds %d topics, %v", nothing, len(found), err)
		}
	}
}

// Each topic is found first by its own question, in both languages.
func TestTopicsAreFoundByTheirTitles(t *testing.T) {
	t.Parallel()
	c := center(t, "")
	for _, language := range loan.Languages() {
		for _, topic := range c.Topics(language) {
			if found, err := c.Search(language, topic.Title); err != nil || len(found) == 0 || found[0] != topic {
				t.Errorf("%q does not find %s first: %v", topic.Title, topic.ID, err)
			}
		}
	}
}

// Both languages have the same topics, in the same places, and none is left in the
// other language.
func TestLanguagesHaveTheSameTopics(t *testing.T) {
	t.Parallel()
	c := center(t, "704-555-0100")
	english, spanish := c.Topics(loan.English), c.Topics(loan.Spanish)
	if len(english) < 30 || len(english) != len(spanish) {
		t.Fatalf("there are %d and %d topics", len(english), len(spanish))
	}
	lists := regexp.MustCompile(`(?m)^(- |\d\. )`)
	for i, e := range english {
		s := spanish[i]
		if e.Slug != s.Slug || e.Category != s.Category || e.ID == s.ID {
			t.Errorf("topic %d is %s and %s", i, e.ID, s.ID)
		}
		if e.Title == s.Title || e.Body == s.Body || strings.HasPrefix(s.Title, "¿") != strings.HasSuffix(s.Title, "?") {
			t.Errorf("%s is not in Spanish: %s", s.ID, s.Title)
		}
		if a, b := len(lists.FindAllString(e.Body, -1)), len(lists.FindAllString(s.Body, -1)); a != b {
			t.Errorf("%s has %d entries in lists, and %s has %d", e.ID, a, s.ID, b)
		}
		if a, b := strings.Count(e.Body, "704-555-0100"), strings.Count(s.Body, "704-555-0100"); a != b {
			t.Errorf("%s names the number %d times, and %s %d times", e.ID, a, s.ID, b)
		}
	}
	if c.Topic(loan.Spanish, "payoff") == nil || c.Topic("", "payoff") != c.Topic(loan.English, "payoff") || c.Topic(loan.English, "none") != nil {
		t.Error("a topic is not found by its slug")
	}
	for _, category := range loan.HelpCategories() {
		if !slices.ContainsFunc(english, func(topic *help.Topic) bool { return topic.Category == category }) {
			t.Errorf("there is no topic in %s", category)
		}
	}
}

// Nobody else's name is in it, no markup that an app cannot show, no link.
func TestTopics(t *testing.T) {
	t.Parallel()
	c := center(t, "")
	others := regexp.MustCompile(`(?i:\bally\b)|888-925|https?:|www\.|<[a-z/]|TODO|\{\{`)
	for _, language := range loan.Languages() {
		for _, topic := range c.Topics(language) {
			all := topic.Title + "\n" + topic.Keywords + "\n" + topic.Body + "\n" + topic.BodyText
			if found := others.FindString(all); found != "" {
				t.Errorf("%s has %q in it", topic.ID, found)
			}
			if strings.ContainsAny(topic.BodyText, "*_`#") || strings.Contains(topic.BodyText, "\n\n\n") || topic.BodyText == "" {
				t.Errorf("%s in plain text is\n%s", topic.ID, topic.BodyText)
			}
			excerpt := topic.Excerpt()
			if n := utf8.RuneCountInString(excerpt); n < 40 || n > 160 || strings.Contains(excerpt, "\n") {
				t.Errorf("%s has an excerpt of %d characters: %q", topic.ID, n, excerpt)
			}
		}
	}
	text := c.Topic(loan.English, "make-a-payment").BodyText
	if !strings.HasPrefix(text, "1. Choose your vehicle, then Make a Payment.\n2. Choose the amount") || !strings.Contains(text, "\n\nYou get a confirmation number.") {
		t.Errorf("in plain text it is\n%s", text)
	}
}

// What the answers say of times is what the rules do: each sentence is made from what
// loan.Timing answers, and has to be there.
func TestTimesAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	timing := loan.Timing{IsBankingDay: ach.IsBankingDay, Holidays: loan.PostOnDate, FurthestDays: 60}
	wednesday := loan.Date{Year: 2026, Month: 11, Day: 18}
	saturday := wednesday.AddDays(3)
	cutoff := func(now time.Time, on loan.Date) int {
		slot, err := timing.Schedule(now, on)
		if err != nil {
			t.Fatal(err)
		}
		if slot.CreditedOn != on {
			t.Errorf("a payment dated %s counts as of %s", on, slot.CreditedOn)
		}
		return slot.CancelBy.In(loan.Eastern).Hour() - 12
	}
	// The first cut-off of a day is where the window of a payment for that day jumps.
	first := cutoff(wednesday.At(0), wednesday)
	second := cutoff(wednesday.At(first+12), wednesday)
	if before := cutoff(wednesday.At(first+12).Add(-time.Microsecond), wednesday); before != first {
		t.Errorf("just before %d pm the window is open until %d pm", first, before)
	}
	var refused *loan.DateNotAllowed
	if _, err := timing.Schedule(wednesday.At(second+12), wednesday); !errors.As(err, &refused) || refused.Code != loan.CodeCutoffPassed || refused.EarliestOn != wednesday.AddDays(1) {
		t.Errorf("from the last cut-off on: %v", err)
	}
	later := cutoff(wednesday.At(second+12), saturday) // on a Saturday, and made after hours
	if sunday := cutoff(wednesday.At(0), saturday.AddDays(1)); later != first || sunday != first {
		t.Errorf("a later date has its window until %d and %d pm", later, sunday)
	}
	if a, b := cutoff(saturday.At(first+12), saturday), cutoff(saturday.At(0), saturday); a != second || b != first {
		t.Errorf("on a Saturday the windows are open until %d and %d pm", b, a)
	}
	c := center(t, "")
	for language, want := range map[loan.Language]map[string][]string{
		loan.English: {
			"payment-applied": {
				fmt.Sprintf("- **For today, before %d pm:** it is applied today after %d pm.", first, first),
				fmt.Sprintf("- **For today, from %d pm until %d pm:** it is applied today after %d pm.", first, second, second),
				fmt.Sprintf("- **For a later date:** it is applied on that date, after %d pm. That date may be a Saturday or a Sunday.", later),
				fmt.Sprintf("After %d pm you can no longer pay for the same day", second),
			},
			"cancel-payment": {
				fmt.Sprintf("- **Scheduled for today, before %d pm:** today at %d pm.", first, first),
				fmt.Sprintf("- **Scheduled for today, from %d pm until %d pm:** today at %d pm.", first, second, second),
				fmt.Sprintf("- **Scheduled for a later date:** at %d pm on that date.", later),
			},
			"skip-auto-pay": {fmt.Sprintf("before %d pm Eastern on its date", later)},
			"bank-debit":    {fmt.Sprintf("applied after %d pm Eastern, it is the next banking day", second)},
		},
		loan.Spanish: {
			"payment-applied": {
				fmt.Sprintf("- **Para hoy, antes de las %d p. m.:** se aplica hoy después de las %d p. m.", first, first),
				fmt.Sprintf("- **Para hoy, desde las %d p. m. hasta las %d p. m.:** se aplica hoy después de las %d p. m.", first, second, second),
				fmt.Sprintf("- **Para una fecha posterior:** se aplica en esa fecha, después de las %d p. m. Esa fecha puede ser sábado o domingo.", later),
				fmt.Sprintf("Después de las %d p. m. ya no se puede pagar para el mismo día", second),
			},
			"cancel-payment": {
				fmt.Sprintf("- **Programado para hoy, antes de las %d p. m.:** hoy a las %d p. m.", first, first),
				fmt.Sprintf("- **Programado para hoy, desde las %d p. m. hasta las %d p. m.:** hoy a las %d p. m.", first, second, second),
				fmt.Sprintf("- **Programado para una fecha posterior:** a las %d p. m. de esa fecha.", later),
			},
			"skip-auto-pay": {fmt.Sprintf("antes de las %d p. m. hora del Este de su fecha", later)},
			"bank-debit":    {fmt.Sprintf("después de las %d p. m. hora del Este, es el siguiente día hábil bancario", second)},
		},
	} {
		for slug, sentences := range want {
			for _, sentence := range sentences {
				if body := c.Topic(language, slug).Body; !strings.Contains(body, sentence) {
					t.Errorf("%s/%s does not say %q:\n%s", language, slug, sentence, body)
				}
			}
		}
	}
	// The debit after the second cut-off, and after a weekend.
	if slot, err := timing.Schedule(wednesday.At(first+12), wednesday); err != nil || slot.DebitedOn != wednesday.AddDays(1) {
		t.Errorf("the second run of a day debits on %s, %v", slot.DebitedOn, err)
	}
	if slot, err := timing.Schedule(wednesday.At(0), saturday); err != nil || slot.DebitedOn != saturday.AddDays(2) {
		t.Errorf("a Saturday's payment debits on %s, %v", slot.DebitedOn, err)
	}
}

// What follows from settings is filled in.
func TestFacts(t *testing.T) {
	t.Parallel()
	app, err := loan.ParseAppRequirements("IOS 15.1; ANDROID 9")
	if err != nil {
		t.Fatal(err)
	}
	c := help.New(help.Facts{App: app, Phone: "704-555-0100"})
	phones := c.Topic(loan.English, "supported-phones").Body
	if !strings.Contains(phones, "iOS 15.1 or newer") || !strings.Contains(phones, "Android 9.0 or newer.\n") || strings.Contains(phones, "expected") {
		t.Errorf("it says\n%s", phones)
	}
	if contact := c.Topic(loan.Spanish, "contact").Body; !strings.Contains(contact, "llame al 704-555-0100") {
		t.Errorf("it says\n%s", contact)
	}
	if seed := center(t, "").Topic(loan.English, "supported-phones").Body; !strings.Contains(seed, "iOS 4.2.6 or newer") || !strings.Contains(seed, "On Android 4.0.3 and 4.0.4 the app") {
		t.Errorf("it says\n%s", seed)
	}
	files, err := filepath.Glob("en/*")
	if err != nil || len(files) != len(c.Topics(loan.English)) {
		t.Errorf("of %d files %d are topics, %v", len(files), len(c.Topics(loan.English)), err)
	}
}

// Whatever is typed is words: there is no syntax to break, and no end to wait for.
func FuzzSearch(f *testing.F) {
	c := center(f, "")
	for _, typed := range []string{"cancel", `+title:"x^9~2 -y`, "/.*/", "a* b?", "(((", "\x00", "ñandú", strings.Repeat("payment ", 1000), "💳", "AND OR NOT"} {
		f.Add(typed, false)
	}
	f.Fuzz(func(t *testing.T, typed string, spanish bool) {
		language := loan.English
		if spanish {
			language = loan.Spanish
		}
		found, err := c.Search(language, typed)
		if err != nil || len(found) > 20 {
			t.Errorf("%q: %d found, %v", typed, len(found), err)
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	c := center(b, "")
	for name, typed := range map[string]string{"usual": "cancel a pending paymnet", "worst": strings.Repeat("aplicarias ", 10)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.Search(loan.Spanish, typed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		if _, err := center(b, "").Search(loan.English, "x"); err != nil {
			b.Fatal(err)
		}
	}
}
