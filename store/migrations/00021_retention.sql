-- +goose Up
-- Accounts that must stay as they are while a court, the police or an
-- authority may ask for them. Why stands in the audit log.
CREATE TABLE legal_hold (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    placed_at   INTEGER NOT NULL,
    placed_by   TEXT    NOT NULL
) WITHOUT ROWID;

-- How far the job that forgets in time has come: one document.
CREATE TABLE retention_pass (
    name        TEXT    NOT NULL PRIMARY KEY,
    doc         TEXT    NOT NULL
);

-- Deletions that were ordered and wait for an incident to end or a legal hold
-- to be lifted.
CREATE TABLE deletion (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    asked_at    INTEGER NOT NULL,
    asked_by    TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    done_at     INTEGER NOT NULL -- 0 while it waits; then the subject is empty
) WITHOUT ROWID;
