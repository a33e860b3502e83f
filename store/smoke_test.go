package store

import (
	"context"
	"os"
	"testing"
)

func TestSmoke(t *testing.T) {
	for _, u := range []string{"sqlite:" + t.TempDir() + "/x.db", os.Getenv("PGURL")} {
		if u == "" {
			continue
		}
		s, err := Open(context.Background(), u, Options{})
		if err != nil {
			t.Fatal(u, err)
		}
		s.Close()
	}
}
