-- +goose Up
-- Acts on many accounts at once. They belong to the desk, not to an account.
CREATE TABLE bulk (
    id     text    NOT NULL PRIMARY KEY,
    state  text    NOT NULL,
    at     bigint NOT NULL,
    node   text    NOT NULL, -- who works on it
    lease  bigint NOT NULL, -- until then
    doc    text    NOT NULL
);
CREATE INDEX bulk_newest ON bulk (at);

CREATE TABLE bulk_item (
    bulk   text    NOT NULL,
    seq    bigint NOT NULL,
    state  text    NOT NULL,
    doc    text    NOT NULL,
    PRIMARY KEY (bulk, seq)
);
CREATE INDEX bulk_item_in_state ON bulk_item (bulk, state, seq);
