-- The language in which a customer is told things; and of notices that wait for the
-- same instant, such as the end of the quiet hours, the first is sent first.

-- +goose Up
ALTER TABLE customers ADD COLUMN language TEXT NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'es'));

DROP INDEX notices_waiting;
CREATE INDEX notices_waiting ON notices ((sealed IS NULL), next_try_at, id) WHERE next_try_at IS NOT NULL;

-- +goose Down
DROP INDEX notices_waiting;
CREATE INDEX notices_waiting ON notices ((sealed IS NULL), next_try_at) WHERE next_try_at IS NOT NULL;
ALTER TABLE customers DROP COLUMN language;
