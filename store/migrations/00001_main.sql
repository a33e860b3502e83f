-- Amounts are whole cents. Days are Eastern calendar days. Instants are UTC.
-- {{id}}, {{instant}} and {{bytes}} are the column types that the two engines
-- spell differently (dialect.go).
--
-- Every table that grows carries customer_id, the primary borrower's, so that the
-- data can be spread over machines by it.

-- +goose Up
CREATE TABLE customers (
    id            {{id}},
    username      TEXT NOT NULL,                 -- folded to lower case; empty until the customer enrolls
    password_hash TEXT NOT NULL,                 -- Argon2id, PHC format; empty until the customer enrolls
    password_weak BOOLEAN NOT NULL DEFAULT FALSE, -- too short without a second factor
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    born_on       DATE,                          -- null where the lender does not know it; then nobody can enroll
    email         TEXT NOT NULL,
    phone         TEXT NOT NULL,
    address_line1 TEXT NOT NULL,
    address_line2 TEXT NOT NULL,
    city          TEXT NOT NULL,
    state         TEXT NOT NULL,
    postal_code   TEXT NOT NULL,
    notify_by_email BOOLEAN NOT NULL DEFAULT TRUE,
    notify_by_text  BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX customers_username ON customers (username) WHERE username <> '';

CREATE TABLE vehicles (
    id              {{id}},
    customer_id     BIGINT NOT NULL REFERENCES customers (id),
    year            BIGINT NOT NULL,
    make            TEXT NOT NULL,
    model           TEXT NOT NULL,
    vin             TEXT NOT NULL,
    paperless_since {{instant}}
);

-- Who sees a vehicle: the primary borrower and joint owners.
CREATE TABLE owners (
    customer_id BIGINT NOT NULL REFERENCES customers (id),
    vehicle_id  BIGINT NOT NULL REFERENCES vehicles (id),
    PRIMARY KEY (customer_id, vehicle_id)
);

-- One contract finances one vehicle. Columns of the other kind are zero.
CREATE TABLE contracts (
    vehicle_id            BIGINT PRIMARY KEY REFERENCES vehicles (id),
    customer_id           BIGINT NOT NULL,
    kind                  TEXT NOT NULL CHECK (kind IN ('LOAN', 'LEASE')),
    account_number_last4  TEXT NOT NULL,
    opened_on             DATE NOT NULL,
    matures_on            DATE NOT NULL,
    term_months           BIGINT NOT NULL,
    instalment_cents      BIGINT NOT NULL CHECK (instalment_cents >= 0),
    current_due_cents     BIGINT NOT NULL CHECK (current_due_cents >= 0),
    due_on                DATE NOT NULL,
    past_due_cents        BIGINT NOT NULL CHECK (past_due_cents >= 0),
    fees_cents            BIGINT NOT NULL CHECK (fees_cents >= 0),
    amount_financed_cents BIGINT NOT NULL DEFAULT 0,
    principal_cents       BIGINT NOT NULL DEFAULT 0 CHECK (principal_cents >= 0),
    annual_rate           BIGINT NOT NULL DEFAULT 0,    -- thousandths of a percent
    interest_paid_through DATE,
    interest_unpaid_cents BIGINT NOT NULL DEFAULT 0 CHECK (interest_unpaid_cents >= 0),
    allows_principal_only BOOLEAN NOT NULL DEFAULT FALSE,
    allocation_order      TEXT NOT NULL DEFAULT '',     -- comma-separated; empty for the default
    purchase_option_cents BIGINT NOT NULL DEFAULT 0,
    instalments_remaining BIGINT NOT NULL DEFAULT 0,
    miles_allowed         BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE payment_accounts (
    id             {{id}},
    customer_id    BIGINT NOT NULL REFERENCES customers (id),
    account_type   TEXT NOT NULL CHECK (account_type IN ('CHECKING', 'SAVINGS')),
    routing_number TEXT NOT NULL,
    last4          TEXT NOT NULL,
    number_sealed  {{bytes}} NOT NULL,           -- the full number, encrypted and bound to this row
    fingerprint    {{bytes}} NOT NULL,           -- keyed hash of routing and account number
    nickname       TEXT NOT NULL,
    is_default     BOOLEAN NOT NULL,
    added_at       {{instant}} NOT NULL,
    removed_at     {{instant}}
);
CREATE INDEX payment_accounts_customer ON payment_accounts (customer_id);
CREATE UNIQUE INDEX payment_accounts_once ON payment_accounts (customer_id, fingerprint) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX payment_accounts_default ON payment_accounts (customer_id) WHERE is_default AND removed_at IS NULL;

CREATE TABLE payments (
    id                  {{id}},
    customer_id         BIGINT NOT NULL,
    scheduled_by        BIGINT NOT NULL,
    vehicle_id          BIGINT NOT NULL REFERENCES vehicles (id),
    payment_account_id  BIGINT NOT NULL REFERENCES payment_accounts (id),
    confirmation_number TEXT NOT NULL UNIQUE,
    amount_cents        BIGINT NOT NULL CHECK (amount_cents > 0),
    kind                TEXT NOT NULL CHECK (kind IN ('REGULAR', 'PAST_DUE', 'PAYOFF', 'PRINCIPAL_ONLY')),
    origin              TEXT NOT NULL CHECK (origin IN ('CUSTOMER', 'AUTO_PAY')),
    status              TEXT NOT NULL CHECK (status IN ('SCHEDULED', 'PROCESSING', 'APPLIED', 'SETTLED', 'CANCELED', 'RETURNED')),
    scheduled_on        DATE NOT NULL,
    credited_on         DATE NOT NULL,
    debited_on          DATE NOT NULL,
    submitted_at        {{instant}} NOT NULL,
    cancel_by           {{instant}} NOT NULL CHECK (cancel_by > submitted_at),
    canceled_at         {{instant}}
);
CREATE INDEX payments_page ON payments (vehicle_id, scheduled_on, id);
CREATE INDEX payments_pending ON payments (vehicle_id, scheduled_on, id) WHERE status IN ('SCHEDULED', 'PROCESSING');
CREATE INDEX payments_account ON payments (payment_account_id) WHERE status IN ('SCHEDULED', 'PROCESSING');

CREATE TABLE auto_pays (
    id                 {{id}},
    customer_id        BIGINT NOT NULL,
    set_up_by          BIGINT NOT NULL,
    vehicle_id         BIGINT NOT NULL REFERENCES vehicles (id),
    payment_account_id BIGINT NOT NULL REFERENCES payment_accounts (id),
    status             TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'CANCELED')),
    amount_kind        TEXT NOT NULL CHECK (amount_kind IN ('AMOUNT_DUE', 'FIXED', 'AMOUNT_DUE_PLUS')),
    amount_cents       BIGINT NOT NULL CHECK (amount_cents >= 0),
    day_of_month       BIGINT CHECK (day_of_month BETWEEN 1 AND 31),
    days_before_due    BIGINT CHECK (days_before_due BETWEEN 0 AND 25),
    set_up_at          {{instant}} NOT NULL,
    changed_at         {{instant}} NOT NULL,
    CHECK ((day_of_month IS NULL) <> (days_before_due IS NULL))
);
CREATE UNIQUE INDEX auto_pays_one ON auto_pays (vehicle_id) WHERE status <> 'CANCELED';
CREATE INDEX auto_pays_account ON auto_pays (payment_account_id) WHERE status <> 'CANCELED';

CREATE TABLE statements (
    id                    {{id}},
    customer_id           BIGINT NOT NULL,
    vehicle_id            BIGINT NOT NULL REFERENCES vehicles (id),
    issued_on             DATE NOT NULL,
    period_from           DATE NOT NULL,
    period_to             DATE NOT NULL,
    due_on                DATE NOT NULL,
    opening_balance_cents BIGINT NOT NULL,
    closing_balance_cents BIGINT NOT NULL,
    amount_due_cents      BIGINT NOT NULL,
    past_due_cents        BIGINT NOT NULL
);
CREATE INDEX statements_page ON statements (vehicle_id, issued_on, id);

-- What was answered to a mutation that carried a key. The row, the change and
-- the audit row commit together.
CREATE TABLE idempotency_keys (
    customer_id     BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash    TEXT NOT NULL,
    answer          TEXT NOT NULL DEFAULT '',
    created_at      {{instant}} NOT NULL,
    PRIMARY KEY (customer_id, idempotency_key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Who changed what, in a chain for each customer. Rows are only ever added.
CREATE TABLE audit (
    customer_id BIGINT NOT NULL,                 -- 0 for nobody's books
    seq         BIGINT NOT NULL,                 -- 1, 2, 3 and so on
    at          {{instant}} NOT NULL,
    actor       TEXT NOT NULL,                   -- customer:ID, or the process
    session_id  TEXT NOT NULL,                   -- the hash of the session's token
    address     TEXT NOT NULL,                   -- where the request came from
    request_id  TEXT NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,                   -- payment:ID and the like
    detail      TEXT NOT NULL,                   -- JSON
    hash        TEXT NOT NULL,                   -- keyed hash of the hash before and of the row
    PRIMARY KEY (customer_id, seq)
);
{{append only audit}}

-- +goose Down
DROP TABLE audit;
{{append only audit down}}
DROP TABLE idempotency_keys;
DROP TABLE statements;
DROP TABLE auto_pays;
DROP TABLE payments;
DROP TABLE payment_accounts;
DROP TABLE contracts;
DROP TABLE owners;
DROP TABLE vehicles;
DROP TABLE customers;
