-- +goose Up
-- People, machines and proposals belong to the desk, not to an account.
CREATE TABLE person (
    id               TEXT    NOT NULL PRIMARY KEY,
    login            TEXT    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    roles            TEXT    NOT NULL,
    lang             TEXT    NOT NULL,
    own              TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    password_salt    BLOB,
    password_hash    BLOB,
    factor_secret    BLOB,
    factor_step      INTEGER NOT NULL,
    known_failures   INTEGER NOT NULL,
    known_until      INTEGER NOT NULL,
    strange_failures INTEGER NOT NULL,
    strange_until    INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    disabled_at      INTEGER NOT NULL
);

CREATE TABLE staff_session (
    n           INTEGER PRIMARY KEY,
    hash        BLOB    NOT NULL UNIQUE,
    person      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    auth_at     INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    ip          TEXT    NOT NULL,
    user_agent  TEXT    NOT NULL
);
CREATE INDEX staff_session_by_person ON staff_session (person, started_at);

CREATE TABLE api_key (
    n           INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    scopes      TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    per_second  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
);

CREATE TABLE proposal (
    n           INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    act         TEXT    NOT NULL,
    account_id  BLOB,
    incident    TEXT    NOT NULL,
    args        BLOB,
    reason      TEXT    NOT NULL,
    by          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    decided_by  TEXT    NOT NULL,
    decided_at  INTEGER NOT NULL
);
CREATE INDEX proposal_open ON proposal (at) WHERE state = 'open';
