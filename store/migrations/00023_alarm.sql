-- +goose Up
-- What people are woken for: one row an alarm. open_as is its kind and what it
-- is about while it lasts, then its id, so that there is one open alarm of each.
CREATE TABLE alarm (
    id          TEXT    NOT NULL PRIMARY KEY,
    open_as     TEXT    NOT NULL,
    raised_at   INTEGER NOT NULL,
    due_at      INTEGER NOT NULL, -- when somebody is to be told; 0: nobody
    ended_at    INTEGER NOT NULL, -- 0: it lasts
    doc         TEXT    NOT NULL
);
CREATE UNIQUE INDEX alarm_by_matter ON alarm (open_as);
CREATE INDEX alarm_by_due ON alarm (due_at) WHERE due_at > 0;
CREATE INDEX alarm_by_time ON alarm (raised_at);
CREATE INDEX alarm_open ON alarm (raised_at) WHERE ended_at = 0;
