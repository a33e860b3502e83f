package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

var statementCommands = []command{{
	name: "statement correct", takes: "ID", needs: config.Database | config.Keyset | config.Letterhead,
	about: "statement correct ID --reason TEXT: issue another statement in the place of\nthe latest one of a vehicle",
	bind: func(flags *flag.FlagSet) action {
		reason := flags.String("reason", "", "why a statement is corrected")
		return func(ctx context.Context, c call) error {
			return correctStatement(ctx, c.cfg, c.args[0], *reason, c.stdout)
		}
	},
}}

// correctStatement issues a statement in the place of another one, which is named by its
// number or its global id, and prints both.
func correctStatement(ctx context.Context, cfg config.Config, text, reason string, out io.Writer) error {
	id := named[loan.StatementID](text)
	if id == 0 {
		return errors.New("a statement is named by its number or its id")
	}
	return withKeys(ctx, cfg, func(use *servicing.Service) error {
		correction, err := use.CorrectStatement(ctx, id, reason, newClock(cfg).Now())
		if err != nil {
			return fmt.Errorf("correct statement %d: %w", id, err)
		}
		_, err = fmt.Fprintf(out, "Statement %d of %s to %s takes the place of statement %d: %s is due on %s.\n",
			correction.ID, correction.PeriodFrom, correction.PeriodTo, id, correction.AmountDue, correction.DueOn)
		return err
	})
}
