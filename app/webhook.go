package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// webhookCommands look after the endpoints of partners, as these can themselves; the
// first one's text is of all. What is printed of a secret is printed once.
var webhookCommands = slices.Concat([]command{
	{
		name: "webhook create", needs: config.Database | config.Keyset,
		about: "where partners take events; partners can do all of it themselves, but\nsay who is told when an endpoint is disabled:\n" +
			"webhook create --operator NAME --partner ID --url URL\nwebhook list\nwebhook contact --operator NAME --partner ID --email ADDRESS\n" +
			"webhook rotate ID --operator NAME [--grace 24h]\nwebhook disable|enable|delete ID --operator NAME",
		bind: func(flags *flag.FlagSet) action {
			partner := flags.Int64("partner", 0, "the number of the partner")
			address := flags.String("url", "", "where events are sent")
			return asOperator(flags, func(ctx context.Context, h servicing.Webhooks, c call, now time.Time) error {
				opened, err := h.Create(ctx, loan.PartnerID(*partner), *address, now)
				return printWebhook(opened, err, c.stdout)
			})
		},
	},
	{
		name: "webhook list", needs: config.Database,
		bind: does(func(ctx context.Context, c call) error {
			return withBooks(ctx, c.cfg, func(s *servicing.Service) error { return listWebhooks(ctx, s, c.stdout) })
		}),
	},
	{
		name: "webhook contact", needs: config.Database | config.Keyset,
		bind: func(flags *flag.FlagSet) action {
			partner := flags.Int64("partner", 0, "the number of the partner")
			email := flags.String("email", "", "who at the partner is told when an endpoint is disabled")
			return asOperator(flags, func(ctx context.Context, h servicing.Webhooks, _ call, now time.Time) error {
				return h.Contact(ctx, loan.PartnerID(*partner), *email, now)
			})
		},
	},
	{
		name: "webhook rotate", takes: "ID", needs: config.Database | config.Keyset,
		bind: func(flags *flag.FlagSet) action {
			grace := flags.Duration("grace", 24*time.Hour, "for how long the secret before signs, too")
			return asOperator(flags, func(ctx context.Context, h servicing.Webhooks, c call, now time.Time) error {
				if *grace < 0 {
					return ErrUsage
				}
				opened, err := h.Rotate(ctx, number[loan.WebhookID](c.args[0]), *grace, now)
				return printWebhook(opened, err, c.stdout)
			})
		},
	},
}, changeWebhook("disable", servicing.Webhooks.Disable), changeWebhook("enable", servicing.Webhooks.Enable), changeWebhook("delete", servicing.Webhooks.Delete))

// changeWebhook is a command that takes an endpoint and nothing else.
func changeWebhook(name string, change func(servicing.Webhooks, context.Context, loan.WebhookID, time.Time) error) []command {
	return []command{{
		name: "webhook " + name, takes: "ID", needs: config.Database | config.Keyset,
		bind: func(flags *flag.FlagSet) action {
			return asOperator(flags, func(ctx context.Context, h servicing.Webhooks, c call, now time.Time) error {
				return change(h, ctx, number[loan.WebhookID](c.args[0]), now)
			})
		},
	}}
}

// asOperator runs do for the operator that --operator names.
func asOperator(flags *flag.FlagSet, do func(context.Context, servicing.Webhooks, call, time.Time) error) action {
	operator := flags.String("operator", "", "who does this, for the audit")
	return func(ctx context.Context, c call) (err error) {
		a, err := newWithoutSessions(ctx, c.cfg, newClock(c.cfg), newLog(c.cfg, c.out))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		h, err := a.Servicing.WebhooksAs(*operator)
		if err != nil {
			return err
		}
		return do(ctx, h, c, a.Clock.Now())
	}
}

func printWebhook(opened servicing.OpenedWebhook, err error, stdout io.Writer) error {
	switch {
	case err != nil:
	case opened.Secret == "":
		_, err = fmt.Fprintf(stdout, "endpoint  %d\n\nIt was there already; rotate it for another secret.\n", opened.Endpoint.ID)
	default:
		_, err = fmt.Fprintf(stdout, "endpoint  %d\nsecret    %s\n\nThe secret is shown once.\n", opened.Endpoint.ID, opened.Secret)
	}
	return err
}

func listWebhooks(ctx context.Context, s *servicing.Service, stdout io.Writer) error {
	list, err := s.Store.Books().WebhookEndpoints(ctx)
	if err != nil {
		return err
	}
	instant := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tPARTNER\tURL\tSINCE\tFAILING SINCE\tDISABLED\tWHY")
	for _, w := range list {
		_, _ = fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%s\t%s\t%s\n", w.ID, w.PartnerID, w.URL, instant(&w.CreatedAt), instant(w.FailingSince), instant(w.DisabledAt), w.DisabledWhy)
	}
	return table.Flush()
}
