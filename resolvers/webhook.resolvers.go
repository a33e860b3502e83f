package resolvers

import (
	"context"
	"math"

	"github.com/automobilepay/mobilepay/auth"
	"github.com/automobilepay/mobilepay/graph"
	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
)

func (r *mutationResolver) CreateWebhookEndpoint(ctx context.Context, input servicing.CreateWebhookEndpointInput) (*graph.CreateWebhookEndpointPayload, error) {
	opened, refusals, err := callAsPartner(ctx, func(p auth.Partner) (servicing.OpenedWebhook, error) {
		return r.Servicing.CreateWebhookEndpoint(ctx, p, input)
	})
	return &graph.CreateWebhookEndpointPayload{Endpoint: opened.Endpoint, Secret: orNull(opened.Secret), UserErrors: refusals}, err
}

func (r *mutationResolver) RotateWebhookSecret(ctx context.Context, input servicing.RotateWebhookSecretInput) (*graph.RotateWebhookSecretPayload, error) {
	opened, refusals, err := callAsPartner(ctx, func(p auth.Partner) (servicing.OpenedWebhook, error) {
		return r.Servicing.RotateWebhookSecret(ctx, p, input)
	})
	return &graph.RotateWebhookSecretPayload{Endpoint: opened.Endpoint, Secret: orNull(opened.Secret), UserErrors: refusals}, err
}

func (r *mutationResolver) DisableWebhookEndpoint(ctx context.Context, input servicing.DisableWebhookEndpointInput) (*graph.DisableWebhookEndpointPayload, error) {
	endpoint, refusals, err := callAsPartner(ctx, func(p auth.Partner) (*loan.WebhookEndpoint, error) {
		return r.Servicing.DisableWebhookEndpoint(ctx, p, input)
	})
	return &graph.DisableWebhookEndpointPayload{Endpoint: endpoint, UserErrors: refusals}, err
}

func (r *mutationResolver) EnableWebhookEndpoint(ctx context.Context, input servicing.EnableWebhookEndpointInput) (*graph.EnableWebhookEndpointPayload, error) {
	endpoint, refusals, err := callAsPartner(ctx, func(p auth.Partner) (*loan.WebhookEndpoint, error) {
		return r.Servicing.EnableWebhookEndpoint(ctx, p, input)
	})
	return &graph.EnableWebhookEndpointPayload{Endpoint: endpoint, UserErrors: refusals}, err
}

func (r *mutationResolver) DeleteWebhookEndpoint(ctx context.Context, input servicing.DeleteWebhookEndpointInput) (*graph.DeleteWebhookEndpointPayload, error) {
	left, refusals, err := callAsPartner(ctx, func(p auth.Partner) ([]*loan.WebhookEndpoint, error) {
		return r.Servicing.DeleteWebhookEndpoint(ctx, p, input)
	})
	return &graph.DeleteWebhookEndpointPayload{Endpoints: left, UserErrors: refusals}, err
}

func (r *mutationResolver) ReplayWebhook(ctx context.Context, input servicing.ReplayWebhookInput) (*graph.ReplayWebhookPayload, error) {
	place, err := placeAmongPartnerEvents(ctx, input.After)
	if err != nil {
		return nil, err
	}
	events, refusals, err := callAsPartner(ctx, func(p auth.Partner) (*int, error) {
		return r.Servicing.ReplayWebhook(ctx, p, input.EndpointID, place)
	})
	return &graph.ReplayWebhookPayload{Events: events, UserErrors: refusals}, err
}

func (r *queryResolver) Events(ctx context.Context, after *string, first *int) (*graph.PartnerEventConnection, error) {
	partner, err := asPartner(ctx)
	if err != nil {
		return nil, err
	}
	size, err := sizeOfPage(first)
	if err != nil {
		return nil, err
	}
	place, err := placeAmongPartnerEvents(ctx, after)
	if err != nil {
		return nil, err
	}
	events, err := r.Servicing.PartnerEvents(ctx, partner, place, size+1)
	return graph.NewPartnerEventConnection(events[:min(len(events), size)], len(events) > size, after != nil), err
}

func (r *queryResolver) WebhookEndpoints(ctx context.Context) ([]*loan.WebhookEndpoint, error) {
	partner, err := asPartner(ctx)
	if err != nil {
		return nil, err
	}
	return r.Servicing.WebhookEndpoints(ctx, partner)
}

func (r *queryResolver) WebhookDeliveries(ctx context.Context, endpointID string, after *string, first *int) (*graph.WebhookDeliveryConnection, error) {
	partner, err := asPartner(ctx)
	if err != nil {
		return nil, err
	}
	size, err := sizeOfPage(first)
	if err != nil {
		return nil, err
	}
	before := int64(math.MaxInt64)
	if after != nil {
		if before, err = placeAmongPartnerEvents(ctx, after); err != nil {
			return nil, err
		}
	}
	endpoint, err := graph.UnmarshalWebhookID(endpointID)
	if err != nil {
		return nil, err
	}
	deliveries, err := r.Servicing.WebhookDeliveries(ctx, partner, endpoint, before, size+1)
	return graph.NewWebhookDeliveryConnection(deliveries[:min(len(deliveries), size)], len(deliveries) > size, after != nil), err
}

func (r *webhookDeliveryResolver) Event(ctx context.Context, obj *loan.WebhookDelivery) (*graph.PartnerEvent, error) {
	return &graph.PartnerEvent{PartnerEvent: obj.Event}, nil
}

func (r *webhookDeliveryResolver) LastFailure(ctx context.Context, obj *loan.WebhookDelivery) (*loan.WebhookFailure, error) {
	if obj.LastFailure == "" {
		return nil, nil
	}
	return &obj.LastFailure, nil
}

func (r *webhookEndpointResolver) DisabledReason(ctx context.Context, obj *loan.WebhookEndpoint) (*loan.WebhookDisabled, error) {
	if obj.DisabledAt == nil {
		return nil, nil
	}
	return &obj.DisabledWhy, nil
}

func (r *Resolver) WebhookDelivery() graph.WebhookDeliveryResolver {
	return &webhookDeliveryResolver{r}
}

func (r *Resolver) WebhookEndpoint() graph.WebhookEndpointResolver {
	return &webhookEndpointResolver{r}
}

type (
	webhookDeliveryResolver struct{ *Resolver }
	webhookEndpointResolver struct{ *Resolver }
)
