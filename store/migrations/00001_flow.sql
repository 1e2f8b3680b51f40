-- +goose Up
-- Every key begins with the account (it shards by account); times are
-- nanoseconds since 1970 in UTC, 0 for never. SQL never tells the time.
CREATE TABLE account (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    subject     TEXT    NOT NULL,
    ver         INTEGER NOT NULL,
    profile     BLOB    NOT NULL,
    standing    TEXT    NOT NULL,
    last_login  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
    account_id  BLOB    NOT NULL,
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    data        TEXT    NOT NULL,
    answer      TEXT    NOT NULL,
    PRIMARY KEY (account_id, source, id)
) WITHOUT ROWID;
CREATE INDEX event_by_time ON event (account_id, at);
CREATE INDEX login_by_arrival ON event (received_at) WHERE kind = 'login.attempted';

CREATE TABLE verdict (
    account_id  BLOB    NOT NULL,
    session     TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    by          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (account_id, session)
) WITHOUT ROWID;

CREATE TABLE incident (
    account_id   BLOB    NOT NULL,
    id           TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    needs_person INTEGER NOT NULL,
    opened_at    INTEGER NOT NULL,
    contained_at INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (account_id, id)
) WITHOUT ROWID;
CREATE INDEX incident_by_opening ON incident (opened_at);
CREATE INDEX incident_by_id ON incident (id);

CREATE TABLE entry (
    account_id  BLOB    NOT NULL,
    incident    TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, incident, key)
) WITHOUT ROWID;

CREATE TABLE run (
    account_id  BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, id)
) WITHOUT ROWID;

CREATE TABLE step (
    account_id  BLOB    NOT NULL,
    run         TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    incident    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    due         INTEGER NOT NULL,
    lease       INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, run, seq)
) WITHOUT ROWID;
CREATE INDEX step_due ON step (due) WHERE state IN ('ready', 'retrying');

CREATE TABLE import (
    name        TEXT    NOT NULL PRIMARY KEY,
    offset_     INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    repeated    INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
);
