package worker

import (
	"context"
	"errors"
	"time"

	"github.com/automobilepay/mobilepay/mail"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

const (
	// look is how often there is a look for notices: somebody waits for a code. It
	// reads one row of an index, and writes only where there is a notice. As jobs of
	// the queue each look would be several writes, and for as long as an elected
	// process is dead nobody would look.
	look = 2 * time.Second
	// rest is how long a mail server is left alone that cannot be used.
	rest = 15 * time.Second
)

// sendNotices sends what waits, one after the other, until ctx ends.
func sendNotices(ctx context.Context, o Options) {
	for ctx.Err() == nil {
		next, err := o.Servicing.SendNotice(ctx, o.Clock.Now())
		pause := min(look, o.Every)
		switch {
		case err == nil && next:
			o.Noticed("sent")
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, servicing.ErrNoticeGivenUp):
			o.Noticed("given_up")
			o.Log.Error("a customer was not told", "error", err)
		case errors.Is(err, mail.ErrUnavailable):
			o.Noticed("postponed")
			o.Log.Warn("notices have to wait", "error", err)
			pause = rest
		case errors.Is(err, store.ErrUnavailable):
			o.Log.Warn("notices have to wait", "error", err)
		default:
			o.Noticed("postponed")
			o.Log.Warn("a notice has to wait", "error", err)
		}
		if next {
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
