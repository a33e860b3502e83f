-- Partners, whose programs act for customers that let them.

-- +goose Up
CREATE TABLE partners (
    id         {{id}},
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,                    -- the most that can be granted, with a blank between them
    created_at {{instant}} NOT NULL,
    revoked_at {{instant}}
);

-- Two can be live at once while they are rotated. A secret has 256 random bits, so a
-- plain hash hides it.
CREATE TABLE partner_secrets (
    secret_hash TEXT PRIMARY KEY,
    partner_id  BIGINT NOT NULL REFERENCES partners (id),
    created_at  {{instant}} NOT NULL,
    ends_at     {{instant}}                      -- null until another takes its place
);
CREATE INDEX partner_secrets_partner ON partner_secrets (partner_id);

-- What a customer lets a partner do. A row stays when it has ended.
CREATE TABLE partner_grants (
    id           {{id}},
    customer_id  BIGINT NOT NULL REFERENCES customers (id),
    partner_id   BIGINT NOT NULL REFERENCES partners (id),
    scopes       TEXT NOT NULL,
    granted_at   {{instant}} NOT NULL,
    revoked_at   {{instant}},
    last_used_at {{instant}}                     -- to the minute
);
CREATE UNIQUE INDEX partner_grants_one ON partner_grants (customer_id, partner_id) WHERE revoked_at IS NULL;
CREATE INDEX partner_grants_partner ON partner_grants (partner_id, customer_id);

ALTER TABLE payments ADD COLUMN partner_id BIGINT REFERENCES partners (id); -- null where the customer made it, or Auto Pay

-- +goose Down
ALTER TABLE payments DROP COLUMN partner_id;
DROP TABLE partner_grants;
DROP TABLE partner_secrets;
DROP TABLE partners;
