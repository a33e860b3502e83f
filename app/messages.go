package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// messageCommands work on what customers ask; the first one's text is of all.
var messageCommands = []command{
	{
		name: "messages list", needs: config.Database | config.Keyset,
		about: "work on what customers ask: messages list [--open],\nmessages show ID, messages answer ID --operator NAME --text TEXT\n" +
			"(- reads it from the input), messages close ID --operator NAME",
		bind: func(flags *flag.FlagSet) action {
			open := flags.Bool("open", false, "only what waits for an answer")
			return func(ctx context.Context, c call) error {
				return withMessages(ctx, c.cfg, "", c.stdout, func(m messages) error { return m.list(ctx, *open) })
			}
		},
	},
	{
		name: "messages show", takes: "ID", needs: config.Database | config.Keyset,
		bind: onConversation(func(ctx context.Context, m messages, id loan.ConversationID, _ string) error { return m.show(ctx, id) }),
	},
	{
		name: "messages answer", takes: "ID", needs: config.Database | config.Keyset,
		bind: onConversation(func(ctx context.Context, m messages, id loan.ConversationID, text string) error {
			return m.answer(ctx, id, text, os.Stdin)
		}),
	},
	{
		name: "messages close", takes: "ID", needs: config.Database | config.Keyset,
		bind: onConversation(func(ctx context.Context, m messages, id loan.ConversationID, _ string) error { return m.close(ctx, id) }),
	},
}

// onConversation binds a command that works on one conversation.
func onConversation(do func(context.Context, messages, loan.ConversationID, string) error) func(*flag.FlagSet) action {
	return func(flags *flag.FlagSet) action {
		operator := flags.String("operator", "", "who answers or closes, for the audit")
		text := flags.String("text", "", "the answer; - reads it from the input")
		return func(ctx context.Context, c call) error {
			id := number[loan.ConversationID](c.args[0])
			if id == 0 {
				return ErrUsage
			}
			return withMessages(ctx, c.cfg, *operator, c.stdout, func(m messages) error { return do(ctx, m, id, *text) })
		}
	}
}

// messages is an operator's work with what customers ask.
type messages struct {
	*servicing.Service
	clock    clock.Clock
	operator string
	out      io.Writer
}

// withMessages runs do with the messages.
func withMessages(ctx context.Context, cfg config.Config, operator string, out io.Writer, do func(messages) error) error {
	return withKeys(ctx, cfg, func(s *servicing.Service) error { return do(messages{s, newClock(cfg), operator, out}) })
}

func (m messages) list(ctx context.Context, open bool) error {
	list, err := m.ListConversations(ctx, open)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(m.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tSTATE\tLATEST\tTOPIC\tCUSTOMER\tMESSAGES")
	for _, c := range list {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%d\n", c.ID, c.State, eastern(c.LatestMessageAt), c.Topic, c.CustomerID, c.Messages)
	}
	return table.Flush()
}

func (m messages) show(ctx context.Context, id loan.ConversationID) error {
	c, err := m.ShowConversation(ctx, id)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(m.out, "conversation %d, %s, about %s\ncustomer %d, %s %s\n", c.ID, c.State, c.Topic, c.CustomerID, c.Customer.FirstName, c.Customer.LastName)
	if c.VehicleID != nil {
		_, _ = fmt.Fprintf(m.out, "vehicle %d\n", *c.VehicleID)
	}
	for _, message := range c.Thread {
		from := "customer"
		if message.Author == loan.ByServicer {
			from = message.Operator
		}
		// Indented, so that no line of a message looks like one of ours.
		_, _ = fmt.Fprintf(m.out, "\n#%d  %s  %s\n  %s\n", message.Number, eastern(message.SentAt), from, strings.ReplaceAll(message.Text, "\n", "\n  "))
	}
	return nil
}

// answer adds an answer: text, or what in holds where text is a dash.
func (m messages) answer(ctx context.Context, id loan.ConversationID, text string, in io.Reader) error {
	if text == "-" {
		const most = 4*loan.LongestMessage + 4096 // a longer one is refused anyway
		all, err := io.ReadAll(io.LimitReader(in, most))
		if err != nil {
			return err
		}
		text = string(all)
	}
	answered, err := m.AnswerConversation(ctx, m.clock.Now(), m.operator, id, text)
	if err != nil {
		return plainly(err)
	}
	return m.done(answered, "answered", "it had this answer already")
}

func (m messages) close(ctx context.Context, id loan.ConversationID) error {
	closed, err := m.CloseConversation(ctx, m.clock.Now(), m.operator, id)
	if err != nil {
		return err
	}
	return m.done(closed, "closed", "it was closed already")
}

func (m messages) done(changed bool, what, otherwise string) error {
	if !changed {
		what = otherwise
	}
	_, err := fmt.Fprintln(m.out, what)
	return err
}

// plainly is a refusal in its own words, without the code that is for apps.
func plainly(err error) error {
	var refusal loan.UserError
	if errors.As(err, &refusal) {
		return errors.New(refusal.ErrorMessage().String())
	}
	return err
}
