-- What customers agreed to before their statements were online only, and that they
-- withdrew it. Rows are only ever added.

-- +goose Up

-- The texts, each once.
CREATE TABLE disclosures (
    hash     TEXT PRIMARY KEY,                   -- SHA-256 of the text, hexadecimal
    version  TEXT NOT NULL,
    language TEXT NOT NULL,
    text     TEXT NOT NULL
);
{{append only disclosures}}

-- A consent, or in a row of its own that one was withdrawn.
CREATE TABLE consents (
    id          {{id}},
    customer_id BIGINT NOT NULL,                 -- the primary borrower, who agreed
    vehicle_id  BIGINT NOT NULL REFERENCES vehicles (id),
    withdraws   BIGINT UNIQUE REFERENCES consents (id),
    text_hash   TEXT REFERENCES disclosures (hash),
    proof       TEXT NOT NULL,                   -- how it was shown that a PDF can be opened
    at          {{instant}} NOT NULL,
    session_id  TEXT NOT NULL,                   -- the hash of the session's token
    address     TEXT NOT NULL,                   -- where the request came from
    request_id  TEXT NOT NULL,
    CHECK ((withdraws IS NULL) = (text_hash IS NOT NULL)),
    CHECK (proof = CASE WHEN withdraws IS NULL THEN 'SAMPLE_CODE' ELSE '' END)
);
CREATE INDEX consents_vehicle ON consents (vehicle_id, id);
{{append only consents}}

-- +goose Down
DROP TABLE consents;
DROP TABLE disclosures;
{{append only consents down}}
{{append only disclosures down}}
