package dataloaders

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoaderReadsEachKeyOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	release := make(chan struct{})
	l := once(func(_ context.Context, key int) (int, error) {
		reads.Add(1)
		<-release
		return key * 10, nil
	})
	var group sync.WaitGroup
	var sum atomic.Int64
	for i := range 20 {
		group.Go(func() {
			value, err := l.Load(t.Context(), 1+i%2)
			if err == nil {
				sum.Add(int64(value))
			}
		})
	}
	close(release)
	group.Wait()
	require.Equal(t, int64(300), sum.Load())
	require.Equal(t, int64(2), reads.Load())
}

func TestLoaderRemembersThatItFailed(t *testing.T) {
	t.Parallel()
	broken, reads := errors.New("broken"), 0
	l := once(func(context.Context, string) (int, error) {
		reads++
		return 0, broken
	})
	for range 2 {
		_, err := l.Load(t.Context(), "a")
		require.ErrorIs(t, err, broken)
	}
	require.Equal(t, 1, reads)
}
