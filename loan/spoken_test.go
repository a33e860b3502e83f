package loan_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/automobilepay/mobilepay/loan"
)

func TestSpokenMoney(t *testing.T) {
	t.Parallel()
	for cents, want := range map[loan.Cents][2]string{
		0:                 {"zero dollars", "cero dólares"},
		1:                 {"one cent", "un centavo"},
		10:                {"ten cents", "diez centavos"},
		1_00:              {"one dollar", "un dólar"},
		1_01:              {"one dollar and one cent", "un dólar con un centavo"},
		2_00:              {"two dollars", "dos dólares"},
		-3_10:             {"minus three dollars and ten cents", "menos tres dólares con diez centavos"},
		-1:                {"minus one cent", "menos un centavo"},
		16_22:             {"sixteen dollars and twenty-two cents", "dieciséis dólares con veintidós centavos"},
		21_31:             {"twenty-one dollars and thirty-one cents", "veintiún dólares con treinta y un centavos"},
		100_00:            {"one hundred dollars", "cien dólares"},
		101_00:            {"one hundred one dollars", "ciento un dólares"},
		425_10:            {"four hundred twenty-five dollars and ten cents", "cuatrocientos veinticinco dólares con diez centavos"},
		500_00:            {"five hundred dollars", "quinientos dólares"},
		777_23:            {"seven hundred seventy-seven dollars and twenty-three cents", "setecientos setenta y siete dólares con veintitrés centavos"},
		900_26:            {"nine hundred dollars and twenty-six cents", "novecientos dólares con veintiséis centavos"},
		1_000_00:          {"one thousand dollars", "mil dólares"},
		1_234_50:          {"one thousand two hundred thirty-four dollars and fifty cents", "mil doscientos treinta y cuatro dólares con cincuenta centavos"},
		21_000_00:         {"twenty-one thousand dollars", "veintiún mil dólares"},
		31_001_00:         {"thirty-one thousand one dollars", "treinta y un mil un dólares"},
		100_000_00:        {"one hundred thousand dollars", "cien mil dólares"},
		1_000_000_00:      {"one million dollars", "un millón de dólares"},
		1_000_000_50:      {"one million dollars and fifty cents", "un millón de dólares con cincuenta centavos"},
		1_000_001_00:      {"one million one dollars", "un millón un dólares"},
		21_000_000_00:     {"twenty-one million dollars", "veintiún millones de dólares"},
		2_001_000_00:      {"two million one thousand dollars", "dos millones mil dólares"},
		loan.MaxCents:     {"ninety-nine million nine hundred ninety-nine thousand nine hundred ninety-nine dollars and ninety-nine cents", "noventa y nueve millones novecientos noventa y nueve mil novecientos noventa y nueve dólares con noventa y nueve centavos"},
		1_000_000_000_00:  {"one billion dollars", "mil millones de dólares"},
		loan.MaxCents + 1: {"one hundred million dollars", "cien millones de dólares"},
		math.MinInt64: {"minus ninety-two quadrillion two hundred thirty-three trillion seven hundred twenty billion three hundred sixty-eight million " +
			"five hundred forty-seven thousand seven hundred fifty-eight dollars and eight cents",
			"menos noventa y dos mil doscientos treinta y tres billones setecientos veinte mil trescientos sesenta y ocho millones " +
				"quinientos cuarenta y siete mil setecientos cincuenta y ocho dólares con ocho centavos"},
	} {
		for i, l := range []loan.Language{loan.English, loan.Spanish} {
			if got := cents.Spoken(l); got != want[i] {
				t.Errorf("%s in %s:\n%s\nwant\n%s", cents, l, got, want[i])
			}
		}
		if got := cents.Spoken(""); got != want[0] {
			t.Errorf("%s without a language: %s", cents, got)
		}
	}
}

// What is said is heard as the same amount, by somebody who knows the words alone.
func TestSpokenMoneyIsHeard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := loan.Cents(rapid.OneOf(
			rapid.Int64Range(-1_000_000, 1_000_000), rapid.Int64Range(0, int64(loan.MaxCents)), rapid.Int64(),
			rapid.Custom(func(t *rapid.T) int64 { // round ones
				n := rapid.Int64Range(0, 99).Draw(t, "n")
				for range rapid.IntRange(0, 14).Draw(t, "zeros") {
					n *= 10
				}
				return n
			}),
		).Draw(t, "cents"))
		for _, ear := range ears {
			said := cents.Spoken(ear.language)
			if got := ear.hear(t, said); got != cents {
				t.Fatalf("%s is said %q, and heard %s", cents, said, got)
			}
		}
	})
}

// ear knows the words of a language: what each adds, and by what each multiplies what
// came before it.
type ear struct {
	language                   loan.Language
	minus, and, dollars, cents string
	add                        map[string]uint64
	multiply                   map[string]uint64
	groups                     map[string]uint64 // ends a group of digits
	silent                     []string
}

var ears = []ear{
	{
		language: loan.English, minus: "minus", and: " and ", dollars: "dollar", cents: "cent",
		add: map[string]uint64{"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
			"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
			"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90},
		multiply: map[string]uint64{"hundred": 100},
		groups:   map[string]uint64{"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "quadrillion": 1e15},
	},
	{
		language: loan.Spanish, minus: "menos", and: " con ", dollars: "dólar", cents: "centavo",
		add: map[string]uint64{"cero": 0, "un": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10,
			"once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15, "dieciséis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19,
			"veinte": 20, "veintiún": 21, "veintidós": 22, "veintitrés": 23, "veinticuatro": 24, "veinticinco": 25, "veintiséis": 26, "veintisiete": 27,
			"veintiocho": 28, "veintinueve": 29, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90,
			"cien": 100, "ciento": 100, "doscientos": 200, "trescientos": 300, "cuatrocientos": 400, "quinientos": 500, "seiscientos": 600,
			"setecientos": 700, "ochocientos": 800, "novecientos": 900},
		multiply: map[string]uint64{"mil": 1000},
		groups:   map[string]uint64{"millón": 1e6, "millones": 1e6, "billón": 1e12, "billones": 1e12},
		silent:   []string{"y", "de"},
	},
}

func (e ear) hear(t *rapid.T, said string) loan.Cents {
	said, negative := strings.CutPrefix(said, e.minus+" ")
	var sum uint64
	for _, part := range strings.Split(said, e.and) {
		words := strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == '-' })
		n := e.number(t, words[:len(words)-1])
		switch unit := words[len(words)-1]; {
		case (n == 1) != (unit == e.dollars || unit == e.cents):
			t.Fatalf("%q has the wrong number", part)
		case strings.HasPrefix(unit, e.dollars):
			sum += 100 * n
		case strings.HasPrefix(unit, e.cents):
			sum += n
		default:
			t.Fatalf("%q counts nothing", part)
		}
	}
	if negative {
		sum = -sum
	}
	return loan.Cents(sum)
}

func (e ear) number(t *rapid.T, words []string) (sum uint64) {
	var group, last uint64 // of the group, what was multiplied, and what was not yet
	for _, word := range words {
		if n, ok := e.add[word]; ok {
			last += n
		} else if by, ok := e.multiply[word]; ok {
			group, last = group+max(last, 1)*by, 0
		} else if by, ok := e.groups[word]; ok {
			sum, group, last = sum+(group+last)*by, 0, 0
		} else if !slices.Contains(e.silent, word) {
			t.Fatalf("nobody knows the word %q", word)
		}
	}
	return sum + group + last
}

func TestSpokenTime(t *testing.T) {
	t.Parallel()
	for local, want := range map[string][4]string{
		"2026-11-18 15:00:00": {"Wednesday, November 18, 2026, at 3 PM Eastern time", "miércoles, 18 de noviembre de 2026, a las 3 p. m., hora del Este",
			"3 pm Eastern on November 18, 2026", "las 3 p. m., hora del Este, del 18 de noviembre de 2026"},
		"2026-08-01 01:00:00": {"Saturday, August 1, 2026, at 1 AM Eastern time", "sábado, 1 de agosto de 2026, a la 1 a. m., hora del Este",
			"1 am Eastern on August 1, 2026", "la 1 a. m., hora del Este, del 1 de agosto de 2026"},
		"2026-02-28 12:00:00": {"Saturday, February 28, 2026, at 12 PM Eastern time", "sábado, 28 de febrero de 2026, a las 12 p. m., hora del Este",
			"12 pm Eastern on February 28, 2026", "las 12 p. m., hora del Este, del 28 de febrero de 2026"},
		"2026-03-08 00:05:59": {"Sunday, March 8, 2026, at 12:05 AM Eastern time", "domingo, 8 de marzo de 2026, a las 12:05 a. m., hora del Este",
			"12:05 am Eastern on March 8, 2026", "las 12:05 a. m., hora del Este, del 8 de marzo de 2026"},
		"2026-12-31 13:59:00": {"Thursday, December 31, 2026, at 1:59 PM Eastern time", "jueves, 31 de diciembre de 2026, a la 1:59 p. m., hora del Este",
			"1:59 pm Eastern on December 31, 2026", "la 1:59 p. m., hora del Este, del 31 de diciembre de 2026"},
	} {
		at, err := time.ParseInLocation(time.DateTime, local, loan.Eastern)
		if err != nil {
			t.Fatal(err)
		}
		at = at.UTC() // whatever zone it comes in
		got := [4]string{loan.Spoken(at, loan.English), loan.Spoken(at, loan.Spanish), loan.Written(at, loan.English), loan.Written(at, loan.Spanish)}
		if got != want {
			t.Errorf("%s:\n%q\nwant\n%q", local, got, want)
		}
	}
}

// Every day is read out as itself, with its weekday.
func TestSpokenDateIsHeard(t *testing.T) {
	t.Parallel()
	if got := (loan.Date{}).Spoken(loan.English) + (loan.Date{}).Spoken(loan.Spanish); got != "" {
		t.Errorf("no day is said %q", got)
	}
	months := strings.Fields("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
	days := strings.Fields("domingo lunes martes miércoles jueves viernes sábado")
	rapid.Check(t, func(t *rapid.T) {
		d := loan.Date{Year: 2026, Month: time.January, Day: 1}.AddDays(rapid.IntRange(-20_000, 20_000).Draw(t, "days"))
		at, err := time.Parse("Monday, January 2, 2006", d.Spoken(loan.English))
		if err != nil || at.Format(time.DateOnly) != d.String() || !strings.HasPrefix(d.Spoken(loan.English), at.Weekday().String()) {
			t.Fatalf("%s is said %q: %v", d, d.Spoken(loan.English), err)
		}
		weekday, rest, _ := strings.Cut(d.Spoken(loan.Spanish), ", ")
		var day, year int
		var month string
		if _, err := fmt.Sscanf(rest, "%d de %s de %d", &day, &month, &year); err != nil {
			t.Fatal(err)
		}
		heard := loan.Date{Year: year, Month: time.Month(slices.Index(months, month) + 1), Day: day}
		if heard != d || days[d.Weekday()] != weekday {
			t.Fatalf("%s is said %q", d, d.Spoken(loan.Spanish))
		}
	})
}
