-- +goose Up
-- Every key begins with the account (it shards by account); times are
-- nanoseconds since 1970 in UTC, 0 for never. SQL never tells the time.
-- A column n counts rows in the order they were written, for lists whose
-- times may be equal.
CREATE TABLE account (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    subject     TEXT    NOT NULL,
    ver         INTEGER NOT NULL,
    login_day   INTEGER NOT NULL, -- days since 1970 of the last sign-in
    standing    TEXT    NOT NULL,
    profile     BLOB    NOT NULL
);
CREATE INDEX account_by_login ON account (login_day);

CREATE TABLE event (
    account_id  BLOB    NOT NULL,
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    answer      TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    PRIMARY KEY (account_id, source, id)
);
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
    budgeted_at  INTEGER NOT NULL, -- when containment was decided, if nobody but Mimamori raised it
    doc          TEXT    NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX incident_by_id ON incident (id);
CREATE INDEX incident_by_opening ON incident (opened_at);
CREATE INDEX incident_in_work ON incident (opened_at) WHERE state NOT IN ('closed', 'dismissed');
CREATE INDEX incident_by_budget ON incident (budgeted_at) WHERE budgeted_at > 0;

CREATE TABLE entry (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    incident    TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    UNIQUE (account_id, incident, key)
);

CREATE TABLE run (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    doc         TEXT    NOT NULL,
    UNIQUE (account_id, id)
);

CREATE TABLE step (
    account_id  BLOB    NOT NULL,
    run         TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    incident    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    due         INTEGER NOT NULL,
    lease       INTEGER NOT NULL, -- 0 while nobody tries it
    fence       INTEGER NOT NULL, -- 0 until somebody has claimed it
    attempts    INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, run, seq)
);
CREATE INDEX step_by_incident ON step (account_id, incident);
CREATE INDEX step_due ON step (lease, due) WHERE state IN ('ready', 'retrying');

CREATE TABLE import (
    name        TEXT    NOT NULL PRIMARY KEY,
    line        INTEGER NOT NULL, -- lines that are durable
    accepted    INTEGER NOT NULL,
    repeated    INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
);

