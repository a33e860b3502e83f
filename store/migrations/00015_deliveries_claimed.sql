-- How many deliveries to an endpoint are under way, whichever process makes them.

-- +goose Up
ALTER TABLE webhook_deliveries ADD COLUMN claimed_until {{instant}}; -- while somebody makes it, and until when it is left to them

CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (endpoint_id) WHERE claimed_until IS NOT NULL;

-- +goose Down
DROP INDEX webhook_deliveries_claimed;
ALTER TABLE webhook_deliveries DROP COLUMN claimed_until;
