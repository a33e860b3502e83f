package app

import (
	"context"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/config"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

var correctionCommands = []command{
	{
		name: "ops correct propose", takes: "VEHICLE...", needs: opsNeeds,
		about: "ask for a correction of what a contract owes, which a second operator approves\nwithin 7 days: --principal, --interest, --fees, --instalments, --past-due and\n" +
			"--current-due AMOUNT (below zero takes off), --against income, funding or cash,\n--evidence TEXT says where it is shown",
		bind: bindPropose,
	},
	{
		name: "ops correct approve", takes: "ID", needs: opsNeeds,
		about: "post a correction that another operator proposed",
		bind:  decides((*servicing.Service).ApproveCorrection),
	},
	{
		name: "ops correct reject", takes: "ID", needs: opsNeeds,
		about: "end a correction that was proposed; who proposed it may, too",
		bind:  decides((*servicing.Service).RejectCorrection),
	},
	{
		name: "ops correct list", needs: config.Database,
		about: "what waits for a second operator; --all lists the latest, decided or not",
		bind: func(flags *flag.FlagSet) action {
			h := looks(flags)
			all := flags.Bool("all", false, "whether to list those that are decided, too")
			return func(ctx context.Context, c call) error {
				return withBooks(ctx, c.cfg, func(s *servicing.Service) error {
					list, err := s.Store.Books().Corrections(ctx, *all)
					if err != nil {
						return err
					}
					views := make([]correctionView, len(list))
					for i := range list {
						views[i] = viewCorrection(&list[i], newClock(c.cfg).Now())
					}
					return handwork{call: c, json: h.json}.answer(views, func(t io.Writer) { correctionTable(t, views) })
				})
			}
		},
	},
}

func bindPropose(flags *flag.FlagSet) action {
	h := changes(flags)
	var correction loan.LedgerCorrection
	for name, to := range map[string]*loan.Cents{
		"principal": &correction.Principal, "interest": &correction.Interest, "fees": &correction.Fees, "instalments": &correction.Instalments,
		"past-due": &correction.PastDue, "current-due": &correction.CurrentDue,
	} {
		flags.Func(name, "what is added, below zero what is taken off", func(text string) (err error) {
			*to, err = loan.ParseCents(text)
			return err
		})
	}
	against := flags.String("against", "income", "the other side")
	evidence := flags.String("evidence", "", "where it is shown")
	return func(ctx context.Context, c call) error {
		correction.Against = loan.LedgerAccount(strings.ToUpper(*against))
		return h.changing(ctx, c, func(w handwork) error {
			id, err := w.vehicleNamed(ctx, strings.Join(c.args, " "))
			if err != nil {
				return err
			}
			r, err := w.Servicing.ProposeCorrection(ctx, w.ByHand, id, correction, *evidence)
			return w.corrected(r, err)
		})
	}
}

// decides binds a command that approves or rejects a correction.
func decides(decide func(*servicing.Service, context.Context, servicing.ByHand, loan.CorrectionID) (*loan.CorrectionRequest, error)) func(*flag.FlagSet) action {
	return func(flags *flag.FlagSet) action {
		h := changes(flags)
		return func(ctx context.Context, c call) error {
			return h.changing(ctx, c, func(w handwork) error {
				r, err := decide(w.Servicing, ctx, w.ByHand, number[loan.CorrectionID](c.args[0]))
				return w.corrected(r, err)
			})
		}
	}
}

func (w handwork) corrected(r *loan.CorrectionRequest, err error) error {
	if err != nil {
		return err
	}
	v := viewCorrection(r, w.At)
	return w.answer(v, func(t io.Writer) { correctionTable(t, []correctionView{v}) })
}

type correctionView struct {
	ID          loan.CorrectionID  `json:"id"`
	Vehicle     loan.VehicleID     `json:"vehicleId"`
	Status      string             `json:"status"` // EXPIRED where nobody can approve it any more
	Principal   loan.Decimal       `json:"principal"`
	Interest    loan.Decimal       `json:"interest"`
	Fees        loan.Decimal       `json:"fees"`
	Instalments loan.Decimal       `json:"instalments"`
	PastDue     loan.Decimal       `json:"pastDue"`
	CurrentDue  loan.Decimal       `json:"currentDue"`
	Against     loan.LedgerAccount `json:"against"`
	Reason      string             `json:"reason"`
	Evidence    string             `json:"evidence"`
	ProposedBy  loan.Operator      `json:"proposedBy"`
	ProposedAt  time.Time          `json:"proposedAt"`
	ExpiresAt   time.Time          `json:"expiresAt"`
	DecidedBy   *loan.Operator     `json:"decidedBy,omitempty"`
	DecidedAt   *time.Time         `json:"decidedAt,omitempty"`
	Decision    string             `json:"decision,omitempty"`
}

func viewCorrection(r *loan.CorrectionRequest, now time.Time) correctionView {
	status := string(r.Status)
	if r.Expired(now) {
		status = "EXPIRED"
	}
	return correctionView{
		r.ID, r.VehicleID, status, r.Principal.Amount(), r.Interest.Amount(), r.Fees.Amount(), r.Instalments.Amount(), r.PastDue.Amount(), r.CurrentDue.Amount(),
		r.Against, r.Reason, r.Evidence, r.ProposedBy, r.ProposedAt.UTC(), r.ExpiresAt.UTC(), r.DecidedBy, r.DecidedAt, r.Decision,
	}
}

func correctionTable(t io.Writer, list []correctionView) {
	row(t, "ID", "STATUS", "VEHICLE", "PRINCIPAL", "INTEREST", "FEES", "INSTALMENTS", "PAST DUE", "CURRENT DUE", "AGAINST", "PROPOSED BY", "UNTIL", "DECIDED BY", "REASON", "EVIDENCE")
	for _, v := range list {
		decided := ""
		if v.DecidedBy != nil {
			decided = string(*v.DecidedBy)
		}
		row(t, v.ID, v.Status, v.Vehicle, v.Principal, v.Interest, v.Fees, v.Instalments, v.PastDue, v.CurrentDue, v.Against, v.ProposedBy,
			onClock(&v.ExpiresAt), decided, v.Reason, v.Evidence)
	}
}
