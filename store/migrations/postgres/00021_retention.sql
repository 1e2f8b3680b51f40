-- +goose Up
-- Accounts that must stay as they are while a court, the police or an
-- authority may ask for them. Why stands in the audit log.
CREATE TABLE legal_hold (
    account_id  uuid    NOT NULL PRIMARY KEY,
    placed_at   bigint  NOT NULL,
    placed_by   text    NOT NULL
);

-- How far the job that forgets in time has come: one document.
CREATE TABLE retention_pass (
    name        text    NOT NULL PRIMARY KEY,
    doc         text    NOT NULL
);

-- Deletions that were ordered and wait for an incident to end or a legal hold
-- to be lifted.
CREATE TABLE deletion (
    account_id  uuid    NOT NULL PRIMARY KEY,
    asked_at    bigint  NOT NULL,
    asked_by    text    NOT NULL,
    subject     text    NOT NULL,
    done_at     bigint  NOT NULL -- 0 while it waits; then the subject is empty
);
