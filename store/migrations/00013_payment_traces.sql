-- The trace of the request that made a payment, where that was traced: what is done for
-- the payment later is told in it, too.

-- +goose Up
CREATE TABLE payment_traces (
    payment_id  BIGINT NOT NULL PRIMARY KEY REFERENCES payments (id),
    traceparent TEXT NOT NULL                    -- W3C Trace Context
);

-- +goose Down
DROP TABLE payment_traces;
