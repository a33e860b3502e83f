package loan

import (
	"fmt"
	"time"
)

// Phrase is something that customers read, in English, with verbs of package fmt where
// there are figures in it. By it the same in another language is found, so it is always
// a constant.
type Phrase string

// Message is a phrase with its figures. It is put into words when the language is known.
type Message struct {
	Phrase Phrase
	// Args stand for the verbs: strings, whole numbers, [Cents], [Date], [time.Time] and
	// messages.
	Args []any
}

// String is the message in English.
func (m Message) String() string {
	return fmt.Sprintf(string(m.Phrase), m.Figures(English, Message.String)...)
}

// Figures are the arguments of m as they are written in a language; say puts those that
// are messages into words.
func (m Message) Figures(l Language, say func(Message) string) []any {
	figures := make([]any, len(m.Args))
	for i, arg := range m.Args {
		switch arg := arg.(type) {
		case Message:
			figures[i] = say(arg)
		case Cents:
			figures[i] = arg.Formatted()
		case Date:
			figures[i] = arg.Written(l)
		case time.Time:
			figures[i] = Written(arg, l)
		default:
			figures[i] = arg
		}
	}
	return figures
}
