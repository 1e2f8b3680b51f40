-- +goose Up
-- What the quotas are counted by: one document, written again now and then.
CREATE TABLE tally (
    name        text    NOT NULL PRIMARY KEY,
    doc         bytea   NOT NULL,
    saved_at    bigint  NOT NULL
);
-- People's words about sessions come back as labels.
CREATE INDEX verdict_by_word ON verdict (at) WHERE by IN ('customer', 'agent', 'shop');
CREATE INDEX dispute_by_arrival ON event (received_at) WHERE kind = 'payment.disputed';
