package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql/handler"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graphqlhttp"
	"github.com/automobilepay/mobilepay/resolvers"
)

// lists is how many entries the lists have that are short by nature, for the cost
// of an operation.
var lists = map[string]int{
	"Viewer.vehicles":           5,
	"Viewer.paymentAccounts":    5,
	"Viewer.partnerGrants":      5,
	"Customer.vehicles":         5,
	"Customer.paymentAccounts":  5,
	"Vehicle.paymentDates":      60,
	"Vehicle.yearlyTotals":      10,
	"PaymentPreview.allocation": 5,
}

// graphQL is the route that runs operations.
func (o Options) graphQL() http.Handler {
	server := handler.New(o.Schema)
	server.AddTransport(o.webSocket())
	server.AddTransport(o.eventStream())
	server.AddTransport(o.transport())
	present := resolvers.Presenter(o.Log, !o.Sandbox)
	server.SetErrorPresenter(present)
	server.AroundOperations(resolvers.ForPartners(present))
	server.AroundOperations(stay)
	if o.Replica {
		server.AroundOperations(o.fromReplica(present))
	}
	server.SetRecoverFunc(o.recover())
	server.SetQueryCache(graphqlhttp.Prepared{})
	persisted := &graphqlhttp.Persisted{Trusted: o.Trusted, Only: o.TrustedOnly, Except: isPartner}
	if !o.TrustedOnly {
		persisted.Cache = o.Sessions.Documents(o.registrant)
	}
	server.Use(operationObserver{o.Telemetry})
	server.Use(persisted)
	server.Use(&graphqlhttp.Documents{Limits: o.Limits, Lists: lists, Introspection: o.Sandbox, Suggestions: o.Sandbox})
	return server
}

func (o Options) transport() graphqlhttp.Transport {
	t := graphqlhttp.Transport{GET: o.Sandbox, Recover: o.recover()}
	if o.Sandbox {
		t.Extensions = extensions
	}
	return t
}

// extensions tell a developer what an operation takes, and how many more the session
// may send now.
func extensions(ctx context.Context) map[string]any {
	told := map[string]any{}
	if cost, ok := graphqlhttp.CostOf(ctx); ok {
		told["cost"] = cost
	}
	if left, counted := ctx.Value(operationsLeft{}).(int); counted {
		told["rateLimit"] = map[string]any{"remaining": left}
	}
	return told
}

// isPartner tells whether a partner asks: its documents are no app's, and run although
// only those of the apps do.
func isPartner(ctx context.Context) bool {
	_, is := auth.PartnerFrom(ctx)
	return is
}

// registrant is for whom a document is registered, of whom each has so many. In
// the sandbox it is anybody, by address; in production a customer.
func (o Options) registrant(ctx context.Context) string {
	if partner, is := auth.PartnerFrom(ctx); is {
		return "partner-" + strconv.FormatInt(int64(partner.ID), 10)
	}
	if viewer, err := auth.FromContext(ctx); err == nil {
		return "customer-" + strconv.FormatInt(int64(viewer.CustomerID), 10)
	}
	if o.Sandbox {
		return "address-" + auth.RequestFrom(ctx).Address
	}
	return ""
}
