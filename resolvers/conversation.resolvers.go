package resolvers

import (
	"context"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/dataloaders"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *conversationResolver) Vehicle(ctx context.Context, obj *graph.Conversation) (*loan.Vehicle, error) {
	if obj.VehicleID == nil {
		return nil, nil
	}
	return ofViewer(ctx, *obj.VehicleID, vehicle)
}

func (r *conversationResolver) Messages(ctx context.Context, obj *graph.Conversation, first *int, after *string, last *int, before *string) (*graph.MessageConnection, error) {
	p, err := newPage(false, first, after, last, before)
	if err != nil {
		return nil, err
	}
	ask := dataloaders.MessagesOf{Owner: obj.CustomerID, Conversations: obj.Beside, Page: p.Page}
	byConversation, err := dataloaders.From(ctx).Messages.Load(ctx, ask)
	if err != nil {
		return nil, err
	}
	return graph.NewMessageConnection(cut(p, byConversation[obj.ID])), nil
}

func (r *messageResolver) Text(ctx context.Context, obj *loan.SecureMessage) (string, error) {
	return r.Servicing.MessageText(obj)
}

func (r *mutationResolver) AskQuestion(ctx context.Context, input servicing.AskQuestionInput) (*graph.AskQuestionPayload, error) {
	conversation, replayed, refusals, err := callOnce(ctx, func(viewer auth.Viewer) (*loan.Conversation, bool, error) {
		return r.Servicing.AskQuestion(ctx, viewer, input)
	})
	return &graph.AskQuestionPayload{Conversation: graph.NewConversation(conversation), Replayed: replayed, UserErrors: refusals}, err
}

func (r *mutationResolver) ReplyToConversation(ctx context.Context, input servicing.ReplyToConversationInput) (*graph.ReplyToConversationPayload, error) {
	conversation, replayed, refusals, err := callOnce(ctx, func(viewer auth.Viewer) (*loan.Conversation, bool, error) {
		return r.Servicing.ReplyToConversation(ctx, viewer, input)
	})
	return &graph.ReplyToConversationPayload{Conversation: graph.NewConversation(conversation), Replayed: replayed, UserErrors: refusals}, err
}

func (r *mutationResolver) MarkConversationRead(ctx context.Context, input servicing.MarkConversationReadInput) (*graph.MarkConversationReadPayload, error) {
	conversation, refusals, err := call(ctx, func(viewer auth.Viewer) (*loan.Conversation, error) {
		return r.Servicing.MarkConversationRead(ctx, viewer, input)
	})
	return &graph.MarkConversationReadPayload{Conversation: graph.NewConversation(conversation), UserErrors: refusals}, err
}

func (r *viewerResolver) Conversations(ctx context.Context, obj *loan.Customer, first *int, after *string, last *int, before *string) (*graph.ConversationConnection, error) {
	p, err := newPage(true, first, after, last, before)
	if err != nil {
		return nil, err
	}
	rows, err := dataloaders.From(ctx).Conversations(ctx, obj.ID, p.Page)
	if err != nil {
		return nil, err
	}
	return graph.NewConversationConnection(cut(p, pointers(rows))), nil
}

func (r *viewerResolver) UnreadMessages(ctx context.Context, obj *loan.Customer) (int, error) {
	return dataloaders.From(ctx).UnreadMessages(ctx, obj.ID)
}

func (r *Resolver) Conversation() graph.ConversationResolver { return &conversationResolver{r} }

func (r *Resolver) Message() graph.MessageResolver { return &messageResolver{r} }

type (
	conversationResolver struct{ *Resolver }
	messageResolver      struct{ *Resolver }
)
