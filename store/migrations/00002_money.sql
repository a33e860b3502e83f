-- How scheduled payments become money: the ledger, the cut-off runs, and the
-- entries and files that go to the bank and come back.

-- +goose Up
ALTER TABLE contracts ADD COLUMN due_day BIGINT NOT NULL DEFAULT 0;        -- 0 for the day of due_on
ALTER TABLE contracts ADD COLUMN prepaid_cents BIGINT NOT NULL DEFAULT 0 CHECK (prepaid_cents >= 0);
CREATE INDEX contracts_due ON contracts (due_on, vehicle_id);

ALTER TABLE payments ADD COLUMN applied_cents BIGINT NOT NULL DEFAULT 0;   -- what was debited; less than the amount where less was owed
ALTER TABLE payments ADD COLUMN applied_at {{instant}};
ALTER TABLE payments ADD COLUMN settles_on DATE;                           -- when the time of ordinary returns is over
ALTER TABLE payments ADD COLUMN returned_at {{instant}};
ALTER TABLE payments ADD COLUMN return_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN auto_pay_id BIGINT REFERENCES auto_pays (id);
ALTER TABLE payments ADD COLUMN due_on DATE;                               -- the due date that Auto Pay pays
ALTER TABLE payments ADD COLUMN represents BIGINT REFERENCES payments (id); -- the returned payment that is tried again
CREATE UNIQUE INDEX payments_auto_pay ON payments (auto_pay_id, due_on) WHERE auto_pay_id IS NOT NULL AND represents IS NULL;
CREATE UNIQUE INDEX payments_represents ON payments (represents) WHERE represents IS NOT NULL;
CREATE INDEX payments_due ON payments (cancel_by, vehicle_id, id) WHERE status = 'SCHEDULED';
CREATE INDEX payments_settle ON payments (settles_on) WHERE status = 'APPLIED';

-- One row is one posting, an account a column: that it sums to zero is held by
-- the row itself. Rows are only ever added.
CREATE TABLE ledger (
    id                {{id}},
    customer_id       BIGINT NOT NULL,
    vehicle_id        BIGINT NOT NULL REFERENCES vehicles (id),
    payment_id        BIGINT REFERENCES payments (id),
    kind              TEXT NOT NULL CHECK (kind IN ('OPENING', 'INTEREST', 'PAYMENT', 'REVERSAL')),
    effective_on      DATE NOT NULL,
    posted_at         {{instant}} NOT NULL,
    cash_cents        BIGINT NOT NULL,
    principal_cents   BIGINT NOT NULL,
    interest_cents    BIGINT NOT NULL,
    fees_cents        BIGINT NOT NULL,
    instalments_cents BIGINT NOT NULL,
    funding_cents     BIGINT NOT NULL,
    income_cents      BIGINT NOT NULL,
    past_due_cents    BIGINT NOT NULL,           -- what of the instalments due it settled: no account
    current_due_cents BIGINT NOT NULL,
    due_on            DATE NOT NULL,
    CHECK (cash_cents + principal_cents + interest_cents + fees_cents + instalments_cents + funding_cents + income_cents = 0),
    CHECK ((kind IN ('PAYMENT', 'REVERSAL')) <= (payment_id IS NOT NULL))
);
CREATE INDEX ledger_vehicle ON ledger (vehicle_id, id);
CREATE UNIQUE INDEX ledger_payment ON ledger (payment_id, kind) WHERE kind IN ('PAYMENT', 'REVERSAL');
{{append only ledger}}

-- What is owed when the books begin.
INSERT INTO ledger (customer_id, vehicle_id, kind, effective_on, posted_at, cash_cents, principal_cents, interest_cents, fees_cents,
    instalments_cents, funding_cents, income_cents, past_due_cents, current_due_cents, due_on)
SELECT c.customer_id, c.vehicle_id, 'OPENING', COALESCE(c.interest_paid_through, c.opened_on), CURRENT_TIMESTAMP, 0,
    c.principal_cents, c.interest_unpaid_cents, c.fees_cents, c.instalments, -(c.principal_cents + c.interest_unpaid_cents + c.fees_cents + c.instalments), 0,
    c.past_due_cents, c.current_due_cents, c.due_on
FROM (SELECT contracts.*, CASE kind WHEN 'LEASE' THEN past_due_cents + current_due_cents + instalments_remaining * instalment_cents ELSE 0 END AS instalments
      FROM contracts) c
ORDER BY c.vehicle_id;

-- A cut-off and how far its run has got. Each step is done once, in order.
CREATE TABLE cutoff_runs (
    cutoff_at     {{instant}} NOT NULL PRIMARY KEY,
    applied_at    {{instant}},                   -- its payments are posted
    filed_at      {{instant}},                   -- its entries are in a file
    delivered_at  {{instant}},                   -- the file is safely out
    reconciled_at {{instant}}                    -- files, ledger and payments agree
);

-- What the bank is asked to do. An entry is in one file, or waits for one.
CREATE TABLE ach_entries (
    id                 {{id}},
    customer_id        BIGINT NOT NULL,
    kind               TEXT NOT NULL CHECK (kind IN ('DEBIT', 'PRENOTE', 'MICRO_ENTRY')),
    payment_id         BIGINT REFERENCES payments (id), -- of a debit
    payment_account_id BIGINT NOT NULL REFERENCES payment_accounts (id),
    amount_cents       BIGINT NOT NULL,
    recurring          BOOLEAN NOT NULL,
    cutoff_at          {{instant}} REFERENCES cutoff_runs (cutoff_at), -- null until a run takes it
    effective_on       DATE,
    -- The account as it is sent: what is corrected later does not change a file.
    account_type       TEXT NOT NULL,
    routing_number     TEXT NOT NULL,
    number_sealed      {{bytes}} NOT NULL,
    fingerprint        {{bytes}} NOT NULL,
    account_owner      BIGINT NOT NULL,
    name               TEXT NOT NULL,
    trace              TEXT,                     -- the trace number; null until it is in a file
    CHECK ((kind = 'DEBIT') = (payment_id IS NOT NULL)),
    CHECK ((kind = 'PRENOTE') = (amount_cents = 0) AND amount_cents >= 0)
);
CREATE INDEX ach_entries_trace ON ach_entries (trace, id); -- numbers come round again after ten million
CREATE UNIQUE INDEX ach_entries_payment ON ach_entries (payment_id);
CREATE INDEX ach_entries_waiting ON ach_entries (id) WHERE cutoff_at IS NULL;
CREATE INDEX ach_entries_cutoff ON ach_entries (cutoff_at, id);

CREATE TABLE ach_files (
    cutoff_at    {{instant}} NOT NULL REFERENCES cutoff_runs (cutoff_at),
    id_modifier  TEXT NOT NULL,                  -- tells the files of a day apart
    name         TEXT NOT NULL UNIQUE,
    sha256       TEXT NOT NULL,
    entries      BIGINT NOT NULL,
    total_cents  BIGINT NOT NULL,
    created_at   {{instant}} NOT NULL,
    delivered_at {{instant}},
    PRIMARY KEY (cutoff_at, id_modifier)
);

-- What came back. A return or notice is taken once, however often its file comes.
CREATE TABLE ach_returns (
    trace       TEXT NOT NULL,                   -- of the entry that came back
    code        TEXT NOT NULL,
    entry_id    BIGINT NOT NULL REFERENCES ach_entries (id),
    received_at {{instant}} NOT NULL,
    PRIMARY KEY (entry_id, code)
);

-- What the machine could not place and an operator has to look at.
CREATE TABLE exceptions (
    id          {{id}},
    source      TEXT NOT NULL,                   -- the file it came in
    kind        TEXT NOT NULL,
    detail      TEXT NOT NULL,                   -- never an account number
    created_at  {{instant}} NOT NULL,
    resolved_at {{instant}},
    UNIQUE (source, kind, detail)
);

ALTER TABLE payment_accounts ADD COLUMN blocked_at {{instant}};
ALTER TABLE payment_accounts ADD COLUMN block_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_accounts ADD COLUMN debitable_from DATE;               -- null while it is not validated
UPDATE payment_accounts SET debitable_from = '2000-01-01';                 -- those there were are good

-- Two small amounts that were sent to an account, for its holder to tell.
CREATE TABLE micro_entries (
    payment_account_id BIGINT PRIMARY KEY REFERENCES payment_accounts (id),
    customer_id        BIGINT NOT NULL,
    first_cents        BIGINT NOT NULL CHECK (first_cents BETWEEN 1 AND 99),
    second_cents       BIGINT NOT NULL CHECK (second_cents BETWEEN 1 AND 99),
    tries              BIGINT NOT NULL DEFAULT 0,
    confirmed_at       {{instant}}
);

-- What customers have to be told, in the transaction of what it is about.
CREATE TABLE notices (
    id          {{id}},
    customer_id BIGINT NOT NULL,                 -- 0 for nobody, who is never told: no foreign key, so that both cost the same
    kind        TEXT NOT NULL,
    channel     TEXT NOT NULL CHECK (channel IN ('EMAIL', 'TEXT')),
    address     TEXT NOT NULL,                   -- empty for the one that the customer has when it is sent
    subject     TEXT NOT NULL,                   -- what it is about
    detail      TEXT NOT NULL,                   -- JSON, without secrets
    sealed      {{bytes}},                       -- the one-time code; null where there is none, or it is of no use any more
    created_at  {{instant}} NOT NULL,
    tries       BIGINT NOT NULL DEFAULT 0,
    next_try_at {{instant}},                     -- null once it is sent or given up
    sent_at     {{instant}},
    failed_at   {{instant}},
    CHECK ((next_try_at IS NULL) = (sent_at IS NOT NULL OR failed_at IS NOT NULL))
);
-- Codes go first: somebody waits for them.
CREATE INDEX notices_waiting ON notices ((sealed IS NULL), next_try_at) WHERE next_try_at IS NOT NULL;

-- +goose Down
DROP TABLE notices;
DROP TABLE micro_entries;
ALTER TABLE payment_accounts DROP COLUMN debitable_from;
ALTER TABLE payment_accounts DROP COLUMN block_code;
ALTER TABLE payment_accounts DROP COLUMN blocked_at;
DROP TABLE exceptions;
DROP TABLE ach_returns;
DROP TABLE ach_files;
DROP TABLE ach_entries;
DROP TABLE cutoff_runs;
DROP TABLE ledger;
{{append only ledger down}}
DROP INDEX payments_settle;
DROP INDEX payments_due;
DROP INDEX payments_represents;
DROP INDEX payments_auto_pay;
ALTER TABLE payments DROP COLUMN represents;
ALTER TABLE payments DROP COLUMN due_on;
ALTER TABLE payments DROP COLUMN auto_pay_id;
ALTER TABLE payments DROP COLUMN return_code;
ALTER TABLE payments DROP COLUMN returned_at;
ALTER TABLE payments DROP COLUMN settles_on;
ALTER TABLE payments DROP COLUMN applied_at;
ALTER TABLE payments DROP COLUMN applied_cents;
DROP INDEX contracts_due;
ALTER TABLE contracts DROP COLUMN prepaid_cents;
ALTER TABLE contracts DROP COLUMN due_day;
