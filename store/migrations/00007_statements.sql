-- Statements from the ledger: all figures, the lines and what else is printed, which
-- posting is on which statement, and when the next one is to be looked for.

-- +goose Up
ALTER TABLE statements ADD COLUMN kind TEXT NOT NULL DEFAULT 'LOAN' CHECK (kind IN ('LOAN', 'LEASE'));
ALTER TABLE statements ADD COLUMN corrects BIGINT REFERENCES statements (id);       -- in whose place it is
ALTER TABLE statements ADD COLUMN interest_charged_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN fees_charged_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN received_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN principal_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN interest_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN fees_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN instalments_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN current_due_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN fees_due_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN interest_unpaid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN payoff_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN payoff_per_diem BIGINT NOT NULL DEFAULT 0;       -- ten-thousandths of a dollar
ALTER TABLE statements ADD COLUMN instalments_remaining BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN year_interest_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN year_fees_paid_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN lines TEXT NOT NULL DEFAULT '[]';                 -- JSON
ALTER TABLE statements ADD COLUMN paper TEXT NOT NULL DEFAULT '{}';                 -- JSON
UPDATE statements SET kind = 'LEASE' WHERE vehicle_id IN (SELECT vehicle_id FROM contracts WHERE kind = 'LEASE');
-- A day is on one statement, and a statement is corrected once: by the latest.
CREATE UNIQUE INDEX statements_once ON statements (vehicle_id, period_from) WHERE corrects IS NULL;
CREATE UNIQUE INDEX statements_corrects ON statements (corrects) WHERE corrects IS NOT NULL;
{{append only statements}}

-- Late and other fees can be posted.
{{ledger with fees}}

CREATE TABLE statement_postings (
    statement_id BIGINT NOT NULL REFERENCES statements (id),
    ledger_id    BIGINT NOT NULL REFERENCES ledger (id),
    customer_id  BIGINT NOT NULL,
    is_first     BOOLEAN NOT NULL,               -- false where it is on a statement that this one corrects
    PRIMARY KEY (ledger_id, statement_id)
);
CREATE UNIQUE INDEX statement_postings_once ON statement_postings (ledger_id) WHERE is_first;
{{append only statement_postings}}

-- The first day on which a statement of the contract can fall due.
ALTER TABLE contracts ADD COLUMN statement_on DATE NOT NULL DEFAULT '2000-01-01';
CREATE INDEX contracts_statement ON contracts (statement_on, vehicle_id);

-- +goose Down
DROP INDEX contracts_statement;
ALTER TABLE contracts DROP COLUMN statement_on;
DROP TABLE statement_postings;
{{append only statement_postings down}}
{{ledger with fees down}}
{{append only statements off}}
DROP INDEX statements_corrects;
DROP INDEX statements_once;
ALTER TABLE statements DROP COLUMN paper;
ALTER TABLE statements DROP COLUMN lines;
ALTER TABLE statements DROP COLUMN year_fees_paid_cents;
ALTER TABLE statements DROP COLUMN year_interest_paid_cents;
ALTER TABLE statements DROP COLUMN instalments_remaining;
ALTER TABLE statements DROP COLUMN payoff_per_diem;
ALTER TABLE statements DROP COLUMN payoff_cents;
ALTER TABLE statements DROP COLUMN interest_unpaid_cents;
ALTER TABLE statements DROP COLUMN fees_due_cents;
ALTER TABLE statements DROP COLUMN current_due_cents;
ALTER TABLE statements DROP COLUMN instalments_paid_cents;
ALTER TABLE statements DROP COLUMN fees_paid_cents;
ALTER TABLE statements DROP COLUMN interest_paid_cents;
ALTER TABLE statements DROP COLUMN principal_paid_cents;
ALTER TABLE statements DROP COLUMN received_cents;
ALTER TABLE statements DROP COLUMN fees_charged_cents;
ALTER TABLE statements DROP COLUMN interest_charged_cents;
ALTER TABLE statements DROP COLUMN corrects;
ALTER TABLE statements DROP COLUMN kind;
