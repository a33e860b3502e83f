package session_test

import (
	"os"
	"testing"

	"github.com/automobilepay/mobilepay/session"
)

// What it takes to find out whose session it is.
func BenchmarkTouch(b *testing.B) {
	for name, url := range map[string]string{"embedded": "", "redis": os.Getenv("MOBILEPAY_TEST_REDIS")} {
		b.Run(name, func(b *testing.B) {
			if name == "redis" && url == "" {
				b.Skip("MOBILEPAY_TEST_REDIS is not set")
			}
			s, err := session.Open(b.Context(), url, session.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			token, _, err := s.Create(b.Context(), start, session.Session{CustomerID: 42})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Touch(b.Context(), start, token, "192.0.2.1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
