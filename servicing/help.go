package servicing

import (
	"context"
	"time"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/help"
	"github.com/automobilepay/mobilepay/session"
)

// searchesByAddress is how often somebody may search the help. It is wide, as many
// phones share an address, and each search while a word is typed counts.
var searchesByAddress = session.Limit{Name: "help by address", N: 300, Per: time.Minute}

// HelpTopics lists the help topics in the request's language: those that fit a search,
// best first, or all of them. It ends with [*session.RateLimited] where too much was
// searched from an address.
func (s *Service) HelpTopics(ctx context.Context, search *string) ([]*help.Topic, error) {
	r := auth.RequestFrom(ctx)
	if search == nil {
		return s.Help.Topics(r.Language), nil
	}
	// Where Redis is away there is still help: a search costs little, and tells nothing.
	if verdict, err := s.Sessions.Allow(ctx, r.At, searchesByAddress, r.Address); err == nil && !verdict.Allowed {
		return nil, &session.RateLimited{RetryAfter: verdict.RetryAfter}
	}
	return s.Help.Search(r.Language, *search)
}
