package graph_test

import (
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"

	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

// The resolvers answer two vehicles, the second of which has no contract, and an account
// of a bank that is not found.
type (
	query   struct{ graph.QueryResolver }
	viewer  struct{ graph.ViewerResolver }
	vehicle struct{ graph.VehicleResolver }
	account struct{ graph.PaymentAccountResolver }
	root    struct{ graph.ResolverRoot }
)

func (root) Query() graph.QueryResolver                   { return query{} }
func (root) Viewer() graph.ViewerResolver                 { return viewer{} }
func (root) Vehicle() graph.VehicleResolver               { return vehicle{} }
func (root) PaymentAccount() graph.PaymentAccountResolver { return account{} }

func (query) Viewer(context.Context) (*loan.Customer, error) {
	return &loan.Customer{ID: 1, FirstName: "Ada"}, nil
}

func (viewer) Vehicles(context.Context, *loan.Customer) ([]*loan.Vehicle, error) {
	return []*loan.Vehicle{{ID: 1, Make: "Volvo", Contract: &loan.Loan{}}, {ID: 2, Make: "Saab"}}, nil
}

func (viewer) PaymentAccounts(context.Context, *loan.Customer) ([]*loan.PaymentAccount, error) {
	return []*loan.PaymentAccount{{ID: 1, Last4: "1234"}}, nil
}

func (vehicle) PaymentDates(_ context.Context, of *loan.Vehicle, _, _ loan.Date) ([]*loan.Slot, error) {
	if of.ID == 2 {
		panic("no contract")
	}
	return []*loan.Slot{}, nil
}

func (account) BankName(context.Context, *loan.PaymentAccount) (*string, error) {
	return nil, errors.New("not found")
}

// Where something fails, the field is null, or what is around it up to where null may be,
// and the error says where it was.
func TestErrorsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, query, data, path string }{
		{"a value twice", `{ viewer { firstName ...also } } fragment also on Viewer { firstName }`, `{"viewer":{"firstName":"Ada"}}`, ""},
		{"a list", `{ viewer { vehicles { __typename make } } }`, `{"viewer":{"vehicles":[{"__typename":"Vehicle","make":"Volvo"},{"__typename":"Vehicle","make":"Saab"}]}}`, ""},
		{"a panic of a method in a list", `{ viewer { vehicles { make amountDue { amount } } } }`, `null`, "viewer.vehicles[1].amountDue"},
		{"no object", `{ viewer { vehicles { contract { maturesOn } } } }`, `null`, "viewer.vehicles[1].contract"},
		{"a panic of a resolver", `{ viewer { vehicles { d: paymentDates(from: "2026-11-18", to: "2026-11-19") { on } } } }`, `null`, "viewer.vehicles[1].d"},
		{"an error where null may be", `{ viewer { paymentAccounts { last4 bankName } } }`, `{"viewer":{"paymentAccounts":[{"last4":"1234","bankName":null}]}}`, "viewer.paymentAccounts[0].bankName"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pass := func(ctx context.Context, _ any, next graphql.Resolver) (any, error) { return next(ctx) }
			exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: root{}, Directives: graph.DirectiveRoot{
				Authenticated: pass,
				Scope:         func(ctx context.Context, _ any, next graphql.Resolver, _ *string) (any, error) { return next(ctx) },
			}}))
			exec.SetRecoverFunc(func(context.Context, any) error { return errors.New("panic") })
			ctx := graphql.StartOperationTrace(t.Context())
			operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: c.query})
			require.Empty(t, errs)
			respond, ctx := exec.DispatchOperation(ctx, operation)
			response := respond(ctx)
			require.JSONEq(t, c.data, string(response.Data))
			if c.path == "" {
				require.Empty(t, response.Errors)
				return
			}
			require.Len(t, response.Errors, 1)
			require.Equal(t, c.path, response.Errors[0].Path.String())
			require.Nil(t, respond(ctx), "a query is answered once")
		})
	}
}
