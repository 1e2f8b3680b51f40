-- +goose Up
CREATE TABLE notice (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    to_masked   TEXT    NOT NULL,
    lang        TEXT    NOT NULL,
    reference   TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    message_id  TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    doubts      INTEGER NOT NULL,
    trying_at   INTEGER NOT NULL,
    sent_at     INTEGER NOT NULL,
    read_at     INTEGER NOT NULL,
    last_error  TEXT    NOT NULL,
    words       BLOB    NOT NULL, -- address, subject and body, sealed with the account's key
    raw         BLOB,             -- the signed mail, sealed likewise; NULL until it is fixed
    UNIQUE (account_id, id)
);
