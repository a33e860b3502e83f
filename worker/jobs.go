package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
	"github.com/automobilepay/mobilepay/telemetry"
)

// RunDue does what has fallen due: cut-offs, among them those that were missed,
// and what a day brings.
type RunDue struct{}

// Kind names the job in the database.
func (RunDue) Kind() string { return "run_due" }

type runDue struct {
	river.WorkerDefaults[RunDue]
	o     Options
	since time.Time // when the last one that succeeded began, by the database's jobs
}

// Work leaves out a job that waited while another one did what it is for.
func (w *runDue) Work(ctx context.Context, job *river.Job[RunDue]) error {
	if job.CreatedAt.Before(w.since) || !w.o.Busy.TryLock() {
		return nil
	}
	defer w.o.Busy.Unlock()
	began := *job.AttemptedAt
	err := w.o.Servicing.RunDue(ctx, w.o.Clock.Now())
	if err == nil {
		w.since = began
	}
	return tell(ctx, w.o.Log, job.Kind, err)
}

// TakeInbox takes the files that the bank has sent.
type TakeInbox struct{}

// Kind names the job in the database.
func (TakeInbox) Kind() string { return "take_inbox" }

type takeInbox struct {
	river.WorkerDefaults[TakeInbox]
	o Options
}

// Work takes each file to its end, whoever wants it to stop: a file of which a part
// has been taken stays where it is only when the process ends, and is then taken
// again.
func (w *takeInbox) Work(ctx context.Context, job *river.Job[TakeInbox]) error {
	take := func(name string, content []byte) error {
		for {
			err := w.o.Servicing.TakeInbound(context.WithoutCancel(ctx), name, content, w.o.Clock.Now())
			if !errors.Is(err, store.ErrUnavailable) {
				if err == nil {
					w.o.Log.Info("took a file of the bank", "file", name)
				}
				return err
			}
			w.o.Log.Warn("a file of the bank waits for the database", "file", name)
			time.Sleep(tryAgain)
		}
	}
	err := w.o.Store.Alone(ctx, "take the inbox", func() error { return w.o.Inbox.Each(take) })
	return tell(ctx, w.o.Log, job.Kind, err)
}

// ForgetKeys forgets the idempotency keys and the events, of partners, too, whose time
// is over.
type ForgetKeys struct{}

// Kind names the job in the database.
func (ForgetKeys) Kind() string { return "forget_keys" }

type forgetKeys struct {
	river.WorkerDefaults[ForgetKeys]
	o Options
}

// Work forgets them.
func (w *forgetKeys) Work(ctx context.Context, job *river.Job[ForgetKeys]) error {
	_, keys := w.o.Servicing.ForgetKeys(ctx, w.o.Clock.Now())
	_, events := w.o.Servicing.ForgetEvents(ctx, w.o.Clock.Now())
	told := w.o.Servicing.ForgetPartnerEvents(ctx, w.o.Clock.Now())
	return tell(ctx, w.o.Log, job.Kind, errors.Join(keys, events, told))
}

// outcome is how a job ended that did not end well. It is all that the queue is told,
// and keeps.
type outcome string

const (
	ok           outcome = telemetry.OK
	failed       outcome = "failed"
	waits        outcome = "waiting" // for the database
	stopped      outcome = "stopped" // because the process has to
	outOfBalance outcome = "out_of_balance"
)

func (o outcome) Error() string { return string(o) + ", as the log says" }

// ending is how something ended.
func ending(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, servicing.ErrOutOfBalance):
		return outOfBalance
	case ctx.Err() != nil:
		return stopped
	case errors.Is(err, store.ErrUnavailable):
		return waits
	}
	return failed
}

// tell logs how a job ended, if not well. It is not tried again: the next one comes
// soon.
func tell(ctx context.Context, log *slog.Logger, job string, err error) error {
	end := ending(ctx, err)
	switch end {
	case ok:
		return nil
	case outOfBalance:
		log.ErrorContext(ctx, Alarm, "job", job, "error", err)
	case stopped:
		log.InfoContext(ctx, "a job stops", "job", job)
	case waits:
		log.WarnContext(ctx, "a job has to wait", "job", job, "error", err)
	case failed:
		log.ErrorContext(ctx, "a job failed", "job", job, "error", err)
	}
	return river.JobCancel(end)
}

// observe tells whoever watches of every job.
func observe(o Options) rivertype.Middleware {
	return river.WorkerMiddlewareFunc(func(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
		ctx, ended := o.Observe(ctx, job.Kind)
		err := work(ctx)
		var end outcome
		switch {
		case err == nil:
			ended(string(ok))
		case errors.As(err, &end):
			ended(string(end))
		default:
			ended(string(failed))
		}
		return err
	})
}
