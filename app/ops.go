package app

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

// opsNote ends what mobilepay ops prints of its commands.
const opsNote = `
Each command that changes something needs --operator NAME and --reason TEXT, which the
audit keeps; a command that looks a customer up should have --operator. With --json the
answer is for programs. docs/operations.md has an example of each.
`

// opsCommands are what operators do by hand.
func opsCommands() []command {
	return slices.Concat([]command{{
		name: "ops", bare: true,
		about: "work on the books by hand, for operators: mobilepay ops lists its\ncommands, and docs/operations.md says when to use which",
		bind:  does(func(context.Context, call) error { return ErrUsage }),
	}}, lookupCommands, holdCommands, exceptionCommands, correctionCommands, fileCommands, deliveryCommands)
}

// opsNeeds is what operators work with: the keyset chains the audit.
const opsNeeds = config.Database | config.Keyset

// hand is the flags that the commands of operators share.
type hand struct {
	operator, reason string
	json             bool
}

// looks declares the flags of a command that changes nothing.
func looks(flags *flag.FlagSet) *hand {
	h := new(hand)
	flags.StringVar(&h.operator, "operator", "", "who does this, for the audit")
	flags.BoolVar(&h.json, "json", false, "whether the answer is for programs")
	return h
}

// changes declares the flags of a command that changes something.
func changes(flags *flag.FlagSet) *hand {
	h := looks(flags)
	flags.StringVar(&h.reason, "reason", "", "why, for the audit")
	return h
}

// work is an operator's command at work.
type handwork struct {
	*App
	servicing.ByHand
	call
	json bool
}

// changing carries out a command that changes something.
func (h *hand) changing(ctx context.Context, c call, do func(handwork) error) error {
	operator, err := loan.ParseOperator(h.operator)
	if err != nil {
		return err
	}
	return h.with(ctx, c, operator, do)
}

// looking carries out a command that looks. Who does not say who they are is written
// down as unnamed.
func (h *hand) looking(ctx context.Context, c call, do func(handwork) error) error {
	if h.operator == "" {
		return h.with(ctx, c, servicing.Unnamed, do)
	}
	return h.changing(ctx, c, do)
}

func (h *hand) with(ctx context.Context, c call, operator loan.Operator, do func(handwork) error) error {
	return withoutSessions(ctx, c.cfg, c.out, func(a *App) error {
		by := servicing.ByHand{Operator: operator, Reason: h.reason, At: a.Clock.Now()}
		return do(handwork{a, by, c, h.json})
	})
}

// answer prints an answer: for programs as it is, or for people as table writes it,
// whose columns are set apart by tabs.
func (w handwork) answer(v any, table func(io.Writer)) error {
	if w.json {
		encoder := json.NewEncoder(w.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	table(t)
	return t.Flush()
}

// done prints that something was done.
func (w handwork) done(v any, format string, args ...any) error {
	return w.answer(v, func(t io.Writer) { _, _ = fmt.Fprintf(t, format+"\n", args...) })
}

// row writes the columns of a row.
func row(t io.Writer, columns ...any) {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = cmp.Or(fmt.Sprint(c), "-")
	}
	_, _ = fmt.Fprintln(t, strings.Join(texts, "\t"))
}

// onClock is an instant as operators read it; empty where there is none.
func onClock(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.In(loan.Eastern).Format("2006-01-02 15:04:05 MST")
}

// globalID is the id by which the API knows an object.
func globalID[T any](marshal func(T) graphql.Marshaler, id T) string {
	var text strings.Builder
	marshal(id).MarshalGQL(&text)
	plain, err := strconv.Unquote(text.String())
	if err != nil {
		return text.String()
	}
	return plain
}

// vehicleNamed is the vehicle that an argument names: by its number, its global id, or
// the last name of an owner with the last four digits of the contract's number.
func (w handwork) vehicleNamed(ctx context.Context, by string) (loan.VehicleID, error) {
	if id, ok := graph.DecodeNodeID(by).(loan.VehicleID); ok {
		return id, nil
	}
	if n, err := strconv.ParseInt(by, 10, 64); err == nil {
		return loan.VehicleID(n), nil
	}
	return w.Servicing.FindVehicle(ctx, by)
}

// paymentNamed is the payment that an argument names: by its confirmation number, its
// number or its global id.
func (w handwork) paymentNamed(ctx context.Context, by string) (loan.PaymentID, error) {
	if id, ok := graph.DecodeNodeID(by).(loan.PaymentID); ok {
		return id, nil
	}
	return w.Servicing.FindPayment(ctx, by)
}

// number reads a positive number; zero, which names nothing, where it is none.
func number[T ~int64](text string) T {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return T(n)
}

// named is the object that an argument names, by its number or its global id; zero, which
// names nothing, where it is none.
func named[T ~int64](by string) T {
	if id, ok := graph.DecodeNodeID(by).(T); ok {
		return id
	}
	return number[T](by)
}

// auditLine is an entry of the audit as operators see it.
type auditLine struct {
	At     time.Time       `json:"at"`
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Detail json.RawMessage `json:"detail"`
}

func auditLines(entries []store.AuditEntry) []auditLine {
	lines := make([]auditLine, len(entries))
	for i, e := range entries {
		lines[i] = auditLine{e.At.UTC(), e.Actor, e.Action, json.RawMessage(e.Detail)}
	}
	return lines
}
