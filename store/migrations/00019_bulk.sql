-- +goose Up
-- Acts on many accounts at once. They belong to the desk, not to an account.
CREATE TABLE bulk (
    id     TEXT    NOT NULL PRIMARY KEY,
    state  TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    node   TEXT    NOT NULL, -- who works on it
    lease  INTEGER NOT NULL, -- until then
    doc    TEXT    NOT NULL
);
CREATE INDEX bulk_newest ON bulk (at);

CREATE TABLE bulk_item (
    bulk   TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    state  TEXT    NOT NULL,
    doc    TEXT    NOT NULL,
    PRIMARY KEY (bulk, seq)
);
CREATE INDEX bulk_item_in_state ON bulk_item (bulk, state, seq);
