-- +goose Up
CREATE TABLE handoff (
    account_id   uuid    NOT NULL,
    token_hash   bytea   NOT NULL,
    expires_at   bigint  NOT NULL,
    doc          text    NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX handoff_by_token ON handoff (token_hash);

CREATE TABLE centre_session (
    account_id   uuid    NOT NULL,
    hash         bytea   NOT NULL,
    shop_session text    NOT NULL,
    last_at      bigint  NOT NULL,
    ended_at     bigint  NOT NULL,
    doc          text    NOT NULL,
    PRIMARY KEY (account_id, hash)
);
CREATE INDEX centre_session_by_hash ON centre_session (hash);

CREATE TABLE challenge (
    account_id   uuid    NOT NULL,
    id           text    NOT NULL,
    expires_at   bigint  NOT NULL,
    doc          text    NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX challenge_by_id ON challenge (id);
