-- +goose Up
-- How people at the desk sign in: passkeys, the company's identity provider,
-- one-time invitations; and what an API key was replaced by.
ALTER TABLE person ADD COLUMN issuer text NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN subject text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX person_by_identity ON person (issuer, subject) WHERE issuer <> '';

ALTER TABLE staff_session ADD COLUMN way text NOT NULL DEFAULT '';
ALTER TABLE staff_session ADD COLUMN strong boolean NOT NULL DEFAULT false;

CREATE TABLE staff_passkey (
    id          text    NOT NULL PRIMARY KEY,
    person      text    NOT NULL,
    name        text    NOT NULL,
    credential  bytea   NOT NULL UNIQUE,
    data        bytea   NOT NULL,
    counter     bigint  NOT NULL,
    made_at     bigint  NOT NULL,
    used_at     bigint  NOT NULL
);
CREATE INDEX staff_passkey_by_person ON staff_passkey (person, made_at);

CREATE TABLE staff_ceremony (
    ref         bytea   NOT NULL PRIMARY KEY,
    doc         bytea   NOT NULL,
    expires_at  bigint  NOT NULL
);
CREATE INDEX staff_ceremony_by_end ON staff_ceremony (expires_at);

CREATE TABLE staff_invite (
    hash        bytea   NOT NULL PRIMARY KEY,
    person      text    NOT NULL,
    code        bytea   NOT NULL,
    tries       bigint  NOT NULL,
    made_at     bigint  NOT NULL,
    made_by     text    NOT NULL,
    expires_at  bigint  NOT NULL,
    used_at     bigint  NOT NULL
);
CREATE INDEX staff_invite_by_person ON staff_invite (person, made_at);

ALTER TABLE api_key ADD COLUMN replaced_by text NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN words_an_hour bigint NOT NULL DEFAULT 0;
