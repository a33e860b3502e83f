package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

// partnerNeeds is what the commands for partners work with. Redis is told where tokens
// end.
var partnerNeeds = map[string]config.Needs{
	"create": config.Database | config.Keyset,
	"list":   config.Database,
	"rotate": config.Database | config.Keyset | config.Redis,
	"revoke": config.Database | config.Keyset | config.Redis,
}

// runPartner carries out mobilepay partner. What it prints of a secret is printed once.
func runPartner(ctx context.Context, args, environ []string, stdout, out io.Writer) error {
	flags := flag.NewFlagSet("partner", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { _, _ = io.WriteString(out, usage) }
	name := flags.String("name", "", "the name that customers see")
	scopes := flags.String("scopes", "", "what customers can let it do")
	operator := flags.String("operator", "", "who does this, for the audit")
	grace := flags.Duration("grace", 24*time.Hour, "for how long the secret before counts")
	command, id := "", loan.PartnerID(0)
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	if command == "rotate" || command == "revoke" {
		if len(args) > 0 {
			number, _ := strconv.ParseInt(args[0], 10, 64) // 0 is no partner
			id, args = loan.PartnerID(number), args[1:]
		}
	}
	works, known := partnerNeeds[command]
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return ErrUsage
	}
	if !known || *grace < 0 {
		flags.Usage()
		return ErrUsage
	}
	cfg, err := config.Load(environ, works)
	if err != nil {
		return err
	}
	if command == "list" {
		return withBooks(ctx, cfg, func(s *servicing.Service) error { return listPartners(ctx, s, stdout) })
	}
	return withPartners(ctx, cfg, out, func(a *App) error {
		switch now := a.Clock.Now(); command {
		case "create":
			c, err := a.Servicing.CreatePartner(ctx, *operator, *name, *scopes, now)
			return printCredentials(c, err, stdout)
		case "rotate":
			c, err := a.Servicing.RotatePartner(ctx, *operator, id, *grace, now)
			return printCredentials(c, err, stdout)
		default:
			return a.Servicing.RevokePartner(ctx, *operator, id, now)
		}
	})
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
