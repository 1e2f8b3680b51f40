-- +goose Up
CREATE TABLE ssf_stream (
    id         TEXT    NOT NULL PRIMARY KEY,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
);
CREATE TABLE ssf_token (
    stream TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    jti    TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    token  TEXT    NOT NULL,
    PRIMARY KEY (stream, jti)
);
CREATE INDEX ssf_token_in_order ON ssf_token (stream, n);
-- What was acknowledged, for as long as the same occurrence may be told again.
CREATE TABLE ssf_done (
    stream TEXT    NOT NULL,
    jti    TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (stream, jti)
) WITHOUT ROWID;
CREATE TABLE ssf_removed (
    stream  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (stream, subject)
) WITHOUT ROWID;
-- Tokens taken in from others, so that none acts twice.
CREATE TABLE ssf_received (
    issuer TEXT    NOT NULL,
    jti    TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (issuer, jti)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE ssf_received;
DROP TABLE ssf_removed;
DROP TABLE ssf_done;
DROP TABLE ssf_token;
DROP TABLE ssf_stream;
