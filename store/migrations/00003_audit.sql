-- The ends of the audit's chains, which show what was cut off. Adding a row moves
-- its chain's end.

-- +goose Up
CREATE TABLE audit_heads (
    customer_id BIGINT PRIMARY KEY,
    seq         BIGINT NOT NULL,
    hash        TEXT NOT NULL
);
{{audit heads}}

-- +goose Down
{{audit heads down}}
DROP TABLE audit_heads;
