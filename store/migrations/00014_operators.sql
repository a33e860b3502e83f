-- What operators do by hand: holds on contracts, exceptions that they resolve, and
-- corrections of the ledger, which take two of them.

-- +goose Up
ALTER TABLE contracts ADD COLUMN held_since {{instant}};       -- null where there is no hold

-- Why, and who placed and lifted it. held_since is what rules read, under the contract's lock.
CREATE TABLE holds (
    id          {{id}},
    customer_id BIGINT NOT NULL,
    vehicle_id  BIGINT NOT NULL REFERENCES vehicles (id),
    reason      TEXT NOT NULL,
    placed_by   TEXT NOT NULL,
    placed_at   {{instant}} NOT NULL,
    lifted_by   TEXT,
    lifted_at   {{instant}},
    lift_reason TEXT NOT NULL DEFAULT '',
    CHECK ((lifted_by IS NULL) = (lifted_at IS NULL))
);
CREATE UNIQUE INDEX holds_one ON holds (vehicle_id) WHERE lifted_at IS NULL;

ALTER TABLE exceptions ADD COLUMN resolved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE exceptions ADD COLUMN resolution TEXT NOT NULL DEFAULT '';
CREATE INDEX exceptions_open ON exceptions (id) WHERE resolved_at IS NULL;

-- What one operator asks for and another one decides: nobody approves their own.
CREATE TABLE corrections (
    id                {{id}},
    customer_id       BIGINT NOT NULL,
    vehicle_id        BIGINT NOT NULL REFERENCES vehicles (id),
    principal_cents   BIGINT NOT NULL,
    interest_cents    BIGINT NOT NULL,
    fees_cents        BIGINT NOT NULL,
    instalments_cents BIGINT NOT NULL,
    past_due_cents    BIGINT NOT NULL,
    current_due_cents BIGINT NOT NULL,
    against           TEXT NOT NULL CHECK (against IN ('INCOME', 'FUNDING', 'CASH')),
    reason            TEXT NOT NULL,
    evidence          TEXT NOT NULL,
    proposed_by       TEXT NOT NULL,
    proposed_at       {{instant}} NOT NULL,
    expires_at        {{instant}} NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('PROPOSED', 'APPROVED', 'REJECTED')),
    decided_by        TEXT,
    decided_at        {{instant}},
    decision          TEXT NOT NULL DEFAULT '',
    CHECK ((status = 'PROPOSED') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (status <> 'APPROVED' OR LOWER(decided_by) <> LOWER(proposed_by)),
    CHECK (status <> 'APPROVED' OR decided_at < expires_at)
);
CREATE INDEX corrections_open ON corrections (id) WHERE status = 'PROPOSED';

-- A correction is posted once.
{{ledger takes corrections}}
ALTER TABLE ledger ADD COLUMN correction_id BIGINT REFERENCES corrections (id) CHECK (kind <> 'CORRECTION' OR correction_id IS NOT NULL);
CREATE UNIQUE INDEX ledger_correction ON ledger (correction_id) WHERE kind = 'CORRECTION';

-- By what a customer on the phone is found.
CREATE INDEX customers_email ON customers (LOWER(email));
CREATE INDEX customers_last_name ON customers (LOWER(last_name));

-- +goose Down
DROP INDEX customers_last_name;
DROP INDEX customers_email;
DROP INDEX ledger_correction;
ALTER TABLE ledger DROP COLUMN correction_id;
{{ledger takes no corrections}}
DROP TABLE corrections;
DROP INDEX exceptions_open;
ALTER TABLE exceptions DROP COLUMN resolution;
ALTER TABLE exceptions DROP COLUMN resolved_by;
DROP TABLE holds;
ALTER TABLE contracts DROP COLUMN held_since;
