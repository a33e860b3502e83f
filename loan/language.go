package loan

// Language is one in which customers are spoken to, by its ISO 639 code.
type Language string

// The languages.
const (
	English Language = "en" // the one where nobody says otherwise
	Spanish Language = "es"
)

// Languages are all of them, the one that is the default first.
func Languages() []Language { return []Language{English, Spanish} }
