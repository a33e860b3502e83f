package app

import (
	"context"
	"flag"
	"strings"

	"github.com/automobilepay/mobilepay/loan"
)

var holdCommands = []command{
	{
		name: "ops hold place", takes: "VEHICLE...", needs: opsNeeds,
		about: "let nothing new be debited for a contract (bankruptcy, dispute, fraud): by the\nvehicle's number or global id, or last name and last four digits of the contract's\nnumber; --cancel-pending also cancels what still can be",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			cancel := flags.Bool("cancel-pending", false, "whether to cancel what is pending, too")
			return func(ctx context.Context, c call) error {
				return h.changing(ctx, c, func(w handwork) error { return w.placeHold(ctx, strings.Join(c.args, " "), *cancel) })
			}
		},
	},
	{
		name: "ops hold lift", takes: "VEHICLE...", needs: opsNeeds,
		about: "let payments be made and Auto Pay go on again",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			return func(ctx context.Context, c call) error {
				return h.changing(ctx, c, func(w handwork) error { return w.liftHold(ctx, strings.Join(c.args, " ")) })
			}
		},
	},
}

func (w handwork) placeHold(ctx context.Context, by string, cancelPending bool) error {
	id, err := w.vehicleNamed(ctx, by)
	if err != nil {
		return err
	}
	canceled, err := w.Servicing.PlaceHold(ctx, w.ByHand, id, cancelPending)
	if err != nil {
		return err
	}
	if canceled == nil {
		canceled = []loan.PaymentID{}
	}
	return w.done(map[string]any{"vehicleId": id, "onHold": true, "canceled": canceled},
		"Vehicle %d is on hold; %d payments were cancelled.", id, len(canceled))
}

func (w handwork) liftHold(ctx context.Context, by string) error {
	id, err := w.vehicleNamed(ctx, by)
	if err != nil {
		return err
	}
	if err := w.Servicing.LiftHold(ctx, w.ByHand, id); err != nil {
		return err
	}
	return w.done(map[string]any{"vehicleId": id, "onHold": false}, "The hold on vehicle %d is lifted.", id)
}
