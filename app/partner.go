package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// partnerCommands look after partners; the first one's text is of all. Redis is told
// where tokens end.
var partnerCommands = []command{
	{
		name: "partner create", needs: config.Database | config.Keyset,
		about: "partners who act for customers (docs/partners.md); those that change\nsomething take --operator NAME, for the audit:\n" +
			"partner create --name N --scopes \"payments:read payments:write\"\npartner list\n" +
			"partner rotate ID [--grace 24h]: a new secret, beside the one before\npartner revoke ID: it can do nothing more, at once",
		bind: func(flags *flag.FlagSet) action {
			name := flags.String("name", "", "the name that customers see")
			scopes := flags.String("scopes", "", "what customers can let it do")
			operator := flags.String("operator", "", "who does this, for the audit")
			return func(ctx context.Context, c call) error {
				return withPartners(ctx, c.cfg, c.out, func(a *App) error {
					credentials, err := a.Servicing.CreatePartner(ctx, *operator, *name, *scopes, a.Clock.Now())
					return printCredentials(credentials, err, c.stdout)
				})
			}
		},
	},
	{
		name: "partner list", needs: config.Database,
		bind: does(func(ctx context.Context, c call) error {
			return withBooks(ctx, c.cfg, func(s *servicing.Service) error { return listPartners(ctx, s, c.stdout) })
		}),
	},
	{
		name: "partner rotate", takes: "ID", needs: config.Database | config.Keyset | config.Redis,
		bind: func(flags *flag.FlagSet) action {
			operator := flags.String("operator", "", "who does this, for the audit")
			grace := flags.Duration("grace", 24*time.Hour, "for how long the secret before counts")
			return func(ctx context.Context, c call) error {
				if *grace < 0 {
					return ErrUsage
				}
				return withPartners(ctx, c.cfg, c.out, func(a *App) error {
					credentials, err := a.Servicing.RotatePartner(ctx, *operator, number[loan.PartnerID](c.args[0]), *grace, a.Clock.Now())
					return printCredentials(credentials, err, c.stdout)
				})
			}
		},
	},
	{
		name: "partner revoke", takes: "ID", needs: config.Database | config.Keyset | config.Redis,
		bind: func(flags *flag.FlagSet) action {
			operator := flags.String("operator", "", "who does this, for the audit")
			return func(ctx context.Context, c call) error {
				return withPartners(ctx, c.cfg, c.out, func(a *App) error {
					return a.Servicing.RevokePartner(ctx, *operator, number[loan.PartnerID](c.args[0]), a.Clock.Now())
				})
			}
		},
	},
}

// withPartners runs do with the books and, where there is one, with Redis.
func withPartners(ctx context.Context, cfg config.Config, out io.Writer, do func(*App) error) (err error) {
	a, err := newWithoutSessions(ctx, cfg, newClock(cfg), newLog(cfg, out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.openSessions(ctx); err != nil {
		return err
	}
	return do(a)
}

// printCredentials prints what is known of them even where the rest has failed: the
// secret before may have an end by now.
func printCredentials(c servicing.Credentials, err error, stdout io.Writer) error {
	if c.Secret == "" {
		return err
	}
	text := fmt.Sprintf("client_id      %s\nclient_secret  %s\n\nThe secret is shown once.\n", c.ClientID, c.Secret)
	if !c.Until.IsZero() {
		text += fmt.Sprintf("The one before counts until %s.\n", c.Until.UTC().Format(time.RFC3339))
	}
	_, printing := io.WriteString(stdout, text)
	return errors.Join(err, printing)
}

func listPartners(ctx context.Context, s *servicing.Service, stdout io.Writer) error {
	partners, err := s.Store.Partners(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tCLIENT ID\tNAME\tSCOPES\tSINCE\tREVOKED")
	for _, p := range partners {
		revoked := ""
		if p.RevokedAt != nil {
			revoked = p.RevokedAt.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", p.ID, servicing.ClientID(p.ID), p.Name, p.Scopes, p.CreatedAt.UTC().Format(time.RFC3339), revoked)
	}
	return table.Flush()
}
