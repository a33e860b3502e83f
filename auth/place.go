package auth

import "context"

type placeKey struct{}

// WithPlace is ctx of a request that takes up one of the few places in which requests
// are worked on; leave gives it back and may be called more than once.
func WithPlace(ctx context.Context, leave func()) context.Context {
	return context.WithValue(ctx, placeKey{}, leave)
}

// LeavePlace gives the place of a request back, which goes on elsewhere. It does nothing
// where there is none.
func LeavePlace(ctx context.Context) {
	if leave, ok := ctx.Value(placeKey{}).(func()); ok {
		leave()
	}
}
