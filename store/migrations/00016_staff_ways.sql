-- +goose Up
-- How people at the desk sign in: passkeys, the company's identity provider,
-- one-time invitations; and what an API key was replaced by.
ALTER TABLE person ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX person_by_identity ON person (issuer, subject) WHERE issuer <> '';

ALTER TABLE staff_session ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE staff_session ADD COLUMN strong INTEGER NOT NULL DEFAULT 0;

CREATE TABLE staff_passkey (
    id          TEXT    NOT NULL PRIMARY KEY,
    person      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    credential  BLOB    NOT NULL UNIQUE,
    data        BLOB    NOT NULL,
    counter     INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
);
CREATE INDEX staff_passkey_by_person ON staff_passkey (person, made_at);

CREATE TABLE staff_ceremony (
    ref         BLOB    NOT NULL PRIMARY KEY,
    doc         BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL
);
CREATE INDEX staff_ceremony_by_end ON staff_ceremony (expires_at);

CREATE TABLE staff_invite (
    hash        BLOB    NOT NULL PRIMARY KEY,
    person      TEXT    NOT NULL,
    code        BLOB    NOT NULL,
    tries       INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    made_by     TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
);
CREATE INDEX staff_invite_by_person ON staff_invite (person, made_at);

ALTER TABLE api_key ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN words_an_hour INTEGER NOT NULL DEFAULT 0;
