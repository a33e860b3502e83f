package auth

import "context"

type endingKey struct{}

// WithEnding is ctx of a connection that stays, with what waits for the end of the
// viewer's session and tells the reason, or the error of its own context.
func WithEnding(ctx context.Context, wait func(context.Context) (string, error)) context.Context {
	return context.WithValue(ctx, endingKey{}, wait)
}

// Ending waits for the end of the viewer's session and tells the reason. The error is
// that of ctx, or [ErrUnauthenticated] where nobody watches the session.
func Ending(ctx context.Context) (string, error) {
	wait, ok := ctx.Value(endingKey{}).(func(context.Context) (string, error))
	if !ok {
		return "", ErrUnauthenticated
	}
	return wait(ctx)
}
