//go:build !failpoints

package store

import "context"

// failpoint is where a build for tests can die.
func failpoint(context.Context) {}
