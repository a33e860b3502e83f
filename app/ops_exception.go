package app

import (
	"context"
	"flag"
	"io"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

var exceptionCommands = []command{
	{
		name: "ops exceptions list", needs: config.Database,
		about: "what the bank sent and the machine could not place, oldest first",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error {
					list, err := s.Exceptions(ctx)
					if err != nil {
						return err
					}
					return handwork{call: c, json: h.json}.answer(viewExceptions(list), func(t io.Writer) { exceptionTable(t, list) })
				})
			}
		},
	},
	{
		name: "ops exceptions show", takes: "ID", needs: config.Database,
		about: "one of them, resolved or not",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error {
					e, err := s.Exception(ctx, number[loan.ExceptionID](c.args[0]))
					if err != nil {
						return err
					}
					return handwork{call: c, json: h.json}.answer(viewExceptions([]store.Exception{e})[0], func(t io.Writer) {
						exceptionTable(t, []store.Exception{e})
						if e.ResolvedAt != nil {
							row(t, "\nRESOLVED", "BY", "HOW")
							row(t, onClock(e.ResolvedAt), e.ResolvedBy, e.Resolution)
						}
					})
				})
			}
		},
	},
	{
		name: "ops exceptions resolve", takes: "ID", needs: opsNeeds,
		about: "take one off the list; --reason says what was done about it",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			return func(ctx context.Context, c call) error {
				return h.changing(ctx, c, func(w handwork) error {
					id := number[loan.ExceptionID](c.args[0])
					if err := w.Servicing.ResolveException(ctx, w.ByHand, id); err != nil {
						return err
					}
					return w.done(map[string]any{"id": id, "resolved": true}, "Exception %d is resolved.", id)
				})
			}
		},
	},
}

type exceptionView struct {
	ID         loan.ExceptionID `json:"id"`
	CreatedAt  time.Time        `json:"createdAt"`
	Kind       string           `json:"kind"`
	Detail     string           `json:"detail"`
	Source     string           `json:"source"`
	ResolvedAt *time.Time       `json:"resolvedAt,omitempty"`
	ResolvedBy loan.Operator    `json:"resolvedBy,omitempty"`
	Resolution string           `json:"resolution,omitempty"`
}

func viewExceptions(list []store.Exception) []exceptionView {
	views := make([]exceptionView, len(list))
	for i, e := range list {
		views[i] = exceptionView{e.ID, e.CreatedAt.UTC(), e.Kind, e.Detail, e.Source, e.ResolvedAt, e.ResolvedBy, e.Resolution}
	}
	return views
}

// exceptionTable writes what the machine could not place.
func exceptionTable(t io.Writer, list []store.Exception) {
	row(t, "ID", "SINCE", "KIND", "DETAIL", "FILE")
	for _, e := range list {
		row(t, e.ID, e.CreatedAt.Format(time.RFC3339), e.Kind, e.Detail, e.Source)
	}
}
