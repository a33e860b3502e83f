-- What has happened, in order, for those who follow it. Rows are added in the
-- transaction of what they tell of, and removed after some days.

-- +goose Up
CREATE TABLE events (
    id          {{id}},
    customer_id BIGINT NOT NULL,                 -- whose books
    vehicle_id  BIGINT NOT NULL,                 -- whose owners see it
    at          {{instant}} NOT NULL,
    kind        TEXT NOT NULL,
    subject_id  BIGINT NOT NULL                  -- of the payment, Auto Pay or vehicle, as the kind says
);
CREATE INDEX events_vehicle ON events (vehicle_id, id);

CREATE INDEX owners_vehicle ON owners (vehicle_id);

-- +goose Down
DROP INDEX owners_vehicle;
DROP TABLE events;
