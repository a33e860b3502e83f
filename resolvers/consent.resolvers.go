package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

func (r *onlineStatementsDisclosureResolver) SampleURL(ctx context.Context, obj *loan.Disclosure) (string, error) {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return "", err
	}
	return r.Servicing.SampleLink(ctx, viewer)
}

func (r *Resolver) OnlineStatementsDisclosure() graph.OnlineStatementsDisclosureResolver {
	return &onlineStatementsDisclosureResolver{r}
}

type onlineStatementsDisclosureResolver struct{ *Resolver }
