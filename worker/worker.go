// Package worker does what is due by itself: it holds the jobs that call use cases
// without a customer asking. River queues them in the database, so that several
// processes share them, and one of these sees to it that they come round. Notices
// and what partners are sent are queues themselves, and each process looks after them.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/automobilepay/mobilepay/bank"
	"github.com/automobilepay/mobilepay/clock"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

// Alarm is what the log says, as an error, when the books do not agree. Nobody
// goes on with the runs until an operator has seen to it: wake one.
const Alarm = "ALARM: the books are out of balance, and the runs have stopped"

const (
	// every is how often there is a look at what is due.
	every = 30 * time.Second
	// poll is how often a process asks for jobs that another one has queued; it hears
	// of its own at once. Each time is a write, of which SQLite can take few.
	poll = 2 * time.Second
	// stopWithin is how long the jobs may take to end when the process has to.
	stopWithin = 8 * time.Second
	// tryAgain is how long to wait for a database that is away.
	tryAgain = time.Second
)

// The queues. A process does one job of each at a time.
const (
	dueQueue    = "due"
	upkeepQueue = "upkeep"
)

// Options are what a worker needs.
type Options struct {
	Servicing *servicing.Service
	Store     *store.Store
	Clock     clock.Clock
	Inbox     bank.Inbox
	Log       *slog.Logger
	// Busy is held by whoever else does what is due in this process, which the worker
	// then leaves to them; nil where there is nobody.
	Busy *sync.Mutex
	// Every is how often there is a look at what is due, a second at least; 0 means
	// 30 s.
	Every time.Duration
	// Observe is told of a job that begins, by its kind. The context that it returns is
	// the job's, and the function is told how it ended: an outcome of package telemetry.
	// Noticed is told how an attempt to send a notice ended. Both may be nil.
	Observe func(ctx context.Context, job string) (context.Context, func(outcome string))
	Noticed func(outcome string)
}

// Run works until ctx ends. A step that is under way then ends, and whatever does
// not end in time is taken up by the next worker, as after a crash.
func Run(ctx context.Context, o Options) error {
	if o.Every == 0 {
		o.Every = every
	}
	if o.Busy == nil {
		o.Busy = new(sync.Mutex)
	}
	if o.Observe == nil {
		o.Observe = func(ctx context.Context, _ string) (context.Context, func(string)) { return ctx, func(string) {} }
	}
	if o.Noticed == nil {
		o.Noticed = func(string) {}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &runDue{o: o})
	river.AddWorker(workers, &takeInbox{o: o})
	river.AddWorker(workers, &forgetKeys{o: o})
	jobs, err := o.Store.Jobs(ctx, &river.Config{
		Workers:           workers,
		Middleware:        []rivertype.Middleware{observe(o)},
		Queues:            map[string]river.QueueConfig{dueQueue: {MaxWorkers: 1}, upkeepQueue: {MaxWorkers: 1}},
		FetchPollInterval: min(poll, o.Every),
		PeriodicJobs: []*river.PeriodicJob{
			periodic(RunDue{}, o.Every, false), periodic(TakeInbox{}, o.Every, false), periodic(ForgetKeys{}, 24*time.Hour, true),
		},
		MaxAttempts: 1,  // one whose process died stays in the list for an hour, and holds up nothing
		JobTimeout:  -1, // a run takes as long as it takes; its statements have their limits
		Logger:      slog.New(quiet{o.Log.Handler(), ctx}),
	})
	if err != nil {
		return err
	}
	// Whoever starts looks at once, and does not wait for the process that sees to
	// the periods: it may be one that has just died.
	for _, args := range []river.JobArgs{RunDue{}, TakeInbox{}} {
		if _, err := jobs.Insert(ctx, args, insertOpts(args)); err != nil {
			return err
		}
	}
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	var queues sync.WaitGroup
	if o.Servicing.Post != nil {
		queues.Go(func() { sendNotices(ctx, o) })
	}
	queues.Go(func() { pushEvents(ctx, o) })
	o.Log.Info("working")
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err = errors.Join(jobs.StopAndCancel(stop), wait(stop, &queues))
	if errors.Is(err, context.DeadlineExceeded) {
		o.Log.Warn("a job did not end in time; the next worker takes it up")
		return nil
	}
	return err
}

// wait waits for a group, but not longer than ctx.
func wait(ctx context.Context, group *sync.WaitGroup) error {
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// periodic is a job that comes round; where two processes see to it, it comes once.
func periodic(args river.JobArgs, every time.Duration, atStart bool) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
		opts := insertOpts(args)
		opts.UniqueOpts = river.UniqueOpts{ByPeriod: every}
		return args, opts
	}, &river.PeriodicJobOpts{RunOnStart: atStart})
}

func insertOpts(args river.JobArgs) *river.InsertOpts {
	if _, due := args.(RunDue); due {
		return &river.InsertOpts{Queue: dueQueue}
	}
	return &river.InsertOpts{Queue: upkeepQueue}
}

// quiet lets through what an operator has to know of the queue. That its statements
// fail when the worker stops is not it.
type quiet struct {
	slog.Handler
	working context.Context // until it ends
}

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.working.Err() == nil && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.working}
}

func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.working}
}
