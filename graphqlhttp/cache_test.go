package graphqlhttp_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/automobilepay/mobilepay/graphqlhttp"
)

func TestCache(t *testing.T) {
	t.Parallel()
	c := graphqlhttp.NewCache[int](100)
	for i := range 10 {
		c.Add(strconv.Itoa(i), i, 10)
	}
	if v, ok := c.Get("0"); !ok || v != 0 { // now the last used
		t.Error("what fits is not kept")
	}
	c.Add("large", 11, 15)
	for key, want := range map[string]bool{"0": true, "1": false, "2": false, "3": true, "large": true} {
		if _, ok := c.Get(key); ok != want {
			t.Errorf("%s is there: %t", key, ok)
		}
	}
	c.Add("too large", 12, 101)
	c.Add("0", 99, 10)
	if _, ok := c.Get("too large"); ok || c.Bytes() != 95 {
		t.Errorf("too large is there: %t, %d bytes", ok, c.Bytes())
	}
	if v, _ := c.Get("0"); v != 0 {
		t.Errorf("what was there is now %d", v)
	}
}

func TestCacheStaysWithinItsBytes(t *testing.T) {
	t.Parallel()
	c := graphqlhttp.NewCache[string](10_000)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 2000 {
				key := strconv.Itoa(i * (worker + 1) % 700)
				if _, ok := c.Get(key); !ok {
					c.Add(key, key, 50+i%100)
				}
				if c.Bytes() > 10_000 {
					t.Errorf("%d bytes", c.Bytes())
				}
			}
		})
	}
	group.Wait()
}
