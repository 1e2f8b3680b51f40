-- +goose Up
CREATE TABLE ssf_stream (
    id         text    NOT NULL PRIMARY KEY,
    owner      text    NOT NULL,
    created_at bigint  NOT NULL,
    doc        text    NOT NULL
);
CREATE TABLE ssf_token (
    stream text    NOT NULL,
    n      bigint  NOT NULL,
    jti    text    NOT NULL,
    at     bigint  NOT NULL,
    token  text    NOT NULL,
    PRIMARY KEY (stream, jti)
);
CREATE INDEX ssf_token_in_order ON ssf_token (stream, n);
-- What was acknowledged, for as long as the same occurrence may be told again.
CREATE TABLE ssf_done (
    stream text    NOT NULL,
    jti    text    NOT NULL,
    at     bigint  NOT NULL,
    PRIMARY KEY (stream, jti)
);
CREATE TABLE ssf_removed (
    stream  text    NOT NULL,
    subject text    NOT NULL,
    at      bigint  NOT NULL,
    PRIMARY KEY (stream, subject)
);
-- Tokens taken in from others, so that none acts twice.
CREATE TABLE ssf_received (
    issuer text    NOT NULL,
    jti    text    NOT NULL,
    at     bigint  NOT NULL,
    PRIMARY KEY (issuer, jti)
);

-- +goose Down
DROP TABLE ssf_received;
DROP TABLE ssf_removed;
DROP TABLE ssf_done;
DROP TABLE ssf_token;
DROP TABLE ssf_stream;
