-- +goose Up
-- How the work goes, folded by day: one small document each.
CREATE TABLE number_day (
    at          bigint  NOT NULL PRIMARY KEY, -- the day's beginning
    doc         text    NOT NULL
);
CREATE INDEX challenge_by_end ON challenge (expires_at);

-- Whom customers call: each edition of the desk's, over the brand file's own.
CREATE TABLE directory (
    number      bigint  NOT NULL PRIMARY KEY,
    doc         text    NOT NULL
);
