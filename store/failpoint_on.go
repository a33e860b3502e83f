//go:build failpoints

package store

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

// failAfter is how many points the process still passes before it dies.
var failAfter atomic.Int64

func init() {
	n, _ := strconv.ParseInt(os.Getenv("MOBILEPAY_FAIL_AFTER"), 10, 64) //nolint:forbidigo // no setting: only a build for tests has it
	failAfter.Store(n)
}

// failpoint is called before each statement and before and after each COMMIT, and
// ends the process at the point that is named: at once, as a crash would, with
// nothing deferred. Only what an HTTP request asks for is counted, so that neither
// the start nor a job in the background moves the point.
func failpoint(ctx context.Context) {
	if ctx.Value(http.ServerContextKey) != nil && failAfter.Add(-1) == 0 {
		os.Exit(3)
	}
}
