-- +goose Up
CREATE TABLE factor (
    n               INTEGER PRIMARY KEY,
    account_id      BLOB    NOT NULL,
    id              TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    bound_session   TEXT    NOT NULL,
    bound_ip        TEXT    NOT NULL,
    bound_at        INTEGER NOT NULL,
    usable_at       INTEGER NOT NULL,
    used_at         INTEGER NOT NULL,
    removed_at      INTEGER NOT NULL,
    removed_by_kind TEXT    NOT NULL,
    removed_by_id   TEXT    NOT NULL,
    counter         INTEGER NOT NULL,
    data            BLOB, -- sealed with the account's key
    UNIQUE (account_id, id)
);

CREATE TABLE factor_throttle (
    account_id      BLOB    NOT NULL PRIMARY KEY,
    failures        INTEGER NOT NULL,
    until           INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE mailed_code (
    n               INTEGER PRIMARY KEY,
    account_id      BLOB    NOT NULL,
    id              TEXT    NOT NULL,
    purpose         TEXT    NOT NULL,
    incident        TEXT    NOT NULL,
    ref             TEXT    NOT NULL,
    hash            BLOB    NOT NULL,
    issued_at       INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    tries           INTEGER NOT NULL,
    used_at         INTEGER NOT NULL,
    void_at         INTEGER NOT NULL,
    UNIQUE (account_id, id)
);
CREATE INDEX mailed_code_by_issue ON mailed_code (account_id, issued_at);
