-- What partners are told, and where they take it.

-- +goose Up
-- An event for each partner that may be told of it, written in the transaction of what
-- it tells of. It gets its place once it is seen to be committed: see store/partner_event.go.
CREATE TABLE partner_events (
    id          {{id}},
    place       BIGINT,                          -- in the order in which partners are told
    partner_id  BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    vehicle_id  BIGINT NOT NULL,                 -- 0 where it is about none
    at          {{instant}} NOT NULL,
    kind        TEXT NOT NULL,
    subject_id  BIGINT NOT NULL                  -- of the payment, Auto Pay, vehicle or grant, as the kind says
);
CREATE UNIQUE INDEX partner_events_place ON partner_events (partner_id, place) WHERE place IS NOT NULL;
CREATE INDEX partner_events_new ON partner_events (id) WHERE place IS NULL;

-- The last place that was given. Its only row is held by whoever gives places.
CREATE TABLE partner_event_places (last BIGINT NOT NULL);
INSERT INTO partner_event_places (last) VALUES (0);

CREATE TABLE webhook_endpoints (
    id            {{id}},
    partner_id    BIGINT NOT NULL REFERENCES partners (id),
    url           TEXT NOT NULL,
    created_at    {{instant}} NOT NULL,
    failing_since {{instant}},
    disabled_at   {{instant}},
    disabled_why  TEXT NOT NULL DEFAULT '',
    deleted_at    {{instant}}
);
CREATE UNIQUE INDEX webhook_endpoints_one ON webhook_endpoints (partner_id, url) WHERE deleted_at IS NULL;

CREATE TABLE webhook_secrets (
    id          {{id}},
    endpoint_id BIGINT NOT NULL REFERENCES webhook_endpoints (id),
    partner_id  BIGINT NOT NULL,
    sealed      {{bytes}} NOT NULL,
    created_at  {{instant}} NOT NULL,
    ends_at     {{instant}}                      -- null until another takes its place
);
CREATE INDEX webhook_secrets_endpoint ON webhook_secrets (endpoint_id);

-- The table is the queue: what waits has next_try_at.
CREATE TABLE webhook_deliveries (
    id           {{id}},
    endpoint_id  BIGINT NOT NULL REFERENCES webhook_endpoints (id),
    event_id     BIGINT NOT NULL REFERENCES partner_events (id) ON DELETE CASCADE,
    place        BIGINT NOT NULL,                -- the event's
    subject      TEXT NOT NULL,                  -- of one subject a later event waits for an earlier one
    tries        BIGINT NOT NULL DEFAULT 0,
    first_try_at {{instant}},
    last_try_at  {{instant}},
    next_try_at  {{instant}},
    delivered_at {{instant}},
    last_status  BIGINT,
    last_failure TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX webhook_deliveries_one ON webhook_deliveries (endpoint_id, place);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX webhook_deliveries_subject ON webhook_deliveries (endpoint_id, subject, place) WHERE next_try_at IS NOT NULL;

ALTER TABLE partners ADD COLUMN contact TEXT NOT NULL DEFAULT ''; -- the e-mail address of who looks after its endpoints

-- +goose Down
ALTER TABLE partners DROP COLUMN contact;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhook_endpoints;
DROP TABLE partner_event_places;
DROP TABLE partner_events;
