package app

import (
	"context"
	"errors"
	"flag"
	"io"
	"strconv"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

var deliveryCommands = []command{
	{
		name: "ops webhook deliveries", takes: "ENDPOINT", needs: config.Database,
		about: "the latest 60 deliveries to an endpoint of a partner, the latest event first: by\nthe endpoint's number (mobilepay webhook list) or global id",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error {
					list, err := s.LatestDeliveries(ctx, named[loan.WebhookID](c.args[0]))
					if err != nil {
						return err
					}
					views := viewDeliveries(list)
					return handwork{call: c, json: h.json}.answer(views, func(t io.Writer) { deliveryTable(t, views) })
				})
			}
		},
	},
	{
		name: "ops webhook resend", takes: "ENDPOINT", needs: opsNeeds,
		about: "send an endpoint of a partner anew: --event ID, one or more, by webhook-id or\nnumber, or all that has failed since --failed-since, such as 2026-11-18T15:00\n(Eastern)",
		bind: func(flags *flag.FlagSet) action {
			h := changes(flags)
			var which servicing.Resend
			flags.Func("event", "an event to send anew", func(text string) error {
				which.Events = append(which.Events, named[loan.PartnerEventID](text))
				return nil
			})
			flags.Func("failed-since", "since when what has failed is sent anew", func(text string) (err error) {
				which.FailedSince, err = parseInstant(text)
				return err
			})
			return func(ctx context.Context, c call) error {
				if (len(which.Events) == 0) == which.FailedSince.IsZero() { // one of them it is
					return ErrUsage
				}
				return h.changing(ctx, c, func(w handwork) error {
					id := named[loan.WebhookID](c.args[0])
					n, err := w.Servicing.ResendWebhook(ctx, w.ByHand, id, which)
					if err != nil {
						return err
					}
					return w.done(map[string]any{"endpointId": id, "deliveries": n}, "%d deliveries to endpoint %d are made anew.", n, id)
				})
			}
		},
	},
}

var errInstant = errors.New("an instant is such as 2026-11-18T15:00 (Eastern) or 2026-11-18T20:00:00Z")

// parseInstant reads an instant as operators write it: Eastern, or with its zone.
func parseInstant(text string) (time.Time, error) {
	at, err := time.ParseInLocation("2006-01-02T15:04", text, loan.Eastern)
	if err != nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return time.Time{}, errInstant
	}
	return at, nil
}

type deliveryView struct {
	EventID     string              `json:"eventId"` // the webhook-id
	Type        string              `json:"type"`
	ObjectID    string              `json:"objectId"`
	At          time.Time           `json:"at"`
	Status      loan.DeliveryStatus `json:"status"`
	Tries       int                 `json:"tries"`
	LastTryAt   *time.Time          `json:"lastTryAt,omitempty"`
	NextTryAt   *time.Time          `json:"nextTryAt,omitempty"`
	LastStatus  *int                `json:"lastStatus,omitempty"`
	LastFailure loan.WebhookFailure `json:"lastFailure,omitempty"`
}

func viewDeliveries(list []*loan.WebhookDelivery) []deliveryView {
	views := make([]deliveryView, len(list))
	for i, d := range list {
		e := graph.PartnerEvent{PartnerEvent: d.Event}
		views[i] = deliveryView{e.GlobalID(), d.Event.Kind.TypeForPartners(), e.ObjectID(), d.Event.At.UTC(), d.Status(), d.Tries, d.LastTryAt, d.NextTryAt, d.LastStatus, d.LastFailure}
	}
	return views
}

func deliveryTable(t io.Writer, views []deliveryView) {
	row(t, "EVENT", "TYPE", "OBJECT", "AT", "STATUS", "TRIES", "LAST TRY", "NEXT TRY", "ANSWER", "FAILURE")
	for _, v := range views {
		answer := ""
		if v.LastStatus != nil {
			answer = strconv.Itoa(*v.LastStatus)
		}
		row(t, v.EventID, v.Type, v.ObjectID, onClock(&v.At), v.Status, v.Tries, onClock(v.LastTryAt), onClock(v.NextTryAt), answer, v.LastFailure)
	}
}
