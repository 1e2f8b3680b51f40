-- +goose Up
CREATE TABLE handoff (
    account_id   BLOB    NOT NULL,
    token_hash   BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (account_id, token_hash)
) WITHOUT ROWID;
CREATE INDEX handoff_by_token ON handoff (token_hash);

CREATE TABLE centre_session (
    account_id   BLOB    NOT NULL,
    hash         BLOB    NOT NULL,
    shop_session TEXT    NOT NULL,
    last_at      INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (account_id, hash)
) WITHOUT ROWID;
CREATE INDEX centre_session_by_hash ON centre_session (hash);

CREATE TABLE challenge (
    account_id   BLOB    NOT NULL,
    id           TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX challenge_by_id ON challenge (id);
