-- +goose Up
CREATE TABLE call (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    wanted_at   INTEGER NOT NULL, -- when the window begins in which she wants to be called
    asked_at    INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    phone       BLOB    NOT NULL, -- the number, sealed with the account's key
    UNIQUE (account_id, id)
);
CREATE INDEX call_open ON call (wanted_at, n) WHERE state IN ('asked', 'taken', 'missed');
