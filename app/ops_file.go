package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

var fileCommands = []command{
	{
		name: "ops file list", needs: config.Database,
		about: "the latest 60 files for the bank",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error { return listFiles(ctx, s, handwork{call: c, json: h.json}) })
			}
		},
	},
	{
		name: "ops file resend", takes: "NAME", needs: opsNeeds,
		about: "hand a file that the bank has lost to the outbox again, the same bytes under the\nsame name: only with --yes-the-bank-lost-it, as the bank may debit all of it twice",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			lost := flags.Bool("yes-the-bank-lost-it", false, "whether the bank has said that it has lost the file")
			return func(ctx context.Context, c call) error {
				return h.changing(ctx, c, func(w handwork) error {
					f, err := w.Servicing.ResendFile(ctx, w.ByHand, c.args[0], *lost)
					if err != nil {
						return err
					}
					return w.done(map[string]any{"name": f.Name, "entries": f.Entries, "total": f.Total.Amount(), "sha256": f.SHA256},
						"%s is in the outbox: %d entries, %s.", f.Name, f.Entries, f.Total)
				})
			}
		},
	},
	{
		name: "ops run", takes: "CUTOFF", needs: opsNeeds,
		about: "do what is due, and with it a cut-off that was missed, such as 2026-11-18T15:00\n(Eastern); what is done is not done again",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			return func(ctx context.Context, c call) error {
				cutoff, err := parseInstant(c.args[0])
				if err != nil {
					return ErrUsage
				}
				return h.changing(ctx, c, func(w handwork) error { return w.runCutoff(ctx, cutoff) })
			}
		},
	},
}

type fileView struct {
	Name        string       `json:"name"`
	CutoffAt    time.Time    `json:"cutoffAt"`
	Entries     int          `json:"entries"`
	Total       loan.Decimal `json:"total"`
	SHA256      string       `json:"sha256"`
	CreatedAt   time.Time    `json:"createdAt"`
	DeliveredAt *time.Time   `json:"deliveredAt,omitempty"`
}

func listFiles(ctx context.Context, s *servicing.Service, w handwork) error {
	files, err := s.Files(ctx)
	if err != nil {
		return err
	}
	views := make([]fileView, len(files))
	for i, f := range files {
		views[i] = fileView{f.Name, f.CutoffAt.UTC(), f.Entries, f.Total.Amount(), f.SHA256, f.CreatedAt.UTC(), f.DeliveredAt}
	}
	return w.answer(views, func(t io.Writer) {
		row(t, "NAME", "CUT-OFF", "ENTRIES", "TOTAL", "MADE", "DELIVERED", "SHA-256")
		for _, v := range views {
			row(t, v.Name, onClock(&v.CutoffAt), v.Entries, v.Total, onClock(&v.CreatedAt), onClock(v.DeliveredAt), v.SHA256)
		}
	})
}

func (w handwork) runCutoff(ctx context.Context, cutoff time.Time) error {
	run, err := w.Servicing.RunCutoff(ctx, w.ByHand, cutoff)
	if err != nil {
		return err
	}
	return w.answer(map[string]any{
		"cutoffAt": run.CutoffAt.UTC(), "appliedAt": run.AppliedAt, "filedAt": run.FiledAt, "deliveredAt": run.DeliveredAt, "reconciledAt": run.ReconciledAt,
	}, func(t io.Writer) {
		row(t, "CUT-OFF", "APPLIED", "FILED", "DELIVERED", "RECONCILED")
		row(t, onClock(&run.CutoffAt), onClock(run.AppliedAt), onClock(run.FiledAt), onClock(run.DeliveredAt), onClock(run.ReconciledAt))
	})
}

var backupCommands = []command{{
	name: "backup", takes: "FILE", needs: config.Database,
	about: "backup FILE: copy the embedded database into a new file, beside a server\nthat runs; for Postgres there is pg_dump (docs/operations.md)",
	bind: does(func(ctx context.Context, c call) error {
		return withBooks(ctx, c.cfg, func(s *servicing.Service) error {
			if err := s.Store.BackUp(ctx, c.args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.stdout, "The database is in %s. Keep the keyset with it, and in another place.\n", c.args[0])
			return err
		})
	}),
}}
