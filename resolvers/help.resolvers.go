package resolvers

import (
	"context"
	"slices"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/help"
	"github.com/automobilepay/mobilepay/loan"
)

func (r *queryResolver) HelpTopics(ctx context.Context, search *string, category *loan.HelpCategory, first int) ([]*help.Topic, error) {
	if first < 1 || first > largestPage {
		return nil, graph.BadInput("1 to 100 topics can be asked for")
	}
	topics, err := r.Servicing.HelpTopics(ctx, search)
	if category != nil {
		topics = slices.DeleteFunc(topics, func(t *help.Topic) bool { return t.Category != *category })
	}
	return topics[:min(len(topics), first)], err
}

func (r *queryResolver) HelpTopic(ctx context.Context, slug string) (*help.Topic, error) {
	return r.Servicing.Help.Topic(auth.RequestFrom(ctx).Language, slug), nil
}

func (r *queryResolver) AppSupport(ctx context.Context, platform loan.AppPlatform, osVersion string) (*loan.AppSupport, error) {
	version, ok := loan.ParseVersion(osVersion)
	if !ok {
		return nil, graph.BadInput("osVersion is one to four numbers with dots between, such as 4.2.6")
	}
	support, known := r.AppRequirements.Support(platform, version)
	if !known {
		return nil, graph.BadInput("there is no app for this platform")
	}
	return support, nil
}
