-- Who a customer is: enrolment, second factor, devices, and contacts that wait for
-- their code.

-- +goose Up

-- By which enrolment finds a contract. The number itself is sealed, like those of
-- bank accounts.
CREATE TABLE contract_numbers (
    vehicle_id    BIGINT PRIMARY KEY REFERENCES vehicles (id),
    customer_id   BIGINT NOT NULL,
    number_sealed {{bytes}} NOT NULL,
    fingerprint   {{bytes}} NOT NULL
);
CREATE INDEX contract_numbers_fingerprint ON contract_numbers (fingerprint);

CREATE TABLE second_factors (
    customer_id   BIGINT PRIMARY KEY REFERENCES customers (id),
    secret_sealed {{bytes}} NOT NULL,
    turned_on_at  {{instant}},                   -- null until the first code is confirmed
    last_step     BIGINT NOT NULL DEFAULT 0      -- of the code used last: none is taken twice
);

CREATE TABLE recovery_codes (
    customer_id BIGINT NOT NULL REFERENCES customers (id),
    code_hash   TEXT NOT NULL,
    used_at     {{instant}},
    PRIMARY KEY (customer_id, code_hash)
);

-- Devices that were remembered at a log-in.
CREATE TABLE devices (
    customer_id  BIGINT NOT NULL REFERENCES customers (id),
    token_hash   TEXT NOT NULL,
    name         TEXT NOT NULL,
    platform     TEXT NOT NULL,
    added_at     {{instant}} NOT NULL,
    last_seen_at {{instant}} NOT NULL,
    PRIMARY KEY (customer_id, token_hash)
);

CREATE TABLE pending_contacts (
    customer_id  BIGINT NOT NULL REFERENCES customers (id),
    channel      TEXT NOT NULL CHECK (channel IN ('EMAIL', 'TEXT')),
    address      TEXT NOT NULL,
    challenge_id TEXT NOT NULL,                  -- finds the code, and is none
    requested_at {{instant}} NOT NULL,
    PRIMARY KEY (customer_id, channel)
);

-- +goose Down
DROP TABLE pending_contacts;
DROP TABLE devices;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
DROP TABLE contract_numbers;
