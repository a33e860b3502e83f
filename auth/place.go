package auth

import "context"

type placeKey struct{}

// WithPlace is ctx of a request that takes up one of the few places in which requests
// are worked on; leave gives it back and may be called more than once.
func WithPlace(ctx context.Context, leave func()) context.Context {
	return context.WithValue(ctx, placeKey{}, leave)
}

// leavePlace gives the place of a request back, which goes on elsewhere: strangers who
// wait for their passwords to be hashed must not keep out who is logged in.
func leavePlace(ctx context.Context) {
	if leave, ok := ctx.Value(placeKey{}).(func()); ok {
		leave()
	}
}
