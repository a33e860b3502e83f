-- Questions of customers and what is answered. The texts are sealed.

-- +goose Up
CREATE TABLE conversations (
    id                {{id}},
    customer_id       BIGINT NOT NULL REFERENCES customers (id),
    topic             TEXT NOT NULL,
    vehicle_id        BIGINT REFERENCES vehicles (id),
    state             TEXT NOT NULL CHECK (state IN ('OPEN', 'ANSWERED', 'CLOSED')),
    opened_at         {{instant}} NOT NULL,
    latest_message_at {{instant}} NOT NULL,
    latest_message_id BIGINT NOT NULL DEFAULT 0,        -- by which they are ordered
    messages          INTEGER NOT NULL DEFAULT 0,       -- how many there are
    read_through      INTEGER NOT NULL DEFAULT 0        -- the number of the latest that the customer has read
);
CREATE INDEX conversations_page ON conversations (customer_id, latest_message_id);
CREATE INDEX conversations_latest ON conversations (latest_message_id);
CREATE INDEX conversations_open ON conversations (latest_message_id) WHERE state = 'OPEN';

CREATE TABLE messages (
    id              {{id}},
    customer_id     BIGINT NOT NULL,                    -- whose conversation it is in
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    number          INTEGER NOT NULL,                   -- in its conversation, from 1 on
    author          TEXT NOT NULL CHECK (author IN ('CUSTOMER', 'SERVICER')),
    operator        TEXT NOT NULL,                      -- who wrote it for the servicer
    text_sealed     {{bytes}} NOT NULL,
    sent_at         {{instant}} NOT NULL,
    UNIQUE (conversation_id, number)
);
CREATE INDEX messages_sent ON messages (customer_id, sent_at);

-- +goose Down
DROP TABLE messages;
DROP TABLE conversations;
