package loan

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Written is d as it is written in a text: "November 18, 2026", "18 de noviembre de 2026";
// nothing for no day.
func (d Date) Written(l Language) string {
	switch {
	case d.IsZero():
		return ""
	case l == Spanish:
		return fmt.Sprintf("%d de %s de %d", d.Day, spanishMonths[d.Month-1], d.Year)
	}
	return fmt.Sprintf("%s %d, %d", d.Month, d.Day, d.Year)
}

// Spoken is d as it is read out: "Wednesday, December 2, 2026", "miércoles, 2 de
// diciembre de 2026".
func (d Date) Spoken(l Language) string {
	switch {
	case d.IsZero():
		return ""
	case l == Spanish:
		return spanishDays[d.Weekday()] + ", " + d.Written(l)
	}
	return d.Weekday().String() + ", " + d.Written(l)
}

// Written is t in the business zone as it is written in a text, behind "before": "3 pm
// Eastern on November 18, 2026", "las 3 p. m., hora del Este, del 18 de noviembre de 2026".
func Written(t time.Time, l Language) string {
	if l == Spanish {
		return spanishTime(t) + ", del " + DateOf(t).Written(l)
	}
	return clockTime(t) + t.In(Eastern).Format(" pm") + " Eastern on " + DateOf(t).Written(l)
}

// Spoken is t to the minute in the business zone as it is read out: "Wednesday, November
// 18, 2026, at 3 PM Eastern time", "miércoles, 18 de noviembre de 2026, a las 3 p. m.,
// hora del Este".
func Spoken(t time.Time, l Language) string {
	if l == Spanish {
		return DateOf(t).Spoken(l) + ", a " + spanishTime(t)
	}
	return DateOf(t).Spoken(l) + ", at " + clockTime(t) + t.In(Eastern).Format(" PM") + " Eastern time"
}

// spanishTime is "las 3 p. m., hora del Este". At one, the hour is singular.
func spanishTime(t time.Time) string {
	local := t.In(Eastern)
	article, half := "las", "p. m."
	if local.Hour()%12 == 1 {
		article = "la"
	}
	if local.Hour() < 12 {
		half = "a. m."
	}
	return article + " " + clockTime(t) + " " + half + ", hora del Este"
}

// clockTime is the hour of twelve, with minutes where it is not full.
func clockTime(t time.Time) string {
	if t.In(Eastern).Minute() == 0 {
		return t.In(Eastern).Format("3")
	}
	return t.In(Eastern).Format("3:04")
}

var (
	spanishDays   = [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}
	spanishMonths = [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}
)

// Spoken is c as it is read out: "four hundred twenty-five dollars and ten cents",
// "cuatrocientos veinticinco dólares con diez centavos". Programs that read screens read
// "$1,234.50" in as many ways as there are programs.
func (c Cents) Spoken(l Language) string {
	units := english
	if l == Spanish {
		units = spanish
	}
	n, sign := uint64(c), "" // #nosec G115 -- the sign is handled next, and the magnitude always fits
	if c < 0 {
		n, sign = -n, units.minus
	}
	dollars, cents := n/100, n%100
	if dollars == 0 && cents > 0 {
		return sign + units.count(cents, units.cent, units.cents)
	}
	text := sign + units.count(dollars, units.dollar, units.dollars)
	if cents > 0 {
		text += units.and + units.count(cents, units.cent, units.cents)
	}
	return text
}

// ToSpeak is c itself, for who reads it out.
func (c Cents) ToSpeak() Cents { return c }

// tongue is how a language counts money.
type tongue struct {
	minus, and, dollar, dollars, cent, cents string
	// number is n in words, as it stands before what is counted.
	number func(n uint64) string
	// of stands between whole millions and what is counted.
	of string
}

var (
	english = tongue{"minus ", " and ", "dollar", "dollars", "cent", "cents", englishNumber, ""}
	spanish = tongue{"menos ", " con ", "dólar", "dólares", "centavo", "centavos", spanishNumber, "de "}
)

func (t tongue) count(n uint64, one, many string) string {
	switch {
	case n == 1:
		return t.number(n) + " " + one
	case n > 0 && n%1_000_000 == 0:
		return t.number(n) + " " + t.of + many // un millón de dólares
	}
	return t.number(n) + " " + many
}

var (
	englishUnits = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen " +
		"sixteen seventeen eighteen nineteen")
	englishTens   = strings.Fields("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
	englishPowers = []string{"", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion"}
)

// englishNumber is n in words, without "and": that stands between dollars and cents.
func englishNumber(n uint64) string {
	switch {
	case n < 20:
		return englishUnits[n]
	case n < 100:
		return joined(englishTens[n/10], "-", n%10, englishNumber)
	case n < 1000:
		return joined(englishUnits[n/100]+" hundred", " ", n%100, englishNumber)
	}
	power := (len(strconv.FormatUint(n, 10)) - 1) / 3
	unit := uint64(1)
	for range power {
		unit *= 1000
	}
	return joined(englishNumber(n/unit)+englishPowers[power], " ", n%unit, englishNumber)
}

var (
	spanishUnits = strings.Fields("cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince " +
		"dieciséis diecisiete dieciocho diecinueve veinte veintiún veintidós veintitrés veinticuatro veinticinco veintiséis " +
		"veintisiete veintiocho veintinueve")
	spanishTens     = strings.Fields("_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa")
	spanishHundreds = strings.Fields("_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos")
)

// spanishNumber is n in words before a noun that is masculine: "veintiún", not
// "veintiuno". It counts on the long scale: a "billón" is a million millions.
func spanishNumber(n uint64) string {
	switch {
	case n < 30:
		return spanishUnits[n]
	case n < 100:
		return joined(spanishTens[n/10], " y ", n%10, spanishNumber)
	case n == 100:
		return "cien"
	case n < 1000:
		return joined(spanishHundreds[n/100], " ", n%100, spanishNumber)
	case n < 2000:
		return joined("mil", " ", n%1000, spanishNumber)
	case n < 1_000_000:
		return joined(spanishNumber(n/1000)+" mil", " ", n%1000, spanishNumber)
	}
	unit, one, many := uint64(1_000_000), " millón", " millones"
	if n >= 1_000_000_000_000 {
		unit, one, many = 1_000_000_000_000, " billón", " billones"
	}
	if n/unit > 1 {
		one = many
	}
	return joined(spanishNumber(n/unit)+one, " ", n%unit, spanishNumber)
}

// joined is the words of a number's larger part, and of the rest where there is any.
func joined(words, by string, rest uint64, number func(uint64) string) string {
	if rest == 0 {
		return words
	}
	return words + by + number(rest)
}
