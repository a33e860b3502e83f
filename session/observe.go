package session

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// Observer is told of a command that is about to be sent, by its name alone; commands that
// are sent together are "pipeline". The context that it returns is that of the command,
// and the function is told how it ended. That a key is not there is no failure.
type Observer func(ctx context.Context, name string) (context.Context, func(error))

// hook is an Observer as the client wants it.
type hook struct{ observe Observer }

func (h hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, ended := h.observe(ctx, "dial")
		conn, err := next(ctx, network, addr)
		ended(err)
		return conn, err
	}
}

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		ctx, ended := h.observe(ctx, command.Name())
		err := next(ctx, command)
		ended(failure(err))
		return err
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		ctx, ended := h.observe(ctx, "pipeline")
		err := next(ctx, commands)
		ended(failure(err))
		return err
	}
}

// failure leaves out what is an answer: no such key, and a script that the server does
// not know yet and is then sent.
func failure(err error) error {
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil
	}
	return err
}
