package servicing

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// Told is a notice, for tests.
type Told struct {
	Customer loan.CustomerID
	Kind     loan.NoticeKind
	Channel  loan.Channel
	Address  string
	Values   map[string]string
	Code     string
}

// Notify writes a notice, as a use case does.
func (s *Service) Notify(ctx context.Context, at time.Time, t Told) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		return s.notify(ctx, tx, at, notice{
			customer: t.Customer, kind: t.Kind, channel: t.Channel, address: t.Address, subject: "test:1", values: t.Values, code: t.Code,
		})
	})
}
