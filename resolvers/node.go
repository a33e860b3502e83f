package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
)

// The longest lists that can be asked for.
const (
	mostNodes = 50
	mostRuns  = 24
)

// nodes reads objects by their global ids, a statement a kind; nil where one does
// not exist or is not the owner's.
func nodes(ctx context.Context, owner loan.CustomerID, ids []string) ([]graph.Node, error) {
	loaders := dataloaders.From(ctx)
	found := make(map[any]graph.Node, len(ids)) // by typed id
	var payments []loan.PaymentID
	var statements []loan.StatementID
	var conversations []loan.ConversationID
	var messages []loan.MessageID
	for _, id := range ids {
		var err error
		switch id := graph.DecodeNodeID(id).(type) {
		case loan.CustomerID:
			if id == owner {
				found[id], err = loaders.Customer(ctx, id)
			}
		case loan.VehicleID:
			found[id], err = some(vehicle(ctx, owner, id))
		case loan.PaymentAccountID:
			found[id], err = some(paymentAccount(ctx, owner, id))
		case loan.AutoPayID:
			found[id], err = some(autoPay(ctx, owner, func(a *loan.AutoPay) bool { return a.ID == id }))
		case loan.PaymentID:
			payments = append(payments, id)
		case loan.StatementID:
			statements = append(statements, id)
		case loan.ConversationID:
			conversations = append(conversations, id)
		case loan.MessageID:
			messages = append(messages, id)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(payments) > 0 {
		rows, err := loaders.PaymentsByID(ctx, owner, payments)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			found[rows[i].ID] = &rows[i]
		}
	}
	if len(statements) > 0 {
		rows, err := loaders.StatementsByID(ctx, owner, statements)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			found[rows[i].ID] = &rows[i]
		}
	}
	if len(conversations) > 0 {
		rows, err := loaders.ConversationsByID(ctx, owner, conversations)
		if err != nil {
			return nil, err
		}
		for _, c := range graph.NewConversations(pointers(rows)) {
			found[c.ID] = c
		}
	}
	if len(messages) > 0 {
		rows, err := loaders.MessagesByID(ctx, owner, messages)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			found[rows[i].ID] = &rows[i]
		}
	}
	list := make([]graph.Node, len(ids))
	for i, id := range ids {
		list[i] = found[graph.DecodeNodeID(id)]
	}
	return list, nil
}

// some makes a nil pointer no node at all.
func some[T any](object *T, err error) (graph.Node, error) {
	if object == nil {
		return nil, err
	}
	return object, err
}
